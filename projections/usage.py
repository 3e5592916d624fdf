"""What was called, by whom and how often: the ledger, the counters that limits are held against, and what was refused.

Own facts: no log can tell them again, so no rebuild touches them, and they are backed up with the log. The ledger only grows.
"""

# ruff: noqa: S608 - what is put together are constants of this file; the values go beside them

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, Column, Connection, CursorResult, Index, LargeBinary, String, Table, Uuid, delete, select

from projections.follower import LAST_WORDS
from projections.tables import Instant, as_text, facts

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
    sqlite_with_rowid=False,
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
    sqlite_with_rowid=False,
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


@dataclass(slots=True)
class Tab:
    """What an owner uses of a product in one transaction, and what was used before: in the quota month, and in the minute."""

    owner_id: UUID
    product: str
    month: datetime
    minute: datetime
    requests: int = 0
    records: int = 0
    before: Count = field(default_factory=Count)
    before_this_minute: int = 0

    def allow(self, requests: int, records: int) -> None:
        """What is left of `requests` and `records` in the end was not allowed."""
        self.requests -= requests
        self.records -= records
        self.before.requests += requests
        self.before.records += records
        self.before_this_minute += requests


def count(connection: Connection, tabs: Iterable[Tab]) -> None:
    """Count what is used, and find what was used before. Nobody else counts for these owners until the transaction is over."""
    ordered = sorted(tabs, key=lambda tab: (tab.owner_id.int, tab.product))
    if not ordered:
        return
    if connection.dialect.name == "postgresql":
        owners = [str(tab.owner_id) for tab in ordered]
        rows = ((owner, t.product, t.month, t.minute, t.requests, t.records) for owner, t in zip(owners, ordered, strict=True))
        found: Iterable[Any] = _carry_out(connection, (_COUNT, zip(*rows, strict=True)))
    else:
        owners = [tab.owner_id.hex for tab in ordered]
        texts = [(o, t.product, as_text(t.month), as_text(t.minute), t.requests, t.records) for o, t in zip(owners, ordered, strict=True)]
        found = connection.exec_driver_sql(_COUNT_SQLITE, (msgspec.json.encode(texts).decode(),))
    counted: dict[tuple[str, str, str], Any] = {(row[0], row[1], row[2]): row for row in found}
    for owner, tab in zip(owners, ordered, strict=True):
        *_, requests, records = counted[owner, tab.product, "month"]
        tab.before = Count(requests - tab.requests, records - tab.records)
        tab.before_this_minute = counted[owner, tab.product, "minute"][3] - tab.requests


def take_back(connection: Connection, tabs: Iterable[Tab]) -> None:
    """What was counted and not allowed; nobody has seen it."""
    refused = [tab for tab in tabs if tab.requests]
    for tab in refused:
        tab.requests, tab.records = -tab.requests, -tab.records
    count(connection, refused)


def look(connection: Connection, tab: Tab) -> None:
    """Find what was used before, and count nothing."""
    month, minute = _keys(tab)
    found = current(connection, [month, minute])
    tab.before, tab.before_this_minute = found[month], found[minute].requests


def _keys(tab: Tab) -> tuple[Counter, Counter]:
    return Counter(tab.owner_id, tab.product, Span.MONTH, tab.month), Counter(tab.owner_id, tab.product, Span.MINUTE, tab.minute)


@dataclass
class Books:
    """What one transaction writes."""

    entries: defaultdict[Entry, Count] = field(default_factory=lambda: defaultdict(Count))
    refusals: list[Refusal] = field(default_factory=list)


def write(connection: Connection, books: Books, at: datetime) -> None:
    """What is new in the ledger, and what support may be asked about."""
    entries = sorted(books.entries.items(), key=lambda line: (line[0].token_id.int, line[0].product, line[0].hour, line[0].reason))
    if connection.dialect.name == "postgresql":
        lines = [
            (str(e.token_id), e.product, e.hour, e.reason, str(e.owner_id), str(e.account_id), count.requests, count.records, at)
            for e, count in entries
        ]
        refused = [
            (str(r.reference), r.at, r.product, _text(r.token_id), _text(r.account_id), msgspec.json.encode(r.told)) for r in books.refusals
        ]
        if parts := [(each, zip(*rows, strict=True)) for each, rows in ((_NOTE, lines), (_KEEP, refused)) if rows]:
            _carry_out(connection, *parts, last=True)
        return
    for statement, rows in (
        (
            _NOTE_ONE,
            [
                (e.token_id.hex, e.product, as_text(e.hour), e.reason, e.owner_id.hex, e.account_id.hex, c.requests, c.records, as_text(at))
                for e, c in entries
            ],
        ),
        (
            _KEEP_ONE,
            [
                (r.reference.hex, as_text(r.at), r.product, _hex(r.token_id), _hex(r.account_id), msgspec.json.encode(r.told))
                for r in books.refusals
            ],
        ),
    ):
        if rows:
            connection.exec_driver_sql(statement, rows)


