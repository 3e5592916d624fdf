"""A receiver of webhooks on a real port: it checks each signature with the library for that, and answers as it is told to."""

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


@dataclass
class Reply:
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    announced: int | None = None  # the Content-Length that is told, where it is a lie
    wait_for: threading.Event | None = None  # the answer comes only then


Taken = dict[str, Any]


@dataclass
class Receiver:
    """`arrived` is everything in the order in which it came; `taken` what was answered with 2xx."""

    secrets: list[str] = field(default_factory=list)
    reply: Callable[[Taken], Reply] = lambda _: Reply()
    arrived: list[Taken] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    forged: int = 0
    url: str = ""

    def receive(self, headers: dict[str, str], body: bytes) -> Reply:
        if self.secrets and not any(_verified(secret, headers, body) for secret in self.secrets):
            self.forged += 1
            return Reply(401)
        event = json.loads(body)
        assert headers["webhook-id"] == event["id"]
        self.arrived.append(event)
        reply = self.reply(event)
        if 200 <= reply.status < 300:
            self.taken.append(event)
        return reply

    @property
    def ids(self) -> list[str]:
        return [event["id"] for event in self.taken]

    def sequences(self) -> list[int]:
        """The positions of what was taken, each at its first sight."""
        return list(dict.fromkeys(int(event["sequence"]) for event in self.taken))

    def versions(self) -> dict[str, list[int]]:
        """By stream, in the order of the first sight."""
        found: dict[str, list[int]] = defaultdict(list)
        for event in self.taken:
            if event["streamversion"] not in found[event["subject"]]:
                found[event["subject"]].append(event["streamversion"])
        return found


def _verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The sender went away: that is what some tests are about."""


@contextmanager
def listening(port: int = 0) -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            reply = receiver.receive({name.lower(): value for name, value in self.headers.items()}, body)
            if reply.wait_for is not None:
                reply.wait_for.wait(10)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.status != 204:
                self.send_header("Content-Length", str(len(reply.body) if reply.announced is None else reply.announced))
            self.end_headers()
            self.wfile.write(reply.body)
            if reply.announced is not None:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """The test sees what it got."""

    server = _Server(("127.0.0.1", port), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/events"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
