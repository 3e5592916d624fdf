"""Asking people in: an institution invites an address, and whoever reads its mail accepts or declines."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse

from api.answers import UserPlanShown
from api.auth import Allowed, Caller
from api.bodies import InviteBody
from api.fields import Body
from api.pages import OVER, page
from api.people import ask_of_person, person_key, registered_account_of
from api.service import Service
from api.wiring import Asking, Calling, created
from domain.aggregates.base import NO_ID
from domain.aggregates.institutional_user_plan import InstitutionalUserPlan, Status
from domain.aggregates.itk_subscription import ITKSubscription
from domain.commands.institutional_user_plan import AcceptInvitation, DeclineInvitation, InviteUser
from domain.errors import DomainError, NotFound, Refused
from domain.values import parse_email, parse_registered_account_id, parse_text

router = APIRouter(tags=["user plans"])
ask = Asking(InstitutionalUserPlan, "user plan")

Manager = Annotated[Caller, Depends(Allowed("support", "admin", "institution"))]
Holder = Annotated[Caller, Depends(Allowed("support", "admin", "platform"))]


@router.post("/v1/subscriptions/{id}/invitations", status_code=201, response_model=UserPlanShown)
def invite(id: UUID, request: Request, service: Calling, caller: Manager, body: InviteBody) -> Response:
    """Invite an address at one of the institution's domains; the invitation lapses after 14 days. Whoever has a plan keeps it."""
    account = service.stream(ITKSubscription, "subscription", id, caller).account_id
    assert account is not None
    email = parse_email(body.email, field="email")
    given = parse_registered_account_id(body.registered_account_id) if body.registered_account_id else None
    known = registered_account_of(service, email)
    command = InviteUser(
        id=NO_ID,
        account_id=account,
        subscription_id=id,
        registered_account_id=known or given,
        email=email,
        name=parse_text(body.name, field="name") if body.name else None,
        person_key=person_key(service, account, email),
        registered=known is not None or not service.lifecycle.rules.registered_accounts_known,
    )
    return ask_of_person(service, account, email, lambda id: created(request, caller, body, "/v1/user-plans", replace(command, id=id)))


def _accepting(service: Service, id: UUID, caller: Caller | None) -> AcceptInvitation:
    """With the account that accepts: the one that the platform acts for, or the one that has the address."""
    plan = service.stream(InstitutionalUserPlan, "user plan", id).state
    assert isinstance(plan, InstitutionalUserPlan)
    account = caller.on_behalf_of if caller and caller.role == "platform" else registered_account_of(service, plan.email)
    if account is None and service.lifecycle.rules.registered_accounts_known and plan.registered_account_id is None:
        raise Refused("not-registered", "no account on the platform has this address yet: register with it first, then accept")
    return AcceptInvitation(id=id, registered_account_id=account)


def _for_the_invited(service: Service, id: UUID, caller: Caller) -> None:
    """The platform answers for the account that has the address, where that is known."""
    if caller.role == "platform":
        from_platform = service.stream(InstitutionalUserPlan, "user plan", id).state
        assert isinstance(from_platform, InstitutionalUserPlan)
        known = registered_account_of(service, from_platform.email) or from_platform.registered_account_id
        if known is not None and known != caller.on_behalf_of:
            raise NotFound("user plan", id)


@router.post("/v1/user-plans/{id}/accept", response_model=UserPlanShown)
def accept(id: UUID, request: Request, service: Calling, caller: Holder, body: Body = Body()) -> Response:
    """The invited person wants the plans, which begin at once."""
    _for_the_invited(service, id, caller)
    return ask(request, caller, body, _accepting(service, id, caller))


@router.post("/v1/user-plans/{id}/decline", response_model=UserPlanShown)
def decline(id: UUID, request: Request, service: Calling, caller: Holder, body: Body = Body()) -> Response:
    """The invited person does not want the plans."""
    _for_the_invited(service, id, caller)
    return ask(request, caller, body, DeclineInvitation(id=id))


_BUTTONS = (
    '<form method="post"><button formaction="?answer=accept">Accept</button> <button formaction="?answer=decline">Decline</button></form>'
)


@router.get("/invitations/{token}", response_class=HTMLResponse, responses=OVER)
def show_invitation(token: str, service: Calling) -> HTMLResponse:
    """Says who invites to what. Looking at it does nothing."""
    id, _ = service.links.verify(token)
    plan = service.stream(InstitutionalUserPlan, "user plan", id).state
    assert isinstance(plan, InstitutionalUserPlan)
    if plan.status is not Status.INVITED:
        return page("This invitation is over", "It was answered already, or it has lapsed. Ask your library for a new one.", status=410)
    return page("Take up your API plans?", f"Your institution offers API plans of your own to {plan.email}.", form=_BUTTONS)


@router.post("/invitations/{token}", response_class=HTMLResponse, responses=OVER)
def answer_invitation(
    token: str, request: Request, service: Calling, answer: Annotated[str, Query(pattern="^(accept|decline)$")]
) -> HTMLResponse:
    """The person accepts or declines. Works once."""
    id, _ = service.links.verify(token)
    service.stream(InstitutionalUserPlan, "user plan", id)
    person = Caller("invited person", "holder")
    try:
        done = service.do(request, person, _accepting(service, id, None) if answer == "accept" else DeclineInvitation(id=id))
    except DomainError as refused:
        return page("That did not work", refused.detail, status=410)
    if answer == "decline":
        return page("Declined", "Nothing else happens. Should you change your mind, ask your library for a new invitation.")
    plan = done.stream.state
    if isinstance(plan, InstitutionalUserPlan) and plan.status is Status.REQUESTED:
        return page("Accepted", "Your plans begin when your institution's do; an email will tell you.")
    return page("Accepted", "Your plans begin now; an email tells what they hold.")
