"""Who is told of events at an address of theirs, how far each is told, and what waits for it.

Own facts: which systems were told of what is nothing that a log can tell again.

An event is on its way to a webhook in one of three places: behind `position`, where the log has it; among the deliveries that wait; or
among those that were given up. It leaves the deliveries only when the receiver has taken it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    Row,
    String,
    Table,
    Uuid,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from projections.tables import Instant, facts

Number = BigInteger().with_variant(Integer, "sqlite")

webhooks = Table(
    "webhooks",
    facts,
    Column("number", Number, primary_key=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("url", String, nullable=False),
    Column("topics", String),  # separated by blanks; None stands for all
    Column("account_id", Uuid),
    Column("personal", Boolean, nullable=False),
    Column("status", String, nullable=False),
    Column("reason", String),
    Column("created_at", Instant, nullable=False),
    Column("created_by", String, nullable=False),
    Column("salt", String, nullable=False),
    Column("old_salt", String),
    Column("old_until", Instant),
    Column("position", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_since", Instant),
    Column("rests_until", Instant),
    Column("delivered", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("last_answer", String),
    Column("last_delivered_at", Instant),
    Column("lease_owner", String),
    Column("lease_until", Instant),
)
"""`salt` goes into the secret, which is derived and nowhere stored. `failures` counts those in a row; a success ends them."""

deliveries = Table(
    "webhook_deliveries",
    facts,
    Column("webhook_id", Uuid, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("stream_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("topic", String, nullable=False),
    Column("status", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("since", Instant),  # of the first attempt
    Column("tried_at", Instant),
    Column("not_before", Instant),
    Column("answer", String),
    Index("webhook_deliveries_stream", "webhook_id", "status", "stream_id", "position"),
)

ACTIVE, PAUSED, DISABLED, REMOVED = "active", "paused", "disabled", "removed"
WAITING, DEAD = "waiting", "dead"
STATES = (ACTIVE, PAUSED, DISABLED, REMOVED)


@dataclass(frozen=True, kw_only=True)
class Webhook:
    id: UUID
    url: str
    topics: tuple[str, ...] | None
    account_id: UUID | None
    personal: bool
    created_at: datetime
    created_by: str
    salt: str
    position: int
    status: str = ACTIVE
    reason: str | None = None
    old_salt: str | None = None
    old_until: datetime | None = None
    failures: int = 0
    failing_since: datetime | None = None
    rests_until: datetime | None = None
    delivered: int = 0
    failed: int = 0
    last_answer: str | None = None
    last_delivered_at: datetime | None = None
    number: int = 0

    def wants(self, topic: str) -> bool:
        """A topic is meant by its name, or by what it begins with: `account` or `account.nominated`."""
        return self.topics is None or any(topic == each or topic.startswith(f"{each}.") for each in self.topics)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """An event that a receiver has yet to take; a `dead` one was given up."""

    webhook_id: UUID
    position: int
    stream_id: UUID
    version: int
    topic: str
    status: str = WAITING
    attempts: int = 0
    since: datetime | None = None
    tried_at: datetime | None = None
    not_before: datetime | None = None
    answer: str | None = None


def secret(derived: Callable[[str, str], str], id: UUID, salt: str) -> bytes:
    """The key that signs what is sent: from our own key, so that no copy of the database can forge anything."""
    return bytes.fromhex(derived("webhook", f"{id}/{salt}"))


# who is told


def add(connection: Connection, webhook: Webhook) -> None:
    values = {each.name: getattr(webhook, each.name) for each in fields(webhook) if each.name != "number"}
    connection.execute(insert(webhooks).values(values | {"topics": " ".join(webhook.topics) if webhook.topics is not None else None}))


def one(connection: Connection, id: UUID) -> Webhook | None:
    row = connection.execute(select(webhooks).where(webhooks.c.id == id)).one_or_none()
    return _webhook(row) if row else None


def listed(connection: Connection, *, created_by: str | None, after: int, limit: int) -> tuple[list[Webhook], int | None]:
    """In the order in which they were made, and where the next page begins."""
    query = select(webhooks).where(webhooks.c.number > after).order_by(webhooks.c.number).limit(limit + 1)
    if created_by is not None:
        query = query.where(webhooks.c.created_by == created_by)
    rows = list(connection.execute(query))
    return [_webhook(row) for row in rows[:limit]], rows[limit - 1].number if len(rows) > limit else None


def change(connection: Connection, id: UUID, **values: Any) -> None:
    connection.execute(update(webhooks).where(webhooks.c.id == id).values(values))


def disable_of(connection: Connection, created_by: str, reason: str) -> None:
    """Nothing is sent any more to those that one key made, until somebody resumes them; nothing is lost meanwhile."""
    live = webhooks.c.created_by == created_by, webhooks.c.status.in_([ACTIVE, PAUSED])
    connection.execute(update(webhooks).where(*live).values(status=DISABLED, reason=reason))


def remove(connection: Connection, id: UUID) -> None:
    """Nothing is sent there any more; that there was such a webhook stays on record."""
    connection.execute(delete(deliveries).where(deliveries.c.webhook_id == id))
    change(connection, id, status=REMOVED, reason=None, rests_until=None, lease_owner=None, lease_until=None)


def replay(connection: Connection, id: UUID, from_position: int) -> None:
    """Send again from a position of the log on. Whoever is just sending loses the lease, and with it what it would have noted."""
    connection.execute(delete(deliveries).where(deliveries.c.webhook_id == id, deliveries.c.position >= from_position))
    change(connection, id, position=from_position - 1, rests_until=None, lease_owner=None, lease_until=None)


# what waits


def counted(connection: Connection, ids: Sequence[UUID]) -> dict[tuple[UUID, str], int]:
    """How many deliveries of each webhook wait, and how many are dead."""
    table = deliveries.c
    query = select(table.webhook_id, table.status, func.count()).where(table.webhook_id.in_(ids)).group_by(table.webhook_id, table.status)
    return {(id, status): count for id, status, count in connection.execute(query)}


def dead_letters(connection: Connection, id: UUID, *, after: int, limit: int) -> tuple[list[Delivery], int | None]:
    table = deliveries.c
    query = select(deliveries).where(table.webhook_id == id, table.status == DEAD, table.position > after)
    rows = list(connection.execute(query.order_by(table.position).limit(limit + 1)))
    return [_delivery(row) for row in rows[:limit]], rows[limit - 1].position if len(rows) > limit else None


def retry(connection: Connection, id: UUID, stream_id: UUID, version: int) -> Delivery | None:
    """Let a dead letter wait again, as if it had never been tried; None where there is no such one."""
    table = deliveries.c
    which = and_(table.webhook_id == id, table.stream_id == stream_id, table.version == version)
    row = connection.execute(select(deliveries).where(which)).one_or_none()
    if row is None:
        return None
    if row.status == DEAD:
        connection.execute(update(deliveries).where(which).values(status=WAITING, attempts=0, since=None, not_before=None))
        row = connection.execute(select(deliveries).where(which)).one()
    return _delivery(row)


# sending


def due(connection: Connection, *, now: datetime, real_now: datetime, head: int) -> list[UUID]:
    """The webhooks for which there is something to do and nobody at it."""
    table = webhooks.c
    is_due = exists(select(deliveries.c.position).where(deliveries.c.webhook_id == table.id, _sendable(now)))
    rested = and_(table.rests_until.is_not(None), exists(select(deliveries.c.position).where(_waits_for(table.id))))
    query = select(table.id).where(_free(now, real_now), or_(table.position < head, is_due, rested))
    return list(connection.scalars(query.order_by(table.number)))


def claim(connection: Connection, ids: Sequence[UUID], *, owner: str, now: datetime, real_now: datetime, lease: timedelta) -> list[Webhook]:
    """Lease those of the webhooks that nobody else has leased meanwhile. The connection is a writing one."""
    table = webhooks.c
    mine = update(webhooks).where(_free(now, real_now)).values(lease_owner=owner, lease_until=real_now + lease)
    leased = [id for id in ids if connection.execute(mine.where(table.id == id)).rowcount]
    return [_webhook(row) for row in connection.execute(select(webhooks).where(table.id.in_(leased)).order_by(table.number))]


def renew(connection: Connection, id: UUID, owner: str, until: datetime) -> bool:
    """Keep the lease; False where it is somebody else's by now, or the webhook is not to be served any more."""
    table = webhooks.c
    mine = and_(table.id == id, table.lease_owner == owner, table.status == ACTIVE)
    return bool(connection.execute(update(webhooks).where(mine).values(lease_until=until)).rowcount)


