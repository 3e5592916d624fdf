"""Followers: tables that keep up with the log, each with its position, in one transaction with its rows."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from sqlalchemy import BigInteger, Column, Connection, String, Table, delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from domain.application import Lifecycle
from domain.events.base import Recorded
from domain.events.people import PersonalDataErased
from domain.store import Codec, Log
from domain.streams import Aggregate, empty_for
from projections.tables import Instant, metadata

BATCH = 1_000
REMEMBERED_STATES = 50_000

followers = Table(
    "followers",
    metadata,
    Column("name", String, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("lease_owner", String),
    Column("lease_until", Instant),
)
"""How far each follower is. A table follower locks its row; a follower that issues commands holds a lease on it."""


@dataclass(frozen=True)
class Fact:
    """An event on record, and the state of its stream right after it."""

    recorded: Recorded
    state: Aggregate


class Projection(Protocol):
    """Tables that follow the log."""

    @property
    def name(self) -> str: ...

    @property
    def tables(self) -> tuple[Table, ...]: ...

    def apply(self, facts: Sequence[Fact], connection: Connection) -> None:
        """Take up events, in the order of the log, each once."""
        ...


@runtime_checkable
class Remembering(Projection, Protocol):
    """Tables that hold more than the present of a stream."""

    def forget(self, facts: Sequence[Fact], connection: Connection) -> None:
        """Tell all of some streams anew, in which somebody was forgotten: `facts` are whole streams, from the first event on."""
        ...


LAST_WORDS = "tenure_last_words"
"""The execution option of a connection that says what commits its transaction, in one text with the last statement."""


class Database(Protocol):
    def reading(self) -> AbstractContextManager[Connection]: ...

    def writing(self) -> AbstractContextManager[Connection]: ...

    def sweeping(self) -> AbstractContextManager[Connection]:
        """`writing`, in as few round trips as it takes: whoever knows which statement is the last adds the LAST_WORDS to it."""


class States:
    """The state of each stream after each event of the log, which is read in order; folded anew where somebody is forgotten."""

    def __init__(self, load: Callable[[UUID, int], Aggregate]) -> None:
        self._load = load
        self._known: OrderedDict[UUID, tuple[int, Aggregate]] = OrderedDict()

    def after(self, recorded: Recorded) -> Aggregate:
        version, state = self._known.get(recorded.stream_id, (0, None))
        if recorded.version == 1:
            state = empty_for(recorded.event).evolve(recorded.event)
        elif state is not None and version == recorded.version - 1 and not isinstance(recorded.event, PersonalDataErased):
            state = state.evolve(recorded.event)
        else:
            state = self._load(recorded.stream_id, recorded.version)
        self._known[recorded.stream_id] = (recorded.version, state)
        self._known.move_to_end(recorded.stream_id)
        if len(self._known) > REMEMBERED_STATES:
            self._known.popitem(last=False)
        return state


class TableFollowers:
    """All projections, followed together: any number of processes may do so, one at a time gets on."""

    def __init__(self, database: Database, lifecycle: Lifecycle, projections: Sequence[Projection]) -> None:
        self._database = database
        self._log: Log = lifecycle.log_reader
        self._codec: Codec = lifecycle.codec
        self._projections = tuple(projections)
        self._load = lambda id, version: lifecycle.load(id, until=version).state
        self._states = States(self._load)

    @property
    def projections(self) -> tuple[Projection, ...]:
        return self._projections

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(projection.name for projection in self._projections)

    def prepare(self) -> None:
        """Make sure that each projection has its position."""
        with self._database.writing() as connection:
            for name in self.names:
                begin(connection, name)

    def position(self) -> int:
        """How far the slowest of them is."""
        with self._database.reading() as connection:
            rows = connection.scalars(select(followers.c.position).where(followers.c.name.in_(self.names))).all()
        return min(rows) if len(rows) == len(self.names) else 0

    def lags(self) -> dict[str, int]:
        head = self._log.max_notification_id() or 0
        with self._database.reading() as connection:
            return {row.name: head - row.position for row in connection.execute(select(followers.c.name, followers.c.position))}

    def catch_up(self) -> int:
        """Follow until the head as it was when this began. Returns how many events were taken up."""
        head = self._log.max_notification_id() or 0
        taken = 0
        while self.position() < head:
            with self._database.writing() as connection:
                taken += self._follow_once(connection)
        return taken

    def rebuild(self, progress: Callable[[int], None] = lambda _: None) -> int:
        """Forget every row and follow the log anew, in one transaction: readers see the old tables until the new ones are whole.

        `progress` is told after each batch how many events were taken up.
        """
        self._states = States(self._load)
        with self._database.writing() as connection:
            for projection in self._projections:
                for table in projection.tables:
                    connection.execute(delete(table))
                connection.execute(update(followers).where(followers.c.name == projection.name).values(position=0))
            taken = 0
            while followed := self._follow_once(connection):
                taken += followed
                progress(taken)
        return taken

    def _follow_once(self, connection: Connection) -> int:
        rows = connection.execute(
            select(followers.c.name, followers.c.position)
            .where(followers.c.name.in_(self.names))
            .order_by(followers.c.name)
            .with_for_update()
        )
        positions: dict[str, int] = {row.name: row.position for row in rows}
        start = min(positions.values())
        stored = self._log.read_log(after=start, limit=BATCH)
        if not stored:
            return 0
        facts = []
        for each in stored:
            recorded = self._codec.to_recorded(each)
            facts.append(Fact(recorded, self._states.after(recorded)))
        end = facts[-1].recorded.position
        for projection in self._projections:
            fresh = [fact for fact in facts if fact.recorded.position > positions[projection.name]]
            if fresh:
                projection.apply(fresh, connection)
                if isinstance(projection, Remembering) and (anew := self._anew(fresh)):
                    projection.forget(anew, connection)
        connection.execute(update(followers).where(followers.c.name.in_(self.names), followers.c.position < end).values(position=end))
        return len(facts)

    def _anew(self, facts: Sequence[Fact]) -> list[Fact]:
        """Of the streams in which somebody was forgotten, everything up to then, without what was known of them."""
        last = {fact.recorded.stream_id: fact.recorded.version for fact in facts if isinstance(fact.recorded.event, PersonalDataErased)}
        return [fact for id, version in last.items() for fact in self._folded(id, version)]

    def _folded(self, id: UUID, version: int) -> Iterator[Fact]:
        state: Aggregate | None = None
        for stored in self._log.read_stream(id, until=version):
            recorded = self._codec.to_recorded(stored)
            state = (empty_for(recorded.event) if state is None else state).evolve(recorded.event)
            yield Fact(recorded, state)


def begin(connection: Connection, name: str) -> None:
    """A follower starts at the beginning of the log, unless it, or another process for it, has started before."""
    connection.execute(inserted(connection, followers).values(name=name, position=0).on_conflict_do_nothing())


def inserted(connection: Connection, table: Table) -> Any:
    """An insert that may say what happens on a conflict: both databases have it, each in its own class."""
    return postgresql_insert(table) if connection.dialect.name == "postgresql" else sqlite_insert(table)


def latest(facts: Sequence[Fact]) -> list[Fact]:
    """The last fact of each stream: enough where only the present state is kept."""
    return list({fact.recorded.stream_id: fact for fact in facts}.values())


def upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, or replace what stands under their primary keys."""
    if not rows:
        return
    statement = inserted(connection, table)
    given = set(rows[0]) - {column.name for column in table.primary_key}
    connection.execute(
        statement.on_conflict_do_update(index_elements=list(table.primary_key), set_={name: statement.excluded[name] for name in given}),
        list(rows),
    )
