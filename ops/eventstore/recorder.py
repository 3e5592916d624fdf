"""The recorder: appends in one transaction, in an order that readers can rely on, and reads back."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from threading import Event as Flag
from typing import Any
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, IntegrityError, Notification, StoredEvent, Subscription
from sqlalchemy import ColumnElement, Connection, Engine, Row, func, select

from domain.clock import SystemClock
from domain.events import EVENTS
from domain.events.base import Claim, Metadata, Release
from domain.store import CommandRecord, CommandRepeated, Forgotten, Selection, StoredNotification, StoredRecord
from ops.eventstore.append import Append, Dialect, PostgreSQL, SQLite
from ops.eventstore.claims import net_effect
from ops.eventstore.engine import opening, reading, writing
from ops.eventstore.faults import library_errors
from ops.eventstore.people import People
from ops.eventstore.schema import claims as claims_table
from ops.eventstore.schema import commands as commands_table
from ops.eventstore.schema import events
from ops.eventstore.sealing import people_in
from ops.keyring import PersonKey

POLL_SECONDS = 0.05
TOPICS = tuple(sorted(each.TOPIC for each in EVENTS))
_HEAD = str(select(func.max(events.c.position)))


class Recorder(ApplicationRecorder):
    """The log of one database. Every method raises the library's errors when the database fails."""

    def __init__(
        self, engine: Engine, people: People, *, now: Callable[[], datetime] | None = None, dialect: Dialect | None = None
    ) -> None:
        self.engine = engine
        self._people = people
        self.on_forget: list[Callable[[Connection, Forgotten], None]] = []
        """What else must go in the transaction that forgets people."""
        self._now = now or SystemClock().now
        # A single select needs no transaction around it: on PostgreSQL that saves two round trips.
        self._reader = engine if engine.dialect.name == "sqlite" else engine.execution_options(isolation_level="AUTOCOMMIT")
        self._dialect = dialect or (SQLite() if engine.dialect.name == "sqlite" else PostgreSQL())

    # appending

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        commands: Sequence[CommandRecord] = (),
        requires: Mapping[UUID, int] | None = None,
        claims: Sequence[tuple[UUID, Claim | Release]] = (),
        forgetting: Collection[UUID] = (),
        **_: Any,
    ) -> Sequence[int] | None:
        """Append in one transaction; the positions of the events. `forgetting`: whose keys are destroyed with it.

        Raises CommandRepeated (a command's id is on record), IntegrityError (a version of a stream is taken), Outdated (a stream
        of `requires` is not at its version; somebody was forgotten, or met, meanwhile) or ClaimHeld, and then nothing is recorded.
        """
        releases, holders = net_effect(claims)
        append = Append(
            records=[each if isinstance(each, StoredRecord) else StoredRecord(**vars(each)) for each in stored_events],
            recorded_at=self._now(),
            commands=commands,
            requires=requires or {},
            releases=releases,
            holders=holders,
        )
        try:
            with library_errors(), writing(self.engine) as connection:
                positions = self._dialect.insert(connection, append)
                self._dialect.check_and_claim(connection, append, positions)
                if forgetting:
                    forgotten = self._people.forget(connection, forgetting, {UUID(str(each.originator_id)) for each in append.records})
                    for hook in self.on_forget:
                        hook(connection, forgotten)
                return positions
        except IntegrityError:
            # A twin of a command has taken the versions as well: what it did matters more than that they are taken.
            for record in self.find_commands([command.command_id for command in commands]).values():
                raise CommandRepeated(record) from None
            raise

    # reading

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        version = events.c.stream_version
        statement = select(events.c.stream_id, version, events.c.topic, events.c.state)
        statement = statement.where(events.c.stream_id == UUID(str(originator_id))).limit(limit)
        if gt is not None:
            statement = statement.where(version > gt)
        if lte is not None:
            statement = statement.where(version <= lte)
        with self._reading() as connection:
            rows = connection.execute(statement.order_by(version.desc() if desc else version)).all()
        return [StoredEvent(*row) for row in rows]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        position = events.c.position
        conditions: list[ColumnElement[bool]] = []
        if start is not None:
            conditions.append(position >= start if inclusive_of_start else position > start)
        if stop is not None:
            conditions.append(position <= stop)
        if topics:
            conditions.append(events.c.topic.in_(topics))
        with self._reading() as connection:
            return self._notifications(connection, conditions, position, limit)

    def read_log(self, *, after: int, limit: int, only: Selection | None = None) -> list[StoredNotification]:
        """Up to `limit` events behind position `after`. Whatever is missing among them will never come."""
        with self._reading() as connection:
            found: list[StoredNotification] = []
            each_of = _one_by_one(only) if only else [None]
            for one in each_of:
                conditions = [events.c.position > after, *(_selecting(one) if one else ())]
                found += self._notifications(connection, conditions, events.c.position, limit)
        return found if len(each_of) == 1 else sorted(found, key=lambda each: each.id)[:limit]

    def count_log(self, *, until: int, only: Selection | None = None) -> int:
        """How many events there are up to position `until`, which is one of them."""
        conditions = [events.c.position <= until, *(_selecting(only) if only else ())]
        with self._reading() as connection:
            return connection.scalar(select(func.count()).select_from(events).where(*conditions)) or 0

    def read_streams(self, after: Mapping[UUID, int]) -> list[StoredNotification]:
        """The events of several streams, each behind the version given for it, in the order of their versions."""
        seen = [stream for stream, version in after.items() if version]
        stream_id, version = events.c.stream_id, events.c.stream_version
        with self._reading() as connection:
            grown = select(stream_id, func.max(version)).where(stream_id.in_(seen)).group_by(stream_id)
            heads = {stream: head for stream, head in connection.execute(grown)} if seen else {}  # noqa: C416 - rows are no pairs to mypy
            wanted = [stream for stream in after if not after[stream] or heads.get(stream, 0) > after[stream]]
            if not wanted:
                return []
            found = self._notifications(connection, [stream_id.in_(wanted)], version, None)
        return [each for each in found if each.originator_version > after[UUID(str(each.originator_id))]]

    def read_stream(self, stream_id: UUID, *, after: int = 0, until: int | None = None) -> list[StoredNotification]:
        version = events.c.stream_version
        conditions = [events.c.stream_id == stream_id, version > after]
        if until is not None:
            conditions.append(version <= until)
        with self._reading() as connection:
            return self._notifications(connection, conditions, version, None)

    def max_notification_id(self) -> int | None:
        with self._reading() as connection:
            position: int | None = connection.scalar(select(func.max(events.c.position)))
        return position

    def head(self, connection: Connection) -> int:
        """The last position, seen from a transaction that is under way."""
        statement = _HEAD
        if connection.dialect.name == "postgresql":  # which plans it once for each connection; that takes longer than the answer
            if "log_head" not in connection.info:
                connection.exec_driver_sql(f"PREPARE log_head AS {_HEAD}")
                connection.info["log_head"] = True
            statement = "EXECUTE log_head"
        return connection.exec_driver_sql(opening(connection) + statement).scalar() or 0

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        return PollingSubscription(self, gt, topics)

    def find_command(self, command_id: UUID) -> CommandRecord | None:
        return self.find_commands([command_id]).get(command_id)

    def find_commands(self, command_ids: Sequence[UUID]) -> dict[UUID, CommandRecord]:
        """Those of the commands that are on record."""
        with self._reading() as connection:
            rows = connection.execute(select(commands_table).where(commands_table.c.command_id.in_(command_ids))).all()
        return {row.command_id: CommandRecord(**row._mapping) for row in rows}  # noqa: SLF001 - public, in spite of its name

    def holder(self, kind: str, key: str) -> UUID | None:
        table = claims_table.c
        with self._reading() as connection:
            return connection.scalar(select(table.stream_id).where(table.kind == kind, table.key == key))

    def holders(self, kind: str, keys: Sequence[str]) -> dict[str, UUID]:
        """Who holds which of the keys; a key that nobody holds is not among them."""
        table = claims_table.c
        statement = select(table.key, table.stream_id).where(table.kind == kind, table.key.in_(keys))
        with self._reading() as connection:
            return {row.key: row.stream_id for row in connection.execute(statement)}

    def claims(self, kind: str, low: str, high: str) -> list[tuple[str, UUID]]:
        """The claims of a kind with low <= key < high, in order of their keys (compared as bytes)."""
        table = claims_table.c
        statement = select(table.key, table.stream_id).where(table.kind == kind, table.key >= low, table.key < high)
        with self._reading() as connection:
            return [(key, stream) for key, stream in connection.execute(statement.order_by(table.key))]

    def streams_of(self, people: Collection[UUID]) -> list[UUID]:
        return self._people.streams_of(people)

    def _notifications(
        self, connection: Connection, conditions: Sequence[ColumnElement[bool]], order: ColumnElement[int], limit: int | None
    ) -> list[StoredNotification]:
        """Events with the keys of the people in them. The keys are read after the events: a key that is gone is gone for ever."""
        rows = connection.execute(select(events).where(*conditions).order_by(order).limit(limit)).all()
        people = {person for row in rows for person in people_in(row.state, row.on_behalf_of)}
        keys = self._people.keys(connection, people) if people else {}
        return [_notification(row, keys) for row in rows]

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with library_errors(), reading(self._reader) as connection:
            yield connection


