"""A term's dates are put right by two admins, and never made shorter unasked."""

from dataclasses import replace
from datetime import date

import pytest

from domain.aggregates.itk_subscription import ITKSubscription, TermState
from domain.commands.itk_subscription import (
    ActivateSubscription,
    ApproveTermCorrection,
    DeclineTermCorrection,
    ProposeTermCorrection,
    RenewSubscription,
)
from domain.events.itk_subscription import (
    SubscriptionExtended,
    SubscriptionReinstated,
    Term,
    TermCorrected,
    TermCorrectionDeclined,
    TermCorrectionProposed,
    TermRolledOver,
)
from tests.domain.given import given
from tests.domain.subscription_facts import (
    DAY,
    ENDS_AT,
    GONE,
    GRACE,
    GRACE_ENDS_AT,
    IN_FORCE,
    JUNE,
    LIVE,
    MARCH_1,
    MICROSECOND,
    OPENED,
    OVER,
    PENDING,
    RENEWED,
    SECOND_END,
    STARTS_AT,
    STARTS_ON,
    SUBSCRIPTION,
    due,
    state_after,
    utc,
)

ANN, BOB = {"role": "admin", "actor": "ann"}, {"role": "admin", "actor": "bob"}
APRIL_1 = utc(2028, 3, 31, 22)
PROPOSE = ProposeTermCorrection(id=SUBSCRIPTION, number=1, starts_on=STARTS_ON, ends_on=date(2028, 4, 1))
APPROVE, DECLINE = ApproveTermCorrection(id=SUBSCRIPTION), DeclineTermCorrection(id=SUBSCRIPTION)
PROPOSED = TermCorrectionProposed(
    at=JUNE,
    number=1,
    starts_on=STARTS_ON,
    ends_on=date(2028, 4, 1),
    starts_at=STARTS_AT,
    ends_at=APRIL_1,
    accept_shortening=False,
    proposed_by="ann",
)
CORRECTED = TermCorrected(
    at=JUNE,
    number=1,
    terms=(Term(number=1, starts_at=STARTS_AT, ends_at=APRIL_1, months=12, anchor_on=date(2028, 4, 1), anchor_months=0),),
    grace_ends_at=utc(2028, 4, 30, 22),
    shortened=False,
    proposed_by="ann",
    approved_by="bob",
)
SHORTER = replace(PROPOSE, ends_on=date(2028, 2, 1))
SHORTER_PROPOSED = replace(PROPOSED, ends_on=SHORTER.ends_on, ends_at=utc(2028, 1, 31, 23), accept_shortening=True)


def subscription(*events):
    return given(ITKSubscription(), *events)


def test_one_admin_proposes_and_another_approves():
    subscription(*IN_FORCE).when(PROPOSE, now=JUNE, **ANN).then(PROPOSED)
    proposed = subscription(*IN_FORCE, PROPOSED)
    assert ENDS_AT == proposed.state.ends_at
    proposed.when(APPROVE, now=JUNE, **BOB).then(CORRECTED)
    assert APRIL_1 == due(state_after(*IN_FORCE, PROPOSED, CORRECTED))["term-end"]


def test_who_proposed_does_not_approve():
    subscription(*IN_FORCE, PROPOSED).when(APPROVE, now=JUNE, **ANN).then_refused("four-eyes")


@pytest.mark.parametrize("command", [PROPOSE, APPROVE, DECLINE])
def test_only_admins_correct(command):
    subscription(*IN_FORCE, PROPOSED).when(command, now=JUNE, role="support", actor="carl").then_refused("admin-only")


def test_proposing_twice():
    waiting = subscription(*IN_FORCE, PROPOSED)
    waiting.when(PROPOSE, now=JUNE, **BOB).then_nothing()
    waiting.when(replace(PROPOSE, ends_on=date(2028, 4, 2)), now=JUNE, **BOB).then_refused("correction-waits", "term 1")
    right_already = replace(PROPOSE, ends_on=date(2028, 3, 1))
    subscription(*IN_FORCE).when(right_already, now=JUNE, **ANN).then_nothing()


def test_approving_twice_is_refused():
    subscription(*IN_FORCE, PROPOSED, CORRECTED).when(APPROVE, now=JUNE, **BOB).then_refused("no-correction")


