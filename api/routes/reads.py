"""Who of ours has looked at what names people. Looking at that list is on record, too."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from api.answers import Listed, Out
from api.auth import Allowed, Caller
from api.fields import Instant
from api.paging import After, Limit, listed
from api.reads import SHOWS_PEOPLE
from api.wiring import Calling
from projections import reads

router = APIRouter(prefix="/v1/reads", tags=["reads"])

Overseer = Annotated[Caller, Depends(Allowed("auditor", "admin"))]


class ReadShown(Out):
    """`things` are the streams and persons that the answer showed; an address in `filter` stands as a keyed hash."""

    number: int
    at: Instant
    actor: str
    role: str
    operation: str
    filter: dict[str, str]
    request_id: UUID
    things: list[UUID]


class ReadsShown(Listed):
    items: list[ReadShown]


@router.get("", response_model=ReadsShown, openapi_extra=SHOWS_PEOPLE)
def list_reads(
    request: Request,
    service: Calling,
    caller: Overseer,
    person: UUID | None = None,
    actor: Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00]*$")] = None,
    from_: Annotated[Instant | None, Query(alias="from")] = None,
    to: Instant | None = None,
    after: After = 0,
    limit: Limit = 50,
) -> Response:
    """Reads in their order: of a person, by somebody, in a span of time (`to` excluded)."""
    things = None if person is None else [person]
    with service.database.reading() as connection:
        items, following = reads.page(connection, things=things, actor=actor, from_=from_, to=to, after=after, limit=limit)
    return listed(request, items, following)
