"""Signing in with a key, and out; and the files that pages are made of."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import FileResponse, RedirectResponse

from api.console import site
from api.console.door import ROLES, PageProblem, Signed, cookie_name, own_path, refuse_foreign, set_cookie, sign_in, sign_out
from api.wiring import Calling

router = APIRouter()
KEPT = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
FILES = {
    "console.css": "text/css",
    "console.js": "text/javascript",
    "pico.classless.min.css": "text/css",
    "htmx.min.js": "text/javascript",
}


@router.get("/sign-in")
def ask_for_key(next: str = "/console") -> Response:
    return site.page("sign_in.html", next=own_path(next), problem=None)


@router.post("/sign-in")
def take_key(request: Request, service: Calling, key: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "/console") -> Response:
    refuse_foreign(request, service)
    found = service.find_key(key.strip()) if key.strip() else None
    if found is None or found.role not in ROLES:
        why = (
            "No such key, or it is over. Ask an operator for one: tenure staff add."
            if found is None
            else f"A key of role {found.role} opens no console; it is for {', '.join(ROLES)}."
        )
        return site.page("sign_in.html", http_status=401, next=own_path(next), problem=why)
    answer = RedirectResponse(own_path(next), 303)
    set_cookie(answer, service, sign_in(service, found))
    return answer


@router.post("/sign-out")
def leave(service: Calling, visitor: Signed) -> Response:
    sign_out(service, visitor.handle)
    answer = RedirectResponse("/console/sign-in", 303)
    answer.delete_cookie(cookie_name(service), path="/")
    return answer


@router.get("/static/{digest}/{name}")
def static(digest: str, name: str) -> Response:
    if name not in FILES or site.address_of(name) != f"/console/static/{digest}/{name}":
        raise PageProblem(404, "there is no such file")
    return FileResponse(site.STATIC / name, media_type=FILES[name], headers=KEPT)
