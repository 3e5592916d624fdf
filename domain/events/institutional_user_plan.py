"""What can happen to a person's own four API plans at an institution."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from domain.catalogue import ApiPlan, Product
from domain.events.base import Claim, Event, Release, personal
from domain.quotas import Counted


@dataclass(frozen=True, kw_only=True)
class Override:
    """Staff let somebody in whose domain does not fit: why, under which licence, and until when at most."""

    ground: Annotated[str, personal("stream")]
    licence: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class UserPlanRequested(Event):
    """Somebody asks, for the first time or again. With doubts, the request waits for a review."""

    TOPIC = "user-plan.requested"
    class_version = 2
    account_id: UUID
    subscription_id: UUID
    registered_account_id: Annotated[str | None, personal("stream", "registered-account")]
    email: Annotated[str, personal("stream", "address")]
    name: Annotated[str | None, personal("stream")]
    person_key: str  # a keyed hash of the institution and the address
    doubts: tuple[str, ...] = ()  # wrong-domain, shared-domain, subscription-pending, rejected-before, not-registered
    import_id: UUID | None = None  # the list that the person stands on
    review_due_at: datetime | None = None  # where people must decide: one working day later

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Claim("person", self.person_key),)

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state |= {"import_id": None, "review_due_at": None}


@dataclass(frozen=True, kw_only=True)
class UserPlanInvited(Event):
    """The institution asks somebody in; until `expires_at` the person may accept. `registered`: there is an account with this address."""

    TOPIC = "user-plan.invited"
    account_id: UUID
    subscription_id: UUID
    registered_account_id: Annotated[str | None, personal("stream", "registered-account")]
    email: Annotated[str, personal("stream", "address")]
    name: Annotated[str | None, personal("stream")]
    person_key: str
    registered: bool
    expires_at: datetime

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Claim("person", self.person_key),)


@dataclass(frozen=True, kw_only=True)
class UserPlanAccepted(Event):
    """The invited person wants the plans."""

    TOPIC = "user-plan.accepted"
    registered_account_id: Annotated[str | None, personal("stream", "registered-account")]
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class UserPlanRegistered(Event):
    """The address of somebody who was listed or invited has an account on the platform, as is known now. `doubts` are left."""

    TOPIC = "user-plan.registered"
    registered_account_id: Annotated[str, personal("stream", "registered-account")]
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class UserPlanActivated(Event):
    """Granted for a numbered term; `until` is that term's end with its days of grace, as known now, or the override's if sooner."""

    TOPIC = "user-plan.activated"
    class_version = 2
    term: int
    until: datetime
    plans: tuple[ApiPlan, ...]
    catalogue: str
    reminders: tuple[int, ...]  # days before `until`
    override: Override | None = None
    import_id: UUID | None = None  # the list that it is owed to

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["import_id"] = None


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
    class_version = 2
    term: int
    until: datetime
    plans: tuple[ApiPlan, ...]
    catalogue: str
    reminders: tuple[int, ...]
    override: Override | None = None
    import_id: UUID | None = None  # the list that it is owed to

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["import_id"] = None


@dataclass(frozen=True, kw_only=True)
class UserPlanSuspended(Event):
    TOPIC = "user-plan.suspended"
    cause: str


@dataclass(frozen=True, kw_only=True)
class UserPlanResumed(Event):
    TOPIC = "user-plan.resumed"


@dataclass(frozen=True, kw_only=True)
class UserPlanAddressChanged(Event):
    TOPIC = "user-plan.address-changed"
    email: Annotated[str, personal("stream", "address")]
    person_key: str

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Release("person"), Claim("person", self.person_key))


@dataclass(frozen=True, kw_only=True)
class UserPlanAtRisk(Event):
    """Nothing shows any more that the person belongs to the institution: the plan ends at `until`, unless it is confirmed."""

    TOPIC = "user-plan.at-risk"
    why: str  # domain-retired, address-changed, absent-from-list
    until: datetime
    import_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class UserPlanReconfirmed(Event):
    """The person belongs to the institution after all."""

    TOPIC = "user-plan.reconfirmed"


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
    cause: str  # asked, left, domain-lost, at-risk, declined, invitation-lapsed, undone, subscription-cancelled, account-closed
    said_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class UserPlanQuotaReached(Event):
    """`percent` of a limit is used up, in the quota month that began at `starts_at`."""

    TOPIC = "user-plan.quota-reached"
    product: Product
    counted: Counted
    percent: int
    limit: int
    used: int
    starts_at: datetime
    resets_at: datetime
