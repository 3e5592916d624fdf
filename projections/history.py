"""The log to read: which events, by stream, account, actor, name and time; each as data, and as a line."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from domain.application import Lifecycle
from domain.events.base import Recorded
from domain.store import Selection
from projections.actors import Actors
from projections.sentences import sentence


def page(lifecycle: Lifecycle, only: Selection, *, after: int = 0, limit: int = 50) -> tuple[list[dict[str, Any]], int | None]:
    """Events in the order of the log, and where the next page begins."""
    stored = lifecycle.log_reader.read_log(after=after, limit=limit + 1, only=only)
    actors = Actors(lifecycle)
    shown = [as_data(lifecycle.codec.to_recorded(each), actors) for each in stored[:limit]]
    return shown, stored[limit - 1].id if len(stored) > limit else None


def as_data(recorded: Recorded, actors: Actors) -> dict[str, Any]:
    """`actor` as it is on record, which is an id of a librarian; `actor_name` for people."""
    event = msgspec.to_builtins(recorded.event, builtin_types=(UUID, datetime))
    metadata = msgspec.to_builtins(recorded.metadata, builtin_types=(UUID, datetime))
    at = event.pop("at")
    actor = actors.name(recorded)
    return {
        "sentence": sentence(recorded, actor),
        "position": recorded.position,
        "stream_id": recorded.stream_id,
        "version": recorded.version,
        "topic": recorded.event.TOPIC,
        "at": at,
        "recorded_at": recorded.recorded_at,
        "account_id": recorded.account_id,
        **metadata,
        "actor_name": actor,
        "data": event,
    }


def line(item: dict[str, Any]) -> str:
    """`1  2027-03-01 09:00:00  subscription.renewed  support-north renewed the subscription to 2028-03-01: invoice paid`"""
    corrected = "".join(f"  [correction {each['status']}, at {each['position']}]" for each in item.get("corrections", ()))
    return f"{item['position']:>8}  {item['at']:%Y-%m-%d %H:%M:%S}  {item['topic']:<38} {item['sentence']}{corrected}"
