"""What can be asked of a subscription, and what its deadlines ask of it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from domain.catalogue import ApiPlan, BulkData, Entitlement, Product
from domain.commands.base import Command
from domain.events.itk_subscription import StatedUsage
from domain.quotas import Counted


class SubscriptionCommand(Command):
    pass


@dataclass(frozen=True, kw_only=True)
class OpenSubscription(SubscriptionCommand):
    """`starts_on` is a local date of the institution; `follows` an ended subscription that it returns from."""

    account_id: UUID
    starts_on: date
    months: int = 12
    bulk_data: tuple[BulkData, ...] = ()
    follows: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class ActivateSubscription(SubscriptionCommand):
    """`starts_on` moves term 1; without it term 1 is the period that was agreed."""

    starts_on: date | None = None


@dataclass(frozen=True, kw_only=True)
class RenewSubscription(SubscriptionCommand):
    months: int = 12
    reference: str | None = None


@dataclass(frozen=True, kw_only=True)
class WithdrawRenewal(SubscriptionCommand):
    """Takes back the last queued term."""


@dataclass(frozen=True, kw_only=True)
class AnnounceRenewal(SubscriptionCommand):
    reference: str
    expected_by: date | None = None


@dataclass(frozen=True, kw_only=True)
class ReinstateSubscription(SubscriptionCommand):
    """Contiguous starts where the old term ended; fresh starts now, and everything counts anew."""

    mode: Literal["contiguous", "fresh"]
    months: int = 12


@dataclass(frozen=True, kw_only=True)
class ExtendSubscription(SubscriptionCommand):
    days: int


@dataclass(frozen=True, kw_only=True)
class ProposeTermCorrection(SubscriptionCommand):
    """`ends_on` is the first local date that the term does not cover."""

    number: int
    starts_on: date
    ends_on: date
    accept_shortening: bool = False


@dataclass(frozen=True, kw_only=True)
class ApproveTermCorrection(SubscriptionCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class DeclineTermCorrection(SubscriptionCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class ChangePlans(SubscriptionCommand):
    """`plans` replace the limits of the products that they name. Without `when` an upgrade is now, all else at the next reset."""

    plans: tuple[ApiPlan, ...]
    when: Literal["now", "next_reset", "term_end"] | None = None


@dataclass(frozen=True, kw_only=True)
class UndoPlanChange(SubscriptionCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class GrantEntitlement(SubscriptionCommand):
    """Bulk data is `bulk_data:scholarly` and `bulk_data:patent`."""

    entitlement: Entitlement
    approver: str
    requester: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class WithdrawEntitlement(SubscriptionCommand):
    name: str
    approver: str | None = None
    requester: str | None = None


@dataclass(frozen=True, kw_only=True)
class SuspendSubscription(SubscriptionCommand):
    until: datetime | None = None
    compensate: bool = False
    cause: str = "asked"


@dataclass(frozen=True, kw_only=True)
class ResumeSubscription(SubscriptionCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class CancelSubscription(SubscriptionCommand):
    when: Literal["now", "term_end"]


@dataclass(frozen=True, kw_only=True)
class UndoCancellation(SubscriptionCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class IssueBulkDataLink(SubscriptionCommand):
    """With the file as it is registered: its name, size and checksum."""

    link_id: UUID
    product: BulkData
    release: str
    file_name: str
    bytes: int
    md5: str


@dataclass(frozen=True, kw_only=True)
class UsageTotal:
    """What was used of one product in one period."""

    product: Product
    requests: int
    records: int = 0


@dataclass(frozen=True, kw_only=True)
class CloseUsagePeriod(SubscriptionCommand):
    """`period` counts quota months from 0, and on after a fresh start; a product without a total was not used."""

    period: int
    totals: tuple[UsageTotal, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AdjustUsagePeriod(SubscriptionCommand):
    """The totals as they are when nothing that is reported late counts any more."""

    period: int
    totals: tuple[UsageTotal, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NoteQuota(SubscriptionCommand):
    """So much was used by the institution's own tokens in the quota month that began at `starts_at`."""

    product: Product
    counted: Counted
    used: int
    starts_at: datetime


@dataclass(frozen=True, kw_only=True)
class MakeUsageStatement(SubscriptionCommand):
    """Of term `number`, `days_left` before its end."""

    number: int
    days_left: int
    used: tuple[StatedUsage, ...] = ()
    people: int = 0


@dataclass(frozen=True, kw_only=True)
class RemindOfEnd(SubscriptionCommand):
    days_left: int


@dataclass(frozen=True, kw_only=True)
class RemindOfBulkDataLink(SubscriptionCommand):
    link_id: UUID
    days_left: int


@dataclass(frozen=True, kw_only=True)
class EndTerm(SubscriptionCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class EndGrace(SubscriptionCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class EndLapse(SubscriptionCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class ApplyPlanChange(SubscriptionCommand):
    pass


ALONE = (
    RemindOfEnd,
    RemindOfBulkDataLink,
    EndTerm,
    EndGrace,
    EndLapse,
    ResumeSubscription,
    ApplyPlanChange,
    CloseUsagePeriod,
    AdjustUsagePeriod,
    NoteQuota,
    MakeUsageStatement,
)
"""These are decided from the subscription alone."""
