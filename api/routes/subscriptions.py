"""The life of a subscription, one command a route."""

from typing import Annotated
from uuid import UUID, uuid4

import msgspec
from fastapi import APIRouter, Query, Request, Response

from api.answers import SubscriptionShown, SubscriptionsShown, UsersShown
from api.auth import Admin, Insider, Support
from api.bodies import (
    ActivateBody,
    AnnounceBody,
    CancelBody,
    ChangePlansBody,
    CorrectTermBody,
    EntitlementBody,
    ExtendBody,
    OpenSubscriptionBody,
    ReinstateSubscriptionBody,
    RenewBody,
    SuspendSubscriptionBody,
)
from api.fields import Body
from api.paging import After, Limit, Position, listed
from api.wiring import Asking, Looking, created
from domain.aggregates.itk_subscription import ITKSubscription
from domain.catalogue import Entitlement
from domain.commands.itk_subscription import (
    ActivateSubscription,
    AnnounceRenewal,
    ApproveTermCorrection,
    CancelSubscription,
    ChangePlans,
    DeclineTermCorrection,
    ExtendSubscription,
    GrantEntitlement,
    OpenSubscription,
    ProposeTermCorrection,
    ReinstateSubscription,
    RenewSubscription,
    ResumeSubscription,
    SubscriptionCommand,
    SuspendSubscription,
    UndoCancellation,
    UndoPlanChange,
    WithdrawEntitlement,
    WithdrawRenewal,
)
from domain.errors import Invalid, NotFound
from domain.values import parse_text
from projections import subscriptions, user_plans

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])
ask = Asking(ITKSubscription, "subscription")


@router.post("", status_code=201, response_model=SubscriptionShown)
def open_subscription(request: Request, caller: Support, body: OpenSubscriptionBody) -> Response:
    """Agree on a subscription of an account; `starts_on` is a local date of the institution."""
    command = OpenSubscription(
        id=uuid4(),
        account_id=body.account_id,
        starts_on=body.starts_on,
        months=body.months,
        bulk_data=tuple(body.bulk_data),
        follows=body.follows,
    )
    return created(request, caller, body, "/v1/subscriptions", command)


@router.get("", response_model=SubscriptionsShown)
def list_subscriptions(
    request: Request,
    service: Looking,
    caller: Insider,
    account_id: UUID | None = None,
    status: Annotated[str | None, Query(pattern="^(pending|active|grace|suspended|lapsed|ended)$")] = None,
    after: After = 0,
    limit: Limit = 50,
    position: Position = None,
) -> Response:
    """Subscriptions in the order in which they were opened."""
    service.wait_for(position)
    if caller.account_id is not None:
        if account_id not in {None, caller.account_id}:
            raise NotFound("account", str(account_id))
        account_id = caller.account_id
    items, following = subscriptions.listed(
        service.lifecycle, service.database, account=account_id, status=status, after=after, limit=limit
    )
    return listed(request, items, following)


@router.get("/{id}/users", response_model=UsersShown)
def users(id: UUID, service: Looking, caller: Insider, position: Position = None) -> Response:
    """How many people the institution has in each status, how many wait for its renewal, and what is to be reviewed."""
    service.wait_for(position)
    service.stream(ITKSubscription, "subscription", id, caller)
    return Response(msgspec.json.encode(user_plans.summary(service.lifecycle, service.database, id)), media_type="application/json")


@router.get("/{id}", response_model=SubscriptionShown)
def one_subscription(id: UUID, service: Looking, caller: Insider) -> Response:
    """A subscription as it is at this instant."""
    return service.answer_now(service.stream(ITKSubscription, "subscription", id, caller))


@router.post("/{id}/activate", response_model=SubscriptionShown)
def activate(id: UUID, request: Request, caller: Support, body: ActivateBody = ActivateBody()) -> Response:
    """Start it: the account is converted, and its first term has begun."""
    return ask(request, caller, body, ActivateSubscription(id=id, starts_on=body.starts_on))


@router.post("/{id}/renew", response_model=SubscriptionShown)
def renew(id: UUID, request: Request, caller: Support, body: RenewBody = RenewBody()) -> Response:
    """Add a term behind the last one; in grace it begins where the old one ended."""
    reference = parse_text(body.reference, field="reference") if body.reference else None
    return ask(request, caller, body, RenewSubscription(id=id, months=body.months, reference=reference))


@router.post("/{id}/withdraw-renewal", response_model=SubscriptionShown)
def withdraw_renewal(id: UUID, request: Request, caller: Support, body: Body = Body()) -> Response:
    """Take back the last term that has not begun."""
    return ask(request, caller, body, WithdrawRenewal(id=id))