def test_declining_and_declining_twice():
    declined = TermCorrectionDeclined(at=JUNE, number=1)
    subscription(*IN_FORCE, PROPOSED).when(DECLINE, now=JUNE, **ANN).then(declined)
    subscription(*IN_FORCE, PROPOSED, declined).when(DECLINE, now=JUNE, **ANN).then_nothing()
    subscription(*IN_FORCE, PROPOSED, declined).when(APPROVE, now=JUNE, **BOB).then_refused("no-correction")


def test_it_never_shortens_silently():
    subscription(*IN_FORCE).when(SHORTER, now=JUNE, **ANN).then_refused("shortens", "accept")
    subscription(*IN_FORCE).when(replace(SHORTER, accept_shortening=True), now=JUNE, **ANN).then(SHORTER_PROPOSED)
    approved = subscription(*IN_FORCE, SHORTER_PROPOSED).when(APPROVE, now=JUNE, **BOB).events[0]
    assert (True, SHORTER_PROPOSED.ends_at) == (approved.shortened, approved.terms[0].ends_at)


def test_what_became_a_shortening_meanwhile_is_refused_at_approval():
    extended = SubscriptionExtended(
        at=JUNE,
        number=1,
        days=60,
        terms=(replace(CORRECTED.terms[0], ends_at=utc(2028, 4, 29, 22), anchor_on=date(2028, 4, 30)),),
        grace_ends_at=utc(2028, 5, 29, 22),
    )
    subscription(*IN_FORCE, PROPOSED, extended).when(APPROVE, now=JUNE, **BOB).then_refused("shortens")


def test_following_terms_move_along():
    corrected = subscription(*IN_FORCE, RENEWED, PROPOSED).when(APPROVE, now=JUNE, **BOB).events[0]
    assert [APRIL_1, utc(2029, 3, 31, 22)] == [term.ends_at for term in corrected.terms]
    renewed = subscription(*IN_FORCE, PROPOSED, CORRECTED).when(RenewSubscription(id=SUBSCRIPTION), now=JUNE).events[0]
    assert (APRIL_1, utc(2029, 3, 31, 22)) == (renewed.starts_at, renewed.ends_at)


def test_a_term_starts_where_the_one_before_it_ends():
    later = ProposeTermCorrection(id=SUBSCRIPTION, number=2, starts_on=date(2028, 3, 2), ends_on=date(2029, 3, 1), accept_shortening=True)
    subscription(*IN_FORCE, RENEWED).when(later, now=JUNE, **ANN).then_refused("follows-another", "term 1")
    longer = replace(later, starts_on=date(2028, 3, 1), ends_on=date(2029, 3, 2))
    assert subscription(*IN_FORCE, RENEWED).when(longer, now=JUNE, **ANN).events


def test_a_correction_does_not_reach_into_a_fresh_term():
    fresh = SubscriptionReinstated(
        at=utc(2028, 4, 10, 9),
        mode="fresh",
        number=2,
        starts_at=utc(2028, 4, 10, 9),
        ends_at=utc(2029, 4, 9, 22),
        months=12,
        anchor_on=date(2028, 4, 10),
        anchor_months=12,
        quota_anchor=utc(2028, 4, 10, 9),
    )
    back = subscription(*OVER, fresh)
    back.when(replace(PROPOSE, ends_on=date(2028, 4, 11)), now=fresh.at, **ANN).then_refused("terms-overlap", "term 2")
    proposed = back.when(replace(PROPOSE, ends_on=date(2028, 4, 10)), now=fresh.at, **ANN).events
    approved = subscription(*OVER, fresh, *proposed).when(APPROVE, now=fresh.at, **BOB).events[0]
    assert [1] == [term.number for term in approved.terms]


def test_a_term_in_force_starts_now_at_the_latest():
    june_1 = replace(PROPOSE, starts_on=date(2027, 6, 1), ends_on=date(2028, 6, 1), accept_shortening=True)
    start = utc(2027, 5, 31, 22)
    subscription(*IN_FORCE).when(june_1, now=start - MICROSECOND, **ANN).then_refused("starts-later")
    assert start == subscription(*IN_FORCE).when(june_1, now=start, **ANN).events[0].starts_at


