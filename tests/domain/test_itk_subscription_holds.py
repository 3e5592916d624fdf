"""A hold stops access but not time, unless the time is given back; a cancellation ends it all, now or with the term."""

from dataclasses import replace
from datetime import date

import pytest

from domain.aggregates.itk_subscription import Hold, Intent, ITKSubscription, TermState
from domain.commands.itk_subscription import (
    CancelSubscription,
    EndTerm,
    ResumeSubscription,
    SuspendSubscription,
    UndoCancellation,
)
from domain.events.itk_subscription import (
    CancellationUndone,
    SubscriptionEnded,
    SubscriptionExtended,
    SubscriptionResumed,
    Term,
)
from tests.domain.given import given
from tests.domain.subscription_facts import (
    CANCELLED,
    COMPENSATED,
    DAY,
    ENDED,
    ENDS_AT,
    GONE,
    GRACE,
    GRACE_ENDS_AT,
    IN_FORCE,
    IN_GRACE,
    JUNE,
    LAPSED,
    MICROSECOND,
    OVER,
    PENDING,
    RENEWED,
    STARTS_AT,
    SUBSCRIPTION,
    SUSPENDED,
    due,
    live_through,
    state_after,
    utc,
)

SUSPEND = SuspendSubscription(id=SUBSCRIPTION)
RESUME = ResumeSubscription(id=SUBSCRIPTION)
CANCEL_NOW = CancelSubscription(id=SUBSCRIPTION, when="now")
CANCEL_LATER = CancelSubscription(id=SUBSCRIPTION, when="term_end")
UNDO = UndoCancellation(id=SUBSCRIPTION)
GIVEN_BACK = SubscriptionExtended(
    at=JUNE + 10 * DAY,
    number=1,
    days=10,
    terms=(Term(number=1, starts_at=STARTS_AT, ends_at=utc(2028, 3, 10, 23), months=12, anchor_on=date(2028, 3, 11), anchor_months=0),),
    grace_ends_at=utc(2028, 4, 9, 22),
    compensates=True,
)


def subscription(*events):
    return given(ITKSubscription(), *events)


def test_suspending():
    subscription(*IN_FORCE).when(SUSPEND, now=JUNE).then(SUSPENDED)
    subscription(*GRACE).when(SUSPEND, now=ENDS_AT).then(replace(SUSPENDED, at=ENDS_AT))
    held = replace(SUSPEND, until=JUNE + DAY, compensate=True, cause="abuse")
    subscription(*IN_FORCE).when(held, now=JUNE).then(replace(COMPENSATED, until=JUNE + DAY, cause="abuse"))


@pytest.mark.parametrize("events", [PENDING, OVER, GONE])
def test_only_what_gives_access_is_suspended_and_resumed(events):
    subscription(*events).when(SUSPEND, now=GRACE_ENDS_AT).then_refused("not-now", "suspend subscription")
    subscription(*events).when(RESUME, now=GRACE_ENDS_AT).then_refused("not-now", "resume subscription")


def test_suspending_twice():
    held = subscription(*IN_FORCE, SUSPENDED)
    held.when(SUSPEND, now=JUNE + DAY).then_nothing()
    held.when(replace(SUSPEND, compensate=True), now=JUNE + DAY).then_refused("suspended-otherwise", "resume it first")


def test_a_hold_ends_in_the_future_or_not_at_all():
    subscription(*IN_FORCE).when(replace(SUSPEND, until=JUNE), now=JUNE).then_refused("until-not-ahead")
    until = JUNE + MICROSECOND
    subscription(*IN_FORCE).when(replace(SUSPEND, until=until), now=JUNE).then(replace(SUSPENDED, until=until))


def test_resuming():
    resumed = SubscriptionResumed(at=JUNE + DAY, suspended_at=JUNE)
    subscription(*IN_FORCE, SUSPENDED).when(RESUME, now=JUNE + DAY).then(resumed)
    subscription(*IN_FORCE, SUSPENDED, resumed).when(RESUME, now=JUNE + DAY).then_nothing()


def test_a_hold_with_an_end_resumes_by_itself_at_that_instant():
    until = JUNE + 3 * DAY
    state = state_after(*IN_FORCE, replace(SUSPENDED, until=until))
    assert until == due(state)["hold-until"]
    same, nothing = live_through(state, until=until - MICROSECOND)
    assert (Hold.SUSPENDED, ()) == (same.hold, nothing)
    resumed, happened = live_through(state, until=until)
    assert (Hold.NONE, (SubscriptionResumed(at=until, suspended_at=JUNE),)) == (resumed.hold, happened)


def test_without_compensation_the_term_runs_on_and_a_lapse_clears_the_hold():
    state, happened = live_through(state_after(*IN_FORCE, SUSPENDED), until=GRACE_ENDS_AT)
    assert (IN_GRACE, LAPSED) == happened[-2:]
    assert (TermState.LAPSED, Hold.NONE) == (state.term, state.hold)


def test_a_compensated_hold_withdraws_the_end_and_the_reminders():
    state = state_after(*IN_FORCE, COMPENSATED)
    assert {} == due(state)
    given(state).when(EndTerm(id=SUBSCRIPTION), now=ENDS_AT + DAY).then_nothing()


def test_resuming_gives_back_whole_local_days_and_sets_the_deadlines_again():
    resumed = SubscriptionResumed(at=GIVEN_BACK.at, suspended_at=JUNE)
    subscription(*IN_FORCE, COMPENSATED).when(RESUME, now=GIVEN_BACK.at).then(resumed, GIVEN_BACK)
    deadlines = due(state_after(*IN_FORCE, COMPENSATED, resumed, GIVEN_BACK))
    assert (utc(2028, 3, 10, 23), utc(2028, 3, 10, 23) - 90 * DAY) == (deadlines["term-end"], deadlines["remind-90"])


