"""One letter to look at: what became of it, and what it says, put together again from the facts that were pinned when it was written."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row, select

from domain.aggregates.institutional_account import InstitutionalAccount
from domain.application import Lifecycle
from domain.correspondence import Mailbox
from domain.events.base import ERASED
from projections.emails.compose import Letterhead, composed
from projections.emails.outbox import emails, shown
from projections.emails.preview import html, plain
from projections.follower import Database

NOTHING: dict[str, Any] = {"message_id": None, "text": None, "html": None}


def whole(lifecycle: Lifecycle, database: Database, letterhead: Letterhead, id: UUID) -> dict[str, Any] | None:
    """None where there is no such letter."""
    with database.reading() as connection:
        row = connection.execute(select(emails).where(emails.c.id == id)).one_or_none()
    if row is None:
        return None
    return shown(row) | (NOTHING if row.to in {None, ERASED} else _said(lifecycle, letterhead, row))


def _said(lifecycle: Lifecycle, letterhead: Letterhead, row: Row[Any]) -> dict[str, Any]:
    """As it left; of one that did not, as it was tried."""
    left = row.closed_at or row.written_at
    message = composed(
        letterhead,
        id=row.id,
        template=row.template,
        facts=msgspec.json.decode(row.facts),
        stream_id=row.stream_id,
        account_id=row.account_id,
        account=_institution(lifecycle, row.account_id, left),
        mailbox=Mailbox(address=row.to),
        date=left,
    )
    return {"message_id": str(message["Message-ID"]), "text": plain(message), "html": html(message)}


def _institution(lifecycle: Lifecycle, id: UUID | None, instant: datetime) -> InstitutionalAccount | None:
    stream = lifecycle.load_at(id, instant) if id else None
    return stream.state if stream and isinstance(stream.state, InstitutionalAccount) else None
