"""Contacts of an account: an administrator always remains, and a mailbox takes another's place only by confirming itself."""

from datetime import timedelta

from domain.aggregates.institutional_account_state import AccountState, Status
from domain.commands.institutional_account import (
    AccountCommand,
    AddContact,
    AmendContact,
    CancelContactTransfer,
    ConfirmContact,
    ConfirmContactTransfer,
    LapseContactTransfer,
    MarkContactUnreachable,
    RemoveContact,
    RequestContactTransfer,
    SetContactRoles,
)
from domain.context import Context
from domain.errors import Refused
from domain.events.base import ERASED, Event
from domain.events.institutional_account import (
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
    Role,
)


def decide_on_contacts(account: AccountState, command: AccountCommand, context: Context) -> tuple[Event, ...]:
    """For an account that is nominated, active or suspended."""
    now = context.now
    match command:
        case AddContact(contact_id=id, email=email, name=name, roles=roles):
            known = account.contact(id)
            if known is not None:
                if (known.email, known.name, set(known.roles)) == (email, name, set(roles)):
                    return ()
                raise Refused("contact-known", f"the account has another contact {id}", field="contact_id")
            _keep_addresses_apart(account, email)
            return (ContactAdded(at=now, contact=Contact(id=id, email=email, name=name, roles=roles)),)
        case SetContactRoles(contact_id=id, roles=roles):
            contact = _known(account, command)
            if set(contact.roles) == set(roles):
                return ()
            if Role.ADMINISTRATOR not in roles:
                _keep_an_administrator(account, contact)
            return (ContactRolesSet(at=now, contact_id=id, roles=roles),)
        case AmendContact(contact_id=id, email=email, name=name):
            contact = _known(account, command)
            changed = (email or contact.email, name or contact.name)
            if changed == (contact.email, contact.name):
                return ()
            if changed[0] != contact.email:
                _keep_addresses_apart(account, changed[0])
            return (ContactAmended(at=now, contact_id=id, email=changed[0], name=changed[1]),)
        case ConfirmContact(contact_id=id):
            contact = _known(account, command)
            return () if contact.verified and contact.reachable else (ContactConfirmed(at=now, contact_id=id),)
        case RemoveContact(contact_id=id):
            gone = account.contact(id)
            if gone is None:
                return ()
            _keep_an_administrator(account, gone)
            pending = account.pending_transfer
            if pending is not None and pending.contact_id == id:
                return (ContactTransferCancelled(at=now, transfer_id=pending.transfer_id), ContactRemoved(at=now, contact_id=id))
            return (ContactRemoved(at=now, contact_id=id),)
        case MarkContactUnreachable(address=address, email_id=email_id):
            return tuple(
                ContactUnreachable(at=now, contact_id=known.id, address=address, email_id=email_id)
                for known in account.contacts
                if known.email == address != ERASED and known.reachable
            )
        case RequestContactTransfer() | ConfirmContactTransfer() | CancelContactTransfer() | LapseContactTransfer():
            return _decide_on_transfer(account, command, context)
    raise account.refusal(command)


def _decide_on_transfer(account: AccountState, command: AccountCommand, context: Context) -> tuple[Event, ...]:
    now, pending = context.now, account.pending_transfer
    match command:
        case RequestContactTransfer() if account.status is not Status.ACTIVE:
            raise account.refusal(command)
        case RequestContactTransfer():
            return _request(account, command, context)
        case ConfirmContactTransfer(transfer_id=id) if id in account.transferred:
            return ()
        case ConfirmContactTransfer(transfer_id=id):
            old = account.contact(pending.contact_id) if pending else None
            if pending is None or old is None or pending.transfer_id != id or now >= pending.lapses_at:
                raise Refused("transfer-over", "this transfer was cancelled, has lapsed, or was never asked for; ask support for a new one")
            if account.status is not Status.ACTIVE:
                raise account.refusal(command)
            new = Contact(id=pending.new_contact_id, email=pending.email, name=pending.contact_name, roles=old.roles, verified=True)
            return (ContactTransferred(at=now, transfer_id=id, contact_id=old.id, old_email=old.email, new_contact=new),)
        case CancelContactTransfer(transfer_id=id):
            if pending is None or pending.transfer_id != id:
                return ()
            return (ContactTransferCancelled(at=now, transfer_id=id),)
        case LapseContactTransfer(transfer_id=id):
            if pending is None or pending.transfer_id != id or now < pending.lapses_at:
                return ()
            return (ContactTransferLapsed(at=now, transfer_id=id),)
    raise account.refusal(command)


def _request(account: AccountState, command: RequestContactTransfer, context: Context) -> tuple[Event, ...]:
    pending = account.pending_transfer
    if pending is not None:
        if pending.email == command.email and command.contact_id in {None, pending.contact_id}:
            return ()
        raise Refused("transfer-pending", "another transfer is waiting for its confirmation; cancel it first")
    old = account.contact(command.contact_id) if command.contact_id else next(iter(account.administrators), None)
    if old is None:
        raise Refused("no-such-contact", f"the account has no contact {command.contact_id or 'to replace'}", field="contact_id")
    _keep_addresses_apart(account, command.email)
    return (
        ContactTransferRequested(
            at=context.now,
            transfer_id=command.transfer_id,
            contact_id=old.id,
            old_email=old.email,
            new_contact_id=command.new_contact_id,
            email=command.email,
            contact_name=command.contact_name,
            lapses_at=context.now + timedelta(days=context.rules.contact_transfer_days),
        ),
    )


def _known(account: AccountState, command: SetContactRoles | AmendContact | ConfirmContact) -> Contact:
    contact = account.contact(command.contact_id)
    if contact is None:
        raise Refused("no-such-contact", f"the account has no contact {command.contact_id}", field="contact_id")
    return contact


def _keep_addresses_apart(account: AccountState, email: str) -> None:
    pending = account.pending_transfer
    if any(known.email == email for known in account.contacts) or (pending is not None and pending.email == email):
        raise Refused("contact-known", "the account has a contact with this address, or asks it to become one", field="email")


def _keep_an_administrator(account: AccountState, without: Contact) -> None:
    if all(administrator.id == without.id for administrator in account.administrators):
        raise Refused("last-administrator", "an administrator must remain: give the role to another contact first", field="roles")
