"""A correction: stated by one, approved by another, and never an edit."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.aggregates.correction import Correction, Status
from domain.commands.correction import ApproveCorrection, DeclineCorrection, ProposeCorrection, WithdrawCorrection
from domain.context import Context
from domain.errors import Forbidden, Invalid, Refused
from domain.events.base import Claim, Release
from domain.events.correction import (
    CorrectionApproved,
    CorrectionDeclined,
    CorrectionProposed,
    CorrectionPutRight,
    CorrectionWithdrawn,
    Place,
)

MAY_1 = datetime(2027, 5, 1, 12, tzinfo=UTC)
ID, STREAM, ACCOUNT = UUID(int=1), UUID(int=2), UUID(int=3)
WRONG = Place(stream_id=STREAM, version=4, position=40, topic="subscription.renewed", account_id=ACCOUNT)
LATER = Place(stream_id=STREAM, version=7, position=90, topic="subscription.term-corrected", account_id=ACCOUNT)
PROPOSE = ProposeCorrection(id=ID, wrong=WRONG, right="  the invoice was of  2026 ", fields={"number": "3"})
PROPOSED = CorrectionProposed(
    at=MAY_1, wrong=WRONG, right="the invoice was of 2026", fields={"number": "3"}, put_right_by=None, proposed_by="ann"
)
APPROVED = CorrectionApproved(at=MAY_1, put_right_by=None, proposed_by="ann", approved_by="bob")


def by(actor, role="admin"):
    return Context(now=MAY_1, observed_at=MAY_1, role=role, actor=actor)


def after(*events):
    state = Correction()
    for event in events:
        state = state.evolve(event)
    return state


def test_support_proposes_and_an_admin_approves():
    assert (PROPOSED,) == Correction().decide(PROPOSE, by("ann", "support"))
    assert (APPROVED,) == after(PROPOSED).decide(ApproveCorrection(id=ID), by("bob"))
    assert (ACCOUNT, Status.APPROVED, "bob") == (after(PROPOSED, APPROVED).account_id, after(PROPOSED, APPROVED).status, "bob")


def test_nobody_approves_what_they_proposed_themselves():
    with pytest.raises(Refused, match="somebody other") as refused:
        after(PROPOSED).decide(ApproveCorrection(id=ID), by("ann"))
    assert "four-eyes" == refused.value.slug


@pytest.mark.parametrize("command", [ApproveCorrection(id=ID), DeclineCorrection(id=ID)])
def test_only_an_admin_decides(command):
    with pytest.raises(Forbidden):
        after(PROPOSED).decide(command, by("bob", "support"))


def test_an_auditor_proposes_nothing():
    with pytest.raises(Forbidden):
        Correction().decide(PROPOSE, by("eve", "auditor"))


def test_the_proposer_or_an_admin_withdraws():
    withdrawn = (CorrectionWithdrawn(at=MAY_1),)
    assert withdrawn == after(PROPOSED).decide(WithdrawCorrection(id=ID), by("ann", "support"))
    assert withdrawn == after(PROPOSED).decide(WithdrawCorrection(id=ID), by("bob"))
    with pytest.raises(Forbidden):
        after(PROPOSED).decide(WithdrawCorrection(id=ID), by("eve", "support"))


DECLINED, WITHDRAWN = CorrectionDeclined(at=MAY_1), CorrectionWithdrawn(at=MAY_1)


@pytest.mark.parametrize(
    ("events", "command"),
    [
        ((PROPOSED, APPROVED), ApproveCorrection(id=ID)),
        ((PROPOSED, DECLINED), DeclineCorrection(id=ID)),
        ((PROPOSED, WITHDRAWN), WithdrawCorrection(id=ID)),
    ],
)
def test_asked_twice_is_done_once(events, command):
    assert () == after(*events).decide(command, by("bob"))


@pytest.mark.parametrize(
    ("events", "command"),
    [
        ((), ApproveCorrection(id=ID)),
        ((PROPOSED,), PROPOSE),
        ((PROPOSED, APPROVED), DeclineCorrection(id=ID)),
        ((PROPOSED, APPROVED), WithdrawCorrection(id=ID)),
        ((PROPOSED, DECLINED), ApproveCorrection(id=ID)),
        ((PROPOSED, WITHDRAWN), DeclineCorrection(id=ID)),
    ],
)
def test_what_is_decided_stays_decided(events, command):
    with pytest.raises(Refused, match="cannot"):
        after(*events).decide(command, by("bob"))


def test_what_put_it_right_is_named_at_once_or_afterwards_and_once():
    assert (replace(APPROVED, put_right_by=LATER),) == after(PROPOSED).decide(ApproveCorrection(id=ID, put_right_by=LATER), by("bob"))
    named = replace(PROPOSED, put_right_by=LATER)
    assert (replace(APPROVED, put_right_by=LATER),) == after(named).decide(ApproveCorrection(id=ID), by("bob"))
    right = CorrectionPutRight(at=MAY_1, put_right_by=LATER)
    assert (right,) == after(PROPOSED, APPROVED).decide(ApproveCorrection(id=ID, put_right_by=LATER), by("bob"))
    assert () == after(PROPOSED, APPROVED, right).decide(ApproveCorrection(id=ID, put_right_by=LATER), by("bob"))
    with pytest.raises(Refused, match="position 90"):
        after(PROPOSED, APPROVED, right).decide(ApproveCorrection(id=ID, put_right_by=replace(LATER, position=91)), by("bob"))


@pytest.mark.parametrize(
    ("place", "slug"),
    [
        (replace(LATER, position=40), "before-what-was-wrong"),
        (replace(LATER, position=41, account_id=UUID(int=9)), "another-institution"),
    ],
)
def test_what_put_it_right_came_later_and_to_the_same_institution(place, slug):
    for state, command in (
        (Correction(), replace(PROPOSE, put_right_by=place)),
        (after(PROPOSED), ApproveCorrection(id=ID, put_right_by=place)),
        (after(PROPOSED, APPROVED), ApproveCorrection(id=ID, put_right_by=place)),
    ):
        with pytest.raises(Refused) as refused:
            state.decide(command, by("bob"))
        assert slug == refused.value.slug
    assert after(PROPOSED).decide(ApproveCorrection(id=ID, put_right_by=replace(LATER, position=41)), by("bob"))


def test_fields_are_those_of_the_event_and_none_of_a_person():
    for topic, name, slug in (
        ("subscription.renewed", "colour", "unknown-field"),
        ("account.nominated", "email", "personal-field"),
        ("account.nominated", "contacts", "personal-field"),
        ("nobody.knows", "at", "unknown-field"),
    ):
        with pytest.raises(Invalid) as refused:
            Correction().decide(replace(PROPOSE, wrong=replace(WRONG, topic=topic), fields={name: "x"}), by("ann"))
        assert slug == refused.value.slug


@pytest.mark.parametrize("right", ["", "   ", "x" * 501, "a\0b"])
def test_what_would_be_right_is_a_short_text(right):
    with pytest.raises(Invalid):
        Correction().decide(replace(PROPOSE, right=right), by("ann"))
    assert Correction().decide(replace(PROPOSE, right="x" * 500), by("ann"))


def test_an_event_has_one_open_correction():
    assert (Claim("correction", f"{STREAM}/4"),) == PROPOSED.claims()
    for decided in (APPROVED, DECLINED, WITHDRAWN):
        assert (Release("correction"),) == decided.claims()