def _text(id: UUID | None) -> str | None:
    return str(id) if id else None


def _hex(id: UUID | None) -> str | None:
    return id.hex if id else None


@dataclass(frozen=True)
class _Prepared:
    """A statement that PostgreSQL plans once for each connection; it takes columns, each an array of the type named for it."""

    name: str
    statement: str
    types: tuple[str, ...]

    @property
    def call(self) -> str:
        return f"EXECUTE {self.name} ({', '.join(f'%s::{each}[]' for each in self.types)})"


def _carry_out(connection: Connection, *parts: tuple[_Prepared, Iterable[Iterable[Any]]], last: bool = False) -> CursorResult[Any]:
    """In one round trip; the driver would send row by row. What the last part returns."""
    for prepared, _ in parts:
        if prepared.name not in connection.info:
            types = ", ".join(f"{each}[]" for each in prepared.types)
            connection.exec_driver_sql(f"PREPARE {prepared.name} ({types}) AS {prepared.statement}")
            connection.info[prepared.name] = True
    given = tuple(list(column) for _, columns in parts for column in columns)
    statement = "; ".join(prepared.call for prepared, _ in parts)
    return connection.exec_driver_sql(statement + (connection.get_execution_options().get(LAST_WORDS, "") if last else ""), given)


_COUNTING = """
ON CONFLICT (owner_id, product, span, starts_at) DO UPDATE
SET requests = usage_counters.requests + excluded.requests, records = usage_counters.records + excluded.records"""
_COUNTERS = "INSERT INTO usage_counters (owner_id, product, span, starts_at, requests, records) "
_ROWS = "SELECT k.owner_id, k.product, s.span, CASE s.span WHEN 'month' THEN k.month ELSE k.minute END, k.requests, k.records"
_COUNT = _Prepared(
    "usage_count",
    f"""{_COUNTERS} {_ROWS} FROM unnest($1, $2, $3, $4, $5, $6) AS k(owner_id, product, month, minute, requests, records),
    (VALUES ('minute'), ('month')) AS s(span) ORDER BY k.owner_id, k.product, s.span
    {_COUNTING} RETURNING owner_id::text, product, span, requests, records""",
    ("uuid", "text", "timestamptz", "timestamptz", "bigint", "bigint"),
)
_COLUMNS = enumerate(("owner_id", "product", "month", "minute", "requests", "records"))
_COUNT_SQLITE = f"""{_COUNTERS} {_ROWS}
FROM (SELECT {", ".join(f"json_extract(value, '$[{place}]') AS {name}" for place, name in _COLUMNS)} FROM json_each(?)) AS k,
(SELECT 'minute' AS span UNION ALL SELECT 'month') AS s WHERE true
{_COUNTING} RETURNING owner_id, product, span, requests, records"""
_ADDING = """
ON CONFLICT (token_id, product, hour, reason) DO UPDATE
SET requests = usage_ledger.requests + excluded.requests, records = usage_ledger.records + excluded.records, last_at = excluded.last_at"""
_LEDGER = "INSERT INTO usage_ledger (token_id, product, hour, reason, owner_id, account_id, requests, records, last_at) "
_NOTE = _Prepared(
    "usage_note",
    f"{_LEDGER} SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) {_ADDING}",
    ("uuid", "text", "timestamptz", "text", "uuid", "uuid", "bigint", "bigint", "timestamptz"),
)
_REFUSALS = "INSERT INTO access_refusals (reference, at, product, token_id, account_id, told) "
_KEEP = _Prepared(
    "usage_keep",
    f"{_REFUSALS} SELECT * FROM unnest($1, $2, $3, $4, $5, $6)",
    ("uuid", "timestamptz", "text", "uuid", "uuid", "bytea"),
)
_NOTE_ONE = f"{_LEDGER} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) {_ADDING}"
_KEEP_ONE = f"{_REFUSALS} VALUES (?, ?, ?, ?, ?, ?)"


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
