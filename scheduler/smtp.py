"""Hands letters to a mail server, one recipient each, and says what the server made of them."""

import asyncio
import re
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.errors import MessageError
from email.message import EmailMessage
from enum import StrEnum
from ipaddress import ip_address
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

from aiosmtplib import SMTP, SMTPAuthenticationError, SMTPException, SMTPResponseException, SMTPServerDisconnected

from scheduler.envelope import Envelope, NoMailbox, a_label, envelope_of, is_mailbox

QUIT_SECONDS = 2.0
ANSWER_LENGTH = 500

_NOT_THIS_WAY = frozenset({504, 534})
"""The server knows no such way to log in, or thinks it too weak (RFC 4954)."""
_HOST = re.compile(r"[\w.:%-]+")


class Security(StrEnum):
    STARTTLS = "smtp"
    TLS = "smtps"
    NONE = "smtp+plain"


_PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


@dataclass(frozen=True, kw_only=True)
class SmtpUrl:
    """Where the mail server is, and how it is spoken to."""

    security: Security
    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    loopback: bool = False
    """The server is this machine: encryption is used where it is offered, and no certificate is verified."""

    @classmethod
    def parse(cls, text: str) -> Self:
        try:
            parts = urlsplit(text.strip())
            host, port = parts.hostname, parts.port
        except ValueError:
            # the library's own sentence may quote a password
            raise ValueError("the mail server's URL cannot be read: write special characters in user and password as %XX") from None
        if parts.scheme not in set(Security):
            raise ValueError("the mail server's URL begins with smtp://, smtps:// or smtp+plain://")
        if not host or not _HOST.fullmatch(host):
            raise ValueError("the mail server's URL names no host")
        if port == 0 or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError("the mail server's URL is [user:password@]host[:port]; write special characters in user and password as %XX")
        security = Security(parts.scheme)
        user, password = _credentials(parts)
        loopback = _is_loopback(host)
        if user is not None and security is Security.NONE and not loopback:
            raise ValueError("a password does not leave this machine unencrypted: use smtps:// or smtp://")
        return cls(
            security=security,
            host=a_label(host),
            port=port or _PORTS[security],
            user=user,
            password=password,
            loopback=loopback,
        )


def _credentials(parts: SplitResult) -> tuple[str | None, str | None]:
    if parts.username is None and parts.password is None:
        return None, None
    if not parts.username or not parts.password:
        raise ValueError("the mail server's URL gives user and password together, or neither")
    user, password = unquote(parts.username), unquote(parts.password)
    if "\0" in user + password:
        raise ValueError("the user and the password of the mail server's URL hold no NUL")
    return user, password


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True)
class Accepted:
    """The server has taken the letter upon itself."""

    answer: str


@dataclass(frozen=True)
class Retry:
    """Not now; the letter stays."""

    answer: str
    why: str


@dataclass(frozen=True)
class Bounced:
    """This recipient cannot be reached."""

    code: int
    answer: str


@dataclass(frozen=True)
class Rejected:
    """The server does not want this letter."""

    code: int
    answer: str


@dataclass(frozen=True)
class ChannelStopped:
    """Nothing will leave until an operator has looked; the letter stays."""

    answer: str
    why: str


Verdict = Accepted | Retry | Bounced | Rejected | ChannelStopped


class _Stage(StrEnum):
    CONNECT = "connecting"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL FROM"
    RCPT = "RCPT TO"
    DATA = "DATA"


class _NotOffered(Exception):
    """The server lacks what we insist on."""


