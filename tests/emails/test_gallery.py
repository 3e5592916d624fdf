"""The list of all emails is complete, true, and what would be made now; and one can look at each."""

from email import message_from_bytes
from email.policy import default

import pytest
from typer.testing import CliRunner

from ops.email_commands import app
from projections.emails.facts import SAMPLES
from projections.emails.gallery import document
from projections.emails.occasions import AUDIENCES, OCCASIONS
from projections.emails.preview import plain, preview
from projections.emails.text import COLUMNS, width
from tests.chromium import needs_chromium
from tests.domain.test_correspondence import LETTERS
from tests.gallery import DOCUMENT, LOOKS, take_pictures


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
    assert not any(one == other == "" for one, other in zip(lines, lines[1:], strict=False))


@needs_chromium
def test_the_gallery_has_a_picture_of_every_letter(tmp_path):
    index = take_pictures(tmp_path).read_text()
    for template in OCCASIONS:
        for across, scheme in LOOKS:
            picture = f"{template}-{across}-{scheme}.png"
            assert picture in index
            assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")


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
    assert shown("preview", template, "--format", "html").output.startswith("<!DOCTYPE html>")
    sent = message_from_bytes(shown("preview", template, "--format", "eml").stdout_bytes, policy=default)
    assert (sent["Subject"], sent["X-Tenure-Template"]) == (letter["Subject"], template)


def test_a_preview_has_the_dates_of_the_zone():
    assert "29 February 2028, 18:00 (America/New_York)" in " ".join(
        shown("preview", "cancellation-scheduled", "--zone", "America/New_York").output.split()
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(("nothing",), "there is no template"), (("token-issued", "--zone", "Mars"), "no time zone"), (("token-issued", "--zone", "../x"), "no time zone")],
)
def test_a_preview_that_cannot_be_made_says_why(arguments, sentence):
    assert sentence in shown("preview", *arguments, code=2).output
