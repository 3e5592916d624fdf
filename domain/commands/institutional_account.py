"""What can be asked of an institution's account. Texts, domains and ranges arrive parsed and normalised."""

from dataclasses import dataclass
from uuid import UUID

from domain.commands.base import Command
from domain.context import ClaimedDomain
from domain.events.institutional_account import Contact, Role


class AccountCommand(Command):
    pass


@dataclass(frozen=True, kw_only=True)
class Nominate(AccountCommand):
    """The mailbox becomes the administrator; everything else as far as it is known."""

    email: str
    contact_id: UUID
    contact_name: str | None = None
    registered_account_id: str | None = None
    institution: str | None = None
    time_zone: str | None = None
    ror_id: str | None = None
    domains: tuple[ClaimedDomain, ...] = ()
    ip_ranges: tuple[str, ...] = ()
    contacts: tuple[Contact, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Amend(AccountCommand):
    """None leaves as it is. The registered account can be given here while it is not known."""

    institution: str | None = None
    time_zone: str | None = None
    ror_id: str | None = None
    registered_account_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Withdraw(AccountCommand):
    cause: str = "asked"


@dataclass(frozen=True, kw_only=True)
class Reject(AccountCommand):
    cause: str = "asked"


@dataclass(frozen=True, kw_only=True)
class Convert(AccountCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class AddContact(AccountCommand):
    contact_id: UUID
    email: str
    name: str | None = None
    roles: tuple[Role, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SetContactRoles(AccountCommand):
    contact_id: UUID
    roles: tuple[Role, ...]


@dataclass(frozen=True, kw_only=True)
class AmendContact(AccountCommand):
    contact_id: UUID
    email: str | None = None
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class ConfirmContact(AccountCommand):
    contact_id: UUID


@dataclass(frozen=True, kw_only=True)
class RemoveContact(AccountCommand):
    contact_id: UUID


@dataclass(frozen=True, kw_only=True)
class MarkContactUnreachable(AccountCommand):
    address: str
    email_id: UUID


@dataclass(frozen=True, kw_only=True)
class RequestContactTransfer(AccountCommand):
    """`contact_id` is the contact that is replaced: the first administrator, if it is not said."""

    transfer_id: UUID
    new_contact_id: UUID
    email: str
    contact_name: str | None = None
    contact_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class ConfirmContactTransfer(AccountCommand):
    transfer_id: UUID


@dataclass(frozen=True, kw_only=True)
class CancelContactTransfer(AccountCommand):
    transfer_id: UUID


@dataclass(frozen=True, kw_only=True)
class ReplaceRegisteredAccount(AccountCommand):
    registered_account_id: str


@dataclass(frozen=True, kw_only=True)
class ClaimDomain(AccountCommand):
    domain: str
    subdomains: bool = False
    shared: bool = False


@dataclass(frozen=True, kw_only=True)
class ConsentToShareDomain(AccountCommand):
    domain: str
    with_account: UUID


@dataclass(frozen=True, kw_only=True)
class RetireDomain(AccountCommand):
    domain: str


@dataclass(frozen=True, kw_only=True)
class SetIpRanges(AccountCommand):
    ip_ranges: tuple[str, ...]
    shared: bool = False


@dataclass(frozen=True, kw_only=True)
class SetLinkResolvers(AccountCommand):
    libkey_id: str | None = None
    worldcat_registry_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class IssueLibrarianKey(AccountCommand):
    """`days` that the key is good for; None takes what is usual."""

    key_id: UUID
    name: str
    days: int | None = None


@dataclass(frozen=True, kw_only=True)
class ReviewLibrarianKey(AccountCommand):
    key_id: UUID


@dataclass(frozen=True, kw_only=True)
class RevokeLibrarianKey(AccountCommand):
    key_id: UUID
    cause: str = "asked"


@dataclass(frozen=True, kw_only=True)
class Suspend(AccountCommand):
    cause: str = "asked"


@dataclass(frozen=True, kw_only=True)
class Reinstate(AccountCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class Close(AccountCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class ChaseNomination(AccountCommand):
    days: int


@dataclass(frozen=True, kw_only=True)
class LapseContactTransfer(AccountCommand):
    transfer_id: UUID


@dataclass(frozen=True, kw_only=True)
class FinishDomainRetirement(AccountCommand):
    domain: str
