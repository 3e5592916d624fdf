"""What a command would do, told before it is done: its events, letters and deadlines, and whom it touches."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from api import inside
from api.answers import Out
from api.auth import Manager
from api.paging import Position
from api.problems import MEDIA_TYPE
from api.reads import SHOWS_PEOPLE
from api.routes.future import ComingEmailShown, ComingEventShown, TurnShown
from api.service import Rehearsal
from api.wiring import Calling
from domain.errors import NotFound, Refused

router = APIRouter(prefix="/v1", tags=["previews"])

CARRIED = ("authorization", "x-on-behalf-of", "if-match")
"""What a preview is asked with is what the command would be asked with."""


class DeadlineChange(Out):
    stream_id: UUID
    name: str
    due_at: datetime
    change: Literal["set", "dropped"]


class PreviewTotals(Out):
    events: int
    emails: int


class PreviewShown(Out):
    """Each list has at most the first 200. `people` is how many user plans something happens to at once.

    `digest` confirms the command in its header X-Preview: it is refused with 412 where the institution has moved on since.
    """

    digest: str
    events: list[ComingEventShown]
    emails: list[ComingEmailShown]
    deadlines: list[DeadlineChange]
    turns: list[TurnShown]
    people: int
    totals: PreviewTotals
    people_left_out: int


class Asked(BaseModel):
    """A command as it would be sent: with POST unless `method` says PUT."""

    model_config = ConfigDict(extra="forbid")
    path: Annotated[str, Field(pattern=r"^/v1/[!-~]{1,300}$", description="such as /v1/subscriptions/{id}/renew")]
    method: Literal["POST", "PUT"] = "POST"
    body: dict[str, Any] = {}


@router.post("/previews", response_model=PreviewShown, openapi_extra=SHOWS_PEOPLE)
async def preview(request: Request, service: Calling, caller: Manager, asked: Asked, position: Position = None) -> Response:
    """Decides as the command would, and answers with whatever it would refuse; nothing is recorded of it."""
    if asked.path.startswith(f"{router.prefix}/previews"):
        raise Refused("no-preview", "a preview of a preview is the preview", field="path")
    await run_in_threadpool(service.wait_for, position)
    rehearsal = Rehearsal()
    headers = {name: request.headers[name] for name in CARRIED if name in request.headers}
    headers["x-request-id"] = str(request.state.request_id)
    answer = await inside.ask(
        request.app, asked.method, asked.path, body=asked.body, headers=headers, state={"rehearsal": rehearsal} | _session(request)
    )
    if rehearsal.told is not None:
        return Response(msgspec.json.encode(rehearsal.told), media_type="application/json")
    if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
        raise NotFound("command", asked.path)
    if answer.status >= 400:
        return Response(answer.body, answer.status, media_type=answer.headers.get("content-type", MEDIA_TYPE))
    raise Refused("no-preview", "what this does cannot be told before it is done", field="path")


def _session(request: Request) -> dict[str, Any]:
    key = getattr(request.state, "session_key", None)
    return {} if key is None else {"session_key": key}
