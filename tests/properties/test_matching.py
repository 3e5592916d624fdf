"""A million pairs of claims and addresses, made from one another by mutation: the matcher says what an obvious comparison says."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from domain.context import ClaimedDomain
from domain.errors import Invalid
from domain.matching import covering
from domain.values import email_domain, parse_claimed_domain, parse_email

PAIRS = 1_000_000
SEEDS = 10
TEXTS = 20_000
EMAILS_PER_INSTITUTION = 40

NOW = datetime(2027, 5, 1, 9, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
RETIRING = (None, None, None, None, NOW - timedelta(days=90), NOW - MICROSECOND, NOW, NOW + MICROSECOND, NOW + timedelta(days=90))

WORDS = ("mit", "csail", "notmit", "evil", "cs", "x", "library", "xn--it-7lc", "xn--mnchen-3ya", "uni-bonn", "mit-edu", "com", "edu", "ac")
ENDINGS = ("edu", "edu", "com", "ac.uk", "edu.au", "de", "org", "xn--p1ai")
ODD = "aet.-@ 0\n*"
BEYOND_ASCII = ("м", "ü", "ß", "ｍ", "。", "\u200d", "\u212a", "İ", "é", "中", "\u00ad", "i\u0307")


# What is right


def endings(domain: str) -> list[str]:
    """Of csail.mit.edu: .csail.mit.edu, .mit.edu and .edu."""
    dotted = f".{domain}"
    return [dotted[place:] for place, character in enumerate(dotted) if character == "."]


def right(claims: list[ClaimedDomain], domain: str) -> list[ClaimedDomain]:
    """The claims that cover the domain at NOW, of which none is longer: more than one only where a domain is claimed twice."""
    whole, *above = endings(domain.lower())
    fitting = []
    for claim in claims:
        dotted = f".{claim.domain.lower()}"
        if (dotted == whole or (claim.subdomains and dotted in above)) and (claim.retires_at is None or NOW < claim.retires_at):
            fitting.append(claim)
    longest = max((len(claim.domain) for claim in fitting), default=0)
    return [claim for claim in fitting if len(claim.domain) == longest]


def a_label(domain: str) -> str:
    """The form on the wire, by the standard's own algorithm, without any mapping but that of case."""
    labels = domain.lower().split(".")
    return ".".join(label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels)


# What is tried


def word(random: Random) -> str:
    drawn = random.random()
    return WORDS[int(drawn * len(WORDS))] if drawn < 0.6 else f"d{int(drawn * 1e6) % 10_000}"


def root(random: Random) -> str:
    return f"{word(random)}.{ENDINGS[int(random.random() * len(ENDINGS))]}"


def place(random: Random, length: int) -> int:
    return int(random.random() * length)


def without_a_label(domain: str, random: Random) -> str:
    labels = domain.split(".")
    del labels[place(random, len(labels))]
    return ".".join(labels)


def with_another_label(domain: str, random: Random) -> str:
    labels = domain.split(".")
    labels[place(random, len(labels))] = word(random)
    return ".".join(labels)


def with_a_label_more(domain: str, random: Random) -> str:
    labels = domain.split(".")
    labels.insert(place(random, len(labels) + 1), word(random))
    return ".".join(labels)


def with_labels_swapped(domain: str, random: Random) -> str:
    labels = domain.split(".")
    one, other = place(random, len(labels)), place(random, len(labels))
    labels[one], labels[other] = labels[other], labels[one]
    return ".".join(labels)


def with_a_label_repeated(domain: str, random: Random) -> str:
    labels = domain.split(".")
    where = place(random, len(labels))
    return ".".join((*labels[:where], labels[where], *labels[where:]))


def with_a_character_more(domain: str, random: Random) -> str:
    where = place(random, len(domain) + 1)
    return domain[:where] + ODD[place(random, len(ODD))] + domain[where:]


def without_a_character(domain: str, random: Random) -> str:
    where = place(random, len(domain))
    return domain[:where] + domain[where + 1 :]


def in_capitals(domain: str, random: Random) -> str:
    where = place(random, len(domain) + 1)
    return domain[:where].upper() + domain[where:]


Mutation = Callable[[str, Random], str]
MUTATIONS: tuple[Mutation, ...] = (
    lambda domain, random: domain,
    lambda domain, random: domain,
    lambda domain, random: f"{word(random)}.{domain}",
    lambda domain, random: f"{word(random)}.{domain}",
    lambda domain, random: f"{word(random)}{domain}",
    lambda domain, random: f"{word(random)}-{domain}",
    lambda domain, random: f"{domain}.{root(random)}",
    lambda domain, random: f"{domain}.{word(random)}",
    lambda domain, random: f"{domain}{word(random)}",
    lambda domain, random: f"{domain}-{root(random)}",
    lambda domain, random: f"{domain}.{domain}",
    lambda domain, random: f"{domain}{domain}",
    lambda domain, random: f"xn--{domain}",
    lambda domain, random: f"{'d' * 63}.{domain}",
    lambda domain, random: f"{'a.' * 40}{domain}",
    lambda domain, random: f".{domain}",
    lambda domain, random: f"{domain}.",
    lambda domain, random: f"*.{domain}",
    lambda domain, random: domain.replace(".", "-", 1),
    lambda domain, random: domain.replace(".", "", 1),
    lambda domain, random: domain.replace("-", ".", 1),
    lambda domain, random: domain.partition(".")[2],
    lambda domain, random: domain.rpartition(".")[0],
    lambda domain, random: domain[::-1],
    lambda domain, random: root(random),
    lambda domain, random: domain.upper(),
    without_a_label,
    with_another_label,
    with_a_label_more,
    with_labels_swapped,
    with_a_label_repeated,
    with_a_character_more,
    without_a_character,
    in_capitals,
)


