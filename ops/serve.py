"""Runs the parts of the service in one process, until it is told to stop."""

import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import socket
from typing import Any

import uvicorn

from api.app import create_probe
from ops import logs
from ops.assembly import PARTS, Assembly
from ops.catcher import Catcher, Caught
from ops.config import ConfigurationError, Settings, read_settings

PORT = 8000
PATIENCE_SECONDS = 20
"""For who is being answered when the process is told to stop."""
CAUGHT = Path("var/mail")


def run(host: str, port: int | None, only: str | None) -> None:
    """All parts, or one alone. A scheduler or projector alone listens only where a port is given, for its metrics."""
    if only is not None and only not in PARTS:
        raise ConfigurationError(f"--only is {', '.join(PARTS)}; not {only}")
    settings = read_settings()
    logs.configure(settings.log_level)
    with ExitStack() as stack:
        smtp_url = None
        if settings.smtp_url is None:
            if only is not None:
                raise ConfigurationError("TENURE_SMTP_URL is missing: parts that run alone share one mail server")
            smtp_url = stack.enter_context(_catching()).url
        assembly = Assembly(settings, smtp_url=smtp_url)
        stack.callback(assembly.close)
        assembly.prepare()
        if (why := assembly.unprotected()) is not None:
            _say(f"log    not protected by the database: {why}")
        if only in {None, "api"}:
            _say_admin_key(assembly, settings)
            assembly.keeping.start()
            stack.callback(assembly.meter.stop)
            stack.callback(assembly.keeping.stop)
            assembly.feed.open()
            assembly.noticing.start()
            stack.callback(assembly.noticing.stop)
        if only in {None, "projector"}:
            assembly.following.start()
            stack.callback(assembly.following.stop)
        if only in {None, "scheduler"}:
            assembly.loop.start()
            stack.callback(assembly.loop.stop)
            assembly.delivering.start()
            stack.callback(assembly.delivering.stop)
            stack.callback(assembly.webhooks.stop)
        _listen(assembly, host, port, only)


def _listen(assembly: Assembly, host: str, port: int | None, only: str | None) -> None:
    if only in {None, "api"}:
        _say(f"docs   http://{host}:{port or PORT}/docs")
        _serve(assembly.api(), host, port or PORT, assembly.feed.close)
    elif port is not None:
        _serve(create_probe(assembly.metrics.text, assembly.ready), host, port)
    else:
        assembly.wait_for_signal()


class _Server(uvicorn.Server):
    """Tells of its end when it begins: the web server itself would wait for streams that never end."""

    def __init__(self, config: uvicorn.Config, on_end: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_end = on_end

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self._on_end()
        await super().shutdown(sockets)


def _serve(app: Callable[..., Any], host: str, port: int, on_end: Callable[[], None] = lambda: None) -> None:
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=PATIENCE_SECONDS,
    )
    _Server(config, on_end).run()


@contextmanager
def _catching() -> Iterator[Catcher]:
    """The built-in mail server: it delivers nothing, and shows what it caught."""
    CAUGHT.mkdir(parents=True, exist_ok=True)

    def show(caught: Caught) -> None:
        path = CAUGHT / f"{caught.at:%Y%m%dT%H%M%S%f}-{secrets.token_hex(2)}.eml"
        path.write_bytes(caught.raw)
        _say(f"mail   to {caught.recipient}: {caught.message['Subject']}  ({path})")

    catcher = Catcher(on_message=show)
    catcher.start()
    _say(f"mail   caught here, delivered nowhere; letters are kept in {CAUGHT}/")
    try:
        yield catcher
    finally:
        catcher.stop()


def _say_admin_key(assembly: Assembly, settings: Settings) -> None:
    given = settings.admin_key.get_secret_value() if settings.admin_key else None
    made = assembly.staff.first_admin(given)
    if made is not None and given is None:
        _say(f"key    {made}   (admin; shown this once)")


def _say(line: str) -> None:
    print(line, file=sys.stdout, flush=True)  # noqa: T201 - for who starts it by hand
