"""The quota months of a subscription: which they are, what was used in each, and who is told that little is left."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta

from domain.aggregates.itk_subscription_parts import QuotaMonth
from domain.aggregates.itk_subscription_state import SubscriptionState
from domain.calendar import months_after, quota_month
from domain.catalogue import ApiPlan, Product
from domain.commands.itk_subscription import AdjustUsagePeriod, CloseUsagePeriod, NoteQuota, UsageTotal
from domain.context import Context
from domain.errors import Refused
from domain.events.base import Event
from domain.events.itk_subscription import QuotaReached, UsagePeriodAdjusted, UsagePeriodClosed
from domain.quotas import newly_reached


def month_at(state: SubscriptionState, instant: datetime) -> QuotaMonth | None:
    """The quota month in which an instant lies; None before the first, and between two runs of them."""
    for run in reversed(state.quota_runs):
        if instant >= run.anchor:
            month = numbered(state, run.first + quota_month(run.anchor, instant)[0])
            return month if month.starts_at <= instant < month.ends_at else None
    return None


def numbered(state: SubscriptionState, number: int) -> QuotaMonth:
    """Quota month `number`, which is not before the first."""
    place = max(place for place, run in enumerate(state.quota_runs) if run.first <= number)
    run = state.quota_runs[place]
    starts_at, ends_at = months_after(run.anchor, number - run.first), months_after(run.anchor, number - run.first + 1)
    if place + 1 < len(state.quota_runs):
        ends_at = min(ends_at, state.quota_runs[place + 1].anchor)
    return QuotaMonth(number=number, starts_at=starts_at, ends_at=ends_at)


def next_to_close(state: SubscriptionState) -> QuotaMonth | None:
    """The first quota month that is not closed, over or not; None where access had ended before it began."""
    if not state.quota_runs:
        return None
    month = numbered(state, max((closed.number for closed in state.closed_months), default=-1) + 1)
    return month if state.access_ended_at is None or month.starts_at < state.access_ended_at else None


def close_usage_period(state: SubscriptionState, command: CloseUsagePeriod, context: Context) -> tuple[Event, ...]:
    """What was used of each product in a month that is over; also when the subscription is over too."""
    month = _over(state, command, context.now)
    closed = {each.product for each in state.closed_months if each.number == month.number}
    totals = _totals(state, command.totals)
    return tuple(
        UsagePeriodClosed(
            at=context.now,
            product=plan.product,
            period=month.number,
            starts_at=month.starts_at,
            ends_at=month.ends_at,
            requests=totals[plan.product].requests,
            records=totals[plan.product].records,
            limit=plan.requests_per_month,
        )
        for plan in _plans_until(state, month.ends_at)
        if plan.product not in closed
    )


def adjust_usage_period(state: SubscriptionState, command: AdjustUsagePeriod, context: Context) -> tuple[Event, ...]:
    """Late reports count for some hours after a month; then its totals stand."""
    month = _over(state, command, context.now)
    stands_at = month.ends_at + timedelta(hours=context.rules.late_usage_hours)
    if context.now < stands_at:
        raise Refused("period-not-over", f"until {stands_at.isoformat()} late reports still count in period {month.number}", field="period")
    totals = _totals(state, command.totals)
    return tuple(
        UsagePeriodAdjusted(
            at=context.now,
            product=closed.product,
            period=closed.number,
            starts_at=closed.starts_at,
            ends_at=closed.ends_at,
            requests=total.requests,
            records=total.records,
        )
        for closed in state.closed_months
        if closed.number == month.number
        for total in (totals[closed.product],)
        if (total.requests, total.records) != (closed.requests, closed.records)
    )


def note_quota(state: SubscriptionState, command: NoteQuota, context: Context) -> tuple[Event, ...]:
    reached = newly_reached(
        state.plans,
        state.quota_anchor,
        state.quota_told,
        product=command.product,
        counted=command.counted,
        used=command.used,
        starts_at=command.starts_at,
        now=context.now,
        percents=context.rules.quota_percents,
    )
    return (QuotaReached(at=context.now, **asdict(reached)),) if reached else ()


def _over(state: SubscriptionState, command: CloseUsagePeriod | AdjustUsagePeriod, now: datetime) -> QuotaMonth:
    present = month_at(state, now)
    if present is None:
        raise Refused("not-now", f"cannot {command.verb}: the subscription is {state.status}")
    if not 0 <= command.period < present.number:
        sentence = f"period {command.period} is not over; the current one is {present.number}"
        raise Refused("period-not-over", sentence if command.period >= 0 else "periods count from 0", field="period")
    return numbered(state, command.period)


def _totals(state: SubscriptionState, given: Iterable[UsageTotal]) -> dict[Product, UsageTotal]:
    nothing = {plan.product: UsageTotal(product=plan.product, requests=0) for plan in state.plans}
    return {**nothing, **{total.product: total for total in given}}


def _plans_until(state: SubscriptionState, instant: datetime) -> tuple[ApiPlan, ...]:
    """The plans as they were right before `instant`, at which a change of them may have taken effect."""
    return next((plans for changed_at, plans in state.former_plans if changed_at >= instant), state.plans)
