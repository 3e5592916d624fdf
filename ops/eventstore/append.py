"""The statements of an append, for each of the two databases.

They go to the driver as they are: SQLAlchemy's own inserts take three times as long, and only a string of our own can hold both
the lock and the insert, so that nobody waits for our network while we hold the lock.
"""

# ruff: noqa: S608 - what is put together are constants of this file and places for values; the values go beside them

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Connection

from domain.errors import ClaimHeld, Outdated
from domain.events.base import Release
from domain.store import CommandRecord, StoredRecord
from ops.eventstore.claims import Key
from projections.tables import as_text

APPEND_LOCK = 0x74656E757265_00

_COLUMNS = (
    "stream_id, stream_version, topic, class_version, state, at, account_id, command_id, actor, role, on_behalf_of, reason, "
    "correlation_id, causation_id, recorded_at"
)
_VALUES = ", ".join(["%s"] * 14)
_COMMAND = "INSERT INTO commands (command_id, fingerprint, stream_id, version, position) VALUES "
_PERSON, _HANDLE = "the key of a person", "the handle of a person"  # kinds of answers, beside the kinds of claims
Statement = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class Append:
    """What goes into the log together, or not at all."""

    records: Sequence[StoredRecord]
    recorded_at: datetime
    commands: Sequence[CommandRecord] = ()
    requires: Mapping[UUID, int] = field(default_factory=dict)
    releases: Sequence[tuple[UUID, Release]] = ()
    holders: Mapping[Key, UUID] = field(default_factory=dict)

    @property
    def people(self) -> frozenset[UUID]:
        """By whose keys something is sealed."""
        return frozenset(person for record in self.records for person in record.sealed.people)

    @property
    def handles(self) -> dict[str, UUID]:
        """By what people are found from now on."""
        return {handle: person for record in self.records for handle, (_, person) in record.sealed.handles.items()}


class Dialect(Protocol):
    def insert(self, connection: Connection, append: Append) -> list[int]:
        """Take the turn, insert events and commands; the positions of the events."""
        ...

    def check_and_claim(self, connection: Connection, append: Append, positions: Sequence[int]) -> None:
        """Record whom something is sealed for, too. Raises Outdated or ClaimHeld."""
        ...


class PostgreSQL:
    """One round trip takes the lock and inserts; a second one checks and claims, where there is something to check or to claim.

    The lock comes before the positions and goes with the commit, so positions become visible in their order.
    """

    take_turn = f"SELECT pg_advisory_xact_lock({APPEND_LOCK}); "

    def insert(self, connection: Connection, append: Append) -> list[int]:
        parameters: list[Any] = []
        if append.records:
            # No event is recorded before the one in front of it, though its writer may have read the clock earlier.
            row = f"({_VALUES}, GREATEST(%s, (SELECT recorded_at FROM latest)))"
            statement = (
                "WITH latest AS (SELECT recorded_at FROM events ORDER BY position DESC LIMIT 1), "
                f"appended AS (INSERT INTO events ({_COLUMNS}) VALUES {', '.join([row] * len(append.records))} RETURNING position)"
            )
            for record in append.records:
                parameters += (*_row(record, self), append.recorded_at)
            if append.commands:
                row = "(%s, %s, %s, %s, (SELECT max(position) FROM appended))"
                statement += f", done AS ({_COMMAND}{', '.join([row] * len(append.commands))})"
            statement += " SELECT position FROM appended"
        elif append.commands:
            row = "(%s, %s, %s, %s, (SELECT COALESCE(max(position), 0) FROM events))"
            statement = f"{_COMMAND}{', '.join([row] * len(append.commands))} RETURNING position"
        else:
            return []
        for command in append.commands:
            parameters += _command(command, self)
        positions = connection.exec_driver_sql(self.take_turn + statement, tuple(parameters)).scalars().all()
        return sorted(positions) if append.records else []

    def check_and_claim(self, connection: Connection, append: Append, positions: Sequence[int]) -> None:
        statements = _statements(append, positions, self)
        if statements:
            text = "; ".join(statement for statement, _ in statements)
            parameters = tuple(value for _, values in statements for value in values)
            _judge(connection.exec_driver_sql(text, parameters).all(), append)

    def id(self, value: UUID | None) -> str | None:
        return str(value) if value else None

    def instant(self, value: datetime | None) -> datetime | None:
        return value


class SQLite:
    """The transaction itself is the turn: it began as the only writer's. Positions are consecutive."""

    def insert(self, connection: Connection, append: Append) -> list[int]:
        last, latest = connection.exec_driver_sql("SELECT max(position), max(recorded_at) FROM events").one()
        positions: list[int] = []
        if append.records:
            recorded_at = max(as_text(append.recorded_at), latest or "")
            statement = f"INSERT INTO events ({_COLUMNS}) VALUES ({_VALUES}, %s)"
            connection.exec_driver_sql(_asked(statement), [(*_row(record, self), recorded_at) for record in append.records])
            last = connection.exec_driver_sql("SELECT last_insert_rowid()").scalar_one()
            positions = list(range(last - len(append.records) + 1, last + 1))
        if append.commands:
            rows = [(*_command(command, self), last or 0) for command in append.commands]
            connection.exec_driver_sql(_asked(f"{_COMMAND}(%s, %s, %s, %s, %s)"), rows)
        return positions

    def check_and_claim(self, connection: Connection, append: Append, positions: Sequence[int]) -> None:
        statements = _statements(append, positions, self)
        for number, (statement, values) in enumerate(statements, 1):
            result = connection.exec_driver_sql(_asked(statement), values)
            if number == len(statements):
                _judge(result.all(), append)

    def id(self, value: UUID | None) -> str | None:
        return value.hex if value else None

    def instant(self, value: datetime | None) -> str | None:
        return as_text(value) if value else None


