"""The machine room as a page."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import RedirectResponse

from api.console import site
from api.console.door import PageProblem, Signed

router = APIRouter(prefix="/machine-room")


@router.get("")
async def look(visitor: Signed, done: Annotated[str, Query(max_length=100)] = "") -> Response:
    return site.page("machine_room.html", visitor, room=await visitor.told("/v1/machine-room"), said=done or None)


@router.post("/try-mail")
async def try_mail(visitor: Signed) -> Response:
    return await _done(visitor, "/v1/machine-room/try-mail", "Put-off+letters+are+tried+now.")


@router.post("/webhooks/{id}/resume")
async def resume(id: UUID, visitor: Signed) -> Response:
    return await _done(visitor, f"/v1/webhooks/{id}/resume", "The+webhook+goes+on.")


async def _done(visitor: Signed, path: str, said: str) -> Response:
    answer = await visitor.post(path, {})
    if answer.status >= 400:
        raise PageProblem(answer.status, answer.told["detail"])
    return RedirectResponse(f"/console/machine-room?done={said}", 303)
