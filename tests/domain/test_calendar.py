"""Dates and instants in every zone of the tz database, around every change of its clocks."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.calendar import (
    after_working_days,
    end_of_day_before,
    later_by_days,
    local_date,
    months_after,
    one_year_after,
    quota_month,
    start_of_day,
    whole_local_days,
)
from domain.values.dates import zones

DAY, MICROSECOND = timedelta(days=1), timedelta(microseconds=1)
ZONES = sorted(zones())
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc]


@cache
def changes(zone: str) -> tuple[tuple[datetime, timedelta, timedelta], ...]:
    """Each change of a zone's offset that lasts 14 days or longer: the instant, the offset before and the one after."""
    here = ZoneInfo(zone)
    found = []
    instant, offset = EARLIEST, EARLIEST.astimezone(here).utcoffset()
    while instant < LATEST:
        following = instant + 14 * DAY
        then = following.astimezone(here).utcoffset()
        if then != offset:
            before, after = instant, following
            while after - before > timedelta(seconds=1):
                middle = before + (after - before) // 2 // timedelta(seconds=1) * timedelta(seconds=1)
                before, after = (middle, after) if middle.astimezone(here).utcoffset() == offset else (before, middle)
            found.append((after, offset, then))
        instant, offset = following, then
    return tuple(found)


@cache
def distinct() -> tuple[str, ...]:
    """One zone for each history of changes: the others are names for the same."""
    return tuple({changes(zone): zone for zone in reversed(ZONES)}.values())


def days_of_change() -> Iterator[tuple[str, date]]:
    """Where the clocks jump over a midnight or pass it twice: these zones, and the first date that begins after the change."""
    for zone in distinct():
        for instant, before, after in changes(zone):
            wall = sorted(((instant + before).replace(tzinfo=None), (instant + after).replace(tzinfo=None)))
            for extra in range((wall[1].date() - wall[0].date()).days + 1):
                day = wall[0].date() + extra * DAY
                if wall[0] <= datetime(day.year, day.month, day.day) <= wall[1]:
                    yield zone, day


INSTANTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
DATES = st.dates(date(1900, 1, 1), date(2200, 1, 1))
MONTHS = st.integers(0, 1_200)


# Months


@given(DATES, MONTHS)
def test_months_are_counted_from_the_anchor_and_clamped_to_the_month(anchor, months):
    later = months_after(anchor, months)
    assert months == (later.year - anchor.year) * 12 + later.month - anchor.month
    assert later.day == min(anchor.day, monthrange(later.year, later.month)[1])


@given(DATES, MONTHS)
def test_months_never_go_back(anchor, months):
    assert months_after(anchor, months) < months_after(anchor, months + 1)


@given(INSTANTS, MONTHS)
def test_the_time_of_day_stays(anchor, months):
    later = months_after(anchor, months)
    assert (anchor.timetz(), months_after(anchor.date(), months)) == (later.timetz(), later.date())


def test_the_31st_comes_back_after_a_short_month():
    assert [date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31)] == [months_after(date(2027, 1, 31), n) for n in range(3)]
    assert date(2028, 2, 29) == months_after(date(2027, 11, 30), 3)
    assert date(2026, 11, 30) == months_after(date(2027, 1, 31), -2)


def test_a_year_from_29_february_is_28_february():
    assert utc(2029, 2, 28, 13, 5) == one_year_after(utc(2028, 2, 29, 13, 5))
    assert date(2032, 2, 29) == months_after(date(2028, 2, 29), 48)


