"""Requests that somebody be forgotten: who asked, who agreed, by when, and how far it is."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.answers import Listed, Shown
from api.auth import Admin, Reader
from api.fields import Body, Reason
from api.paging import After, Limit, Position, listed
from api.wiring import Asking, Calling
from domain.aggregates.erasure import Erasure
from domain.commands.people import ConfirmErasure, RefuseErasure, WithdrawErasure
from projections import erasures

router = APIRouter(prefix="/v1/erasures", tags=["people"])
ask = Asking(Erasure, "erasure")

Status = Literal["requested", "confirmed", "waiting", "erased", "withdrawn", "refused"]


class ErasureShown(Shown):
    """`waits_for`: the accounts in which somebody is still to take the person's place. `rule`: what stood for the second admin."""

    status: Status
    people: list[UUID]
    ground: Literal["asked", "retention", "other"]
    requested_by: str
    requested_at: datetime
    due_at: datetime
    overdue: bool
    confirmed_by: str | None
    confirmed_at: datetime | None
    rule: str | None
    waits_for: list[UUID]
    closed_at: datetime | None
    closed_because: str | None


class ErasuresShown(Listed):
    items: list[ErasureShown]


class DecisionBody(Body):
    reason: Reason


@router.get("", response_model=ErasuresShown)
def list_erasures(
    request: Request,
    service: Calling,
    caller: Reader,
    status: Status | None = None,
    after: After = 0,
    limit: Limit = 50,
    position: Position = None,
) -> Response:
    """In the order in which they were asked for."""
    service.wait_for(position)
    items, following = erasures.listed(service.lifecycle, service.database, status=status, after=after, limit=limit)
    return listed(request, items, following)


@router.get("/{id}", response_model=ErasureShown)
def one_erasure(id: UUID, service: Calling, caller: Reader) -> Response:
    """One request, as it is at this instant."""
    return service.answer_now(service.stream(Erasure, "erasure", id, caller))


@router.post("/{id}/confirm", response_model=ErasureShown)
def confirm(id: UUID, request: Request, caller: Admin, body: Body = Body()) -> Response:
    """Agree, as another admin than the one who asked. What is live of the person ends now; then they are forgotten, for ever."""
    return ask(request, caller, body, ConfirmErasure(id=id))


@router.post("/{id}/withdraw", response_model=ErasureShown)
def withdraw(id: UUID, request: Request, caller: Admin, body: DecisionBody) -> Response:
    """The person has thought better of it. What has ended stays ended."""
    return ask(request, caller, body, WithdrawErasure(id=id, cause=body.reason.code.value))


@router.post("/{id}/refuse", response_model=ErasureShown)
def refuse(id: UUID, request: Request, caller: Admin, body: DecisionBody) -> Response:
    """It is not to be done, and the person is told why."""
    return ask(request, caller, body, RefuseErasure(id=id, cause=body.reason.code.value))
