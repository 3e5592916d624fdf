"""Where webhooks may be sent: to public addresses over TLS, and to networks of our own where an operator names them."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from domain.errors import Invalid
from domain.values.special_purpose import overlap

Network = IPv4Network | IPv6Network
LONGEST = 2_000
_PRINTED = re.compile(r"[!-~]+")
_LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


def parse_networks(text: str) -> tuple[Network, ...]:
    """`127.0.0.0/8, 10.1.0.0/16`. Raises ValueError for what is no network."""
    return tuple(ip_network(each.strip()) for each in text.split(",") if each.strip())


def forbidden(address: str, ours: Sequence[Network]) -> str | None:
    """Why nothing may be sent to an address: it is no public one, and in none of the networks that are named as ours."""
    found = ip_address(address.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    found = mapped or found
    if any(found in network for network in ours):
        return None
    block = overlap(IPv4Network(found) if isinstance(found, IPv4Address) else IPv6Network(found))
    return f"{found} is in {block}" if block else None


def is_loopback(address: str) -> bool:
    found = ip_address(address)
    return any(found in network for network in _LOOPBACK)


def parse_receiver(text: str, ours: Sequence[Network], *, field: str = "url") -> str:
    """The address of a receiver. Raises Invalid; what its name leads to is looked at each time that something is sent."""
    if not _PRINTED.fullmatch(text) or len(text) > LONGEST:
        raise Invalid(
            "invalid-url", f"an address is up to {LONGEST} ASCII characters without blanks; write foreign names as xn--…", field=field
        )
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Invalid("invalid-url", "this is no address; right would be https://example.edu/events", field=field) from None
    if not host or port == 0 or "\\" in text:
        raise Invalid("invalid-url", "this is no address; right would be https://example.edu/events", field=field)
    if parts.username is not None or parts.password is not None or "#" in text:
        raise Invalid("invalid-url", "an address has no user, no password and no fragment here; the signature says who we are", field=field)
    _check_scheme(parts, host, ours, field)
    if (address := _literal(host)) and (why := forbidden(address, ours)):
        raise Invalid("forbidden-address", f"nothing is sent there: {why}", field=field)
    return text


def _check_scheme(parts: SplitResult, host: str, ours: Sequence[Network], field: str) -> None:
    in_house = any(network.version == each.version and network.overlaps(each) for network in ours for each in _LOOPBACK)
    address = _literal(host)
    here = host == "localhost" or (address is not None and is_loopback(address))
    if here and not in_house:
        raise Invalid("forbidden-address", "nothing is sent to this machine itself", field=field)
    if parts.scheme == "https" or (parts.scheme == "http" and here):
        return
    raise Invalid("invalid-url", "an address begins with https://, so that nobody on the way reads along", field=field)


def _literal(host: str) -> str | None:
    """The host, where it is written as an address and not as a name."""
    try:
        return str(ip_address(host))
    except ValueError:
        return None
