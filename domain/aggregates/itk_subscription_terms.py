"""From the first term to the end: opening, activating, renewing, running out, coming back, extending."""

from dataclasses import replace
from datetime import date, datetime
from typing import assert_never

from domain.aggregates.itk_subscription_parts import Intent, TermState
from domain.aggregates.itk_subscription_state import SubscriptionState
from domain.calendar import end_of_day_before, later_by_days, local_date, months_after, start_of_day
from domain.catalogue import BulkData, Entitlement
from domain.commands.itk_subscription import (
    ActivateSubscription,
    AnnounceRenewal,
    EndGrace,
    EndLapse,
    EndTerm,
    ExtendSubscription,
    OpenSubscription,
    ReinstateSubscription,
    RenewSubscription,
)
from domain.context import Context
from domain.errors import Forbidden, Invalid, Refused
from domain.events.base import Event
from domain.events.itk_subscription import (
    GraceStarted,
    RenewalAnnounced,
    RenewalWithdrawn,
    SubscriptionActivated,
    SubscriptionEnded,
    SubscriptionExtended,
    SubscriptionLapsed,
    SubscriptionOpened,
    SubscriptionReinstated,
    SubscriptionRenewed,
    Term,
    TermRolledOver,
)

MAX_MONTHS = 120
MAX_DAYS = 3_660
FIRST_YEAR, LAST_YEAR = 1970, 2999


def bulk_data_entitlement(product: BulkData) -> Entitlement:
    return Entitlement(name=f"bulk_data:{product}")


def checked_months(months: int) -> int:
    if not 1 <= months <= MAX_MONTHS:
        raise Invalid("months-out-of-range", f"a term has 1 to {MAX_MONTHS} months, not {months}", field="months")
    return months


def checked_date(day: date, field: str) -> date:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise Invalid("date-out-of-range", f"the year lies between {FIRST_YEAR} and {LAST_YEAR}, not in {day.year}", field=field)
    return day


def end_after(anchor_on: date, months: int, zone: str) -> datetime:
    return end_of_day_before(months_after(anchor_on, months), zone)


def following(term: Term, months: int, zone: str) -> Term:
    """The term that starts where `term` ends, and counts on from the same anchor."""
    counted = term.anchor_months + months
    return replace(
        term,
        number=term.number + 1,
        starts_at=term.ends_at,
        ends_at=end_after(term.anchor_on, counted, zone),
        months=months,
        anchor_months=counted,
    )


def moved(terms: tuple[Term, ...], number: int, starts_at: datetime, ends_at: datetime, zone: str) -> tuple[Term, ...]:
    """Term `number` with new bounds, and the terms that follow it without a gap: they count from its new end, if that moved."""
    old = next(term for term in terms if term.number == number)
    if ends_at == old.ends_at:
        return (replace(old, starts_at=starts_at),)
    changed = [replace(old, starts_at=starts_at, ends_at=ends_at, anchor_on=local_date(ends_at, zone), anchor_months=0)]
    for term in (term for term in terms if term.number > number):
        if term.starts_at != old.ends_at:
            break
        old = term
        changed.append(following(changed[-1], term.months, zone))
    return tuple(changed)


def grace_end(state: SubscriptionState, ends_at: datetime) -> datetime:
    return later_by_days(ends_at, state.grace_days, state.zone)


