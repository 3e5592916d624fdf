"""Terms, months and local dates. Everything is counted from an anchor, never step by step."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

DateOrInstant = TypeVar("DateOrInstant", date, datetime)


def months_after(anchor: DateOrInstant, months: int) -> DateOrInstant:
    """The same day of the month, `months` later, or the last day of that month where it is shorter."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    return anchor.replace(year=year, month=month + 1, day=min(anchor.day, monthrange(year, month + 1)[1]))


def one_year_after(instant: datetime) -> datetime:
    """Exactly one calendar year in UTC; from 29 February to 28 February."""
    return months_after(instant.astimezone(UTC), 12)


def start_of_day(day: date, zone: str) -> datetime:
    """The first instant of a local date, in UTC: after a missing midnight the first that exists, of two the earlier.

    A date that the zone skipped whole (Samoa, 30 December 2011) begins when the next one does.
    """
    return _midnight(day, zone, fold=0)


def end_of_day_before(day: date, zone: str) -> datetime:
    """The instant at which a period that excludes `day` ends, in UTC; of two midnights the later, so that no paid time is lost."""
    return _midnight(day, zone, fold=1)


def _midnight(day: date, zone: str, *, fold: int) -> datetime:
    local = datetime.combine(day, time(), tzinfo=ZoneInfo(zone)).replace(fold=fold)
    instant = local.astimezone(UTC)
    if _wall(instant, zone) == local.replace(tzinfo=None):
        return instant
    # A missing midnight: fold 0 reads it with the offset before the gap, fold 1 with the one after it, and the gap lies between.
    before = local.replace(fold=1).astimezone(UTC)
    after = local.replace(fold=0).astimezone(UTC)
    while after - before > timedelta(microseconds=1):
        middle = before + (after - before) / 2
        if _wall(middle, zone) < datetime.combine(day, time()):
            before = middle
        else:
            after = middle
    return after


def _wall(instant: datetime, zone: str) -> datetime:
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def local_date(instant: datetime, zone: str) -> date:
    return instant.astimezone(ZoneInfo(zone)).date()


def quota_month(anchor: datetime, instant: datetime) -> tuple[int, datetime, datetime]:
    """The number (from 0), start and end of the quota month that contains `instant`, which is not before `anchor`; counted in UTC."""
    anchor, instant = anchor.astimezone(UTC), instant.astimezone(UTC)
    number = (instant.year - anchor.year) * 12 + instant.month - anchor.month
    if months_after(anchor, number) > instant:
        number -= 1
    return number, months_after(anchor, number), months_after(anchor, number + 1)


def days_before(instant: datetime, days: int) -> datetime:
    return instant - timedelta(days=days)


def whole_local_days(start: datetime, end: datetime, zone: str) -> int:
    """How many local days it takes to give back the time from `start` to `end`: rounded up."""
    days = (local_date(end, zone) - local_date(start, zone)).days
    while days and later_by_days(start, days - 1, zone) >= end:
        days -= 1
    while later_by_days(start, days, zone) < end:
        days += 1
    return days


def later_by_days(instant: datetime, days: int, zone: str) -> datetime:
    """The same local time of day `days` later, in UTC; of two such times the later, and a missing one is moved past the gap."""
    if not days:
        return instant.astimezone(UTC)
    local = instant.astimezone(ZoneInfo(zone)) + timedelta(days=days)
    # Of a doubled time fold 1 is the later reading; of a missing one it is fold 0, which still has the offset before the gap.
    return max(local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
