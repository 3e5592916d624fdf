"""The networks of everybody who may use the platform at an instant, in as few blocks as mean exactly the same addresses."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from domain.access import AccountView, SubscriptionView, gives_access


@dataclass(frozen=True, kw_only=True)
class Institution:
    """An account and its subscription at the instant asked about, and the ranges on record."""

    account: AccountView | None
    subscription: SubscriptionView | None
    ip_ranges: tuple[str, ...]


def allow_list(institutions: Iterable[Institution]) -> tuple[str, ...]:
    """Access is decided as it is for a call: this is no second rule."""
    return collapsed(tuple(each for one in institutions if gives_access(one.account, one.subscription) for each in one.ip_ranges))


@lru_cache(maxsize=4)
def collapsed(ranges: tuple[str, ...]) -> tuple[str, ...]:
    """Ranges as stored, sorted by address with IPv4 first; what touches or holds another is one with it."""
    four = collapse_addresses(IPv4Network(each) for each in ranges if ":" not in each)
    six = collapse_addresses(IPv6Network(each) for each in ranges if ":" in each)
    return (*map(str, four), *map(str, six))
