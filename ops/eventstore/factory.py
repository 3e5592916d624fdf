"""What the eventsourcing library's Application asks for when it is put together."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NoReturn

from eventsourcing.persistence import InfrastructureFactory, Mapper, TrackingRecorder, Transcoder
from eventsourcing.utils import Environment
from sqlalchemy import Engine

from domain.events import EVENTS
from domain.events.base import Event
from ops.eventstore.codec import EventCodec
from ops.eventstore.people import People
from ops.eventstore.recorder import Recorder
from ops.keyring import Keyring


class StoreFactory(InfrastructureFactory[TrackingRecorder]):
    """Hands out the one recorder and the one codec."""

    def __init__(self, engine: Engine, people: People, codec: EventCodec, *, now: Callable[[], datetime] | None = None) -> None:
        super().__init__(Environment("tenure", {}))
        self._recorder = Recorder(engine, people, now=now)
        self._codec = codec

    def mapper(self, transcoder: Transcoder | None = None, mapper_class: type[Mapper[Any]] | None = None) -> EventCodec:  # type: ignore[override]  # noqa: ARG002
        return self._codec

    def application_recorder(self) -> Recorder:
        return self._recorder

    def aggregate_recorder(self, purpose: str = "events") -> NoReturn:
        raise NotImplementedError(
            f"no recorder for {purpose}: streams are short, so there are no snapshots, and every event has a position"
        )

    def tracking_recorder(self, tracking_recorder_class: type[TrackingRecorder] | None = None) -> NoReturn:
        raise NotImplementedError("no tracking recorder: followers keep their positions beside their own tables")

    def process_recorder(self) -> NoReturn:
        raise NotImplementedError("no process recorder: reactions issue commands, whose ids make repetition harmless")

    def close(self) -> None:
        self._recorder.engine.dispose()


class EventStore:
    """The log of a database, ready for the application."""

    def __init__(
        self, engine: Engine, keyring: Keyring, *, now: Callable[[], datetime] | None = None, events: Iterable[type[Event]] = EVENTS
    ) -> None:
        self.people = People(engine, keyring)
        self.codec = EventCodec(self.people, events)
        self.factory = StoreFactory(engine, self.people, self.codec, now=now)
        self.log = self.factory.application_recorder()
