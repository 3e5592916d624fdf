"""What a subscription waits for, and whom it reminds of its end."""

from collections.abc import Iterator
from uuid import UUID

from domain.aggregates.base import next_rung_due, rungs
from domain.aggregates.itk_subscription_parts import Intent, TermState
from domain.aggregates.itk_subscription_state import SubscriptionState
from domain.commands.base import Deadline
from domain.commands.itk_subscription import (
    ApplyPlanChange,
    EndGrace,
    EndLapse,
    EndTerm,
    RemindOfBulkDataLink,
    RemindOfEnd,
    ResumeSubscription,
)
from domain.context import Context
from domain.events.base import Event
from domain.events.itk_subscription import (
    BulkDataLinkExpiring,
    BulkDataLinkReminderSkipped,
    SubscriptionExpiring,
    SubscriptionReminderSkipped,
)

LIVE = {TermState.IN_FORCE, TermState.GRACE}
HAD_ENDED = "it had ended by then"


def reminds(state: SubscriptionState) -> bool:
    """Nobody is reminded of an end that they asked for, nor of one that a hold will move."""
    return state.term is TermState.IN_FORCE and state.intent is Intent.NONE and not state.clock_stopped


def deadlines(state: SubscriptionState, stream: UUID) -> Iterator[Deadline]:
    """Of those due at one instant the first takes effect first."""
    if reminds(state):
        for days, due in rungs(state.reminders, state.paid_until, state.end_set_at):
            if (state.paid_until, days) not in state.reminded:
                yield Deadline(f"remind-{days}", due, RemindOfEnd(id=stream, days_left=days))
    if state.suspension is not None and state.suspension.until is not None:
        yield Deadline("hold-until", state.suspension.until, ResumeSubscription(id=stream))
    if state.term is TermState.IN_FORCE and not state.clock_stopped:
        yield Deadline("term-end", state.ends_at, EndTerm(id=stream))
    if state.term is TermState.GRACE and state.grace_ends_at is not None:
        yield Deadline("grace-end", state.grace_ends_at, EndGrace(id=stream))
    if state.term is TermState.LAPSED and state.ends_for_good_at is not None:
        yield Deadline("lapse-end", state.ends_for_good_at, EndLapse(id=stream))
    if (change := state.scheduled_plan_change) and plans_may_change(state):
        yield Deadline("plan-change", change.takes_effect_at, ApplyPlanChange(id=stream))
    if state.term in LIVE:
        yield from _link_deadlines(state, stream)


def plans_may_change(state: SubscriptionState) -> bool:
    """While a hold stops the clock, the end of the term has not come, whatever its date."""
    change = state.scheduled_plan_change
    return change is not None and state.term in LIVE and not (state.clock_stopped and change.when == "term_end")


def _link_deadlines(state: SubscriptionState, stream: UUID) -> Iterator[Deadline]:
    for link in state.links:
        for days, due in rungs(link.reminders, link.expires_at, link.issued_at):
            if days not in link.reminded:
                yield Deadline(f"link-{link.id}-remind-{days}", due, RemindOfBulkDataLink(id=stream, link_id=link.id, days_left=days))


def remind_of_end(state: SubscriptionState, days: int, context: Context) -> tuple[Event, ...]:
    now, end = context.now, state.paid_until
    ladder = dict(rungs(state.reminders, end, state.end_set_at))
    if not reminds(state) or (end, days) in state.reminded or days not in ladder or now < ladder[days]:
        return ()
    if context.observed_at >= end:
        return (SubscriptionReminderSkipped(at=now, days_left=days, ends_at=end, why=HAD_ENDED),)
    if later := next_rung_due(state.reminders, days, end, context.observed_at):
        return (SubscriptionReminderSkipped(at=now, days_left=days, ends_at=end, why=_superseded(later)),)
    return (SubscriptionExpiring(at=now, days_left=days, ends_at=end, announced=state.announced is not None),)


def remind_of_link(state: SubscriptionState, command: RemindOfBulkDataLink, context: Context) -> tuple[Event, ...]:
    now, days = context.now, command.days_left
    link = next((link for link in state.links if link.id == command.link_id), None)
    if state.term not in LIVE or link is None or days in link.reminded:
        return ()
    due = dict(rungs(link.reminders, link.expires_at, link.issued_at)).get(days)
    if due is None or now < due:
        return ()
    why = None
    if context.observed_at >= link.expires_at:
        why = HAD_ENDED
    elif later := next_rung_due(link.reminders, days, link.expires_at, context.observed_at):
        why = _superseded(later)
    if why:
        return (BulkDataLinkReminderSkipped(at=now, link_id=link.id, days_left=days, expires_at=link.expires_at, why=why),)
    expiring = BulkDataLinkExpiring(
        at=now, link_id=link.id, product=link.product, release=link.release, days_left=days, expires_at=link.expires_at
    )
    return (expiring,)


def _superseded(later: int) -> str:
    return f"the reminder {later} days before was due too"
