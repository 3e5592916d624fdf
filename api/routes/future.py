"""What is coming for an institution: as things are, or if staff renew or do not; and as a calendar to subscribe to."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID, uuid5

import msgspec
from fastapi import APIRouter, Query, Response

from api.answers import Out
from api.auth import Insider
from api.fields import Instant
from api.paging import Position
from api.reads import SHOWS_PEOPLE
from api.service import Service
from api.wiring import Calling
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.errors import Invalid, NotFound
from projections import calendars, futures
from projections.futures import Scenario

router = APIRouter(tags=["future"])

CALENDAR = UUID("a1f6a7d4-19c5-4a55-8b3d-6a0cf1f0c4e2")
"""What a link to a calendar is signed for, beside the account."""


class ComingEventShown(Out):
    topic: str
    at: datetime
    stream_id: UUID
    sentence: str


class ComingEmailShown(Out):
    """`audience` is whom the letter is for, `to` who that is as things are."""

    template: str
    audience: str
    to: str
    subject: str
    at: datetime
    stream_id: UUID


class TurnShown(Out):
    """From `at` on something works, or does not, and with it so many people's plans and tokens."""

    at: datetime
    what: Literal["institution", "user-plan", "token"]
    id: UUID
    works: bool
    people: int
    tokens: int
    because: str


class FutureTotals(Out):
    events: int
    emails: int
    turns: int


class FutureShown(Out):
    """Each list has at most the first thousand; `totals` counts all. Of more than 2,000 people the rest is left out."""

    account_id: UUID
    scenario: Scenario
    now: datetime
    until: datetime
    events: list[ComingEventShown]
    emails: list[ComingEmailShown]
    turns: list[TurnShown]
    totals: FutureTotals
    people_left_out: int


class CalendarShown(Out):
    """Whoever has the address reads the calendar; it tells of no person."""

    url: str


@router.get("/v1/accounts/{id}/future", response_model=FutureShown, openapi_extra=SHOWS_PEOPLE)
def future(
    id: UUID,
    service: Calling,
    caller: Insider,
    until: Annotated[Instant | None, Query(description="at most 18 months from now, which is what it is without it")] = None,
    scenario: Annotated[Scenario, Query(description="what is taken for granted about the next end of the term")] = Scenario.AS_IS,
    position: Position = None,
) -> Response:
    """Every event and letter to come, decided by what decides them then; and who is cut off, or let in again, when."""
    service.wait_for(position)
    service.stream(InstitutionalAccount, "account", id, caller)
    told = futures.foresee(
        service.lifecycle, service.database, id, until=_until(service, until), scenario=scenario, public_url=service.public_url
    )
    return Response(msgspec.json.encode(told), media_type="application/json")


def _until(service: Service, asked: datetime | None) -> datetime:
    now = service.lifecycle.clock.now()
    farthest = futures.farthest(now)
    if asked is not None and not now <= asked <= farthest:
        what = "is past" if asked < now else f"is later than {farthest.isoformat()}: no further than {futures.FARTHEST_MONTHS} months"
        raise Invalid("invalid-request", f"until: {asked.isoformat()} {what}", field="query.until")
    return asked or farthest


@router.get("/v1/accounts/{id}/calendar", response_model=CalendarShown)
def calendar_address(id: UUID, service: Calling, caller: Insider) -> Response:
    """The address of the institution's calendar of what is coming, for any calendar program to subscribe to."""
    service.stream(InstitutionalAccount, "account", id, caller)
    url = f"{service.public_url}/calendars/{service.links.sign(id, uuid5(CALENDAR, str(id)))}.ics"
    return Response(msgspec.json.encode({"url": url}), media_type="application/json")


@router.get(
    "/calendars/{token}.ics", response_class=Response, responses={200: {"content": {"text/calendar": {"schema": {"type": "string"}}}}}
)
def calendar(token: str, service: Calling) -> Response:
    """Terms, tokens and letters to the institution of the next 18 months (RFC 5545)."""
    account, what = service.links.verify(token)
    if what != uuid5(CALENDAR, str(account)):
        raise NotFound("calendar at", "this address")
    stream = service.stream(InstitutionalAccount, "account", account)
    assert isinstance(stream.state, InstitutionalAccount)
    until = futures.farthest(service.lifecycle.clock.now())
    told = futures.foresee(service.lifecycle, service.database, account, until=until, public_url=service.public_url)
    return Response(calendars.text(stream.state.institution, told), media_type="text/calendar; charset=utf-8")
