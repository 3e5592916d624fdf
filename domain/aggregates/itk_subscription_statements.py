"""Statements of usage: some days before the end of each term, and at its end."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from domain.aggregates.base import rungs
from domain.aggregates.itk_subscription_parts import Statement
from domain.aggregates.itk_subscription_state import SubscriptionState
from domain.commands.itk_subscription import MakeUsageStatement
from domain.context import Context
from domain.events.base import Event
from domain.events.itk_subscription import UsageStatementMade


def statements(state: SubscriptionState, days: Iterable[int]) -> Iterator[Statement]:
    """Those that were not made, of each term that has begun, the earliest first.

    A rung that lay before the activation, or before the event that set the end, is none; and none is left once a later one was made.
    """
    if state.activated_at is None or state.clock_stopped:
        return
    rest = sorted(set(days), reverse=True)
    for term in state.terms:
        if term.number > state.number:
            return
        ends_at, set_at = term.ends_at, state.activated_at
        if term.number == state.number:
            ends_at = min(ends_at, state.access_ended_at or ends_at)
            set_at = max(set_at, state.end_set_at)
        made = [before for end, before in state.stated if end == ends_at]
        for before, due_at in rungs(rest, ends_at, min(set_at, ends_at)):
            if all(before < earlier for earlier in made):
                yield Statement(number=term.number, days_left=before, starts_at=term.starts_at, ends_at=ends_at, due_at=due_at)


def next_statement(state: SubscriptionState, days: Iterable[int], until: datetime) -> Statement | None:
    """The one to make: of those of a term that are due by `until`, the last."""
    due = [statement for statement in statements(state, days) if statement.due_at <= until]
    first = next(iter(due), None)
    return next((each for each in reversed(due) if first is not None and each.number == first.number), None)


def make_statement(state: SubscriptionState, command: MakeUsageStatement, context: Context) -> tuple[Event, ...]:
    statement = next_statement(state, context.rules.usage_statement_days, context.observed_at)
    if statement is None or (statement.number, statement.days_left) != (command.number, command.days_left):
        return ()
    made = UsageStatementMade(
        at=context.now,
        number=statement.number,
        days_left=statement.days_left,
        starts_at=statement.starts_at,
        ends_at=statement.ends_at,
        used=command.used,
        people=command.people,
    )
    return (made,)
