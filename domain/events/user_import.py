"""What can happen to a list of people that an institution hands in. The list itself stands beside the log; here are its outcomes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.events.base import Event


class Mode(StrEnum):
    ADD = "add"
    RECONCILE = "reconcile"
    """The list is complete: who is not on it is told of, and put at risk only after a second confirmation."""


class RowOutcome(StrEnum):
    ACTIVATED = "activated"
    ALREADY_ACTIVE = "already_active"
    RENEWED = "renewed"
    WRONG_DOMAIN = "wrong_domain"
    DUPLICATE = "duplicate"
    INVALID = "invalid"
    NOT_REGISTERED = "not_registered"
    LEFT_EARLIER = "left_earlier"
    WAITING = "waiting"  # for a review, or for the subscription's activation
    REFUSED = "refused"  # for a reason that concerns more than this row


@dataclass(frozen=True, kw_only=True)
class SettledRow:
    """What became of a row, counted from 1. `why` is a code; `same_as` the line that names the same address before."""

    row: int
    outcome: RowOutcome
    plan_id: UUID | None = None
    why: str | None = None
    same_as: int | None = None


@dataclass(frozen=True, kw_only=True)
class UserImportSubmitted(Event):
    """A list has come. `digest` is a keyed hash of it; `same_as` the import that had the same one before."""

    TOPIC = "user-import.submitted"
    account_id: UUID
    subscription_id: UUID
    mode: Mode
    dry_run: bool
    rows: int
    digest: str
    same_as: UUID | None
    undo_days: int


@dataclass(frozen=True, kw_only=True)
class UserImportRowsSettled(Event):
    """The next rows in order. What they did to user plans is in the log right before, recorded together with this."""

    TOPIC = "user-import.rows-settled"
    rows: tuple[SettledRow, ...]


@dataclass(frozen=True, kw_only=True)
class UserImportCompleted(Event):
    """`absent`: how many plans of the institution are not on a list that is complete."""

    TOPIC = "user-import.completed"
    outcomes: Mapping[str, int]
    absent: int | None
    undo_until: datetime


@dataclass(frozen=True, kw_only=True)
class UserImportAbsencesConfirmed(Event):
    """Somebody has seen who is absent, and says that it is right."""

    TOPIC = "user-import.absences-confirmed"
    absent: int


@dataclass(frozen=True, kw_only=True)
class UserImportUndone(Event):
    TOPIC = "user-import.undone"
