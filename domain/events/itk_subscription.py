"""What can happen to a subscription. Every promise is pinned: dates, zone, resolved instants, limits, days of grace."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from domain.catalogue import ApiPlan, BulkData, Entitlement, Product
from domain.events.base import Claim, Event, Release
from domain.quotas import Counted


@dataclass(frozen=True, kw_only=True)
class Term:
    """One term, half-open. Its end lies `anchor_months` after the local date `anchor_on`, and the next one counts on from there."""

    number: int
    starts_at: datetime
    ends_at: datetime
    months: int
    anchor_on: date
    anchor_months: int


@dataclass(frozen=True, kw_only=True)
class SubscriptionOpened(Event):
    """Term 1 as agreed. Without a known `time_zone` its instants are those of UTC until it is activated."""

    TOPIC = "subscription.opened"
    account_id: UUID
    starts_on: date
    months: int
    time_zone: str | None
    starts_at: datetime
    ends_at: datetime
    grace_days: int
    reinstatement_days: int
    reminders: tuple[int, ...]  # days before the end
    bulk_data: tuple[BulkData, ...]
    catalogue: str
    follows: UUID | None = None  # the ended subscription that the institution returns from

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Claim("subscription", str(self.account_id)),)


@dataclass(frozen=True, kw_only=True)
class SubscriptionActivated(Event):
    """The promise takes effect. Quota months count from `quota_anchor`."""

    TOPIC = "subscription.activated"
    number: int
    starts_on: date
    time_zone: str
    starts_at: datetime
    ends_at: datetime
    quota_anchor: datetime
    plans: tuple[ApiPlan, ...]
    catalogue: str
    entitlements: tuple[Entitlement, ...]  # bulk data included
    bulk_data: tuple[BulkData, ...]


@dataclass(frozen=True, kw_only=True)
class SubscriptionRenewed(Event):
    """One more term is paid for; in grace it begins at once, where the old one ended."""

    TOPIC = "subscription.renewed"
    number: int
    starts_at: datetime
    ends_at: datetime
    months: int
    reference: str | None = None


@dataclass(frozen=True, kw_only=True)
class RenewalWithdrawn(Event):
    """The last queued term is taken back."""

    TOPIC = "subscription.renewal-withdrawn"
    number: int


@dataclass(frozen=True, kw_only=True)
class RenewalAnnounced(Event):
    """A purchase order or an invoice is in work."""

    TOPIC = "subscription.renewal-announced"
    reference: str
    expected_by: date | None


@dataclass(frozen=True, kw_only=True)
class TermRolledOver(Event):
    """A queued term is the current one now."""

    TOPIC = "subscription.term-rolled-over"
    number: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class GraceStarted(Event):
    TOPIC = "subscription.grace-started"
    grace_ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class SubscriptionLapsed(Event):
    """Nothing works any more; until `ends_for_good_at` it can be reinstated."""

    TOPIC = "subscription.lapsed"
    ends_for_good_at: datetime


@dataclass(frozen=True, kw_only=True)
class SubscriptionReinstated(Event):
    TOPIC = "subscription.reinstated"
    mode: Literal["contiguous", "fresh"]
    number: int
    starts_at: datetime
    ends_at: datetime
    months: int
    anchor_on: date
    anchor_months: int
    quota_anchor: datetime


@dataclass(frozen=True, kw_only=True)
class SubscriptionEnded(Event):
    TOPIC = "subscription.ended"
    cause: Literal["cancelled", "lapsed"]

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Release(),)


@dataclass(frozen=True, kw_only=True)
class SubscriptionExtended(Event):
    """`terms` are all that moved. `grace_ends_at` counts where the new end has passed as well; else the term is in force."""

    TOPIC = "subscription.extended"
    number: int
    days: int
    terms: tuple[Term, ...]
    grace_ends_at: datetime
    compensates: bool = False  # gives back the time of a hold


@dataclass(frozen=True, kw_only=True)
class TermCorrectionProposed(Event):
    """`ends_on` is the first local date that the term does not cover."""

    TOPIC = "subscription.term-correction-proposed"
    number: int
    starts_on: date
    ends_on: date
    starts_at: datetime
    ends_at: datetime
    accept_shortening: bool
    proposed_by: str


@dataclass(frozen=True, kw_only=True)
class TermCorrectionDeclined(Event):
    TOPIC = "subscription.term-correction-declined"
    number: int


@dataclass(frozen=True, kw_only=True)
class TermCorrected(Event):
    """Proposed by one, approved by another. `terms` are all that moved."""

    TOPIC = "subscription.term-corrected"
    number: int
    terms: tuple[Term, ...]
    grace_ends_at: datetime
    shortened: bool
    proposed_by: str
    approved_by: str


@dataclass(frozen=True, kw_only=True)
class PlanChangeScheduled(Event):
    """`plans` are the new limits of the products that change; `number` is the term at whose end it is, if it is at one."""

    TOPIC = "subscription.plan-change-scheduled"
    plans: tuple[ApiPlan, ...]
    when: Literal["next_reset", "term_end"]
    takes_effect_at: datetime
    number: int


@dataclass(frozen=True, kw_only=True)
class PlansChanged(Event):
    """`plans` are all of them, as they are from now on."""

    TOPIC = "subscription.plans-changed"
    plans: tuple[ApiPlan, ...]
    scheduled: bool = False


@dataclass(frozen=True, kw_only=True)
class PlanChangeUndone(Event):
    TOPIC = "subscription.plan-change-undone"


@dataclass(frozen=True, kw_only=True)
class EntitlementGranted(Event):
    """Held until `until`, or as long as the subscription. Who asked for it is not known of grants from before version 2."""

    TOPIC = "subscription.entitlement-granted"
    class_version = 2
    entitlement: Entitlement
    until: datetime | None
    approver: str
    requester: str | None = None

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state |= {"requester": None}


@dataclass(frozen=True, kw_only=True)
class EntitlementWithdrawn(Event):
    """Who asked for it and who approved it is not known of those from before version 2."""

    TOPIC = "subscription.entitlement-withdrawn"
    class_version = 2
    name: str
    approver: str | None = None
    requester: str | None = None

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state |= {"approver": None, "requester": None}


@dataclass(frozen=True, kw_only=True)
class SubscriptionSuspended(Event):
    """`compensate` promises that the lost time is given back."""

    TOPIC = "subscription.suspended"
    until: datetime | None
    compensate: bool
    cause: str


@dataclass(frozen=True, kw_only=True)
class SubscriptionResumed(Event):
    TOPIC = "subscription.resumed"
    suspended_at: datetime


@dataclass(frozen=True, kw_only=True)
class CancellationScheduled(Event):
    TOPIC = "subscription.cancellation-scheduled"
    takes_effect_at: datetime


@dataclass(frozen=True, kw_only=True)
class CancellationUndone(Event):
    TOPIC = "subscription.cancellation-undone"


@dataclass(frozen=True, kw_only=True)
class BulkDataLinkIssued(Event):
    """The file as it was registered then. None in links from before version 2."""

    TOPIC = "subscription.bulk-data-link-issued"
    class_version = 2
    link_id: UUID
    product: BulkData
    release: str
    expires_at: datetime
    reminders: tuple[int, ...]  # days before it expires
    file_name: str | None = None
    bytes: int | None = None
    md5: str | None = None  # hex

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state |= {"file_name": None, "bytes": None, "md5": None}


@dataclass(frozen=True, kw_only=True)
class BulkDataLinkExpiring(Event):
    TOPIC = "subscription.bulk-data-link-expiring"
    link_id: UUID
    product: BulkData
    release: str
    days_left: int
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class BulkDataLinkReminderSkipped(Event):
    TOPIC = "subscription.bulk-data-link-reminder-skipped"
    link_id: UUID
    days_left: int
    expires_at: datetime
    why: str


@dataclass(frozen=True, kw_only=True)
class SubscriptionExpiring(Event):
    """One rung of the reminder ladder was reached. `ends_at` is the end of the last term paid for."""

    TOPIC = "subscription.expiring"
    days_left: int
    ends_at: datetime
    announced: bool


@dataclass(frozen=True, kw_only=True)
class SubscriptionReminderSkipped(Event):
    """A rung that nobody is to be told of any more."""

    TOPIC = "subscription.reminder-skipped"
    days_left: int
    ends_at: datetime
    why: str


@dataclass(frozen=True, kw_only=True)
class UsagePeriodClosed(Event):
    """What was used of one product in quota month `period` (from 0), which is over."""

    TOPIC = "subscription.usage-period-closed"
    product: Product
    period: int
    starts_at: datetime
    ends_at: datetime
    requests: int
    records: int
    limit: int  # requests per month


@dataclass(frozen=True, kw_only=True)
class UsagePeriodAdjusted(Event):
    """What was reported late has changed the totals of a month that was closed: these are the totals now."""

    TOPIC = "subscription.usage-period-adjusted"
    product: Product
    period: int
    starts_at: datetime
    ends_at: datetime
    requests: int
    records: int


@dataclass(frozen=True, kw_only=True)
class QuotaReached(Event):
    """`percent` of a limit of the institution's own plans is used up, in the quota month that began at `starts_at`."""

    TOPIC = "subscription.quota-reached"
    product: Product
    counted: Counted
    percent: int
    limit: int
    used: int
    starts_at: datetime
    resets_at: datetime


@dataclass(frozen=True, kw_only=True)
class StatedUsage:
    """What the institution and its people used of a product in a month of the calendar, such as 2027-03."""

    product: Product
    month: str
    requests: int
    records: int


@dataclass(frozen=True, kw_only=True)
class UsageStatementMade(Event):
    """What was used since term `number` began; `people` counts those who used a plan of their own. No days are left at the end."""

    TOPIC = "subscription.usage-statement-made"
    number: int
    days_left: int
    starts_at: datetime
    ends_at: datetime
    used: tuple[StatedUsage, ...]
    people: int
