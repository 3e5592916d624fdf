"""Every letter as it is looked at: in a real browser, narrow and wide, by day and by night."""

from itertools import product

import pytest

from projections.emails.facts import SAMPLES
from projections.emails.preview import html, preview, render_sample
from tests.chromium import chromium, needs_chromium, page
from tests.emails.looks import darkness, faults, links

pytestmark = needs_chromium
LOOKS = tuple(product((375, 800), ("light", "dark")))
LONG = {
    "one-word": "Universitätsbibliothek" * 9,
    "words": "The United Universities of a Very Long Valley and its Tributaries " * 3,
    "cjk": "東京国際大学図書館" * 22,
    "rtl": "האוניברסיטה העברית בירושלים " * 7,
}


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_letter_can_be_read(browser, width, scheme):
    with page(browser, width, scheme) as (opened, asked):
        found = {}
        for template in sorted(SAMPLES):
            opened.set_content(html(preview(template)))
            found[template] = faults(opened) + asked
        assert {template: wrong for template, wrong in found.items() if wrong} == {}


def test_a_letter_at_night_is_dark_and_by_day_is_not(browser):
    for scheme, dark in (("light", False), ("dark", True)):
        with page(browser, 800, scheme) as (opened, _):
            for template in sorted(SAMPLES):
                opened.set_content(html(preview(template)))
                assert (darkness(opened) > 0.9) is dark, template


def test_every_link_is_absolute_and_leads_to_us(browser):
    with page(browser, 375) as (opened, _):
        for template in sorted(SAMPLES):
            opened.set_content(html(preview(template)))
            found = links(opened)
            assert found, template
            assert [each for each in found if not each.startswith(("https://tenure.example", "mailto:support@tenure.example"))] == []


@pytest.mark.parametrize("name", LONG)
def test_no_name_breaks_a_letter(browser, name):
    with page(browser, 375) as (opened, _):
        for template in sorted(SAMPLES):
            opened.set_content(
                html(render_sample(template, institution=LONG[name], label=LONG[name], email=f"{'x' * 60}@{'y' * 60}.example"))
            )
            assert faults(opened) == [], template


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<p style="color: #999">pale</p>', "contrast 2.85: pale"),
        ('<p style="font-size: 11px">small</p>', "11 px: small"),
        ('<p style="width: 500px">wide</p>', "it scrolls sideways"),
        ("<p> </p>read", "1 empty elements"),
        ('<p onclick="x()">runs</p>', "1 scripts"),
        ("", "nothing to read"),
    ],
)
def test_what_cannot_be_read_is_found(browser, body, fault):
    with page(browser, 375) as (opened, _):
        opened.set_content(f"<!doctype html><meta name=viewport content='width=device-width'><body>{body}")
        assert fault in faults(opened)


def test_what_is_asked_for_is_noticed(browser):
    with page(browser, 375) as (opened, asked):
        opened.set_content("<img src='https://tracker.example/pixel.gif'>")
        assert asked == ["https://tracker.example/pixel.gif"]
