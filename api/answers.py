"""What goes out: the shape of each answer, without a field that is not named here."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from api.bodies import Plan
from domain.access import Code
from domain.catalogue import BulkData, Product
from domain.events.institutional_account import Role
from domain.events.onboarding import Step
from domain.events.portfolios import Mode, Visibility, WorksKind
from domain.events.user_import import RowOutcome


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
    last_used_at: datetime | None = None
    """When a call was last let in or turned away; told where one token is looked at."""


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


class StepShown(Out):
    """A step of the checklist. `waiting_since` is null where it is done, or where something must be done before it."""

    step: Step
    title: str
    who: Literal["institution", "support"]
    what: str
    optional: bool
    done_at: datetime | None
    waiting_since: datetime | None


class OnboardingShown(Out):
    """`waiting_step` is the one that could be done and has waited longest; null once all that is not optional is done."""

    account_id: UUID
    institution: str | None
    done: int
    of: int
    waiting_step: Step | None
    waiting_since: datetime | None
    steps: list[StepShown]


class WaitingShown(Out):
    account_id: UUID
    institution: str | None
    status: Literal["nominated", "active", "suspended"]
    done: int
    of: int
    waiting_step: Step
    title: str
    who: Literal["institution", "support"]
    waiting_since: datetime
    waiting_days: int


class OnboardingListed(Listed):
    items: list[WaitingShown]


class EvidenceShown(Out):
    """An event of the account's stream that tells of the portfolio: its topic, its position in the log, its version of the stream."""

    event: str
    position: int
    version: int
    at: datetime


class WidgetShown(Out):
    """`snippet` is what goes into the institution's own page; only the sites of `shown_at` get to see it."""

    snippet: str
    shown_at: list[str]


class PortfolioShown(Out):
    """`why` says what stands against its being in force, and `since` since when, where that is known. Only what is public has a page."""

    id: UUID
    account_id: UUID
    name: str
    kind: WorksKind
    address: str
    statement: str
    attested_by: str
    mode: Mode
    query: str | None
    visibility: Visibility
    status: Literal["in_force", "not_in_force", "withdrawn"]
    why: str | None
    since: datetime | None
    attested_at: datetime
    amended_at: datetime | None
    withdrawn_at: datetime | None
    evidence: list[EvidenceShown]
    page: str | None
    widget: WidgetShown | None


class PortfoliosShown(Listed):
    items: list[PortfolioShown]


class BrandingShown(Out):
    """`html` is what becomes of the description. It is shown while `why_not_shown` is null."""

    account_id: UUID
    description: str
    html: str
    frame_ancestors: list[str]
    image_id: str | None
    image: str | None
    set_at: datetime | None
    why_not_shown: str | None


class ImageShown(Out):
    """A picture as it is kept: drawn anew, without anything else that the file had. `id` is the SHA-256 of its bytes."""

    id: str
    account_id: UUID
    address: str
    media_type: str
    width: int
    height: int
    bytes: int


class LibrarianKeyShown(Out):
    """`needs_review`: a contact of the account has changed hands since the key was issued or last reviewed."""

    id: UUID
    account_id: UUID
    name: str
    issued_at: datetime
    expires_at: datetime
    reviewed_at: datetime | None
    needs_review: bool
    revoked_at: datetime | None


class LibrarianKeyIssuedShown(LibrarianKeyShown):
    secret: str | None
    """Shown in this one answer, and null in any repetition of it."""
    note: str | None = None


class LibrarianKeysShown(Listed):
    items: list[LibrarianKeyShown]


class RiskShown(Out):
    """Why nothing shows any more that the person belongs to the institution, and until when it can be confirmed."""

    why: Literal["domain-retired", "address-changed", "absent-from-list"]
    until: datetime


class UserPlanShown(Shown):
    account_id: UUID
    subscription_id: UUID
    registered_account_id: str | None
    email: str
    name: str | None
    status: Literal["requested", "invited", "active", "suspended", "at_risk", "expired", "ended", "rejected"]
    renewal: Literal["none", "waiting"]
    doubts: list[str]
    review_due_at: datetime | None
    review_overdue: bool | None = None
    """Only in lists: a review waits longer than one working day."""
    invitation_ends_at: datetime | None
    risk: RiskShown | None
    term: int | None
    until: datetime | None
    plans: list[Plan]


class UserPlansShown(Listed):
    items: list[UserPlanShown]


class UsersShown(Out):
    """How many people of an institution there are in each status, and who waits for what."""

    subscription_id: UUID
    statuses: dict[str, int]
    renewals_waiting: int
    reviews_open: int
    reviews_overdue: int


class UserImportShown(Shown):
    """`outcomes` counts the settled rows; `absent` is told of a complete list (mode=reconcile)."""

    account_id: UUID
    subscription_id: UUID
    status: Literal["running", "completed", "undone"]
    mode: Literal["add", "reconcile"]
    dry_run: bool
    rows: int
    settled: int
    outcomes: dict[str, int]
    same_as: UUID | None
    submitted_at: datetime
    completed_at: datetime | None
    undo_until: datetime | None
    absent: int | None
    absences_confirmed: bool
    warnings: list[str] | None = None


class UserImportsShown(Listed):
    items: list[UserImportShown]


class ImportRowShown(Out):
    row: int
    line: int
    email: str
    name: str | None
    outcome: RowOutcome
    reason: str | None
    user_plan_id: UUID | None


class ImportRowsShown(Listed):
    items: list[ImportRowShown]


class UsageSumShown(Out):
    """What was let in, and by reason what was not."""

    requests: int
    records: int
    refused: dict[Code, int]


