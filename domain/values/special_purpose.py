"""Address space that belongs to no institution: the IANA special-purpose address registries (RFC 6890) and multicast."""

from ipaddress import IPv4Network, IPv6Network

SPECIAL_PURPOSE: tuple[tuple[IPv4Network | IPv6Network, str], ...] = (
    # https://www.iana.org/assignments/iana-ipv4-special-registry
    (IPv4Network("0.0.0.0/8"), "this network"),
    (IPv4Network("10.0.0.0/8"), "private use"),
    (IPv4Network("100.64.0.0/10"), "shared address space of carriers"),
    (IPv4Network("127.0.0.0/8"), "loopback"),
    (IPv4Network("169.254.0.0/16"), "link-local"),
    (IPv4Network("172.16.0.0/12"), "private use"),
    (IPv4Network("192.0.0.0/24"), "IETF protocol assignments"),
    (IPv4Network("192.0.2.0/24"), "documentation"),
    (IPv4Network("192.31.196.0/24"), "AS112"),
    (IPv4Network("192.52.193.0/24"), "AMT relays"),
    (IPv4Network("192.88.99.0/24"), "6to4 relays"),
    (IPv4Network("192.168.0.0/16"), "private use"),
    (IPv4Network("192.175.48.0/24"), "AS112"),
    (IPv4Network("198.18.0.0/15"), "benchmarking"),
    (IPv4Network("198.51.100.0/24"), "documentation"),
    (IPv4Network("203.0.113.0/24"), "documentation"),
    (IPv4Network("240.0.0.0/4"), "reserved"),
    # https://www.iana.org/assignments/multicast-addresses
    (IPv4Network("224.0.0.0/4"), "multicast"),
    # https://www.iana.org/assignments/iana-ipv6-special-registry
    (IPv6Network("::/128"), "the unspecified address"),
    (IPv6Network("::1/128"), "loopback"),
    (IPv6Network("::ffff:0:0/96"), "IPv4-mapped addresses"),
    (IPv6Network("64:ff9b::/96"), "translation from IPv4"),
    (IPv6Network("64:ff9b:1::/48"), "translation from IPv4"),
    (IPv6Network("100::/64"), "discard only"),
    (IPv6Network("100:0:0:1::/64"), "dummy prefix"),
    (IPv6Network("2001::/23"), "IETF protocol assignments"),
    (IPv6Network("2001:db8::/32"), "documentation"),
    (IPv6Network("2002::/16"), "6to4"),
    (IPv6Network("2620:4f:8000::/48"), "AS112"),
    (IPv6Network("3fff::/20"), "documentation"),
    (IPv6Network("5f00::/16"), "segment routing"),
    (IPv6Network("fc00::/7"), "unique local"),
    (IPv6Network("fe80::/10"), "link-local"),
    (IPv6Network("fec0::/10"), "site-local"),
    (IPv6Network("ff00::/8"), "multicast"),
)

GLOBAL_UNICAST = IPv6Network("2000::/3")  # https://www.iana.org/assignments/ipv6-address-space: all else is not handed out
