"""A mail server that does as it is told: at any stage it can put off, refuse, hang up, stall, or talk nonsense."""

import asyncio
import ssl
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

SELF_SIGNED = Path(__file__).with_name("self_signed.pem")
"""For localhost, 127.0.0.1 and ::1, good for a hundred years: certificate and key."""

Stage = StrEnum("Stage", "GREETING EHLO STARTTLS HANDSHAKE AUTH MAIL RCPT DATA DOT RSET QUIT")
Fault = StrEnum("Fault", "LATER NEVER DROPPED STALLED GARBAGE")

ANSWERS = {
    Stage.GREETING: "220 scripted.example ESMTP",
    Stage.STARTTLS: "220 2.0.0 go ahead",
    Stage.HANDSHAKE: "hello",
    Stage.AUTH: "235 2.7.0 welcome",
    Stage.MAIL: "250 2.1.0 sender ok",
    Stage.RCPT: "250 2.1.5 recipient ok",
    Stage.DATA: "354 go on",
    Stage.DOT: "250 2.0.0 queued as 4711",
    Stage.RSET: "250 2.0.0 forgotten",
    Stage.QUIT: "221 2.0.0 bye",
}
FAULTS = {Fault.LATER: "451 4.3.0 later", Fault.NEVER: "550 5.7.1 never", Fault.GARBAGE: "\x00\udcffwhat?"}
VERBS = {"EHLO": Stage.EHLO, "STARTTLS": Stage.STARTTLS, "AUTH": Stage.AUTH, "MAIL": Stage.MAIL, "RCPT": Stage.RCPT} | {
    "DATA": Stage.DATA,
    "RSET": Stage.RSET,
    "QUIT": Stage.QUIT,
}


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SELF_SIGNED)
    return context


class ScriptedSmtp:
    """`script` says what goes wrong at which stage: a Fault, or the line to answer; only the first `times` times that it is reached."""

    def __init__(
        self,
        script: Mapping[Stage, Fault | str] | None = None,
        *,
        times: int = 1_000_000,
        offers: tuple[str, ...] = ("STARTTLS", "AUTH PLAIN"),
        implicit_tls: bool = False,
        farewell_after: int | None = None,
    ) -> None:
        self._script = dict(script or {})
        self._times = times
        self._offers = offers
        self._implicit_tls = implicit_tls
        self._farewell_after = farewell_after
        self._finished = asyncio.Event()
        self._conversations: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.commands: list[str] = []
        self.in_the_clear: list[str] = []
        self.letters: list[bytes] = []

    async def __aenter__(self) -> Self:
        tls = server_tls() if self._implicit_tls else None
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._finished.set()
        self._server.close()
        await self._server.wait_closed()
        await asyncio.gather(*self._conversations)

    def count(self, verb: str) -> int:
        return sum(command.partition(" ")[0] == verb for command in self.commands)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._conversations.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._converse(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client had enough
        finally:
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        encrypted = self._implicit_tls
        letters = 0
        if not await self._answer(Stage.GREETING, writer):
            return
        while line := await reader.readline():
            command = line.decode(errors="replace").rstrip("\r\n")
            self.commands.append(command)
            if not encrypted:
                self.in_the_clear.append(command)
            stage = VERBS.get(command.partition(" ")[0])
            if stage is None:
                return  # not SMTP: the beginning of TLS
            if command.startswith("AUTH LOGIN ") and (stage not in self._script or self._times <= 0):
                writer.write(b"334 UGFzc3dvcmQ6\r\n")
                await reader.readline()
            if not await self._answer(stage, writer, encrypted=encrypted):
                return
            went_well = stage not in self._script or self._times < 0
            if stage is Stage.STARTTLS and Stage.HANDSHAKE in self._script:
                await reader.readexactly(1)
                await self._answer(Stage.HANDSHAKE, writer)
                return
            if stage is Stage.STARTTLS and went_well:
                await writer.start_tls(server_tls())
                encrypted = True
            elif stage is Stage.DATA and went_well:
                self.letters.append(await _letter(reader))
                letters += 1
                if not await self._answer(Stage.DOT, writer):
                    return
                if letters == self._farewell_after:
                    writer.write(b"421 4.3.2 I am going down\r\n")
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
                    return
            elif stage is Stage.QUIT:
                return

    async def _answer(self, stage: Stage, writer: asyncio.StreamWriter, *, encrypted: bool = False) -> bool:
        """False if that was the end of the conversation."""
        answer: str = self._welcome(encrypted=encrypted) if stage is Stage.EHLO else ANSWERS[stage]
        if stage in self._script:
            self._times -= 1
            if self._times >= 0:
                told = self._script[stage]
                if told is Fault.DROPPED:
                    return False
                if told is Fault.STALLED:
                    await self._finished.wait()
                    return False
                answer = FAULTS[told] if isinstance(told, Fault) else told
        writer.write(answer.encode(errors="surrogateescape") + b"\r\n")
        await writer.drain()
        return True

    def _welcome(self, *, encrypted: bool) -> str:
        lines = ["scripted.example", *(offer for offer in self._offers if not (encrypted and offer == "STARTTLS"))]
        return "\r\n".join([f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"])


async def _letter(reader: asyncio.StreamReader) -> bytes:
    lines = []
    while (line := await reader.readline()) != b".\r\n":
        if not line:
            raise asyncio.IncompleteReadError(b"", None)
        lines.append(line.removeprefix(b"."))
    return b"".join(lines)
