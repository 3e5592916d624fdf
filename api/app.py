"""The application: routes, errors, request ids, the body limit, the access log, and the contract."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from random import getrandbits
from tempfile import SpooledTemporaryFile
from typing import Any
from uuid import UUID

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from api.auth import Allowed
from api.console import pages
from api.contract import complete
from api.problems import problem
from api.reads import RecordedReads
from api.routes import (
    access,
    accounts,
    allow_list,
    announcements,
    branding,
    bulk_data,
    clock,
    confirmations,
    contacts,
    corrections,
    diff,
    downloads,
    emails,
    entitlements,
    erasures,
    events,
    exports,
    future,
    gateway,
    health,
    history,
    holder,
    invitations,
    leaks,
    librarian_keys,
    machine_room,
    onboarding,
    people,
    portfolio_pages,
    portfolios,
    previews,
    proofs,
    reads,
    registered_accounts,
    subscriptions,
    tokens,
    usage,
    usage_reports,
    user_imports,
    user_plans,
    webhooks,
)
from api.service import Service, derived_id
from api.spool import MAX_BODY, NotTaken, as_asked, spool, take, takes_upload
from domain.moment import Moment

CLIENT_GONE = 499  # what the log and the metrics say where nobody was left to answer

log = structlog.get_logger()


class Application(FastAPI):
    """FastAPI, with the contract made whole, and in its surroundings."""

    surround: Callable[[ASGIApp], ASGIApp]

    def build_middleware_stack(self) -> ASGIApp:
        return self.surround(super().build_middleware_stack())

    def openapi(self) -> dict[str, Any]:
        before = self.openapi_schema
        contract = super().openapi()
        if contract is not before:
            complete(contract)
        return contract


def create_app(service: Service, observe: Callable[[str, str, int, float], None]) -> FastAPI:
    """The whole API. `observe` is told of each request: method, route, status, seconds."""
    app = Application(
        title="tenure",
        version="1",
        summary="Institutional subscriptions in good standing.",
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # a trace would keep the tokens of query strings
    )
    app.state.service = service
    bulk = (bulk_data, downloads)
    integration = (events, webhooks)
    attested = (portfolios, branding, portfolio_pages)
    users = (user_plans, invitations, user_imports, registered_accounts)
    for module in (
        gateway,
        health,
        accounts,
        confirmations,
        contacts,
        onboarding,
        allow_list,
        *attested,
        announcements,
        librarian_keys,
        subscriptions,
        entitlements,
        *users,
        *bulk,
        leaks,
        tokens,
        access,
        holder,
        usage,
        usage_reports,
        emails,
        exports,
        future,
        previews,
        history,
        corrections,
        people,
        erasures,
        proofs,
        diff,
        reads,
        machine_room,
        *integration,
    ):
        app.include_router(prepared(module.router))
    if service.advance is not None:
        app.include_router(prepared(clock.router))
    pages.install(app)
    problems.install(app)
    around = partial(Surroundings, observe=observe, derived=service.secrets.derived, shortcut=gateway.Shortcut(service))
    app.surround = lambda inner: around(RecordedReads(inner, service))
    return app


def create_probe(metrics: Callable[[], bytes], ready: Callable[[], dict[str, Any]]) -> FastAPI:
    """What a process without the API answers: is it alive, can it work, what does it count."""
    app = FastAPI(title="tenure", openapi_url=None, docs_url=None, redoc_url=None)
    app.add_api_route("/livez", lambda: {"status": "ok"})
    app.add_api_route("/readyz", lambda: {"status": "ok", **ready()})
    app.add_api_route("/metrics", lambda: Response(metrics(), media_type="text/plain; version=0.0.4; charset=utf-8"))
    problems.install(app)
    return app


def prepared(router: APIRouter) -> APIRouter:
    """Each operation says in the contract who may call it, and knows its query parameters: it refuses any other."""
    for route in router.routes:
        if isinstance(route, APIRoute):
            route.openapi_extra = {**(route.openapi_extra or {}), "x-roles": roles_of(route)}
            known = frozenset(query_parameters(route.dependant))
            for each in route.dependant.dependencies:
                if isinstance(each.call, Allowed):
                    each.call.parameters[route.endpoint] = known
    return router


def query_parameters(dependant: Dependant) -> Iterator[str]:
    """By the names that callers write."""
    yield from (each.alias for each in dependant.query_params)
    for inner in dependant.dependencies:
        yield from query_parameters(inner)


def roles_of(route: APIRoute) -> list[str]:
    """The roles that an operation lets in; none where it asks for no key."""
    allowed = [each.call for each in route.dependant.dependencies if isinstance(each.call, Allowed)]
    return sorted(allowed[0].roles) if allowed else []


class Surroundings:
    """Around every request: an id in and out, a bounded body, one line in the access log, two metrics."""

    def __init__(
        self,
        app: ASGIApp,
        observe: Callable[[str, str, int, float], None],
        derived: Callable[[str, str], str],
        shortcut: gateway.Shortcut | None = None,
    ) -> None:
        """`derived` makes keyed hashes: a request's id may be any text, and is kept with what the request did."""
        self._app = app
        self._observe = observe
        self._derived = derived
        self._shortcut = shortcut

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = self._request_id(next((value for name, value in scope["headers"] if name == b"x-request-id"), None))
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        status = 500

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", str(request_id).encode())]
                if moment := state.get("moment"):
                    message["headers"] = _of_the_past(message["headers"], moment)
            await send(message)

        try:
            if self._shortcut and (caller := self._shortcut.takes(scope)):
                state["caller"], scope["route"] = caller, self._shortcut
                asked = BytesIO()
                await take(receive, asked, MAX_BODY)
                answer = await self._shortcut.answer(scope, asked.getvalue())
                await answer(scope, receive, send_on)
                return
            upload = takes_upload(scope["method"], scope["path"])
            with SpooledTemporaryFile(max_size=MAX_BODY) if upload else BytesIO() as body:
                state["body_digest"] = await spool(scope, receive, body)
                if upload:
                    state["upload"] = body
                content = b"" if upload else body.read()
                if "rehearsal" in state or any(name == b"x-preview" for name, _ in scope["headers"]):
                    state["asked"] = as_asked(content)
                await self._app(scope, _once(content, receive), send_on)
        except NotTaken as error:
            refusal = problem(Request(scope), error.status, error.slug, error.detail, field=error.field)
            await refusal(scope, receive, send_on)
        except ClientDisconnect:
            status = CLIENT_GONE
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            seconds = time.perf_counter() - started
            self._observe(scope["method"], route, status, seconds)
            caller = state.get("caller")
            log.info(
                "request",
                method=scope["method"],
                route=route,
                status=status,
                milliseconds=round(seconds * 1000, 1),
                request_id=str(request_id),
                caller=caller.actor if caller else None,
            )

    def _request_id(self, given: bytes | None) -> UUID:
        if given is None:
            return UUID(int=getrandbits(128), version=4)  # nobody need be kept from guessing it
        text = given.decode("latin-1")
        try:
            return UUID(text)
        except ValueError:
            return derived_id(self._derived, "request", text)


def _of_the_past(headers: list[tuple[bytes, bytes]], moment: Moment) -> list[tuple[bytes, bytes]]:
    """No version to refer to: nothing can be changed there. The moment is said."""
    told = [(b"x-as-of", moment.as_of.isoformat().encode())]
    if moment.known_at is not None:
        told.append((b"x-known-at", moment.known_at.isoformat().encode()))
    return [*(each for each in headers if each[0].lower() != b"etag"), *told]


def _once(body: bytes, receive: Receive) -> Receive:
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
