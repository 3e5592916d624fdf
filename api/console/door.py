"""The door of the console: a session in a cookie, for whoever has a key; and the one who stands in it asks the API as that key would."""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, urlencode, urlsplit

from fastapi import Depends, Request, Response
from fastapi.concurrency import run_in_threadpool

from api import inside
from api.service import Service
from projections import console_sessions
from projections.console_sessions import NOTED, Session
from projections.own_facts import StaffKey

ROLES = ("support", "auditor", "admin", "institution")
BYTES = 32


class NotSignedIn(Exception):
    """Whoever asks is led to the door, and from there to what was asked for."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class PageProblem(Exception):
    """Why a page cannot be shown, as a page."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True)
class Visitor:
    """Who looks at a page. `csrf` is what every form of theirs carries."""

    request: Request
    key: StaffKey
    handle: str
    csrf: str

    async def get(self, path: str, **query: Any) -> inside.Answer:
        """What the API answers to this key; on record where a read is."""
        given = {name.rstrip("_"): value for name, value in query.items() if value not in {None, ""}}
        return await self._ask("GET", path, query=urlencode(given))

    async def told(self, path: str, **query: Any) -> Any:
        """The answer as data. Missing raises what the page answers with the API's own words."""
        answer = await self.get(path, **query)
        if answer.status >= 400:
            raise PageProblem(answer.status, answer.told["detail"])
        return answer.told

    async def post(
        self,
        path: str,
        body: Any,
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        state: Mapping[str, Any] | None = None,
    ) -> inside.Answer:
        return await self._ask(method, path, body=body, headers=headers or {}, state=state or {})

    async def _ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, state: Mapping[str, Any] | None = None, **more: Any
    ) -> inside.Answer:
        given = {"x-request-id": str(self.request.state.request_id)} | dict(headers or {})
        if (position := self.request.query_params.get("position", "")).isdigit() and method == "GET":
            given["x-position"] = position  # of what the visitor has just done, and is to see
        return await inside.ask(self.request.app, method, path, headers=given, state={"session_key": self.key} | dict(state or {}), **more)


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def is_secure(service: Service) -> bool:
    return service.public_url.startswith("https://")


def cookie_name(service: Service) -> str:
    """With the prefix a browser takes it from this very host alone, and only over TLS; a development server has none."""
    return "__Host-tenure" if is_secure(service) else "tenure"


def sign_in(service: Service, key: StaffKey) -> str:
    """Begin a session; its secret."""
    secret, now = secrets.token_urlsafe(BYTES), service.lifecycle.clock.now()
    session = Session(_handle(service, secret), key.digest, now, now)
    with service.database.writing() as connection:
        console_sessions.begin(connection, session)
    return secret


def set_cookie(response: Response, service: Service, secret: str) -> None:
    response.set_cookie(cookie_name(service), secret, path="/", secure=is_secure(service), httponly=True, samesite="lax")


def sign_out(service: Service, handle: str) -> None:
    with service.database.writing() as connection:
        console_sessions.end(connection, handle)


def _handle(service: Service, secret: str) -> str:
    return service.secrets.derived("console-session", secret)


def csrf_of(service: Service, secret: str) -> str:
    return service.secrets.derived("console-form", secret)


def _found(service: Service, secret: str) -> tuple[Session, StaffKey] | None:
    now = service.lifecycle.clock.now()
    with service.database.reading() as connection:
        session = console_sessions.find(connection, _handle(service, secret), now)
    key = service.find_digest(session.key_digest) if session else None
    if session is None or key is None or key.role not in ROLES:
        return None
    if now - session.seen_at >= NOTED:
        with service.database.writing() as connection:
            console_sessions.seen(connection, session.handle, now)
    return session, key


async def visitor(request: Request) -> Visitor:
    """Raises NotSignedIn. A form is refused that this console did not make, for this session."""
    service = _service(request)
    secret = request.cookies.get(cookie_name(service))
    found = await run_in_threadpool(_found, service, secret) if secret else None
    if secret is None or found is None:
        raise NotSignedIn(own_path(f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path))
    session, key = found
    csrf = csrf_of(service, secret)
    if request.method == "POST":
        form = await request.form()
        refuse_foreign(request, service)
        if not hmac.compare_digest(str(form.get("csrf", "")), csrf):
            raise PageProblem(403, "this form is not of this session; open the page again")
    return Visitor(request, key, session.handle, csrf)


def refuse_foreign(request: Request, service: Service) -> None:
    """Another site's page may not post here in our visitor's name."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise PageProblem(403, "this was sent by another site")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc not in {urlsplit(service.public_url).netloc, request.headers.get("host", "")}:
        raise PageProblem(403, "this was sent by another site")


def own_path(text: str) -> str:
    """A path of the console, whatever else was written: nobody is led elsewhere."""
    parts = urlsplit(text)
    is_ours = not parts.scheme and not parts.netloc and parts.path.startswith("/console") and "\\" not in text and not text.startswith("//")
    return text if is_ours else "/console"


def to_the_door(path: str) -> str:
    return f"/console/sign-in?next={quote(path, safe='')}"


Signed = Annotated[Visitor, Depends(visitor)]
