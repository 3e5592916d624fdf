"""How long a revoked token still works: from the acknowledgement to the first refusal by every process.

    python -m tests.benchmarks.revocations [--revocations 1000] [--processes 4] [--clients 8]

API processes on one PostgreSQL, one revocation after the other at each process in turn, while so many clients ask about other tokens.
The answer of a check is in the time; so is each check that lets the token in still. `first` counts those that were refused at once.
"""

import argparse
import asyncio
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

from domain.catalogue import CURRENT
from tests.databases import PostgreSQLServer
from tests.gateways import ADMIN_KEY, Gateway, Holder, assembled, put_holders, settings_of
from tests.processes import Api, free_port, running

NEVER_REACHED = 1_000_000_000
PLANS = tuple(replace(plan, requests_per_minute=NEVER_REACHED, requests_per_month=NEVER_REACHED) for plan in CURRENT.user)
PRODUCT = "scholarly"
OTHERS = 200


async def _until_refused(gateway: Gateway, secret: str, acknowledged: float) -> tuple[float, int]:
    """Seconds, and how often it was let in meanwhile."""
    let_in = 0
    while (await gateway.check(secret, PRODUCT))["allowed"]:
        let_in += 1
    return time.perf_counter() - acknowledged, let_in


async def _traffic(gateway: Gateway, holders: list[Holder], over: asyncio.Event) -> int:
    asked = 0
    while not over.is_set():
        await gateway.check(holders[asked % len(holders)].secret, PRODUCT)
        asked += 1
    gateway.close()
    return asked


async def measure(ports: list[int], key: str, holders: list[Holder], others: list[Holder], clients: int) -> None:
    gateways = [Gateway(port, key) for port in ports]
    admins = [Gateway(port, ADMIN_KEY) for port in ports]
    over = asyncio.Event()
    traffic = [asyncio.create_task(_traffic(Gateway(ports[number % len(ports)], key), others, over)) for number in range(clients)]
    slowest, first = [], 0
    began = time.perf_counter()
    for place, holder in enumerate(holders):
        assert all([(await gateway.check(holder.secret, PRODUCT))["allowed"] for gateway in gateways])
        await admins[place % len(admins)].post(f"/v1/tokens/{holder.token_id}/revoke")
        acknowledged = time.perf_counter()
        found = await asyncio.gather(*(_until_refused(gateway, holder.secret, acknowledged) for gateway in gateways))
        slowest.append(max(seconds for seconds, _ in found))
        first += not any(let_in for _, let_in in found)
    seconds = time.perf_counter() - began
    over.set()
    asked = sum(await asyncio.gather(*traffic))
    cuts = quantiles(slowest, n=100)
    print(
        f"{len(holders):,} revocations, {len(ports)} processes, {clients} clients beside ({asked / seconds:,.0f} checks/s): refused by all after "
        f"p50 {cuts[49] * 1000:.1f} ms, p99 {cuts[98] * 1000:.1f} ms, at most {max(slowest) * 1000:.1f} ms; "
        f"first check refused everywhere {first:,} times"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--revocations", type=int, default=1_000)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--clients", type=int, default=8)
    asked = parser.parse_args()
    with ExitStack() as stack:
        server = PostgreSQLServer()
        stack.callback(server.close)
        folder, url = Path(stack.enter_context(TemporaryDirectory())), stack.enter_context(server.fresh())
        assembly = stack.enter_context(assembled(url, folder))
        assembly.staff.first_admin(ADMIN_KEY)
        key = assembly.staff.add("gateway", "gateway")
        holders = put_holders(assembly, asked.revocations, PLANS)
        others = put_holders(assembly, OTHERS, PLANS, name="others")
        ports = [free_port() for _ in range(asked.processes)]
        for port in ports:
            stack.enter_context(running("serve", "--only", "api", "--port", str(port), settings=settings_of(url, folder), folder=folder))
        for port in ports:
            Api(port, ADMIN_KEY).wait()
        asyncio.run(measure(ports, key, holders, others, asked.clients))


if __name__ == "__main__":
    main()
