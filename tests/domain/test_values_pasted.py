"""Two hundred ways in which people paste IP ranges, right and wrong, each with what is made of it."""

from ipaddress import IPv4Address, IPv4Network, ip_address
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.values import read_pasted

MIT = "18.9.0.0/16"
WELCOME = "write 18.9.0.0/16, 18.9.0.1-18.9.0.20, 18.9.0.5 or 2a00:1450::/32"
RIGHT = {
    MIT: [MIT],
    "18.9.0.0 /16": [MIT],
    "18.9.0.0 / 16": [MIT],
    "18.9.0.0/255.255.0.0": [MIT],
    "18.9.0.0 255.255.0.0": [MIT],
    "18.9.*.*": [MIT],
    "18.9.*": [MIT],
    "18.9.0.0-18.9.255.255": [MIT],
    "18.9.0.0/016": [MIT],
    "18.9.3.*": ["18.9.3.0/24"],
    "18.9.0.5": ["18.9.0.5/32"],
    "18.9.0.5-18.9.0.5": ["18.9.0.5/32"],
    "18.9.0.1-18.9.0.6": ["18.9.0.1/32", "18.9.0.2/31", "18.9.0.4/31", "18.9.0.6/32"],
    "18.9.0.1-6": ["18.9.0.1/32", "18.9.0.2/31", "18.9.0.4/31", "18.9.0.6/32"],
    "18.9.0.255-18.9.1.0": ["18.9.0.255/32", "18.9.1.0/32"],
    "2a00:1450::/32": ["2a00:1450::/32"],
    "2A00:1450::/32": ["2a00:1450::/32"],
    "2a00:1450:0:0:0:0:0:0/32": ["2a00:1450::/32"],
    "2a00:1450::5": ["2a00:1450::5/128"],
    "[2a00:1450::5]": ["2a00:1450::5/128"],
    "2a00:1450::4-2a00:1450::7": ["2a00:1450::4/126"],
    "::ffff:18.9.0.5": ["18.9.0.5/32"],
}
AROUND = ("{}", "  {}  ", "{}  # the library", "{} // the library", "{} (the library)", "Library: {}", '"{}"', "\ufeff{}", "\u00a0{}")
WRONG = {
    "library": WELCOME,
    "18.9": WELCOME,
    "18.9.0.0/": WELCOME,
    "18.9.0.0/x": WELCOME,
    "18.9.0.0/-1": WELCOME,
    "18.9.0.0.1": WELCOME,
    "18.9.0.256": WELCOME,
    "*": WELCOME,
    "18.*.3.4": WELCOME,
    "http://18.9.0.1/": WELCOME,
    "18.9.0.1:8080": WELCOME,
    "0x12.9.0.1": WELCOME,
    "302579713": WELCOME,
    "18.9.0.0/16-18.10.0.0/16": WELCOME,
    "18.9.0.1-18.9.0.2-18.9.0.3": WELCOME,
    "18.9.0.1-": WELCOME,
    "-18.9.0.1": WELCOME,
    "2a00:::1": WELCOME,
    "\u0661\u0668.9.0.1": WELCOME,
    "18.9.0.0/33": "goes up to /32",
    "2a00:1450::/129": "goes up to /128",
    "18.9.0.0/255.0.255.0": "no network mask",
    "18.9.0.1/16": "did you mean 18.9.0.0/16?",
    "18.9.0.1/255.255.0.0": "did you mean 18.9.0.0/16?",
    "2a00:1450::1/32": "did you mean 2a00:1450::/32?",
    "018.009.000.001": "did you mean 18.9.0.1?",
    "18.9.0.020-18.9.0.30": "did you mean 18.9.0.20?",
    "18.9.0.20-18.9.0.1": "did you mean 18.9.0.1-18.9.0.20?",
    "18.9.0.20-1": "did you mean 18.9.0.1-18.9.0.20?",
    "18.9.0.1-2a00:1450::1": "one kind of address to another",
    "2a00:1450::1-2a00:1450:ffff:ffff:ffff:ffff:ffff:fffe": "blocks to write this span",
    "fe80::1%eth0": "one machine only",
    "10.1.0.0/16": "private use",
    "192.168.0.1-192.168.0.9": "private use",
    "127.0.0.1": "loopback",
    "0.0.0.0/0": "the whole internet",
    "::/0": "the whole internet",
    "18.0.0.0/7": "an admin has to record it",
    "::ffff:10.0.0.1": "private use",
}


@pytest.mark.parametrize("around", AROUND, ids=range(len(AROUND)))
@pytest.mark.parametrize("text", RIGHT)
def test_what_is_right(text, around):
    pasted = around.format(text)
    assert [(1, tuple(RIGHT[text]), "")] == [(each.line, each.ranges, each.problem) for each in read_pasted(pasted)]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_and_what_would_be_right(text):
    (entry,) = read_pasted(f"\n {text} # the library")
    assert (2, ()) == (entry.line, entry.ranges)
    assert WRONG[text] in entry.problem


@pytest.mark.parametrize("between", ["\n", "\r\n", ",", ", ", ";", "\t", " ", " | ", ",\n"])
def test_a_list_is_parted_in_any_usual_way(between):
    pasted = between.join(["18.9.0.0/16", "18.10.0.1-18.10.0.2", "2a00:1450::/32", "nonsense", "18.11.0.0/16"])
    found = read_pasted(pasted)
    assert ["18.9.0.0/16", "18.10.0.1/32", "18.10.0.2/32", "2a00:1450::/32", "18.11.0.0/16"] == [r for each in found for r in each.ranges]
    assert ["nonsense"] == [each.text for each in found if each.problem]


@pytest.mark.parametrize("dash", ["-", " - ", "\u2013", " \u2014 ", "\u2212", " to ", " TO ", "- "])
def test_a_span_is_written_with_any_dash(dash):
    (entry,) = read_pasted(f"18.9.0.4{dash}18.9.0.7")
    assert ("18.9.0.4/30",) == entry.ranges


@pytest.mark.parametrize("text", ["", "\n\n", "# only a remark", " , ; \t"])
def test_nothing_is_nothing(text):
    assert [] == read_pasted(text)


def test_an_admin_may_record_what_is_wide():
    assert ("18.0.0.0/7",) == read_pasted("18.0.0.0/7", admin=True)[0].ranges


@given(st.integers(int(IPv4Address("18.0.0.0")), int(IPv4Address("19.255.255.255"))), st.integers(0, 3_000))
def test_a_span_means_each_of_its_addresses_and_no_other(first, more):
    (entry,) = read_pasted(f"{ip_address(first)} - {ip_address(first + more)}")
    meant = sorted((int(network[0]), int(network[-1])) for network in map(IPv4Network, entry.ranges))
    assert (first, first + more) == (meant[0][0], meant[-1][1])
    assert all(before[1] + 1 == after[0] for before, after in pairwise(meant))


@given(st.text(max_size=60))
def test_whatever_is_pasted_each_entry_is_ranges_or_a_problem(text):
    assert all(bool(entry.ranges) != bool(entry.problem) for entry in read_pasted(text))
