"""Statements of usage: thirty days before the end of a term and at its end, each once, the last one after an outage."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.itk_subscription_statements import next_statement, statements
from domain.catalogue import Product
from domain.commands.itk_subscription import MakeUsageStatement
from domain.events.itk_subscription import (
    StatedUsage,
    SubscriptionEnded,
    SubscriptionExtended,
    SubscriptionResumed,
    TermRolledOver,
    UsageStatementMade,
)
from tests.domain.given import given
from tests.domain.subscription_facts import (
    ACTIVATED,
    COMPENSATED,
    DAY,
    ENDS_AT,
    FOR_GOOD_AT,
    IN_FORCE,
    IN_GRACE,
    JUNE,
    MICROSECOND,
    OPENED,
    OVER,
    PENDING,
    RENEWED,
    SECOND_END,
    STARTS_AT,
    SUBSCRIPTION,
    state_after,
)

BEFORE = ENDS_AT - 30 * DAY
USED = (StatedUsage(product=Product.SCHOLARLY, month="2027-03", requests=5, records=50),)
MAKE = MakeUsageStatement(id=SUBSCRIPTION, number=1, days_left=30, used=USED, people=3)
MADE = UsageStatementMade(at=BEFORE, number=1, days_left=30, starts_at=STARTS_AT, ends_at=ENDS_AT, used=USED, people=3)
AT_END = replace(MAKE, days_left=0)
MADE_AT_END = replace(MADE, at=ENDS_AT, days_left=0)
DAYS = (30, 0)


def subscription(*events):
    return given(ITKSubscription(), *events)


def waiting(*events):
    """(term, days before its end, instant) of each that will be made."""
    return [(each.number, each.days_left, each.due_at) for each in statements(state_after(*events), DAYS)]


def test_a_statement_is_made_before_the_end_and_at_the_end():
    subscription(*IN_FORCE).when(MAKE, now=BEFORE - MICROSECOND).then_nothing()
    subscription(*IN_FORCE).when(MAKE, now=BEFORE).then(MADE)
    subscription(*IN_FORCE, MADE).when(AT_END, now=ENDS_AT - MICROSECOND).then_nothing()
    subscription(*IN_FORCE, MADE, IN_GRACE).when(AT_END, now=ENDS_AT).then(MADE_AT_END)


def test_each_is_made_once():
    subscription(*IN_FORCE, MADE).when(MAKE, now=BEFORE).then_nothing()
    subscription(*IN_FORCE, MADE, IN_GRACE, MADE_AT_END).when(AT_END, now=FOR_GOOD_AT).then_nothing()
    assert [] == waiting(*IN_FORCE, MADE, IN_GRACE, MADE_AT_END)
    assert [(1, 30, BEFORE), (1, 0, ENDS_AT)] == waiting(*IN_FORCE)
    assert [(1, 0, ENDS_AT)] == waiting(*IN_FORCE, MADE)


def test_after_an_outage_only_the_last_is_made():
    late = subscription(*OVER)
    late.when(MAKE, now=BEFORE, observed_at=FOR_GOOD_AT).then_nothing()
    late.when(AT_END, now=ENDS_AT, observed_at=FOR_GOOD_AT).then(MADE_AT_END)
    assert [] == waiting(*OVER, MADE_AT_END)
    assert None is next_statement(state_after(*OVER, MADE_AT_END), DAYS, FOR_GOOD_AT)


@pytest.mark.parametrize("events", [(), PENDING])
def test_before_the_activation_there_is_nothing_to_state(events):
    assert [] == waiting(*events)
    if events:
        subscription(*events).when(AT_END, now=ENDS_AT).then_nothing()


def test_a_rung_before_the_activation_is_none():
    late = replace(ACTIVATED, at=BEFORE + MICROSECOND)
    assert [(1, 0, ENDS_AT)] == waiting(OPENED, late)
    assert [(1, 30, BEFORE), (1, 0, ENDS_AT)] == waiting(OPENED, replace(late, at=BEFORE))


def test_every_term_has_its_own():
    rolled = TermRolledOver(at=ENDS_AT, number=2, starts_at=ENDS_AT, ends_at=SECOND_END)
    second = [(2, 30, SECOND_END - 30 * DAY), (2, 0, SECOND_END)]
    assert [(1, 30, BEFORE), (1, 0, ENDS_AT)] == waiting(*IN_FORCE, RENEWED)
    assert [(1, 30, BEFORE), (1, 0, ENDS_AT), *second] == waiting(*IN_FORCE, RENEWED, rolled)
    assert second == waiting(*IN_FORCE, RENEWED, rolled, MADE_AT_END)
    state = state_after(*IN_FORCE, RENEWED, rolled)
    assert (1, 0) == (next_statement(state, DAYS, SECOND_END).number, next_statement(state, DAYS, SECOND_END).days_left)


def test_what_ends_before_its_time_is_stated_at_that_end():
    ended = SubscriptionEnded(at=JUNE, cause="cancelled")
    assert (1, 0, JUNE) == waiting(*IN_FORCE, ended)[-1]
    made = subscription(*IN_FORCE, ended).when(AT_END, now=JUNE).events[0]
    assert (JUNE, JUNE, 0) == (made.at, made.ends_at, made.days_left)
    assert [] == waiting(*IN_FORCE, ended, made)


def test_a_new_end_is_stated_anew_but_not_for_what_lay_before():
    end = ENDS_AT + 20 * DAY
    term = replace(state_after(*IN_FORCE).terms[0], ends_at=end)
    early = SubscriptionExtended(at=JUNE, number=1, days=20, terms=(term,), grace_ends_at=end + 30 * DAY)
    assert [(1, 30, end - 30 * DAY), (1, 0, end)] == waiting(*IN_FORCE, early)
    late = replace(early, at=ENDS_AT - 5 * DAY)
    assert [(1, 0, end)] == waiting(*IN_FORCE, MADE, late)


def test_while_a_hold_moves_the_end_nothing_is_stated():
    resumed = SubscriptionResumed(at=JUNE + timedelta(days=3), suspended_at=JUNE)
    assert [] == waiting(*IN_FORCE, COMPENSATED)
    assert [(1, 30, BEFORE), (1, 0, ENDS_AT)] == waiting(*IN_FORCE, COMPENSATED, resumed)
