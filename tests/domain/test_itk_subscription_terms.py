"""Terms follow one another, run out, come back and grow, always counted from their anchor."""

from dataclasses import replace
from datetime import date

import pytest

from domain.aggregates.itk_subscription import ITKSubscription, TermState
from domain.commands.itk_subscription import (
    AnnounceRenewal,
    EndGrace,
    EndLapse,
    EndTerm,
    ExtendSubscription,
    ReinstateSubscription,
    RenewSubscription,
    WithdrawRenewal,
)
from domain.events.itk_subscription import (
    RenewalAnnounced,
    RenewalWithdrawn,
    SubscriptionEnded,
    SubscriptionExtended,
    SubscriptionLapsed,
    SubscriptionReinstated,
    SubscriptionRenewed,
    Term,
    TermRolledOver,
)
from domain.rules import Rules
from tests.domain.given import given
from tests.domain.subscription_facts import (
    ACTIVATED,
    CANCELLED,
    DAY,
    ENDED,
    ENDS_AT,
    FOR_GOOD_AT,
    GONE,
    GRACE,
    GRACE_ENDS_AT,
    IN_FORCE,
    IN_GRACE,
    JUNE,
    LAPSED,
    LIVE,
    MARCH_1,
    MICROSECOND,
    OPENED,
    OVER,
    PENDING,
    RENEWED,
    RENEWED_AGAIN,
    SECOND_END,
    STARTS_AT,
    SUBSCRIPTION,
    THIRD_END,
    state_after,
    utc,
)

RENEW = RenewSubscription(id=SUBSCRIPTION)
WITHDRAW = WithdrawRenewal(id=SUBSCRIPTION)
ANNOUNCE = AnnounceRenewal(id=SUBSCRIPTION, reference="PO 4711", expected_by=date(2028, 3, 10))
ANNOUNCED = RenewalAnnounced(at=JUNE, reference="PO 4711", expected_by=date(2028, 3, 10))
END_TERM, END_GRACE, END_LAPSE = EndTerm(id=SUBSCRIPTION), EndGrace(id=SUBSCRIPTION), EndLapse(id=SUBSCRIPTION)
ROLLED_OVER = TermRolledOver(at=ENDS_AT, number=2, starts_at=ENDS_AT, ends_at=SECOND_END)
FRESH = ReinstateSubscription(id=SUBSCRIPTION, mode="fresh")
CONTIGUOUS = ReinstateSubscription(id=SUBSCRIPTION, mode="contiguous")
APRIL_10 = utc(2028, 4, 10, 9)


def subscription(*events):
    return given(ITKSubscription(), *events)


def extend(days):
    return ExtendSubscription(id=SUBSCRIPTION, days=days)


# renewing


def test_a_renewal_queues_a_term_that_starts_where_the_old_one_ends():
    subscription(*IN_FORCE).when(RENEW, now=JUNE).then(RENEWED)
    subscription(*IN_FORCE, RENEWED).when(RENEW, now=JUNE).then(RENEWED_AGAIN)
    half = replace(RENEW, months=6, reference="inv. 12")
    subscription(*IN_FORCE).when(half, now=JUNE).then(replace(RENEWED, months=6, ends_at=utc(2028, 8, 31, 22), reference="inv. 12"))


def test_two_renewals_queue_two_terms_and_a_third_is_refused():
    waiting = subscription(*IN_FORCE, RENEWED, RENEWED_AGAIN)
    waiting.when(RENEW, now=JUNE).then_refused("too-many-renewals", "2 terms")
    subscription(*IN_FORCE, RENEWED).when(RENEW, now=JUNE, rules=Rules(max_queued_terms=1)).then_refused("too-many-renewals")


def test_what_is_cancelled_is_not_renewed():
    subscription(*IN_FORCE, CANCELLED).when(RENEW, now=JUNE).then_refused("cancelled", "undo")
    subscription(*PENDING).when(RENEW, now=JUNE).then_refused("not-now", "pending")


def test_a_renewal_has_a_length_that_a_term_may_have():
    subscription(*IN_FORCE).when(replace(RENEW, months=0), now=JUNE).then_refused("months-out-of-range")
    subscription(*IN_FORCE).when(replace(RENEW, months=121), now=JUNE).then_refused("months-out-of-range")