@router.post("/{id}/announce-renewal", response_model=SubscriptionShown)
def announce_renewal(id: UUID, request: Request, caller: Support, body: AnnounceBody) -> Response:
    """A purchase order or an invoice is in work: reminders change their tone, access does not change."""
    reference = parse_text(body.reference, field="reference")
    return ask(request, caller, body, AnnounceRenewal(id=id, reference=reference, expected_by=body.expected_by))


@router.post("/{id}/reinstate", response_model=SubscriptionShown)
def reinstate(id: UUID, request: Request, caller: Support, body: ReinstateSubscriptionBody) -> Response:
    """Bring back what has lapsed."""
    return ask(request, caller, body, ReinstateSubscription(id=id, mode=body.mode, months=body.months))


@router.post("/{id}/extend", response_model=SubscriptionShown)
def extend(id: UUID, request: Request, caller: Support, body: ExtendBody) -> Response:
    """Move the end of the term by days: 60 in a term at most, unless an admin does it."""
    return ask(request, caller, body, ExtendSubscription(id=id, days=body.days))


@router.post("/{id}/correct-term", response_model=SubscriptionShown)
def correct_term(id: UUID, request: Request, caller: Admin, body: CorrectTermBody) -> Response:
    """Correct the dates of a term: one admin proposes, another approves or declines."""
    command: SubscriptionCommand
    match body.step:
        case "approve":
            command = ApproveTermCorrection(id=id)
        case "decline":
            command = DeclineTermCorrection(id=id)
        case _:
            if body.number is None or body.starts_on is None or body.ends_on is None:
                raise Invalid("incomplete-correction", "a proposal names the term: number, starts_on and ends_on", field="number")
            command = ProposeTermCorrection(
                id=id, number=body.number, starts_on=body.starts_on, ends_on=body.ends_on, accept_shortening=body.accept_shortening
            )
    return ask(request, caller, body, command)


@router.post("/{id}/change-plans", response_model=SubscriptionShown)
def change_plans(id: UUID, request: Request, caller: Support, body: ChangePlansBody) -> Response:
    """Change limits: more at once by default, less from the next reset."""
    return ask(request, caller, body, ChangePlans(id=id, plans=tuple(plan.value() for plan in body.plans), when=body.when))


@router.post("/{id}/undo-plan-change", response_model=SubscriptionShown)
def undo_plan_change(id: UUID, request: Request, caller: Support, body: Body = Body()) -> Response:
    """Drop a change of limits that has not taken effect."""
    return ask(request, caller, body, UndoPlanChange(id=id))


@router.post("/{id}/suspend", response_model=SubscriptionShown)
def suspend(id: UUID, request: Request, caller: Support, body: SuspendSubscriptionBody = SuspendSubscriptionBody()) -> Response:
    """Stop access; the term runs on, or is compensated for when access comes back."""
    return ask(request, caller, body, SuspendSubscription(id=id, until=body.until, compensate=body.compensate))


@router.post("/{id}/resume", response_model=SubscriptionShown)
def resume(id: UUID, request: Request, caller: Support, body: Body = Body()) -> Response:
    """Let access come back."""
    return ask(request, caller, body, ResumeSubscription(id=id))


@router.post("/{id}/cancel", response_model=SubscriptionShown)
def cancel(id: UUID, request: Request, caller: Support, body: CancelBody) -> Response:
    """End it now, or at the end of its term."""
    return ask(request, caller, body, CancelSubscription(id=id, when=body.when))


@router.post("/{id}/undo-cancellation", response_model=SubscriptionShown)
def undo_cancellation(id: UUID, request: Request, caller: Support, body: Body = Body()) -> Response:
    """Go on after all, before the cancellation takes effect."""
    return ask(request, caller, body, UndoCancellation(id=id))


@router.post("/{id}/entitlements", response_model=SubscriptionShown)
def entitlements(id: UUID, request: Request, caller: Support, body: EntitlementBody) -> Response:
    """Grant an entitlement, or withdraw it: who asked for that, who approved it. Bulk data: `bulk_data:scholarly`, `bulk_data:patent`."""
    approver = parse_text(body.approver, field="approver")
    requester = parse_text(body.requester, field="requester") if body.requester is not None else None
    command: SubscriptionCommand
    if body.withdraw:
        command = WithdrawEntitlement(id=id, name=body.name, approver=approver, requester=requester)
    else:
        entitlement = Entitlement(name=body.name, limit=body.limit)
        command = GrantEntitlement(id=id, entitlement=entitlement, approver=approver, requester=requester, until=body.until)
    return ask(request, caller, body, command)
