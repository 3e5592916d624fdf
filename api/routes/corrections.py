"""Corrections of the record: what was recorded stays, and what was wrong about it is told beside it."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api.answers import Listed, Out, Shown
from api.auth import Admin, Reader, Support
from api.fields import Body, Reason, Short
from api.paging import LARGEST, After, Limit, Position, listed
from api.wiring import Asking, Calling, created
from domain.aggregates.correction import MOST_FIELDS, Correction
from domain.commands.correction import ApproveCorrection, DeclineCorrection, ProposeCorrection, WithdrawCorrection
from projections import corrections

router = APIRouter(prefix="/v1/corrections", tags=["corrections"])
ask = Asking(Correction, "correction")

Status = Literal["proposed", "approved", "declined", "withdrawn"]
PlaceInLog = Annotated[int, Field(strict=True, ge=1, le=LARGEST, description="the position of the event that put the state right")]


Fields = Annotated[
    dict[str, Short],
    Field(max_length=MOST_FIELDS, description="what would be right, by the names of the event's fields; none that is personal"),
]


class PlaceShown(Out):
    stream_id: UUID
    version: int
    position: int
    topic: str


class CorrectionShown(Shown):
    """`wrong` is the event that was recorded wrongly, `put_right_by` the one that put the state right, where there is one."""

    status: Status
    account_id: UUID | None
    wrong: PlaceShown
    right: str
    fields: dict[str, str]
    put_right_by: PlaceShown | None
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None
    decided_at: datetime | None


class CorrectionsShown(Listed):
    items: list[CorrectionShown]


class ProposeBody(Body):
    """No personal data: it is kept for ever, and shown to auditors."""

    stream: UUID
    version: Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]
    right: Annotated[Short, Field(description="what would be right, in words, without naming a person")]
    fields: Fields = Field(default_factory=dict)
    put_right_by: PlaceInLog | None = None
    reason: Reason


class ApproveBody(Body):
    put_right_by: PlaceInLog | None = None


class DeclineBody(Body):
    reason: Reason


@router.post("", status_code=201, response_model=CorrectionShown)
def propose(request: Request, service: Calling, caller: Support, body: ProposeBody) -> Response:
    """State that an event was recorded wrongly, and what would be right. The event stays as it is; somebody else approves."""
    by = body.put_right_by
    command = ProposeCorrection(
        id=uuid4(),
        wrong=corrections.place_of(service.lifecycle, body.stream, body.version),
        right=body.right,
        fields=body.fields,
        put_right_by=corrections.place_at(service.lifecycle, by) if by else None,
    )
    return created(request, caller, body, "/v1/corrections", command)


@router.get("", response_model=CorrectionsShown)
def list_corrections(
    request: Request,
    service: Calling,
    caller: Reader,
    status: Status | None = None,
    stream: UUID | None = None,
    after: After = 0,
    limit: Limit = 50,
    position: Position = None,
) -> Response:
    """In the order in which they were proposed. `stream` is the one of which an event was recorded wrongly."""
    service.wait_for(position)
    items, following = corrections.listed(service.lifecycle, service.database, stream=stream, status=status, after=after, limit=limit)
    return listed(request, items, following)


@router.get("/{id}", response_model=CorrectionShown)
def one_correction(id: UUID, service: Calling, caller: Reader) -> Response:
    """What was proposed, what is said to be right, and how it was decided."""
    return service.answer_now(service.stream(Correction, "correction", id, caller))


@router.post("/{id}/approve", response_model=CorrectionShown)
def approve(id: UUID, request: Request, service: Calling, caller: Admin, body: ApproveBody = ApproveBody()) -> Response:
    """Agree, as somebody other than the proposer. What put the state right can be named now, or later by approving once more."""
    by = body.put_right_by
    place = corrections.place_at(service.lifecycle, by) if by else None
    return ask(request, caller, body, ApproveCorrection(id=id, put_right_by=place))


@router.post("/{id}/decline", response_model=CorrectionShown)
def decline(id: UUID, request: Request, caller: Admin, body: DeclineBody) -> Response:
    """Disagree: the record stands as it is."""
    return ask(request, caller, body, DeclineCorrection(id=id))


@router.post("/{id}/withdraw", response_model=CorrectionShown)
def withdraw(id: UUID, request: Request, caller: Support, body: Body = Body()) -> Response:
    """Take back what one has proposed; an admin may take back anybody's."""
    return ask(request, caller, body, WithdrawCorrection(id=id))
