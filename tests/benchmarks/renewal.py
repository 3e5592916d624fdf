"""An institution with 50,000 user plans renews, and 10,000 of its people have waited for that: how long, in which transactions, which letters.

    python -m tests.benchmarks.renewal [--plans 50000] [--waiting 10000] [--only sqlite|postgresql]

The plans are put into the log as facts; the renewal, what follows from it and its letters are real. All parts run in this process.
"""

import argparse
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine, event

from domain.commands.itk_subscription import RenewSubscription
from domain.events.institutional_user_plan import RenewalRequested, UserPlanRenewed
from ops.catcher import Catcher, Caught
from projections.emails.outbox import emails
from tests.databases import PostgreSQLServer
from tests.scheduler.house import DAY, ENDS_AT, ask, happened, house, put, put_institution, set_clock, user_plan

RENEWED_AT = datetime(2028, 2, 10, 9, tzinfo=UTC)
TOGETHER = 500


class Transactions:
    """How long each transaction of an engine was open, in seconds."""

    def __init__(self, engine: Engine) -> None:
        self.longest = 0.0
        self.count = 0
        event.listen(engine, "begin", self._begun)
        for name in ("commit", "rollback"):
            event.listen(engine, name, self._over)

    def forget(self) -> None:
        self.longest, self.count = 0.0, 0

    def _begun(self, connection: Any) -> None:
        connection.info["begun"] = time.perf_counter()

    def _over(self, connection: Any) -> None:
        if begun := connection.info.pop("begun", None):
            self.count += 1
            self.longest = max(self.longest, time.perf_counter() - begun)


def measure(name: str, database_url: str | None, plans: int, waiting: int) -> None:
    letters: Counter[tuple[str, str]] = Counter()

    def take(caught: Caught) -> None:
        letters[caught.recipient, str(caught.message["X-Tenure-Template"])] += 1

    catcher = Catcher(on_message=take)
    catcher.start()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        of_it = stack.enter_context(house(database_url or f"sqlite:///{folder}/tenure.db", folder))
        stack.callback(catcher.stop)
        assembly = of_it.process(catcher.url)
        account, subscription = put_institution(assembly)
        asked = RenewalRequested(at=RENEWED_AT - DAY, term=1, opened_at=ENDS_AT - 30 * DAY)
        for first in range(0, plans, TOGETHER):
            some = [user_plan(account, subscription, f"person{number}") for number in range(first, min(first + TOGETHER, plans))]
            people = [(id, [*facts, asked] if first + place < waiting else facts) for place, (id, facts) in enumerate(some)]
            put(assembly, account, *people)
        assembly.tables.catch_up()
        _forget_letters(assembly)
        set_clock(assembly, RENEWED_AT)
        assembly.heartbeat.drain()
        letters.clear()
        before = assembly.store.log.max_notification_id() or 0
        transactions = Transactions(assembly.engine)
        print(f"{name}: {plans:,} user plans, {waiting:,} wait for the renewal", flush=True)
        began = time.perf_counter()
        ask(assembly, RenewSubscription(id=subscription, months=12, reference=None))
        while assembly.tables.catch_up() or assembly.reactions.tick():
            pass
        granted = time.perf_counter() - began
        renewed = happened(assembly, UserPlanRenewed, after=before)
        assert len(renewed) == len({each.stream_id for each in renewed}) == waiting, len(renewed)
        print(f"  granted in {granted:.1f} s, {waiting / granted:,.0f} plans/s", end="; ")
        print(f"longest of {transactions.count:,} transactions {transactions.longest * 1000:.0f} ms", flush=True)
        transactions.forget()
        began = time.perf_counter()
        assembly.heartbeat.drain()
        seconds = time.perf_counter() - began
        told = Counter(count for (_, template), count in letters.items() if template == "user-plan-renewed")
        assert told == {1: waiting}, told
        others = Counter(template for _, template in letters if template != "user-plan-renewed")
        print(
            f"  {waiting:,} people told once each in {seconds:.0f} s, {waiting / seconds:,.0f} letters/s; besides {dict(others)}", end="; "
        )
        print(f"longest transaction {transactions.longest * 1000:.0f} ms", flush=True)


def _forget_letters(assembly: Any) -> None:
    """What the facts gave occasion to was sent long ago."""
    with assembly.database.writing() as connection:
        connection.execute(emails.update().where(emails.c.status == "pending").values(status="sent"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plans", type=int, default=50_000)
    parser.add_argument("--waiting", type=int, default=10_000)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    arguments = parser.parse_args()
    if arguments.only != "postgresql":
        measure("SQLite", None, arguments.plans, arguments.waiting)
    if arguments.only != "sqlite":
        server = PostgreSQLServer()
        with server.empty() as url:
            measure("PostgreSQL", url, arguments.plans, arguments.waiting)
        server.close()


if __name__ == "__main__":
    main()
