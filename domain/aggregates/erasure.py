"""A request that a person be forgotten: asked for by an admin, agreed to by another, due within a month, done once nothing is live."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from domain.aggregates.base import NEVER
from domain.calendar import months_after
from domain.commands.base import Deadline
from domain.commands.people import (
    ConfirmErasure,
    ErasureCommand,
    NoteErasureDue,
    NoteErasureWaits,
    RefuseErasure,
    RequestErasure,
    WithdrawErasure,
)
from domain.context import Context
from domain.errors import Forbidden, Invalid, Refused
from domain.events.base import Event
from domain.events.people import (
    ErasureConfirmed,
    ErasureFellDue,
    ErasureRefused,
    ErasureRequested,
    ErasureWaits,
    ErasureWithdrawn,
    Ground,
    PersonalDataErased,
)


class Status(StrEnum):
    NEW = "new"
    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    WAITING = "waiting"
    ERASED = "erased"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"


OPEN = frozenset({Status.REQUESTED, Status.CONFIRMED, Status.WAITING})
AGREED = frozenset({Status.CONFIRMED, Status.WAITING})


@dataclass(frozen=True)
class Erasure:
    """`waits_for`: the accounts in which somebody is still to take the person's place."""

    status: Status = Status.NEW
    people: tuple[UUID, ...] = ()
    ground: Ground = Ground.ASKED
    requested_by: str = ""
    requested_at: datetime = NEVER
    due_at: datetime = NEVER
    confirmed_by: str | None = None
    confirmed_at: datetime | None = None
    rule: str | None = None
    waits_for: tuple[UUID, ...] = ()
    fell_due: bool = False
    closed_at: datetime | None = None
    closed_because: str | None = None

    def decide(self, command: ErasureCommand, context: Context) -> tuple[Event, ...]:
        now = context.now
        match self.status, command:
            case Status.NEW, RequestErasure():
                return _requested(command, context)
            case _, RequestErasure(people=people) if set(people) == set(self.people):
                return ()
            case Status.REQUESTED, ConfirmErasure():
                _admin_only(context)
                if context.actor == self.requested_by:
                    raise Refused("four-eyes", "an erasure is confirmed by an admin other than the one who asked for it")
                return (ErasureConfirmed(at=now, confirmed_by=context.actor),)
            case Status.CONFIRMED | Status.WAITING | Status.ERASED, ConfirmErasure():
                return ()
            case status, WithdrawErasure(cause=cause) if status in OPEN:
                _admin_only(context)
                return (ErasureWithdrawn(at=now, cause=cause),)
            case Status.REQUESTED, RefuseErasure(cause=cause):
                _admin_only(context)
                return (ErasureRefused(at=now, cause=cause),)
            case (Status.WITHDRAWN, WithdrawErasure()) | (Status.REFUSED, RefuseErasure()):
                return ()
            case status, NoteErasureWaits(accounts=accounts) if status in AGREED:
                return (ErasureWaits(at=now, accounts=accounts),) if accounts != self.waits_for else ()
            case status, NoteErasureDue() if status in OPEN:
                return (ErasureFellDue(at=now),) if now >= self.due_at and not self.fell_due else ()
            case _, NoteErasureWaits() | NoteErasureDue():
                return ()
        raise Refused("not-now", f"cannot {command.verb}: the erasure is {self.status}")

    def evolve(self, event: Event) -> Self:
        match event:
            case ErasureRequested(at=at):
                return replace(
                    self,
                    status=Status.REQUESTED,
                    people=event.people,
                    ground=event.ground,
                    requested_by=event.requested_by,
                    requested_at=at,
                    due_at=event.due_at,
                )
            case ErasureConfirmed(at=at, confirmed_by=by, rule=rule):
                return replace(self, status=Status.CONFIRMED, confirmed_by=by, confirmed_at=at, rule=rule)
            case ErasureWaits(accounts=accounts):
                return replace(self, status=Status.WAITING if accounts else Status.CONFIRMED, waits_for=accounts)
            case ErasureFellDue():
                return replace(self, fell_due=True)
            case ErasureWithdrawn(at=at, cause=cause):
                return replace(self, status=Status.WITHDRAWN, closed_at=at, closed_because=cause, waits_for=())
            case ErasureRefused(at=at, cause=cause):
                return replace(self, status=Status.REFUSED, closed_at=at, closed_because=cause)
            case PersonalDataErased(at=at):
                return replace(self, status=Status.ERASED, closed_at=at, waits_for=())
        return self

    def is_overdue(self, instant: datetime) -> bool:
        return self.status in OPEN and instant >= self.due_at

    def deadlines(self, stream: UUID) -> tuple[Deadline, ...]:
        if self.status not in OPEN or self.fell_due:
            return ()
        return (Deadline("due", self.due_at, NoteErasureDue(id=stream)),)


def _requested(command: RequestErasure, context: Context) -> tuple[Event, ...]:
    by_rule = command.rule is not None
    if by_rule != (context.role == "system"):
        raise Forbidden("admin-only", "only an admin asks that somebody be forgotten, and only the service does so by a rule")
    if not by_rule:
        _admin_only(context)
    if not command.people:
        raise Invalid("nobody", "say who is to be forgotten: at least one person", field="people")
    due_at = months_after(context.now.astimezone(UTC), context.rules.erasure_months)
    people = tuple(sorted(set(command.people)))
    requested = ErasureRequested(at=context.now, people=people, ground=command.ground, requested_by=context.actor, due_at=due_at)
    if not by_rule:
        return (requested,)
    return (requested, ErasureConfirmed(at=context.now, confirmed_by=context.actor, rule=command.rule))


def _admin_only(context: Context) -> None:
    if context.role != "admin":
        raise Forbidden("admin-only", "only an admin decides whether somebody is forgotten")