def test_a_renewal_in_grace_is_contiguous_and_in_force_at_once():
    late = GRACE_ENDS_AT - MICROSECOND
    renewed = replace(RENEWED, at=late)
    subscription(*GRACE).when(RENEW, now=late).then(renewed)
    state = state_after(*GRACE, renewed)
    assert (TermState.IN_FORCE, 2, None) == (state.term, state.number, state.grace_ends_at)
    assert () == state.queued_terms


def test_a_renewal_in_grace_must_reach_the_present():
    opened = replace(OPENED, starts_on=date(2026, 2, 1), ends_at=utc(2027, 1, 31, 23))
    activated = replace(ACTIVATED, starts_on=opened.starts_on, ends_at=opened.ends_at)
    grace = subscription(opened, activated, replace(IN_GRACE, at=opened.ends_at, grace_ends_at=utc(2027, 3, 2, 23)))
    one_month = replace(RENEW, months=1)
    renewed = SubscriptionRenewed(
        at=utc(2027, 2, 28, 23) - MICROSECOND, number=2, starts_at=opened.ends_at, ends_at=utc(2027, 2, 28, 23), months=1
    )
    grace.when(one_month, now=renewed.at).then(renewed)
    grace.when(one_month, now=renewed.ends_at).then_refused("ends-in-the-past")


def test_months_are_counted_from_the_anchor_and_never_step_by_step():
    opened = replace(OPENED, starts_on=date(2027, 1, 31), months=1, starts_at=utc(2027, 1, 30, 23), ends_at=utc(2027, 2, 27, 23))
    activated = replace(ACTIVATED, starts_on=opened.starts_on, starts_at=opened.starts_at, ends_at=opened.ends_at)
    second = subscription(opened, activated).when(replace(RENEW, months=1), now=MARCH_1 - 3 * DAY).events[0]
    third = subscription(opened, activated, second).when(replace(RENEW, months=1), now=MARCH_1 - 3 * DAY).events[0]
    assert (utc(2027, 3, 30, 22), utc(2027, 4, 29, 22)) == (second.ends_at, third.ends_at)


def test_the_last_renewal_can_be_withdrawn():
    withdrawn = RenewalWithdrawn(at=JUNE, number=3)
    subscription(*IN_FORCE, RENEWED, RENEWED_AGAIN).when(WITHDRAW, now=JUNE).then(withdrawn)
    state = state_after(*IN_FORCE, RENEWED, RENEWED_AGAIN, withdrawn)
    assert SECOND_END == state.paid_until
    given(state).when(RENEW, now=JUNE).then(RENEWED_AGAIN)


def test_a_term_in_force_is_no_renewal_that_waits():
    subscription(*IN_FORCE, RENEWED, RenewalWithdrawn(at=JUNE, number=2)).when(WITHDRAW, now=JUNE).then_refused("no-renewal")
    subscription(*IN_FORCE, RENEWED).when(WITHDRAW, now=ENDS_AT - MICROSECOND).then(RenewalWithdrawn(at=ENDS_AT - MICROSECOND, number=2))
    subscription(*IN_FORCE, RENEWED, ROLLED_OVER).when(WITHDRAW, now=ENDS_AT).then_refused("no-renewal")
    subscription(*GRACE).when(WITHDRAW, now=ENDS_AT).then_refused("not-now")


def test_an_announced_renewal_is_known_until_it_comes():
    subscription(*IN_FORCE).when(ANNOUNCE, now=JUNE).then(ANNOUNCED)
    subscription(*GRACE).when(ANNOUNCE, now=ENDS_AT).then(replace(ANNOUNCED, at=ENDS_AT))
    known = subscription(*IN_FORCE, ANNOUNCED)
    known.when(ANNOUNCE, now=JUNE).then_nothing()
    later = replace(ANNOUNCE, expected_by=date(2028, 3, 20))
    known.when(later, now=JUNE).then(replace(ANNOUNCED, expected_by=later.expected_by))
    subscription(*OVER).when(ANNOUNCE, now=GRACE_ENDS_AT).then_refused("not-now", "lapsed")
    assert state_after(*IN_FORCE, ANNOUNCED, RENEWED).announced is None


# running out


def test_a_term_ends_at_the_very_moment():
    subscription(*IN_FORCE).when(END_TERM, now=ENDS_AT - MICROSECOND).then_nothing()
    subscription(*IN_FORCE).when(END_TERM, now=ENDS_AT).then(IN_GRACE)
    subscription(*GRACE).when(END_TERM, now=ENDS_AT).then_nothing()


