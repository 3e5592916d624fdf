"""Who is cut off, and who is let in again: told by a list of events and the states that they begin with."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from domain.aggregates.api_token import ApiToken
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.aggregates.itk_subscription import ITKSubscription
from domain.events.base import Recorded
from domain.streams import Aggregate, Stream, empty_for

What = Literal["institution", "user-plan", "token"]


@dataclass(frozen=True, kw_only=True)
class Turn:
    """From `at` on something works, or does not, and with it so many people's plans and tokens. `cause` is the event that did it."""

    at: datetime
    what: What
    id: UUID
    works: bool
    people: int
    tokens: int
    cause: Recorded


class Reach:
    """What works of one institution. Quotas are not looked at: they come back by themselves."""

    def __init__(self, streams: Iterable[Stream]) -> None:
        self._states: dict[UUID, Aggregate] = {stream.id: stream.state for stream in streams}

    def turns(self, events: Iterable[Recorded]) -> Iterator[Turn]:
        """In the order of the events. While the institution itself is cut off, nothing is said of its people and tokens."""
        whole = self._whole()
        for event in events:
            id = event.stream_id
            before = self._states.get(id) or empty_for(event.event)
            worked = self._works(before)
            state = self._states[id] = before.evolve(event.event)
            if isinstance(state, InstitutionalAccount | ITKSubscription):
                if self._whole() != whole:
                    whole = not whole
                    people, tokens = self._counts()
                    account = event.account_id or id
                    yield Turn(at=event.event.at, what="institution", id=account, works=whole, people=people, tokens=tokens, cause=event)
            elif whole and self._works(state) != worked:
                is_plan = isinstance(state, InstitutionalUserPlan)
                yield Turn(
                    at=event.event.at,
                    what="user-plan" if is_plan else "token",
                    id=id,
                    works=not worked,
                    people=int(is_plan),
                    tokens=sum(self._is_of(each, id) for each in self._states.values()) if is_plan else 1,
                    cause=event,
                )

    def _whole(self) -> bool:
        """The institution's own standing: its account and its subscription."""
        states = self._states.values()
        stands = any(isinstance(each, InstitutionalAccount) and str(each.status) == "active" for each in states)
        return stands and any(isinstance(each, ITKSubscription) and each.gives_access for each in states)

    def _works(self, state: Aggregate) -> bool:
        match state:
            case InstitutionalUserPlan():
                return str(state.status) in {"active", "at_risk"}
            case ApiToken():
                owner = self._states.get(state.owner_id)
                return str(state.status) in {"active", "rotating"} and (not isinstance(owner, InstitutionalUserPlan) or self._works(owner))
        return False

    def _is_of(self, state: Aggregate, plan: UUID) -> bool:
        return isinstance(state, ApiToken) and state.owner_id == plan and str(state.status) in {"active", "rotating"}

    def _counts(self) -> tuple[int, int]:
        working = [state for state in self._states.values() if self._works(state)]
        people = sum(isinstance(state, InstitutionalUserPlan) for state in working)
        return people, len(working) - people
