"""Every letter, from the bytes that leave: what it says, whom it reaches, and what a hostile fact cannot do."""

import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError, meta

from projections.emails.facts import ADDED_LATER, SAMPLES
from projections.emails.render import ENVIRONMENT, TEMPLATES, render
from projections.emails.text import clipped, width, wrapped

TO = "biblioteca@esempio.example"
SUPPORT = "support@tenure.example"
HERE = "https://tenure.example"
MESSAGE_ID = "<2f1c7a7e-0b5e-5d0c-9a63-0d1f3f5e8a11@tenure.example>"
NEW_YEAR = datetime(2028, 1, 1, 9, tzinfo=UTC)
SURROUNDINGS = {"template", "to", "to_name", "support_address", "public_url", "time_zone", "subject"}
CODES = {"cause", "why", "mode", "product"}
LINKS = {"confirm_url", "accept_url", "download_url"}
SECRET = "tnr_live_ab12cd34ef56gh78ij90kl12mn34"
HOSTILE = (
    "X\nBcc: e@evil.example",
    "X\r\nBcc: e@evil.example\r\n\r\n<script>alert(1)</script>",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% include 'x' %}",
    "=?utf-8?q?X=0ABcc:_e=40evil.example?=",
    "A" * 300,
    "È" * 300,
    "東京" * 150,
    'a, <e@evil.example>, "b" ;:()[]\\' * 8,
    "אוניברסיטה העברית " * 12,
    "safe\u202egnp.exe\u2069",
    "Z" + "\u0301" * 5_000,
    "line\u2028separator\u2029x\x85y\x1bz\x7f",
    "\ud800 lone",
)


def letter(template: str, to: str = TO, to_name: str | None = None, time_zone: str = "Europe/Rome", **facts: object) -> EmailMessage:
    """As it is read at the other end."""
    message = written(template, dict(SAMPLES[template]) | facts, to, to_name, time_zone)
    return message_from_bytes(message.as_bytes(), policy=default)


def written(template: str, facts, to: str = TO, to_name: str | None = None, time_zone: str = "Europe/Rome") -> EmailMessage:
    return render(
        template,
        facts,
        to=to,
        to_name=to_name,
        mail_from="Tenure <tenure@tenure.example>",
        support_address=SUPPORT,
        public_url=HERE,
        message_id=MESSAGE_ID,
        date=NEW_YEAR,
        time_zone=time_zone,
    )


def text_of(message: EmailMessage) -> str:
    return message.get_body(("plain",)).get_content().replace("\r\n", "\n")


def html_of(message: EmailMessage) -> str:
    return message.get_body(("html",)).get_content().replace("\r\n", "\n")


def in_one_line(text: str) -> str:
    return " ".join(text.split())


def without_tags(html: str) -> str:
    return in_one_line(re.sub(r"<[^>]+>", "", html.partition("<body")[2]).replace("&#39;", "'"))


def key_facts(facts) -> list[str]:
    shown = []
    for name, fact in facts.items():
        if isinstance(fact, str) and name not in CODES:
            shown.append(fact)
        if isinstance(fact, datetime):
            local = fact + timedelta(hours=1 if fact.month in {1, 2, 12} else 2)
            shown.append(f"{local.day} {local:%B %Y, %H:%M} (Europe/Rome)")
        if name in {"days_left", "grace_days", "extended_days"}:
            shown.append(f"{fact} days")
    return shown


every_template = pytest.mark.parametrize("template", sorted(SAMPLES))


def test_every_template_has_a_sample_and_every_sample_a_template():
    folders = {folder.name for folder in TEMPLATES.iterdir() if not folder.name.startswith("_")}
    assert set(SAMPLES) == folders
    for folder in folders:
        assert {"subject.txt", "body.txt", "body.html"} == {file.name for file in (TEMPLATES / folder).iterdir()}


@every_template
def test_the_sample_names_exactly_what_the_template_asks_for(template):
    asked = set()
    for file in ("subject.txt", "body.txt", "body.html", "../_layout/email.txt", "../_layout/email.html"):
        asked |= meta.find_undeclared_variables(ENVIRONMENT.parse((TEMPLATES / template / file).read_text()))
    assert set(SAMPLES[template]) == asked - SURROUNDINGS


