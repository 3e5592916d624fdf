"""What comes in with each command. Unknown fields are refused; texts are parsed by the domain's own values."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.fields import Body, Day, Days, Flag, Instant, Months, Short
from domain.catalogue import ApiPlan, BulkData, Product
from domain.events.institutional_account import Role
from domain.events.portfolios import Mode, Visibility, WorksKind


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
    bulk_data: Annotated[tuple[BulkData, ...], Field(max_length=2)] = ()
    follows: UUID | None = None


class ReleaseBody(BaseModel):
    """A file of bulk data. `version` is a year and its ISO week, `location` s3://bucket/key or a path in the directory of bulk data."""

    model_config = ConfigDict(extra="forbid")
    product: BulkData
    version: Annotated[str, Field(min_length=6, max_length=6)]
    records: Annotated[int, Field(strict=True, ge=0, le=10**15)]
    md5: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    bytes: Annotated[int, Field(strict=True, ge=1, le=10**15)]
    file_name: Annotated[str, Field(pattern="^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$")]
    location: Short


class BulkDataLinkBody(Body):
    product: BulkData
    release: Annotated[str, Field(min_length=6, max_length=6)]


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
    requester: Short | None = None
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
    domains: Annotated[tuple[Short | DomainBody, ...], Field(max_length=100)] = ()
    ip_ranges: Annotated[tuple[Short, ...], Field(max_length=1_000)] = ()
    contacts: Annotated[tuple[ContactBody, ...], Field(max_length=50)] = ()


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
    """The ranges one by one in canonical CIDR, or as a text in which people pasted them."""

    ip_ranges: Annotated[list[Short], Field(max_length=1_000)] | None = None
    text: Annotated[str, Field(max_length=100_000)] | None = None
    shared: Flag = False


class LinkResolversBody(Body):
    libkey_id: Short | None = None
    worldcat_registry_id: Short | None = None


class ContactTransferBody(Body):
    email: Short
    contact_name: Short | None = None
    contact_id: UUID | None = None


class IssueLibrarianKeyBody(Body):
    name: Short
    days: Days | None = None


Long = Annotated[str, Field(max_length=20_000)]


class AttestBody(Body):
    """`query` goes with the mode dynamic alone."""

    name: Short
    kind: WorksKind
    address: Long
    statement: Long
    attested_by: Short
    mode: Mode = "fixed"
    query: Long | None = None
    visibility: Visibility = "public"


class AmendAttestationBody(Body):
    name: Short | None = None
    kind: WorksKind | None = None
    address: Long | None = None
    statement: Long | None = None
    attested_by: Short | None = None
    mode: Mode | None = None
    query: Long | None = None
    visibility: Visibility | None = None


class BrandingBody(Body):
    """All of it anew: what is left out is gone. `image_id` is that of a picture that was sent before."""

    description: Long = ""
    frame_ancestors: Annotated[tuple[Long, ...], Field(max_length=20)] = ()
    image_id: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None


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


class InviteBody(Body):
    email: Short
    name: Short | None = None
    registered_account_id: Short | None = None


class ChangeAddressBody(Body):
    email: Short


class ConfirmAbsencesBody(Body):
    """`absent` repeats the number that was looked at."""

    absent: Annotated[int, Field(strict=True, ge=0, le=10_000_000)]


class EndPlanBody(Body):
    cause: Literal["asked", "left", "domain-lost"] = "asked"
    at: Instant | None = None


class BounceBody(Body):
    email_id: UUID
    hard: Flag = True
    code: Annotated[str, Field(pattern=r"^[0-9.]{1,12}$")] = "5.0.0"
    answer: Short = "reported"
