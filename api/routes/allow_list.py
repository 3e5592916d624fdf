"""The networks of subscribers, for the guard against bots that must let them through; and what of it was served to whom."""

import re
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api.answers import Out
from api.auth import Allowed, Caller, Reader
from api.fields import Instant
from api.paging import After, Limit, listed
from api.ranges import is_known
from api.wiring import Calling, Looking
from domain.errors import Forbidden, NotFound
from projections import allow_list

router = APIRouter(prefix="/v1/allow-list", tags=["allow-list"])

Provider = Annotated[Caller, Depends(Allowed("security-provider", "support", "auditor", "admin"))]
PLAIN = "text/plain"
_ACCEPTED = re.compile(r"\s*([\w*.+-]+/[\w*.+-]+)\s*((?:;[^,]*)?)\s*")
_WEIGHT = re.compile(r";\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*(?:;|$)", re.IGNORECASE)


class AllowListShown(Out):
    """`position` is how far the log had been read."""

    ranges: list[str]
    position: int


class ServedShown(Out):
    """While a caller was given the same list, one record. `unchanged` counts the times at which it was told that nothing had changed."""

    caller: str
    role: str
    first_served_at: datetime
    last_served_at: datetime
    times: int
    unchanged: int
    first_position: int
    last_position: int
    digest: str
    ranges: int


class ServedListed(Out):
    items: list[ServedShown]
    next: str | None


class ServedContentShown(Out):
    """`digest` is the SHA-256 of the plain text, each range with its line feed."""

    digest: str
    first_served_at: datetime
    ranges: list[str]


_TAG = {"description": "of the ranges, in this form", "required": True, "schema": {"type": "string"}}
_POSITION = {"description": "how far the log had been read", "required": True, "schema": {"type": "string", "pattern": "^[0-9]+$"}}
_VARY = {"description": "Accept: what the form depends on", "required": True, "schema": {"type": "string"}}
_HEADERS = {"ETag": _TAG, "X-Position": _POSITION, "Vary": _VARY}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"headers": _HEADERS, "content": {PLAIN: {"schema": {"type": "string"}}}},
    304: {"description": "If-None-Match names this list: no range of it has changed", "headers": _HEADERS},
}


@router.get("", response_model=AllowListShown, responses=_ANSWERS)
def networks(request: Request, service: Looking, caller: Provider) -> Response:
    """The ranges of every institution that has access at this instant, in as few as mean the same; one a line for `Accept: text/plain`."""
    if service.lifecycle.moment is not None and caller.role == "security-provider":
        raise Forbidden("present-only", "a guard is told of the present only; what it was served is on record", field="query.as_of")
    if service.lifecycle.moment is not None:  # nobody is served it, so it is no serving that is put on record
        ranges = allow_list.read_then(service.lifecycle, service.database)
        head = str(service.lifecycle.log_reader.max_notification_id() or 0)
        if prefers_plain(request.headers.getlist("accept")):
            return Response("".join(f"{each}\n" for each in ranges), 200, {"X-Position": head, "Vary": "Accept"}, PLAIN)
        told = msgspec.json.encode({"ranges": ranges, "position": int(head)})
        return Response(told, 200, {"X-Position": head, "Vary": "Accept"}, "application/json")
    shown = allow_list.read(service.meter.gatekeeper, service.lifecycle.clock.now())
    plain = prefers_plain(request.headers.getlist("accept"))
    tag = f'"{shown.digest}"' if plain else f'"{shown.digest}-json"'
    unchanged = is_known(request.headers, tag)
    with service.database.writing() as connection:
        allow_list.record(connection, shown, caller.actor, caller.role, unchanged=unchanged)
    headers = {"ETag": tag, "X-Position": str(shown.position), "Vary": "Accept", "Cache-Control": "no-cache"}
    if unchanged:
        return Response(None, 304, headers)
    if plain:
        return Response(shown.text, 200, headers, PLAIN)
    return Response(msgspec.json.encode({"ranges": shown.ranges, "position": shown.position}), 200, headers, "application/json")


def prefers_plain(accept: list[str]) -> bool:
    """Whether plain text is wanted rather than JSON, which is what nobody's wish gets."""
    weights: dict[str, float] = {}
    for each in ",".join(accept).split(","):
        if found := _ACCEPTED.fullmatch(each):
            weight = _WEIGHT.search(found[2])
            weights[found[1].lower()] = float(weight[1]) if weight else 1.0
    anything = weights.get("*/*", 0.0)
    plain = weights.get(PLAIN, weights.get("text/*", anything))
    return plain > weights.get("application/json", weights.get("application/*", anything))


@router.get("/served", response_model=ServedListed)
def what_was_served(
    request: Request,
    service: Calling,
    caller: Reader,
    of: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="one caller, by name")] = None,
    before: Annotated[Instant | None, Query(description="only what began to be served before this instant")] = None,
    after: After = 0,
    limit: Limit = 50,
) -> Response:
    """Who was given which list from when to when, the latest first: the first record before an instant is what its caller had then."""
    with service.database.reading() as connection:
        items, following = allow_list.listed(connection, caller=of, before=before, after=after, limit=limit)
    return listed(request, items, following)


@router.get("/served/{digest}", response_model=ServedContentShown)
def served_list(
    digest: Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="of a record")], service: Calling, caller: Reader
) -> Response:
    """A list that was served, by its digest."""
    with service.database.reading() as connection:
        found = allow_list.content(connection, digest)
    if found is None:
        raise NotFound("served list", digest)
    return Response(msgspec.json.encode(found), media_type="application/json")
