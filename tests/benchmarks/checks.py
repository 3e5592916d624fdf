"""Access checks per second, with metering on, beside a bare FastAPI route in the same run; and what a token costs in memory.

    python -m tests.benchmarks.checks [--tokens 100000] [--seconds 5] [--rounds 3] [--only sqlite|postgresql]

One API process, 16 and 64 clients on kept connections, in turns with the bare route. `spread` asks for all tokens alike, so that hardly any
two calls share a counter; `hot` asks for 64 of them.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from domain.catalogue import CURRENT
from ops.assembly import Assembly
from ops.config import Settings
from ops.secrets import new_secret
from tests.benchmarks.commands import bare
from tests.databases import PostgreSQLServer
from tests.processes import PROGRAM, Api, free_port
from tests.scheduler.house import DAY, put, put_institution, token

TOKENS_OF_ACCOUNT = 50
NEVER_REACHED = 1_000_000_000
PRODUCTS = ("scholarly", "patent", "scholarly_aggregation", "patent_aggregation")


def fill(database_url: str, folder: Path, tokens: int) -> tuple[str, list[str]]:
    """Institutions with fifty tokens each, whose limits nobody reaches; a gateway's key and all secrets."""
    settings = Settings(
        database_url=database_url,
        keys_directory=folder / "keys",
        log_level="error",
    )
    assembly = Assembly(settings, smtp_url="smtp+plain://127.0.0.1:9")
    assembly.prepare()
    plans = tuple(replace(plan, requests_per_minute=NEVER_REACHED, requests_per_month=NEVER_REACHED) for plan in CURRENT.institution)
    secrets: list[str] = []
    at = datetime.now(UTC) - DAY
    for number in range(tokens // TOKENS_OF_ACCOUNT):
        account, _ = put_institution(assembly, name=f"u{number}", plans=plans, at=at)
        made = []
        for slot in range(TOKENS_OF_ACCOUNT):
            secret, prefix = new_secret("tnr_live")
            secrets.append(secret)
            digest = assembly.keys.digest(secret, assembly.keys.pepper)
            made.append(
                token(
                    account, account, at=at, expires_at=at + 365 * DAY, digest=digest, prefix=prefix, last_four=secret[-4:], slot=slot + 1
                )
            )
        put(assembly, account, *made)
    key = assembly.staff.add("gateway", "gateway")
    assembly.close()
    return key, secrets


def request_of(port: int, key: str, secret: str, product: str) -> bytes:
    body = json.dumps({"token": secret, "product": product, "records": 10}).encode()
    head = (
        f"POST /v1/access/check HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _client(port: int, requests: Sequence[bytes], until: float, took: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < until:
        began = time.perf_counter()
        writer.write(random.choice(requests))
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        assert head.startswith(b"HTTP/1.1 200"), head
        assert b'"allowed":true' in body, body
        took.append(time.perf_counter() - began)
    writer.close()


def ask(port: int, requests: Sequence[bytes], clients: int, seconds: float) -> list[float]:
    """How long each call took, in seconds."""
    took: list[float] = []

    async def all_of_them() -> None:
        until = time.perf_counter() + seconds
        await asyncio.gather(*(_client(port, requests, until, took) for _ in range(clients)))

    asyncio.run(all_of_them())
    return took


@contextmanager
def gateway(database_url: str, folder: Path) -> Iterator[tuple[int, int]]:
    """An API process; its port and its id."""
    port = free_port()
    environment = {
        **os.environ,
        "TENURE_DATABASE_URL": database_url,
        "TENURE_KEYS_DIRECTORY": str(folder / "keys"),
        "TENURE_SMTP_URL": "smtp+plain://127.0.0.1:9",
        "TENURE_LOG_LEVEL": "error",
    }
    command = [str(PROGRAM), "serve", "--only", "api", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        Api(port, "").wait()
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


def memory(pid: int) -> int:
    """Resident, in KiB."""
    return next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))


def measure(name: str, database_url: str, folder: Path, asked: argparse.Namespace, route: int) -> None:
    with gateway(database_url, folder) as (_, pid):
        empty = memory(pid)
    began = time.perf_counter()
    key, secrets = fill(database_url, folder, asked.tokens)
    filled = time.perf_counter() - began
    began = time.perf_counter()
    with gateway(database_url, folder) as (port, pid):
        ready = time.perf_counter() - began
        per_token = (memory(pid) - empty) * 1024 / asked.tokens
        print(f"{name}: {asked.tokens:,} tokens, written in {filled:.0f} s, ready after {ready:.1f} s, {per_token:,.0f} bytes a token")
        spread = [request_of(port, key, secret, product) for secret in secrets for product in PRODUCTS[:1]]
        hot = [
            request_of(port, key, secret, product)
            for secret in secrets[: 64 * TOKENS_OF_ACCOUNT : TOKENS_OF_ACCOUNT]
            for product in PRODUCTS
        ]
        plain = [request_of(route, key, secrets[0], "scholarly")]
        for clients in (16, 64):
            for kind, requests in (("hot", hot), ("spread", spread)):
                rates: dict[str, list[float]] = {"bare": [], "check": []}
                took: list[float] = []
                for _ in range(asked.rounds):
                    rates["bare"].append(len(ask(route, plain, clients, asked.seconds)) / asked.seconds)
                    answered = ask(port, requests, clients, asked.seconds)
                    rates["check"].append(len(answered) / asked.seconds)
                    took += answered
                cuts = quantiles(took, n=100)
                ratio = median(rates["check"]) / median(rates["bare"])
                print(
                    f"  {clients} clients, {kind:6} {median(rates['check']):7,.0f}/s, bare {median(rates['bare']):7,.0f}/s, ratio {ratio:.2f}; "
                    f"p50 {cuts[49] * 1000:.1f} ms, p99 {cuts[98] * 1000:.1f} ms",
                    flush=True,
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    asked = parser.parse_args()
    with ExitStack() as stack:
        route = stack.enter_context(bare())
        if asked.only != "postgresql":
            folder = Path(stack.enter_context(TemporaryDirectory()))
            measure("SQLite", f"sqlite:///{folder}/tenure.db", folder, asked, route)
        if asked.only != "sqlite":
            server = PostgreSQLServer()
            stack.callback(server.close)
            folder, url = Path(stack.enter_context(TemporaryDirectory())), stack.enter_context(server.empty())
            measure("PostgreSQL", url, folder, asked, route)


if __name__ == "__main__":
    main()