def test_what_a_term_comes_to():
    subscription(*IN_FORCE, RENEWED).when(END_TERM, now=ENDS_AT).then(ROLLED_OVER)
    subscription(*IN_FORCE, CANCELLED).when(END_TERM, now=ENDS_AT).then(SubscriptionEnded(at=ENDS_AT, cause="cancelled"))
    without_grace = (replace(OPENED, grace_days=0), ACTIVATED)
    lapsed = SubscriptionLapsed(at=ENDS_AT, ends_for_good_at=utc(2028, 5, 29, 22))
    subscription(*without_grace).when(END_TERM, now=ENDS_AT).then(lapsed)
    subscription(*PENDING).when(END_TERM, now=ENDS_AT).then_nothing()


def test_the_next_term_ends_at_its_own_end():
    rolled = subscription(*IN_FORCE, RENEWED, ROLLED_OVER)
    rolled.when(END_TERM, now=SECOND_END - MICROSECOND).then_nothing()
    rolled.when(END_TERM, now=SECOND_END).then(replace(IN_GRACE, at=SECOND_END, grace_ends_at=utc(2029, 3, 30, 22)))


def test_grace_ends_at_the_very_moment_and_once():
    subscription(*GRACE).when(END_GRACE, now=GRACE_ENDS_AT - MICROSECOND).then_nothing()
    subscription(*GRACE).when(END_GRACE, now=GRACE_ENDS_AT).then(LAPSED)
    subscription(*OVER).when(END_GRACE, now=GRACE_ENDS_AT).then_nothing()


def test_a_lapse_ends_for_good_at_the_very_moment_and_once():
    subscription(*OVER).when(END_LAPSE, now=FOR_GOOD_AT - MICROSECOND).then_nothing()
    subscription(*OVER).when(END_LAPSE, now=FOR_GOOD_AT).then(ENDED)
    subscription(*GONE).when(END_LAPSE, now=FOR_GOOD_AT).then_nothing()


# coming back


def test_a_fresh_return_has_new_anchors():
    reinstated = SubscriptionReinstated(
        at=APRIL_10,
        mode="fresh",
        number=2,
        starts_at=APRIL_10,
        ends_at=utc(2029, 4, 9, 22),
        months=12,
        anchor_on=date(2028, 4, 10),
        anchor_months=12,
        quota_anchor=APRIL_10,
    )
    subscription(*OVER).when(FRESH, now=APRIL_10, account=LIVE).then(reinstated)
    state = state_after(*OVER, reinstated)
    assert (TermState.IN_FORCE, 2, None) == (state.term, state.number, state.ends_for_good_at)
    renewed = given(state).when(RENEW, now=APRIL_10).events[0]
    assert utc(2030, 4, 9, 22) == renewed.ends_at


def test_a_contiguous_return_starts_where_the_old_term_ended():
    reinstated = SubscriptionReinstated(
        at=APRIL_10,
        mode="contiguous",
        number=2,
        starts_at=ENDS_AT,
        ends_at=SECOND_END,
        months=12,
        anchor_on=date(2027, 3, 1),
        anchor_months=24,
        quota_anchor=MARCH_1,
    )
    subscription(*OVER).when(CONTIGUOUS, now=APRIL_10, account=LIVE).then(reinstated)
    given(state_after(*OVER, reinstated)).when(RENEW, now=APRIL_10).then(
        SubscriptionRenewed(at=APRIL_10, number=3, starts_at=SECOND_END, ends_at=THIRD_END, months=12)
    )


def test_a_contiguous_return_must_reach_the_present():
    one_month = replace(CONTIGUOUS, months=1)  # until 1 April local
    assert subscription(*OVER).when(one_month, now=utc(2028, 3, 31, 22) - MICROSECOND, account=LIVE).events
    subscription(*OVER).when(one_month, now=utc(2028, 3, 31, 22), account=LIVE).then_refused("ends-in-the-past", "1 months")


def test_a_return_is_possible_until_the_very_moment():
    assert subscription(*OVER).when(FRESH, now=FOR_GOOD_AT - MICROSECOND, account=LIVE).events
    subscription(*OVER).when(FRESH, now=FOR_GOOD_AT, account=LIVE).then_refused("too-late")
    subscription(*GONE).when(FRESH, now=FOR_GOOD_AT, account=LIVE).then_refused("not-now", "ended")


def test_a_closed_account_does_not_return():
    closed = replace(LIVE, status="closed")
    subscription(*OVER).when(FRESH, now=APRIL_10, account=closed).then_refused("account-not-live", "closed")
    assert subscription(*OVER).when(FRESH, now=APRIL_10, account=replace(LIVE, status="suspended")).events


