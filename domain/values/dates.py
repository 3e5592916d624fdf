"""Dates, instants and time zones as they are typed."""

import re
from datetime import UTC, date, datetime
from functools import cache
from zoneinfo import available_timezones

from domain.errors import Invalid

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:[Zz]|[+-][0-2][0-9]:[0-5][0-9])")

NOT_ZONES = frozenset({"Factory", "localtime", "posixrules"})
"""Files beside the zones of the tz database that name no place."""


def parse_instant(text: str, *, field: str = "at") -> datetime:
    """RFC 3339 with a zone, in UTC. What is finer than a microsecond is refused, not rounded; so is 24:00, and a leap second."""
    if not _INSTANT.fullmatch(text):
        raise Invalid("invalid-instant", "an instant is written like 2027-03-01T09:30:00Z, with its offset from UTC", field=field)
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid("invalid-instant", f"there is no such instant: {error}", field=field) from error


def parse_date(text: str, *, field: str = "date") -> date:
    if not _DATE.fullmatch(text):
        raise Invalid("invalid-date", "a date is written like 2027-03-01", field=field)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid("invalid-date", f"there is no such date: {error}", field=field) from error


def parse_time_zone(name: str, *, field: str = "time_zone") -> str:
    """A name of the tz database, spelt as it is there."""
    if name in zones():
        return name
    meant = next((zone for zone in sorted(zones()) if zone.lower() == name.lower().replace(" ", "_")), None)
    hint = f"did you mean {meant}?" if meant else "they are named like Europe/Berlin"
    raise Invalid("invalid-time-zone", f"this is not a zone of the tz database; {hint}", field=field)


@cache
def zones() -> frozenset[str]:
    return frozenset(zone for zone in available_timezones() if zone not in NOT_ZONES and not zone.startswith(("posix/", "right/")))
