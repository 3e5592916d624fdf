"""Address space that is no institution's own.

From the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190), up to RFC 9780; besides, multicast (RFC 5771,
RFC 4291), and all that the IANA IPv6 address space registry keeps outside global unicast. The first block that overlaps is named, so a
small one stands before the large one around it; the registries' smallest parts of a block are left out.
"""

from ipaddress import IPv4Network, IPv6Network

IPV4 = {
    IPv4Network(block): use
    for block, use in {
        "0.0.0.0/8": "this network (RFC 791)",
        "10.0.0.0/8": "private use (RFC 1918)",
        "100.64.0.0/10": "shared address space of carriers (RFC 6598)",
        "127.0.0.0/8": "loopback (RFC 1122)",
        "169.254.0.0/16": "link local (RFC 3927)",
        "172.16.0.0/12": "private use (RFC 1918)",
        "192.0.0.0/24": "IETF protocol assignments (RFC 6890)",
        "192.0.2.0/24": "documentation (RFC 5737)",
        "192.31.196.0/24": "AS112-v4 (RFC 7535)",
        "192.52.193.0/24": "AMT (RFC 7450)",
        "192.88.99.0/24": "6to4 relay anycast, deprecated (RFC 7526)",
        "192.168.0.0/16": "private use (RFC 1918)",
        "192.175.48.0/24": "direct delegation AS112 service (RFC 7534)",
        "198.18.0.0/15": "benchmarking (RFC 2544)",
        "198.51.100.0/24": "documentation (RFC 5737)",
        "203.0.113.0/24": "documentation (RFC 5737)",
        "224.0.0.0/4": "multicast (RFC 5771)",
        "240.0.0.0/4": "reserved (RFC 1112), limited broadcast (RFC 919)",
    }.items()
}

IPV6 = {
    IPv6Network(block): use
    for block, use in {
        "::/128": "the unspecified address (RFC 4291)",
        "::1/128": "loopback (RFC 4291)",
        "::ffff:0:0/96": "IPv4-mapped addresses (RFC 4291)",
        "64:ff9b::/96": "IPv4-IPv6 translation (RFC 6052)",
        "64:ff9b:1::/48": "IPv4-IPv6 translation (RFC 8215)",
        "100::/64": "discard only (RFC 6666)",
        "100:0:0:1::/64": "dummy prefix (RFC 9780)",
        "2001::/32": "Teredo (RFC 4380)",
        "2001::/23": "IETF protocol assignments (RFC 2928)",
        "2001:db8::/32": "documentation (RFC 3849)",
        "2002::/16": "6to4 (RFC 3056)",
        "2620:4f:8000::/48": "direct delegation AS112 service (RFC 7534)",
        "3fff::/20": "documentation (RFC 9637)",
        "5f00::/16": "segment routing identifiers (RFC 9602)",
        "fc00::/7": "unique local (RFC 4193)",
        "fe80::/10": "link local (RFC 4291)",
        "fec0::/10": "site local, deprecated (RFC 3879)",
        "ff00::/8": "multicast (RFC 4291)",
        "::/3": "reserved by the IETF (RFC 4291)",
        "4000::/2": "reserved by the IETF (RFC 4291)",
        "8000::/1": "reserved by the IETF (RFC 4291)",
    }.items()
}


def overlap(network: IPv4Network | IPv6Network) -> str | None:
    """What a network has in common with this space: the block and what it is for, the first one listed."""
    if isinstance(network, IPv4Network):
        return next((f"{block}, {use}" for block, use in IPV4.items() if block.overlaps(network)), None)
    return next((f"{block}, {use}" for block, use in IPV6.items() if block.overlaps(network)), None)
