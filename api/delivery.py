"""Handing over a file of bulk data: each request is put on record, then the file is sent, or the way to it is shown."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from math import ceil
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from fastapi import Request, Response
from fastapi.responses import FileResponse
from starlette.types import Receive, Scope, Send

from api import ranges
from api.problems import problem
from api.service import Service
from domain.errors import DomainError, Refused
from projections import bulk_data
from projections.bulk_data import Download, Release

PRESIGNED = timedelta(minutes=10)
"""For how long the address of a file in S3 works: whoever needs it longer comes back to us."""
CHUNK = 1 << 18

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Use:
    """For whom a file is asked for, and by what: a link, which works until `until`, or a token."""

    subscription_id: UUID
    link_id: UUID | None = None
    token_id: UUID | None = None
    product: str
    version: str
    until: datetime | None = None


def deliver(service: Service, request: Request, use: Use, release: Release) -> Response:
    """The file, what of it is asked for, or an address of minutes; 503 where it is not as it was registered."""
    try:
        path = service.bulk_files.find(release.location)
    except Refused as missing:
        return _unavailable(service, request, use, missing.detail)
    if path is None:
        return _redirect(service, request, use, release)
    found = path.stat()
    if found.st_size != release.bytes:
        return _unavailable(service, request, use, f"the file has {found.st_size} bytes, but {release.bytes} were registered")
    tag, modified = f'"{release.md5}"', release.registered_at.replace(microsecond=0)
    headers = {
        "ETag": tag,
        "Last-Modified": format_datetime(modified, usegmt=True),
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    chosen = ranges.select(request.method, request.headers, size=release.bytes, tag=tag, modified=modified)
    match chosen.status:
        case HTTPStatus.NOT_MODIFIED:
            _record(service, request, use, chosen.status, "not-modified")
            return Response(status_code=304, headers=headers)
        case HTTPStatus.PRECONDITION_FAILED:
            _record(service, request, use, chosen.status, "precondition-failed")
            return problem(request, 412, "precondition-failed", "the file is another one than you ask for", headers=headers)
        case HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            _record(service, request, use, chosen.status, "range-not-satisfiable")
            headers |= {"Content-Range": f"bytes */{release.bytes}"}
            return problem(request, 416, "range-not-satisfiable", f"the file ends after {release.bytes} bytes", headers=headers)
    parts = chosen.ranges or ((0, release.bytes - 1),)
    asked = sum(last - first + 1 for first, last in parts) if request.method == "GET" else 0
    _record(service, request, use, chosen.status, "served", first_byte=parts[0][0], asked=asked)
    return Sent(
        path,
        chosen.ranges,
        headers=headers,
        media_type="application/octet-stream",
        filename=release.file_name,
        stat_result=found,
    )


def turn_away(service: Service, request: Request, use: Use, status: int, refusal: DomainError) -> Response:
    """Why the file cannot be had, which goes on record too."""
    _record(service, request, use, status, refusal.slug)
    return problem(request, status, refusal.slug, refusal.detail)


class Sent(FileResponse):
    """A file, or parts of it that have been chosen already: the framework's own choice ignores conditions and much of RFC 9110."""

    chunk_size = CHUNK

    def __init__(self, path: Path, parts: tuple[tuple[int, int], ...], **given: Any) -> None:
        super().__init__(path, **given)
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in scope["headers"] if name not in {b"range", b"if-range"}]
        if self._parts:
            headers.append((b"range", f"bytes={','.join(f'{first}-{last}' for first, last in self._parts)}".encode()))
        await super().__call__({**scope, "headers": headers}, receive, send)


def _redirect(service: Service, request: Request, use: Use, release: Release) -> Response:
    """To S3, which knows ranges itself: never for longer than the link has left."""
    left = PRESIGNED if use.until is None else min(PRESIGNED, use.until - service.lifecycle.clock.now())
    try:
        address = service.bulk_files.presigned(release.location, request.method, max(1, ceil(left.total_seconds())))
    except Exception as error:
        log.exception("presigning_failed", error=type(error).__name__)
        return _unavailable(service, request, use, "no address in S3 could be signed")
    chosen = ranges.select(
        request.method, request.headers, size=release.bytes, tag=f'"{release.md5}"', modified=release.registered_at.replace(microsecond=0)
    )
    first, last = chosen.ranges[0] if chosen.ranges else (0, release.bytes - 1)
    _record(
        service,
        request,
        use,
        302,
        "redirected",
        first_byte=first,
        asked=last - first + 1 if request.method == "GET" else 0,
    )
    return Response(status_code=302, headers={"Location": address, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def _unavailable(service: Service, request: Request, use: Use, why: str) -> Response:
    log.error("bulk_data_unavailable", product=use.product, version=use.version, why=why)
    _record(service, request, use, 503, "file-unavailable")
    sentence = "the file is not where it should be; we have been told, try again later"
    return problem(request, 503, "file-unavailable", sentence, headers={"Retry-After": "600"})


def _record(
    service: Service, request: Request, use: Use, status: int, answer: str, *, first_byte: int | None = None, asked: int | None = None
) -> None:
    download = Download(
        at=service.lifecycle.clock.now(),
        subscription_id=use.subscription_id,
        link_id=use.link_id,
        token_id=use.token_id,
        product=use.product,
        version=use.version,
        method=request.method,
        first_byte=first_byte,
        bytes=asked,
        status=status,
        answer=answer,
    )
    with service.database.writing() as connection:
        bulk_data.record(connection, download)
