"""The shapes of what comes in and goes out. Unknown fields are refused; texts are parsed by the domain's own values."""

from collections.abc import Callable
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from domain.catalogue import ApiPlan, BulkData, Product
from domain.errors import Invalid
from domain.events.institutional_account import Role
from domain.values import parse_date, parse_instant, parse_text

Parsed = TypeVar("Parsed")
Point = TypeVar("Point", date, datetime)

# What comes in

FIRST_YEAR, LAST_YEAR = 1970, 2199
"""No instant or date of this service lies outside: none is ever so far off that a term or a year after it could not be counted."""


def _instant(given: Any) -> datetime:
    return _bounded(_parsed(parse_instant, given))


def _day(given: Any) -> date:
    return _bounded(_parsed(parse_date, given))


def _text(given: str) -> str:
    return _parsed(lambda text: parse_text(text, field="text", max_length=500), given) if given else given


def _parsed(parse: Callable[[str], Parsed], given: Any) -> Parsed:
    if not isinstance(given, str):
        raise ValueError("this is written as a text")  # noqa: TRY004 - what pydantic takes for "not valid"
    try:
        return parse(given)
    except Invalid as invalid:
        raise ValueError(invalid.detail) from invalid


def _bounded(given: Point) -> Point:
    if not FIRST_YEAR <= given.year <= LAST_YEAR:
        raise ValueError(f"years go from {FIRST_YEAR} to {LAST_YEAR}")
    return given


Instant = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339, with its offset from UTC."""
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Flag = Annotated[bool, Field(strict=True)]


class ReasonCode(StrEnum):
    ASKED_BY_INSTITUTION = "asked-by-institution"
    CONTRACT = "contract"
    INVOICE = "invoice"
    CORRECTION = "correction"
    SECURITY = "security"
    SUPPORT_CASE = "support-case"
    OTHER = "other"


class Reason(BaseModel):
    """Why. No personal data: it is kept for ever, and shown to auditors."""

    model_config = ConfigDict(extra="forbid")
    code: ReasonCode
    text: Annotated[str, Field(max_length=500), AfterValidator(_text)] = ""

    def __str__(self) -> str:
        return f"{self.code.value}: {self.text}" if self.text else self.code.value


class Body(BaseModel):
    """What every command can say besides."""

    model_config = ConfigDict(extra="forbid")
    reason: Reason | None = None

    @property
    def why(self) -> str | None:
        return str(self.reason) if self.reason else None


Short = Annotated[str, Field(max_length=1_000)]
"""A text as it came; the domain's parser says what is wrong with it."""
Days = Annotated[int, Field(strict=True, ge=0, le=3_660)]
Months = Annotated[int, Field(strict=True, ge=1, le=120)]


class Plan(BaseModel):
    """The limits on one product; null where there is none."""

    model_config = ConfigDict(extra="forbid")
    product: Product
    requests_per_month: Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)]
    requests_per_minute: Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
    records_per_request: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = None
    nested_aggregations_per_request: Annotated[int, Field(strict=True, ge=0, le=100)] | None = None
    records_per_month: Annotated[int, Field(strict=True, ge=1, le=1_000_000_000_000)] | None = None

    def value(self) -> ApiPlan:
        return ApiPlan(**self.model_dump())


class OpenSubscriptionBody(Body):
    account_id: UUID
    starts_on: Day
    months: Months = 12
    bulk_data: Annotated[list[BulkData], Field(max_length=2)] = []
    follows: UUID | None = None


class ActivateBody(Body):
    starts_on: Day | None = None


class RenewBody(Body):
    months: Months = 12
    reference: Short | None = None


class AnnounceBody(Body):
    reference: Short
    expected_by: Day | None = None


class ReinstateSubscriptionBody(Body):
    mode: Literal["contiguous", "fresh"]
    months: Months = 12


class ExtendBody(Body):
    days: Annotated[int, Field(strict=True, ge=1, le=3_660)]


class CorrectTermBody(Body):
    """One admin proposes (`step` propose), another approves or declines. `ends_on` is the first date that is not covered."""

    step: Literal["propose", "approve", "decline"] = "propose"
    number: Annotated[int, Field(strict=True, ge=1, le=1_000)] | None = None
    starts_on: Day | None = None
    ends_on: Day | None = None
    accept_shortening: Flag = False


