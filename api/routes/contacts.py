"""Contacts of an account, and handing a contact over to another mailbox."""

from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response

from api.answers import AccountShown
from api.auth import Support
from api.bodies import AddContactBody, ContactTransferBody, RolesBody
from api.fields import Body
from api.wiring import Asking
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.commands.institutional_account import (
    AddContact,
    CancelContactTransfer,
    RemoveContact,
    RequestContactTransfer,
    SetContactRoles,
)
from domain.values import parse_email, parse_text

router = APIRouter(tags=["contacts"])
ask = Asking(InstitutionalAccount, "account")


@router.post("/v1/accounts/{id}/contacts", response_model=AccountShown)
def add_contact(id: UUID, request: Request, caller: Support, body: AddContactBody) -> Response:
    """Add a person or a shared mailbox, with roles."""
    command = AddContact(
        id=id,
        contact_id=uuid4(),
        email=parse_email(body.email, field="email"),
        name=parse_text(body.name, field="name") if body.name else None,
        roles=tuple(dict.fromkeys(body.roles)),
    )
    return ask(request, caller, body, command)


@router.post("/v1/accounts/{id}/contacts/{contact}/roles", response_model=AccountShown)
def set_roles(id: UUID, contact: UUID, request: Request, caller: Support, body: RolesBody) -> Response:
    """Set the roles of a contact; an administrator remains."""
    return ask(request, caller, body, SetContactRoles(id=id, contact_id=contact, roles=tuple(dict.fromkeys(body.roles))))


@router.post("/v1/accounts/{id}/contacts/{contact}/remove", response_model=AccountShown)
def remove_contact(id: UUID, contact: UUID, request: Request, caller: Support, body: Body = Body()) -> Response:
    """Remove a contact; an administrator remains."""
    return ask(request, caller, body, RemoveContact(id=id, contact_id=contact))


@router.post("/v1/accounts/{id}/contact-transfers", response_model=AccountShown)
def request_transfer(id: UUID, request: Request, caller: Support, body: ContactTransferBody) -> Response:
    """Let another mailbox take a contact's place: it is asked to confirm, the old one is told, seven days."""
    command = RequestContactTransfer(
        id=id,
        transfer_id=uuid4(),
        new_contact_id=uuid4(),
        email=parse_email(body.email, field="email"),
        contact_name=parse_text(body.contact_name, field="contact_name") if body.contact_name else None,
        contact_id=body.contact_id,
    )
    return ask(request, caller, body, command)


@router.post("/v1/accounts/{id}/contact-transfers/{transfer}/cancel", response_model=AccountShown)
def cancel_transfer(id: UUID, transfer: UUID, request: Request, caller: Support, body: Body = Body()) -> Response:
    """Leave things as they were."""
    return ask(request, caller, body, CancelContactTransfer(id=id, transfer_id=transfer))
