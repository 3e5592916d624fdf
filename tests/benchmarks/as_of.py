"""How long an institution's page and the list of subscriptions take as of a date, in a log of a million events.

    python -m tests.benchmarks.as_of [--events 1000000] [--only sqlite|postgresql]

The events are put into the log as facts, month by month, a hundred for each institution; the answers are those of the API in this process.
Beside each stands the bare query that reads the same rows, already found.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

from fastapi.testclient import TestClient
from sqlalchemy import select

from domain.attempt import Pending
from domain.calendar import months_after
from domain.catalogue import Product
from domain.clock import FixedClock
from domain.events.base import Event
from domain.events.institutional_account import IpRangesSet
from domain.events.itk_subscription import UsagePeriodClosed
from ops import logs
from ops.assembly import Assembly
from projections import accounts, api_tokens, subscriptions, user_plans
from projections.follower import TableFollowers
from projections.versions import Versions, versions
from tests.databases import PostgreSQLServer
from tests.scheduler.house import ANN, START, house, institution_facts, set_clock, token, user_plan

PEOPLE, TOKENS, MONTHS = 20, 4, 11
EACH = 2 + 2 + 2 * PEOPLE + TOKENS + len(Product) * MONTHS + MONTHS - 3
AS_OF = datetime(2027, 9, 15, 12, tzinfo=UTC)
TIMES = 20


class Institutions:
    """Facts of so many institutions, each with the next version of its streams."""

    def __init__(self, number: int) -> None:
        self.all = [(uuid4(), uuid4()) for _ in range(number)]
        self._versions: dict[UUID, Iterator[int]] = {}

    def _pending(self, account: UUID, stream: UUID, event: Event) -> Pending:
        version = next(self._versions.setdefault(stream, count(1)))
        return Pending(originator_id=stream, originator_version=version, account_id=account, metadata=ANN, event=event)

    def first(self, account: UUID, subscription: UUID) -> Iterator[Pending]:
        ours, terms = institution_facts(account, name=f"uni-{account}")
        streams = [(account, ours), (subscription, terms)]
        streams += [token(account, account, digest=uuid4().hex, slot=slot) for slot in range(1, TOKENS + 1)]
        streams += [user_plan(account, subscription, f"person{number}") for number in range(PEOPLE)]
        for stream, events in streams:
            for event in events:
                yield self._pending(account, stream, event)

    def month(self, account: UUID, subscription: UUID, number: int, at: datetime) -> Iterator[Pending]:
        for product in Product:
            of: dict[str, Any] = {
                "product": product,
                "period": number - 1,
                "starts_at": months_after(at, -1),
                "ends_at": at,
                "limit": 50_000,
            }
            closed = UsagePeriodClosed(at=at, requests=number, records=number, **of)
            yield self._pending(account, subscription, closed)
        if number > 3:
            ranges = IpRangesSet(at=at, account_id=account, ip_ranges=(f"10.{number}.0.0/16",), shared=False)
            yield self._pending(account, account, ranges)


def build(assembly: Assembly, institutions: Institutions) -> int:
    codec, log, written = assembly.store.codec, assembly.store.log, 0
    for number in range(MONTHS + 1):
        at = months_after(START, number)
        set_clock(assembly, at)
        for first in range(0, len(institutions.all), 100):
            some = institutions.all[first : first + 100]
            made = [institutions.month(*each, number, at) if number else institutions.first(*each) for each in some]
            stored = codec.to_stored_events([each for one in made for each in one])
            log.insert_events(stored)
            written += len(stored)
    return written


def timed(asked: Callable[[], Any], times: int = TIMES) -> tuple[float, float]:
    """The median and the longest of several times, in milliseconds."""
    asked()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        asked()
        taken.append((time.perf_counter() - began) * 1000)
    return median(taken), max(taken)


def measure(name: str, database_url: str | None, events: int) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        assembly = stack.enter_context(house(database_url or f"sqlite:///{folder}/tenure.db", folder)).process(clock=FixedClock(START))
        institutions = Institutions(events // EACH)
        began = time.perf_counter()
        written = build(assembly, institutions)
        print(f"{name}: {written:,} events of {len(institutions.all):,} institutions in {time.perf_counter() - began:.0f} s", flush=True)
        began = time.perf_counter()
        tables = (Versions(), accounts.projection, subscriptions.projection, api_tokens.projection, user_plans.projection)
        followed = TableFollowers(assembly.database, assembly.lifecycle, tables)
        followed.prepare()
        followed.catch_up()
        if assembly.engine.dialect.name == "postgresql":
            with assembly.engine.connect() as connection:
                connection.exec_driver_sql("ANALYZE")
                connection.commit()
        print(f"  tables of it in {time.perf_counter() - began:.0f} s", flush=True)
        set_clock(assembly, months_after(START, MONTHS) + timedelta(hours=1))
        key = assembly.staff.add("auditor", "auditor")
        client = stack.enter_context(TestClient(assembly.api(), headers={"Authorization": f"Bearer {key}"}))
        for known_at in (None, AS_OF):
            report(assembly, client, institutions, known_at)


def report(assembly: Assembly, client: TestClient, institutions: Institutions, known_at: datetime | None) -> None:
    then = {"as_of": AS_OF.isoformat()} | ({"known_at": known_at.isoformat()} if known_at else {})
    account, subscription = institutions.all[len(institutions.all) // 2]

    def get(path: str, **query: Any) -> Any:
        answer = client.get(path, params=then | query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def whole_page() -> None:
        get(f"/v1/accounts/{account}")
        get(f"/v1/subscriptions/{subscription}")
        assert len(get("/v1/tokens", owner_id=account)["items"]) == TOKENS
        assert len(get("/v1/user-plans", subscription_id=subscription)["items"]) == PEOPLE
        get(f"/v1/accounts/{account}/onboarding")
        get(f"/v1/subscriptions/{subscription}/entitlements")

    print(f"  as of {AS_OF:%Y-%m-%d}{', as known then' if known_at else ''}")
    _told("an institution's page, 6 requests", timed(whole_page))
    for limit in (50, 500):
        items = get("/v1/subscriptions", limit=limit)["items"]
        assert len(items) == min(limit, len(institutions.all))
        middle = timed(lambda: get("/v1/subscriptions", limit=limit))  # noqa: B023 - it is called at once
        pairs = [(UUID(each["id"]), each["version"]) for each in items]
        _told(f"the list of subscriptions, {limit}", middle, timed(lambda: _bare(assembly, pairs)))  # noqa: B023
    _told("of status active, 500", timed(lambda: get("/v1/subscriptions", limit=500, status="active"), 5))
    _told("of status suspended, which is none", timed(lambda: get("/v1/subscriptions", limit=50, status="suspended"), 5))


def _bare(assembly: Assembly, pairs: list[tuple[UUID, int]]) -> None:
    found = versions.c.stream_id.in_([id for id, _ in pairs]) & (versions.c.version == pairs[0][1])
    with assembly.database.reading() as connection:
        assert len(connection.execute(select(versions.c.shown).where(found)).all()) == len(pairs)


def _told(what: str, taken: tuple[float, float], bare: tuple[float, float] | None = None) -> None:
    beside = f"; the bare query {bare[0]:.1f} ms, {taken[0] / bare[0]:.1f} times as long" if bare else ""
    print(f"    {what:<36} median {taken[0]:>6.1f} ms, longest {taken[1]:>6.1f} ms{beside}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    given = parser.parse_args()
    logs.configure("error")
    if given.only != "postgresql":
        measure("SQLite", None, given.events)
    if given.only != "sqlite":
        with PostgreSQLServer().fresh() as url:
            measure("PostgreSQL", url, given.events)


if __name__ == "__main__":
    main()
