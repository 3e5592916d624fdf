"""Addresses that institutions give: of works on the platform, and of sites that may hold the widget. Descriptions with their lines."""

import pytest

from domain.errors import Invalid
from domain.values import is_safe_link, parse_origin, parse_paragraphs, parse_platform_address

HOST = "www.lens.org"


def test_an_address_on_the_platform():
    address = "https://www.lens.org/lens/search/scholar/list?collectionId=1&p=%20#top"
    assert parse_platform_address(address, host=HOST) == address
    assert parse_platform_address("https://WWW.Lens.org/", host=HOST) == "https://www.lens.org/"


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("http://www.lens.org/", "'http://www.lens.org/' does not begin with https://; right would be https://www.lens.org/ and what"),
        ("javascript:alert(1)", "'javascript:alert(1)' does not begin with https://"),
        ("www.lens.org", "'www.lens.org' does not begin with https://"),
        ("", "'' does not begin with https://"),
        ("https://www.lens.org.evil.example/", "'www.lens.org.evil.example' is not the platform; the works are at https://www.lens.org/"),
        ("https://www.lens.org@evil.example/", "'www.lens.org@evil.example' is not the platform"),
        ("https://me@www.lens.org/", "'me@www.lens.org' is not the platform"),
        ("https://www.lens.org:444/", "'www.lens.org:444' is not the platform"),
        ("https://www.lens.org\\@evil.example/", "is not the platform"),
        ("https:///works", "it names no host; the works are at https://www.lens.org/"),
        ("https://[www.lens.org/", "this is not an address; right would be https://www.lens.org/"),
        ("https://www.lens.org/<b>", "an address has no '<' in it; copy it from the browser's address bar"),
        ('https://www.lens.org/"', "an address has no '\"' in it"),
        ("https://www.lens.org/a b", "an address has no ' ' in it"),
        ("https://www.lens.org/é", "an address has no 'é' in it"),
        ("https://www.lens.org/\n", "character 22 is a control character"),
        ("https://www.lens.org/" + "a" * 2_000, "it has 2021 characters; 2000 are the most"),
    ],
)
def test_what_is_no_address_on_the_platform(address, sentence):
    with pytest.raises(Invalid) as refused:
        parse_platform_address(address, host=HOST)
    assert (refused.value.slug, refused.value.field) == ("invalid-address", "address")
    assert sentence in refused.value.detail


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://library.example.edu", "https://library.example.edu"),
        ("https://Library.Example.EDU/", "https://library.example.edu"),
        ("https://library.example.edu:443", "https://library.example.edu"),
        ("https://library.example.edu:8443", "https://library.example.edu:8443"),
        ("https://bücherei.example.de", "https://xn--bcherei-n2a.example.de"),
    ],
)
def test_a_site(text, origin):
    assert parse_origin(text, field="sites") == origin


RIGHT = "right would be https:// and a host, such as https://library.example.edu"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("http://library.example.edu", f"does not begin with https://; {RIGHT}"),
        ("*", f"'*' does not begin with https://; {RIGHT}"),
        ("'self'", f"\"'self'\" does not begin with https://; {RIGHT}"),
        ("https://*.example.edu", "no stars; name each host by itself"),
        ("https://library.example.edu/page", f"a site is named without a path; {RIGHT}"),
        ("https://library.example.edu?", "a site is named without a path"),
        ("https://ann@library.example.edu", "a site is named without a user"),
        ("https://library.example.edu:0", "'0' is not a port"),
        ("https://library.example.edu:65536", "'65536' is not a port"),
        ("https://library.example.edu:", "'' is not a port"),
        ("https://192.0.2.1", "'192.0.2.1' is not a host (there is no top-level domain 1)"),
        ("https://localhost", "'localhost' is not a host (a domain has at least two labels"),
        ("https://a.example.edu; script-src 'unsafe-inline'", "is not a host"),
        ("https://a.example.edu https://b.example.edu", "a site is named without a path"),
        ("https://a.example.edu,b", "is not a host"),
        ("https://a.example.edu\r\nX: y", "is a control character"),
        ("https://[::1", "this is not an address"),
    ],
)
def test_what_is_no_site(text, sentence):
    with pytest.raises(Invalid) as refused:
        parse_origin(text, field="frame_ancestors.0")
    assert (refused.value.slug, refused.value.field) == ("invalid-origin", "frame_ancestors.0")
    assert sentence in refused.value.detail


def test_a_link_that_may_be_followed():
    assert is_safe_link("https://example.edu/a?b#c")
    for other in (
        "http://example.edu",
        "javascript:alert(1)",
        "//example.edu",
        "/v1",
        "https:",
        "https://a@example.edu",
        "https://[::1",
        "",
    ):
        assert not is_safe_link(other), other


def test_a_text_keeps_its_lines():
    assert parse_paragraphs("\n# A\r\n\r\n- b\t c  \r\n", field="description", max_length=99) == "# A\n\n- b     c"
    assert parse_paragraphs("", field="description", max_length=99) == ""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a\nb\x00", "description: line 2: character 2 is a control character (U+0000)"),
        ("a\u202eb", "description: line 1: character 2 is a control character (U+202E)"),
        ("a\u200bb", "description: line 1: character 2 (U+200B) shows nothing"),
        ("a" * 100, "description: it has 100 characters and 100 bytes; 99 and 297 are the most"),
        ("a" * 1_000, "it has 1000 characters; 99 are the most"),
    ],
)
def test_what_a_text_may_not_have(text, sentence):
    with pytest.raises(Invalid) as refused:
        parse_paragraphs(text, field="description", max_length=99)
    assert sentence in refused.value.detail
