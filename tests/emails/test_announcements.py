"""The announcement kit as it is looked at: the guide on a telephone, at night and on paper, the poster on A4 with whatever name."""

from dataclasses import replace
from datetime import date
from io import BytesIO
from xml.etree import ElementTree as ET

import pytest
import segno
from PIL import Image

from domain.announcement import CommunityFacts
from domain.catalogue import CURRENT
from domain.context import ClaimedDomain
from projections.announcements.poster import HEIGHT, WIDTH, poster
from projections.announcements.text import announcement, guide, subject
from projections.announcements.wording import Addresses
from projections.emails.text import COLUMNS, width
from tests.chromium import chromium, needs_chromium, page
from tests.emails.looks import faults

ADDRESSES = Addresses(sign_up="https://platform.example/register", service="https://tenure.example/")
FACTS = CommunityFacts(
    institution="Università di Esempio",
    domains=(ClaimedDomain(domain="esempio.example"), ClaimedDomain(domain="xn--mnchen-3ya.example", subdomains=True)),
    plans=CURRENT.user,
    last_day=date(2028, 2, 29),
    mailbox="biblioteca@esempio.example",
    link_outs=True,
)
LEAST = replace(FACTS, domains=(), last_day=None, mailbox=None, link_outs=False)
MANY = replace(FACTS, domains=tuple(ClaimedDomain(domain=f"faculty-{number}.esempio.example") for number in range(40)))
NAMES = {
    "short": "X",
    "one word": "Universitätsbibliothek" * 9,
    "words": "The United Universities of a Very Long Valley and its Tributaries " * 3,
    "broad": "W" * 200,
    "cjk": "東京国際大学図書館" * 22,
    "rtl": "האוניברסיטה העברית בירושלים " * 7,
    "markup": "A & B <script>alert(1)</script> {{ 7 * 7 }} \"'",
}


@pytest.mark.parametrize("facts", [FACTS, LEAST, MANY], ids=["all", "least", "many"])
def test_the_text_has_every_fact_and_no_line_is_too_long(facts):
    text = announcement(facts, ADDRESSES)
    words = " ".join(text.split())
    assert [line for line in text.splitlines() if width(line) > COLUMNS and "://" not in line] == []
    assert facts.institution in words
    assert ADDRESSES.sign_up in text
    assert ("29 February 2028" in words) == (facts.last_day is not None)
    assert ("biblioteca@esempio.example" in words) == (facts.mailbox is not None)
    assert ("full text" in words) == facts.link_outs
    assert "5,000 requests per month" in words
    assert "None" not in words


def test_domains_are_written_as_people_know_them_and_many_are_counted():
    assert "(@esempio.example or @münchen.example and its subdomains)" in " ".join(announcement(FACTS, ADDRESSES).split())
    assert "@faculty-4.esempio.example or 35 more)" in " ".join(announcement(MANY, ADDRESSES).split())


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_name_and_nothing_else(name):
    facts = replace(FACTS, institution=NAMES[name])
    drawn = ET.fromstring(poster(facts, ADDRESSES))
    assert {each.tag.rpartition("}")[2] for each in drawn.iter()} == {"svg", "title", "rect", "text", "circle", "g", "path"}
    assert "<script" not in guide(facts, ADDRESSES)
    assert "49" not in subject(facts)
    assert "\n" not in subject(facts)


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("across", [375, 800])
def test_the_guide_can_be_read_and_asks_for_nothing(browser, across, scheme):
    with page(browser, across, scheme) as (opened, asked):
        for facts in (FACTS, LEAST, MANY, *(replace(FACTS, institution=name) for name in NAMES.values())):
            opened.set_content(guide(facts, ADDRESSES))
            assert faults(opened) + asked == [], facts.institution
            assert opened.evaluate("getComputedStyle(document.querySelector('h1')).fontSize") == "28px", "its style is let in"


@needs_chromium
def test_a_guide_that_somebody_keeps_still_runs_nothing(browser):
    kept = guide(FACTS, ADDRESSES).replace("</body>", "<script>document.title = 'ran'</script><img src='https://tracker.example/x'></body>")
    with page(browser, 800) as (opened, asked):
        opened.set_content(kept)
        assert opened.title() != "ran"
        assert asked == []


@needs_chromium
@pytest.mark.parametrize(
    "facts", [LEAST, MANY, *(replace(FACTS, institution=name) for name in NAMES.values())], ids=["least", "many", *NAMES]
)
def test_nothing_sticks_out_of_the_poster_or_lies_over_something_else(browser, facts):
    with page(browser, 840, height=1188) as (opened, asked):
        opened.set_content(f"<!doctype html><body style='margin:0'>{poster(facts, ADDRESSES)}")
        boxes = opened.evaluate("[...document.querySelectorAll('text')].map(each => { const b = each.getBBox();"
                                " return [b.x, b.y, b.x + b.width, b.y + b.height * 0.8, each.textContent] })")  # fmt: skip
    assert asked == []
    assert [each for each in boxes if each[0] < 0 or each[1] < 0 or each[2] > WIDTH - 60 or each[3] > HEIGHT - 40] == []
    over = [
        (one[4], other[4])
        for place, one in enumerate(boxes)
        for other in boxes[place + 1 :]
        if one[0] < other[2] and other[0] < one[2] and one[1] + 12 < other[3] and other[1] + 12 < one[3]
    ]
    assert over == []


@needs_chromium
def test_the_code_on_the_poster_is_the_address_module_by_module(browser):
    """Read back from the picture's pixels."""
    modules = [list(row) for row in segno.make(ADDRESSES.sign_up, error="m", micro=False).matrix_iter(border=4)]
    with page(browser, 1050, height=1485) as (opened, _):
        drawn = poster(FACTS, ADDRESSES).replace('width="210mm" height="297mm"', 'width="1050" height="1485"')
        opened.set_content(f"<!doctype html><body style='margin:0'>{drawn}")
        box = opened.evaluate("(({x, y, width}) => ({x, y, width}))(document.querySelector('g path').getBoundingClientRect())")
        picture = Image.open(BytesIO(opened.screenshot())).convert("L")
    module = box["width"] / (len(modules) - 8)
    left, top = box["x"] - 4 * module, box["y"] - 4 * module
    seen = [
        [int(picture.getpixel((int(left + (x + 0.5) * module), int(top + (y + 0.5) * module))) < 128) for x in range(len(modules))]
        for y in range(len(modules))
    ]
    assert seen == [[int(bool(each)) for each in row] for row in modules]