class ChangePlansBody(Body):
    plans: Annotated[list[Plan], Field(min_length=1, max_length=4)]
    when: Literal["now", "next_reset", "term_end"] | None = None


class SuspendSubscriptionBody(Body):
    until: Instant | None = None
    compensate: Flag = False


class CancelBody(Body):
    when: Literal["now", "term_end"]


class EntitlementBody(Body):
    name: Annotated[str, Field(pattern=r"^[a-z_]+(:[a-z_]+)?$", max_length=60)]
    limit: Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)] | None = None
    until: Instant | None = None
    approver: Short
    withdraw: Flag = False


class IssueTokenBody(Body):
    owner_id: UUID
    label: Short


class RotateTokenBody(Body):
    overlap_days: Days = 7


class LeakBody(Body):
    where: Short = "not said"


class AdvanceBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    to: Instant


# What goes out


class Out(BaseModel):
    """What is not named here is not shown."""

    model_config = ConfigDict(extra="forbid")


class Shown(Out):
    """A thing: its id, and its version, which is also its ETag."""

    id: UUID
    version: int


class TermShown(Out):
    number: int
    starts_at: datetime
    ends_at: datetime


class EntitlementShown(Out):
    name: str
    limit: int | None = None
    until: datetime | None = None


class QuotaShown(Out):
    anchor: datetime | None
    resets_at: datetime | None


class SubscriptionShown(Shown):
    account_id: UUID
    status: Literal["pending", "active", "grace", "suspended", "lapsed", "ended"]
    term: TermShown | None
    queued_terms: list[TermShown]
    paid_until: datetime | None
    grace_ends_at: datetime | None
    hold: Literal["none", "suspended"]
    intent: Literal["none", "cancel_at_end"]
    ended_because: str | None
    plans: list[Plan]
    quota: QuotaShown
    entitlements: list[EntitlementShown]


class TokenShown(Shown):
    owner_id: UUID
    account_id: UUID
    label: str
    status: Literal["active", "rotating", "expired", "revoked"]
    prefix: str
    last_four: str
    issued_at: datetime
    expires_at: datetime
    replaced_by: UUID | None


class TokenIssuedShown(TokenShown):
    secret: str | None
    """Shown in this one answer, and null in any repetition of it."""
    note: str | None = None


class Listed(Out):
    """A page of a list; `next` is what to pass as `after` for the following one."""

    next: str | None


class SubscriptionsShown(Listed):
    items: list[SubscriptionShown]


class TokensShown(Listed):
    items: list[TokenShown]


class DomainBody(BaseModel):
    """`confirm_a_label` repeats the A-label of a domain that is not written in ASCII."""

    model_config = ConfigDict(extra="forbid")
    domain: Short
    subdomains: Flag = False
    confirm_a_label: Short | None = None


class ContactBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    email: Short
    name: Short | None = None
    roles: Annotated[list[Role], Field(max_length=3)] = []


class NominateBody(Body):
    """Only the mailbox is needed; what else is missing is asked for. A domain is its name, or an object."""

    email: Short
    registered_account_id: Short | None = None
    institution: Short | None = None
    time_zone: Short | None = None
    contact_name: Short | None = None
    ror_id: Short | None = None
    domains: Annotated[list[Short | DomainBody], Field(max_length=100)] = []
    ip_ranges: Annotated[list[Short], Field(max_length=1_000)] = []
    contacts: Annotated[list[ContactBody], Field(max_length=50)] = []


class AmendBody(Body):
    institution: Short | None = None
    time_zone: Short | None = None
    ror_id: Short | None = None
    registered_account_id: Short | None = None


class ReplaceRegisteredAccountBody(Body):
    registered_account_id: Short


class AddContactBody(Body, ContactBody):
    pass


class RolesBody(Body):
    roles: Annotated[list[Role], Field(max_length=3)]


class ClaimDomainBody(Body, DomainBody):
    shared: Flag = False


class ConsentBody(Body):
    with_account: UUID


class IpRangesBody(Body):
    ip_ranges: Annotated[list[Short], Field(max_length=1_000)]
    shared: Flag = False


class LinkResolversBody(Body):
    libkey_id: Short | None = None
    worldcat_registry_id: Short | None = None


