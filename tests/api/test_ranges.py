"""Which bytes of a file a request gets: the sections 13 and 14 of RFC 9110, by example and by chance."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from api.ranges import Selection, select

SIZE = 10_000
TAG = '"9e107d9d372bb6826bd81d3542a419d6"'
MODIFIED = datetime(2027, 1, 31, 10, tzinfo=UTC)
THEN, BEFORE, AFTER = "Sun, 31 Jan 2027 10:00:00 GMT", "Sun, 31 Jan 2027 09:59:59 GMT", "Sun, 31 Jan 2027 10:00:01 GMT"


def asked(method="GET", *, size=SIZE, **headers) -> Selection:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return select(method, Headers(raw=raw), size=size, tag=TAG, modified=MODIFIED)


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("bytes=0-", [(0, 9_999)]),
        ("bytes=0-0", [(0, 0)]),
        ("bytes=0-499", [(0, 499)]),
        ("bytes=9999-", [(9_999, 9_999)]),
        ("bytes=9500-20000", [(9_500, 9_999)]),
        ("bytes=-500", [(9_500, 9_999)]),
        ("bytes=-20000", [(0, 9_999)]),
        ("BYTES=0-499", [(0, 499)]),
        ("bytes = 0-499", [(0, 499)]),
        ("bytes=0-0,-1", [(0, 0), (9_999, 9_999)]),
        ("bytes= 0-999, 4500-5499, ,-1000", [(0, 999), (4_500, 5_499), (9_000, 9_999)]),
        ("bytes=500-600,10000-10001", [(500, 600)]),
    ],
)
def test_the_parts_that_are_asked_for(text, ranges):
    assert Selection(206, tuple(ranges)) == asked(range=text)


@pytest.mark.parametrize("text", ["bytes=10000-", "bytes=10000-10001", "bytes=-0", "bytes=99999999999999999999-", "bytes=-0,10000-"])
def test_what_the_file_does_not_have(text):
    assert Selection(416) == asked(range=text)


def test_a_file_of_nothing_has_no_parts():
    assert Selection(416) == asked(size=0, range="bytes=0-")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=,",
        "bytes=5-4",
        "bytes=a-b",
        "bytes=0-1-2",
        "bytes=+1-2",
        "bytes=--5",
        "bytes=1-2,x",
        "bytes=123456789012345678901-",
        "lines=0-4",
        "bytes=0-,0-",
        "bytes=" + ",".join(f"{n}-{n}" for n in range(17)),
    ],
)
def test_what_is_malformed_or_too_much_is_as_good_as_nothing(text):
    assert Selection(200) == asked(range=text)


def test_only_get_has_parts_and_only_one_header_says_which():
    assert Selection(200) == asked("HEAD", range="bytes=0-4")
    twice = Headers(raw=[(b"range", b"bytes=0-4"), (b"range", b"bytes=5-9")])
    assert Selection(200) == select("GET", twice, size=SIZE, tag=TAG, modified=MODIFIED)


@pytest.mark.parametrize(
    ("validator", "status"),
    [
        (TAG, 206),
        (f"W/{TAG}", 200),
        ('"another"', 200),
        (TAG.strip('"'), 200),
        (THEN, 206),
        (BEFORE, 200),
        (AFTER, 200),
        ("yesterday", 200),
        ("", 200),
    ],
)
def test_the_rest_of_another_file_is_all_of_this_one(validator, status):
    assert status == asked(range="bytes=500-", if_range=validator).status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if_none_match": TAG}, 304),
        ({"if_none_match": f"W/{TAG}"}, 304),
        ({"if_none_match": f'"x", {TAG}'}, 304),
        ({"if_none_match": "*"}, 304),
        ({"if_none_match": '"x"'}, 200),
        ({"if_none_match": '"x"', "if_modified_since": THEN}, 200),
        ({"if_modified_since": THEN}, 304),
        ({"if_modified_since": AFTER}, 304),
        ({"if_modified_since": BEFORE}, 200),
        ({"if_modified_since": "now"}, 200),
        ({"if_match": TAG}, 200),
        ({"if_match": "*"}, 200),
        ({"if_match": '"x"'}, 412),
        ({"if_match": f"W/{TAG}"}, 412),
        ({"if_unmodified_since": THEN}, 200),
        ({"if_unmodified_since": BEFORE}, 412),
        ({"if_match": TAG, "if_unmodified_since": BEFORE}, 200),
        ({"if_match": '"x"', "if_none_match": TAG}, 412),
        ({"if_none_match": TAG, "range": "bytes=0-4"}, 304),
        ({"if_match": TAG, "range": "bytes=0-4"}, 206),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_conditions_come_first(method, headers, status):
    assert (200 if method == "HEAD" and status == 206 else status) == asked(method, **headers).status


@given(text=st.text(alphabet=st.characters(max_codepoint=255)), validator=st.none() | st.text(alphabet=st.characters(max_codepoint=255)))
def test_no_header_breaks_it(text, validator):
    for start in ("", "bytes="):
        given_validator = {} if validator is None else dict.fromkeys(("if_range", "if_match", "if_modified_since"), validator)
        found = asked(range=start + text, **given_validator)
        assert all(0 <= first <= last < SIZE for first, last in found.ranges)
        assert (found.status == 206) == bool(found.ranges)