def open_subscription(command: OpenSubscription, context: Context) -> tuple[Event, ...]:
    account, existing, rules = context.account, context.subscription, context.rules
    if account is None or account.status not in {"nominated", "active"}:
        standing = account.status if account else "unknown"
        raise Refused("account-not-live", f"the account is {standing}; it must be nominated or active", field="account_id")
    if existing is not None and existing.status != "ended":
        sentence = f"the account has subscription {existing.id}, which is {existing.status} and has not ended"
        raise Refused("subscription-overlaps", sentence, field="account_id")
    months, starts_on = checked_months(command.months), checked_date(command.starts_on, "starts_on")
    zone = account.time_zone or "UTC"
    opened = SubscriptionOpened(
        at=context.now,
        account_id=command.account_id,
        starts_on=starts_on,
        months=months,
        time_zone=account.time_zone,
        starts_at=start_of_day(starts_on, zone),
        ends_at=end_after(starts_on, months, zone),
        grace_days=rules.grace_days,
        reinstatement_days=rules.reinstatement_days,
        reminders=rules.subscription_reminders,
        bulk_data=tuple(dict.fromkeys(command.bulk_data)),
        catalogue=context.catalogue.version,
        follows=command.follows,
    )
    return (opened,)


def activate(state: SubscriptionState, command: ActivateSubscription, context: Context) -> tuple[Event, ...]:
    account, agreed = context.account, state.terms[0]
    if account is None or account.status != "active":
        standing = account.status if account else "unknown"
        raise Refused("account-not-active", f"the account is {standing}; convert it first")
    zone = state.time_zone or account.time_zone or "UTC"
    starts_on = checked_date(command.starts_on or state.starts_on, "starts_on")
    starts_at, ends_at = agreed.starts_at, agreed.ends_at
    if starts_on != state.starts_on or state.time_zone is None:
        starts_at, ends_at = start_of_day(starts_on, zone), end_after(starts_on, agreed.months, zone)
    if context.now < starts_at:
        raise Refused("too-early", f"the subscription starts at {starts_at.isoformat()}; it cannot be activated before", field="starts_on")
    activated = SubscriptionActivated(
        at=context.now,
        number=agreed.number,
        starts_on=starts_on,
        time_zone=zone,
        starts_at=starts_at,
        ends_at=ends_at,
        quota_anchor=context.now,
        plans=context.catalogue.institution,
        catalogue=context.catalogue.version,
        entitlements=(*context.catalogue.entitlements, *map(bulk_data_entitlement, state.bulk_data)),
        bulk_data=state.bulk_data,
    )
    return (activated,)


def renew(state: SubscriptionState, command: RenewSubscription, context: Context) -> tuple[Event, ...]:
    """Refused once enough terms wait; in grace also if the new term would be over by now."""
    if state.intent is Intent.CANCEL_AT_END:
        raise Refused("cancelled", "the subscription is cancelled at the end of its term; undo the cancellation first")
    most = context.rules.max_queued_terms
    if len(state.queued_terms) >= most:
        raise Refused("too-many-renewals", f"{most} terms are paid for ahead already, and more cannot be")
    term = following(state.terms[-1], checked_months(command.months), state.zone)
    _refuse_a_past_end(term, context.now)
    renewed = SubscriptionRenewed(
        at=context.now,
        number=term.number,
        starts_at=term.starts_at,
        ends_at=term.ends_at,
        months=term.months,
        reference=command.reference,
    )
    return (renewed,)


def _refuse_a_past_end(term: Term, now: datetime) -> None:
    if term.ends_at <= now:
        sentence = f"{term.months} months from {term.starts_at.isoformat()} are over by now; take a longer term"
        raise Refused("ends-in-the-past", sentence, field="months")


def withdraw_renewal(state: SubscriptionState, context: Context) -> tuple[Event, ...]:
    if not state.queued_terms:
        raise Refused("no-renewal", "no renewal waits; the term in force cannot be withdrawn")
    return (RenewalWithdrawn(at=context.now, number=state.queued_terms[-1].number),)


def announce_renewal(state: SubscriptionState, command: AnnounceRenewal, context: Context) -> tuple[Event, ...]:
    known = state.announced
    if known and (known.reference, known.expected_by) == (command.reference, command.expected_by):
        return ()
    return (RenewalAnnounced(at=context.now, reference=command.reference, expected_by=command.expected_by),)