def test_what_cannot_be_a_term():
    subscription(*IN_FORCE).when(replace(PROPOSE, number=2), now=JUNE, **ANN).then_refused("no-such-term", "term 2")
    subscription(*IN_FORCE).when(replace(PROPOSE, ends_on=STARTS_ON), now=JUNE, **ANN).then_refused("ends-before-start")
    subscription(*IN_FORCE).when(replace(PROPOSE, ends_on=date(9999, 1, 1)), now=JUNE, **ANN).then_refused("date-out-of-range")
    given(ITKSubscription()).when(PROPOSE, now=JUNE, **ANN).then_refused("not-now")


def test_a_pending_term_is_corrected_and_activated_as_corrected():
    proposed = replace(PROPOSED, starts_on=date(2027, 2, 20), starts_at=utc(2027, 2, 19, 23))
    corrected = subscription(OPENED, proposed).when(APPROVE, now=JUNE, **BOB).events[0]
    state = state_after(OPENED, proposed, corrected)
    assert TermState.PENDING == state.term
    activated = given(state).when(ActivateSubscription(id=SUBSCRIPTION), now=MARCH_1, account=LIVE).events[0]
    assert (date(2027, 2, 20), utc(2027, 2, 19, 23), APRIL_1) == (activated.starts_on, activated.starts_at, activated.ends_at)
    assert corrected.terms == state.evolve(activated).terms


def test_a_corrected_start_leaves_the_end_and_its_anchor():
    earlier = replace(PROPOSE, starts_on=date(2027, 2, 20), ends_on=date(2028, 3, 1))
    proposed = subscription(*IN_FORCE, RENEWED).when(earlier, now=JUNE, **ANN).events
    corrected = subscription(*IN_FORCE, RENEWED, *proposed).when(APPROVE, now=JUNE, **BOB).events[0]
    expected = Term(number=1, starts_at=utc(2027, 2, 19, 23), ends_at=ENDS_AT, months=12, anchor_on=STARTS_ON, anchor_months=12)
    assert (expected,) == corrected.terms
    state = state_after(*IN_FORCE, RENEWED, *proposed, corrected)
    assert due(state) == due(state_after(*IN_FORCE, RENEWED))


def test_without_a_zone_a_date_is_no_instant():
    subscription(replace(OPENED, time_zone=None)).when(PROPOSE, now=JUNE, **ANN).then_refused("time-zone-unknown")
    assert subscription(*PENDING).when(PROPOSE, now=JUNE, **ANN).events


def test_a_corrected_end_ahead_puts_it_in_force_again():
    for events in (GRACE, OVER):
        state = state_after(*events, PROPOSED, replace(CORRECTED, at=APRIL_1 - MICROSECOND))
        assert (TermState.IN_FORCE, None, None) == (state.term, state.grace_ends_at, state.ends_for_good_at)


def test_a_corrected_end_in_the_past_moves_the_grace_and_leaves_a_lapse():
    late = replace(CORRECTED, at=APRIL_1)
    grace = state_after(*GRACE, PROPOSED, late)
    assert (TermState.GRACE, CORRECTED.grace_ends_at) == (grace.term, grace.grace_ends_at)
    assert TermState.LAPSED == state_after(*OVER, PROPOSED, late).term


def test_what_has_ended_is_corrected_for_the_record_only():
    corrected = subscription(*GONE, PROPOSED).when(APPROVE, now=utc(2028, 7, 1), **BOB).events[0]
    state = state_after(*GONE, PROPOSED, corrected)
    assert (TermState.ENDED, APRIL_1) == (state.term, state.ends_at)


def test_an_earlier_term_can_be_corrected_and_pushes_the_present_one():
    rolled = TermRolledOver(at=ENDS_AT, number=2, starts_at=ENDS_AT, ends_at=SECOND_END)
    proposed = replace(PROPOSED, at=ENDS_AT + DAY, ends_on=date(2028, 3, 2), ends_at=ENDS_AT + DAY)
    corrected = subscription(*IN_FORCE, RENEWED, rolled, proposed).when(APPROVE, now=ENDS_AT + DAY, **BOB).events[0]
    assert [1, 2] == [term.number for term in corrected.terms]
    assert corrected.terms[1].ends_at == state_after(*IN_FORCE, RENEWED, rolled, proposed, corrected).ends_at
    assert GRACE_ENDS_AT < corrected.grace_ends_at
