"""Events for other systems, as CloudEvents: in pages, and as a stream that goes on where it broke off."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from pydantic import BaseModel

from api.auth import Allowed, Caller
from api.paging import LARGEST, After, Limit, listed
from api.reads import SHOWS_PEOPLE
from api.service import Service
from api.wiring import Calling
from domain.store import Selection
from projections import cloud_events

router = APIRouter(prefix="/v1/events", tags=["events"])

Listener = Annotated[Caller, Depends(Allowed("integration", "auditor", "admin"))]
Topic = Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00]*$", description="the name of an event, such as account.nominated")]
LastEventId = Annotated[
    int | None,
    Header(alias="Last-Event-ID", ge=0, le=LARGEST, description="the `id` of the last event that arrived; it goes before `after`"),
]
STREAMED = 100
HEARTBEAT_SECONDS = 15.0
HEARTBEAT = b": nothing new\n\n"
_SENT = {
    "type": "object",
    "description": "each event: `data` is a CloudEvent as JSON, `event` its type, `id` its place in the log",
    "properties": {"data": {"type": "string"}, "event": {"type": "string"}, "id": {"type": "string", "pattern": "^[0-9]+$"}},
    "required": ["data", "event", "id"],
}


class CloudEventShown(BaseModel):
    """CloudEvents 1.0, structured. `subject` is the stream, `streamversion` the event's number in it, `sequence` its place in the log."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    recordedtime: str
    datacontenttype: str
    dataversion: int
    sequence: str
    streamversion: int
    accountid: UUID | None = None
    correlationid: UUID | None = None
    causationid: UUID | None = None
    data: dict[str, Any]


class CloudEventsShown(BaseModel):
    items: list[CloudEventShown]
    next: str | None


@router.get("", response_model=CloudEventsShown, openapi_extra=SHOWS_PEOPLE)
def read(
    request: Request,
    service: Calling,
    caller: Listener,
    topic: Topic = None,
    account: UUID | None = None,
    after: After = 0,
    limit: Limit = 100,
) -> Response:
    """Events in the order of the log, behind position `after`. What names people is told only to keys that were given that right."""
    only = Selection(topic=topic, account=account)
    items, following = cloud_events.page(service.lifecycle, only, service.event_source, after=after, limit=limit, personal=caller.personal)
    return listed(request, items, following)


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": _SENT}}}},
    openapi_extra=SHOWS_PEOPLE,
)
async def stream(
    request: Request,
    service: Calling,
    caller: Listener,
    topic: Topic = None,
    account: UUID | None = None,
    after: After = 0,
    last_event_id: LastEventId = None,
) -> StreamingResponse:
    """The same as server-sent events, without end. Connect again with `Last-Event-ID`, anywhere, and nothing is missing."""
    secret = request.headers["Authorization"].partition(" ")[2]
    start = after if last_event_id is None else last_event_id
    told = _told(service, caller, secret, Selection(topic=topic, account=account), start)
    return StreamingResponse(told, media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


async def _told(service: Service, caller: Caller, secret: str, only: Selection, after: int) -> AsyncIterator[bytes]:
    """A page at a time, read when the one before was taken; ends with the key, and when the process is to stop."""
    reader = service.feed.join()
    try:
        while True:
            reader.clear()
            if (page := await run_in_threadpool(_page, service, caller, secret, only, after)) is None:
                return
            events, after = page
            for position, event in events:
                yield format_sse_event(data_str=msgspec.json.encode(event).decode(), event=event["type"], id=str(position))
                if service.feed.is_ending:
                    return
            if len(events) == STREAMED:
                continue
            if not service.feed.is_open:
                return
            if not await reader.wait(HEARTBEAT_SECONDS):
                yield HEARTBEAT
    finally:
        service.feed.leave(reader)


def _page(
    service: Service, caller: Caller, secret: str, only: Selection, after: int
) -> tuple[list[tuple[int, dict[str, Any]]], int] | None:
    """The next events with their positions, and how far the log was read; None where the key is no longer good."""
    key = service.find_key(secret)
    if key is None or key.role != caller.role:
        return None
    reader, codec = service.lifecycle.log_reader, service.lifecycle.codec
    head = reader.max_notification_id() or 0
    stored = reader.read_log(after=after, limit=STREAMED, only=only)
    found = [cloud_events.cloud_event(codec.to_recorded(each), service.event_source, personal=caller.personal) for each in stored]
    reached = stored[-1].id if stored else after
    return list(zip((each.id for each in stored), found, strict=True)), reached if len(stored) == STREAMED else max(reached, head)