class PollingSubscription(Subscription[ApplicationRecorder]):
    """Asks again and again; stopping it ends the iteration, also while it waits."""

    def __init__(self, recorder: ApplicationRecorder, gt: int | None, topics: Sequence[str]) -> None:
        super().__init__(recorder, gt, topics)
        self._stopped = Flag()
        self._fetched: list[Notification] = []

    def stop(self) -> None:
        super().stop()
        self._stopped.set()

    def __next__(self) -> Notification:
        while not self._stopped.is_set():
            if self._fetched:
                return self._fetched.pop()
            found = self._recorder.select_notifications(self._last_notification_id, 500, topics=self._topics, inclusive_of_start=False)
            if found:
                self._fetched = list(reversed(found))
                self._last_notification_id = found[-1].id
            else:
                self._stopped.wait(POLL_SECONDS)
        raise StopIteration


def _one_by_one(only: Selection) -> Sequence[Selection]:
    """All events of a kind, where nothing else narrows them: each name is indexed in the order of the log, all together are not."""
    narrow = (only.stream, only.account, only.command, only.correlation, only.causation)
    if only.topic is None or not only.topic.endswith(".") or any(narrow):
        return [only]
    return [replace(only, topic=each) for each in TOPICS if each.startswith(only.topic)] or [only]


