"""Several API processes on one PostgreSQL: together they let in as many calls as are left, and none after a revocation."""

import asyncio
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select

from domain.catalogue import ApiPlan, Product
from ops.assembly import Assembly
from projections.usage import Span, counters, ledger
from tests.databases import PostgreSQLServer
from tests.gateways import ADMIN_KEY, Gateway, Holder, Lost, assembled, put_holders, settings_of
from tests.processes import PROGRAM, Api, free_port

LEFT = 100
MANY = 1_000_000
CLIENTS = 64
ROUNDS = 400
BY_MONTH, BY_MINUTE = "scholarly", "patent"
PLANS = (
    ApiPlan(product=Product.SCHOLARLY, requests_per_month=LEFT, requests_per_minute=MANY),
    ApiPlan(product=Product.PATENT, requests_per_month=MANY, requests_per_minute=LEFT),
)
KILLED_AFTER = 250
"""Calls that were let in."""
SEEN_AGAIN = 40
"""Answers of the process that was started anew."""


@dataclass
class Processes:
    url: str
    folder: Path
    assembly: Assembly
    gateway_key: str
    running: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, port: int) -> None:
        command = [str(PROGRAM), "serve", "--only", "api", "--port", str(port)]
        environment = {**os.environ, **settings_of(self.url, self.folder)}
        self.running[port] = subprocess.Popen(command, env=environment, cwd=self.folder, stdout=subprocess.DEVNULL)

    def kill(self, port: int) -> None:
        """As if the power had gone: nothing is tidied up."""
        self.running[port].kill()
        assert self.running.pop(port).wait(30) == -9

    def stop(self) -> None:
        for process in self.running.values():
            process.terminate()
        assert {process.wait(30) for process in self.running.values()} <= {0, -15}


@pytest.fixture(scope="module")
def processes(postgresql_server: PostgreSQLServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    folder = tmp_path_factory.mktemp("gateways")
    with ExitStack() as stack:
        url = stack.enter_context(postgresql_server.fresh())
        assembly = stack.enter_context(assembled(url, folder))
        made = Processes(url, folder, assembly, assembly.staff.add("gateway", "gateway"))
        assembly.staff.first_admin(ADMIN_KEY)
        stack.callback(made.stop)
        for port in [free_port() for _ in range(3)]:
            made.start(port)
        for port in made.running:
            Api(port, ADMIN_KEY).wait()
        yield made


@dataclass
class Siege:
    """Each client asks for the present holder until one call is refused; then it is the next one's turn."""

    processes: Processes
    holders: list[Holder]
    turn: int = 0
    last: int = ROUNDS - 1
    killed: int | None = None
    allowed: Counter[int] = field(default_factory=Counter)
    lost: Counter[int] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    """By the port, since it was last started."""
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    back: asyncio.Event = field(default_factory=asyncio.Event)

    @staticmethod
    def product(turn: int) -> str:
        return BY_MINUTE if turn % 2 else BY_MONTH

    async def client(self, gateway: Gateway) -> None:
        while (turn := self.turn) <= self.last:
            try:
                answer = await gateway.check(self.holders[turn].secret, self.product(turn))
            except Lost:
                self.lost[turn] += 1
            except ConnectionError:
                await asyncio.sleep(0.02)  # the process is starting
            else:
                self.answers[gateway.port] += 1
                if gateway.port == self.killed and self.answers[gateway.port] == SEEN_AGAIN:
                    self.back.set()
                if answer["allowed"]:
                    self.allowed[turn] += 1
                    if self.allowed.total() == KILLED_AFTER:
                        self.begun.set()
                else:
                    assert answer["reasons"][0]["code"] == ("rate_minute" if turn % 2 else "quota_month"), answer
                    self.turn = max(self.turn, turn + 1)
        gateway.close()

    async def accident(self, port: int) -> None:
        """One process dies in the middle of it, and comes again; when it has had its part, it is enough."""
        await self.begun.wait()
        self.processes.kill(port)
        self.killed, self.answers[port] = port, 0
        self.processes.start(port)
        await self.back.wait()
        self.last = self.turn + 1

    async def run(self) -> None:
        ports = list(self.processes.running)
        clients = [self.client(Gateway(ports[number % len(ports)], self.processes.gateway_key)) for number in range(CLIENTS)]
        await asyncio.wait_for(asyncio.gather(self.accident(ports[0]), *clients), 60)


def counted(assembly: Assembly, holder: Holder, product: str) -> set[int]:
    """Requests of the month and of the minute, and those that the ledger has as let in."""
    c, e = counters.c, ledger.c
    with assembly.database.reading() as connection:
        rows = connection.execute(select(c.span, c.requests).where(c.owner_id == holder.owner_id, c.product == product)).all()
        noted = connection.scalar(select(func.sum(e.requests)).where(e.token_id == holder.token_id, e.product == product, e.reason == ""))
    assert {Span.MONTH, Span.MINUTE} == {row.span for row in rows}
    return {row.requests for row in rows} | {int(noted or 0)}


def test_64_clients_get_what_is_left_and_nothing_more_though_a_process_dies(processes: Processes):
    """Each of the many holders has 100 calls left, in turns of the month and of the minute."""
    holders = put_holders(processes.assembly, ROUNDS, PLANS)
    siege = Siege(processes, holders)
    asyncio.run(siege.run())
    turns = range(siege.last + 1)
    assert siege.lost.total() > 0, "nobody was there when it died"
    for turn in turns:
        assert {LEFT} == counted(processes.assembly, holders[turn], siege.product(turn)), turn
        assert LEFT - siege.lost[turn] <= siege.allowed[turn] <= LEFT, turn
    assert sum(not siege.lost[turn] for turn in turns) > 1


async def revoke_all(ports: list[int], gateway_key: str, holders: list[Holder]) -> list[UUID]:
    """Revokes each at one of the processes. Returns those that some process let in when the revocation had been acknowledged."""
    gateways = [Gateway(port, gateway_key) for port in ports]
    admins = [Gateway(port, ADMIN_KEY) for port in ports]
    late = []
    for place, holder in enumerate(holders):
        before = await asyncio.gather(*(gateway.check(holder.secret, BY_MONTH) for gateway in gateways))
        assert [True] * len(ports) == [answer["allowed"] for answer in before]
        await admins[place % len(admins)].post(f"/v1/tokens/{holder.token_id}/revoke")
        after = await asyncio.gather(*(gateway.check(holder.secret, BY_MONTH) for gateway in gateways))
        if any(answer["allowed"] for answer in after):
            late.append(holder.token_id)
    for each in (*gateways, *admins):
        each.close()
    return late


def test_a_revoked_token_is_refused_everywhere_at_the_first_check_after_it(processes: Processes):
    holders = put_holders(processes.assembly, 30, PLANS, name="revoking")
    assert [] == asyncio.run(revoke_all(list(processes.running)[-2:], processes.gateway_key, holders))