def run_out(state: SubscriptionState, command: EndTerm | EndGrace | EndLapse, context: Context) -> tuple[Event, ...]:
    """What a term, its grace and its lapse come to, each at its own end and never before."""
    match command:
        case EndTerm():
            return _end_term(state, context.now)
        case EndGrace():
            due = state.term is TermState.GRACE and state.grace_ends_at is not None and context.now >= state.grace_ends_at
            return (_lapsed(state, context.now),) if due else ()
        case EndLapse():
            due = state.term is TermState.LAPSED and state.ends_for_good_at is not None and context.now >= state.ends_for_good_at
            return (SubscriptionEnded(at=context.now, cause="lapsed"),) if due else ()
        case _:
            assert_never(command)


def _end_term(state: SubscriptionState, now: datetime) -> tuple[Event, ...]:
    if state.term is not TermState.IN_FORCE or state.clock_stopped or now < state.ends_at:
        return ()
    if state.queued_terms:
        term = state.queued_terms[0]
        return (TermRolledOver(at=now, number=term.number, starts_at=term.starts_at, ends_at=term.ends_at),)
    if state.intent is Intent.CANCEL_AT_END:
        return (SubscriptionEnded(at=now, cause="cancelled"),)
    if state.grace_days > 0:
        return (GraceStarted(at=now, grace_ends_at=grace_end(state, state.ends_at)),)
    return (_lapsed(state, now),)


def _lapsed(state: SubscriptionState, now: datetime) -> SubscriptionLapsed:
    return SubscriptionLapsed(at=now, ends_for_good_at=later_by_days(now, state.reinstatement_days, state.zone))


def reinstate(state: SubscriptionState, command: ReinstateSubscription, context: Context) -> tuple[Event, ...]:
    account, now, last = context.account, context.now, state.terms[-1]
    if account is None or account.status not in {"active", "suspended"}:
        raise Refused("account-not-live", f"the account is {account.status if account else 'unknown'}; a closed one has no subscription")
    if state.ends_for_good_at is not None and now >= state.ends_for_good_at:
        raise Refused("too-late", f"it could be reinstated until {state.ends_for_good_at.isoformat()}; open a new subscription")
    term = following(last, checked_months(command.months), state.zone)
    quota_anchor = state.quota_anchor or now
    if command.mode == "fresh":
        today = local_date(now, state.zone)
        ends_at = end_after(today, command.months, state.zone)
        term = replace(term, starts_at=now, ends_at=ends_at, anchor_on=today, anchor_months=command.months)
        quota_anchor = now
    _refuse_a_past_end(term, now)
    reinstated = SubscriptionReinstated(
        at=now,
        mode=command.mode,
        number=term.number,
        starts_at=term.starts_at,
        ends_at=term.ends_at,
        months=term.months,
        anchor_on=term.anchor_on,
        anchor_months=term.anchor_months,
        quota_anchor=quota_anchor,
    )
    return (reinstated,)


def extend(state: SubscriptionState, command: ExtendSubscription, context: Context) -> tuple[Event, ...]:
    """Counted from the term's end, in grace too: access goes on at once if the new end lies ahead, else the grace moves with it."""
    if not 1 <= command.days <= MAX_DAYS:
        raise Invalid("days-out-of-range", f"an extension has 1 to {MAX_DAYS} days, not {command.days}", field="days")
    most = context.rules.max_extension_days
    if state.extended_days + command.days > most and context.role != "admin":
        sentence = f"only an admin extends a term by more than {most} days; this one was extended by {state.extended_days} already"
        raise Forbidden("extension-too-long", sentence, field="days")
    return (extended(state, command.days, context.now),)


def extended(state: SubscriptionState, days: int, now: datetime, *, compensates: bool = False) -> SubscriptionExtended:
    current = state.terms[state.number - 1]
    ends_at = later_by_days(current.ends_at, days, state.zone)
    return SubscriptionExtended(
        at=now,
        number=current.number,
        days=days,
        terms=moved(state.terms, current.number, current.starts_at, ends_at, state.zone),
        grace_ends_at=grace_end(state, ends_at),
        compensates=compensates,
    )
