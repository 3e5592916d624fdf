"""What a subscription is made of: its three independent sides, and the small facts that it keeps."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from domain.catalogue import ApiPlan, BulkData, Product


class TermState(StrEnum):
    NEW = "new"
    PENDING = "pending"
    IN_FORCE = "in_force"
    GRACE = "grace"
    LAPSED = "lapsed"
    ENDED = "ended"


class Hold(StrEnum):
    NONE = "none"
    SUSPENDED = "suspended"


class Intent(StrEnum):
    NONE = "none"
    CANCEL_AT_END = "cancel_at_end"


class Status(StrEnum):
    """What people see of the three sides together."""

    NEW = "new"
    ENDED = "ended"
    LAPSED = "lapsed"
    SUSPENDED = "suspended"
    GRACE = "grace"
    ACTIVE = "active"
    PENDING = "pending"


@dataclass(frozen=True, kw_only=True)
class Suspension:
    since: datetime
    until: datetime | None
    compensate: bool
    cause: str


@dataclass(frozen=True, kw_only=True)
class Announcement:
    reference: str
    expected_by: date | None


@dataclass(frozen=True, kw_only=True)
class ScheduledPlanChange:
    """`number` is the term at whose end it takes effect, where `when` says so."""

    plans: tuple[ApiPlan, ...]
    when: Literal["next_reset", "term_end"]
    takes_effect_at: datetime
    number: int


@dataclass(frozen=True, kw_only=True)
class HeldEntitlement:
    """`approver` and `requester` are None for what came with the subscription."""

    name: str
    limit: int | None
    since: datetime
    until: datetime | None = None
    approver: str | None = None
    requester: str | None = None


@dataclass(frozen=True, kw_only=True)
class BulkDataLink:
    id: UUID
    product: BulkData
    release: str
    issued_at: datetime
    expires_at: datetime
    reminders: tuple[int, ...]
    file_name: str | None = None
    bytes: int | None = None
    md5: str | None = None
    reminded: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True)
class QuotaRun:
    """Quota months that are counted from one instant; `first` is the number of the first of them."""

    anchor: datetime
    first: int


@dataclass(frozen=True, kw_only=True)
class QuotaMonth:
    """Half-open; cut short where the months were counted anew before it was over."""

    number: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class Statement:
    """Of what was used in a term until `due_at`, so many days before its end."""

    number: int
    days_left: int
    starts_at: datetime
    ends_at: datetime
    due_at: datetime


@dataclass(frozen=True, kw_only=True)
class ClosedMonth:
    """What was used of a product in a quota month that is over."""

    product: Product
    number: int
    starts_at: datetime
    ends_at: datetime
    requests: int
    records: int
