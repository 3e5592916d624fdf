"""What falls due, and letting it take effect. A state knows its deadlines; here they are carried out, in due order."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from domain.commands.base import Deadline
from domain.context import Context
from domain.events.base import Event
from domain.streams import Aggregate

ContextAt = Callable[[Aggregate, Deadline], Context]


def next_deadline(state: Aggregate, stream: UUID) -> Deadline | None:
    """The earliest one; of two at the same instant the one that the state names first."""
    return min(state.deadlines(stream), key=lambda deadline: deadline.due_at, default=None)


def settle(
    state: Aggregate, stream: UUID, instant: datetime, last_at: datetime, context_at: ContextAt
) -> tuple[Aggregate, tuple[Event, ...]]:
    """Let every deadline that is due at `instant` take effect, each at its own instant (but never before `last_at`).

    The scheduler does this in time; a command, a query and an access check do it when the scheduler has not.
    """
    happened: list[Event] = []
    done: set[tuple[str, datetime]] = set()
    while True:
        due = [d for d in state.deadlines(stream) if d.due_at <= instant and (d.name, d.due_at) not in done]
        if not due:
            return state, tuple(happened)
        deadline = min(due, key=lambda d: d.due_at)
        done.add((deadline.name, deadline.due_at))
        at = max(deadline.due_at, last_at)
        for event in state.decide(deadline.command, context_at(state, Deadline(deadline.name, at, deadline.command))):
            state = state.evolve(event)
            happened.append(event)
            last_at = event.at
