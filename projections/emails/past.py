"""Emails as they were at a moment that is past: which there were, and what had become of each by then."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from domain.application import Lifecycle
from projections.emails.outbox import PENDING, became, emails, shown
from projections.follower import Database
from projections.versions import versions


def page_then(
    lifecycle: Lifecycle,
    database: Database,
    *,
    account: UUID | None = None,
    template: str | None = None,
    status: str | None = None,
    after: int = 0,
    limit: int = 50,
) -> tuple[list[dict[str, Any]], int | None]:
    """Emails that had been written by the moment that the lifecycle is of, in their order, and where the next page begins."""
    assert lifecycle.moment is not None
    query = select(emails).join(versions, versions.c.position == emails.c.position).where(versions.c.at <= lifecycle.moment.as_of)
    if lifecycle.moment.known_at is not None:
        query = query.where(versions.c.recorded_at <= lifecycle.moment.known_at)
    if account:
        query = query.where(emails.c.account_id == account)
    if template:
        query = query.where(emails.c.template == template)
    query = query.order_by(emails.c.number).limit(limit + 1)
    items: list[dict[str, Any]] = []
    while True:
        with database.reading() as connection:
            rows = list(connection.execute(query.where(emails.c.number > after)))
        for row, letter in zip(rows[:limit], letters_then(lifecycle, rows[:limit]), strict=True):
            if len(items) == limit:
                return items, after
            after = row.number
            if status is None or letter["status"] == status:
                items.append(letter)
        if len(rows) <= limit:
            return items, None


def letters_then(lifecycle: Lifecycle, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Each as it was: what the letters' own events say that count."""
    told: dict[UUID, dict[str, Any]] = defaultdict(dict)
    for stored in lifecycle.log_reader.read_streams({row.id: 0 for row in rows}):
        recorded = lifecycle.codec.to_recorded(stored)
        told[recorded.stream_id] |= became(recorded.event) or {}
    fresh = {"status": PENDING, "to": None, "subject": None, "answer": None, "closed_at": None}
    return [shown(row) | fresh | told[row.id] for row in rows]
