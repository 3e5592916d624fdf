"""Putting a term's dates right: proposed by one admin, approved by another, and never shorter without saying so."""

from datetime import date, datetime

from domain.aggregates.itk_subscription_parts import TermState
from domain.aggregates.itk_subscription_state import SubscriptionState
from domain.aggregates.itk_subscription_terms import checked_date, grace_end, moved
from domain.calendar import end_of_day_before, local_date, start_of_day
from domain.commands.itk_subscription import ProposeTermCorrection
from domain.context import Context
from domain.errors import Forbidden, Invalid, Refused
from domain.events.base import Event
from domain.events.itk_subscription import Term, TermCorrected, TermCorrectionDeclined, TermCorrectionProposed


def propose(state: SubscriptionState, command: ProposeTermCorrection, context: Context) -> tuple[Event, ...]:
    _admin_only(context)
    term = _term(state, command.number)
    if state.time_zone is None:
        raise Refused("time-zone-unknown", "the institution's time zone is not known yet; without it a date is no instant")
    waiting = state.correction
    if waiting is not None:
        asked = (command.number, command.starts_on, command.ends_on, command.accept_shortening)
        if (waiting.number, waiting.starts_on, waiting.ends_on, waiting.accept_shortening) == asked:
            return ()
        raise Refused("correction-waits", f"a correction of term {waiting.number} waits for approval; approve or decline it first")
    starts_at, ends_at = _resolved(state, term, command.starts_on, command.ends_on)
    if (starts_at, ends_at) == (term.starts_at, term.ends_at):
        return ()
    _check(state, term, starts_at, ends_at, context.now, accept_shortening=command.accept_shortening)
    proposed = TermCorrectionProposed(
        at=context.now,
        number=term.number,
        starts_on=command.starts_on,
        ends_on=command.ends_on,
        starts_at=starts_at,
        ends_at=ends_at,
        accept_shortening=command.accept_shortening,
        proposed_by=context.actor,
    )
    return (proposed,)


def approve(state: SubscriptionState, context: Context) -> tuple[Event, ...]:
    """What holds now decides, not what held when it was proposed: the terms may have moved since."""
    _admin_only(context)
    waiting = state.correction
    if waiting is None:
        raise Refused("no-correction", "no correction of a term waits for approval")
    if waiting.proposed_by == context.actor:
        raise Refused("four-eyes", "a correction is approved by somebody other than the one who proposed it")
    term = _term(state, waiting.number)
    _check(state, term, waiting.starts_at, waiting.ends_at, context.now, accept_shortening=waiting.accept_shortening)
    terms = moved(state.terms, term.number, waiting.starts_at, waiting.ends_at, state.zone)
    current_end = next((each.ends_at for each in terms if each.number == state.number), state.ends_at)
    corrected = TermCorrected(
        at=context.now,
        number=term.number,
        terms=terms,
        grace_ends_at=grace_end(state, current_end),
        shortened=_shortens(term, waiting.starts_at, waiting.ends_at),
        proposed_by=waiting.proposed_by,
        approved_by=context.actor,
    )
    return (corrected,)


def decline(state: SubscriptionState, context: Context) -> tuple[Event, ...]:
    """Whoever proposed it may take it back, too."""
    _admin_only(context)
    return (TermCorrectionDeclined(at=context.now, number=state.correction.number),) if state.correction else ()


def _admin_only(context: Context) -> None:
    if context.role != "admin":
        raise Forbidden("admin-only", "only an admin corrects a term")


def _term(state: SubscriptionState, number: int) -> Term:
    term = next((term for term in state.terms if term.number == number), None)
    if term is None:
        raise Refused("no-such-term", f"there is no term {number}; the last one is {state.terms[-1].number}", field="number")
    return term


def _resolved(state: SubscriptionState, term: Term, starts_on: date, ends_on: date) -> tuple[datetime, datetime]:
    """The instants of two local dates. A date that does not change keeps its instant, whatever the time of day."""
    starts_at, ends_at = term.starts_at, term.ends_at
    if local_date(starts_at, state.zone) != starts_on:
        starts_at = start_of_day(checked_date(starts_on, "starts_on"), state.zone)
    if local_date(ends_at, state.zone) != ends_on:
        ends_at = end_of_day_before(checked_date(ends_on, "ends_on"), state.zone)
    if ends_at <= starts_at:
        raise Invalid("ends-before-start", f"a term from {starts_on} cannot end on {ends_on}", field="ends_on")
    return starts_at, ends_at


def _shortens(term: Term, starts_at: datetime, ends_at: datetime) -> bool:
    return starts_at > term.starts_at or ends_at < term.ends_at


def _check(state: SubscriptionState, term: Term, starts_at: datetime, ends_at: datetime, now: datetime, *, accept_shortening: bool) -> None:
    before = next((each for each in state.terms if each.number == term.number - 1), None)
    if before is not None and starts_at != term.starts_at and (before.ends_at == term.starts_at or starts_at < before.ends_at):
        sentence = f"term {term.number} follows term {before.number}, which ends at {before.ends_at.isoformat()}; correct that one's end"
        raise Refused("follows-another", sentence, field="starts_on")
    after = next((each for each in state.terms if each.number == term.number + 1), None)
    if after is not None and after.starts_at != term.ends_at and ends_at > after.starts_at:
        sentence = f"term {after.number} starts at {after.starts_at.isoformat()}, before the corrected end"
        raise Refused("terms-overlap", sentence, field="ends_on")
    if state.term in {TermState.IN_FORCE, TermState.GRACE} and term.number == state.number and starts_at > now:
        raise Refused("starts-later", f"term {term.number} is in force; it cannot start in the future", field="starts_on")
    if _shortens(term, starts_at, ends_at) and not accept_shortening:
        sentence = (
            f"term {term.number} runs from {term.starts_at.isoformat()} to {term.ends_at.isoformat()}; accept that it becomes shorter"
        )
        raise Refused("shortens", sentence, field="accept_shortening")