@pytest.mark.parametrize(("lost", "days"), [(0 * DAY, 0), (MICROSECOND, 1), (DAY, 1), (DAY + MICROSECOND, 2)])
def test_lost_time_is_rounded_up(lost, days):
    events = subscription(*IN_FORCE, COMPENSATED).when(RESUME, now=JUNE + lost).events
    assert [days] * bool(days) == [event.days for event in events[1:]]


def test_time_given_back_counts_for_no_limit():
    state = state_after(*IN_FORCE, COMPENSATED, GIVEN_BACK)
    assert 0 == state.extended_days


def test_a_hold_beyond_the_end_of_the_term_gives_the_rest_back():
    """Suspended a day before the end, resumed ten days after it: a day is left."""
    held = replace(COMPENSATED, at=ENDS_AT - DAY)
    events = subscription(*IN_FORCE, held).when(RESUME, now=ENDS_AT + 10 * DAY).events
    state = state_after(*IN_FORCE, held, *events)
    assert (TermState.IN_FORCE, ENDS_AT + 11 * DAY) == (state.term, due(state)["term-end"])


def test_time_given_back_pushes_the_queued_terms():
    events = subscription(*IN_FORCE, RENEWED, COMPENSATED).when(RESUME, now=GIVEN_BACK.at).events
    assert [utc(2028, 3, 10, 23), utc(2029, 3, 10, 23)] == [term.ends_at for term in events[1].terms]


def test_a_compensated_hold_in_grace_lets_grace_run_and_gives_the_time_back():
    held = replace(COMPENSATED, at=ENDS_AT)
    state = state_after(*GRACE, held)
    assert {"grace-end": GRACE_ENDS_AT} == due(state)
    events = given(state).when(RESUME, now=ENDS_AT + 10 * DAY).events
    assert GIVEN_BACK.grace_ends_at == state_after(*GRACE, held, *events).grace_ends_at


def test_cancelling_now_ends_it_wherever_it_is():
    ended = SubscriptionEnded(at=JUNE, cause="cancelled")
    for events in (PENDING, IN_FORCE, (*IN_FORCE, RENEWED), (*IN_FORCE, SUSPENDED), (*IN_FORCE, CANCELLED)):
        subscription(*events).when(CANCEL_NOW, now=JUNE).then(ended)
    subscription(*GRACE).when(CANCEL_NOW, now=ENDS_AT).then(replace(ended, at=ENDS_AT))


def test_cancelling_with_the_term():
    subscription(*IN_FORCE).when(CANCEL_LATER, now=JUNE).then(CANCELLED)
    cancelled = subscription(*IN_FORCE, CANCELLED)
    cancelled.when(EndTerm(id=SUBSCRIPTION), now=ENDS_AT - MICROSECOND).then_nothing()
    cancelled.when(EndTerm(id=SUBSCRIPTION), now=ENDS_AT).then(SubscriptionEnded(at=ENDS_AT, cause="cancelled"))


def test_cancelling_twice_is_cancelling_once():
    subscription(*IN_FORCE, CANCELLED).when(CANCEL_LATER, now=JUNE).then_nothing()
    ended = subscription(*IN_FORCE, SubscriptionEnded(at=JUNE, cause="cancelled"))
    ended.when(CANCEL_NOW, now=JUNE).then_nothing()
    ended.when(CANCEL_LATER, now=JUNE).then_nothing()


def test_where_there_is_no_term_to_end_with():
    subscription(*PENDING).when(CANCEL_LATER, now=JUNE).then_refused("only-now", "pending")
    subscription(*GRACE).when(CANCEL_LATER, now=ENDS_AT).then_refused("only-now", "grace")
    subscription(*OVER).when(CANCEL_NOW, now=GRACE_ENDS_AT).then_refused("not-now", "lapsed")
    subscription(*OVER, ENDED).when(CANCEL_NOW, now=ENDED.at).then_refused("not-now", "ended")


def test_a_renewal_that_waits_is_withdrawn_before_a_cancellation_at_the_end():
    subscription(*IN_FORCE, RENEWED).when(CANCEL_LATER, now=JUNE).then_refused("renewal-waits", "withdraw it first")


def test_undoing_a_cancellation_before_it_takes_effect():
    undone = CancellationUndone(at=ENDS_AT - MICROSECOND)
    subscription(*IN_FORCE, CANCELLED).when(UNDO, now=undone.at).then(undone)
    state = state_after(*IN_FORCE, CANCELLED, undone)
    assert Intent.NONE == state.intent
    given(state).when(UNDO, now=undone.at).then_nothing()
    given(state).when(EndTerm(id=SUBSCRIPTION), now=ENDS_AT).then(IN_GRACE)


def test_what_has_ended_is_not_undone():
    subscription(*IN_FORCE, CANCELLED, SubscriptionEnded(at=ENDS_AT, cause="cancelled")).when(UNDO, now=ENDS_AT).then_refused("not-now")


def test_nobody_is_reminded_of_an_end_that_they_asked_for():
    assert {"term-end": ENDS_AT} == due(state_after(*IN_FORCE, CANCELLED))
    undone = state_after(*IN_FORCE, CANCELLED, CancellationUndone(at=ENDS_AT - 20 * DAY))
    assert {"remind-14", "remind-7", "remind-1", "term-end"} == set(due(undone))
