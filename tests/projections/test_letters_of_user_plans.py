"""What people are told of their invitation, of a plan at risk or not renewed, and what an institution is told of its list."""

from datetime import UTC, datetime

import pytest

from domain.events.user_import import RowOutcome
from projections.emails.wording import OUTCOMES, TO_DO
from tests.projections.test_render import html_of, in_one_line, letter, text_of, without_tags


def test_who_is_not_registered_yet_is_asked_to_register_that_very_address():
    known, unknown = (in_one_line(text_of(letter("user-plan-invited", registered=registered))) for registered in (True, False))
    assert "Register one first, with this very address" in unknown
    assert "Register" not in known
    for text in (known, unknown):
        assert "To accept or decline, open this page" in text
        assert "until 14 September 2027, 12:30 (Europe/Rome). After that it lapses" in text


@pytest.mark.parametrize(
    ("why", "found", "remedy"),
    [
        ("domain-retired", "no longer an email domain of the institution", "add an email address of a domain that it uses now"),
        ("address-changed", "no longer has an email address of the institution", "add your email address at the institution"),
        ("absent-from-list", "this address is not on it", "ask the institution's library"),
        ("a-code-of-tomorrow", "Nothing that we know of shows any more", "ask the institution's library"),
    ],
)
def test_a_person_at_risk_learns_what_was_found_and_what_helps(why, found, remedy):
    message = letter("user-plan-at-risk", why=why)
    for words in (in_one_line(text_of(message)), without_tags(html_of(message))):
        assert found in words
        assert remedy in words
        assert (
            "until 14 September 2027, 12:30 (Europe/Rome). If nothing is confirmed by then, it ends, and its tokens are revoked with it"
            in words
        )
        assert "tomorrow" not in words


def test_a_request_is_rejected_in_other_words_than_a_renewal():
    request, renewal = letter("user-plan-rejected"), letter("user-plan-rejected", renewal=True, until=datetime(2028, 2, 29, 23, tzinfo=UTC))
    assert "Your request for an API plan" in request["Subject"]
    assert "could not be renewed" in renewal["Subject"]
    assert "until its end, 1 March 2028, 00:00 (Europe/Rome)" in in_one_line(text_of(renewal))
    for message, others in ((request, "renew"), (renewal, "You asked")):
        assert "does not belong to a domain of the institution" in in_one_line(text_of(message))
        assert others not in text_of(message) + html_of(message) + message["Subject"]


def test_a_report_names_each_outcome_that_occurred_and_what_helps():
    text = in_one_line(
        text_of(letter("user-import-report", outcomes={"wrong_domain": 12, "activated": 1_204, "duplicate": 0, "odd_one": 1}))
    )
    assert (
        "What became of the rows: - Given a plan, which is active now: 1,204 - Address outside the institution's email domains: 12" in text
    )
    assert "- Odd one: 1 What you can do: - Address outside the institution's email domains: if the domain is yours, tell us" in text
    assert "earlier row" not in text


def test_every_outcome_of_a_row_has_words():
    assert {outcome.value for outcome in RowOutcome} == set(OUTCOMES)
    assert set(TO_DO) < set(OUTCOMES)


def test_nothing_to_do_is_not_spoken_of():
    assert "What you can do" not in text_of(letter("user-import-report", outcomes={"activated": 4, "renewed": 1}))


def test_who_is_absent_is_told_of_only_for_a_complete_list():
    complete, added = (in_one_line(text_of(letter("user-import-report", mode=mode))) for mode in ("reconcile", "add"))
    assert "not on it: 7. Nothing happens to them unless you confirm that number a second time" in complete
    assert "not on it" not in added
    assert "Everyone who has a plan is on it." in in_one_line(text_of(letter("user-import-report", absent=0)))


def test_until_when_a_list_can_be_undone():
    assert "undone as a whole until 28 September 2027, 12:30 (Europe/Rome)" in in_one_line(text_of(letter("user-import-report")))
    assert "undone as a whole for 14 days" in in_one_line(text_of(letter("user-import-report", undo_until=None)))