def held(connection: Connection, id: UUID, owner: str) -> Webhook | None:
    """The webhook, locked, if the lease is still the owner's."""
    query = select(webhooks).where(webhooks.c.id == id, webhooks.c.lease_owner == owner).with_for_update()
    row = connection.execute(query).one_or_none()
    return _webhook(row) if row else None


def release(connection: Connection, id: UUID, owner: str) -> None:
    mine = update(webhooks).where(webhooks.c.id == id, webhooks.c.lease_owner == owner)
    connection.execute(mine.values(lease_owner=None, lease_until=None))


def take_up(connection: Connection, id: UUID, rows: Sequence[Delivery], position: int) -> None:
    """The next events of the log wait for the receiver from now on: all of them up to `position` that it wants."""
    if rows:
        connection.execute(insert(deliveries), [vars(row) for row in rows])
    change(connection, id, position=position)


def sendable(connection: Connection, id: UUID, now: datetime, limit: int) -> list[Delivery]:
    """What may be tried now, in the order of the log: nothing that stands behind an event of its stream that is to wait."""
    query = select(deliveries).where(deliveries.c.webhook_id == id, _sendable(now)).order_by(deliveries.c.position).limit(limit)
    return [_delivery(row) for row in connection.execute(query)]


def least_tried(connection: Connection, id: UUID) -> list[Delivery]:
    """Of the events that stand first in their streams the one that was tried the fewest times, due or not."""
    before = deliveries.alias("before")
    stands_behind = exists(
        select(before.c.position).where(
            before.c.webhook_id == deliveries.c.webhook_id,
            before.c.status == WAITING,
            before.c.stream_id == deliveries.c.stream_id,
            before.c.position < deliveries.c.position,
        )
    )
    order = deliveries.c.attempts, deliveries.c.position
    query = select(deliveries).where(_waits_for(id), ~stands_behind).order_by(*order).limit(1)
    return [_delivery(row) for row in connection.execute(query)]


