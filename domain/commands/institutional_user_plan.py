"""What can be asked of a user plan."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.catalogue import Product
from domain.commands.base import Command
from domain.quotas import Counted


class UserPlanCommand(Command):
    pass


@dataclass(frozen=True, kw_only=True)
class RequestUserPlan(UserPlanCommand):
    """`email` is parsed, its domain an A-label. `review`: put a person whose domain fails before the reviewers instead of refusing."""

    account_id: UUID
    subscription_id: UUID
    registered_account_id: str | None
    email: str
    name: str | None
    person_key: str
    review: bool = False


@dataclass(frozen=True, kw_only=True)
class AdmitListed(UserPlanCommand):
    """A row of the list `import_id`. `registered`: the address has an account on the platform."""

    account_id: UUID
    subscription_id: UUID
    registered_account_id: str | None
    email: str
    name: str | None
    person_key: str
    registered: bool
    import_id: UUID


@dataclass(frozen=True, kw_only=True)
class TakeUpRegistration(UserPlanCommand):
    """The address has an account now: whoever stands on a list and waited for that is let in."""

    registered_account_id: str


@dataclass(frozen=True, kw_only=True)
class UndoListing(UserPlanCommand):
    """Whatever the list `import_id` did to the plan is taken back, if the plan still has it from there."""

    import_id: UUID


@dataclass(frozen=True, kw_only=True)
class InviteUser(UserPlanCommand):
    account_id: UUID
    subscription_id: UUID
    registered_account_id: str | None
    email: str
    name: str | None
    person_key: str
    registered: bool


@dataclass(frozen=True, kw_only=True)
class AcceptInvitation(UserPlanCommand):
    """`registered_account_id`: the account that accepts, where the platform knows it."""

    registered_account_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class DeclineInvitation(UserPlanCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class LapseInvitation(UserPlanCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class ApproveUserPlan(UserPlanCommand):
    """`ground`, `licence` and `until` go together: they let in somebody whose domain fails, until then."""

    ground: str | None = None
    licence: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class RejectUserPlan(UserPlanCommand):
    why: str


@dataclass(frozen=True, kw_only=True)
class RequestRenewal(UserPlanCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class GrantWaitingRenewal(UserPlanCommand):
    """The institution has renewed: whoever waits for it goes on."""


@dataclass(frozen=True, kw_only=True)
class GrantWaitingRequest(UserPlanCommand):
    """The institution has its subscription now: whoever waited for nothing else is let in."""


@dataclass(frozen=True, kw_only=True)
class FollowTerm(UserPlanCommand):
    """The subscription's terms have changed."""


@dataclass(frozen=True, kw_only=True)
class CheckDomain(UserPlanCommand):
    """The institution's domains have changed: does the address still fit?"""


@dataclass(frozen=True, kw_only=True)
class MarkAbsent(UserPlanCommand):
    """The person is not on the list `import_id`, which was to be complete."""

    import_id: UUID


@dataclass(frozen=True, kw_only=True)
class LoseAddress(UserPlanCommand):
    """The platform says that the account does not have the address any more."""


@dataclass(frozen=True, kw_only=True)
class ChangeAddress(UserPlanCommand):
    """The same person at another address, which is parsed."""

    email: str
    person_key: str


@dataclass(frozen=True, kw_only=True)
class ReconfirmUserPlan(UserPlanCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class EndAtRisk(UserPlanCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class SuspendUserPlan(UserPlanCommand):
    cause: str = "asked"


@dataclass(frozen=True, kw_only=True)
class ResumeUserPlan(UserPlanCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class EndUserPlan(UserPlanCommand):
    """`at` in the future ends it then; in the past it is put on record, and the plan ends now."""

    cause: str = "asked"
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class EndUserPlanAsScheduled(UserPlanCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class RemindOfUserPlan(UserPlanCommand):
    days_left: int


@dataclass(frozen=True, kw_only=True)
class ExpireUserPlan(UserPlanCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class NoteUserQuota(UserPlanCommand):
    """So much was used in the quota month that began at `starts_at`."""

    product: Product
    counted: Counted
    used: int
    starts_at: datetime