def test_returning_twice_is_refused():
    back = subscription(*OVER).when(FRESH, now=APRIL_10, account=LIVE).events
    subscription(*OVER, *back).when(FRESH, now=APRIL_10, account=LIVE).then_refused("not-now", "active")
    subscription(*GRACE).when(FRESH, now=ENDS_AT, account=LIVE).then_refused("not-now", "grace")


# extending

EXTENDED = SubscriptionExtended(
    at=JUNE,
    number=1,
    days=10,
    terms=(Term(number=1, starts_at=STARTS_AT, ends_at=utc(2028, 3, 10, 23), months=12, anchor_on=date(2028, 3, 11), anchor_months=0),),
    grace_ends_at=utc(2028, 4, 9, 22),
)


def test_an_extension_moves_the_end_and_what_counts_from_it():
    subscription(*IN_FORCE).when(extend(10), now=JUNE).then(EXTENDED)
    state = state_after(*IN_FORCE, EXTENDED)
    assert utc(2028, 3, 10, 23) == state.ends_at
    renewed = given(state).when(RENEW, now=JUNE).events[0]
    assert (utc(2028, 3, 10, 23), utc(2029, 3, 10, 23)) == (renewed.starts_at, renewed.ends_at)


def test_an_extension_pushes_the_queued_terms():
    extended = subscription(*IN_FORCE, RENEWED).when(extend(10), now=JUNE).events[0]
    second = Term(
        number=2,
        starts_at=utc(2028, 3, 10, 23),
        ends_at=utc(2029, 3, 10, 23),
        months=12,
        anchor_on=date(2028, 3, 11),
        anchor_months=12,
    )
    assert (*EXTENDED.terms, second) == extended.terms
    third = given(state_after(*IN_FORCE, RENEWED, extended)).when(RENEW, now=JUNE).events[0]
    assert (second.ends_at, utc(2030, 3, 10, 23)) == (third.starts_at, third.ends_at)


def test_sixty_days_in_a_term_and_more_by_an_admin():
    subscription(*IN_FORCE, EXTENDED).when(extend(50), now=JUNE).then(
        replace(
            EXTENDED,
            days=50,
            terms=(replace(EXTENDED.terms[0], ends_at=utc(2028, 4, 29, 22), anchor_on=date(2028, 4, 30)),),
            grace_ends_at=utc(2028, 5, 29, 22),
        )
    )
    subscription(*IN_FORCE, EXTENDED).when(extend(51), now=JUNE).then_refused("extension-too-long", "10 already")
    assert subscription(*IN_FORCE, EXTENDED).when(extend(51), now=JUNE, role="admin").events
    rolled = (*IN_FORCE, EXTENDED, RENEWED, replace(ROLLED_OVER, at=EXTENDED.terms[0].ends_at))
    assert subscription(*rolled).when(extend(60), now=ENDS_AT).events


@pytest.mark.parametrize("days", [0, -1, 3_661])
def test_an_extension_has_a_sensible_length(days):
    subscription(*IN_FORCE).when(extend(days), now=JUNE, role="admin").then_refused("days-out-of-range")


@pytest.mark.parametrize("events", [PENDING, OVER, GONE])
def test_only_a_term_that_gives_access_is_extended(events):
    subscription(*events).when(extend(1), now=GRACE_ENDS_AT).then_refused("not-now")


def test_extending_twice_adds_twice():
    state = state_after(*IN_FORCE, EXTENDED, *subscription(*IN_FORCE, EXTENDED).when(extend(10), now=JUNE).events)
    assert (utc(2028, 3, 20, 23), 20) == (state.ends_at, state.extended_days)


def test_in_grace_an_extension_that_reaches_the_present_puts_it_in_force_again():
    extended = replace(EXTENDED, at=utc(2028, 3, 10, 23) - MICROSECOND)
    subscription(*GRACE).when(extend(10), now=extended.at).then(extended)
    state = state_after(*GRACE, extended)
    assert (TermState.IN_FORCE, None) == (state.term, state.grace_ends_at)


def test_in_grace_an_extension_that_does_not_moves_the_end_of_grace():
    extended = replace(EXTENDED, at=utc(2028, 3, 10, 23))
    subscription(*GRACE).when(extend(10), now=extended.at).then(extended)
    state = state_after(*GRACE, extended)
    assert (TermState.GRACE, utc(2028, 4, 9, 22)) == (state.term, state.grace_ends_at)
