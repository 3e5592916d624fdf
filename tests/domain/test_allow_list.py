"""Collapsed ranges mean exactly the addresses that they meant before, in as few blocks as there can be; and whose they are.

Against a model that knows nothing of networks: a set of addresses, a bit each. TENURE_COLLAPSES sets how many sets are drawn.
"""

import os
from ipaddress import ip_network
from itertools import product
from random import Random

import pytest

from domain.access import AccountView, SubscriptionView
from domain.allow_list import Institution, allow_list, collapsed

SETS = int(os.environ.get("TENURE_COLLAPSES", "100000"))
ALL = (1 << 256) - 1
BLOCKS = [(first, 8 - bits) for bits in range(9) for first in range(0, 256, 1 << bits)]
"""Every block of a universe of 256 addresses: its first address, and how many bits its prefix has beyond the universe's."""


def written(first: int, more: int, version: int) -> str:
    if version == 4:
        return f"18.9.7.{first}/{24 + more}"
    return f"{ip_network((f'2a00:1450::{first:x}' if first else '2a00:1450::', 120 + more))}"


NAMES = {(first, more, version): written(first, more, version) for (first, more), version in product(BLOCKS, (4, 6))}


def addresses(first: int, more: int) -> int:
    """The addresses of a block as bits."""
    size = 1 << (8 - more)
    return ((1 << size) - 1) << first


BITS = {block: addresses(*block) for block in BLOCKS}


def fewest(members: int, version: int, first: int = 0, more: int = 0) -> list[str]:
    """The largest blocks that hold members only, in the order of their addresses."""
    size = 1 << (8 - more)
    full = (1 << size) - 1
    part = members >> first & full
    if part == full:
        return [NAMES[first, more, version]]
    if not part:
        return []
    return fewest(members, version, first, more + 1) + fewest(members, version, first + size // 2, more + 1)


def test_a_hundred_thousand_random_sets_mean_what_they_meant():
    draw = Random(18_09)
    # Small blocks come far more often in a choice of all: a size is drawn first, so that there is something to merge.
    by_size = [[block for block in BLOCKS if block[1] == more] for more in range(9)]
    seen = set()
    for _ in range(SETS):
        sizes = draw.choices(range(9), (1, 4, 12, 16, 16, 16, 16, 16, 16), k=draw.randrange(13))
        chosen = [(draw.choice(by_size[more]), draw.choice((4, 4, 6))) for more in sizes]
        members = {4: 0, 6: 0}
        for block, version in chosen:
            members[version] |= BITS[block]
        given = tuple(NAMES[*block, version] for block, version in chosen)
        assert [*fewest(members[4], 4), *fewest(members[6], 6)] == list(collapsed(given)), given
        seen.add((members[4], members[6]))
    assert len(seen) > SETS * 0.8, "they are different sets"
    assert ALL in {four for four, _ in seen}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), ()),
        (("18.9.0.0/16", "18.9.3.0/24", "18.9.0.0/16"), ("18.9.0.0/16",)),
        (("18.9.1.0/24", "18.9.0.0/24"), ("18.9.0.0/23",)),
        (("18.9.1.0/24", "18.9.2.0/24"), ("18.9.1.0/24", "18.9.2.0/24")),  # they touch, but are no one block
        (("18.9.255.255/32", "18.10.0.0/32"), ("18.9.255.255/32", "18.10.0.0/32")),
        (("9.0.0.0/8", "100.0.0.0/8"), ("9.0.0.0/8", "100.0.0.0/8")),  # by address, not by letter
        (("2a00:1450::/33", "18.9.0.0/16", "2a00:1450:8000::/33"), ("18.9.0.0/16", "2a00:1450::/32")),
        (("2a00:1450::5/128", "2a00:1450::4/128"), ("2a00:1450::4/127",)),
    ],
)
def test_what_touches_or_holds_another_is_one_with_it(given, expected):
    assert expected == collapsed(given)


@pytest.mark.parametrize("account", ["nominated", "active", "suspended", "closed", "withdrawn", "rejected", None])
@pytest.mark.parametrize("subscription", ["pending", "active", "grace", "suspended", "lapsed", "ended", None])
def test_only_who_has_access_is_on_the_list(account, subscription):
    institution = Institution(
        account=AccountView(status=account) if account else None,
        subscription=SubscriptionView(status=subscription) if subscription else None,
        ip_ranges=("18.9.0.0/16",),
    )
    on_it = account == "active" and subscription in {"active", "grace"}
    assert (("18.9.0.0/16",) if on_it else ()) == allow_list([institution])


def test_the_ranges_of_neighbours_are_one_range():
    halves = [
        Institution(account=AccountView(status="active"), subscription=SubscriptionView(status=status), ip_ranges=(half,))
        for status, half in (("active", "18.8.0.0/16"), ("grace", "18.9.0.0/16"), ("lapsed", "18.10.0.0/15"))
    ]
    assert ("18.8.0.0/15",) == allow_list(halves)
