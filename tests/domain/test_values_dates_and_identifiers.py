"""Dates, instants, zones and identifiers as they come in."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.values import parse_date, parse_instant, parse_registered_account_id, parse_ror_id, parse_time_zone
from domain.values.dates import zones


def refused(parse, text) -> Invalid:
    with pytest.raises(Invalid) as raised:
        parse(text)
    return raised.value


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("2027-02-29T00:00:00Z", id="row 30: 29 February of no leap year"),
        pytest.param("2027-01-01T24:00:00Z", id="row 30: 24:00"),
        pytest.param("10000-01-01T00:00:00Z", id="row 30: the year 10000"),
        pytest.param("2027-01-01T00:00:00", id="row 30: no zone"),
        pytest.param("9999-12-31T23:59:59-01:00", id="row 30: the year 10000 in UTC"),
        pytest.param("0001-01-01T00:00:00+14:00", id="before the first year in UTC"),
        pytest.param("2027-01-01T00:00:60Z", id="a leap second"),
        pytest.param("2027-01-01T00:00:00.1234567Z", id="finer than a microsecond"),
        pytest.param("2027-01-01T00:00:00+25:00", id="an offset of more than a day"),
        pytest.param("2027-01-01T00:00:00+00:60", id="an offset of 60 minutes"),
        pytest.param("2027-01-01 00:00:00Z", id="a space for the T"),
        pytest.param("2027-01-01T00:00Z", id="no seconds"),
        pytest.param("20270101T000000Z", id="no dashes"),
        pytest.param("2027-01-01", id="a date"),
        pytest.param("1798761600", id="a number"),
        pytest.param("٢027-01-01T00:00:00Z", id="a digit of another script"),
        pytest.param("2027-01-01T00:00:00Z\n", id="a line's end"),
        pytest.param("", id="nothing"),
    ],
)
def test_what_is_no_instant(text):
    assert "invalid-instant" == refused(parse_instant, text).slug


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        pytest.param("2028-02-29T00:00:00Z", datetime(2028, 2, 29, tzinfo=UTC), id="row 30: 29 February of a leap year"),
        pytest.param("2027-01-01T00:00:00+14:00", datetime(2026, 12, 31, 10, tzinfo=UTC), id="row 30: +14:00 is stored in UTC"),
        pytest.param("2027-01-01t00:00:00.5z", datetime(2027, 1, 1, microsecond=500_000, tzinfo=UTC), id="small letters"),
        pytest.param("2027-01-01T00:00:00-00:00", datetime(2027, 1, 1, tzinfo=UTC), id="an unknown local offset"),
    ],
)
def test_what_an_instant_becomes(text, instant):
    parsed = parse_instant(text)
    assert instant == parsed
    assert parsed.tzinfo is UTC


@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_an_instant_in_any_zone_is_the_same_instant(local, zone):
    instant = local.replace(tzinfo=zone)
    assert instant == parse_instant(instant.isoformat())


@pytest.mark.parametrize(
    "text", ["2027-02-29", "2027-13-01", "20270101", "2027-W01-1", "0000-01-01", "10000-01-01", "2027-1-1", "2027-01-01Z", ""]
)
def test_row_30_what_is_no_date(text):
    assert "invalid-date" == refused(parse_date, text).slug


@given(st.dates())
def test_a_date_is_itself(day):
    assert day == parse_date(day.isoformat())


def test_row_30_29_february():
    assert date(2028, 2, 29) == parse_date("2028-02-29")


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/Argentina/Buenos_Aires", "Pacific/Apia", "UTC", "Asia/Kolkata"])
def test_zones(name):
    assert name == parse_time_zone(name)


@pytest.mark.parametrize(
    "name",
    ["", "localtime", "Factory", "posix/UTC", "right/UTC", "posixrules", "../etc/passwd", "/etc/localtime", "CEST", "+02:00", "UTC\n"],
)
def test_what_is_no_zone(name):
    assert "invalid-time-zone" == refused(parse_time_zone, name).slug


@pytest.mark.parametrize(("name", "meant"), [("europe/berlin", "Europe/Berlin"), ("America/New York", "America/New_York")])
def test_a_zone_spelt_otherwise_is_named(name, meant):
    assert f"did you mean {meant}?" in refused(parse_time_zone, name).detail


def test_every_zone_can_be_used():
    assert len(zones()) > 500
    for zone in zones():
        ZoneInfo(zone)


ROR_IDS = [
    "https://ror.org/042nb2s44",
    "https://ror.org/01tgyzw49",
    "https://ror.org/04tsk2644",
    "https://ror.org/046ffzj20",
    "https://ror.org/02mhbdp94",
]


@pytest.mark.parametrize("text", ROR_IDS)
def test_ror_ids(text):
    assert text == parse_ror_id(text) == parse_ror_id(text.removeprefix("https://ror.org/"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://ror.org/",
        "https://ror.org/142nb2s44",
        "https://ror.org/042nb2s4",
        "https://ror.org/042NB2S44",
        "http://ror.org/042nb2s44",
        "https://ror.org/042nb2s44/",
        "https://ror.org/042ib2s44",
        "https://ror.org/042|b2s44",
        "https://evil.org/042nb2s44",
        "042nb2s44\n",
    ],
)
def test_what_is_no_ror_id(text):
    assert "invalid-ror-id" == refused(parse_ror_id, text).slug


@given(st.sampled_from(ROR_IDS), st.integers(1, 8), st.sampled_from("0123456789abcdefghjkmnpqrstvwxyz"))
def test_one_mistyped_character_of_a_ror_id_is_found(text, place, character):
    id = text[-9:]
    mistyped = id[:place] + character + id[place + 1 :]
    if mistyped != id:
        assert "invalid-ror-id" == refused(parse_ror_id, mistyped).slug


@pytest.mark.parametrize("text", ["4711", "a" * 128, "urn:account:Ab-9_~", "!"])
def test_ids_of_registered_accounts_are_opaque(text):
    assert text == parse_registered_account_id(text)


@pytest.mark.parametrize("text", ["", "a" * 129, "a b", "a\n", "é", "\x7f", "a\x00"])
def test_what_is_no_id_of_a_registered_account(text):
    assert "invalid-account-id" == refused(parse_registered_account_id, text).slug
