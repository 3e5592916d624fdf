"""Until when a plan lasts: its term as the subscription has it, the reminders before its end, and going on into the next."""

from dataclasses import asdict
from uuid import UUID

from domain.admission import no_subscription, until_of
from domain.aggregates.base import next_rung_due
from domain.aggregates.institutional_user_plan_state import Renewal, Status, UserPlanState
from domain.calendar import days_before
from domain.commands.institutional_user_plan import NoteUserQuota
from domain.context import Context, SubscriptionFacts, TermFacts
from domain.errors import Refused
from domain.events.base import Event
from domain.events.institutional_user_plan import (
    RenewalRefused,
    RenewalRequested,
    UserPlanExpired,
    UserPlanExpiring,
    UserPlanQuotaReached,
    UserPlanReminderSkipped,
    UserPlanRenewed,
    UserPlanTermMoved,
)
from domain.matching import domain_of
from domain.quotas import newly_reached


def follow(state: UserPlanState, context: Context) -> tuple[Event, ...]:
    if context.subscription is None or (term := state.own_term(context.subscription)) is None:
        return ()
    return moved_to(state, term, context.subscription, context)


def moved_to(state: UserPlanState, term: TermFacts, subscription: SubscriptionFacts, context: Context) -> tuple[Event, ...]:
    until = until_of(term, subscription, state.override)
    if (term.number, until) == (state.term, state.until):
        return ()
    return (UserPlanTermMoved(at=context.now, term=term.number, until=until),)


def expire(state: UserPlanState, context: Context) -> tuple[Event, ...]:
    if context.now < state.until:
        return ()
    match follow(state, context):
        case (UserPlanTermMoved(until=until), *_) as moved if until > context.now:
            return tuple(moved)
    match go_on(state, context):
        case (UserPlanRenewed(), *_) as goes_on:
            return tuple(goes_on)
        case refused:
            return (*refused, UserPlanExpired(at=context.now))


def remind(state: UserPlanState, days: int, context: Context) -> tuple[Event, ...]:
    if days in state.reminded or days not in state.reminders:
        return ()
    if moved := follow(state, context):
        return moved
    later = next_rung_due(state.reminders, days, state.until, context.observed_at)
    why = ""
    if context.observed_at >= state.until:
        why = "it had ended by then"
    elif later:
        why = f"the reminder {later} days before was due too"
    elif state.renewal is Renewal.WAITING:
        why = "the renewal has been asked for"
    elif state.status is not Status.ACTIVE:
        why = f"the user plan is {state.status.replace('_', ' ')}"
    if why:
        return (UserPlanReminderSkipped(at=context.now, days_left=days, until=state.until, why=why),)
    return (UserPlanExpiring(at=context.now, days_left=days, until=state.until),)


def request_renewal(state: UserPlanState, context: Context) -> tuple[Event, ...]:
    """It opens some days before the term itself ends: the days of grace after it do not count."""
    subscription = context.subscription
    if state.renewal is Renewal.WAITING:
        return ()
    if subscription is None or (term := state.own_term(subscription)) is None or subscription.status in {"ended", "lapsed"}:
        raise no_subscription(subscription)
    if state.renewed and context.now < term.starts_at:
        return ()
    opens_at = days_before(term.ends_at, context.rules.user_renewal_opens_days)
    if context.now < opens_at:
        raise Refused("too-early", f"a renewal can be asked for from {opens_at:%Y-%m-%d %H:%M} UTC")
    if not state.still_fits(context):
        raise Refused("wrong-domain", f"{domain_of(state.email)} is not an email domain of the institution any more")
    if later := state.later_term(context):
        return (renewed(state, later, subscription, context),)
    return (RenewalRequested(at=context.now, term=state.term, opened_at=opens_at),)


def go_on(state: UserPlanState, context: Context) -> tuple[Event, ...]:
    """Into the next term, if the institution has one, and the person asked or the rules ask for everyone."""
    later = state.later_term(context)
    if context.subscription is None or later is None:
        return ()
    if state.renewal is not Renewal.WAITING and not context.rules.user_plans_follow_renewal:
        return ()
    if state.still_fits(context):
        return (renewed(state, later, context.subscription, context),)
    if state.renewal_refused_for == later.number:
        return ()
    return (RenewalRefused(at=context.now, term=later.number, why="wrong-domain"),)


def renewed(
    state: UserPlanState, term: TermFacts, subscription: SubscriptionFacts, context: Context, import_id: UUID | None = None
) -> UserPlanRenewed:
    override = state.override_at(context.now)
    return UserPlanRenewed(
        at=context.now,
        term=term.number,
        until=until_of(term, subscription, override),
        plans=context.catalogue.user,
        catalogue=context.catalogue.version,
        reminders=context.rules.user_plan_reminders,
        override=override,
        import_id=import_id,
    )


def note_quota(state: UserPlanState, command: NoteUserQuota, context: Context) -> tuple[Event, ...]:
    """Quota months count from the grant."""
    reached = newly_reached(
        state.plans,
        state.granted_at,
        state.quota_told,
        product=command.product,
        counted=command.counted,
        used=command.used,
        starts_at=command.starts_at,
        now=context.now,
        percents=context.rules.quota_percents,
    )
    return (UserPlanQuotaReached(at=context.now, **asdict(reached)),) if reached else ()