def test_a_year_is_counted_in_utc():
    leap_day_in_tokyo = datetime(2028, 3, 1, 8, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert utc(2029, 2, 28, 23) == one_year_after(leap_day_in_tokyo)


@given(INSTANTS, st.timedeltas(timedelta(0), timedelta(days=20_000)))
def test_a_quota_month_contains_its_instants_and_meets_the_next(anchor, since):
    instant = anchor + since
    number, start, end = quota_month(anchor, instant)
    assert number >= 0
    assert start <= instant < end
    assert (start, end) == (months_after(anchor, number), months_after(anchor, number + 1))
    assert number + 1 == quota_month(anchor, end)[0]
    assert number == quota_month(anchor, end - MICROSECOND)[0]


def test_a_quota_month_is_the_same_wherever_its_instant_is_told():
    kiritimati = ZoneInfo("Pacific/Kiritimati")
    assert quota_month(utc(2027, 1, 31, 12), utc(2027, 2, 28, 11)) == quota_month(
        utc(2027, 1, 31, 12).astimezone(kiritimati), utc(2027, 2, 28, 11).astimezone(kiritimati)
    )


# Local dates


@pytest.mark.parametrize(
    ("zone", "day", "start", "end"),
    [
        pytest.param("Europe/Berlin", date(2027, 3, 28), utc(2027, 3, 27, 23), None, id="a midnight like any other"),
        pytest.param("America/Sao_Paulo", date(2018, 11, 4), utc(2018, 11, 4, 3), None, id="missing, in São Paulo"),
        pytest.param("Asia/Beirut", date(2027, 3, 28), utc(2027, 3, 27, 22), None, id="missing, in Beirut"),
        pytest.param("Africa/Cairo", date(2027, 4, 30), utc(2027, 4, 29, 22), None, id="missing, in Cairo"),
        pytest.param("America/Havana", date(2027, 3, 14), utc(2027, 3, 14, 5), None, id="missing, in Havana"),
        pytest.param("America/Havana", date(2027, 11, 7), utc(2027, 11, 7, 4), utc(2027, 11, 7, 5), id="twice, in Havana"),
        pytest.param("Atlantic/Azores", date(2027, 10, 31), utc(2027, 10, 31, 0), utc(2027, 10, 31, 1), id="twice, in the Azores"),
        pytest.param(
            "America/St_Johns", date(2010, 11, 7), utc(2010, 11, 7, 2, 30), utc(2010, 11, 7, 3, 30), id="twice, back into the day before"
        ),
        pytest.param("America/Sao_Paulo", date(2018, 2, 18), utc(2018, 2, 18, 3), None, id="the hour before it twice"),
        pytest.param("Pacific/Apia", date(2011, 12, 30), utc(2011, 12, 30, 10), None, id="a day that Samoa skipped"),
        pytest.param("Pacific/Apia", date(2011, 12, 31), utc(2011, 12, 30, 10), None, id="the day after it"),
        pytest.param("Pacific/Kwajalein", date(1993, 8, 21), utc(1993, 8, 21, 12), None, id="a day that Kwajalein skipped"),
        pytest.param(
            "Pacific/Apia", date(1892, 7, 4), utc(1892, 7, 3, 11, 26, 56), utc(1892, 7, 4, 11, 26, 56), id="a day that Samoa had twice"
        ),
        pytest.param("Asia/Manila", date(1844, 12, 31), utc(1844, 12, 31, 15, 56, 8), None, id="a day that Manila skipped"),
        pytest.param("Africa/Monrovia", date(1972, 1, 7), utc(1972, 1, 7, 0, 44, 30), None, id="missing, by seconds"),
        pytest.param("UTC", date(2028, 2, 29), utc(2028, 2, 29), None, id="29 February"),
    ],
)
def test_where_a_day_starts_and_the_one_before_ends(zone, day, start, end):
    assert start == start_of_day(day, zone)
    assert (end or start) == end_of_day_before(day, zone)


def test_every_change_of_every_zone_that_touches_a_midnight():
    """A day starts at its first instant, no day before it goes on after its last, and days do not go back."""
    seen, skipped = 0, set()
    for zone, day in days_of_change():
        where = f"{day} in {zone}"
        start, end, next_start = start_of_day(day, zone), end_of_day_before(day, zone), start_of_day(day + DAY, zone)
        assert start_of_day(day - DAY, zone) <= start, where
        assert start <= end <= end_of_day_before(day + DAY, zone), where
        assert local_date(start - MICROSECOND, zone) < day, where
        assert all(local_date(end + minutes * timedelta(minutes=1), zone) >= day for minutes in (0, 10, 30, 61, 121, 600)), where
        if start == next_start:
            skipped.add((zone, day))
        else:
            assert start < next_start, where
            assert day == local_date(start, zone) == local_date(end, zone), where
        seen += 1
    assert seen > 1_000
    assert ("Pacific/Apia", date(2011, 12, 30)) in skipped
    for zone, day in skipped:
        start = start_of_day(day, zone)
        assert local_date(start - MICROSECOND, zone) < day < local_date(start, zone), f"{day} in {zone}"


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(ZONES), DATES)
def test_days_follow_one_another_in_every_zone(zone, day):
    start, end = start_of_day(day, zone), end_of_day_before(day, zone)
    assert start <= end
    assert start.tzinfo is UTC
    assert local_date(start - MICROSECOND, zone) < day <= local_date(start, zone)
    assert start <= start_of_day(day + DAY, zone)


# Days given back