class ContactTransferBody(Body):
    email: Short
    contact_name: Short | None = None
    contact_id: UUID | None = None


class RequestPlanBody(Body):
    subscription_id: UUID
    registered_account_id: Short | None = None
    email: Short
    name: Short | None = None


class ApprovePlanBody(Body):
    """For somebody whose domain does not fit: on which ground, under which licence, until when."""

    ground: Short | None = None
    licence: Short | None = None
    until: Instant | None = None


class RejectPlanBody(Body):
    cause: Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,39}$")] = "other"


class EndPlanBody(Body):
    cause: Literal["asked", "left", "domain-lost"] = "asked"
    at: Instant | None = None


class BounceBody(Body):
    email_id: UUID
    hard: Flag = True
    code: Annotated[str, Field(pattern=r"^[0-9.]{1,12}$")] = "5.0.0"
    answer: Short = "reported"


class ContactShown(Out):
    id: UUID
    email: str
    name: str | None
    roles: list[Role]
    verified: bool
    reachable: bool


class DomainShown(Out):
    domain: str
    subdomains: bool
    shared: bool
    retires_at: datetime | None


class LinkResolversShown(Out):
    libkey_id: str | None
    worldcat_registry_id: str | None


class TransferShown(Out):
    id: UUID
    contact_id: UUID
    email: str
    lapses_at: datetime


class AccountShown(Shown):
    """`warnings` come with the answer to a nomination: what is accepted, but not advisable."""

    status: Literal["nominated", "active", "suspended", "closed", "withdrawn", "rejected"]
    institution: str | None
    email: str
    registered_account_id: str | None
    time_zone: str | None
    ror_id: str | None
    missing: list[str]
    contacts: list[ContactShown]
    contact_transfer: TransferShown | None
    domains: list[DomainShown]
    ip_ranges: list[str]
    link_resolvers: LinkResolversShown
    warnings: list[str] | None = None


class AccountsShown(Listed):
    items: list[AccountShown]


class UserPlanShown(Shown):
    account_id: UUID
    subscription_id: UUID
    registered_account_id: str | None
    email: str
    name: str | None
    status: Literal["requested", "invited", "active", "suspended", "at_risk", "expired", "ended", "rejected"]
    renewal: Literal["none", "waiting"]
    doubts: list[str]
    term: int | None
    until: datetime | None
    plans: list[Plan]


class UserPlansShown(Listed):
    items: list[UserPlanShown]


class EmailShown(Out):
    id: UUID
    template: str
    audience: str
    account_id: UUID | None
    stream_id: UUID
    position: int
    status: Literal["pending", "sent", "bounced", "skipped"]
    to: str | None
    subject: str | None
    written_at: datetime
    closed_at: datetime | None
    answer: str | None


class EmailsShown(Listed):
    items: list[EmailShown]


class EventShown(Out):
    position: int
    stream_id: UUID
    version: int
    topic: str
    at: datetime
    recorded_at: datetime
    account_id: UUID | None
    actor: str
    role: str
    on_behalf_of: str | None
    reason: str | None
    command_id: UUID | None
    correlation_id: UUID | None
    causation_id: UUID | None
    data: dict[str, Any]


class EventsShown(Listed):
    items: list[EventShown]


class ClockShown(Out):
    now: datetime


class AdvancedEvent(Out):
    position: int
    topic: str
    at: datetime
    stream_id: UUID


class AdvancedEmail(Out):
    template: str
    to: str
    subject: str
    at: datetime


class TotalsShown(Out):
    events: int
    emails: int


class AdvancedShown(Out):
    now: datetime
    events: list[AdvancedEvent]
    emails: list[AdvancedEmail]
    totals: TotalsShown


class FutureEvent(Out):
    topic: str
    at: datetime
    stream_id: UUID


class LiveShown(Out):
    status: Literal["ok"]


class ReadyShown(LiveShown):
    position: int
    head: int


class ReasonShown(Out):
    code: str
    detail: str
    position: int | None


class ExplainShown(Out):
    """Whether the token may call the product at the instant, and if not, every reason in order."""

    allowed: bool
    at: datetime
    token_id: UUID
    product: Product
    reasons: list[ReasonShown]
    limits: Plan | None
