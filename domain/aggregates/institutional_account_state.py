"""What an account is made of, and how events change it."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from domain.aggregates.base import NEVER, NO_ID
from domain.aggregates.onboarding_state import Onboarding
from domain.aggregates.portfolios_state import Portfolios
from domain.commands.base import Command
from domain.context import ClaimedDomain
from domain.errors import Refused
from domain.events.base import ERASED, Event
from domain.events.institutional_account import (
    AccountAmended,
    AccountClosed,
    AccountConverted,
    AccountNominated,
    AccountReinstated,
    AccountSuspended,
    Contact,
    ContactAdded,
    ContactAmended,
    ContactConfirmed,
    ContactRemoved,
    ContactRolesSet,
    ContactTransferCancelled,
    ContactTransferLapsed,
    ContactTransferred,
    ContactTransferRequested,
    ContactUnreachable,
    DomainClaimed,
    DomainRetired,
    DomainRetirementStarted,
    DomainSharingConsented,
    IpRangesSet,
    LibrarianKeyIssued,
    LibrarianKeyReviewed,
    LibrarianKeyRevoked,
    LinkResolversSet,
    NominationIncomplete,
    NominationRejected,
    NominationReminderSkipped,
    NominationWithdrawn,
    RegisteredAccountReplaced,
    Role,
)
from domain.events.people import ContactReplacementAsked


class Status(StrEnum):
    NEW = "new"
    NOMINATED = "nominated"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"


@dataclass(frozen=True, kw_only=True)
class LibrarianKey:
    """`unreviewed`: a contact of the account has changed hands since the key was issued or last reviewed."""

    id: UUID
    name: str
    issued_at: datetime
    expires_at: datetime
    reviewed_at: datetime | None = None
    revoked_at: datetime | None = None
    unreviewed: bool = False

    def is_live(self, instant: datetime) -> bool:
        return self.revoked_at is None and instant < self.expires_at

    def needs_review(self, instant: datetime) -> bool:
        return self.unreviewed and self.is_live(instant)


@dataclass(frozen=True)
class AccountState:
    status: Status = Status.NEW
    nomination: AccountNominated | None = None
    main_contact: UUID = NO_ID
    registered_account_id: str | None = None
    institution: str | None = None
    time_zone: str | None = None
    ror_id: str | None = None
    contacts: tuple[Contact, ...] = ()
    domains: tuple[ClaimedDomain, ...] = ()
    consents: frozenset[tuple[str, UUID]] = frozenset()
    ip_ranges: tuple[str, ...] = ()
    libkey_id: str | None = None
    worldcat_registry_id: str | None = None
    librarian_keys: tuple[LibrarianKey, ...] = ()
    pending_transfer: ContactTransferRequested | None = None
    transferred: frozenset[UUID] = frozenset()
    replacements_asked: frozenset[tuple[UUID, UUID]] = frozenset()
    """Contacts who are to be forgotten, each with the request."""
    nominated_at: datetime = NEVER
    converted_at: datetime | None = None
    chase_days: tuple[int, ...] = ()
    chased: frozenset[int] = frozenset()
    onboarding: Onboarding = field(default_factory=Onboarding)
    portfolios: Portfolios = field(default_factory=Portfolios)

    @property
    def email(self) -> str:
        """The mailbox that was nominated, or whichever has taken its place."""
        main = self.contact(self.main_contact)
        return main.email if main else next((contact.email for contact in (*self.administrators, *self.contacts)), "")

    @property
    def missing(self) -> tuple[str, ...]:
        """What a conversion still needs, by the names of the fields."""
        needed = ("registered_account_id", "institution", "time_zone")
        lacking = [name for name in needed if getattr(self, name) is None]
        return (*lacking, *(() if self.administrators else ("administrator",)))

    @property
    def administrators(self) -> tuple[Contact, ...]:
        return tuple(contact for contact in self.contacts if Role.ADMINISTRATOR in contact.roles)

    def consented(self, domain: str) -> tuple[UUID, ...]:
        """The accounts that the domain is shared with, by our consent."""
        return tuple(sorted(other for shared, other in self.consents if shared == domain))

    def contact(self, id: UUID) -> Contact | None:
        return next((contact for contact in self.contacts if contact.id == id), None)

    def librarian_key(self, id: UUID) -> LibrarianKey | None:
        return next((key for key in self.librarian_keys if key.id == id), None)

    def recipient(self, role: Role) -> Contact | None:
        """The first contact with the role that can be reached; else an administrator; else whoever can be."""
        reachable = [contact for contact in self.contacts if contact.reachable and contact.email != ERASED]
        for wanted in (role, Role.ADMINISTRATOR):
            for contact in reachable:
                if wanted in contact.roles:
                    return contact
        return reachable[0] if reachable else None

    def refusal(self, command: Command) -> Refused:
        return Refused("not-now", f"cannot {command.verb}: the account is {self.status}")

    def evolve(self, event: Event) -> Self:
        match event:
            case AccountNominated():
                main = Contact(id=event.contact_id, email=event.email, name=event.contact_name, roles=(Role.ADMINISTRATOR,))
                return replace(
                    self,
                    status=Status.NOMINATED,
                    nomination=event,
                    main_contact=event.contact_id,
                    registered_account_id=event.registered_account_id,
                    institution=event.institution,
                    time_zone=event.time_zone,
                    ror_id=event.ror_id,
                    contacts=(main, *event.contacts),
                    domains=event.domains,
                    ip_ranges=event.ip_ranges,
                    nominated_at=event.at,
                    chase_days=event.chase_days,
                )
            case NominationIncomplete(days=days):
                return replace(self, chased=self.chased | {each for each in self.chase_days if each <= days})
            case NominationReminderSkipped(days=days):
                return replace(self, chased=self.chased | {days})
            case AccountAmended():
                return replace(
                    self,
                    institution=event.institution or self.institution,
                    time_zone=event.time_zone or self.time_zone,
                    ror_id=event.ror_id or self.ror_id,
                    registered_account_id=event.registered_account_id or self.registered_account_id,
                )
            case NominationWithdrawn(at=at):
                return replace(self, status=Status.WITHDRAWN, librarian_keys=self._stopped(at))
            case NominationRejected(at=at):
                return replace(self, status=Status.REJECTED, librarian_keys=self._stopped(at))
            case AccountConverted(at=at):
                return replace(self, status=Status.ACTIVE, converted_at=at)
            case AccountSuspended():
                return replace(self, status=Status.SUSPENDED)
            case AccountReinstated():
                return replace(self, status=Status.ACTIVE)
            case AccountClosed(at=at):
                return replace(self, status=Status.CLOSED, pending_transfer=None, librarian_keys=self._stopped(at))
            case RegisteredAccountReplaced(new=new):
                return replace(self, registered_account_id=new)
            case LinkResolversSet(libkey_id=libkey, worldcat_registry_id=worldcat):
                return replace(self, libkey_id=libkey, worldcat_registry_id=worldcat)
            case IpRangesSet(ip_ranges=ranges):
                return replace(self, ip_ranges=ranges)
        return self._evolve_contacts(event)

    def _evolve_contacts(self, event: Event) -> Self:
        match event:
            case ContactAdded(contact=contact):
                return replace(self, contacts=(*self.contacts, contact))
            case ContactRolesSet(contact_id=id, roles=roles):
                return self._with(id, roles=roles)
            case ContactAmended(contact_id=id, email=email, name=name):
                known = self.contact(id)
                if known is not None and known.email == email:
                    return self._with(id, name=name)
                return self._with(id, email=email, name=name, verified=False, reachable=True)
            case ContactConfirmed(contact_id=id):
                return self._with(id, verified=True, reachable=True)
            case ContactUnreachable(contact_id=id):
                return self._with(id, reachable=False)
            case ContactRemoved(contact_id=id):
                return replace(self, contacts=tuple(contact for contact in self.contacts if contact.id != id))
            case ContactTransferRequested():
                return replace(self, pending_transfer=event)
            case ContactTransferred(contact_id=id, new_contact=new):
                contacts = tuple(new if contact.id == id else contact for contact in self.contacts)
                main = new.id if id == self.main_contact else self.main_contact
                return replace(
                    self,
                    main_contact=main,
                    contacts=contacts,
                    pending_transfer=None,
                    transferred=self.transferred | {event.transfer_id},
                    librarian_keys=tuple(replace(key, unreviewed=True) for key in self.librarian_keys),
                )
            case ContactTransferCancelled() | ContactTransferLapsed():
                return replace(self, pending_transfer=None)
            case ContactReplacementAsked(contact_id=id, request_id=request):
                return replace(self, replacements_asked=self.replacements_asked | {(id, request)})
        return self._evolve_domains(event)

    def _evolve_domains(self, event: Event) -> Self:
        match event:
            case DomainClaimed(domain=domain, subdomains=subdomains, shared=shared):
                claimed = ClaimedDomain(domain=domain, subdomains=subdomains, shared=shared)
                return replace(self, domains=(*(each for each in self.domains if each.domain != domain), claimed))
            case DomainSharingConsented(domain=domain, with_account=other):
                domains = tuple(replace(each, shared=True) if each.domain == domain else each for each in self.domains)
                return replace(self, domains=domains, consents=self.consents | {(domain, other)})
            case DomainRetirementStarted(domain=domain, retires_at=at):
                return replace(
                    self, domains=tuple(replace(each, retires_at=at) if each.domain == domain else each for each in self.domains)
                )
            case DomainRetired(domain=domain):
                consents = frozenset(consent for consent in self.consents if consent[0] != domain)
                return replace(self, domains=tuple(each for each in self.domains if each.domain != domain), consents=consents)
        return self._evolve_librarian_keys(event)

    def _evolve_librarian_keys(self, event: Event) -> Self:
        match event:
            case LibrarianKeyIssued(at=at, key_id=id, name=name, expires_at=end):
                key = LibrarianKey(id=id, name=name, issued_at=at, expires_at=end)
                return replace(self, librarian_keys=(*self.librarian_keys, key))
            case LibrarianKeyReviewed(at=at, key_id=id):
                return self._with_key(id, reviewed_at=at, unreviewed=False)
            case LibrarianKeyRevoked(at=at, key_id=id):
                return self._with_key(id, revoked_at=at)
        return self

    def _stopped(self, at: datetime) -> tuple[LibrarianKey, ...]:
        """The keys as they are when the account is over."""
        return tuple(replace(key, revoked_at=at) if key.is_live(at) else key for key in self.librarian_keys)

    def _with_key(self, id: UUID, **changes: object) -> Self:
        keys = tuple(replace(key, **changes) if key.id == id else key for key in self.librarian_keys)  # type: ignore[arg-type]
        return replace(self, librarian_keys=keys)

    def _with(self, contact: UUID, **changes: object) -> Self:
        contacts = tuple(replace(each, **changes) if each.id == contact else each for each in self.contacts)  # type: ignore[arg-type]
        return replace(self, contacts=contacts)
