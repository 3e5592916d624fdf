"""Gateways that ask real processes, each on a connection that it keeps; and holders whose calls they ask about."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from domain.catalogue import ApiPlan
from ops.assembly import Assembly
from ops.config import Settings
from ops.secrets import new_secret
from tests.scheduler.house import DAY, NOWHERE, START, put, put_institution, token, user_plan

ADMIN_KEY = "a-key-for-the-first-admin"
NOW = START + DAY


@dataclass(frozen=True)
class Holder:
    """A person, a token of hers, and its secret."""

    owner_id: UUID
    token_id: UUID
    secret: str


def settings_of(url: str, folder: Path) -> dict[str, str]:
    """What processes are started with. Their clock stands still."""
    return {
        "TENURE_ENVIRONMENT": "development",
        "TENURE_CLOCK": f"virtual:{NOW.isoformat()}",
        "TENURE_ADMIN_KEY": ADMIN_KEY,
        "TENURE_DATABASE_URL": url,
        "TENURE_SMTP_URL": NOWHERE,
        "TENURE_KEYS_DIRECTORY": str(folder / "keys"),
        "TENURE_LOG_LEVEL": "error",
    }


def assembled(url: str, folder: Path) -> closing[Assembly]:
    """A process of our own beside them."""
    settings = Settings(
        environment="development",
        clock=f"virtual:{NOW.isoformat()}",
        database_url=url,
        keys_directory=folder / "keys",
        log_level="error",
    )
    assembly = Assembly(settings, smtp_url=NOWHERE)
    assembly.prepare()
    return closing(assembly)


def put_holders(assembly: Assembly, number: int, plans: Sequence[ApiPlan], name: str = "uni") -> list[Holder]:
    """So many people of one university, each with a token and limits of her own."""
    account, subscription = put_institution(assembly, name=name)
    holders, streams = [], []
    for place in range(number):
        plan = user_plan(account, subscription, f"person-{place}", plans=tuple(plans))
        secret, prefix = new_secret("tnr_live")
        digest = assembly.keys.digest(secret, assembly.keys.pepper)
        made = token(plan[0], account, digest=digest, prefix=prefix, last_four=secret[-4:])
        streams += [plan, made]
        holders.append(Holder(plan[0], made[0], secret))
    put(assembly, account, *streams)
    return holders


class Lost(Exception):
    """The connection broke before there was an answer."""


@dataclass
class Gateway:
    """Asks one process, and connects anew where the connection broke."""

    port: int
    key: str
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def check(self, secret: str, product: str) -> dict[str, Any]:
        """Raises Lost; ConnectionError where nobody listens."""
        return await self.post("/v1/access/check", token=secret, product=product)

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._streams
        content = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {self.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        try:
            writer.write(head.encode() + content)
            answered = await reader.readuntil(b"\r\n\r\n")
            read = await reader.readexactly(int(answered.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            self.close()
            raise Lost from error
        assert answered.startswith(b"HTTP/1.1 200"), answered + read
        told: dict[str, Any] = json.loads(read)
        return told

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
