"""Contacts who are to be forgotten: a replacement is asked for, and in the end they go, whoever remains."""

from domain.aggregates.institutional_account_state import AccountState
from domain.commands.people import AskForReplacement, RemoveForgottenContact
from domain.context import Context
from domain.events.base import Event
from domain.events.institutional_account import ContactRemoved, ContactTransferCancelled
from domain.events.people import ContactReplacementAsked


def decide_on_contact_erasure(
    account: AccountState, command: AskForReplacement | RemoveForgottenContact, context: Context
) -> tuple[Event, ...]:
    """For an account that is nominated, active or suspended. Who is gone already needs neither."""
    now, contact = context.now, account.contact(command.contact_id)
    if contact is None:
        return ()
    match command:
        case AskForReplacement(contact_id=id, request_id=request, until=until):
            if (id, request) in account.replacements_asked:
                return ()
            return (ContactReplacementAsked(at=now, contact_id=id, request_id=request, until=until),)
        case RemoveForgottenContact(contact_id=id):
            pending = account.pending_transfer
            if pending is not None and pending.contact_id == id:
                return (ContactTransferCancelled(at=now, transfer_id=pending.transfer_id), ContactRemoved(at=now, contact_id=id))
            return (ContactRemoved(at=now, contact_id=id),)
