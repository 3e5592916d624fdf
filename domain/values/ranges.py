"""IP ranges in canonical CIDR form, and client addresses in the form that is looked up in them."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from domain.errors import Invalid
from domain.values.special_purpose import overlap

WIDEST = {4: 8, 6: 19}
"""The shortest prefix, by IP version, that may be recorded without an admin."""

_CIDR = re.compile(r"([0-9A-Fa-f:.]{2,45})/(0|[1-9][0-9]{0,2})")
_MAPPED_BITS = 96

Network = IPv4Network | IPv6Network


def parse_ip_range(text: str, *, admin: bool = False, field: str = "ip_ranges") -> str:
    """`a.b.c.d/n` or the shortest IPv6 form, as it would be printed; an IPv4-mapped range becomes the IPv4 range that it means."""
    network = _network(text, field)
    if network.prefixlen == 0:
        raise Invalid("range-too-wide", f"{network} is the whole internet", field=field)
    if shared := overlap(network):
        raise Invalid("special-purpose-range", f"{network} is not the institution's own: it overlaps {shared}", field=field)
    widest = WIDEST[network.version]
    if network.prefixlen < widest and not admin:
        raise Invalid("range-too-wide", f"{network} is wider than /{widest}: an admin has to record it", field=field)
    return str(network)


def unmap(address: str, *, field: str = "ip") -> str:
    """A client's address as it is printed; an IPv4-mapped one as the IPv4 address that it is."""
    try:
        parsed = ip_address(address)
    except ValueError as error:
        raise Invalid("invalid-address", "this is not an IP address", field=field) from error
    if isinstance(parsed, IPv6Address):
        if parsed.scope_id is not None:
            raise Invalid("invalid-address", "an address with a scope means something on one machine only", field=field)
        return str(parsed.ipv4_mapped or parsed)
    return str(parsed)


def overlapping(one: str, other: str) -> bool:
    """Whether two ranges as stored have an address in common."""
    first, second = _stored(one), _stored(other)
    if isinstance(first, IPv4Network):
        return isinstance(second, IPv4Network) and first.overlaps(second)
    return isinstance(second, IPv6Network) and first.overlaps(second)


def _stored(range: str) -> Network:
    return IPv6Network(range) if ":" in range else IPv4Network(range)


def within_any(client: str, ranges: Iterable[str]) -> bool:
    """Whether the address that a client called from is in one of the ranges as stored."""
    address = ip_address(unmap(client))
    return any(address in _stored(each) for each in ranges)


def _network(text: str, field: str) -> Network:
    # A JSON number would be read as an address, a second mask as a prefix, /008 as /8: ipaddress sees only what is none of these.
    parts = _CIDR.fullmatch(text) if isinstance(text, str) else None
    if parts is None:
        raise Invalid("invalid-ip-range", "a range is written as CIDR, like 18.0.0.0/8 or 2a00:1450::/32", field=field)
    try:
        address, prefix = ip_address(parts[1]), int(parts[2])
        network = ip_network((address, prefix), strict=False)
    except ValueError as error:
        raise Invalid("invalid-ip-range", f"this is not a range: {error}", field=field) from error
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if mapped is None:
        return _as_written(parts[1], str(address), address, network, field)
    if prefix < _MAPPED_BITS:
        raise Invalid("invalid-ip-range", "a range of IPv4-mapped addresses has a prefix of at least /96", field=field)
    usual = f"::ffff:{mapped}" if "." in parts[1] else str(address)
    return _as_written(parts[1].lower(), usual, mapped, IPv4Network((mapped, prefix - _MAPPED_BITS), strict=False), field)


def _as_written(written: str, usual: str, address: IPv4Address | IPv6Address, network: Network, field: str) -> Network:
    if network.network_address != address:
        raise Invalid("host-bits", f"there are bits set after the prefix; did you mean {network}?", field=field)
    if written != usual:
        raise Invalid("invalid-ip-range", f"this is not how a range is written; did you mean {network}?", field=field)
    return network