@every_template
def test_both_parts_hold_the_key_facts(template):
    message = letter(template)
    for fact in key_facts(SAMPLES[template]):
        assert fact in in_one_line(text_of(message))
        assert fact in without_tags(html_of(message))


@every_template
def test_plain_text_keeps_to_72_columns(template):
    for line in text_of(letter(template)).splitlines():
        assert width(line) <= 72 or "://" in line
        assert line == line.rstrip()


@every_template
def test_both_parts_say_the_same_words(template):
    message = letter(template)
    words = [in_one_line(paragraph) for paragraph in text_of(message).split("\n\n") if not re.match("- |http", paragraph)]
    for paragraph in words:
        assert paragraph.removesuffix(f" {HERE}") in without_tags(html_of(message))


@every_template
def test_the_headers_are_those_of_an_automatic_letter_to_one_person(template):
    message = letter(template, to_name="Ada Rossi")
    assert [("Ada Rossi", TO)] == [(each.display_name, each.addr_spec) for each in message["To"].addresses]
    assert "Tenure <tenure@tenure.example>" == message["From"]
    assert SUPPORT == message["Reply-To"]
    assert MESSAGE_ID == message["Message-ID"]
    assert NEW_YEAR == message["Date"].datetime
    assert "auto-generated" == message["Auto-Submitted"]
    assert template == message["X-Tenure-Template"]
    assert ["multipart/alternative", "text/plain", "text/html"] == [part.get_content_type() for part in message.walk()]
    assert not message["Cc"]
    assert not message["Bcc"]


@every_template
def test_a_subject_is_one_short_line_and_the_same_when_read_back(template):
    message = written(template, SAMPLES[template])
    subject = str(message["Subject"])
    assert 0 < len(subject) <= 78
    assert subject == str(message_from_bytes(message.as_bytes(), policy=default)["Subject"])


@every_template
def test_the_same_letter_has_the_same_bytes(template):
    assert written(template, SAMPLES[template]).as_bytes() == written(template, SAMPLES[template]).as_bytes()


@every_template
def test_instants_as_the_outbox_keeps_them_read_the_same(template):
    kept = {
        name: fact.isoformat().replace("+00:00", "Z") if isinstance(fact, datetime) else fact for name, fact in SAMPLES[template].items()
    }
    assert written(template, SAMPLES[template]).as_bytes() == written(template, kept).as_bytes()


@every_template
def test_html_needs_nothing_from_outside_and_runs_nothing(template):
    html = html_of(letter(template))
    assert not re.search(r"<(script|img|link|iframe|object|form|table)\b|\bsrc=|@import|url\(|\son\w+=", html)
    for address in re.findall(r'href="([^"]*)"', html):
        assert address.startswith((HERE, "mailto:"))
    assert "prefers-color-scheme" in html
    assert 'class="preheader"' in html


@every_template
def test_a_missing_fact_is_an_error(template):
    for name in SAMPLES[template].keys() - ADDED_LATER.get(template, {}).keys():
        with pytest.raises(UndefinedError, match=name):
            written(template, {other: fact for other, fact in SAMPLES[template].items() if other != name})


def test_a_letter_that_was_written_before_a_fact_was_asked_for_can_still_leave():
    facts = {"institution": "MIT", "email": "ada@mit.edu", "cause": "wrong-domain"}
    assert "We could not grant it." in in_one_line(text_of(written("user-plan-rejected", facts)))


def test_an_unknown_name_in_a_template_is_an_error():
    with pytest.raises(UndefinedError):
        ENVIRONMENT.from_string("{{ nobody_said }}").render()


def test_a_template_that_there_is_not_is_an_error():
    with pytest.raises(KeyError):
        written("../_layout", {})