@pytest.mark.parametrize(
    ("zone", "instant", "days", "later"),
    [
        pytest.param("Europe/Berlin", utc(2027, 3, 27, 11), 1, utc(2027, 3, 28, 10), id="a day of 23 hours"),
        pytest.param("Europe/Berlin", utc(2027, 3, 27, 1, 30), 1, utc(2027, 3, 28, 1, 30), id="a missing time is moved past the gap"),
        pytest.param("Europe/Berlin", utc(2027, 10, 30, 0, 30), 1, utc(2027, 10, 31, 1, 30), id="of two times the later"),
        pytest.param("Europe/Berlin", utc(2027, 10, 31, 0, 30), 0, utc(2027, 10, 31, 0, 30), id="no days are no change"),
        pytest.param("Europe/Berlin", utc(2027, 10, 31, 1, 30), 0, utc(2027, 10, 31, 1, 30), id="nor at the second of two times"),
        pytest.param("Europe/Berlin", utc(2027, 10, 31, 1, 30), 1, utc(2027, 11, 1, 1, 30), id="from the second of two times"),
        pytest.param("America/Sao_Paulo", utc(2018, 11, 3, 3), 1, utc(2018, 11, 4, 3), id="to a missing midnight"),
        pytest.param("Pacific/Apia", utc(2011, 12, 29, 20), 1, utc(2011, 12, 30, 20), id="to a skipped day"),
        pytest.param("UTC", utc(2028, 2, 28), 2, utc(2028, 3, 1), id="over 29 February"),
    ],
)
def test_days_later(zone, instant, days, later):
    assert later == later_by_days(instant, days, zone)


def near_changes() -> st.SearchStrategy[tuple[str, datetime]]:
    """Instants within two days of a change of the clocks of a zone that has any."""

    def beside(zone: str) -> st.SearchStrategy[tuple[str, datetime]]:
        moments = [instant for instant, *_ in changes(zone)] or [utc(2027, 1, 1)]
        return st.tuples(st.just(zone), st.builds(datetime.__add__, st.sampled_from(moments), st.timedeltas(-2 * DAY, 2 * DAY)))

    return st.sampled_from(ZONES).flatmap(beside)


@settings(max_examples=500, deadline=None)
@given(near_changes(), st.integers(0, 400))
def test_more_days_are_never_earlier(place, days):
    zone, instant = place
    assert later_by_days(instant, days, zone) <= later_by_days(instant, days + 1, zone)
    assert later_by_days(instant, days, zone) >= instant


@settings(max_examples=500, deadline=None)
@given(near_changes(), st.timedeltas(timedelta(0), timedelta(days=400)))
def test_whole_days_give_back_the_time_and_less_than_one_day_more(place, held):
    zone, start = place
    days = whole_local_days(start, start + held, zone)
    assert days >= 0
    assert later_by_days(start, days, zone) >= start + held
    assert days == 0 or later_by_days(start, days - 1, zone) < start + held


@settings(max_examples=300, deadline=None)
@given(near_changes(), st.integers(0, 400))
def test_whole_days_are_not_rounded_up(place, days):
    zone, start = place
    end = later_by_days(start, days, zone)
    if days and later_by_days(start, days - 1, zone) == end:
        days -= 1  # a skipped day is none
    assert days == whole_local_days(start, end, zone)
    assert days + 1 >= whole_local_days(start, end + MICROSECOND, zone) > days or later_by_days(start, days + 1, zone) == end


def test_a_day_and_a_moment_are_two_days():
    start = utc(2027, 5, 1, 12)
    assert 0 == whole_local_days(start, start, "Europe/Berlin")
    assert 1 == whole_local_days(start, start + MICROSECOND, "Europe/Berlin")
    assert 1 == whole_local_days(start, start + DAY, "Europe/Berlin")
    assert 2 == whole_local_days(start, start + DAY + MICROSECOND, "Europe/Berlin")
    assert 1 == whole_local_days(utc(2011, 12, 29, 20), utc(2011, 12, 30, 20), "Pacific/Apia")


# Working days


