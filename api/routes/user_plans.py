"""People of an institution with API plans of their own."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from api.answers import UserPlanShown, UserPlansShown
from api.auth import Allowed, Caller, Manager, Support
from api.bodies import ApprovePlanBody, ChangeAddressBody, EndPlanBody, RejectPlanBody, RequestPlanBody
from api.fields import Body
from api.paging import After, Limit, Position, listed
from api.people import ask_of_person, person_key, require_registered
from api.reads import SHOWS_PEOPLE
from api.service import Service
from api.wiring import Asking, Calling, Looking, created
from domain.aggregates.base import NO_ID
from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.aggregates.itk_subscription import ITKSubscription
from domain.commands.institutional_user_plan import (
    ApproveUserPlan,
    ChangeAddress,
    EndUserPlan,
    ReconfirmUserPlan,
    RejectUserPlan,
    RequestRenewal,
    RequestUserPlan,
    ResumeUserPlan,
    SuspendUserPlan,
)
from domain.errors import Forbidden, NotFound
from domain.values import parse_email, parse_registered_account_id, parse_text
from projections import user_plans

router = APIRouter(prefix="/v1/user-plans", tags=["user plans"])
ask = Asking(InstitutionalUserPlan, "user plan")

Holder = Annotated[Caller, Depends(Allowed("support", "admin", "platform"))]
Knower = Annotated[Caller, Depends(Allowed("support", "admin", "platform", "institution"))]
Looker = Annotated[Caller, Depends(Allowed("support", "auditor", "admin", "platform", "institution"))]


def own_plan(service: Service, id: UUID, caller: Caller) -> InstitutionalUserPlan:
    """The platform sees the plans of the account that it acts for, and no other."""
    state = service.stream(InstitutionalUserPlan, "user plan", id, caller).state
    assert isinstance(state, InstitutionalUserPlan)
    if caller.role == "platform" and state.registered_account_id != caller.on_behalf_of:
        raise NotFound("user plan", id)
    return state


@router.post("", status_code=201, response_model=UserPlanShown)
def request_plan(request: Request, service: Calling, caller: Holder, body: RequestPlanBody) -> Response:
    """Ask for plans: granted at once where the email's domain fits, put before the reviewers where there is a doubt."""
    account = service.stream(ITKSubscription, "subscription", body.subscription_id).account_id
    assert account is not None
    email = parse_email(body.email, field="email")
    registered = parse_registered_account_id(body.registered_account_id) if body.registered_account_id else None
    if caller.role == "platform":
        registered = caller.on_behalf_of
    command = RequestUserPlan(
        id=NO_ID,
        account_id=account,
        subscription_id=body.subscription_id,
        registered_account_id=require_registered(service, email, registered),
        email=email,
        name=parse_text(body.name, field="name") if body.name else None,
        person_key=person_key(service, account, email),
        review=caller.role != "platform",
    )
    return ask_of_person(service, account, email, lambda id: created(request, caller, body, "/v1/user-plans", replace(command, id=id)))


@router.get("", response_model=UserPlansShown, openapi_extra=SHOWS_PEOPLE)
def list_plans(
    request: Request,
    service: Looking,
    caller: Looker,
    subscription_id: UUID | None = None,
    status: Annotated[str | None, Query(pattern="^(requested|invited|active|suspended|at_risk|expired|ended|rejected)$")] = None,
    renewal: Annotated[str | None, Query(pattern="^(none|waiting)$")] = None,
    review: Annotated[str | None, Query(pattern="^(open|overdue)$", description="overdue: after one working day")] = None,
    after: After = 0,
    limit: Limit = 50,
    position: Position = None,
) -> Response:
    """User plans in the order in which they were asked for. The platform sees those of the account that it acts for."""
    service.wait_for(position)
    if subscription_id is not None and caller.account_id is not None:
        service.stream(ITKSubscription, "subscription", subscription_id, caller)
    items, following = user_plans.listed(
        service.lifecycle,
        service.database,
        subscription=subscription_id,
        account=caller.account_id,
        holder=caller.on_behalf_of if caller.role == "platform" else None,
        status=status,
        renewal=renewal,
        review=review,
        after=after,
        limit=limit,
    )
    return listed(request, items, following)


@router.get("/{id}", response_model=UserPlanShown, openapi_extra=SHOWS_PEOPLE)
def one_plan(id: UUID, service: Looking, caller: Looker) -> Response:
    """A user plan as it is at this instant."""
    own_plan(service, id, caller)
    return service.answer_now(service.stream(InstitutionalUserPlan, "user plan", id, caller))


@router.post("/{id}/approve", response_model=UserPlanShown)
def approve(id: UUID, request: Request, caller: Manager, body: ApprovePlanBody = ApprovePlanBody()) -> Response:
    """Let somebody in by hand; whose domain does not fit, staff do so on a ground, under a licence, and until a day."""
    if caller.role == "institution" and (body.ground or body.licence or body.until):
        raise Forbidden("override-by-staff", "only staff let somebody in whose domain does not fit; ask support", field="ground")
    command = ApproveUserPlan(
        id=id,
        ground=parse_text(body.ground, field="ground") if body.ground else None,
        licence=parse_text(body.licence, field="licence") if body.licence else None,
        until=body.until,
    )
    return ask(request, caller, body, command)


@router.post("/{id}/reject", response_model=UserPlanShown)
def reject(id: UUID, request: Request, caller: Manager, body: RejectPlanBody = RejectPlanBody()) -> Response:
    """Do not let somebody in."""
    return ask(request, caller, body, RejectUserPlan(id=id, why=body.cause))


@router.post("/{id}/request-renewal", response_model=UserPlanShown)
def request_renewal(id: UUID, request: Request, service: Calling, caller: Holder, body: Body = Body()) -> Response:
    """The person wants to go on: granted if the institution has renewed, and waiting for it if not."""
    own_plan(service, id, caller)
    return ask(request, caller, body, RequestRenewal(id=id))


@router.post("/{id}/change-address", response_model=UserPlanShown)
def change_address(id: UUID, request: Request, service: Calling, caller: Knower, body: ChangeAddressBody) -> Response:
    """The same person at another address. One that is not at a domain of the institution puts the plan at risk."""
    plan = own_plan(service, id, caller)
    email = parse_email(body.email, field="email")
    command = ChangeAddress(id=id, email=email, person_key=person_key(service, plan.account_id, email))
    return ask(request, caller, body, command)


@router.post("/{id}/reconfirm", response_model=UserPlanShown)
def reconfirm(id: UUID, request: Request, caller: Manager, body: Body = Body()) -> Response:
    """Somebody who is at risk belongs to the institution after all."""
    return ask(request, caller, body, ReconfirmUserPlan(id=id))


@router.post("/{id}/suspend", response_model=UserPlanShown)
def suspend(id: UUID, request: Request, caller: Support, body: Body = Body()) -> Response:
    """Stop a person's access."""
    return ask(request, caller, body, SuspendUserPlan(id=id, cause=body.reason.code.value if body.reason else "asked"))


@router.post("/{id}/resume", response_model=UserPlanShown)
def resume(id: UUID, request: Request, caller: Support, body: Body = Body()) -> Response:
    """Let a person's access come back."""
    return ask(request, caller, body, ResumeUserPlan(id=id))


@router.post("/{id}/end", response_model=UserPlanShown)
def end(id: UUID, request: Request, caller: Manager, body: EndPlanBody = EndPlanBody()) -> Response:
    """The person has left, or will at an instant; tokens are revoked then."""
    return ask(request, caller, body, EndUserPlan(id=id, cause=body.cause, at=body.at))
