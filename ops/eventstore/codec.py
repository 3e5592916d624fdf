"""Events as typed JSON, in which what is personal is sealed. What this code does not know stops whoever reads it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec
from eventsourcing.persistence import JSONTranscoder, Mapper, MapperDeserialisationError, StoredEvent

from domain.attempt import Pending
from domain.events import EVENTS
from domain.events.base import Event, Metadata, Recorded
from domain.store import OPEN, StoredNotification, StoredRecord
from ops.eventstore.people import People
from ops.eventstore.sealing import (
    REGISTERED_ACCOUNT,
    Part,
    Sealing,
    is_sealed,
    is_sealed_behalf,
    opened,
    opened_behalf,
    telling,
    texts_of,
    told_of,
)
from ops.keyring import PersonKey, Unsealable


class UnknownTopic(MapperDeserialisationError):
    """The log holds an event that this code has no class for."""


class NewerVersion(MapperDeserialisationError):
    """The log holds an event in a shape that only a newer release knows."""


class EventCodec(Mapper[UUID]):
    """Between events and their stored form. Old shapes are brought up to date as plain dicts, step by step: `upcast_v1_v2(state)`."""

    def __init__(self, people: People, classes: Iterable[type[Event]] = EVENTS) -> None:
        super().__init__(JSONTranscoder())  # the library's own form, which is never used
        self._people = people
        self._encoder = msgspec.json.Encoder(order="deterministic")
        self._classes: dict[str, type[Event]] = {}
        for each in classes:
            if self._classes.setdefault(each.TOPIC, each) is not each:
                raise ValueError(f"{each.__name__} and {self._classes[each.TOPIC].__name__} are both stored as {each.TOPIC}")
        self._decoders = {topic: msgspec.json.Decoder(each) for topic, each in self._classes.items()}

    def to_stored_event(self, pending: Pending) -> StoredRecord:  # type: ignore[override]  # our events do not carry their place
        return self.to_stored_events([pending])[0]

    def to_stored_events(self, pending: Sequence[Pending]) -> list[StoredRecord]:
        """The events of one append. Who is met for the first time in it has one key in all of it."""
        for each in pending:
            if self._classes.get(each.event.TOPIC) is not type(each.event):
                raise UnknownTopic(f"{type(each.event).__name__} ({each.event.TOPIC}) is not among the events that can be read back")
        told = [told_of(each.event, each.originator_id) for each in pending]
        sealing = self._people.sealing({self._people.handle(*each) for each in _telling(pending, told)})
        return [self._stored(each, told_of_each, sealing) for each, told_of_each in zip(pending, told, strict=True)]

    def _stored(self, pending: Pending, told: Mapping[UUID, Sequence[Part]], sealing: Sealing) -> StoredRecord:
        event = pending.event
        state, sealed = sealing.seal(pending, told) if told else (self._encoder.encode(event), OPEN)
        on_behalf_of, person = sealing.on_behalf_of(pending)
        if person is not None:
            sealed = replace(sealed, people=sealed.people | {person})
        return StoredRecord(
            originator_id=pending.originator_id,
            originator_version=pending.originator_version,
            topic=event.TOPIC,
            class_version=event.class_version,
            state=state,
            at=event.at,
            account_id=pending.account_id,
            metadata=replace(pending.metadata, on_behalf_of=on_behalf_of),
            sealed=sealed,
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
            if not is_sealed(stored_event.state) and stored_version == event_class.class_version:
                return self._decoders[topic].decode(stored_event.state)
            state = self._upcast(event_class, stored_version, self._opened(stored_event))
            return self._decoders[topic].decode(msgspec.json.encode(state))
        except (msgspec.MsgspecError, Unsealable) as error:
            raise MapperDeserialisationError(f"{_place(stored_event)}: {topic!r} cannot be read: {error}") from error

    def to_recorded(self, stored: StoredNotification) -> Recorded:
        return Recorded(
            position=stored.id,
            stream_id=stored.originator_id if isinstance(stored.originator_id, UUID) else UUID(stored.originator_id),
            version=stored.originator_version,
            account_id=stored.account_id,
            recorded_at=stored.recorded_at,
            metadata=self._opened_metadata(stored),
            event=self.to_domain_event(stored),
        )

    def told_of(self, stored: StoredNotification, person: UUID) -> dict[str, str]:
        """The personal texts of an event that are of this person, by their paths; nothing of somebody who is forgotten."""
        key = _keys(stored).get(str(person)) if is_sealed(stored.state) else None
        return texts_of(stored.state, str(person), key, _stream(stored), stored.originator_version) if key else {}

    def claiming_topics(self) -> list[str]:
        """The topics of the events that claim or release something."""
        return [topic for topic, each in self._classes.items() if each.claims is not Event.claims]

    def _opened(self, stored: StoredEvent) -> dict[str, Any]:
        state: dict[str, Any] = msgspec.json.decode(stored.state)
        return opened(state, _keys(stored), _stream(stored), stored.originator_version) if is_sealed(stored.state) else state

    def _opened_metadata(self, stored: StoredNotification) -> Metadata:
        given = stored.metadata.on_behalf_of
        if given is None or not is_sealed_behalf(given):
            return stored.metadata
        try:
            behalf = opened_behalf(given, _keys(stored), _stream(stored), stored.originator_version)
        except Unsealable as error:
            raise MapperDeserialisationError(f"{_place(stored)}: {error}") from error
        return replace(stored.metadata, on_behalf_of=behalf)

    def _upcast(self, event_class: type[Event], version: int, state: dict[str, Any]) -> dict[str, Any]:
        for step in range(version, event_class.class_version):
            getattr(event_class, f"upcast_v{step}_v{step + 1}")(state)
        return state


def _telling(pending: Sequence[Pending], told: Sequence[Mapping[UUID, Sequence[Part]]]) -> Iterator[tuple[str, str]]:
    """By which whoever the events tell of may be known."""
    for each, of_each in zip(pending, told, strict=True):
        if each.metadata.on_behalf_of:
            yield REGISTERED_ACCOUNT, each.metadata.on_behalf_of
        for subject, parts in of_each.items():
            yield from telling(subject, parts)


def _keys(stored: StoredEvent) -> Mapping[str, PersonKey]:
    keys: Mapping[str, PersonKey] | None = getattr(stored, "keys", None)
    if keys is None:
        raise Unsealable("something in it is sealed, and it was read without the keys")
    return keys


def _stream(stored: StoredEvent) -> UUID:
    return UUID(str(stored.originator_id))


def _place(stored: StoredEvent) -> str:
    return f"stream {stored.originator_id}, version {stored.originator_version}"
