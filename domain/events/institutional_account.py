"""What can happen to an institution's account: its standing, its contacts, its domains and its addresses on the network."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated, Any, Literal
from uuid import UUID

from domain.context import ClaimedDomain
from domain.events.base import Claim, Event, Release, personal


class Role(StrEnum):
    ADMINISTRATOR = "administrator"
    BILLING = "billing"
    SECURITY = "security"


@dataclass(frozen=True, kw_only=True)
class Contact:
    """A person or a shared mailbox of an institution."""

    id: UUID
    email: Annotated[str, personal("id", "address")]
    name: Annotated[str | None, personal("id")] = None
    roles: tuple[Role, ...] = ()
    verified: bool = False
    reachable: bool = True


def range_key(ip_range: str, account_id: UUID) -> str:
    """Sorts by address, so that overlaps can be found: `4:<first>:<last>:<account>`, addresses as 32 hexadecimal digits."""
    network = ip_network(ip_range)
    return f"{network.version}:{int(network[0]):032x}:{int(network[-1]):032x}:{account_id}"


@dataclass(frozen=True, kw_only=True)
class AccountNominated(Event):
    """`missing` names what must be known before the account can be converted, and is asked for again after `chase_days`."""

    TOPIC = "account.nominated"
    class_version = 2
    account_id: UUID
    email: Annotated[str, personal("contact_id", "address")]
    contact_id: UUID
    contact_name: Annotated[str | None, personal("contact_id")]
    registered_account_id: str | None
    institution: str | None
    time_zone: str | None
    ror_id: str | None
    domains: tuple[ClaimedDomain, ...]
    ip_ranges: tuple[str, ...]
    contacts: tuple[Contact, ...]  # besides the nominated one
    missing: tuple[str, ...]
    chase_days: tuple[int, ...]
    confirm_until: datetime | None = None  # so long works the link by which the mailbox confirms itself

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["confirm_until"] = None

    def claims(self) -> tuple[Claim | Release, ...]:
        account = () if self.registered_account_id is None else (Claim("registered-account", self.registered_account_id),)
        domains = (Claim("domain", each.domain) for each in self.domains)
        ranges = (Claim("ip-range", range_key(each, self.account_id)) for each in self.ip_ranges)
        return (*account, *domains, *ranges)


@dataclass(frozen=True, kw_only=True)
class NominationIncomplete(Event):
    """Some days after the nomination something is still missing."""

    TOPIC = "account.nomination-incomplete"
    days: int
    missing: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class NominationReminderSkipped(Event):
    """A rung at which nobody is asked any more."""

    TOPIC = "account.nomination-reminder-skipped"
    days: int
    missing: tuple[str, ...]
    why: str


@dataclass(frozen=True, kw_only=True)
class AccountAmended(Event):
    """What changed; None is what did not. Instants that were promised do not move with a time zone."""

    TOPIC = "account.amended"
    institution: str | None = None
    time_zone: str | None = None
    ror_id: str | None = None
    registered_account_id: str | None = None

    def claims(self) -> tuple[Claim | Release, ...]:
        return () if self.registered_account_id is None else (Claim("registered-account", self.registered_account_id),)


@dataclass(frozen=True, kw_only=True)
class NominationWithdrawn(Event):
    TOPIC = "account.nomination-withdrawn"
    cause: str

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Release(),)


@dataclass(frozen=True, kw_only=True)
class NominationRejected(Event):
    TOPIC = "account.nomination-rejected"
    cause: str

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Release(),)


@dataclass(frozen=True, kw_only=True)
class AccountConverted(Event):
    TOPIC = "account.converted"


@dataclass(frozen=True, kw_only=True)
class ContactAdded(Event):
    TOPIC = "account.contact-added"
    contact: Contact


@dataclass(frozen=True, kw_only=True)
class ContactRolesSet(Event):
    TOPIC = "account.contact-roles-set"
    contact_id: UUID
    roles: tuple[Role, ...]


@dataclass(frozen=True, kw_only=True)
class ContactAmended(Event):
    """A new address is unverified, and taken to be reachable."""

    TOPIC = "account.contact-amended"
    contact_id: UUID
    email: Annotated[str, personal("contact_id", "address")]
    name: Annotated[str | None, personal("contact_id")]


@dataclass(frozen=True, kw_only=True)
class ContactConfirmed(Event):
    """Somebody who reads the mailbox has said so, and perhaps whether it is shared."""

    TOPIC = "account.contact-confirmed"
    class_version = 2
    contact_id: UUID
    mailbox: Literal["shared", "personal"] | None = None

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["mailbox"] = None


@dataclass(frozen=True, kw_only=True)
class ContactUnreachable(Event):
    """An email came back for good."""

    TOPIC = "account.contact-unreachable"
    contact_id: UUID
    address: Annotated[str, personal("contact_id", "address")]
    email_id: UUID


@dataclass(frozen=True, kw_only=True)
class ContactRemoved(Event):
    TOPIC = "account.contact-removed"
    contact_id: UUID


@dataclass(frozen=True, kw_only=True)
class ContactTransferRequested(Event):
    """Another mailbox is to take a contact's place; it must confirm itself before `lapses_at`."""

    TOPIC = "account.contact-transfer-requested"
    transfer_id: UUID
    contact_id: UUID
    old_email: Annotated[str, personal("contact_id", "address")]
    new_contact_id: UUID
    email: Annotated[str, personal("new_contact_id", "address")]
    contact_name: Annotated[str | None, personal("new_contact_id")]
    lapses_at: datetime


