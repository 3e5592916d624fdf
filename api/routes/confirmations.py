"""The page behind a signed link by which a mailbox confirms itself: as a contact, or to take another contact's place."""

from html import escape
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api.auth import Caller
from api.pages import OVER, page
from api.service import Service
from api.wiring import Calling
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.commands.base import Command
from domain.commands.institutional_account import ConfirmContactTransfer
from domain.commands.onboarding import ConfirmByLink
from domain.errors import DomainError

router = APIRouter(tags=["contacts"])

_BUTTON = '<form method="post" action="?mailbox={kind}"><button>{text}</button></form>'
_ONE = '<form method="post"><button>Confirm</button></form>'
Mailbox = Annotated[Literal["shared", "personal"], Query(description="what kind of mailbox confirms itself, as it says")]


@router.get("/confirm/{token}", response_class=HTMLResponse, responses=OVER)
def show_confirmation(token: str, service: Calling) -> HTMLResponse:
    """Says what is to be confirmed. Looking at it does nothing."""
    account, link = service.links.verify(token)
    state = service.stream(InstitutionalAccount, "account", account).state
    assert isinstance(state, InstitutionalAccount)
    now = service.lifecycle.clock.now()
    institution = state.institution or "the institution"
    if link in state.transferred or link in state.onboarding.answered:
        return page("Confirmed already", "There is nothing left to do.")
    pending, asked = state.pending_transfer, state.onboarding.link(link)
    if pending is not None and pending.transfer_id == link:
        return page(
            "Take over as contact?",
            f"{pending.email} is to take the place of {pending.old_email} for {institution}.",
            form=_ONE,
        )
    contact = state.contact(asked.contact_id) if asked is not None and now < asked.lapses_at else None
    if contact is None:
        return page("This link is over", "It was answered by another, was cancelled, or has lapsed. Ask support for a new one.", status=410)
    return page(
        "Is this mailbox yours?",
        f"{contact.email} was named to us as a contact of {institution}. If you read it and are to run the account, say which kind it is: "
        "a shared mailbox outlives the people behind it, and is what we recommend.",
        form="".join(
            _BUTTON.format(kind=kind, text=escape(text))
            for kind, text in (("shared", "Yes: a shared mailbox"), ("personal", "Yes: my own mailbox"))
        ),
    )


@router.post("/confirm/{token}", response_class=HTMLResponse, responses=OVER)
def confirm(token: str, request: Request, service: Calling, mailbox: Mailbox = "shared") -> HTMLResponse:
    """The mailbox confirms itself. Works once; a second time says so."""
    account, link = service.links.verify(token)
    state = service.stream(InstitutionalAccount, "account", account).state
    assert isinstance(state, InstitutionalAccount)
    if link in state.onboarding.answered or state.onboarding.link(link) is not None:
        return _acted(service, request, Caller("mailbox", "contact"), ConfirmByLink(id=account, confirmation_id=link, mailbox=mailbox))
    return _acted(service, request, Caller("new mailbox", "contact"), ConfirmContactTransfer(id=account, transfer_id=link))


def _acted(service: Service, request: Request, caller: Caller, command: Command) -> HTMLResponse:
    try:
        service.do(request, caller, command)
    except DomainError as refused:
        return page("This link is over", refused.detail, status=410)
    return page("Confirmed", "From now on our emails go to this mailbox.")
