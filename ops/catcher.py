"""A mail server for trying things out: it takes every letter, keeps the latest in memory, and delivers none."""

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from domain.clock import SystemClock

KEPT = 10_000
LARGEST = 25 * 1024 * 1024
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Caught:
    """One letter to one recipient, as it arrived."""

    at: datetime
    sender: str
    recipient: str
    raw: bytes

    @cached_property
    def message(self) -> EmailMessage:
        """Parsed when somebody looks: taking a letter in must cost little."""
        return message_from_bytes(self.raw, policy=policy.default)


class Catcher:
    """Listens on this machine only. `on_message` is called in the catcher's own thread."""

    def __init__(self, port: int = 0, *, on_message: Callable[[Caught], None] | None = None) -> None:
        self.messages: deque[Caught] = deque(maxlen=KEPT)
        self._on_message = on_message
        self._port = port
        self._controller: _Controller | None = None

    def start(self) -> None:
        logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd would log addresses and every line
        listening = socket.create_server((HOST, self._port))
        self._controller = _Controller(_Handler(self._take), listening)
        self._controller.start()

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    @property
    def port(self) -> int:
        if self._controller is None:
            raise RuntimeError("the catcher has not been started")
        return self._controller.port

    @property
    def url(self) -> str:
        return f"smtp+plain://{HOST}:{self.port}"

    def _take(self, caught: Caught) -> None:
        self.messages.append(caught)
        if self._on_message is not None:
            self._on_message(caught)


class _Handler:
    """What aiosmtpd asks. It reads every attribute of this object at each connection, so there is only this one."""

    def __init__(self, take: Callable[[Caught], None]) -> None:
        self._take = take
        self._clock = SystemClock()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802 - aiosmtpd finds it by its name
        at = self._clock.now()
        for recipient in envelope.rcpt_tos:
            self._take(Caught(at, envelope.mail_from, recipient, envelope.content))
        return "250 2.0.0 caught"


class _Smtp(SMTP):
    line_length_limit = 256 * 1024  # also how much is read at once: the default of one line makes each letter many reads


class _Controller(Controller):
    """Given its socket: a port that is taken is known at once, and so is which one port 0 has become."""

    def __init__(self, handler: _Handler, listening: socket.socket) -> None:
        super().__init__(handler, hostname=HOST, port=listening.getsockname()[1])
        self._listening = listening

    def factory(self) -> SMTP:
        return _Smtp(self.handler, data_size_limit=LARGEST, enable_SMTPUTF8=True, hostname="catcher.localhost", loop=self.loop)

    def _create_server(self) -> Awaitable[asyncio.AbstractServer]:
        return self.loop.create_server(self._factory_invoker, sock=self._listening)
