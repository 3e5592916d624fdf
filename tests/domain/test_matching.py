"""Which addresses an institution's claims cover, from the text that came in: row by row of what must not match."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.context import ClaimedDomain
from domain.errors import Invalid
from domain.matching import covering, domain_of
from domain.values import email_domain, parse_claimed_domain, parse_email

NOW = datetime(2027, 5, 1, 9, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MIT = ClaimedDomain(domain="mit.edu")
MIT_AND_BELOW = ClaimedDomain(domain="mit.edu", subdomains=True)
CSAIL = ClaimedDomain(domain="csail.mit.edu")

either = pytest.mark.parametrize("claim", [MIT, MIT_AND_BELOW], ids=["exact", "with sub-domains"])


def covered(claim: ClaimedDomain, text: str) -> bool:
    return covering([claim], email_domain(parse_email(text)), NOW) is claim


@either
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("user@mit.edu", id="the domain itself"),
        pytest.param("user@MIT.EDU", id="row 8: case of the domain"),
        pytest.param("user+x@mit.edu", id="row 11: a plus tag"),
        pytest.param("User@mit.edu", id="row 11: case of the local part"),
        pytest.param("evil.com%user@mit.edu", id="another domain in the local part"),
    ],
)
def test_what_an_institution_has_claimed_is_covered(text, claim):
    assert covered(claim, text)


@either
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("user@mit.edu.evil.com", id="row 1: the claim in front"),
        pytest.param("user@notmit.edu", id="row 2: the claim at the end of a label"),
        pytest.param("user@not-mit.edu", id="row 2: the claim after a hyphen"),
        pytest.param("user@mit-edu.com", id="row 2: a hyphen for the dot"),
        pytest.param("user@mit.edu.com", id="row 1: one label more"),
        pytest.param("user@mitedu.com", id="row 2: no dot"),
        pytest.param("user@edu.mit", id="the labels turned round"),
        pytest.param("mit.edu@evil.com", id="the claim as a local part"),
        pytest.param("user@мit.edu", id="row 9: a letter that looks like another"),
        pytest.param("user@xn--it-7lc.edu", id="row 9: and its A-label"),
    ],
)
def test_what_only_looks_like_it_is_not(text, claim):
    assert not covered(claim, text)


def test_row_3_a_sub_domain_is_covered_only_if_the_claim_says_so():
    assert not covered(MIT, "user@csail.mit.edu")
    assert covered(MIT_AND_BELOW, "user@csail.mit.edu")
    assert covered(MIT_AND_BELOW, "user@a.b.c.mit.edu")
    assert not covered(ClaimedDomain(domain="csail.mit.edu", subdomains=True), "user@mit.edu")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("user@mit.edu.", id="row 8: a dot at the end"),
        pytest.param("user@ｍit.edu", id="row 10: a full-width letter"),
        pytest.param("user@mit。edu", id="row 10: an ideographic full stop"),
        pytest.param("user@mit.edu\u200d", id="row 10: a joiner"),
    ],
)
def test_what_a_mapping_would_make_the_domain_never_gets_as_far(text):
    with pytest.raises(Invalid):
        parse_email(text)


def test_row_9_a_domain_that_was_confirmed_by_its_a_label_covers_its_own_people_alone():
    claim = ClaimedDomain(domain=parse_claimed_domain("мit.edu", confirm_a_label="xn--it-7lc.edu"))
    assert covered(claim, "user@мit.edu")
    assert covered(claim, "user@XN--IT-7LC.edu")
    assert not covered(claim, "user@mit.edu")


def test_row_10_a_sharp_s_is_no_double_s():
    sharp = ClaimedDomain(domain=parse_claimed_domain("faß.de", confirm_a_label="xn--fa-hia.de"))
    assert covered(sharp, "user@faß.de")
    assert not covered(sharp, "user@fass.de")
    assert not covered(ClaimedDomain(domain="fass.de"), "user@faß.de")


def test_the_longest_claim_says_whether_sub_domains_count():
    shared_below = ClaimedDomain(domain="csail.mit.edu", subdomains=True, shared=True)
    assert covering([MIT_AND_BELOW, shared_below], "x.csail.mit.edu", NOW) is shared_below
    assert covering([CSAIL, MIT_AND_BELOW], "csail.mit.edu", NOW) is CSAIL
    assert covering([CSAIL, MIT_AND_BELOW], "x.csail.mit.edu", NOW) is MIT_AND_BELOW
    assert covering([CSAIL, MIT], "x.csail.mit.edu", NOW) is None
    assert covering([], "mit.edu", NOW) is None


def test_a_claim_is_good_until_the_very_moment_it_retires():
    retiring = ClaimedDomain(domain="csail.mit.edu", retires_at=NOW)
    assert covering([retiring, MIT_AND_BELOW], "csail.mit.edu", NOW - MICROSECOND) is retiring
    assert covering([retiring, MIT_AND_BELOW], "csail.mit.edu", NOW) is MIT_AND_BELOW
    assert covering([retiring], "csail.mit.edu", NOW) is None


def test_the_domain_of_an_address_is_what_stands_behind_its_at():
    assert "mit.edu" == domain_of("user@MIT.edu")