# hostile facts


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
@every_template
def test_a_hostile_fact_changes_no_header_and_no_markup(template, hostile):
    facts = {name: hostile if isinstance(fact, str) and name not in LINKS else fact for name, fact in SAMPLES[template].items()}
    message = letter(template, to_name=hostile, **facts | {"institution": hostile})
    assert set(written(template, SAMPLES[template]).keys()) == set(message.keys())
    assert [TO] == [each.addr_spec for each in message["To"].addresses]
    assert message["Subject"].isprintable()
    assert width(message["Subject"]) <= 120
    text, html = text_of(message), html_of(message)
    assert not re.search(r"<(script|img)\b", html)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", text + re.sub("\n", "", html))
    assert not re.search(r"(\A|\n\n)(Bcc|<script)", text)
    assert all(width(line) <= 72 or "://" in line or "@" in line for line in text.splitlines())
    assert "49" not in message["Subject"]


@every_template
def test_nul_is_refused(template):
    with pytest.raises(ValueError, match="NUL"):
        letter(template, institution="X\0")


def test_nul_in_a_list_is_refused():
    with pytest.raises(ValueError, match="NUL"):
        letter("nomination-incomplete", missing=["x\0"])


def test_a_secret_is_never_written_whoever_reports_it():
    message = letter("token-leaked", where=f"https://code.example/?token={SECRET}", label=SECRET)
    for part in (text_of(message), html_of(message), message["Subject"]):
        assert SECRET[13:] not in part
    assert "tnr_live_ab12…9xQz" in text_of(message)


@pytest.mark.parametrize(
    "to", ["", "nobody", "a@x.example, b@y.example", "a@x.example\nBcc: b@y.example", "<a@x.example>", "a b@x.example", "a@x.example>"]
)
def test_what_is_not_one_address_gets_no_letter(to):
    with pytest.raises(ValueError):
        letter("account-reinstated", to=to)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://evil.example/confirm/x", "https://tenure.example.evil.example/x", "//evil.example"]
)
@pytest.mark.parametrize(("template", "link"), [("contact-transfer-confirm", "confirm_url"), ("user-plan-invited", "accept_url")])
def test_a_link_leads_nowhere_else(template, link, url):
    with pytest.raises(ValueError, match="elsewhere"):
        letter(template, **{link: url})


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_characters="\0"), max_size=120))
@example("Università degli Studi di Città è già così perché più ancora più lunga")
def test_any_name_arrives_as_one_recipient_and_one_subject(name):
    message = written("account-reinstated", {"institution": name}, to_name=name)
    read = message_from_bytes(message.as_bytes(), policy=default)
    assert [TO] == [each.addr_spec for each in read["To"].addresses]
    assert str(message["Subject"]) == str(read["Subject"])
    assert max(map(len, message.as_bytes().split(b"\r\n"))) <= 998


def test_an_address_beyond_ascii_is_written_as_it_is():
    assert (
        "Josè@esempio.example"
        in written("account-reinstated", SAMPLES["account-reinstated"], to="Josè@esempio.example").as_bytes().decode()
    )


# wording


def test_people_are_addressed_by_name_then_by_institution():
    assert text_of(letter("account-reinstated", to_name="Ada Rossi")).startswith("Dear Ada Rossi,\n")
    assert text_of(letter("account-reinstated", institution="MIT")).startswith("Dear colleagues at MIT,\n")
    assert text_of(letter("account-reinstated", institution=None)).startswith("Hello,\n")
    assert text_of(letter("user-plan-renewed", institution="MIT")).startswith("Hello,\n")


def test_a_date_is_the_one_of_the_given_zone():
    end = datetime(2028, 2, 29, 23, tzinfo=UTC)
    assert "1 March 2028, 00:00 (Europe/Rome)" in in_one_line(text_of(letter("cancellation-scheduled", takes_effect_at=end)))
    there = letter("cancellation-scheduled", takes_effect_at=end, time_zone="America/New_York")
    assert "29 February 2028, 18:00 (America/New_York)" in in_one_line(text_of(there))


