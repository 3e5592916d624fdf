"""Events as other systems are told of them: CloudEvents 1.0, without secrets, and without what names people unless that is allowed."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

from domain.application import Lifecycle
from domain.events.base import Event, Personal, Recorded
from domain.events.correction import CorrectionProposed
from domain.events.email_delivery import EmailSkipped
from domain.store import Selection

MEDIA_TYPE = "application/cloudevents+json"
SCANNED = 1_000

NEVER_TOLD = frozenset({"digest", "pepper", "person_key"})
"""Keyed hashes and their keys' numbers: of use to nobody else."""
MAY_NAME_PEOPLE = frozenset({"approved_by", "approver", "proposed_by", "requester"})
"""Those who act for their house. They are no personal fields, which are sealed, but somebody is named in them all the same."""
MAY_NAME_PEOPLE_IN: dict[type[Any], frozenset[str]] = {
    EmailSkipped: frozenset({"why"}),
    CorrectionProposed: frozenset({"right", "fields"}),
}

Cut = dict[str, Any]
"""By the name of a field: True where it is cut out, else what is cut out of the value within."""


def event_id(recorded: Recorded) -> str:
    """The same event has the same id for ever, wherever it is told."""
    return f"{recorded.stream_id}-{recorded.version}"


def cloud_event(recorded: Recorded, source: str, *, personal: bool) -> dict[str, Any]:
    """The event in the structured form. `sequence` is its position, of one length so that it sorts as text."""
    event, metadata = recorded.event, recorded.metadata
    kind: Any = type(event)
    data = msgspec.to_builtins(event, builtin_types=(UUID, datetime), order="deterministic")
    del data["at"]
    told = {
        "specversion": "1.0",
        "id": event_id(recorded),
        "source": source,
        "type": event.TOPIC,
        "subject": str(recorded.stream_id),
        "time": _instant(event.at),
        "recordedtime": _instant(recorded.recorded_at),
        "datacontenttype": "application/json",
        "dataversion": event.class_version,
        "sequence": f"{recorded.position:019d}",
        "streamversion": recorded.version,
        "accountid": _text(recorded.account_id),
        "correlationid": _text(metadata.correlation_id),
        "causationid": _text(metadata.causation_id),
        "data": _without(data, _cuts(kind, personal)),
    }
    return {name: value for name, value in told.items() if value is not None}


def page(
    lifecycle: Lifecycle, only: Selection, source: str, *, after: int, limit: int, personal: bool
) -> tuple[list[dict[str, Any]], int | None]:
    """Events in the order of the log, and where the next page begins."""
    stored = lifecycle.log_reader.read_log(after=after, limit=limit + 1, only=only)
    told = [cloud_event(lifecycle.codec.to_recorded(each), source, personal=personal) for each in stored[:limit]]
    return told, stored[limit - 1].id if len(stored) > limit else None


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _text(id: UUID | None) -> str | None:
    return None if id is None else str(id)


def _without(value: Any, cuts: Cut) -> Any:
    if isinstance(value, list | tuple):
        return [_without(each, cuts) for each in value]
    if not isinstance(value, dict) or not cuts:
        return value
    return {name: _without(each, cuts.get(name, {})) for name, each in value.items() if cuts.get(name) is not True}


@cache
def _cuts(kind: type[Any], personal: bool) -> Cut:
    """What of a class is not told."""
    cuts: Cut = {}
    hints = get_type_hints(kind, include_extras=True)
    for field in fields(kind):
        inner = [each for each in _parts(hints[field.name]) if is_dataclass(each)]
        if field.name in NEVER_TOLD or (not personal and _names_people(kind, field.name, hints[field.name])):
            cuts[field.name] = True
        elif within := {name: cut for each in inner if isinstance(each, type) for name, cut in _cuts(each, personal).items()}:
            cuts[field.name] = within
    return cuts


def _names_people(kind: type[Any], name: str, hint: Any) -> bool:
    if any(isinstance(each, Personal) for each in getattr(hint, "__metadata__", ())):
        return True
    return name in MAY_NAME_PEOPLE_IN.get(kind, ()) or (issubclass(kind, Event) and name in MAY_NAME_PEOPLE)


def _parts(hint: Any) -> Iterator[Any]:
    """The classes that a type is made of."""
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    yield hint
    for each in get_args(hint):
        yield from _parts(each)