class UsageRowShown(UsageSumShown):
    """Of what the report is not broken down by, nothing is told. A person is an address, or `institution` for its own tokens."""

    product: Product | None = None
    month: str | None = None
    person: str | None = None
    user_plan_id: UUID | None = None
    token: str | None = None
    token_id: UUID | None = None


class UsageReportShown(Out):
    """`starts_at` and `ends_at` bound it, half-open; null where nothing but the thing's own life does."""

    starts_at: datetime | None
    ends_at: datetime | None
    time_zone: str
    by: list[str]
    rows: list[UsageRowShown]
    totals: UsageSumShown


class UsageTakenShown(Out):
    """What a batch of usage added up to, and when it was taken in."""

    batch_id: str
    taken_at: datetime
    entries: int
    requests: int
    records: int
    refused: int


class RegisteredAccountsShown(Out):
    accounts: int
    emails: int


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


class EmailWhole(EmailShown):
    """With what it says, as it left; `text` and `html` are null of a letter that went to nobody.

    Links that are for its reader alone lead nowhere here.
    """

    message_id: str | None
    text: str | None
    html: str | None


class EmailsShown(Listed):
    items: list[EmailShown]


class CorrectionBeside(Out):
    """A correction of an event. `position` is where it was proposed, `put_right_by` where the state was put right."""

    id: UUID
    status: Literal["proposed", "approved", "declined", "withdrawn"]
    position: int
    put_right_by: int | None


class EventShown(Out):
    """`sentence` says it to people; a day in it is local where the event holds its zone, else UTC's.

    `actor` of what a librarian did is the id of the key; `actor_name` is what its holder is called, or `[erased]`.
    """

    sentence: str
    position: int
    stream_id: UUID
    version: int
    topic: str
    at: datetime
    recorded_at: datetime
    account_id: UUID | None
    actor: str
    actor_name: str
    role: str
    on_behalf_of: str | None
    reason: str | None
    command_id: UUID | None
    correlation_id: UUID | None
    causation_id: UUID | None
    data: dict[str, Any]
    corrections: list[CorrectionBeside]


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


class LiveShown(Out):
    status: Literal["ok"]


class ReadyShown(LiveShown):
    position: int
    head: int


class ReasonShown(Out):
    code: str
    detail: str
    position: int | None


class RemainingShown(Out):
    """After this call if it was allowed, before it if not."""

    requests_per_month: int
    requests_per_minute: int
    records_per_month: int | None
    resets_at: datetime


class LimitsShown(Plan):
    remaining: RemainingShown | None


class CheckShown(Out):
    """`retry_at`: from then on the same call would do, as things stand. `reference` finds a refusal for 90 days."""

    allowed: bool
    reasons: list[ReasonShown]
    limits: LimitsShown | None
    retry_at: datetime | None
    reference: UUID | None


class CountedShown(Out):
    """What the counters said when a call was refused."""

    requests: int
    records: int
    resets_at: datetime
    requests_this_minute: int
    minute_resets_at: datetime | None


class RefusalShown(Out):
    reference: UUID
    at: datetime
    product: Product
    token_id: UUID | None
    account_id: UUID | None
    reasons: list[ReasonShown]
    usage: CountedShown | None


class LimitShown(Out):
    limit: int
    used: int
    remaining: int


class UsageShown(Out):
    """Of the present quota month, which begins anew at `reset_date`, and of the running minute."""

    product: Product
    requests_per_month: LimitShown
    requests_per_minute: LimitShown
    records_per_month: LimitShown | None
    records_this_month: int
    records_per_request: int | None
    nested_aggregations_per_request: int | None
    reset_date: datetime


class ExplainShown(Out):
    """Whether the token may call the product at the instant, and if not, every reason in order."""

    allowed: bool
    at: datetime
    token_id: UUID
    product: Product
    reasons: list[ReasonShown]
    limits: Plan | None


class HolderReleaseShown(Out):
    product: BulkData
    version: str
    records: int
    md5: str
    bytes: int
    file_name: str
    registered_at: datetime


class HolderReleasesShown(Out):
    product: BulkData
    releases: list[HolderReleaseShown]


class ReleaseShown(HolderReleaseShown):
    """`location` and `registered_by` are shown to staff."""

    location: str | None
    registered_by: str | None


class ReleasesShown(Listed):
    items: list[ReleaseShown]


class BulkDataLinkShown(Out):
    """`url` is the download page, to whoever may fetch the file."""

    id: UUID
    subscription_id: UUID
    product: BulkData
    release: str
    file_name: str | None
    bytes: int | None
    md5: str | None
    issued_at: datetime
    expires_at: datetime
    url: str | None


class DownloadShown(Out):
    """One request for a file: by a link, or with a token. `bytes` from `first_byte` on are what was asked for."""

    at: datetime
    link_id: UUID | None
    token_id: UUID | None
    product: BulkData
    version: str
    method: Literal["GET", "HEAD"]
    first_byte: int | None
    bytes: int | None
    status: int
    answer: str


class BulkDataLinkListed(BulkDataLinkShown):
    """`downloads` are the last requests, of `requests` in all."""

    requests: int
    downloads: list[DownloadShown]


class BulkDataLinksShown(Listed):
    items: list[BulkDataLinkListed]


class HoldingShown(Out):
    """`approver` is null for what came with the subscription; `granted_by` entered it, in the event at `position`."""

    product: BulkData
    since: datetime
    until: datetime | None
    approver: str | None
    granted_by: str
    position: int


class BulkDataAccessShown(Out):
    subscription_id: UUID
    on: date
    starts_at: datetime
    ends_at: datetime
    held: list[HoldingShown]
    downloads: list[DownloadShown]
    next: str | None
