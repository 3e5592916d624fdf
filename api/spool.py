"""The body of a request: how much of it is taken, and its digest."""

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from typing import IO

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

MAX_BODY = 1 << 20
MAX_UPLOAD = 32 << 20
MAX_IMAGE = 2 << 20
UPLOADS = {re.compile(r"/v1/subscriptions/[^/]+/user-imports"): MAX_UPLOAD, re.compile(r"/v1/accounts/[^/]+/images"): MAX_IMAGE}
"""Where a file is posted, and how large it may be. It is no part of the arguments: the route reads it from `request.state.upload`."""


class NotTaken(Exception):
    """The body is refused before the request is looked at any further."""

    def __init__(self, status: int, slug: str, detail: str, *, field: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.detail = detail
        self.field = field


def takes_upload(method: str, path: str) -> bool:
    return _most_of_upload(method, path) is not None


def _most_of_upload(method: str, path: str) -> int | None:
    return next((most for where, most in UPLOADS.items() if method == "POST" and where.fullmatch(path)), None)


async def spool(scope: Scope, receive: Receive, into: IO[bytes]) -> str:
    """Write a body to a file, and go back to its beginning; its SHA-256 in hex. NotTaken as soon as it is known to be too large.

    ClientDisconnect where it breaks off: half a list is not a list.
    """
    upload = _most_of_upload(scope["method"], scope["path"])
    headers = dict(scope["headers"])
    if upload and headers.get(b"content-encoding", b"").strip().lower() not in {b"", b"identity"}:
        raise NotTaken(415, "unsupported-media-type", "a file is sent as it is, without a content encoding", field="Content-Encoding")
    most = upload or MAX_BODY
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared[:20]) > most:
        raise _too_large(most)
    digest = hashlib.sha256()
    await take(receive, into, most, digest.update)
    into.seek(0)
    return digest.hexdigest()


async def take(receive: Receive, into: IO[bytes], most: int, told: Callable[[bytes], None] | None = None) -> None:
    """Write a body of at most so many bytes to a file."""
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(part)
        if size > most:
            raise _too_large(most)
        if told:
            told(part)
        into.write(part)


def _too_large(most: int) -> NotTaken:
    return NotTaken(413, "too-large", f"a body has at most {most} bytes here")


def as_asked(body: bytes) -> str:
    """A digest of what a body says, however it is spaced and ordered; of what is no JSON, of its bytes."""
    with suppress(msgspec.DecodeError):
        body = msgspec.json.encode(msgspec.json.decode(body), order="sorted")
    return hashlib.sha256(body).hexdigest()
