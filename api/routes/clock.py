"""Virtual time: where it stands, and moving it forward. Only there when time is virtual."""

import msgspec
from fastapi import APIRouter, Response

from api.answers import AdvancedShown, ClockShown
from api.auth import Admin, Reader
from api.bodies import AdvanceBody
from api.wiring import Calling
from domain.errors import NotFound

router = APIRouter(prefix="/v1/clock", tags=["clock"])


@router.get("", response_model=ClockShown)
def read(service: Calling, caller: Reader) -> Response:
    """What time it is here."""
    return Response(msgspec.json.encode({"now": service.lifecycle.clock.now()}), media_type="application/json")


@router.post("/advance", response_model=AdvancedShown)
def advance(service: Calling, caller: Admin, body: AdvanceBody) -> Response:
    """Move time forward through everything that falls due on the way, in order, emails included."""
    if service.advance is None:
        raise NotFound("virtual clock", "here")
    journey = service.advance(body.to)
    shown = {"now": journey.now, "events": journey.events, "emails": journey.emails, "totals": journey.totals}
    return Response(msgspec.json.encode(shown), headers={"X-Position": str(service.tables.position())}, media_type="application/json")
