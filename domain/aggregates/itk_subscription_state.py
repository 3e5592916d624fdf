"""What is known of a subscription, and how events change it."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Self
from uuid import UUID

from domain.aggregates.base import NEVER, NO_ID
from domain.aggregates.itk_subscription_parts import (
    Announcement,
    BulkDataLink,
    ClosedMonth,
    HeldEntitlement,
    Hold,
    Intent,
    QuotaRun,
    ScheduledPlanChange,
    Status,
    Suspension,
    TermState,
)
from domain.calendar import quota_month
from domain.catalogue import ApiPlan, BulkData, Entitlement
from domain.events.base import Event
from domain.events.itk_subscription import (
    BulkDataLinkExpiring,
    BulkDataLinkIssued,
    BulkDataLinkReminderSkipped,
    CancellationScheduled,
    CancellationUndone,
    EntitlementGranted,
    EntitlementWithdrawn,
    GraceStarted,
    PlanChangeScheduled,
    PlanChangeUndone,
    PlansChanged,
    QuotaReached,
    RenewalAnnounced,
    RenewalWithdrawn,
    SubscriptionActivated,
    SubscriptionEnded,
    SubscriptionExpiring,
    SubscriptionExtended,
    SubscriptionLapsed,
    SubscriptionOpened,
    SubscriptionReinstated,
    SubscriptionReminderSkipped,
    SubscriptionRenewed,
    SubscriptionResumed,
    SubscriptionSuspended,
    Term,
    TermCorrected,
    TermCorrectionDeclined,
    TermCorrectionProposed,
    TermRolledOver,
    UsagePeriodAdjusted,
    UsagePeriodClosed,
    UsageStatementMade,
)
from domain.quotas import Told, with_told


@dataclass(frozen=True)
class SubscriptionState:
    term: TermState = TermState.NEW
    suspension: Suspension | None = None
    intent: Intent = Intent.NONE
    account_id: UUID = NO_ID
    starts_on: date = date.max
    time_zone: str | None = None
    grace_days: int = 0
    reinstatement_days: int = 0
    reminders: tuple[int, ...] = ()
    bulk_data: tuple[BulkData, ...] = ()
    catalogue: str = ""
    follows: UUID | None = None
    terms: tuple[Term, ...] = ()
    number: int = 0
    activated_at: datetime | None = None
    grace_ends_at: datetime | None = None
    ends_for_good_at: datetime | None = None
    ended_because: str | None = None
    quota_anchor: datetime | None = None
    plans: tuple[ApiPlan, ...] = ()
    scheduled_plan_change: ScheduledPlanChange | None = None
    entitlements: tuple[HeldEntitlement, ...] = ()
    links: tuple[BulkDataLink, ...] = ()
    end_set_at: datetime = NEVER
    reminded: frozenset[tuple[datetime, int]] = frozenset()
    announced: Announcement | None = None
    correction: TermCorrectionProposed | None = None
    extended_days: int = 0
    quota_runs: tuple[QuotaRun, ...] = ()
    access_ended_at: datetime | None = None
    """When access ended, unless it has come back."""
    former_plans: tuple[tuple[datetime, tuple[ApiPlan, ...]], ...] = ()
    """The plans that there were before, each with the instant at which they changed."""
    closed_months: tuple[ClosedMonth, ...] = ()
    quota_told: tuple[Told, ...] = ()
    stated: tuple[tuple[datetime, int], ...] = ()
    """Of which ends a statement of usage was made, how many days before."""

    @property
    def zone(self) -> str:
        """The zone in which its dates are counted."""
        return self.time_zone or "UTC"

    @property
    def hold(self) -> Hold:
        return Hold.SUSPENDED if self.suspension else Hold.NONE

    @property
    def status(self) -> Status:
        match self.term:
            case TermState.ENDED:
                return Status.ENDED
            case TermState.LAPSED:
                return Status.LAPSED
            case TermState.IN_FORCE | TermState.GRACE if self.suspension:
                return Status.SUSPENDED
            case TermState.GRACE:
                return Status.GRACE
            case TermState.IN_FORCE:
                return Status.ACTIVE
            case TermState.PENDING:
                return Status.PENDING
        return Status.NEW

    @property
    def gives_access(self) -> bool:
        """The word of the term and of the hold; the account's standing comes on top."""
        return self.term in {TermState.IN_FORCE, TermState.GRACE} and self.suspension is None

    @property
    def current_term(self) -> Term | None:
        """The term in force, or the last that was; before activation the one agreed."""
        return next((term for term in self.terms if term.number == self.number), None)

    @property
    def queued_terms(self) -> tuple[Term, ...]:
        return tuple(term for term in self.terms if term.number > self.number)

    @property
    def ends_at(self) -> datetime:
        """The end of the current term."""
        current = self.current_term
        return current.ends_at if current else NEVER

    @property
    def paid_until(self) -> datetime:
        """The end of the last queued term, which is what reminders lead to."""
        return self.terms[-1].ends_at if self.terms else NEVER

    @property
    def clock_stopped(self) -> bool:
        """A hold lasts whose time will be given back: until then no term ends, and nobody is reminded."""
        return self.term is TermState.IN_FORCE and self.suspension is not None and self.suspension.compensate

    def entitled(self, name: str, instant: datetime) -> bool:
        return any(held.name == name and (held.until is None or instant < held.until) for held in self.entitlements)

    def evolve(self, event: Event) -> Self:
        match event:
            case SubscriptionOpened():
                return replace(
                    self,
                    term=TermState.PENDING,
                    account_id=event.account_id,
                    starts_on=event.starts_on,
                    time_zone=event.time_zone,
                    grace_days=event.grace_days,
                    reinstatement_days=event.reinstatement_days,
                    reminders=event.reminders,
                    bulk_data=event.bulk_data,
                    catalogue=event.catalogue,
                    follows=event.follows,
                    terms=(_first_term(event, event.months),),
                    number=1,
                )
            case SubscriptionActivated():
                agreed = self.terms[0]
                kept = (agreed.starts_at, agreed.ends_at) == (event.starts_at, event.ends_at)
                return replace(
                    self,
                    term=TermState.IN_FORCE,
                    starts_on=event.starts_on,
                    time_zone=event.time_zone,
                    terms=self.terms if kept else (_first_term(event, agreed.months),),
                    activated_at=event.at,
                    quota_anchor=event.quota_anchor,
                    quota_runs=(QuotaRun(anchor=event.quota_anchor, first=0),),
                    plans=event.plans,
                    catalogue=event.catalogue,
                    entitlements=tuple(_included(each, event.at) for each in event.entitlements),
                    bulk_data=event.bulk_data,
                    end_set_at=event.at,
                )
            case SubscriptionEnded(cause=cause):
                return replace(
                    self,
                    term=TermState.ENDED,
                    suspension=None,
                    intent=Intent.NONE,
                    grace_ends_at=None,
                    ends_for_good_at=None,
                    scheduled_plan_change=None,
                    announced=None,
                    ended_because=cause,
                    access_ended_at=self.access_ended_at or event.at,
                )
            case SubscriptionSuspended():
                held = Suspension(since=event.at, until=event.until, compensate=event.compensate, cause=event.cause)
                return replace(self, suspension=held)
            case SubscriptionResumed():
                return replace(self, suspension=None)
            case CancellationScheduled():
                return replace(self, intent=Intent.CANCEL_AT_END)
            case CancellationUndone():
                return replace(self, intent=Intent.NONE, end_set_at=event.at)
            case SubscriptionExpiring(ends_at=end, days_left=days) | SubscriptionReminderSkipped(ends_at=end, days_left=days):
                return replace(self, reminded=self.reminded | {(end, days)})
        changed = self._evolve_terms(event)
        return self._evolve_promises(event) if changed is self else changed

    def _evolve_terms(self, event: Event) -> Self:
        match event:
            case SubscriptionRenewed():
                return self._renewed(event)
            case RenewalWithdrawn(number=number):
                return replace(self, terms=tuple(term for term in self.terms if term.number < number), end_set_at=event.at)
            case RenewalAnnounced():
                return replace(self, announced=Announcement(reference=event.reference, expected_by=event.expected_by))
            case TermRolledOver(number=number):
                return replace(self, number=number, extended_days=0)
            case GraceStarted(grace_ends_at=end):
                return replace(self, term=TermState.GRACE, grace_ends_at=end)
            case SubscriptionLapsed(ends_for_good_at=end):
                return replace(
                    self,
                    term=TermState.LAPSED,
                    suspension=None,
                    intent=Intent.NONE,
                    grace_ends_at=None,
                    ends_for_good_at=end,
                    announced=None,
                    access_ended_at=event.at,
                )
            case SubscriptionReinstated():
                term = Term(
                    number=event.number,
                    starts_at=event.starts_at,
                    ends_at=event.ends_at,
                    months=event.months,
                    anchor_on=event.anchor_on,
                    anchor_months=event.anchor_months,
                )
                return replace(
                    self,
                    term=TermState.IN_FORCE,
                    terms=(*self.terms, term),
                    number=event.number,
                    quota_anchor=event.quota_anchor,
                    quota_runs=self._runs_with(event.quota_anchor),
                    access_ended_at=None,
                    ends_for_good_at=None,
                    extended_days=0,
                    end_set_at=event.at,
                )
            case SubscriptionExtended():
                asked = 0 if event.compensates else event.days
                return replace(self._moved(event.terms, event.at, event.grace_ends_at), extended_days=self.extended_days + asked)
            case TermCorrectionProposed():
                return replace(self, correction=event)
            case TermCorrectionDeclined():
                return replace(self, correction=None)
            case TermCorrected():
                starts_on = self.correction.starts_on if self.correction and event.number == 1 else self.starts_on
                return replace(self._moved(event.terms, event.at, event.grace_ends_at), correction=None, starts_on=starts_on)
        return self

    def _renewed(self, event: SubscriptionRenewed) -> Self:
        last = self.terms[-1]
        term = replace(
            last,
            number=event.number,
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            months=event.months,
            anchor_months=last.anchor_months + event.months,
        )
        renewed = replace(self, terms=(*self.terms, term), announced=None, end_set_at=event.at)
        if self.term is not TermState.GRACE:
            return renewed
        return replace(renewed, term=TermState.IN_FORCE, number=event.number, grace_ends_at=None, extended_days=0)

    def _runs_with(self, anchor: datetime) -> tuple[QuotaRun, ...]:
        """Months are counted anew from `anchor`: their numbers go on behind the last month in which there was access."""
        last = self.quota_runs[-1]
        if anchor == last.anchor:
            return self.quota_runs
        used_until = (self.access_ended_at or anchor) - timedelta(microseconds=1)
        return (*self.quota_runs, QuotaRun(anchor=anchor, first=last.first + quota_month(last.anchor, used_until)[0] + 1))

    def _moved(self, terms: tuple[Term, ...], at: datetime, grace_ends_at: datetime) -> Self:
        by_number = {term.number: term for term in terms}
        moved = replace(self, terms=tuple(by_number.get(term.number, term) for term in self.terms))
        if moved.paid_until != self.paid_until:
            moved = replace(moved, end_set_at=at)
        change = self.scheduled_plan_change
        if change and change.when == "term_end" and change.number in by_number:
            moved = replace(moved, scheduled_plan_change=replace(change, takes_effect_at=by_number[change.number].ends_at))
        if self.term in {TermState.GRACE, TermState.LAPSED} and moved.ends_at > at:
            return replace(moved, term=TermState.IN_FORCE, grace_ends_at=None, ends_for_good_at=None, access_ended_at=None, end_set_at=at)
        if self.term is TermState.GRACE:
            return replace(moved, grace_ends_at=grace_ends_at)
        return moved

    def _evolve_promises(self, event: Event) -> Self:
        match event:
            case PlanChangeScheduled():
                change = ScheduledPlanChange(plans=event.plans, when=event.when, takes_effect_at=event.takes_effect_at, number=event.number)
                return replace(self, scheduled_plan_change=change)
            case PlansChanged(scheduled=scheduled):
                waiting = None if scheduled else self.scheduled_plan_change
                former = (*self.former_plans, (event.at, self.plans))
                return replace(self, plans=event.plans, former_plans=former, scheduled_plan_change=waiting)
            case PlanChangeUndone():
                return replace(self, scheduled_plan_change=None)
            case EntitlementGranted(entitlement=granted):
                held = HeldEntitlement(
                    name=granted.name,
                    limit=granted.limit,
                    since=event.at,
                    until=event.until,
                    approver=event.approver,
                    requester=event.requester,
                )
                return replace(self, entitlements=(*(e for e in self.entitlements if e.name != granted.name), held))
            case EntitlementWithdrawn(name=name):
                return replace(self, entitlements=tuple(held for held in self.entitlements if held.name != name))
            case BulkDataLinkIssued():
                link = BulkDataLink(
                    id=event.link_id,
                    product=event.product,
                    release=event.release,
                    issued_at=event.at,
                    expires_at=event.expires_at,
                    reminders=event.reminders,
                    file_name=event.file_name,
                    bytes=event.bytes,
                    md5=event.md5,
                )
                return replace(self, links=(*self.links, link))
            case BulkDataLinkExpiring(link_id=id, days_left=days) | BulkDataLinkReminderSkipped(link_id=id, days_left=days):
                links = (replace(link, reminded=link.reminded | {days}) if link.id == id else link for link in self.links)
                return replace(self, links=tuple(links))
            case UsagePeriodClosed():
                return replace(self, closed_months=(*self.closed_months, _closed(event)))
            case UsagePeriodAdjusted():
                adjusted = _closed(event)
                key = (adjusted.product, adjusted.number)
                months = (adjusted if (month.product, month.number) == key else month for month in self.closed_months)
                return replace(self, closed_months=tuple(months))
            case UsageStatementMade(ends_at=end, days_left=days):
                return replace(self, stated=(*self.stated, (end, days)))
            case QuotaReached():
                told = Told(product=event.product, counted=event.counted, starts_at=event.starts_at, percent=event.percent)
                return replace(self, quota_told=with_told(self.quota_told, told))
        return self


def _closed(event: UsagePeriodClosed | UsagePeriodAdjusted) -> ClosedMonth:
    return ClosedMonth(
        product=event.product,
        number=event.period,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        requests=event.requests,
        records=event.records,
    )


def _first_term(event: SubscriptionOpened | SubscriptionActivated, months: int) -> Term:
    return Term(number=1, starts_at=event.starts_at, ends_at=event.ends_at, months=months, anchor_on=event.starts_on, anchor_months=months)


def _included(entitlement: Entitlement, since: datetime) -> HeldEntitlement:
    return HeldEntitlement(name=entitlement.name, limit=entitlement.limit, since=since)
