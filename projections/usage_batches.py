"""Usage that a gateway reports after it has decided by itself: each batch is taken in whole, and once."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, case, select

from projections.follower import inserted
from projections.usage import Count, Counter, Entry, Span, batches, counters, ledger

OLDEST = timedelta(days=35)
AHEAD = timedelta(minutes=1)
"""How far the clock of a gateway may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a token was used for about an instant. `month` begins the quota month that it still counts in, if there is one."""

    token_id: UUID
    owner_id: UUID
    account_id: UUID
    product: str
    at: datetime
    month: datetime | None
    requests: int
    records: int
    refused: tuple[tuple[str, int], ...] = ()


def known(connection: Connection, sender: str, batch_id: str) -> tuple[str, datetime] | None:
    """What is on record under an id: the batch's fingerprint, and when it was taken in."""
    row = connection.execute(select(batches).where(batches.c.sender == sender, batches.c.batch_id == batch_id)).one_or_none()
    return (row.fingerprint, row.at) if row else None


def begin(connection: Connection, sender: str, batch_id: str, fingerprint: str, now: datetime) -> tuple[str, datetime] | None:
    """Put a batch on record, or say what somebody who was faster has put there."""
    row = {"sender": sender, "batch_id": batch_id, "fingerprint": fingerprint, "at": now}
    if connection.execute(inserted(connection, batches).values(row).on_conflict_do_nothing()).rowcount:
        return None
    return known(connection, sender, batch_id)


def take_in(connection: Connection, lines: Iterable[Line]) -> None:
    """Count what happened, beyond a limit too: in the ledger by the hour, and in the owner's quota month."""
    months: dict[Counter, Count] = {}
    entries: dict[Entry, Count] = {}
    last: dict[Entry, datetime] = {}
    for line in lines:
        if line.month is not None and line.requests:
            _count(months, Counter(line.owner_id, line.product, Span.MONTH, line.month), line.requests, line.records)
        hour = line.at.replace(minute=0, second=0, microsecond=0)
        allowed = (("", line.requests, line.records),) if line.requests else ()
        for reason, requests, records in (*allowed, *((reason, count, 0) for reason, count in line.refused)):
            entry = Entry(line.token_id, line.product, hour, reason, line.owner_id, line.account_id)
            _count(entries, entry, requests, records)
            last[entry] = max(last.get(entry, line.at), line.at)
    # In the order in which the meter takes them, so that neither waits for the other in a circle.
    _add(connection, counters, [asdict(key) | asdict(months[key]) for key in sorted(months)])
    ordered = sorted(entries, key=lambda entry: (entry.token_id, entry.product, entry.hour, entry.reason))
    _add(connection, ledger, [asdict(entry) | asdict(entries[entry]) | {"last_at": last[entry]} for entry in ordered])


def _count(counts: dict[Any, Count], key: Counter | Entry, requests: int, records: int) -> None:
    count = counts.setdefault(key, Count())
    count.requests += requests
    count.records += records


def _add(connection: Connection, table: Table, rows: list[Mapping[str, Any]]) -> None:
    """Rows that are not there yet, and more of those that are."""
    if not rows:
        return
    statement = inserted(connection, table)
    new, before = statement.excluded, table.c
    changes = {"requests": before.requests + new.requests, "records": before.records + new.records}
    if "last_at" in before:
        changes["last_at"] = case((new.last_at > before.last_at, new.last_at), else_=before.last_at)
    connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes), rows)
