"""What changed of an institution between two instants."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.answers import Listed, Out
from api.auth import Reader
from api.fields import Instant
from api.paging import After, Limit, Position, listed
from api.reads import SHOWS_PEOPLE
from api.wiring import Calling
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.errors import Invalid
from domain.moment import Moment
from projections import diff

router = APIRouter(prefix="/v1/diff", tags=["history"])


class FieldChangeShown(Out):
    """`field` is the path in the thing as it is shown, such as `term.ends_at`."""

    field: str
    before: Any
    after: Any


class CauseShown(Out):
    position: int
    at: datetime
    sentence: str


class ThingChangedShown(Out):
    """No event stands where a deadline has taken effect that nobody had recorded."""

    kind: Literal["account", "subscription", "user-plan", "token", "user-import"]
    id: UUID
    change: Literal["appeared", "changed", "ended"]
    fields: list[FieldChangeShown]
    events: list[CauseShown]


class DiffShown(Listed):
    items: list[ThingChangedShown]


@router.get("", response_model=DiffShown, openapi_extra=SHOWS_PEOPLE)
def what_changed(
    request: Request,
    service: Calling,
    caller: Reader,
    account: UUID,
    from_: Annotated[Instant, Query(alias="from", description="an instant of effect")],
    to: Annotated[Instant, Query(description="a later one")],
    known_at: Annotated[Instant | None, Query(description="only what had been recorded by then")] = None,
    after: After = 0,
    limit: Limit = 50,
    position: Position = None,
) -> Response:
    """What took effect after `from` and by `to`: each thing of the institution that appeared, changed or ended, by which events."""
    service.wait_for(position)
    service.stream(InstitutionalAccount, "account", account, caller)
    now = service.lifecycle.clock.now()
    for name, instant, latest, of in (
        ("known_at", known_at or now, now, "not past yet"),
        ("to", to, known_at or now, "not past yet" if known_at is None else "later than known_at"),
        ("from", from_, to, "later than to"),
    ):
        if instant > latest:
            raise Invalid("invalid-request", f"{name}: {instant.isoformat()} is {of}", field=f"query.{name}")
    before, then = Moment(from_, known_at), Moment(to, known_at)
    items, following = diff.page(service.lifecycle, service.database, account, before, then, after=after, limit=limit)
    return listed(request, items, following)
