"""Belonging no more: at risk where nothing shows it any longer, ended where it is said, and taken back where a list was wrong."""

from uuid import UUID

from domain.admission import last_term
from domain.aggregates.institutional_user_plan_state import GRANTED, Status, UserPlanState
from domain.aggregates.institutional_user_plan_terms import moved_to
from domain.calendar import later_by_days
from domain.commands.institutional_user_plan import ChangeAddress, EndUserPlan, UndoListing
from domain.context import Context
from domain.errors import Refused
from domain.events.base import Event
from domain.events.institutional_user_plan import (
    UserPlanAddressChanged,
    UserPlanAtRisk,
    UserPlanEnded,
    UserPlanEndScheduled,
    UserPlanReconfirmed,
    UserPlanResumed,
)
from domain.matching import domain_of


def at_risk(why: str, context: Context, import_id: UUID | None = None) -> UserPlanAtRisk:
    zone = (context.account.time_zone if context.account else None) or "UTC"
    until = later_by_days(context.now, context.rules.at_risk_days, zone)
    return UserPlanAtRisk(at=context.now, why=why, until=until, import_id=import_id)


def check_domain(state: UserPlanState, context: Context) -> tuple[Event, ...]:
    if state.status is Status.ACTIVE and not state.still_fits(context):
        return (at_risk("domain-retired", context),)
    if state.risk and state.risk.why == "domain-retired" and state.still_fits(context):
        return (UserPlanReconfirmed(at=context.now),)
    return ()


def mark_absent(state: UserPlanState, import_id: UUID, context: Context) -> tuple[Event, ...]:
    """Whoever was let in by an override was never to be on the list."""
    if state.status is not Status.ACTIVE or state.override_at(context.now):
        return ()
    return (at_risk("absent-from-list", context, import_id),)


def lose_address(state: UserPlanState, context: Context) -> tuple[Event, ...]:
    if state.status is not Status.ACTIVE or state.vouched or state.override_at(context.now):
        return ()
    return (at_risk("address-changed", context),)


def change_address(state: UserPlanState, command: ChangeAddress, context: Context) -> tuple[Event, ...]:
    if command.email == state.email:
        return ()
    changed = UserPlanAddressChanged(at=context.now, email=command.email, person_key=command.person_key)
    fits = state.still_fits(context, command.email)
    if fits and state.risk and state.risk.why != "absent-from-list":
        return (changed, UserPlanReconfirmed(at=context.now))
    if not fits and state.status is Status.ACTIVE:
        return (changed, at_risk("address-changed", context))
    return (changed,)


def reconfirm(state: UserPlanState, context: Context) -> tuple[Event, ...]:
    """Somebody who knows says that the person belongs to the institution; the address must fit none the less."""
    if state.risk is None:
        return ()
    if not state.still_fits(context):
        domain = domain_of(state.email)
        raise Refused("wrong-domain", f"{domain} is not an email domain of the institution; change the address, or approve by an override")
    return (UserPlanReconfirmed(at=context.now),)


def resume(state: UserPlanState, context: Context) -> tuple[Event, ...]:
    """What was not looked at during the suspension is looked at now."""
    resumed = UserPlanResumed(at=context.now)
    if state.risk is None and not state.still_fits(context):
        return (resumed, at_risk("domain-retired", context))
    return (resumed,)


def end_at_risk(state: UserPlanState, context: Context) -> tuple[Event, ...]:
    if state.risk is None or context.now < state.risk.until:
        return ()
    return (UserPlanEnded(at=context.now, cause="at-risk"),)


def end(state: UserPlanState, command: EndUserPlan, context: Context) -> tuple[Event, ...]:
    now = context.now
    if command.at is None or command.at <= now:
        return (UserPlanEnded(at=now, cause=command.cause, said_at=command.at),)
    if (command.at, command.cause) == (state.ends_at, state.end_cause):
        return ()
    return (UserPlanEndScheduled(at=now, ends_at=command.at, cause=command.cause),)


def undo_listing(state: UserPlanState, command: UndoListing, context: Context) -> tuple[Event, ...]:
    """A plan that the list granted ends; one that it renewed goes back to its term; one that it put at risk is not at risk any more."""
    if state.risk and state.risk.import_id == command.import_id:
        return (UserPlanReconfirmed(at=context.now),)
    if state.import_id != command.import_id:
        return ()
    if state.status in GRANTED and state.renewed:
        subscription = context.subscription
        term = last_term(each for each in subscription.terms if each.number <= state.term_before) if subscription else None
        return moved_to(state, term, subscription, context) if subscription and term else ()
    if state.status in GRANTED or state.status is Status.REQUESTED:
        return (UserPlanEnded(at=context.now, cause="undone"),)
    return ()