def _asked(statement: str) -> str:
    return statement.replace("%s", "?")


def _row(record: StoredRecord, dialect: PostgreSQL | SQLite) -> tuple[Any, ...]:
    metadata = record.metadata
    return (
        dialect.id(UUID(str(record.originator_id))),
        record.originator_version,
        record.topic,
        record.class_version,
        record.state,
        dialect.instant(record.at),
        dialect.id(record.account_id),
        dialect.id(metadata.command_id),
        metadata.actor or None,
        metadata.role or None,
        metadata.on_behalf_of,
        metadata.reason,
        dialect.id(metadata.correlation_id),
        dialect.id(metadata.causation_id),
    )


def _command(command: CommandRecord, dialect: PostgreSQL | SQLite) -> tuple[Any, ...]:
    return dialect.id(command.command_id), command.fingerprint, dialect.id(command.stream_id), command.version


def _statements(append: Append, positions: Sequence[int], dialect: PostgreSQL | SQLite) -> list[Statement]:
    """What is released, what is claimed, and last a question: how far are the streams required, and who holds what was claimed?"""
    statements: list[Statement] = []
    for stream, release in append.releases:
        conditions = {"stream_id": dialect.id(stream), "kind": release.kind, "key": release.key}
        given = {name: value for name, value in conditions.items() if value is not None}
        statements.append((f"DELETE FROM claims WHERE {' AND '.join(f'{name} = %s' for name in given)}", tuple(given.values())))
    questions: list[str] = []
    answers: list[Any] = []
    if append.holders:
        places = ", ".join(["(%s, %s, %s)"] * len(append.holders))
        values = tuple(value for (kind, key), stream in append.holders.items() for value in (kind, key, dialect.id(stream)))
        statements.append((f"INSERT INTO claims (kind, key, stream_id) VALUES {places} ON CONFLICT DO NOTHING", values))
        pairs = ", ".join(["(%s, %s)"] * len(append.holders))
        questions.append(f"SELECT kind, key, stream_id, 0 FROM claims WHERE (kind, key) IN (VALUES {pairs})")
        answers += (part for held in append.holders for part in held)
    if append.requires:
        before = f" AND position < {positions[0]}" if positions else ""
        places = ", ".join(["%s"] * len(append.requires))
        questions.append(
            f"SELECT '', '', stream_id, max(stream_version) FROM events WHERE stream_id IN ({places}){before} GROUP BY stream_id"
        )
        answers += (dialect.id(stream) for stream in append.requires)
    for statement, number, values in _people(append, dialect):
        places = ", ".join([f"({', '.join(['%s'] * number)})"] * (len(values) // number))
        statements.append((statement.replace("VALUES", f"VALUES {places}"), values))
    if append.handles:
        questions.append(
            f"SELECT '{_HANDLE}', handle, person_id, 0 FROM person_handles WHERE handle IN ({', '.join(['%s'] * len(append.handles))})"
        )
        answers += append.handles
    if append.people:
        questions.append(f"SELECT '{_PERSON}', '', id, 0 FROM person_keys WHERE id IN ({', '.join(['%s'] * len(append.people))})")
        answers += (dialect.id(person) for person in append.people)
    if statements or questions:
        statements.append((" UNION ALL ".join(questions) or "SELECT '', '', '', 0 WHERE 1 = 0", tuple(answers)))
    return statements


def _people(append: Append, dialect: PostgreSQL | SQLite) -> Iterator[tuple[str, int, tuple[Any, ...]]]:
    """Inserts that know people: the statement, how many values a row has, and the values."""
    made, handles, places = [], [], []
    for record in append.records:
        stream = dialect.id(UUID(str(record.originator_id)))
        for person, (kek, wrapped) in record.sealed.made.items():
            made += [dialect.id(person), kek, wrapped, dialect.instant(append.recorded_at)]
        for handle, (kind, person) in record.sealed.handles.items():
            handles += [handle, kind, dialect.id(person)]
        for person in record.sealed.people:
            places += [dialect.id(person), stream]
    if made:
        yield "INSERT INTO person_keys (id, kek, wrapped, made_at) VALUES", 4, tuple(made)
    if handles:
        yield "INSERT INTO person_handles (handle, kind, person_id) VALUES ON CONFLICT DO NOTHING", 3, tuple(handles)
    if places:
        yield "INSERT INTO sealed_in (person_id, stream_id) VALUES ON CONFLICT DO NOTHING", 2, tuple(places)


def _judge(rows: Sequence[Any], append: Append) -> None:
    versions: dict[UUID, int] = {}
    taken: list[ClaimHeld] = []
    strangers = set(append.people)
    handles = append.handles
    for kind, key, id, version in rows:
        stream = UUID(str(id))
        if not kind:
            versions[stream] = version
        elif kind == _PERSON:
            strangers.discard(stream)
        elif kind == _HANDLE:
            if handles[key] != stream:
                raise Outdated("somebody is known by another key since a moment ago")
        elif append.holders[kind, key] != stream:
            taken.append(ClaimHeld(kind, key, stream))
    for stream, version in append.requires.items():
        if versions.get(stream, 0) != version:
            raise Outdated(f"stream {stream} is no longer at version {version}")
    if strangers:
        raise Outdated("somebody is forgotten since a moment ago")
    if taken:
        raise taken[0]
