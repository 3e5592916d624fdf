"""Each event as a sentence: who did what, and why."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.events.base import Event, Recorded
from projections.sentences import accounts, corrections, erasures, people, subscriptions, things
from projections.sentences.base import Words

WORDS: Mapping[type[Event], Words] = {
    event: words for of_some in (accounts, corrections, erasures, people, subscriptions, things) for event, words in of_some.WORDS.items()
}
"""What each class of event says was done; every class has its words."""

SYSTEM = "tenure"


def sentence(recorded: Recorded, actor: str | None = None) -> str:
    """`support-north renewed the subscription to 2028-03-01: invoice`. Days are local where the event holds its zone, else those of UTC.

    `actor` is who did it by name, where the record has only an id.
    """
    metadata = recorded.metadata
    actor = SYSTEM if metadata.role == "system" else actor or metadata.actor
    behalf = f" for {metadata.on_behalf_of}" if metadata.on_behalf_of else ""
    why = f": {metadata.reason}" if metadata.reason else ""
    return f"{actor}{behalf} {done(recorded.event)}{why}"


def done(event: Event) -> str:
    """What happened, without who did it."""
    words = WORDS.get(type(event))
    if words is None:
        return f"recorded {event.TOPIC.replace('.', ' ').replace('-', ' ')}"
    template = words if isinstance(words, str) else words(event)
    zone = _zone(getattr(event, "time_zone", None))
    return template.format_map({name: _told(value, zone) for name, value in vars(event).items()})


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):  # one that this machine does not know
        return ZoneInfo("UTC")


def _told(value: Any, zone: ZoneInfo) -> str:
    match value:
        case datetime():
            return value.astimezone(zone).date().isoformat()
        case date():
            return value.isoformat()
        case None:
            return "nothing"
        case Enum():
            return str(value.value)
        case tuple() | list() | frozenset():
            return ", ".join(_told(each, zone) for each in value) or "nothing"
    return _Plain(value) if hasattr(value, "__dataclass_fields__") else str(value)


class _Plain(str):  # noqa: SLOT000 - it has one, which a type checker would not see among slots
    """A part of an event, told by its fields: `{contact.email}`."""

    _of: Any

    def __new__(cls, of: Any) -> Self:
        made = super().__new__(cls, str(getattr(of, "name", None) or type(of).__name__))
        made._of = of
        return made

    def __getattr__(self, name: str) -> str:
        return _told(getattr(self._of, name), ZoneInfo("UTC"))
