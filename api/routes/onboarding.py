"""From the first message to a working institution: the checklist, who is stuck, and the mailbox that confirms itself."""

from typing import Annotated
from uuid import UUID, uuid4

import msgspec
from fastapi import APIRouter, Query, Request, Response

from api.answers import AccountShown, OnboardingListed, OnboardingShown
from api.auth import Insider, Manager, Reader, Support
from api.fields import Body
from api.paging import Limit, Position, listed
from api.wiring import Asking, Looking
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.commands.onboarding import AcceptPersonalMailbox, AskForConfirmation, TellCommunity
from domain.errors import Invalid
from projections import onboarding

router = APIRouter(prefix="/v1", tags=["onboarding"])
ask = Asking(InstitutionalAccount, "account")


@router.get("/onboarding", response_model=OnboardingListed)
def who_waits(
    request: Request,
    service: Looking,
    caller: Reader,
    waiting_days: Annotated[int, Query(ge=0, le=3650, description="only where something has waited for so many days")] = 0,
    after: Annotated[str, Query(max_length=60, description="the `next` of the page before")] = "",
    limit: Limit = 50,
    position: Position = None,
) -> Response:
    """Institutions in which a step waits, those that are stuck the longest first."""
    service.wait_for(position)
    now = service.lifecycle.clock.now()
    try:
        items, following = (
            onboarding.listed(service.database, now=now, waiting_days=waiting_days, after=after, limit=limit)
            if service.lifecycle.moment is None
            else onboarding.listed_then(service.lifecycle, service.database, waiting_days=waiting_days, after=after, limit=limit)
        )
    except ValueError:
        raise Invalid("invalid-request", "after: the `next` of the page before, as it was given", field="after") from None
    return listed(request, items, following)


@router.get("/accounts/{id}/onboarding", response_model=OnboardingShown)
def checklist(id: UUID, service: Looking, caller: Insider) -> Response:
    """Each step: who does it, what there is to do, when it was done, or since when it waits."""
    stream = service.stream(InstitutionalAccount, "account", id, caller)
    assert isinstance(stream.state, InstitutionalAccount)
    return Response(msgspec.json.encode(onboarding.shown(id, stream.state)), media_type="application/json")


@router.post("/accounts/{id}/onboarding/community-told", response_model=AccountShown)
def community_told(id: UUID, request: Request, caller: Manager, body: Body = Body()) -> Response:
    """The institution has told its people: the one step that nothing else shows."""
    return ask(request, caller, body, TellCommunity(id=id))


@router.post("/accounts/{id}/contacts/{contact}/ask-confirmation", response_model=AccountShown)
def ask_confirmation(id: UUID, contact: UUID, request: Request, caller: Manager, body: Body = Body()) -> Response:
    """Send the contact's mailbox a new link to confirm itself by; it works for seven days, and the one before no more."""
    return ask(request, caller, body, AskForConfirmation(id=id, contact_id=contact, confirmation_id=uuid4()))


@router.post("/accounts/{id}/contacts/{contact}/accept-personal", response_model=AccountShown)
def accept_personal(id: UUID, contact: UUID, request: Request, caller: Support, body: Body = Body()) -> Response:
    """The mailbox is a person's own, and that is all right here."""
    return ask(request, caller, body, AcceptPersonalMailbox(id=id, contact_id=contact))
