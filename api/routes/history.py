"""The log to read, for auditors and support."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.answers import EventsShown
from api.auth import Reader
from api.fields import Instant
from api.paging import After, Limit, listed
from api.wiring import Calling
from domain.application import Selection
from projections import history

router = APIRouter(prefix="/v1/history", tags=["history"])

Name = Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00]*$")]


@router.get("", response_model=EventsShown)
def read(
    request: Request,
    service: Calling,
    caller: Reader,
    stream: UUID | None = None,
    account: UUID | None = None,
    actor: Name = None,
    topic: Name = None,
    from_: Annotated[Instant | None, Query(alias="from")] = None,
    to: Instant | None = None,
    after: After = 0,
    limit: Limit = 50,
) -> Response:
    """Events in the order of the log. `from` and `to` bound the instant of effect, the latter excluded."""
    only = Selection(stream=stream, account=account, actor=actor, topic=topic, from_=from_, to=to)
    items, following = history.page(service.lifecycle, only, after=after, limit=limit)
    return listed(request, items, following)


@router.get("/export", response_class=StreamingResponse, responses={200: {"content": {"application/x-ndjson": {}}}})
def export(service: Calling, caller: Reader, account: UUID | None = None) -> StreamingResponse:
    """The log, or one institution's part of it, as NDJSON."""
    return StreamingResponse(history.lines(service.lifecycle, account=account), media_type="application/x-ndjson")
