"""What the text, the guide and the poster say alike: domains, the last day, the steps."""

from collections.abc import Sequence
from typing import NamedTuple

import idna

from domain.announcement import CommunityFacts
from projections.emails import wording

MOST_DOMAINS = 5
"""So many are named on a page that is to be read in passing."""


class Addresses(NamedTuple):
    """Where people register with the platform, and this service, which shows a token's holder what is left."""

    sign_up: str
    service: str


def readable(domain: str) -> str:
    """As people write it: "münchen.example", of which the wire has xn--mnchen-3ya.example."""
    try:
        return idna.decode(domain)
    except idna.IDNAError:
        return domain


def domains(facts: CommunityFacts, most: int = MOST_DOMAINS) -> list[str]:
    """ "@mit.edu", "@cs.mit.edu and its subdomains"; those that do not fit are counted."""
    named = [f"@{readable(each.domain)}{' and its subdomains' if each.subdomains else ''}" for each in facts.domains]
    more = len(named) - most
    return named if more <= 0 else [*named[:most], f"{more} more"]


def either(words: Sequence[str]) -> str:
    """ "a", "a or b", "a, b or c"."""
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def last_day(facts: CommunityFacts) -> str | None:
    return wording.day(facts.last_day) if facts.last_day else None


def subject(facts: CommunityFacts) -> str:
    return f"For everybody at {facts.institution}: an API plan of your own"


def address_to_use(facts: CommunityFacts) -> str:
    return f"your address at {facts.institution}" + (f" ({either(domains(facts))})" if facts.domains else "")


def shown_address(url: str) -> str:
    """As it is read aloud; whoever types it needs no more."""
    return url.removeprefix("https://").removeprefix("http://").rstrip("/")
