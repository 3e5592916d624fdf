"""A person's own API plans at an institution: granted for a term of its subscription, and renewed only for those who ask."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from domain.admission import doubts_about, last_term, no_subscription, open_account, override_of, until_of
from domain.aggregates.base import NEVER, NO_ID, next_rung_due, rungs
from domain.calendar import days_before
from domain.catalogue import ApiPlan
from domain.commands.base import Deadline
from domain.commands.institutional_user_plan import (
    ApproveUserPlan,
    EndUserPlan,
    EndUserPlanAsScheduled,
    ExpireUserPlan,
    FollowTerm,
    GrantWaitingRenewal,
    GrantWaitingRequest,
    RejectUserPlan,
    RemindOfUserPlan,
    RequestRenewal,
    RequestUserPlan,
    ResumeUserPlan,
    SuspendUserPlan,
    UserPlanCommand,
)
from domain.context import Context, SubscriptionFacts, TermFacts, UserPlanFacts
from domain.errors import Refused
from domain.events.base import Event
from domain.events.institutional_user_plan import (
    Override,
    RenewalRefused,
    RenewalRequested,
    UserPlanActivated,
    UserPlanEnded,
    UserPlanEndScheduled,
    UserPlanExpired,
    UserPlanExpiring,
    UserPlanRejected,
    UserPlanReminderSkipped,
    UserPlanRenewed,
    UserPlanRequested,
    UserPlanResumed,
    UserPlanSuspended,
    UserPlanTermMoved,
)
from domain.matching import covering, domain_of


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
MAY_ASK = frozenset({Status.NEW, Status.REQUESTED, Status.ACTIVE, Status.EXPIRED, Status.ENDED, Status.REJECTED})


@dataclass(frozen=True)
class InstitutionalUserPlan:
    status: Status = Status.NEW
    account_id: UUID = NO_ID
    subscription_id: UUID = NO_ID
    registered_account_id: str | None = None
    email: str = ""
    name: str | None = None
    person_key: str = ""
    doubts: tuple[str, ...] = ()
    requested_at: datetime = NEVER
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
    ends_at: datetime | None = None
    end_cause: str = ""
    ended_because: str | None = None

    def decide(self, command: UserPlanCommand, context: Context) -> tuple[Event, ...]:
        now = context.now
        match self.status, command:
            case Status.REQUESTED | Status.ACTIVE, RequestUserPlan(subscription_id=same) if same == self.subscription_id:
                return ()
            case status, RequestUserPlan() if status in MAY_ASK:
                return self._request(command, context)
            case Status.REQUESTED, ApproveUserPlan():
                return (self._approve(command, context),)
            case Status.ACTIVE, ApproveUserPlan():
                return ()
            case Status.REQUESTED, RejectUserPlan(why=why):
                return (UserPlanRejected(at=now, why=why),)
            case Status.REJECTED, RejectUserPlan():
                return ()
            case Status.REQUESTED, GrantWaitingRequest() if self.doubts == ("subscription-pending",):
                return self._let_in(context)
            case Status.ACTIVE, RequestRenewal():
                return self._request_renewal(context)
            case Status.ACTIVE | Status.SUSPENDED | Status.AT_RISK, GrantWaitingRenewal():
                return self._go_on(context)
            case Status.ACTIVE | Status.SUSPENDED | Status.AT_RISK, FollowTerm():
                return self._follow(context)
            case Status.ACTIVE | Status.SUSPENDED | Status.AT_RISK, ExpireUserPlan():
                return self._expire(context)
            case Status.ACTIVE | Status.SUSPENDED | Status.AT_RISK, RemindOfUserPlan(days_left=days):
                return self._remind(days, context)
            case Status.ACTIVE, SuspendUserPlan(cause=cause):
                return (UserPlanSuspended(at=now, cause=cause),)
            case Status.SUSPENDED, ResumeUserPlan():
                return (UserPlanResumed(at=now),)
            case (Status.SUSPENDED, SuspendUserPlan()) | (Status.ACTIVE, ResumeUserPlan()) | (Status.ENDED, EndUserPlan()):
                return ()
            case status, EndUserPlan() if status is not Status.NEW:
                return self._end(command, now)
            case _, EndUserPlanAsScheduled():
                if self.ends_at is None or now < self.ends_at:
                    return ()
                return (UserPlanEnded(at=now, cause=self.end_cause),)
            case _, GrantWaitingRenewal() | GrantWaitingRequest() | FollowTerm() | ExpireUserPlan() | RemindOfUserPlan():
                return ()  # there is no plan that it would concern
        raise Refused("not-now", f"cannot {command.verb}: the user plan is {self.status.replace('_', ' ')}")

    # asking, and being let in

    def _request(self, command: RequestUserPlan, context: Context) -> tuple[Event, ...]:
        account = open_account(context)
        doubts = list(doubts_about(command.email, account, context.now, review=command.review))
        subscription = context.subscription
        if subscription is None or subscription.account_id != command.account_id:
            raise no_subscription(None)
        if not (subscription.gives_access or subscription.status == "pending"):
            raise no_subscription(subscription)
        if not subscription.gives_access:
            doubts.append("subscription-pending")
        if self.status is Status.REJECTED:
            doubts.append("rejected-before")
        requested = UserPlanRequested(
            at=context.now,
            account_id=command.account_id,
            subscription_id=command.subscription_id,
            registered_account_id=command.registered_account_id,
            email=command.email,
            name=command.name,
            person_key=command.person_key,
            doubts=tuple(doubts),
        )
        return (requested,) if doubts else (requested, _activated(subscription, None, context))

    def _approve(self, command: ApproveUserPlan, context: Context) -> UserPlanActivated:
        account = open_account(context)
        override = override_of(command, context.now)
        domain = domain_of(self.email)
        if override is None and covering(account.domains, domain, context.now) is None:
            raise Refused(
                "override-needed",
                f"{domain} is not an email domain of the institution: say on which ground, under which licence and until when",
                field="ground",
            )
        if context.subscription is None or not context.subscription.gives_access:
            raise no_subscription(context.subscription)
        return _activated(context.subscription, override, context)

    def _let_in(self, context: Context) -> tuple[Event, ...]:
        """If everything else still holds; otherwise the request stays before the reviewers."""
        account, subscription = context.account, context.subscription
        if account is None or account.status != "active" or subscription is None or not subscription.gives_access:
            return ()
        claim = covering(account.domains, domain_of(self.email), context.now)
        return () if claim is None or claim.shared else (_activated(subscription, None, context),)

    # for how long

    def _own_term(self, subscription: SubscriptionFacts) -> TermFacts | None:
        """The plan's term as the subscription has it now; if it was taken back, the last one before it."""
        return last_term(term for term in subscription.terms if term.number <= self.term)

    def _follow(self, context: Context) -> tuple[Event, ...]:
        if context.subscription is None or (term := self._own_term(context.subscription)) is None:
            return ()
        until = until_of(term, context.subscription, self.override)
        if (term.number, until) == (self.term, self.until):
            return ()
        return (UserPlanTermMoved(at=context.now, term=term.number, until=until),)

    def _expire(self, context: Context) -> tuple[Event, ...]:
        if context.now < self.until:
            return ()
        match self._follow(context):
            case (UserPlanTermMoved(until=until), *_) as moved if until > context.now:
                return tuple(moved)
        match self._go_on(context):
            case (UserPlanRenewed(), *_) as renewed:
                return tuple(renewed)
            case refused:
                return (*refused, UserPlanExpired(at=context.now))

    def _remind(self, days: int, context: Context) -> tuple[Event, ...]:
        if days in self.reminded or days not in self.reminders:
            return ()
        if moved := self._follow(context):
            return moved
        later = next_rung_due(self.reminders, days, self.until, context.observed_at)
        why = ""
        if context.observed_at >= self.until:
            why = "it had ended by then"
        elif later:
            why = f"the reminder {later} days before was due too"
        elif self.renewal is Renewal.WAITING:
            why = "the renewal has been asked for"
        elif self.status is not Status.ACTIVE:
            why = f"the user plan is {self.status.replace('_', ' ')}"
        if why:
            return (UserPlanReminderSkipped(at=context.now, days_left=days, until=self.until, why=why),)
        return (UserPlanExpiring(at=context.now, days_left=days, until=self.until),)

    # going on after the term

    def _request_renewal(self, context: Context) -> tuple[Event, ...]:
        """It opens some days before the term itself ends: the days of grace after it do not count."""
        subscription = context.subscription
        if self.renewal is Renewal.WAITING:
            return ()
        if subscription is None or (term := self._own_term(subscription)) is None or subscription.status in {"ended", "lapsed"}:
            raise no_subscription(subscription)
        if self.renewed and context.now < term.starts_at:
            return ()
        opens_at = days_before(term.ends_at, context.rules.user_renewal_opens_days)
        if context.now < opens_at:
            raise Refused("too-early", f"a renewal can be asked for from {opens_at:%Y-%m-%d %H:%M} UTC")
        if not self._still_fits(context):
            raise Refused("wrong-domain", f"{domain_of(self.email)} is not an email domain of the institution any more")
        if later := self._later_term(context):
            return (self._renewed(later, subscription, context),)
        return (RenewalRequested(at=context.now, term=self.term, opened_at=opens_at),)

    def _go_on(self, context: Context) -> tuple[Event, ...]:
        """Into the next term, if the institution has one, and the person asked or the rules ask for everyone."""
        later = self._later_term(context)
        if context.subscription is None or later is None:
            return ()
        if self.renewal is not Renewal.WAITING and not context.rules.user_plans_follow_renewal:
            return ()
        if self._still_fits(context):
            return (self._renewed(later, context.subscription, context),)
        if self.renewal_refused_for == later.number:
            return ()
        return (RenewalRefused(at=context.now, term=later.number, why="wrong-domain"),)

    def _later_term(self, context: Context) -> TermFacts | None:
        if context.subscription is None or context.subscription.status in {"ended", "lapsed"}:
            return None
        return last_term(term for term in context.subscription.terms if term.number > self.term)

    def _override_at(self, now: datetime) -> Override | None:
        return self.override if self.override and self.override.until > now else None

    def _still_fits(self, context: Context) -> bool:
        domains = context.account.domains if context.account else ()
        return self._override_at(context.now) is not None or covering(domains, domain_of(self.email), context.now) is not None

    def _renewed(self, term: TermFacts, subscription: SubscriptionFacts, context: Context) -> UserPlanRenewed:
        override = self._override_at(context.now)
        return UserPlanRenewed(
            at=context.now,
            term=term.number,
            until=until_of(term, subscription, override),
            plans=context.catalogue.user,
            catalogue=context.catalogue.version,
            reminders=context.rules.user_plan_reminders,
            override=override,
        )

    # leaving

    def _end(self, command: EndUserPlan, now: datetime) -> tuple[Event, ...]:
        if command.at is None or command.at <= now:
            return (UserPlanEnded(at=now, cause=command.cause, said_at=command.at),)
        if (command.at, command.cause) == (self.ends_at, self.end_cause):
            return ()
        return (UserPlanEndScheduled(at=now, ends_at=command.at, cause=command.cause),)

    # what others ask of the state

    def facts(self, stream: UUID) -> UserPlanFacts:
        return UserPlanFacts(id=stream, account_id=self.account_id, subscription_id=self.subscription_id, status=self.status)

    def deadlines(self, stream: UUID) -> tuple[Deadline, ...]:
        deadlines: list[Deadline] = []
        if self.ends_at is not None:
            deadlines.append(Deadline("end", self.ends_at, EndUserPlanAsScheduled(id=stream)))
        if self.status in GRANTED:
            deadlines.extend(
                Deadline(f"remind-{days}", due, RemindOfUserPlan(id=stream, days_left=days))
                for days, due in rungs(self.reminders, self.until, self.until_set_at)
                if days not in self.reminded
            )
            deadlines.append(Deadline("expire", self.until, ExpireUserPlan(id=stream)))
        return tuple(deadlines)

    def evolve(self, event: Event) -> Self:
        match event:
            case UserPlanRequested():
                return type(self)(
                    status=Status.REQUESTED,
                    account_id=event.account_id,
                    subscription_id=event.subscription_id,
                    registered_account_id=event.registered_account_id,
                    email=event.email,
                    name=event.name,
                    person_key=event.person_key,
                    doubts=event.doubts,
                    requested_at=event.at,
                    ends_at=self.ends_at,
                    end_cause=self.end_cause,
                )
            case UserPlanActivated() | UserPlanRenewed():
                return replace(
                    self,
                    status=Status.ACTIVE if isinstance(event, UserPlanActivated) else self.status,
                    granted_at=event.at if isinstance(event, UserPlanActivated) else self.granted_at,
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
                    renewed=isinstance(event, UserPlanRenewed),
                )
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
            case UserPlanSuspended():
                return replace(self, status=Status.SUSPENDED)
            case UserPlanResumed():
                return replace(self, status=Status.ACTIVE)
            case UserPlanExpired():
                return replace(self, status=Status.EXPIRED, renewal=Renewal.NONE)
            case UserPlanEndScheduled(ends_at=ends_at, cause=cause):
                return replace(self, ends_at=ends_at, end_cause=cause)
            case UserPlanEnded(cause=cause):
                return replace(self, status=Status.ENDED, renewal=Renewal.NONE, ends_at=None, end_cause="", ended_because=cause)
        return self


def _activated(subscription: SubscriptionFacts, override: Override | None, context: Context) -> UserPlanActivated:
    """For the last term that the institution has, a queued one if it has renewed already."""
    term = last_term(subscription.terms)
    if term is None:
        raise no_subscription(subscription)
    return UserPlanActivated(
        at=context.now,
        term=term.number,
        until=until_of(term, subscription, override),
        plans=context.catalogue.user,
        catalogue=context.catalogue.version,
        reminders=context.rules.user_plan_reminders,
        override=override,
    )