class Sender:
    """One connection, opened with the first letter, used for all, reopened when it broke.

    A server that could not be spoken to is left alone for as long as we wait for an answer: the rest of a batch is not
    made to wait for it letter by letter.
    """

    def __init__(self, url: SmtpUrl, *, timeout: float = 30.0, tls: ssl.SSLContext | None = None) -> None:
        self._url = url
        self._timeout = timeout
        self._tls = tls
        self._smtp: SMTP | None = None
        self._stage = _Stage.CONNECT
        self._away: Verdict | None = None
        self._away_until = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._smtp is not None and self._smtp.is_connected and kind is None:
            with suppress(SMTPException, OSError):  # what was sent is sent
                await self._smtp.quit(timeout=min(self._timeout, QUIT_SECONDS))
        self._drop()

    async def send(self, message: EmailMessage, sender_address: str, recipient: str) -> Verdict:
        if not is_mailbox(recipient):
            return Bounced(553, "not an address that mail can be sent to")
        if not is_mailbox(sender_address) or not sender_address.isascii():
            return ChannelStopped("not an address that mail can be sent from", "the sender's address")
        try:
            envelope = envelope_of(message, sender_address, recipient)
        except NoMailbox as error:
            return Bounced(553, str(error))
        except (MessageError, ValueError, LookupError) as error:
            return Rejected(554, _readable(f"the letter cannot be written as mail: {error}"))
        reused = self._is_open
        verdict = await self._attempt(envelope)
        if reused and isinstance(verdict, Retry) and self._stage is _Stage.MAIL and not self._is_open:
            # the server had hung up between two letters, which says nothing about this one
            verdict = await self._attempt(envelope)
        return verdict

    @property
    def _is_open(self) -> bool:
        return self._smtp is not None and self._smtp.is_connected

    async def _attempt(self, envelope: Envelope) -> Verdict:
        now = asyncio.get_running_loop().time()
        if not self._is_open and self._away is not None and now < self._away_until:
            return self._away
        try:
            smtp = await self._opened()
        except (SMTPException, OSError, ValueError, _NotOffered) as error:
            self._drop()
            self._away = self._judged(error)
            self._away_until = asyncio.get_running_loop().time() + self._timeout
            return self._away
        self._away = None
        try:
            return Accepted(await self._transfer(smtp, envelope))
        except NoMailbox as error:
            return Bounced(553, str(error))
        except (SMTPException, OSError, ValueError) as error:
            verdict = self._judged(error)
            await self._recover(smtp, error)
            return verdict

    async def _opened(self) -> SMTP:
        """A connection that is ready for MAIL FROM."""
        if self._smtp is not None and self._smtp.is_connected:
            return self._smtp
        url = self._url
        smtp = self._smtp = SMTP(
            hostname=url.host,
            port=url.port,
            local_hostname="localhost",  # else the library asks the DNS for our name, for as long as that takes
            timeout=self._timeout,
            use_tls=url.security is Security.TLS,
            start_tls=False,
            tls_context=None if url.security is Security.NONE else self._tls_context(),
        )
        self._stage = _Stage.CONNECT
        await smtp.connect()
        await self._greet(smtp)
        if url.security is Security.STARTTLS:
            if smtp.supports_extension("starttls"):
                self._stage = _Stage.STARTTLS
                await smtp.starttls()
                await self._greet(smtp)
            elif not url.loopback:
                self._stage = _Stage.STARTTLS
                raise _NotOffered("the server does not offer encryption")
        if url.user is not None and url.password is not None:
            self._stage = _Stage.AUTH
            await _log_in(smtp, url.user, url.password)
        return smtp

    async def _greet(self, smtp: SMTP) -> None:
        self._stage = _Stage.EHLO
        await smtp.ehlo(hostname=_own_name(smtp))

    async def _transfer(self, smtp: SMTP, envelope: Envelope) -> str:
        if envelope.utf8 and not smtp.supports_extension("smtputf8"):
            raise NoMailbox("the mail server takes no address with other than ASCII letters (no SMTPUTF8)")
        options, encoding = (["SMTPUTF8", "BODY=8BITMIME"], "utf-8") if envelope.utf8 else ([], "ascii")
        # SIZE is not declared: a letter that is too large is to be refused itself, not the whole channel at MAIL FROM
        self._stage = _Stage.MAIL
        await smtp.mail(envelope.sender, options=options, encoding=encoding)
        self._stage = _Stage.RCPT
        await smtp.rcpt(envelope.recipient, encoding=encoding)
        self._stage = _Stage.DATA
        response = await smtp.data(envelope.content)
        return _line(response.code, response.message)

    def _judged(self, error: Exception) -> Verdict:
        stage = self._stage
        match error:
            case SMTPResponseException(code=code, message=message):
                answer = _line(code, message)
                if not 500 <= code <= 599:
                    return Retry(answer, f"put off at {stage}" if 400 <= code <= 499 else f"an answer that makes no sense at {stage}")
                if stage is _Stage.RCPT:
                    return Bounced(code, answer)
                return Rejected(code, answer) if stage is _Stage.DATA else ChannelStopped(answer, f"refused at {stage}")
            case ssl.SSLError() | _NotOffered():
                return ChannelStopped(_readable(str(error)), f"stopped at {stage}")
            case OSError() if isinstance(error.__cause__, ssl.SSLError):
                return ChannelStopped(_readable(str(error.__cause__)), f"stopped at {stage}")
            case TimeoutError():
                return Retry(f"no answer within {self._timeout:g} seconds", f"waited at {stage}")
            case OSError():
                return Retry(_readable(str(error)), f"cut off at {stage}")
        return Retry(_readable(str(error)), f"an answer that makes no sense at {stage}")

    async def _recover(self, smtp: SMTP, error: Exception) -> None:
        """Make the connection fit for the next letter, or give it up."""
        if smtp.is_connected and isinstance(error, SMTPResponseException) and 400 <= error.code <= 599 and error.code != 421:
            try:
                await smtp.rset()
            except (SMTPException, OSError):
                pass
            else:
                return
        self._drop()

    def _drop(self) -> None:
        if self._smtp is None:
            return
        transport = self._smtp.transport
        self._smtp.close()
        self._smtp = None
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()  # a server that stalls does not answer the end of TLS either

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            if self._url.loopback:
                self._tls.check_hostname = False
                self._tls.verify_mode = ssl.CERT_NONE
        return self._tls


async def _log_in(smtp: SMTP, user: str, password: str) -> None:
    """A wrong password is offered once: the library's own login tries it by every method there is, and locks the account the sooner."""
    ways = {"plain": smtp.auth_plain, "login": smtp.auth_login, "cram-md5": smtp.auth_crammd5}
    offered = [way for name, way in ways.items() if name in smtp.server_auth_methods]
    if not offered:
        raise _NotOffered("the server offers no login that we know")
    for way in offered[:-1]:
        try:
            await way(user, password)
        except SMTPAuthenticationError as error:
            if error.code not in _NOT_THIS_WAY:
                raise
        else:
            return
    await offered[-1](user, password)


def _own_name(smtp: SMTP) -> str:
    """Our full name where we have one, else our address as RFC 5321 writes it."""
    name = socket.gethostname()
    if "." in name and re.fullmatch(r"[A-Za-z0-9.-]+", name):
        return name
    try:
        address = smtp.get_transport_info("sockname")[0].partition("%")[0]
    except (SMTPServerDisconnected, TypeError):
        return "localhost"
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _line(code: int, message: str) -> str:
    return _readable(message if code < 0 else f"{code} {message}")


def _readable(text: str) -> str:
    """A server may answer any bytes; what we keep of them is short text that can be stored and shown."""
    text = text.encode(errors="replace").decode()
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())[:ANSWER_LENGTH]