def with_a_character_beyond_ascii(domain: str, random: Random) -> str:
    where, character = place(random, len(domain) + 1), BEYOND_ASCII[place(random, len(BEYOND_ASCII))]
    return domain[:where] + character + domain[where + place(random, 2) :]


def mutated(domain: str, random: Random, mutations: tuple[Mutation, ...]) -> str:
    domain = mutations[int(random.random() * len(mutations))](domain, random)
    return mutations[int(random.random() * len(mutations))](domain, random) if random.random() < 0.4 else domain


def institution(random: Random, mutations: tuple[Mutation, ...]) -> list[tuple[str, bool, datetime | None]]:
    """One to five domains, above, below and beside one another, as typed."""
    domains = [root(random)]
    while random.random() < 0.6 and len(domains) < 5:
        domains.append(mutated(domains[place(random, len(domains))], random, mutations))
    random.shuffle(domains)
    return [(domain, random.random() < 0.6, RETIRING[place(random, len(RETIRING))]) for domain in domains]


def pairs(random: Random, number: int) -> Iterator[tuple[list[ClaimedDomain], str]]:
    """What an institution claims, and a domain made from one of its claims; no domain twice for one institution."""
    while number > 0:
        typed = institution(random, MUTATIONS)
        claims = [ClaimedDomain(domain=domain, subdomains=subdomains, retires_at=retires_at) for domain, subdomains, retires_at in typed]
        tried = {mutated(typed[place(random, len(typed))][0], random, MUTATIONS) for _ in range(min(EMAILS_PER_INSTITUTION, number))}
        for domain in sorted(tried):
            yield claims, domain
        number -= len(tried)


# The comparison


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_matcher_accepts_and_refuses_what_is_right(seed):
    seen = Counter[bool]()
    for number, (claims, domain) in enumerate(pairs(Random(seed), PAIRS // SEEDS)):
        expected, actual = right(claims, domain), covering(claims, domain, NOW)
        if (actual not in expected) if expected else (actual is not None):
            pytest.fail(
                f"seed {seed}, pair {number}: {domain!r} among {claims} is covered by {actual}, and should be by {expected or None}"
            )
        seen[actual is not None] += 1
    assert PAIRS // SEEDS == seen.total()
    assert min(seen[True], seen[False]) > PAIRS // SEEDS // 10


def parsed_claims(typed: list[tuple[str, bool, datetime | None]]) -> list[ClaimedDomain]:
    """Those that an institution may claim, after it has confirmed what is not ASCII."""
    claims = []
    for text, subdomains, retires_at in typed:
        try:
            domain = parse_claimed_domain(text, subdomains=subdomains, confirm_a_label=a_label(text))
        except Invalid:
            continue
        assert a_label(text) == domain
        claims.append(ClaimedDomain(domain=domain, subdomains=subdomains, retires_at=retires_at))
    return claims


SHAPES = (
    *("user@{domain}",) * 10,
    "User+tag@{domain}",
    "user@{claim}@{domain}",
    '"user@{claim}"@{domain}',
    "<user@{claim}>, user@{domain}",
    "user%{claim}@{domain}",
    "user@{domain}\r\nBcc: x@{claim}",
    "user@{domain}({claim})",
    "user@[{domain}]",
)


def test_what_is_typed_is_covered_only_if_what_stands_behind_its_only_at_is():
    seed = SEEDS
    random, seen = Random(seed), Counter[str]()
    mutations = (*MUTATIONS, *(with_a_character_beyond_ascii,) * 6)
    while seen.total() < TEXTS:
        typed = institution(random, mutations)
        claims = parsed_claims(typed)
        for _ in range(EMAILS_PER_INSTITUTION):
            claim = typed[place(random, len(typed))][0]
            text = SHAPES[place(random, len(SHAPES))].format(domain=mutated(claim, random, mutations), claim=claim)
            try:
                email = parse_email(text)
            except Invalid:
                seen["refused"] += 1
                continue
            where = f"seed {seed}, text {seen.total()}: {text!r} among {claims}"
            local, at, domain = text.partition("@")
            assert f"{local}{at}{a_label(domain)}" == email, where
            expected, actual = right(claims, a_label(domain)), covering(claims, email_domain(email), NOW)
            assert actual in (expected or [None]), where
            seen["covered" if actual else "not covered"] += 1
    assert all(seen[kind] > TEXTS // 20 for kind in ("refused", "covered", "not covered")), seen
