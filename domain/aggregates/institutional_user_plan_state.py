"""What is known of a person's API plans at an institution, and how each event changes it."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from domain.admission import last_term, until_of
from domain.aggregates.base import NEVER, NO_ID
from domain.catalogue import ApiPlan
from domain.context import Context, SubscriptionFacts, TermFacts
from domain.events.base import Event
from domain.events.institutional_user_plan import (
    Override,
    RenewalRefused,
    RenewalRequested,
    UserPlanAccepted,
    UserPlanActivated,
    UserPlanAddressChanged,
    UserPlanAtRisk,
    UserPlanEnded,
    UserPlanEndScheduled,
    UserPlanExpired,
    UserPlanExpiring,
    UserPlanInvited,
    UserPlanQuotaReached,
    UserPlanReconfirmed,
    UserPlanRegistered,
    UserPlanRejected,
    UserPlanReminderSkipped,
    UserPlanRenewed,
    UserPlanRequested,
    UserPlanResumed,
    UserPlanSuspended,
    UserPlanTermMoved,
)
from domain.matching import covering, domain_of
from domain.quotas import Told, with_told


class Status(StrEnum):
    NEW = "new"
    REQUESTED = "requested"
    INVITED = "invited"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    AT_RISK = "at_risk"
    EXPIRED = "expired"
    ENDED = "ended"
    REJECTED = "rejected"


class Renewal(StrEnum):
    NONE = "none"
    WAITING = "waiting"


GRANTED = frozenset({Status.ACTIVE, Status.SUSPENDED, Status.AT_RISK})
OUTSIDE = frozenset({Status.NEW, Status.EXPIRED, Status.ENDED, Status.REJECTED})
"""No plan, and none on its way."""
NOT_REGISTERED = "not-registered"
PENDING = "subscription-pending"


@dataclass(frozen=True)
class Risk:
    why: str
    until: datetime
    import_id: UUID | None


@dataclass(frozen=True)
class UserPlanState:
    status: Status = Status.NEW
    account_id: UUID = NO_ID
    subscription_id: UUID = NO_ID
    registered_account_id: str | None = None
    email: str = ""
    name: str | None = None
    person_key: str = ""
    doubts: tuple[str, ...] = ()
    requested_at: datetime = NEVER
    review_due_at: datetime | None = None
    invitation_ends_at: datetime | None = None
    rejected_because: str | None = None
    granted_at: datetime = NEVER
    term: int = 0
    until: datetime = NEVER
    until_set_at: datetime = NEVER
    plans: tuple[ApiPlan, ...] = ()
    catalogue: str = ""
    override: Override | None = None
    reminders: tuple[int, ...] = ()
    reminded: frozenset[int] = frozenset()
    renewal: Renewal = Renewal.NONE
    renewal_asked_at: datetime | None = None
    renewal_refused_for: int | None = None
    renewed: bool = False
    import_id: UUID | None = None
    """The list to which the plan, or its last renewal, is owed."""
    term_before: int = 0
    risk: Risk | None = None
    vouched: bool = False
    """Somebody who knows has said that the person is still there, though the account has lost the address."""
    ends_at: datetime | None = None
    end_cause: str = ""
    ended_because: str | None = None
    left: bool = False
    """Left the institution, and has had no plan there since, whatever else was tried."""
    quota_told: tuple[Told, ...] = ()

    @property
    def under_review(self) -> bool:
        """Whether people must decide; some requests only wait for the subscription, or for a registration."""
        return self.status is Status.REQUESTED and bool(set(self.doubts) - {PENDING, NOT_REGISTERED})

    @property
    def waits_for_registration(self) -> bool:
        return self.status is Status.REQUESTED and NOT_REGISTERED in self.doubts

    def own_term(self, subscription: SubscriptionFacts) -> TermFacts | None:
        """The plan's term as the subscription has it now; if it was taken back, the last one before it."""
        return last_term(term for term in subscription.terms if term.number <= self.term)

    def later_term(self, context: Context) -> TermFacts | None:
        """The next term that is not over yet, with its days of grace: one more than that has to be asked for again."""
        subscription = context.subscription
        if subscription is None or subscription.status in {"ended", "lapsed"}:
            return None
        later = (term for term in subscription.terms if term.number > self.term)
        lasting = (term for term in later if until_of(term, subscription, None) > context.now)
        return min(lasting, key=lambda term: term.number, default=None)

    def override_at(self, now: datetime) -> Override | None:
        return self.override if self.override and self.override.until > now else None

    def still_fits(self, context: Context, email: str | None = None) -> bool:
        """Whether the address, or a new one, is at a domain of the institution; with an override none need be."""
        domains = context.account.domains if context.account else ()
        return self.override_at(context.now) is not None or covering(domains, domain_of(email or self.email), context.now) is not None

    def evolve(self, event: Event) -> Self:
        match event:
            case UserPlanRequested() | UserPlanInvited():
                return self._begun(event)
            case UserPlanAccepted(registered_account_id=registered, doubts=doubts):
                known = registered or self.registered_account_id
                return replace(
                    self,
                    status=Status.REQUESTED,
                    registered_account_id=known,
                    doubts=doubts,
                    requested_at=event.at,
                    invitation_ends_at=None,
                )
            case UserPlanRegistered(registered_account_id=registered, doubts=doubts):
                return replace(self, registered_account_id=registered, doubts=doubts)
            case UserPlanActivated() | UserPlanRenewed():
                return self._granted(event)
            case UserPlanRejected(why=why):
                return replace(self, status=Status.REJECTED, rejected_because=why)
            case UserPlanTermMoved(term=term, until=until):
                return replace(self, term=term, until=until, until_set_at=event.at, reminded=frozenset())
            case UserPlanExpiring(days_left=days) | UserPlanReminderSkipped(days_left=days):
                return replace(self, reminded=self.reminded | {days})
            case RenewalRequested():
                return replace(self, renewal=Renewal.WAITING, renewal_asked_at=event.at)
            case RenewalRefused(term=term):
                return replace(self, renewal=Renewal.NONE, renewal_asked_at=None, renewal_refused_for=term)
            case UserPlanAddressChanged(email=email, person_key=key):
                return replace(self, email=email, person_key=key, vouched=False)
            case UserPlanAtRisk(why=why, until=until, import_id=import_id):
                return replace(self, status=Status.AT_RISK, risk=Risk(why, until, import_id))
            case UserPlanReconfirmed():
                status = Status.ACTIVE if self.status is Status.AT_RISK else self.status
                vouched = self.vouched or (self.risk is not None and self.risk.why == "address-changed")
                return replace(self, status=status, risk=None, vouched=vouched)
            case UserPlanSuspended():
                return replace(self, status=Status.SUSPENDED)
            case UserPlanResumed():
                return replace(self, status=Status.AT_RISK if self.risk else Status.ACTIVE)
            case UserPlanExpired():
                return replace(self, status=Status.EXPIRED, renewal=Renewal.NONE, risk=None)
            case UserPlanEndScheduled(ends_at=ends_at, cause=cause):
                return replace(self, ends_at=ends_at, end_cause=cause)
            case UserPlanEnded(cause=cause):
                left = self.left or cause == "left"
                ended = replace(self, status=Status.ENDED, renewal=Renewal.NONE, risk=None, ends_at=None, end_cause="")
                return replace(ended, ended_because=cause, left=left)
            case UserPlanQuotaReached():
                told = Told(product=event.product, counted=event.counted, starts_at=event.starts_at, percent=event.percent)
                return replace(self, quota_told=with_told(self.quota_told, told))
        return self

    def _begun(self, event: UserPlanRequested | UserPlanInvited) -> Self:
        """A new period. An end that was set for a day to come stays set."""
        begun = type(self)(
            account_id=event.account_id,
            subscription_id=event.subscription_id,
            registered_account_id=event.registered_account_id,
            email=event.email,
            name=event.name,
            person_key=event.person_key,
            requested_at=event.at,
            ends_at=self.ends_at,
            end_cause=self.end_cause,
            left=self.left,
        )
        if isinstance(event, UserPlanInvited):
            return replace(begun, status=Status.INVITED, invitation_ends_at=event.expires_at)
        return replace(begun, status=Status.REQUESTED, doubts=event.doubts, import_id=event.import_id, review_due_at=event.review_due_at)

    def _granted(self, event: UserPlanActivated | UserPlanRenewed) -> Self:
        first = isinstance(event, UserPlanActivated)
        return replace(
            self,
            status=Status.ACTIVE if first else self.status,
            granted_at=event.at if first else self.granted_at,
            risk=None if first else self.risk,
            term_before=0 if first else self.term,
            term=event.term,
            until=event.until,
            until_set_at=event.at,
            plans=event.plans,
            catalogue=event.catalogue,
            override=event.override,
            reminders=event.reminders,
            reminded=frozenset(),
            renewal=Renewal.NONE,
            renewal_asked_at=None,
            renewed=not first,
            import_id=event.import_id,
            review_due_at=None,
            left=False,
        )
