"""The log to read: which events, by stream, account, actor, name and time; each as data, and as a line."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from domain.application import Lifecycle, Selection
from domain.events.base import Recorded

PAGE = 500


def page(lifecycle: Lifecycle, only: Selection, *, after: int = 0, limit: int = 50) -> tuple[list[dict[str, Any]], int | None]:
    """Events in the order of the log, and where the next page begins."""
    stored = lifecycle.log_reader.read_log(after=after, limit=limit + 1, only=only)
    shown = [as_data(lifecycle.codec.to_recorded(each)) for each in stored[:limit]]
    return shown, stored[limit - 1].id if len(stored) > limit else None


def as_data(recorded: Recorded) -> dict[str, Any]:
    event = msgspec.to_builtins(recorded.event, builtin_types=(UUID, datetime))
    metadata = msgspec.to_builtins(recorded.metadata, builtin_types=(UUID, datetime))
    at = event.pop("at")
    return {
        "position": recorded.position,
        "stream_id": recorded.stream_id,
        "version": recorded.version,
        "topic": recorded.event.TOPIC,
        "at": at,
        "recorded_at": recorded.recorded_at,
        "account_id": recorded.account_id,
        **metadata,
        "data": event,
    }


def line(item: dict[str, Any]) -> str:
    """`2027-03-01 09:00:00  subscription.renewed  by support-north (support): invoice`"""
    reason = f": {item['reason']}" if item.get("reason") else ""
    return f"{item['position']:>8}  {item['at']:%Y-%m-%d %H:%M:%S}  {item['topic']:<38} by {item['actor']} ({item['role']}){reason}"


def lines(lifecycle: Lifecycle, *, account: UUID | None = None) -> Iterator[str]:
    """The log as NDJSON."""
    after: int | None = 0
    while after is not None:
        items, after = page(lifecycle, Selection(account=account), after=after, limit=PAGE)
        for item in items:
            yield msgspec.json.encode(item).decode() + "\n"
