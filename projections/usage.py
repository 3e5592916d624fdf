"""What was called, by whom and how often: the ledger, the counters that limits are held against, and what was refused.

Own facts: no log can tell them again, so no rebuild touches them, and they are backed up with the log. The ledger only grows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Index, LargeBinary, String, Table, Uuid, delete, select

from projections.follower import inserted, upsert
from projections.tables import Instant, facts

counters = Table(
    "usage_counters",
    facts,
    Column("owner_id", Uuid, primary_key=True),
    Column("product", String, primary_key=True),
    Column("span", String, primary_key=True),
    Column("starts_at", Instant, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Index("usage_counters_started", "span", "starts_at"),
)
"""Of a token's owner, by product: in a quota month, which begins at its own instant, and in a minute."""

ledger = Table(
    "usage_ledger",
    facts,
    Column("token_id", Uuid, primary_key=True),
    Column("product", String, primary_key=True),
    Column("hour", Instant, primary_key=True),
    Column("reason", String, primary_key=True),  # why it was refused; empty for what was allowed
    Column("owner_id", Uuid, nullable=False),
    Column("account_id", Uuid, nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("last_at", Instant, nullable=False),
    Index("usage_ledger_account", "account_id", "hour"),
    Index("usage_ledger_owner", "owner_id", "hour"),
)

refusals = Table(
    "access_refusals",
    facts,
    Column("reference", Uuid, primary_key=True),
    Column("at", Instant, nullable=False, index=True),
    Column("product", String, nullable=False),
    Column("token_id", Uuid),
    Column("account_id", Uuid),
    Column("told", LargeBinary, nullable=False),  # the reasons, and the counters as they stood
)

batches = Table(
    "usage_batches",
    facts,
    Column("sender", String, primary_key=True),
    Column("batch_id", String, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("at", Instant, nullable=False),
)


REFUSALS_KEPT = timedelta(days=90)


class Span(StrEnum):
    MONTH = "month"
    MINUTE = "minute"


@dataclass(frozen=True, slots=True, order=True)
class Counter:
    """Counters are taken in this order, so that no two who want several wait for each other."""

    owner_id: UUID
    product: str
    span: str
    starts_at: datetime


@dataclass(slots=True)
class Count:
    requests: int = 0
    records: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger."""

    token_id: UUID
    product: str
    hour: datetime
    reason: str
    owner_id: UUID
    account_id: UUID


@dataclass(frozen=True, slots=True)
class Refusal:
    reference: UUID
    at: datetime
    product: str
    token_id: UUID | None
    account_id: UUID | None
    told: Mapping[str, Any]


def take(connection: Connection, wanted: Iterable[Counter]) -> dict[Counter, Count]:
    """The counters as they stand; nobody else changes them until the transaction is over."""
    keys = sorted(set(wanted))
    if not keys:
        return {}
    statement = inserted(connection, counters)
    c = counters.c
    locked = statement.on_conflict_do_update(index_elements=list(counters.primary_key), set_={"requests": c.requests}).returning(
        c.owner_id, c.product, c.span, c.starts_at, c.requests, c.records
    )
    rows = [
        {"owner_id": k.owner_id, "product": k.product, "span": k.span, "starts_at": k.starts_at, "requests": 0, "records": 0} for k in keys
    ]
    found = connection.execute(locked, rows)
    return {Counter(r.owner_id, r.product, r.span, r.starts_at): Count(r.requests, r.records) for r in found}


def put(connection: Connection, counts: Mapping[Counter, Count]) -> None:
    """The counters as they stand now."""
    rows = [
        {
            "owner_id": key.owner_id,
            "product": key.product,
            "span": key.span,
            "starts_at": key.starts_at,
            "requests": count.requests,
            "records": count.records,
        }
        for key, count in sorted(counts.items())
    ]
    upsert(connection, counters, rows)


def note(connection: Connection, entries: Mapping[Entry, Count], at: datetime) -> None:
    """Add to the ledger."""
    if not entries:
        return
    statement = inserted(connection, ledger)
    new = statement.excluded
    adding = statement.on_conflict_do_update(
        index_elements=list(ledger.primary_key),
        set_={
            "requests": ledger.c.requests + new.requests,
            "records": ledger.c.records + new.records,
            "last_at": new.last_at,
        },
    )
    rows = [
        {
            "token_id": entry.token_id,
            "product": entry.product,
            "hour": entry.hour,
            "reason": entry.reason,
            "owner_id": entry.owner_id,
            "account_id": entry.account_id,
            "requests": count.requests,
            "records": count.records,
            "last_at": at,
        }
        for entry, count in sorted(entries.items(), key=lambda item: (item[0].token_id, item[0].product, item[0].hour, item[0].reason))
    ]
    connection.execute(adding, rows)


def keep(connection: Connection, refused: Sequence[Refusal]) -> None:
    """So that support can tell somebody why."""
    if refused:
        rows = [
            {
                "reference": each.reference,
                "at": each.at,
                "product": each.product,
                "token_id": each.token_id,
                "account_id": each.account_id,
                "told": msgspec.json.encode(each.told),
            }
            for each in refused
        ]
        connection.execute(refusals.insert(), rows)


def current(connection: Connection, keys: Sequence[Counter]) -> dict[Counter, Count]:
    """The counters, looked at without being taken; zero where nothing was counted yet."""
    c = counters.c
    found = {key: Count() for key in keys}
    for row in connection.execute(select(counters).where(c.owner_id.in_({key.owner_id for key in keys}))):
        key = Counter(row.owner_id, row.product, row.span, row.starts_at)
        if key in found:
            found[key] = Count(row.requests, row.records)
    return found


def refusal(connection: Connection, reference: UUID, now: datetime) -> dict[str, Any] | None:
    kept = refusals.c.at >= now - REFUSALS_KEPT
    row = connection.execute(select(refusals).where(refusals.c.reference == reference, kept)).one_or_none()
    if row is None:
        return None
    told: dict[str, Any] = msgspec.json.decode(row.told)
    known = {"reference": row.reference, "at": row.at, "product": row.product, "token_id": row.token_id, "account_id": row.account_id}
    return known | told


def last_used(connection: Connection, token_id: UUID) -> datetime | None:
    """When the token was last let in or turned away."""
    found: datetime | None = connection.scalar(
        select(ledger.c.last_at).where(ledger.c.token_id == token_id).order_by(ledger.c.last_at.desc()).limit(1)
    )
    return found


def sweep(connection: Connection, now: datetime) -> int:
    """Forget minutes that are over, and refusals of more than 90 days ago."""
    minutes = delete(counters).where(counters.c.span == Span.MINUTE, counters.c.starts_at < now - timedelta(hours=1))
    old = delete(refusals).where(refusals.c.at < now - REFUSALS_KEPT)
    return connection.execute(minutes).rowcount + connection.execute(old).rowcount
