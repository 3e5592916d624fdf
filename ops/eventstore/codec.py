"""Events as typed JSON. A topic that is not known, and a shape newer than this code, stop whoever reads them."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec
from eventsourcing.persistence import JSONTranscoder, Mapper, MapperDeserialisationError, StoredEvent

from domain.application import StoredNotification, StoredRecord
from domain.attempt import Pending
from domain.events import EVENTS
from domain.events.base import Event, Recorded


class UnknownTopic(MapperDeserialisationError):
    """The log holds an event that this code has no class for."""


class NewerVersion(MapperDeserialisationError):
    """The log holds an event in a shape that only a newer release knows."""


class EventCodec(Mapper[UUID]):
    """Between events and their stored form. Old shapes are brought up to date as plain dicts, step by step: `upcast_v1_v2(state)`."""

    def __init__(self, classes: Iterable[type[Event]] = EVENTS) -> None:
        super().__init__(JSONTranscoder())  # the library's own form, which is never used
        self._encoder = msgspec.json.Encoder(order="deterministic")
        self._classes: dict[str, type[Event]] = {}
        for each in classes:
            if self._classes.setdefault(each.TOPIC, each) is not each:
                raise ValueError(f"{each.__name__} and {self._classes[each.TOPIC].__name__} are both stored as {each.TOPIC}")
        self._decoders = {topic: msgspec.json.Decoder(each) for topic, each in self._classes.items()}

    def to_stored_event(self, pending: Pending) -> StoredRecord:  # type: ignore[override]  # our events do not carry their place
        event = pending.event
        if self._classes.get(event.TOPIC) is not type(event):
            raise UnknownTopic(f"{type(event).__name__} ({event.TOPIC}) is not among the events that can be read back")
        return StoredRecord(
            originator_id=pending.originator_id,
            originator_version=pending.originator_version,
            topic=event.TOPIC,
            class_version=event.class_version,
            state=self._encoder.encode(event),
            at=event.at,
            account_id=pending.account_id,
            metadata=pending.metadata,
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Event:  # type: ignore[override]
        topic = stored_event.topic
        event_class = self._classes.get(topic)
        if event_class is None:
            raise UnknownTopic(f"{_place(stored_event)}: this release knows no {topic!r}")
        stored_version = getattr(stored_event, "class_version", 1)
        if stored_version > event_class.class_version:
            raise NewerVersion(
                f"{_place(stored_event)}: {topic!r} is stored in version {stored_version}, this release knows {event_class.class_version}"
            )
        try:
            state = stored_event.state
            if stored_version < event_class.class_version:
                state = self._upcast(event_class, stored_version, state)
            return self._decoders[topic].decode(state)
        except msgspec.MsgspecError as error:
            raise MapperDeserialisationError(f"{_place(stored_event)}: {topic!r} cannot be read: {error}") from error

    def to_recorded(self, stored: StoredNotification) -> Recorded:
        return Recorded(
            position=stored.id,
            stream_id=stored.originator_id if isinstance(stored.originator_id, UUID) else UUID(stored.originator_id),
            version=stored.originator_version,
            account_id=stored.account_id,
            recorded_at=stored.recorded_at,
            metadata=stored.metadata,
            event=self.to_domain_event(stored),
        )

    def claiming_topics(self) -> list[str]:
        """The topics of the events that claim or release something."""
        return [topic for topic, each in self._classes.items() if each.claims is not Event.claims]

    def _upcast(self, event_class: type[Event], version: int, encoded: bytes) -> bytes:
        state: dict[str, Any] = msgspec.json.decode(encoded)
        for step in range(version, event_class.class_version):
            getattr(event_class, f"upcast_v{step}_v{step + 1}")(state)
        return self._encoder.encode(state)


def _place(stored: StoredEvent) -> str:
    return f"stream {stored.originator_id}, version {stored.originator_version}"
