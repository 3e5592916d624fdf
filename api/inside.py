"""Asking the API from within the same process: the whole way of a request, its key and its roles, without a socket."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import msgspec
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message


@dataclass
class Answer:
    status: int = 500
    headers: Headers = field(default_factory=lambda: Headers({}))
    body: bytes = b""

    @property
    def told(self) -> Any:
        """What stands in it, as data."""
        return msgspec.json.decode(self.body) if self.body else None


async def ask(
    app: ASGIApp,
    method: str,
    path: str,
    *,
    query: str = "",
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    state: Mapping[str, Any] | None = None,
) -> Answer:
    """`body` is sent as JSON, bytes as they are. `state` is what a route finds in `request.state`; nobody outside can say such a thing."""
    content = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
    given = {"host": "inside", "content-type": "application/json", "content-length": str(len(content)), **(headers or {})}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": quote(path).encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in given.items()],
        "client": None,
        "server": ("inside", 0),
        "state": dict(state or {}),
    }
    answer, sent = Answer(), False
    pieces: list[bytes] = []

    async def receive() -> Message:
        nonlocal sent
        if sent:
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = Headers(raw=list(message["headers"]))
        elif message["type"] == "http.response.body":
            pieces.append(message.get("body", b""))

    await app(scope, receive, send)
    answer.body = b"".join(pieces)
    return answer
