"""Is it alive, can it work, what does it count, and what can be asked."""

import hmac

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from api.answers import LiveShown, ReadyShown
from api.docs import page
from api.wiring import Calling

router = APIRouter(tags=["health"])


@router.get("/livez", response_model=LiveShown)
def live() -> Response:
    """The process runs."""
    return Response(b'{"status":"ok"}', media_type="application/json")


@router.get("/readyz", response_model=ReadyShown)
def ready(service: Calling) -> Response:
    """The database answers; how far the log is, and how far the tables are."""
    return Response(msgspec.json.encode({"status": "ok", **service.ready()}), media_type="application/json")


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(request: Request, service: Calling) -> Response:
    """For Prometheus; with TENURE_METRICS_TOKEN set, only for who bears it."""
    if service.metrics_token is not None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), service.metrics_token.encode()):
            raise HTTPException(401, "this needs the metrics token: Authorization: Bearer <token>", {"WWW-Authenticate": "Bearer"})
    return Response(service.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/docs", response_class=HTMLResponse, include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    """The contract as a page, without anything from elsewhere."""
    return HTMLResponse(page(request.app.openapi()), headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"})
