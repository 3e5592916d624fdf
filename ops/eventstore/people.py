"""Whom the log knows: their keys, by what they are found, and in which streams something of them is sealed."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Row, Table, delete, func, select, update

from domain.errors import Outdated
from domain.store import Forgotten
from ops.eventstore.engine import reading, writing
from ops.eventstore.faults import library_errors
from ops.eventstore.schema import commands, events, person_handles, person_keys, sealed_in
from ops.eventstore.sealing import Sealing, normal, people_in, texts_of
from ops.keyring import Keyring, PersonKey, Wrapped

ASKED = 5_000
"""How many are asked for in one statement."""


class People:
    """The people of one database. What is of a person reads as erased as soon as their key is gone: no key is kept in memory."""

    def __init__(self, engine: Engine, keyring: Keyring) -> None:
        self._engine = engine
        self._keyring = keyring

    def handle(self, kind: str, text: str) -> str:
        return self._keyring.handle(kind, normal(kind, text))

    def find(self, kind: str, text: str) -> UUID | None:
        """Whose address, registered account or subject (the id of a contact, a plan, a key, an email) this is."""
        handle = self.handle(kind, text)
        with library_errors(), reading(self._engine) as connection:
            return connection.scalar(select(person_handles.c.person_id).where(person_handles.c.handle == handle))

    def exists(self, person: UUID) -> bool:
        """False for somebody who is forgotten, or never was."""
        with library_errors(), reading(self._engine) as connection:
            return connection.scalar(select(person_keys.c.id).where(person_keys.c.id == person)) is not None

    def streams_of(self, people: Collection[UUID]) -> list[UUID]:
        """In which something of these people is sealed."""
        with library_errors(), reading(self._engine) as connection:
            return _streams_of(connection, people)

    def keys(self, connection: Connection, people: Iterable[str]) -> dict[str, PersonKey]:
        """The keys of people by their ids; who is forgotten has none."""
        ids = {UUID(person) for person in people}
        rows = _asked(connection, person_keys, "id", ids)
        return {str(row.id): self._keyring.unwrap(row.id, Wrapped(row.kek, row.wrapped)) for row in rows}

    def sealing(self, handles: Collection[str]) -> Sealing:
        """To seal with: the keys of those who are known by these handles."""
        if not handles:
            return Sealing(self._keyring, {}, {})
        with library_errors(), reading(self._engine) as connection:
            known = {row.handle: row.person_id for row in _asked(connection, person_handles, "handle", handles)}
            keys = self.keys(connection, map(str, known.values()))
        present = {UUID(person): key for person, key in keys.items()}
        return Sealing(self._keyring, {handle: person for handle, person in known.items() if person in present}, present)

    def forget(self, connection: Connection, people: Collection[UUID], told: Collection[UUID]) -> Forgotten:
        """Destroy their keys, in the transaction that tells the streams `told` of it. Raises Outdated where that is not all of them."""
        streams = frozenset(_streams_of(connection, people))
        if not streams <= set(told):
            raise Outdated("something more of these people is sealed since a moment ago")
        handles = frozenset(row.handle for row in _asked(connection, person_handles, "person_id", people))
        texts = self._texts(connection, people, streams)
        for table, column in ((person_keys, "id"), (person_handles, "person_id"), (sealed_in, "person_id")):
            for some in _batches(people):
                connection.execute(delete(table).where(table.c[column].in_(some)))
        for some in _batches(streams):
            connection.execute(update(commands).where(commands.c.stream_id.in_(some)).values(fingerprint=""))
        return Forgotten(frozenset(people), streams, handles, texts)

    def _texts(self, connection: Connection, people: Collection[UUID], streams: Collection[UUID]) -> frozenset[str]:
        """What the log tells of them, for who has to find it elsewhere."""
        keys = self.keys(connection, map(str, people))
        found = set()
        for row in _asked(connection, events, "stream_id", streams):
            for person in {*people_in(row.state, None)} & keys.keys():
                found |= set(texts_of(row.state, person, keys[person], row.stream_id, row.stream_version).values())
        return frozenset(found)

    def rewrap(self) -> int:
        """Wrap every key by the key-encryption key in use that is not yet; how many these were."""
        done = 0
        outdated = select(person_keys).where(person_keys.c.kek != self._keyring.kek).limit(ASKED)
        while True:
            with library_errors(), writing(self._engine) as connection:
                rows = connection.execute(outdated).all()
                for row in rows:
                    wrapped = self._keyring.rewrap(row.id, Wrapped(row.kek, row.wrapped))
                    change = update(person_keys).where(person_keys.c.id == row.id, person_keys.c.kek == row.kek)
                    connection.execute(change.values(kek=wrapped.kek, wrapped=wrapped.key))
            if not rows:
                return done
            done += len(rows)

    def count(self) -> int:
        """How many people there are who are not forgotten."""
        with library_errors(), reading(self._engine) as connection:
            return connection.scalar(select(func.count()).select_from(person_keys)) or 0


def _streams_of(connection: Connection, people: Collection[UUID]) -> list[UUID]:
    return sorted({row.stream_id for row in _asked(connection, sealed_in, "person_id", people)})


def _asked(connection: Connection, table: Table, column: str, values: Collection[object]) -> Iterator[Row[Any]]:
    for some in _batches(values):
        yield from connection.execute(select(table).where(table.c[column].in_(some)))


def _batches(values: Collection[object]) -> Iterator[list[object]]:
    every = list(values)
    for start in range(0, len(every), ASKED):
        yield every[start : start + ASKED]
