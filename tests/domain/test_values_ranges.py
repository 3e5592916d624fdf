"""IP ranges that institutions give, row by row of what must be refused, and how."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.values import overlapping, parse_ip_range, unmap, within_any
from domain.values.special_purpose import IPV4, IPV6, overlap


def refusal(text: object, *, admin: bool = False) -> Invalid:
    with pytest.raises(Invalid) as raised:
        parse_ip_range(text, admin=admin)
    assert "ip_ranges" == raised.value.field
    return raised.value


@pytest.mark.parametrize("admin", [False, True])
@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96"])
def test_row_14_nobody_has_the_whole_internet(text, admin):
    assert "range-too-wide" == refusal(text, admin=admin).slug


@pytest.mark.parametrize("admin", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.0/7",
        "224.0.0.0/4",
        "2002::/16",
        "100.64.0.0/10",
        "100.64.3.0/24",
        "127.0.0.1/32",
        "192.168.1.0/24",
        "198.51.100.7/32",
        "203.0.0.0/16",
        "255.255.255.255/32",
        "0.0.0.0/1",
        "::1/128",
        "::fffe:0:0/95",
        "64:ff9b::1200:0/104",
        "2001:db8::/32",
        "2001::/23",
        "2000::/3",
        "fd00::/8",
        "fe80::/64",
        "ff02::1/128",
        "9000::/20",
        "::ffff:10.1.2.0/120",
    ],
)
def test_row_15_no_part_of_special_purpose_space(text, admin):
    assert "special-purpose-range" == refusal(text, admin=admin).slug


def test_row_15_what_overlaps_is_named():
    assert "100.64.0.0/10, shared address space of carriers" in refusal("100.64.3.0/24").detail


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("::ffff:18.0.0.0/104", "18.0.0.0/8"),
        ("::ffff:1200:0/104", "18.0.0.0/8"),
        ("::FFFF:18.1.2.3/128", "18.1.2.3/32"),
    ],
)
def test_row_16_a_mapped_range_is_the_ipv4_range(text, stored):
    assert stored == parse_ip_range(text)


@pytest.mark.parametrize("text", ["::ffff:18.0.0.0/95", "::ffff:0:0/90", "::ffff:18.0.0.0/0"])
def test_row_16_a_mapped_range_has_96_bits_of_prefix(text):
    assert "invalid-ip-range" == refusal(text).slug


def test_row_16_a_mapped_client_is_the_ipv4_client():
    assert "18.1.2.3" == unmap("::ffff:18.1.2.3") == unmap("::ffff:1201:203") == unmap("18.1.2.3")
    assert "2a00:1450::1" == unmap("2A00:1450:0::1")
    assert ip_address(unmap("::ffff:18.1.2.3")) in ip_network("18.0.0.0/8")


def test_row_16_a_mapped_client_is_within_the_ipv4_range():
    assert within_any("::ffff:18.1.2.3", ["2a00::/32", "18.0.0.0/8"])
    assert within_any("2a00::9", ["2a00::/32", "18.0.0.0/8"])
    assert not within_any("19.0.0.1", ["2a00::/32", "18.0.0.0/8"])
    assert not within_any("18.1.2.3", [])


@pytest.mark.parametrize("text", ["", "18.1.2", "018.1.2.3", "18.1.2.3/32", "fe80::1%eth0", "mit.edu", " 18.1.2.3", "18.1.2.3, 1.1.1.1"])
def test_row_16_what_is_no_client(text):
    with pytest.raises(Invalid) as raised:
        unmap(text)
    assert "invalid-address" == raised.value.slug


@pytest.mark.parametrize(
    ("text", "slug", "meant"),
    [
        ("18.0.0.5/8", "host-bits", "18.0.0.0/8"),
        ("::ffff:18.0.0.5/104", "host-bits", "18.0.0.0/8"),
        ("2a00:1450::1/32", "host-bits", "2a00:1450::/32"),
        ("2A00:1450::/32", "invalid-ip-range", "2a00:1450::/32"),
        ("2a00:1450:0:0::/32", "invalid-ip-range", "2a00:1450::/32"),
        ("2a00::1.2.3.4/128", "invalid-ip-range", "2a00::102:304/128"),
    ],
)
def test_row_17_never_silently_another_range(text, slug, meant):
    refused = refusal(text)
    assert slug == refused.slug
    assert f"did you mean {meant}?" in refused.detail
    assert meant == parse_ip_range(meant)


@pytest.mark.parametrize(
    "text",
    [
        "18.0.0.0/0.255.255.255",
        "18.0.0.0/255.0.0.0",
        "18.0.0.0/008",
        "18.0.0.0/08",
        "18.0.0.0/+8",
        "18.0.0.0/33",
        "18.0.0.0/-1",
        "18.0.0.0/",
        "18.0.0.0",
        "18/8",
        "018.0.0.0/8",
        "0x12.0.0.0/8",
        "١٨.0.0.0/8",
        "18.0.0.0/٨",
        " 18.0.0.0/8",
        "18.0.0.0/8\n",
        "18.0.0.0/8,19.0.0.0/8",
        "18.0.0.0-18.0.0.255",
        "2a00::/129",
        "fe80::%eth0/64",
        ":::/32",
        "",
        "3232235777",
        3232235777,
        None,
        b"\x12\x00\x00\x00",
    ],
)
def test_row_18_canonical_cidr_only(text):
    assert "invalid-ip-range" == refusal(text).slug


@pytest.mark.parametrize(("fine", "wide"), [("18.0.0.0/8", "18.0.0.0/7"), ("2a00:2000::/19", "2a00::/18")])
def test_the_widest_range_without_an_admin(fine, wide):
    assert fine == parse_ip_range(fine)
    assert "range-too-wide" == refusal(wide).slug
    assert wide == parse_ip_range(wide, admin=True)


def test_ranges_overlap_in_either_order():
    assert overlapping("18.0.0.0/8", "18.5.0.0/16")
    assert overlapping("18.5.0.0/16", "18.0.0.0/8")
    assert not overlapping("18.0.0.0/8", "19.0.0.0/8")
    assert overlapping("2a00:1450::/32", "2a00:1450:1::/48")
    assert not overlapping("18.0.0.0/8", "2a00:1450::/32")
    assert not overlapping("2a00:1450::/32", "18.0.0.0/8")


@pytest.mark.parametrize("block", [*IPV4, *IPV6], ids=str)
def test_every_listed_block_is_refused_down_to_its_first_and_last_address(block):
    for address in (block[0], block[-1]):
        assert overlap(ip_network(f"{address}/{address.max_prefixlen}"))


@given(st.ip_addresses(), st.integers(0, 128))
def test_what_is_stored_is_public_canonical_and_parsed_to_itself(address, prefix):
    prefix = min(prefix, address.max_prefixlen)
    network = ip_network(f"{address}/{prefix}", strict=False)
    try:
        stored = parse_ip_range(str(network), admin=True)
    except Invalid:
        assert network.prefixlen == 0 or any(block.overlaps(network) for block in (IPV4 if network.version == 4 else IPV6))
    else:
        mapped = getattr(network.network_address, "ipv4_mapped", None)  # IPv4 in disguise is stored as what it is
        expected = f"{mapped}/{network.prefixlen - 96}" if mapped else str(network)
        assert stored == expected == parse_ip_range(stored, admin=True)
        assert ip_network(stored).is_global


@given(st.text(max_size=30))
def test_whatever_comes_is_parsed_or_refused(text):
    for attempt in (text, f"{text}/8", f"18.0.0.0/{text}", f"2a00:{text}::/32"):
        try:
            assert attempt == parse_ip_range(attempt) or attempt.lower().startswith("::ffff:")
        except Invalid as refused:
            assert refused.slug in {"invalid-ip-range", "host-bits", "range-too-wide", "special-purpose-range"}


@given(st.ip_addresses())
def test_a_client_has_one_form(address):
    assert unmap(unmap(str(address))) == unmap(str(address)) == unmap(address.exploded)