def _selecting(only: Selection) -> Iterator[ColumnElement[bool]]:
    equal = (
        (events.c.stream_id, only.stream),
        (events.c.account_id, only.account),
        (events.c.actor, only.actor),
        (events.c.role, only.role),
        (events.c.command_id, only.command),
        (events.c.correlation_id, only.correlation),
        (events.c.causation_id, only.causation),
    )
    yield from (column == wanted for column, wanted in equal if wanted is not None)
    if only.topic is not None:
        yield _topics(only.topic)
    bounds = (events.c.at, only.from_, only.to), (events.c.recorded_at, only.recorded_from, only.recorded_to)
    for column, low, high in bounds:
        if low is not None:
            yield column >= low
        if high is not None:
            yield column < high


def _topics(wanted: str) -> ColumnElement[bool]:
    """One, or all of a kind: these are named one by one, so that the index on them is of use, whatever the order of the database."""
    return events.c.topic.in_([each for each in TOPICS if each.startswith(wanted)]) if wanted.endswith(".") else events.c.topic == wanted


def _notification(row: Row[Any], keys: Mapping[str, PersonKey]) -> StoredNotification:
    return StoredNotification(
        id=row.position,
        originator_id=row.stream_id,
        originator_version=row.stream_version,
        topic=row.topic,
        class_version=row.class_version,
        state=row.state,
        at=row.at,
        recorded_at=row.recorded_at,
        account_id=row.account_id,
        metadata=Metadata(
            actor=row.actor or "",
            role=row.role or "",
            on_behalf_of=row.on_behalf_of,
            reason=row.reason,
            command_id=row.command_id,
            correlation_id=row.correlation_id,
            causation_id=row.causation_id,
        ),
        keys=keys,
    )
