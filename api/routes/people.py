"""Whom the log knows: found by what is known of them, shown where they are, told what is kept of them, and asked to be forgotten."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.answers import Out
from api.auth import Admin, Reader
from api.fields import Body, Reason
from api.reads import SHOWS_PEOPLE
from api.routes.erasures import ErasureShown
from api.service import Service
from api.wiring import Calling, created
from domain.commands.people import RequestErasure
from domain.errors import Invalid, NotFound
from domain.events.people import Ground
from domain.values import parse_email
from projections import people

router = APIRouter(prefix="/v1/people", tags=["people"])

MOST = 20


class PlaceShown(Out):
    """A thing in which something of the person is sealed."""

    kind: Literal["account", "user-plan", "token", "email", "other"]
    id: UUID
    account_id: UUID | None
    status: str | None


class PersonShown(Out):
    """`erasure_id` is the request that the person be forgotten, open or done."""

    id: UUID
    status: Literal["known", "erased"]
    erasure_id: UUID | None
    places: list[PlaceShown]


class PeopleShown(Out):
    items: list[PersonShown]


class TextsShown(Out):
    """An event, and what it tells of the person, by the paths of its fields."""

    position: int
    stream_id: UUID
    version: int
    topic: str
    at: datetime
    recorded_at: datetime
    account_id: UUID | None
    data: dict[str, str]


class PersonExported(Out):
    id: UUID
    exported_at: datetime
    items: list[TextsShown]


class EraseBody(Body):
    """`others` are further ids of the same person, who is known by several addresses."""

    reason: Reason
    ground: Annotated[Literal["asked", "other"], Field(description="whether the person asked for it")] = "asked"
    others: Annotated[list[UUID], Field(max_length=MOST, default_factory=list)]


@router.get("", openapi_extra=SHOWS_PEOPLE)
def find_people(
    service: Calling,
    caller: Reader,
    email: Annotated[str | None, Query(max_length=320)] = None,
    registered_account_id: Annotated[str | None, Query(max_length=200)] = None,
) -> PeopleShown:
    """Who has this address, or this registered account. Whoever is forgotten is not found by it."""
    asked = [("address", parse_email(email, field="query.email"))] if email is not None else []
    if registered_account_id is not None:
        asked.append(("registered-account", registered_account_id))
    if not asked:
        raise Invalid("nobody", "say who is looked for: email or registered_account_id", field="query.email")
    found = {person for kind, text in asked if (person := service.people.find(kind, text)) is not None}
    return PeopleShown(items=[_shown(service, person) for person in sorted(found)])


@router.get("/{id}", openapi_extra=SHOWS_PEOPLE)
def one_person(id: UUID, service: Calling, caller: Reader) -> PersonShown:
    """Where something of the person is sealed; nowhere any more of somebody who is forgotten."""
    return _shown(service, id)


@router.get("/{id}/export", openapi_extra=SHOWS_PEOPLE)
def export(id: UUID, service: Calling, caller: Admin) -> PersonExported:
    """What the log tells of the person, for the person. Of somebody who is forgotten there is nothing."""
    _shown(service, id)
    items = people.export(service.lifecycle, service.people, id)
    return PersonExported(id=id, exported_at=service.lifecycle.clock.now(), items=[TextsShown(**each) for each in items])


@router.post("/{id}/erase", status_code=201, response_model=ErasureShown)
def erase(id: UUID, request: Request, service: Calling, caller: Admin, body: EraseBody) -> Response:
    """Ask that the person be forgotten, within a month. A second admin confirms it; nothing happens before."""
    for person in (id, *body.others):
        if not service.people.exists(person):
            raise NotFound("person", person)
    command = RequestErasure(id=uuid4(), people=(id, *body.others), ground=Ground(body.ground))
    return created(request, caller, body, "/v1/erasures", command)


def _shown(service: Service, id: UUID) -> PersonShown:
    erasure = service.lifecycle.log_reader.holder("erasure", str(id))
    known = service.people.exists(id)
    if not known and erasure is None:
        raise NotFound("person", id)
    places = [PlaceShown(**each) for each in people.places(service.lifecycle, service.people, id)]
    return PersonShown(id=id, status="known" if known else "erased", erasure_id=erasure, places=places)
