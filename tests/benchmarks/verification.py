"""How fast a log is verified and replayed, beside a plain SELECT of the same rows in the same run, on both databases.

    python -m tests.benchmarks.verification [--events 1000000] [--only sqlite|postgresql] [--people]

SELECT reads every column of every row through the driver, in pages by position. Verification is what `tenure verify` does. Replay decodes
each event and folds it into the state of its stream, as followers do. With --people every tenth event tells of a person whom nobody else
tells of, sealed by a key of their own.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine, insert

from domain.clock import SystemClock
from domain.store import StoredNotification
from ops.eventstore.engine import connect, reading, writing
from ops.eventstore.factory import EventStore
from ops.eventstore.leaf import POSITION, leaves_between, next_rows
from ops.eventstore.schema import events
from ops.eventstore.upgrade import upgrade
from ops.verification import verify
from projections.follower import States
from projections.proof import checkpoints
from projections.proof.tiles import append, tiles
from projections.tables import metadata
from tests.benchmarks.lives import people, subscription_rows
from tests.databases import PostgreSQLServer
from tests.keyring import KEYRING
from tests.proof.logs import SIGNER

PAGE = 2_048


def timed(what: str, count: int, work: Callable[[], object], base: float | None = None) -> float:
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    beside = f"   {seconds / base:5.1f} x SELECT" if base else ""
    print(f"  {what:22} {seconds:7.1f} s   {seconds / count * 1e6:6.1f} s per million{beside}", flush=True)
    return seconds


def with_subscriptions(engine: Engine, count: int) -> None:
    with writing(engine) as connection:
        batch = []
        for row in subscription_rows(count):
            batch.append(row)
            if len(batch) == 5_000:
                connection.execute(insert(events), batch)
                batch = []
        if batch:
            connection.execute(insert(events), batch)


def with_people(engine: Engine, count: int) -> None:
    store = EventStore(engine, KEYRING)
    for pending in people(count):
        store.log.insert_events(store.codec.to_stored_events(pending))


def measure(url: str, count: int, fill: Callable[[Engine, int], None]) -> None:
    engine = connect(url)
    upgrade(engine)
    metadata.create_all(engine, tables=[tiles])
    fill(engine, count)

    def grow() -> None:
        with writing(engine) as connection:
            last = 0
            while last < count:
                append(connection, leaves_between(connection, last, last + 20_000))
                last += 20_000
            checkpoints.make(connection, SIGNER, SystemClock().now())

    def select() -> None:
        with reading(engine) as connection:
            after = 0
            while rows := next_rows(connection, after, PAGE):
                after = rows[-1][POSITION]

    def check() -> None:
        with reading(engine) as connection:
            verdict = verify(connection, [SIGNER.verifier])
        assert verdict.holds, verdict.findings
        assert verdict.size == count

    def replay() -> None:
        store = EventStore(engine, KEYRING)
        states = States(_refuse)
        after, seen = 0, 0
        while stored := store.log.read_log(after=after, limit=PAGE):
            for each in stored:
                states.after(store.codec.to_recorded(each))
            after, seen = stored[-1].id, seen + len(stored)
        assert seen == count

    timed("tree, made in bulk", count, grow)
    select()  # both databases have the rows in memory, as far as there is room
    base = timed("SELECT", count, select)
    timed("verification", count, check, base)
    timed("replay", count, replay, base)
    engine.dispose()


def _refuse(id: UUID, version: int) -> StoredNotification:
    raise LookupError(f"stream {id} is not read in order at version {version}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--people", action="store_true")
    asked = parser.parse_args()
    fill = with_people if asked.people else with_subscriptions
    if asked.only != "postgresql":
        with tempfile.TemporaryDirectory() as folder:
            print(f"SQLite, {asked.events} events")
            measure(f"sqlite:///{Path(folder, 'log.db')}", asked.events, fill)
    if asked.only != "sqlite":
        server = PostgreSQLServer()
        try:
            with server.fresh() as url:
                print(f"PostgreSQL, {asked.events} events")
                measure(url, asked.events, fill)
        finally:
            server.close()


if __name__ == "__main__":
    main()
