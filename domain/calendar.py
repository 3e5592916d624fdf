"""Terms, months and local dates. Everything is counted from an anchor, never step by step."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

DateOrInstant = TypeVar("DateOrInstant", date, datetime)
SATURDAY = 5
MICROSECOND = timedelta(microseconds=1)


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


def after_working_days(instant: datetime, days: int, zone: str) -> datetime:
    """The same local time of day `days` working days later, in UTC; a doubled or missing time as `later_by_days` has it.

    Saturday and Sunday are no working days, nor is a date that the zone skipped. What comes in on one counts from the start of the next
    working day.
    """
    first = local_date(instant, zone)
    if not _is_working_day(first, zone):
        first = _working_day_after(first, zone)
        instant = start_of_day(first, zone)
    last = first
    for _ in range(days):
        last = _working_day_after(last, zone)
    later = later_by_days(instant, (last - first).days, zone)
    landed = local_date(later, zone)
    # A time in a gap that reaches over midnight is moved into the next date, which may be a Saturday.
    return later if _is_working_day(landed, zone) else start_of_day(_working_day_after(landed, zone), zone)


def _is_working_day(day: date, zone: str) -> bool:
    return day.weekday() < SATURDAY and start_of_day(day, zone) < start_of_day(day + timedelta(days=1), zone)


def _working_day_after(day: date, zone: str) -> date:
    following = day + timedelta(days=1)
    return following if _is_working_day(following, zone) else _working_day_after(following, zone)