def test_an_hour_that_comes_twice_says_which_one_it_is():
    first, second = datetime(2027, 10, 31, 0, 30, tzinfo=UTC), datetime(2027, 10, 31, 1, 30, tzinfo=UTC)
    assert "02:30 (Europe/Rome, UTC+02:00)" in in_one_line(text_of(letter("cancellation-undone", ends_at=first)))
    assert "02:30 (Europe/Rome, UTC+01:00)" in in_one_line(text_of(letter("cancellation-undone", ends_at=second)))


def test_a_time_without_a_zone_is_an_error():
    with pytest.raises(ValueError, match="time zone"):
        letter("cancellation-undone", ends_at=datetime(2028, 3, 1))


def test_one_day_is_one_day():
    assert letter("subscription-expiring", institution="MIT", days_left=1)["Subject"].endswith("ends in 1 day")


def test_limits_read_as_figures():
    text = in_one_line(text_of(letter("subscription-activated")))
    assert "Scholarly API: 50,000 requests per month, 20 per minute, 1,000 records per request" in text
    assert "Patent Aggregation API: 5,000 requests per month, 10 per minute, 2 nested aggregations per request" in text
    assert "Collections of up to 100,000 records" in text


@pytest.mark.parametrize("template", ["subscription-expiring", "subscription-in-grace"])
def test_who_has_announced_a_renewal_is_thanked_and_not_pressed(template):
    announced, silent = text_of(letter(template, announced=True)), text_of(letter(template, announced=False))
    assert "thank you" in announced
    assert "To renew" not in announced
    assert "To renew" in silent


@pytest.mark.parametrize("template", sorted(name for name, facts in SAMPLES.items() if "cause" in facts))
@pytest.mark.parametrize("cause", [None, "a code of tomorrow"])
def test_a_cause_without_a_sentence_is_not_spoken_of(template, cause):
    text = text_of(letter(template, cause=cause))
    assert "None" not in text
    assert "tomorrow" not in text


@pytest.mark.parametrize(
    ("template", "facts"),
    [
        ("account-nominated", {"missing": []}),
        ("subscription-activated", {"entitlements": [], "bulk_data": []}),
        ("subscription-expiring", {"grace_days": 0}),
        ("subscription-lapsed", {"until": None}),
        ("subscription-suspended", {"until": None, "compensated": False}),
        ("subscription-resumed", {"ends_at": None, "extended_days": 0}),
        ("cancellation-undone", {"ends_at": None}),
        ("user-plan-rejected", {"renewal": True, "until": None}),
        ("user-import-report", {"rows": 0, "outcomes": {}, "mode": "add", "absent": None, "undo_until": None}),
        ("user-import-report", {"outcomes": {"activated": 4, "duplicate": 0}, "absent": 0}),
    ],
)
def test_what_is_not_there_is_left_out(template, facts):
    message = letter(template, **facts)
    for part in (text_of(message), html_of(message)):
        assert "None" not in part
        assert "<ul>\n</ul>" not in part
        assert not re.search(r"\b0 days", part)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a\n\n\n\nb\n", "a\n\nb\n"),
        ("- " + "word " * 16, "- " + "word " * 13 + "word\n  word word\n"),
        ("x" * 100, "x" * 72 + "\n" + "x" * 28 + "\n"),
        ("see https://tenure.example/" + "x" * 90, "see\nhttps://tenure.example/" + "x" * 90 + "\n"),
    ],
)
def test_lines_break_between_words(given, expected):
    assert expected == wrapped(given)


def test_a_long_name_ends_in_an_ellipsis():
    assert "Università" == clipped("Università", 10)
    assert "Universit…" == clipped("Università X", 10)
    assert "東京東京…" == clipped("東京東京東京", 10)


def test_the_old_mailbox_learns_at_once_what_is_asked_and_when_it_is_done():
    done = letter("contact-transferred")
    asked = letter("contact-transferred", transferred_at=None, lapses_at=datetime(2027, 9, 21, 10, 30, tzinfo=UTC))
    for message, subject, told in ((done, "has changed", "now go to the new address"), (asked, "is to change", "Nothing has changed yet")):
        assert subject in message["Subject"]
        assert told in in_one_line(text_of(message))
        assert told in in_one_line(html_of(message))
