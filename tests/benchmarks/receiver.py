"""A receiver of webhooks that can be killed: it has each event on disk before it answers, so that what it took is never forgotten.

python -m tests.benchmarks.receiver <port> <file> <secret>
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


def serve(port: int, path: str, secret: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    lock = Lock()
    webhook = Webhook(secret)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = 204
            try:
                event = webhook.verify(body, dict(self.headers.items()))
                line = [self.headers["webhook-id"], event["id"], event["sequence"], event["subject"], event["streamversion"]]
                with lock:
                    os.write(file, (json.dumps(line) + "\n").encode())
                    os.fsync(file)
            except WebhookVerificationError:
                status = 401
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    class Server(ThreadingHTTPServer):
        allow_reuse_address = True
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """The sender was killed: that is what this is about."""

    Server(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2], sys.argv[3])
