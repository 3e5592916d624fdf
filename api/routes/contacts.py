"""Contacts of an account, and handing a contact over to another mailbox, which confirms itself by a signed link."""

from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from api.answers import AccountShown
from api.auth import Caller, Support
from api.bodies import AddContactBody, ContactTransferBody, RolesBody
from api.fields import Body
from api.pages import OVER, page
from api.wiring import Asking, Calling
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.commands.institutional_account import (
    AddContact,
    CancelContactTransfer,
    ConfirmContactTransfer,
    RemoveContact,
    RequestContactTransfer,
    SetContactRoles,
)
from domain.errors import DomainError
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


@router.get("/confirm/{token}", response_class=HTMLResponse, responses=OVER)
def show_confirmation(token: str, service: Calling) -> HTMLResponse:
    """Says what is to be confirmed. Looking at it does nothing."""
    account, transfer = service.links.verify(token)
    state = service.stream(InstitutionalAccount, "account", account).state
    assert isinstance(state, InstitutionalAccount)
    if transfer in state.transferred:
        return page("Confirmed already", "There is nothing left to do.")
    pending = state.pending_transfer
    if pending is None or pending.transfer_id != transfer:
        return page("This link is over", "The transfer was cancelled or has lapsed. Ask support for a new one.", status=410)
    institution = state.institution or "the institution"
    return page(
        "Take over as contact?",
        f"{pending.email} is to take the place of {pending.old_email} for {institution}.",
        form='<form method="post"><button>Confirm</button></form>',
    )


@router.post("/confirm/{token}", response_class=HTMLResponse, responses=OVER)
def confirm(token: str, request: Request, service: Calling) -> HTMLResponse:
    """The new mailbox confirms itself. Works once; a second time says so."""
    account, transfer = service.links.verify(token)
    service.stream(InstitutionalAccount, "account", account)
    command = ConfirmContactTransfer(id=account, transfer_id=transfer)
    try:
        service.do(request, Caller("new mailbox", "contact"), command)
    except DomainError as refused:
        return page("This link is over", refused.detail, status=410)
    return page("Confirmed", "From now on our emails go to this mailbox.")
