"""Sends one message to a receiver: to an address that was looked at first, within a time, reading little of the answer."""

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx2

from domain.values.receivers import Network, forbidden, is_loopback

READ_BYTES = 4_096
SHOWN = 200
ADDRESSES_TRIED = 3
NEVER = timedelta(0)


class Forbidden(Exception):
    """The name leads to where nothing may be sent."""


@dataclass(frozen=True)
class Answer:
    """What came of it: the status, None where there was no whole answer; what was said, for people; for how long we are asked to wait."""

    status: int | None
    said: str
    wait: timedelta = NEVER

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Receivers:
    def __init__(self, ours: Sequence[Network], seconds: float, tls: ssl.SSLContext | None = None) -> None:
        """`ours` are networks to which may be sent though they are not public, `seconds` all that one message may take."""
        self._ours = ours
        self._seconds = seconds
        self._tls = tls or ssl.create_default_context()

    def client(self) -> httpx2.AsyncClient:
        """For one receiver: connections are kept by address, whatever its name."""
        limits = httpx2.Limits(max_connections=20, max_keepalive_connections=20)
        return httpx2.AsyncClient(
            verify=self._tls, trust_env=False, follow_redirects=False, timeout=httpx2.Timeout(self._seconds), limits=limits
        )

    async def send(self, client: httpx2.AsyncClient, url: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Answer:
        """`now` is what a date in Retry-After is counted from."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._send(client, url, headers, body, now)
        except (TimeoutError, httpx2.TimeoutException):
            return Answer(None, f"no whole answer within {self._seconds:g} seconds")
        except Forbidden as why:
            return Answer(None, str(why))
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
            return Answer(None, _shown(f"{type(error).__name__}: {error}"))

    async def _send(self, client: httpx2.AsyncClient, url: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Answer:
        parts = urlsplit(url)
        host = parts.hostname or ""
        found = await self._addresses(host, parts.port or (443 if parts.scheme == "https" else 80), parts.scheme)
        for number, address in enumerate(found, 1):
            # The connection goes to the address that was looked at, whatever the name leads to by now; the certificate is for the name.
            request = client.build_request(
                "POST",
                httpx2.URL(url).copy_with(host=address),
                content=body,
                headers={**headers, "Host": parts.netloc, "Accept-Encoding": "identity", "User-Agent": "tenure"},
                extensions={"sni_hostname": host},
            )
            try:
                return await _answer(client, request, now)
            except httpx2.ConnectError:
                if number == len(found):
                    raise
        raise AssertionError("a name that leads nowhere is an error of its own")

    async def _addresses(self, host: str, port: int, scheme: str) -> list[str]:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        for address in addresses:
            if why := forbidden(address, self._ours):
                raise Forbidden(f"nothing is sent there: {why}")
            if scheme != "https" and not is_loopback(address):
                raise Forbidden("nothing is sent there without TLS")
        return addresses[:ADDRESSES_TRIED]


async def _answer(client: httpx2.AsyncClient, request: httpx2.Request, now: datetime) -> Answer:
    response = await client.send(request, stream=True)
    try:
        said = bytearray()
        async for part in response.aiter_raw():
            said += part
            if len(said) >= READ_BYTES:
                break
    finally:
        await response.aclose()
    text = _shown(said[:READ_BYTES].decode("utf-8", "replace"))
    return Answer(response.status_code, f"{response.status_code} {text}".strip(), _wait(response.headers.get("Retry-After"), now))


def _wait(given: str | None, now: datetime) -> timedelta:
    """Retry-After, in seconds or as a date."""
    if given is None:
        return NEVER
    if given.isascii() and given.isdigit():
        return timedelta(seconds=min(int(given[:9]), 10**8))
    try:
        until = parsedate_to_datetime(given)
        return max(NEVER, (until if until.tzinfo else until.replace(tzinfo=UTC)) - now)
    except (ValueError, OverflowError):
        return NEVER


def _shown(text: str) -> str:
    """One line, without what a terminal or a database would stumble over."""
    return "".join(each if each.isprintable() else " " for each in text)[:SHOWN]
