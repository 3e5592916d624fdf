"""The list of all emails is complete, true, and what would be made now; and one can look at each."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from typer.testing import CliRunner

from ops.email_commands import app
from projections.emails.facts import SAMPLES
from projections.emails.gallery import document
from projections.emails.occasions import AUDIENCES, OCCASIONS
from projections.emails.preview import html, plain, preview, render_sample
from projections.emails.text import COLUMNS, width
from tests.chromium import chromium, needs_chromium
from tests.domain.test_correspondence import LETTERS
from tests.gallery import DOCUMENT, MOST_BYTES, PICTURES, made_of, shown_by, take_pictures


def test_every_template_has_its_occasion():
    assert set(OCCASIONS) == set(SAMPLES)


def test_every_letter_goes_to_whom_the_list_says():
    written = {pair for pairs in LETTERS.values() for pair in pairs}
    assert {(template, to) for template, to in written if to not in OCCASIONS[template].to} == set()
    assert {template for template, _ in written} <= set(OCCASIONS)
    assert {to for occasion in OCCASIONS.values() for to in occasion.to} <= set(AUDIENCES)


def test_the_list_in_the_documentation_is_the_one_that_would_be_made_now():
    assert DOCUMENT.read_text() == document(), "run `make gallery`"


def test_the_list_holds_every_letter():
    page = document()
    for template in SAMPLES:
        assert f"\n## {template}\n" in page
        assert plain(preview(template)) in page
        assert str(preview(template)["Subject"]) in page
    assert "None" not in page
    assert "UTC" not in page


@pytest.mark.parametrize("zone", ["Europe/Rome", "America/Argentina/ComodRivadavia", "Pacific/Chatham"])
@pytest.mark.parametrize("template", sorted(SAMPLES))
def test_no_line_is_too_long_in_any_zone(template, zone):
    lines = plain(preview(template, zone=zone)).splitlines()
    assert [line for line in lines if width(line) > COLUMNS and "://" not in line] == []
    assert not any(one == other == "" for one, other in pairwise(lines))


UNTOLD = {("user-plan-rejected", "renewal")}  # together with `until` only


@pytest.mark.parametrize(("template", "name"), [(template, name) for template, sample in SAMPLES.items() for name in sample])
def test_no_fact_is_left_untold(template, name):
    """Were it another, both parts of the letter would be."""
    if SAMPLES[template][name] is None or (template, name) in UNTOLD:
        return
    letter, other = preview(template), render_sample(template, **{name: otherwise(SAMPLES[template][name])})
    assert plain(other) != plain(letter)
    assert html(other) != html(letter)


def otherwise(fact):
    match fact:
        case bool():
            return not fact
        case int():
            return fact + 1
        case str():
            return f"{fact}x"
        case datetime():
            return fact + timedelta(days=1)
        case list():
            return fact[:-1]
        case dict():
            return dict(list(fact.items())[:-1])
    raise AssertionError(fact)


@pytest.mark.parametrize("template", sorted(OCCASIONS))
def test_the_picture_in_the_documentation_shows_the_letter_as_it_is_now(template):
    assert shown_by(PICTURES / f"{template}.webp") == made_of(template), "run `make gallery`"


def test_the_pictures_are_of_letters_and_small():
    pictures = sorted(PICTURES.iterdir())
    assert [path.name for path in pictures] == sorted(f"{template}.webp" for template in OCCASIONS), "run `make gallery`"
    assert sum(path.stat().st_size for path in pictures) < MOST_BYTES


@needs_chromium
def test_pictures_are_taken_anew_where_a_letter_changed_and_nowhere_else(tmp_path):
    for template in OCCASIONS:
        (tmp_path / f"{template}.webp").write_bytes((PICTURES / f"{template}.webp").read_bytes())
    changed, kept = tmp_path / "token-issued.webp", tmp_path / "token-expired.webp"
    changed.write_bytes(kept.read_bytes())
    (tmp_path / "no-letter.webp").write_bytes(kept.read_bytes())
    before = kept.stat().st_mtime_ns
    with chromium() as browser:
        take_pictures(browser, tmp_path)
    assert shown_by(changed) == made_of("token-issued")
    assert kept.stat().st_mtime_ns == before
    assert not (tmp_path / "no-letter.webp").exists()


# the command


def shown(*arguments: str, code: int = 0):
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == code, done.output
    return done


def test_every_template_is_named():
    assert shown("list").output.split() == sorted(SAMPLES)


@pytest.mark.parametrize("template", sorted(SAMPLES))
def test_a_preview_is_the_letter_with_its_subject(template):
    letter = preview(template)
    assert shown("preview", template).output == f"Subject: {letter['Subject']}\n\n{plain(letter)}"
    assert shown("preview", template, "--text").output == f"Subject: {letter['Subject']}\n\n{plain(letter)}"
    assert shown("preview", template, "--html").output == html(letter)


def test_a_preview_has_the_dates_of_the_zone():
    assert "29 February 2028, 18:00 (America/New_York)" in " ".join(
        shown("preview", "cancellation-scheduled", "--zone", "America/New_York").output.split()
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nothing",), "there is no template"),
        (("token-issued", "--zone", "Mars"), "no time zone"),
        (("token-issued", "--zone", "../x"), "no time zone"),
    ],
)
def test_a_preview_that_cannot_be_made_says_why(arguments, sentence):
    assert sentence in shown("preview", *arguments, code=2).output
