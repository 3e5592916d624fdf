"""What changed of an institution between two instants of effect: which things appeared, changed or ended, and by which events."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import or_, select

from domain.application import Lifecycle
from domain.causation import RESOLUTION
from domain.moment import Moment
from domain.past import back_to
from domain.store import Selection
from domain.streams import Stream
from projections import accounts, api_tokens, subscriptions, user_imports, user_plans
from projections.actors import Actors
from projections.follower import Database
from projections.sentences import sentence
from projections.shapes import show
from projections.versions import last_version, versions

KINDS = {
    "account": accounts.table,
    "subscription": subscriptions.table,
    "user-plan": user_plans.table,
    "token": api_tokens.table,
    "user-import": user_imports.table,
}
OVER = frozenset({"closed", "withdrawn", "rejected", "ended", "expired", "revoked", "undone"})
"""What does not go on from there, of whatever kind."""


def page(
    lifecycle: Lifecycle, database: Database, account: UUID, before: Moment, after_it: Moment, *, after: int, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """Things in the order in which they began, and where the next page begins. Only an institution's own streams are looked at."""
    then, later = back_to(lifecycle, before), back_to(lifecycle, after_it)
    touched = list(_touched(database, account, before, after_it, after, limit))
    touched.sort()
    items = []
    for _, id, kind in touched[:limit]:
        one, other = _at(then, id), _at(later, id)
        if other is None:
            continue
        fields = list(_changes(one, other))
        events = list(_events(lifecycle, id, before, after_it))
        if fields or events:
            items.append({"kind": kind, "id": id, "change": _change(one, other), "fields": fields, "events": events})
    return items, touched[limit - 1][0] if len(touched) > limit else None


def _touched(
    database: Database, account: UUID, before: Moment, after_it: Moment, after: int, limit: int
) -> Iterator[tuple[int, UUID, str]]:
    """Whatever has another version then, or had something due that nobody may have recorded."""
    with database.reading() as connection:
        for kind, table in KINDS.items():
            old, new = last_version(table, before), last_version(table, after_it)
            query = (
                select(table.c.number, table.c.id)
                .select_from(table)
                .join(versions, (versions.c.stream_id == table.c.id) & (versions.c.version == new))
                .where(table.c.account_id == account, table.c.number > after)
                .where(or_(old.is_(None), old != versions.c.version, versions.c.next_due <= after_it.as_of))
                .order_by(table.c.number)
                .limit(limit + 1)
            )
            for number, id in connection.execute(query):
                yield number, id, kind


def _at(lifecycle: Lifecycle, id: UUID) -> dict[str, Any] | None:
    instant = lifecycle.clock.now()
    stream: Stream | None = lifecycle.as_of(id, instant)
    if stream is None:
        return None
    shown: dict[str, Any] = msgspec.to_builtins(show(stream.id, stream.version, stream.state, instant))
    return dict(_flat(shown))


def _flat(shown: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in shown.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _changes(one: Mapping[str, Any] | None, other: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name in {**(one or {}), **other}:
        before, after = (one or {}).get(name), other.get(name)
        if name not in {"id", "version"} and before != after:
            yield {"field": name, "before": before, "after": after}


def _change(one: Mapping[str, Any] | None, other: Mapping[str, Any]) -> str:
    if other["status"] in OVER and (one is None or one["status"] not in OVER):
        return "ended"
    return "appeared" if one is None else "changed"


def _events(lifecycle: Lifecycle, id: UUID, before: Moment, after_it: Moment) -> Iterator[dict[str, Any]]:
    known = after_it.known_at + RESOLUTION if after_it.known_at else None
    only = Selection(stream=id, from_=before.as_of + RESOLUTION, to=after_it.as_of + RESOLUTION, recorded_to=known)
    actors = Actors(lifecycle)
    for stored in lifecycle.log_reader.read_log(after=0, limit=MOST_EVENTS, only=only):
        recorded = lifecycle.codec.to_recorded(stored)
        yield {"position": recorded.position, "at": _text(recorded.event.at), "sentence": sentence(recorded, actors.name(recorded))}


MOST_EVENTS = 500


def _text(instant: datetime) -> str:
    return str(msgspec.to_builtins(instant))
