"""Work that is handed out under a lease: rows beside a projection that say who is at it, how often, and when again.

These rows are no projection: a rebuild leaves them alone. Leases count in real time, attempts in the service's own.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Connection, Integer, Row, String, Table, Uuid, and_, delete, or_, select, update

from projections.follower import upsert
from projections.tables import Instant, metadata

LEASE = timedelta(minutes=2)


def work_table(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("lease_owner", String),
        Column("lease_until", Instant),
        Column("attempts", Integer, nullable=False),
        Column("since", Instant, nullable=False),
        Column("not_before", Instant),
        Column("answer", String),
    )


def is_free(work: Table, now: datetime, real_now: datetime) -> ColumnElement[bool]:
    """Nobody is at it, and it may be tried now. The work table is joined from outside: no row of it means never tried."""
    return or_(
        work.c.id.is_(None),
        and_(
            or_(work.c.lease_until.is_(None), work.c.lease_until <= real_now),
            or_(work.c.not_before.is_(None), work.c.not_before <= now),
        ),
    )


def claim(
    connection: Connection,
    of: Table,
    key: Column[UUID],
    is_due: ColumnElement[bool],
    order: ColumnElement[datetime] | Column[int],
    work: Table,
    *,
    owner: str,
    now: datetime,
    real_now: datetime,
    limit: int,
    lease: timedelta = LEASE,
) -> list[UUID]:
    """Lease up to `limit` due rows that nobody else is at. The connection is a writing one.

    On PostgreSQL rows that another process is just claiming are passed over; on SQLite a writer is alone anyway.
    """
    statement = select(key).select_from(of.outerjoin(work, key == work.c.id)).where(is_due, is_free(work, now, real_now))
    statement = statement.order_by(order).limit(limit)
    ids = list(connection.scalars(statement.with_for_update(of=of, skip_locked=True)))
    known = {row.id: row for row in connection.execute(select(work).where(work.c.id.in_(ids)))}
    # Looked at again under the lock: who was faster may have leased a row since our statement began, and let go of its lock.
    ids = [id for id in ids if id not in known or _still_free(known[id], now, real_now)]
    rows = [
        {
            "id": id,
            "lease_owner": owner,
            "lease_until": real_now + lease,
            "attempts": known[id].attempts + 1 if id in known else 1,
            "since": known[id].since if id in known else now,
        }
        for id in ids
    ]
    upsert(connection, work, rows)
    return ids


def _still_free(row: Row[Any], now: datetime, real_now: datetime) -> bool:
    unleased = row.lease_until is None or row.lease_until <= real_now
    return unleased and (row.not_before is None or row.not_before <= now)


def still_mine(connection: Connection, work: Table, id: UUID, owner: str) -> bool:
    return connection.scalar(select(work.c.lease_owner).where(work.c.id == id)) == owner


def finish(connection: Connection, work: Table, ids: Iterable[UUID], owner: str) -> set[UUID]:
    """The work is done: whether more of it is due is told by the projection. Returns what of it was still the owner's."""
    mine = delete(work).where(work.c.id.in_(list(ids)), work.c.lease_owner == owner)
    return set(connection.scalars(mine.returning(work.c.id)))


def give_back(connection: Connection, work: Table, id: UUID, owner: str, *, not_before: datetime | None, answer: str | None) -> None:
    """The work is not done: somebody may try again from `not_before` on."""
    connection.execute(
        update(work)
        .where(work.c.id == id, work.c.lease_owner == owner)
        .values(lease_owner=None, lease_until=None, not_before=not_before, answer=answer)
    )
