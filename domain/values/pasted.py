"""IP ranges as people paste them: lists from emails and spreadsheets, with spans, masks, stars and remarks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, summarize_address_range

from domain.errors import Invalid
from domain.values.ranges import parse_ip_range

MOST_OF_A_SPAN = 64
"""A span that needs more blocks than this is a mistake in one of its ends."""

_REMARK = re.compile(r"#.*|(?:^|(?<=\s))//.*|\([^()]*\)|^\s*[^\W\d][^:;,\t]*:(?=\s)")
_SPAN = re.compile(r"\s*(?:[-\u2010-\u2015\u2212]|\bto\b)\s*", re.IGNORECASE)
_MASKED = re.compile(r"([0-9.]+)(?:/|\s+(?=255\.|0\.))((?:[0-9]{1,3}\.){3}[0-9]{1,3})")
_STARS = re.compile(r"((?:[0-9]{1,3}\.){1,3})\*(?:\.\*)*")
_OCTETS = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_WORDS = re.compile(r"[,;\n\r\t|]+")


@dataclass(frozen=True)
class Entry:
    """One thing that was pasted: the ranges that it means, or why it means none and what would be right."""

    line: int
    text: str
    ranges: tuple[str, ...] = ()
    problem: str = ""


def read_pasted(text: str, *, admin: bool = False) -> list[Entry]:
    """Each entry of a pasted list, in its order: parted by lines, commas, semicolons or tabs, and by spaces between whole ranges."""
    return [
        _read(number, entry, admin=admin)
        for number, line in enumerate(text.splitlines(), 1)
        for entry in _entries(_REMARK.sub(" ", line.replace("\ufeff", "").replace("\u00a0", " ")))
    ]


def _entries(line: str) -> Iterator[str]:
    for part in _WORDS.split(line):
        entry = re.sub(r"\s*/\s*", "/", part.strip().strip("\"'"))
        if not entry:
            continue
        joined = _SPAN.sub("-", entry)
        if _MASKED.fullmatch(entry) or " " not in joined:
            yield joined if "-" in joined else entry
        else:
            yield from joined.split()


def _read(line: int, text: str, *, admin: bool) -> Entry:
    try:
        ranges = [parse_ip_range(each, admin=admin) for each in _meant(text)]
    except Invalid as error:
        return Entry(line, text, problem=error.detail)
    return Entry(line, text, ranges=tuple(ranges))


def _meant(text: str) -> list[str]:
    if "-" in text:
        return _span(*text.split("-", 1))
    if masked := _MASKED.fullmatch(text):
        return [_with_mask(masked[1], masked[2])]
    if stars := _STARS.fullmatch(text):
        octets = stars[1].rstrip(".").split(".")
        return [f"{_address('.'.join([*octets, *['0'] * (4 - len(octets))]))}/{8 * len(octets)}"]
    address, slash, prefix = text.strip("[]").partition("/")
    parsed = _address(address.rstrip("]"))
    if not slash:
        return [f"{parsed}/{parsed.max_prefixlen}"]
    if not re.fullmatch(r"[0-9]{1,3}", prefix):
        raise _unreadable()
    if int(prefix) > parsed.max_prefixlen:
        raise Invalid("invalid-ip-range", f"a prefix of IPv{parsed.version} goes up to /{parsed.max_prefixlen}")
    return [f"{parsed}/{int(prefix)}"]


def _span(first: str, last: str) -> list[str]:
    """`18.9.0.1-18.9.0.20`, and `18.9.0.1-20` for short; both ends belong to it."""
    begin = _address(first.strip("[]"))
    if re.fullmatch(r"[0-9]{1,3}", last) and isinstance(begin, IPv4Address):
        last = f"{str(begin).rpartition('.')[0]}.{last}"
    end = _address(last.strip("[]"))
    if begin.version != end.version:
        raise Invalid("invalid-ip-range", "it goes from one kind of address to another; both ends are IPv4, or both are IPv6")
    if int(begin) > int(end):
        raise Invalid("invalid-ip-range", f"it ends before it begins; did you mean {end}-{begin}?")
    blocks = list(_between(begin, end))
    if len(blocks) > MOST_OF_A_SPAN:
        raise Invalid("invalid-ip-range", f"it takes {len(blocks)} blocks to write this span; is one of its ends a misprint?")
    return [str(each) for each in blocks]


def _between(begin: IPv4Address | IPv6Address, end: IPv4Address | IPv6Address) -> Iterator[IPv4Network | IPv6Network]:
    match begin, end:
        case (IPv4Address(), IPv4Address()) | (IPv6Address(), IPv6Address()):
            yield from summarize_address_range(begin, end)


def _with_mask(address: str, mask: str) -> str:
    try:
        meant = IPv4Network((0, mask))
    except ValueError:
        raise Invalid("invalid-ip-range", f"{mask} is no network mask, such as 255.255.0.0") from None
    if str(meant.netmask) != mask:
        raise Invalid("invalid-ip-range", f"{mask} is a mask of hosts, not of a network; did you mean {address}/{meant.prefixlen}?")
    return f"{_address(address)}/{meant.prefixlen}"


def _address(text: str) -> IPv4Address | IPv6Address:
    if _OCTETS.fullmatch(text):
        octets = [int(octet) for octet in text.split(".") if len(octet) <= 4]
        plain = ".".join(str(octet) for octet in octets)
        if len(octets) == 4 and plain != text and max(octets) < 256:
            raise Invalid("invalid-ip-range", f"a zero in front can mean another number; did you mean {plain}?")
    try:
        address = ip_address(text)
    except ValueError:
        raise _unreadable() from None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            raise Invalid("invalid-ip-range", "an address with a scope means something on one machine only")
        return address.ipv4_mapped or address
    return address


def _unreadable() -> Invalid:
    return Invalid("invalid-ip-range", "this is not a range; write 18.9.0.0/16, 18.9.0.1-18.9.0.20, 18.9.0.5 or 2a00:1450::/32")
