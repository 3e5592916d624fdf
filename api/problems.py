"""Every error as RFC 9457 problem details: a stable type, a sentence, the field where there is one; no stack, no SQL."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from eventsourcing.persistence import PersistenceError
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from domain.application import Busy, KeyReused, PreviewOutdated, VersionMismatch
from domain.errors import DomainError, Forbidden, Invalid, NotFound, Refused

MEDIA_TYPE = "application/problem+json"
ERRORS_SHOWN = 20

log = structlog.get_logger()


class Problem(BaseModel):
    """What an error looks like."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    field: str | None = None
    errors: list[dict[str, Any]] | None = None


_STATUS: tuple[tuple[type[DomainError], int], ...] = (
    (KeyReused, 422),
    (VersionMismatch, 412),
    (PreviewOutdated, 412),
    (Busy, 503),
    (Invalid, 422),
    (Forbidden, 403),
    (NotFound, 404),
    (Refused, 409),
)


class Unavailable(Exception):
    """Not now, but soon: the tables have not reached the position, or the database is away."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def problem(
    request: Request,
    status: int,
    slug: str,
    detail: str,
    *,
    field: str | None = None,
    errors: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    body: dict[str, Any] = {
        "type": f"urn:tenure:problem:{slug}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _plain(detail),
    }
    if request_id := getattr(request.state, "request_id", None):
        body["instance"] = f"urn:uuid:{request_id}"
    if field:
        body["field"] = _plain(field)
    if errors:
        body["errors"] = errors
    return Response(msgspec.json.encode(body), status, dict(headers or {}), MEDIA_TYPE)


def _plain(text: str) -> str:
    """What a caller sent may have halves of characters, which JSON cannot say."""
    return text.encode("utf-8", "replace").decode()


def install(app: FastAPI) -> None:
    """Answer every exception with a problem."""
    for kind, answered in _ANSWERED:
        app.add_exception_handler(kind, answered)


async def answer(request: Request, error: Exception) -> Response:
    """What `install` answers, for who does not go through the framework."""
    return await next(answered for kind, answered in _ANSWERED if isinstance(error, kind))(request, error)


async def _domain(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)
    status = next(status for kind, status in _STATUS if isinstance(error, kind))
    headers = {"Retry-After": "1"} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    errors = [{"field": _plain(field), "detail": _plain(detail)} for field, detail in error.errors] if isinstance(error, Invalid) else None
    return problem(request, status, error.slug, error.detail, field=error.field, errors=errors, headers=headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"field": _plain(".".join(str(part) for part in each["loc"])), "detail": _plain(each["msg"])}
        for each in error.errors()[:ERRORS_SHOWN]
    ]
    first = errors[0]
    return problem(request, 422, "invalid-request", f"{first['field']}: {first['detail']}", field=first["field"], errors=errors)


_SLUGS = {401: "unauthenticated", 404: "not-found", 405: "method-not-allowed", 413: "too-large", 415: "unsupported-media-type"}


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.BAD_REQUEST:  # the framework's word for a body that is no JSON, or nested without end
        return problem(request, 422, "invalid-request", "body: this is not JSON in UTF-8", field="body")
    slug = _SLUGS.get(error.status_code, "http-error")
    return problem(request, error.status_code, slug, str(error.detail), headers=error.headers)


async def _unavailable(request: Request, error: Exception) -> Response:
    assert isinstance(error, Unavailable)
    return problem(request, 503, "not-yet", error.detail, headers={"Retry-After": "1"})


async def _database(request: Request, error: Exception) -> Response:
    log.error("database_failed", error=type(error).__name__, said=str(getattr(error, "orig", error)).partition("\n")[0])
    return problem(
        request, 503, "database-unavailable", "the database did not answer; nothing was changed; try again", headers={"Retry-After": "2"}
    )


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("unexpected", exc_info=error)
    return problem(request, 500, "unexpected", "something went wrong here; the request id finds it in our log")


_ANSWERED: tuple[tuple[type[Exception], Callable[[Request, Exception], Awaitable[Response]]], ...] = (
    (DomainError, _domain),
    (RequestValidationError, _invalid),
    (HTTPException, _http),
    (Unavailable, _unavailable),
    (SQLAlchemyError, _database),
    (PersistenceError, _database),
    (Exception, _unexpected),
)
