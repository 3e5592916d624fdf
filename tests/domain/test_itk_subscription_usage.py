"""Quota months: closed in order, adjusted once late reports are in, and told of when little is left."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.itk_subscription_parts import QuotaMonth
from domain.aggregates.itk_subscription_usage import month_at, next_to_close, numbered
from domain.catalogue import CURRENT, Product
from domain.commands.itk_subscription import AdjustUsagePeriod, CloseUsagePeriod, NoteQuota, ReinstateSubscription, UsageTotal
from domain.events.itk_subscription import PlansChanged, QuotaReached, SubscriptionEnded, UsagePeriodAdjusted, UsagePeriodClosed
from tests.domain.given import given
from tests.domain.subscription_facts import (
    FOR_GOOD_AT,
    GRACE_ENDS_AT,
    IN_FORCE,
    JUNE,
    LIVE,
    MARCH_1,
    MICROSECOND,
    OVER,
    PENDING,
    SUBSCRIPTION,
    SUSPENDED,
    state_after,
    utc,
)

SCHOLARLY, *OTHERS = CURRENT.institution
FIRST_RESET = utc(2027, 4, 1, 12)
STANDS_AT = FIRST_RESET + timedelta(hours=48)
USED = UsageTotal(product=Product.SCHOLARLY, requests=12, records=340)
CLOSE = CloseUsagePeriod(id=SUBSCRIPTION, period=0, totals=(USED,))
ADJUST = AdjustUsagePeriod(id=SUBSCRIPTION, period=0, totals=(replace(USED, requests=13),))
APRIL_10 = utc(2028, 4, 10, 9)
FRESH = ReinstateSubscription(id=SUBSCRIPTION, mode="fresh")


def subscription(*events):
    return given(ITKSubscription(), *events)


def closed(plan, requests=0, records=0):
    return UsagePeriodClosed(
        at=FIRST_RESET,
        product=plan.product,
        period=0,
        starts_at=MARCH_1,
        ends_at=FIRST_RESET,
        requests=requests,
        records=records,
        limit=plan.requests_per_month,
    )


CLOSED = (closed(SCHOLARLY, 12, 340), *map(closed, OTHERS))
ADJUSTED = UsagePeriodAdjusted(
    at=STANDS_AT, product=Product.SCHOLARLY, period=0, starts_at=MARCH_1, ends_at=FIRST_RESET, requests=13, records=340
)


# closing


def test_a_quota_month_is_closed_at_its_end_for_every_product():
    subscription(*IN_FORCE).when(CLOSE, now=FIRST_RESET).then(*CLOSED)
    subscription(*IN_FORCE).when(CLOSE, now=FIRST_RESET - MICROSECOND).then_refused("period-not-over", "the current one is 0")
    subscription(*IN_FORCE, *CLOSED).when(CLOSE, now=JUNE).then_nothing()
    assert 4 == len(subscription(*OVER).when(CLOSE, now=GRACE_ENDS_AT).events)


def test_what_is_no_quota_month():
    subscription(*IN_FORCE).when(replace(CLOSE, period=-1), now=JUNE).then_refused("period-not-over", "from 0")
    subscription(*PENDING).when(CLOSE, now=JUNE).then_refused("not-now", "pending")


def test_a_change_of_plans_at_the_reset_is_no_matter_of_the_month_before():
    more = replace(SCHOLARLY, requests_per_month=60_000)
    changed = PlansChanged(at=FIRST_RESET, plans=(more, *OTHERS), scheduled=True)
    subscription(*IN_FORCE, changed).when(CLOSE, now=FIRST_RESET).then(*CLOSED)
    earlier = replace(changed, at=FIRST_RESET - MICROSECOND)
    assert 60_000 == subscription(*IN_FORCE, earlier).when(CLOSE, now=FIRST_RESET).events[0].limit
    again = replace(changed, at=JUNE, plans=CURRENT.institution)
    assert 60_000 == subscription(*IN_FORCE, earlier, again).when(CLOSE, now=JUNE).events[0].limit


def test_months_are_closed_one_after_the_other_as_long_as_there_was_access():
    assert None is next_to_close(state_after(*PENDING))
    assert QuotaMonth(number=0, starts_at=MARCH_1, ends_at=FIRST_RESET) == next_to_close(state_after(*IN_FORCE))
    assert 1 == next_to_close(state_after(*IN_FORCE, *CLOSED)).number
    assert 1 == next_to_close(state_after(*IN_FORCE, *CLOSED, SUSPENDED)).number
    state = state_after(*OVER)
    months = []
    while month := next_to_close(state):
        months.append(month)
        state = state.evolve(replace(CLOSED[0], period=month.number))
    assert list(range(13)) == [month.number for month in months]
    assert months[-1].starts_at < GRACE_ENDS_AT <= months[-1].ends_at


def test_what_ends_at_a_reset_begins_no_further_month():
    ended = SubscriptionEnded(at=FIRST_RESET, cause="cancelled")
    assert None is next_to_close(state_after(*IN_FORCE, *CLOSED, ended))
    a_moment_later = replace(ended, at=FIRST_RESET + MICROSECOND)
    assert 1 == next_to_close(state_after(*IN_FORCE, *CLOSED, a_moment_later)).number


def test_a_fresh_start_cuts_the_month_short_in_which_access_ended():
    at = GRACE_ENDS_AT + timedelta(days=1)
    reinstated = subscription(*OVER).when(FRESH, now=at, account=LIVE).events
    state = state_after(*OVER, *reinstated)
    assert QuotaMonth(number=12, starts_at=utc(2028, 3, 1, 12), ends_at=at) == numbered(state, 12)
    assert QuotaMonth(number=13, starts_at=at, ends_at=utc(2028, 4, 30, 22)) == numbered(state, 13)
    assert (12, 13, 14) == tuple(month_at(state, each).number for each in (at - MICROSECOND, at, utc(2028, 4, 30, 22)))
    assert None is month_at(state, MARCH_1 - MICROSECOND)
    closing = given(state).when(replace(CLOSE, period=12), now=at)
    assert {at} == {event.ends_at for event in closing.events}


def test_between_two_runs_of_months_there_is_none():
    at = utc(2028, 5, 20)
    state = state_after(*OVER, *subscription(*OVER).when(FRESH, now=at, account=LIVE).events)
    assert None is month_at(state, utc(2028, 4, 20))
    assert (13, at) == (month_at(state, at).number, month_at(state, at).starts_at)


def test_what_comes_back_without_a_gap_goes_on_counting():
    contiguous = ReinstateSubscription(id=SUBSCRIPTION, mode="contiguous")
    state = state_after(*OVER, *subscription(*OVER).when(contiguous, now=APRIL_10, account=LIVE).events)
    assert 13 == month_at(state, APRIL_10).number
    assert 1 == len(state.quota_runs)
    assert None is state.access_ended_at


# late reports


def test_what_was_reported_late_is_put_on_record_when_no_more_can_come():
    subscription(*IN_FORCE, *CLOSED).when(ADJUST, now=STANDS_AT).then(ADJUSTED)
    subscription(*IN_FORCE, *CLOSED).when(ADJUST, now=STANDS_AT - MICROSECOND).then_refused("period-not-over", "late reports")
    subscription(*IN_FORCE, *CLOSED, ADJUSTED).when(ADJUST, now=STANDS_AT).then_nothing()
    unchanged = AdjustUsagePeriod(id=SUBSCRIPTION, period=0, totals=(USED,))
    subscription(*IN_FORCE, *CLOSED).when(unchanged, now=STANDS_AT).then_nothing()
    subscription(*IN_FORCE).when(ADJUST, now=STANDS_AT).then_nothing()


def test_the_totals_that_stand_are_the_adjusted_ones():
    months = state_after(*IN_FORCE, *CLOSED, ADJUSTED).closed_months
    assert [(13, 340), (0, 0), (0, 0), (0, 0)] == [(month.requests, month.records) for month in months]


# little left

NOTE = NoteQuota(id=SUBSCRIPTION, product=Product.SCHOLARLY, counted="requests", used=40_000, starts_at=MARCH_1)
NEARLY = QuotaReached(
    at=utc(2027, 3, 9),
    product=Product.SCHOLARLY,
    counted="requests",
    percent=80,
    limit=50_000,
    used=40_000,
    starts_at=MARCH_1,
    resets_at=FIRST_RESET,
)
ALL = replace(NEARLY, percent=100, used=50_000)


def test_each_share_is_told_of_once_a_month():
    month = subscription(*IN_FORCE)
    month.when(replace(NOTE, used=39_999), now=NEARLY.at).then_nothing()
    month.when(NOTE, now=NEARLY.at).then(NEARLY)
    told = subscription(*IN_FORCE, NEARLY)
    told.when(replace(NOTE, used=49_999), now=NEARLY.at).then_nothing()
    told.when(replace(NOTE, used=50_000), now=NEARLY.at).then(ALL)
    subscription(*IN_FORCE, NEARLY, ALL).when(replace(NOTE, used=70_000), now=NEARLY.at).then_nothing()
    next_month = replace(NOTE, starts_at=FIRST_RESET)
    assert 80 == subscription(*IN_FORCE, NEARLY, ALL).when(next_month, now=FIRST_RESET).events[0].percent


def test_who_uses_up_everything_at_once_is_told_of_that_alone():
    subscription(*IN_FORCE).when(replace(NOTE, used=50_001), now=NEARLY.at).then(replace(ALL, used=50_001))
    subscription(*IN_FORCE, ALL).when(NOTE, now=NEARLY.at).then_nothing()


def test_nobody_is_told_of_a_month_that_is_over():
    subscription(*IN_FORCE).when(NOTE, now=FIRST_RESET).then_nothing()
    assert subscription(*IN_FORCE).when(NOTE, now=FIRST_RESET - MICROSECOND).events


def test_records_are_told_of_where_they_are_limited():
    records = replace(NOTE, counted="records", used=1_000_000)
    subscription(*IN_FORCE).when(records, now=NEARLY.at).then_nothing()
    capped = PlansChanged(at=MARCH_1, plans=(replace(SCHOLARLY, records_per_month=1_000_000), *OTHERS))
    both = subscription(*IN_FORCE, capped, NEARLY)
    both.when(records, now=NEARLY.at).then(replace(ALL, counted="records", used=1_000_000, limit=1_000_000))


@pytest.mark.parametrize(("events", "now"), [(PENDING, JUNE), (OVER, FOR_GOOD_AT)])
def test_nobody_is_told_without_a_subscription_in_force(events, now):
    subscription(*events).when(NOTE, now=now).then_nothing()
