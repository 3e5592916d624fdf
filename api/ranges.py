"""What a request for a file asks for: all of it, parts of it, or nothing, because it has that already. As RFC 9110 has it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from starlette.datastructures import Headers

MOST_RANGES = 16

_RANGE = re.compile(r"\s*bytes\s*=(.*)", re.IGNORECASE | re.DOTALL)
_SPEC = re.compile(r"([0-9]{0,20})-([0-9]{0,20})")
_TAG = re.compile(r'\s*(?:,\s*)*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|$)')


@dataclass(frozen=True)
class Selection:
    """`status` is 200, 206, 304, 412 or 416; `ranges` are pairs of first and last byte, for 206."""

    status: int
    ranges: tuple[tuple[int, int], ...] = ()


def select(method: str, headers: Headers, *, size: int, tag: str, modified: datetime) -> Selection:
    """`tag` is the strong ETag with its quotes; `modified` counts in whole seconds. Section 13.2.2 says in which order."""
    if (given := _all(headers, "if-match")) is not None:
        if given.strip() != "*" and tag not in _tags(given):
            return Selection(412)
    elif (since := _date(headers.get("if-unmodified-since"))) is not None and modified > since:
        return Selection(412)
    if "if-none-match" in headers:
        if is_known(headers, tag):
            return Selection(304)
    elif (since := _date(headers.get("if-modified-since"))) is not None and modified <= since:
        return Selection(304)
    asked = headers.getlist("range")
    if method != "GET" or len(asked) != 1 or not _still_the_same(headers.get("if-range"), tag, modified):
        return Selection(200)
    return _ranges(asked[0], size)


def is_known(headers: Headers, tag: str) -> bool:
    """Whether If-None-Match says that the caller has it already."""
    given = _all(headers, "if-none-match") or ""
    return given.strip() == "*" or tag in {each.removeprefix("W/") for each in _tags(given)}


def _still_the_same(validator: str | None, tag: str, modified: datetime) -> bool:
    """What the rest is asked of: if it is not this file any more, all of it is sent. A weak tag proves nothing."""
    if validator is None:
        return True
    return validator.strip() == tag or ('"' not in validator and _date(validator) == modified)


def _ranges(text: str, size: int) -> Selection:
    """A header that is malformed, or asks for much too many parts, is as good as none."""
    found = _RANGE.fullmatch(text)
    specs = [spec.strip() for spec in found[1].split(",")] if found else []
    asked = [_SPEC.fullmatch(spec) for spec in specs if spec]
    satisfiable: list[tuple[int, int]] = []
    for each in asked:
        if each is None or each[0] == "-":
            return Selection(200)
        first, last = each.groups()
        if not first:
            if int(last):
                satisfiable.append((max(0, size - int(last)), size - 1))
        elif last and int(last) < int(first):
            return Selection(200)
        elif int(first) < size:
            satisfiable.append((int(first), min(int(last), size - 1) if last else size - 1))
    if not asked or len(asked) > MOST_RANGES or sum(last - first + 1 for first, last in satisfiable) > size:
        return Selection(200)
    return Selection(206, tuple(satisfiable)) if satisfiable else Selection(416)


def _all(headers: Headers, name: str) -> str | None:
    found = headers.getlist(name)
    return ",".join(found) if found else None


def _tags(text: str) -> list[str]:
    """The entity tags of a list; what is none is passed over."""
    return [each[1] for each in _TAG.finditer(text)]


def _date(text: str | None) -> datetime | None:
    """An HTTP date, in whole seconds; anything else is as good as none."""
    try:
        parsed = parsedate_to_datetime(text) if text else None
    except (ValueError, TypeError, OverflowError):
        return None
    return parsed.astimezone(UTC) if parsed is not None and parsed.tzinfo is not None else None
