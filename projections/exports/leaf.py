"""A stored row in the form of which the log's tree is made: ids as text, instants in UTC to the microsecond, the state as base64."""

from base64 import b64encode
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.store import StoredNotification
from projections.tables import as_text


def leaf(stored: StoredNotification) -> dict[str, Any]:
    """Every column of the row, by its name."""
    metadata = stored.metadata
    return {
        "account_id": _id(stored.account_id),
        "actor": metadata.actor or None,
        "at": _instant(stored.at),
        "causation_id": _id(metadata.causation_id),
        "class_version": stored.class_version,
        "command_id": _id(metadata.command_id),
        "correlation_id": _id(metadata.correlation_id),
        "on_behalf_of": metadata.on_behalf_of,
        "position": stored.id,
        "reason": metadata.reason,
        "recorded_at": _instant(stored.recorded_at),
        "role": metadata.role or None,
        "state": b64encode(stored.state).decode(),
        "stream_id": str(stored.originator_id),
        "stream_version": stored.originator_version,
        "topic": stored.topic,
    }


def _id(id: UUID | None) -> str | None:
    return None if id is None else str(id)


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else as_text(instant)