def taken(connection: Connection, id: UUID, positions: Sequence[int]) -> None:
    """The receiver has these events."""
    connection.execute(delete(deliveries).where(deliveries.c.webhook_id == id, deliveries.c.position.in_(positions)))


def put_off(connection: Connection, delivery: Delivery) -> None:
    table = deliveries.c
    which = update(deliveries).where(table.webhook_id == delivery.webhook_id, table.position == delivery.position)
    connection.execute(which.values(vars(delivery)))


def try_at_once(connection: Connection, id: UUID, failed_since: datetime, now: datetime) -> None:
    """The receiver is back: what failed only while it was away need not wait any longer."""
    table = deliveries.c
    away = and_(table.webhook_id == id, table.status == WAITING, table.since >= failed_since, table.not_before > now)
    connection.execute(update(deliveries).where(away).values(not_before=now))


def next_attempt(connection: Connection, after: datetime) -> datetime | None:
    """The first instant after `after` at which an active webhook is to be tried again."""
    table = webhooks.c
    rests = select(func.min(table.rests_until)).where(table.status == ACTIVE, table.rests_until > after)
    active = select(table.id).where(table.status == ACTIVE, or_(table.rests_until.is_(None), table.rests_until <= after))
    waits = select(func.min(deliveries.c.not_before)).where(
        deliveries.c.status == WAITING, deliveries.c.not_before > after, deliveries.c.webhook_id.in_(active)
    )
    found: list[datetime | None] = [connection.scalar(rests), connection.scalar(waits)]
    return min((each for each in found if each is not None), default=None)


def gauges(connection: Connection, head: int) -> list[dict[str, Any]]:
    """Of each webhook that is not removed: by how many events it is behind, how many wait or are dead, whether it was disabled."""
    rows = [_webhook(row) for row in connection.execute(select(webhooks).where(webhooks.c.status != REMOVED))]
    counts = counted(connection, [row.id for row in rows])
    return [
        {
            "id": str(row.id),
            "lag": head - row.position + counts.get((row.id, WAITING), 0),
            "dead": counts.get((row.id, DEAD), 0),
            "disabled": int(row.status == DISABLED),
        }
        for row in rows
    ]


def _free(now: datetime, real_now: datetime) -> ColumnElement[bool]:
    table = webhooks.c
    return and_(
        table.status == ACTIVE,
        or_(table.lease_until.is_(None), table.lease_until <= real_now),
        or_(table.rests_until.is_(None), table.rests_until <= now),
    )


def _sendable(now: datetime) -> ColumnElement[bool]:
    before = deliveries.alias("before")
    held_back = exists(
        select(before.c.position).where(
            before.c.webhook_id == deliveries.c.webhook_id,
            before.c.status == WAITING,
            before.c.stream_id == deliveries.c.stream_id,
            before.c.position <= deliveries.c.position,
            before.c.not_before > now,
        )
    )
    return and_(deliveries.c.status == WAITING, ~held_back)


def _waits_for(id: Any) -> ColumnElement[bool]:
    return and_(deliveries.c.webhook_id == id, deliveries.c.status == WAITING)


def _webhook(row: Row[Any]) -> Webhook:
    values = {each.name: getattr(row, each.name) for each in fields(Webhook)}
    return Webhook(**values | {"topics": None if row.topics is None else tuple(row.topics.split())})


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(**row._mapping)  # noqa: SLF001 - the documented way to a mapping
