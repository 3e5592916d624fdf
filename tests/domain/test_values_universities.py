"""9,006 real institutions, with their names and domains as others keep them."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import Invalid
from domain.values import ALLOWED, parse_claimed_domain, parse_text

UNIVERSITIES = Path(__file__).parents[3] / "shared" / "data" / "universities.csv"

NAMES = {  # quotation marks of Windows-1252, read as Latin-1, are control characters
    "Fine Arts Academy \x93Wladyslaw Strzeminski\x94 in Lodz",
    "Medical Academy \x93Karol Marcinkowski\x94 in Poznan",
    "Medical Academy \x93Ludwik Rydygier\x94 in Bydgoszcz",
    "State Film, Television and Theatre Higher School \x93Leon Schiller\x94 in Lodz",
}
DOMAINS = {
    "mil.lv": "public-suffix",  # the National Defence Academy of Latvia is one of many below it
}


@pytest.fixture(scope="module")
def universities() -> list[dict[str, str]]:
    if not UNIVERSITIES.exists():
        pytest.skip("shared/data/universities.csv is not beside the repository")
    with UNIVERSITIES.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, strict=True))


def domains(universities: list[dict[str, str]]) -> Iterator[str]:
    for row in universities:
        yield from row["domains"].split(";")


def test_there_are_as_many_as_were_judged(universities):
    assert 9_006 == len(universities)


def test_every_name_is_accepted_as_it_is_but_for_those_with_control_characters(universities):
    refused = set()
    for row in universities:
        try:
            assert row["institution"] == parse_text(row["institution"], field="institution")
        except Invalid as refusal:
            assert "control character" in refusal.detail
            refused.add(row["institution"])
    assert NAMES == refused


def test_every_domain_can_be_claimed_as_it_is_but_for_a_public_suffix(universities):
    refused = {}
    for domain in domains(universities):
        try:
            assert domain == parse_claimed_domain(domain) == parse_claimed_domain(domain, subdomains=True)
        except Invalid as refusal:
            refused[domain] = refusal.slug
    assert DOMAINS == refused


def test_every_exception_is_a_domain_of_one_of_them(universities):
    assert set(ALLOWED) <= set(domains(universities))
