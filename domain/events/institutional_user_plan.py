"""What can happen to a person's own four API plans at an institution."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from domain.catalogue import ApiPlan
from domain.events.base import Claim, Event, Release, personal


@dataclass(frozen=True, kw_only=True)
class Override:
    """Staff let somebody in whose domain does not fit: why, under which licence, and until when at most."""

    ground: str
    licence: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class UserPlanRequested(Event):
    """Somebody asks, for the first time or again. With doubts, the request waits for a review."""

    TOPIC = "user-plan.requested"
    account_id: UUID
    subscription_id: UUID
    registered_account_id: str | None
    email: Annotated[str, personal("stream")]
    name: Annotated[str | None, personal("stream")]
    person_key: str  # a keyed hash of the institution and the address
    doubts: tuple[str, ...] = ()  # wrong-domain, shared-domain, subscription-pending, rejected-before

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Claim("person", self.person_key),)


@dataclass(frozen=True, kw_only=True)
class UserPlanActivated(Event):
    """Granted for a numbered term; `until` is that term's end with its days of grace, as known now, or the override's if sooner."""

    TOPIC = "user-plan.activated"
    term: int
    until: datetime
    plans: tuple[ApiPlan, ...]
    catalogue: str
    reminders: tuple[int, ...]  # days before `until`
    override: Override | None = None


@dataclass(frozen=True, kw_only=True)
class UserPlanRejected(Event):
    TOPIC = "user-plan.rejected"
    why: str


@dataclass(frozen=True, kw_only=True)
class UserPlanTermMoved(Event):
    """The subscription's term was extended, corrected or taken back, and the plan follows."""

    TOPIC = "user-plan.term-moved"
    term: int
    until: datetime


@dataclass(frozen=True, kw_only=True)
class UserPlanExpiring(Event):
    """One rung of the reminder ladder was reached."""

    TOPIC = "user-plan.expiring"
    days_left: int
    until: datetime


@dataclass(frozen=True, kw_only=True)
class UserPlanReminderSkipped(Event):
    """A rung that nobody is to be told of any more."""

    TOPIC = "user-plan.reminder-skipped"
    days_left: int
    until: datetime
    why: str


@dataclass(frozen=True, kw_only=True)
class RenewalRequested(Event):
    """The person wants to go on after `term`; it waits until the institution renews. One could ask from `opened_at`."""

    TOPIC = "user-plan.renewal-requested"
    term: int
    opened_at: datetime


@dataclass(frozen=True, kw_only=True)
class RenewalRefused(Event):
    """The institution has renewed, but the person is not to go on into `term`."""

    TOPIC = "user-plan.renewal-refused"
    term: int
    why: str


@dataclass(frozen=True, kw_only=True)
class UserPlanRenewed(Event):
    TOPIC = "user-plan.renewed"
    term: int
    until: datetime
    plans: tuple[ApiPlan, ...]
    catalogue: str
    reminders: tuple[int, ...]
    override: Override | None = None


@dataclass(frozen=True, kw_only=True)
class UserPlanSuspended(Event):
    TOPIC = "user-plan.suspended"
    cause: str


@dataclass(frozen=True, kw_only=True)
class UserPlanResumed(Event):
    TOPIC = "user-plan.resumed"


@dataclass(frozen=True, kw_only=True)
class UserPlanExpired(Event):
    TOPIC = "user-plan.expired"


@dataclass(frozen=True, kw_only=True)
class UserPlanEndScheduled(Event):
    TOPIC = "user-plan.end-scheduled"
    ends_at: datetime
    cause: str


@dataclass(frozen=True, kw_only=True)
class UserPlanEnded(Event):
    """`said_at` is the past instant that people gave for it, where they gave one."""

    TOPIC = "user-plan.ended"
    cause: str  # asked, left, domain-lost, declined, subscription-cancelled, account-closed
    said_at: datetime | None = None
