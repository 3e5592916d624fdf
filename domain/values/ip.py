"""IP ranges of an institution: canonical CIDR, an IPv4-mapped one as the IPv4 range that it is."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from domain.errors import Invalid
from domain.values.special_purpose import GLOBAL_UNICAST, SPECIAL_PURPOSE

Network = IPv4Network | IPv6Network
WIDEST = {4: 8, 6: 19}
MAPPED_BITS = 96
CIDR = re.compile(r"([0-9a-f:.]{2,45})/(0|[1-9][0-9]{0,2})")


def parse_ip_range(text: str, *, admin: bool = False, field: str = "ip_ranges") -> str:
    """`a.b.c.d/n` or the shortest IPv6 form. Only an admin may have one wider than /8 (IPv4) or /19 (IPv6)."""
    network = _network(text, field)
    if network.prefixlen == 0:
        raise Invalid("range-too-wide", f"{network} is every address that there is", field=field)
    for special, name in SPECIAL_PURPOSE:
        # overlaps() looks at the versions first, which mypy does not know
        if special.version == network.version and special.overlaps(network):  # type: ignore[arg-type]
            raise Invalid("special-purpose-range", f"{network} overlaps {special} ({name}), which belongs to no institution", field=field)
    if isinstance(network, IPv6Network) and not network.subnet_of(GLOBAL_UNICAST):
        raise Invalid(
            "special-purpose-range", f"{network} is not in {GLOBAL_UNICAST}, from which institutions have their addresses", field=field
        )
    if network.prefixlen < WIDEST[network.version] and not admin:
        raise Invalid("range-too-wide", f"{network} is wider than /{WIDEST[network.version]}; an admin can enter it", field=field)
    return str(network)


def _network(text: object, field: str) -> Network:
    def invalid(why: str) -> Invalid:
        return Invalid("invalid-ip-range", f"{field}: {why}", field=field)

    # ipaddress would read a number as an address, a second mask as a prefix length, and /008 as /8
    if not isinstance(text, str) or not (parts := CIDR.fullmatch(text.lower())):
        raise invalid("a range is written like 18.0.0.0/8 or 2001:630::/32, as text")
    address, bits = _address(parts[1]), int(parts[2])
    if address is None or bits > address.max_prefixlen:
        raise invalid(f"{text} is not an IP range")
    if parts[1] not in _spellings(address):
        raise invalid(f"{text} is not the usual spelling; did you mean {address}/{bits}?")
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        if bits < MAPPED_BITS:
            raise invalid(f"{text} is wider than all of IPv4, to which its address is mapped")
        address, bits = address.ipv4_mapped, bits - MAPPED_BITS
    network = ip_network(f"{address}/{bits}", strict=False)
    if network.network_address != address:
        raise Invalid("host-bits", f"{text} names an address within a range; did you mean {network}?", field=field)
    return network


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _spellings(address: IPv4Address | IPv6Address) -> tuple[str, ...]:
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address), f"::ffff:{address.ipv4_mapped}"
    return (str(address),)


def ranges_overlap(one: str, other: str) -> bool:
    """Whether two parsed ranges have an address in common."""
    first, second = ip_network(one), ip_network(other)
    return first.version == second.version and first.overlaps(second)  # type: ignore[arg-type]


def within_any(client: str, ranges: Iterable[str]) -> bool:
    """Whether the address that a client called from is in one of the parsed ranges. What is no address is in none."""
    address = _address(client)
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    return address is not None and any(address in ip_network(each) for each in ranges)
