"""given(state, *events).when(command, now=...).then(*events)"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.context import Context
from domain.errors import DomainError


@dataclass(frozen=True)
class Outcome:
    events: tuple[Any, ...] | None
    refusal: DomainError | None

    def then(self, *expected: Any) -> None:
        if self.refusal:
            raise self.refusal
        assert expected == self.events

    def then_nothing(self) -> None:
        self.then()

    def then_refused(self, slug: str, containing: str = "") -> None:
        assert self.refusal is not None, f"not refused: {self.events}"
        assert slug == self.refusal.slug
        assert containing in self.refusal.detail


@dataclass(frozen=True)
class Given:
    state: Any

    def when(self, command: Any, *, now: datetime, observed_at: datetime | None = None, **context: Any) -> Outcome:
        try:
            return Outcome(self.state.decide(command, Context(now=now, observed_at=observed_at or now, **context)), None)
        except DomainError as refusal:
            return Outcome(None, refusal)


def given(state: Any, *events: Any) -> Given:
    for event in events:
        state = state.evolve(event)
    return Given(state)
