"""The log to read, for auditors and support."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Request, Response

from api.answers import EmailShown, EventShown, EventsShown, Out
from api.auth import Reader
from api.paging import LARGEST, After, Limit, Position, listed
from api.reads import SHOWS_PEOPLE
from api.selecting import Selected
from api.wiring import Calling
from projections import corrections, history
from projections.chains import Chain

router = APIRouter(prefix="/v1/history", tags=["history"])


class ConsequenceShown(EventShown):
    """`caused_by` is the position of what it follows from."""

    caused_by: int


class ChainShown(Out):
    """Causes from the first on, then the event, what followed, and every letter: sent, skipped or bounced, and why (`answer`).

    `cut` says that there is more than is told.
    """

    causes: list[EventShown]
    event: EventShown
    consequences: list[ConsequenceShown]
    letters: list[EmailShown]
    cut: bool


@router.get("", response_model=EventsShown, openapi_extra=SHOWS_PEOPLE)
def read(
    request: Request,
    service: Calling,
    caller: Reader,
    only: Selected,
    after: After = 0,
    limit: Limit = 50,
) -> Response:
    """Events in the order of the log, each as a sentence and as data.

    `from` and `to` bound the instant of effect, `recorded_from` and `recorded_to` that of record; the latter of each is excluded.
    """
    items, following = history.page(service.lifecycle, only, after=after, limit=limit)
    corrections.beside(service.database, items)
    return listed(request, items, following)


@router.get("/{position}/chain", response_model=ChainShown, openapi_extra=SHOWS_PEOPLE)
def chain(position: Annotated[int, Path(ge=1, le=LARGEST)], service: Calling, caller: Reader, reached: Position = None) -> Response:
    """What led to an event, and what followed from it down to the letters: was the subscriber warned?"""
    service.wait_for(reached)
    return Response(msgspec.json.encode(Chain(service.lifecycle, service.database).of(position)), media_type="application/json")
