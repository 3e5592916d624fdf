"""Stopping and going on: suspension, with or without the lost time given back, and cancellation."""

from datetime import datetime

from domain.aggregates.itk_subscription_parts import Intent, TermState
from domain.aggregates.itk_subscription_state import SubscriptionState
from domain.aggregates.itk_subscription_terms import extended
from domain.calendar import whole_local_days
from domain.commands.itk_subscription import CancelSubscription, SuspendSubscription
from domain.context import Context
from domain.errors import Refused
from domain.events.base import Event
from domain.events.itk_subscription import (
    CancellationScheduled,
    CancellationUndone,
    SubscriptionEnded,
    SubscriptionResumed,
    SubscriptionSuspended,
)


def suspend(state: SubscriptionState, command: SuspendSubscription, context: Context) -> tuple[Event, ...]:
    held = state.suspension
    if held is not None:
        if (held.until, held.compensate, held.cause) == (command.until, command.compensate, command.cause):
            return ()
        raise Refused("suspended-otherwise", f"the subscription is suspended since {held.since.isoformat()}; resume it first")
    if command.until is not None and command.until <= context.now:
        raise Refused("until-not-ahead", f"{command.until.isoformat()} is not in the future", field="until")
    return (SubscriptionSuspended(at=context.now, until=command.until, compensate=command.compensate, cause=command.cause),)


def resume(state: SubscriptionState, now: datetime) -> tuple[Event, ...]:
    """A compensated hold adds what it cost, in whole local days rounded up."""
    held = state.suspension
    if held is None:
        return ()
    resumed = SubscriptionResumed(at=now, suspended_at=held.since)
    days = whole_local_days(held.since, now, state.zone) if held.compensate else 0
    return (resumed, extended(state, days, now, compensates=True)) if days else (resumed,)


def cancel(state: SubscriptionState, command: CancelSubscription, context: Context) -> tuple[Event, ...]:
    """Now ends the queued terms too; at the end of the term there must be none."""
    if command.when == "now":
        return (SubscriptionEnded(at=context.now, cause="cancelled"),)
    if state.term is not TermState.IN_FORCE:
        raise Refused("only-now", f"a subscription that is {state.status} has no term to end with; cancel it now", field="when")
    if state.intent is Intent.CANCEL_AT_END:
        return ()
    if state.queued_terms:
        raise Refused("renewal-waits", "a renewal waits; withdraw it first, or cancel now, which ends it too", field="when")
    return (CancellationScheduled(at=context.now, takes_effect_at=state.ends_at),)


def undo_cancellation(state: SubscriptionState, context: Context) -> tuple[Event, ...]:
    return (CancellationUndone(at=context.now),) if state.intent is Intent.CANCEL_AT_END else ()