@dataclass(frozen=True, kw_only=True)
class ContactTransferred(Event):
    """The new mailbox has confirmed itself, and has the roles of the old one."""

    TOPIC = "account.contact-transferred"
    transfer_id: UUID
    contact_id: UUID
    old_email: Annotated[str, personal("contact_id", "address")]
    new_contact: Contact


@dataclass(frozen=True, kw_only=True)
class ContactTransferCancelled(Event):
    TOPIC = "account.contact-transfer-cancelled"
    transfer_id: UUID


@dataclass(frozen=True, kw_only=True)
class ContactTransferLapsed(Event):
    TOPIC = "account.contact-transfer-lapsed"
    transfer_id: UUID


@dataclass(frozen=True, kw_only=True)
class RegisteredAccountReplaced(Event):
    """Another registered account runs the institution's; tokens live on."""

    TOPIC = "account.registered-account-replaced"
    old: str | None
    new: str

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Release("registered-account"), Claim("registered-account", self.new))


@dataclass(frozen=True, kw_only=True)
class DomainClaimed(Event):
    """`shared`: another institution holds the domain too, and both have agreed."""

    TOPIC = "account.domain-claimed"
    account_id: UUID
    domain: str
    subdomains: bool
    shared: bool

    def claims(self) -> tuple[Claim | Release, ...]:
        if self.shared:
            return (Claim("domain-shared", f"{self.domain}/{self.account_id}"),)
        return (Claim("domain", self.domain),)


@dataclass(frozen=True, kw_only=True)
class DomainSharingConsented(Event):
    """The holder of a domain lets another institution claim it as well; from now on each person is approved by hand."""

    TOPIC = "account.domain-sharing-consented"
    domain: str
    with_account: UUID

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Claim("domain-consent", f"{self.domain}/{self.with_account}"),)


@dataclass(frozen=True, kw_only=True)
class DomainRetirementStarted(Event):
    """The domain still counts until `retires_at`."""

    TOPIC = "account.domain-retirement-started"
    domain: str
    retires_at: datetime


@dataclass(frozen=True, kw_only=True)
class DomainRetired(Event):
    """`consents`: the accounts that the domain was shared with; whoever holds it next decides anew."""

    TOPIC = "account.domain-retired"
    class_version = 2
    account_id: UUID
    domain: str
    consents: tuple[UUID, ...]

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["consents"] = []

    def claims(self) -> tuple[Claim | Release, ...]:
        held = (Release("domain", self.domain), Release("domain-shared", f"{self.domain}/{self.account_id}"))
        return (*held, *(Release("domain-consent", f"{self.domain}/{each}") for each in self.consents))


@dataclass(frozen=True, kw_only=True)
class IpRangesSet(Event):
    """All ranges of the institution from now on, as canonical CIDR; an anti-bot allow-list, never access control."""

    TOPIC = "account.ip-ranges-set"
    account_id: UUID
    ip_ranges: tuple[str, ...]
    shared: bool

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Release("ip-range"), *(Claim("ip-range", range_key(each, self.account_id)) for each in self.ip_ranges))


@dataclass(frozen=True, kw_only=True)
class LinkResolversSet(Event):
    TOPIC = "account.link-resolvers-set"
    libkey_id: str | None
    worldcat_registry_id: str | None


@dataclass(frozen=True, kw_only=True)
class LibrarianKeyIssued(Event):
    """A librarian has a key of their own, bound to the account. The secret itself is never on record."""

    TOPIC = "account.librarian-key-issued"
    key_id: UUID
    name: Annotated[str, personal("key_id")]
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class LibrarianKeyReviewed(Event):
    """After the institution's contact changed, somebody made sure that this librarian is to keep the key."""

    TOPIC = "account.librarian-key-reviewed"
    key_id: UUID


@dataclass(frozen=True, kw_only=True)
class LibrarianKeyRevoked(Event):
    TOPIC = "account.librarian-key-revoked"
    key_id: UUID
    cause: str


@dataclass(frozen=True, kw_only=True)
class AccountSuspended(Event):
    TOPIC = "account.suspended"
    cause: str


@dataclass(frozen=True, kw_only=True)
class AccountReinstated(Event):
    TOPIC = "account.reinstated"


@dataclass(frozen=True, kw_only=True)
class AccountClosed(Event):
    """The keys of its librarians stop with it."""

    TOPIC = "account.closed"

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Release(),)
