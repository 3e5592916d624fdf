"""What will fall due, by stream and name; and the next of each stream, which the scheduler looks at."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Index, Integer, LargeBinary, String, Table, Uuid, delete, func, insert, select

from domain.deadlines import next_deadline
from domain.streams import Stream
from projections.commands_codec import encode_command
from projections.follower import Fact, latest, upsert
from projections.tables import Instant, metadata
from projections.work import claim, finish, give_back, is_free, work_table

deadlines = Table(
    "deadlines",
    metadata,
    Column("stream_id", Uuid, primary_key=True),
    Column("name", String, primary_key=True),
    Column("due_at", Instant, nullable=False),
    Column("account_id", Uuid),
    Column("command", String, nullable=False),
    Column("state", LargeBinary, nullable=False),
    Index("deadlines_due", "due_at"),
    Index("deadlines_account", "account_id"),
)
due = Table(
    "due",
    metadata,
    Column("stream_id", Uuid, primary_key=True),
    Column("due_at", Instant, nullable=False),
    Column("version", Integer, nullable=False),
    Index("due_at_index", "due_at"),
)
"""The next deadline of each stream that has one."""

due_work = work_table("due_work")


class Deadlines:
    name = "deadlines"
    tables = (deadlines, due)

    def apply(self, facts: Sequence[Fact], connection: Connection) -> None:
        streams = [fact.recorded.stream_id for fact in latest(facts)]
        connection.execute(delete(deadlines).where(deadlines.c.stream_id.in_(streams)))
        _locked(connection, streams)
        connection.execute(delete(due).where(due.c.stream_id.in_(streams)))
        rows: list[dict[str, Any]] = []
        next_ones: list[dict[str, Any]] = []
        for fact in latest(facts):
            stream = fact.recorded.stream_id
            coming = fact.state.deadlines(stream)
            rows.extend(
                {
                    "stream_id": stream,
                    "name": deadline.name,
                    "due_at": deadline.due_at,
                    "account_id": fact.recorded.account_id,
                    "command": type(deadline.command).__name__,
                    "state": encode_command(deadline.command),
                }
                for deadline in coming
            )
            if coming:
                first = min(deadline.due_at for deadline in coming)
                next_ones.append({"stream_id": stream, "due_at": first, "version": fact.recorded.version})
        if rows:
            connection.execute(insert(deadlines), rows)
        upsert(connection, due, next_ones)


def longest_overdue(connection: Connection, *, now: datetime, real_now: datetime) -> datetime | None:
    """The first instant at which something was due that nobody is at."""
    free = is_free(due_work, now, real_now)
    first = select(func.min(due.c.due_at)).select_from(due.outerjoin(due_work, due.c.stream_id == due_work.c.id))
    found: datetime | None = connection.scalar(first.where(due.c.due_at <= now, free))
    return found


def claim_due(connection: Connection, *, owner: str, due_at: datetime, now: datetime, real_now: datetime, limit: int) -> list[UUID]:
    """Streams with a deadline that was due at `due_at` or before, leased to `owner`."""
    is_due = due.c.due_at <= due_at
    return claim(connection, due, due.c.stream_id, is_due, due.c.due_at, due_work, owner=owner, now=now, real_now=real_now, limit=limit)


def settled(connection: Connection, streams: Iterable[Stream], owner: str) -> None:
    """The streams were settled: their rows need not wait for the follower, which may be behind. Without a lease it is not ours to say."""
    done = {stream.id: stream for stream in streams}
    mine = finish(connection, due_work, done, owner)
    newer = {id for id, version in _locked(connection, mine) if version > done[id].version}
    connection.execute(delete(due).where(due.c.stream_id.in_(mine - newer)))
    following = [(done[id], next_deadline(done[id].state, id)) for id in mine - newer]
    upsert(
        connection,
        due,
        [{"stream_id": stream.id, "due_at": coming.due_at, "version": stream.version} for stream, coming in following if coming],
    )


def _locked(connection: Connection, streams: Iterable[UUID]) -> list[tuple[UUID, int]]:
    """The rows of these streams, locked in one order, so that followers and schedulers do not wait for each other."""
    rows = select(due.c.stream_id, due.c.version).where(due.c.stream_id.in_(list(streams))).order_by(due.c.stream_id)
    return [(row.stream_id, row.version) for row in connection.execute(rows.with_for_update())]


def postponed(connection: Connection, stream: UUID, owner: str, *, until: datetime, why: str) -> None:
    give_back(connection, due_work, stream, owner, not_before=until, answer=why)


def next_due(connection: Connection, after: datetime) -> datetime | None:
    """The first instant after `after` at which something falls due, or is to be tried again."""
    instants = (
        connection.scalar(select(func.min(due.c.due_at)).where(due.c.due_at > after)),
        connection.scalar(select(func.min(due_work.c.not_before)).where(due_work.c.not_before > after)),
    )
    return min((instant for instant in instants if instant is not None), default=None)


def overdue(connection: Connection, now: datetime) -> tuple[int, int]:
    """How many deadlines there are, and how many of them are overdue."""
    everything = connection.scalar(select(func.count()).select_from(deadlines)) or 0
    late = connection.scalar(select(func.count()).select_from(deadlines).where(deadlines.c.due_at <= now)) or 0
    return everything, late


def oldest_overdue(connection: Connection, now: datetime) -> datetime | None:
    found: datetime | None = connection.scalar(select(func.min(due.c.due_at)).where(due.c.due_at <= now))
    return found


def of_streams(connection: Connection, streams: Sequence[UUID]) -> list[dict[str, Any]]:
    rows = connection.execute(select(deadlines).where(deadlines.c.stream_id.in_(streams)).order_by(deadlines.c.due_at, deadlines.c.name))
    return [{"stream_id": row.stream_id, "name": row.name, "due_at": row.due_at, "command": row.command} for row in rows]