@pytest.mark.parametrize(
    ("zone", "instant", "days", "later"),
    [
        pytest.param("Europe/Berlin", utc(2027, 5, 11, 9), 1, utc(2027, 5, 12, 9), id="Tuesday to Wednesday"),
        pytest.param("Europe/Berlin", utc(2027, 5, 14, 9), 1, utc(2027, 5, 17, 9), id="Friday to Monday"),
        pytest.param("Europe/Berlin", utc(2027, 5, 12, 9), 5, utc(2027, 5, 19, 9), id="five are a week"),
        pytest.param("Europe/Berlin", utc(2027, 5, 12, 9), 13, utc(2027, 5, 31, 9), id="over two weekends and onto a Monday"),
        pytest.param("Europe/Berlin", utc(2027, 5, 14, 9), 0, utc(2027, 5, 14, 9), id="none are no change"),
        pytest.param("Europe/Berlin", utc(2027, 5, 15, 9), 0, utc(2027, 5, 16, 22), id="but of a Saturday it is Monday"),
        pytest.param("Europe/Berlin", utc(2027, 5, 15, 9), 1, utc(2027, 5, 17, 22), id="Saturday counts from the start of Monday"),
        pytest.param("Europe/Berlin", utc(2027, 5, 16, 21, 59), 1, utc(2027, 5, 17, 22), id="and so does the end of Sunday"),
        pytest.param("Europe/Berlin", utc(2027, 5, 16, 22), 1, utc(2027, 5, 17, 22), id="and Monday's first instant itself"),
        pytest.param("Europe/Berlin", utc(2027, 5, 16, 22, 1), 1, utc(2027, 5, 17, 22, 1), id="a minute later is a minute later"),
        pytest.param("Europe/Berlin", utc(2027, 3, 26, 10), 1, utc(2027, 3, 29, 9), id="over a short weekend"),
        pytest.param("America/New_York", utc(2027, 11, 5, 21), 1, utc(2027, 11, 8, 22), id="over a long weekend"),
        pytest.param("Pacific/Auckland", utc(2027, 5, 14, 13), 1, utc(2027, 5, 17, 12), id="a Saturday there, a Friday in UTC"),
        pytest.param("Pacific/Auckland", utc(2027, 5, 16, 13), 1, utc(2027, 5, 17, 13), id="a Monday there, a Sunday in UTC"),
        pytest.param("Pacific/Honolulu", utc(2027, 5, 15, 5), 1, utc(2027, 5, 18, 5), id="a Friday there, a Saturday in UTC"),
        pytest.param("Pacific/Honolulu", utc(2027, 5, 17, 5), 1, utc(2027, 5, 18, 10), id="a Sunday there, a Monday in UTC"),
        pytest.param("Africa/Cairo", utc(2027, 4, 28, 22, 30), 1, utc(2027, 4, 29, 22, 30), id="a missing time is moved past the gap"),
        pytest.param("Africa/Cairo", utc(2027, 10, 27, 20, 30), 1, utc(2027, 10, 28, 21, 30), id="of two times the later"),
        pytest.param("Africa/Cairo", utc(2027, 10, 28, 20, 30), 1, utc(2027, 10, 29, 21, 30), id="from the first of two times"),
        pytest.param("Africa/Cairo", utc(2027, 10, 28, 21, 30), 1, utc(2027, 10, 29, 21, 30), id="from the second of two times"),
        pytest.param("Pacific/Apia", utc(2011, 12, 29, 20), 1, utc(2012, 1, 1, 20), id="the Friday that Samoa skipped was none"),
    ],
)
def test_working_days_later(zone, instant, days, later):
    assert later == after_working_days(instant, days, zone)
    assert later == after_working_days(instant.astimezone(ZoneInfo("Asia/Tokyo")), days, zone)
    assert after_working_days(instant, days, zone).tzinfo is UTC


WORKING_DAYS = st.integers(0, 12)


@settings(max_examples=500, deadline=None)
@given(near_changes(), WORKING_DAYS)
def test_a_working_day_is_no_day_of_a_weekend(place, days):
    zone, instant = place
    later = after_working_days(instant, days, zone)
    assert later >= instant
    assert local_date(later, zone).weekday() < 5
    assert later <= after_working_days(instant, days + 1, zone)


@settings(max_examples=500, deadline=None)
@given(near_changes(), WORKING_DAYS, st.timedeltas(timedelta(0), 4 * DAY))
def test_what_comes_in_later_is_due_no_sooner(place, days, after):
    """By the clocks on the wall: an hour that they repeat shows earlier times later, and a time that they jump over gives way to later ones."""
    zone, instant = place
    here = ZoneInfo(zone)
    first, second = instant.astimezone(here), (instant + after).astimezone(here)
    due = after_working_days(instant, days, zone)
    assume(first.replace(tzinfo=None) <= second.replace(tzinfo=None))
    assume(first.weekday() >= 5 or first.time() == due.astimezone(here).time())
    assert due <= after_working_days(instant + after, days, zone)


@settings(max_examples=500, deadline=None)
@given(near_changes(), WORKING_DAYS)
def test_a_weekend_counts_as_the_start_of_monday(place, days):
    zone, instant = place
    day = local_date(instant, zone)
    saturday = day + timedelta(days=5 - day.weekday())
    due = after_working_days(start_of_day(saturday + 2 * DAY, zone), days, zone)
    for moment in (start_of_day(saturday, zone), start_of_day(saturday + DAY, zone), start_of_day(saturday + 2 * DAY, zone) - MICROSECOND):
        if local_date(moment, zone).weekday() >= 5:
            assert due == after_working_days(moment, days, zone)
