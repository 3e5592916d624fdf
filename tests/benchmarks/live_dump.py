"""A live database is dumped while 8 writers write, restored elsewhere, and looked at: nothing acknowledged is missing.

    python -m tests.benchmarks.live_dump [--events 50000] [--writers 8]

PostgreSQL with its own pg_dump and pg_restore; SQLite by VACUUM INTO, and by the backup that copies some pages at a time. Each
begins with so many events, so that making the copy takes a while. Prints what was written meanwhile, and how fast.
"""

import argparse
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from domain.attempt import Pending
from tests.databases import PostgreSQLServer, SQLiteFiles
from tests.live import WRITERS, assembly_of, dump, look_at, restore, under_load
from tests.scheduler.house import ANN, institution_facts

AT_ONCE = 5_000


def multiply(url: str, folder: Path, times: int) -> None:
    """So many institutions that were nominated, each sealed for a mailbox of its own, followed and signed."""
    assembly = assembly_of(url, folder)
    codec, log = assembly.store.codec, assembly.store.log
    for start in range(0, times, AT_ONCE):
        pending = []
        for _ in range(min(AT_ONCE, times - start)):
            id = uuid4()
            nominated, _ = institution_facts(id, name=f"uni-{id}")
            pending.append(Pending(originator_id=id, originator_version=1, account_id=id, metadata=ANN, event=nominated[0]))
        log.insert_events(codec.to_stored_events(pending))
    assembly.tables.catch_up()
    assembly.checkpoints.make_now()
    assembly.close()


def measure(  # `copy` makes a copy, and gives what tells its address, restored where that is needed
    name: str, url: str, folder: Path, size: int, writers: int, copy: Callable[[], Callable[[], str]]
) -> None:
    with under_load(url, folder, 1) as first:
        first.wait_for(1)
    multiply(url, folder, size)
    with under_load(url, folder, writers) as load:
        load.wait_for(50)
        began, before = time.perf_counter(), list(load.acknowledged)
        load.wait_for(200)
        alone = len(load.acknowledged) - len(before)
        rate = alone / (time.perf_counter() - began)
        began, before = time.perf_counter(), list(load.acknowledged)
        copied = copy()
        took = time.perf_counter() - began
        meanwhile = len(load.acknowledged) - len(before)
        load.wait_for(50)
    url_of_copy = copied()
    began = time.perf_counter()
    found = look_at(url_of_copy, folder, first.acknowledged + before)
    print(
        f"{name}: {size:,} events before; copied in {took:.2f} s, while {writers} writers wrote {meanwhile} "
        f"({meanwhile / took:.0f}/s; {rate:.0f}/s before it). {len(before)} acknowledged before, all there; "
        f"{found.events:,} events in the copy, no gaps, {found.proven:,} proven by its last checkpoint, followed and rebuilt alike in {time.perf_counter() - began:.1f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--writers", type=int, default=WRITERS)
    given = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        _on_postgresql(folder, given.events, given.writers)
        files = SQLiteFiles(folder)
        for way in ("VACUUM INTO", "backup"):
            _on_sqlite(files, folder / way.partition(" ")[0], given.events, given.writers, way)


def _on_postgresql(folder: Path, size: int, writers: int) -> None:
    server = PostgreSQLServer()
    try:
        with server.fresh() as url, server.empty() as other:
            path = folder / "live.dump"

            def restored() -> str:
                restore(path, other)
                return other

            def copy() -> Callable[[], str]:
                dump(url, path)
                return restored

            measure("PostgreSQL, pg_dump", url, folder, size, writers, copy)
    finally:
        server.close()


def _on_sqlite(files: SQLiteFiles, folder: Path, size: int, writers: int, way: str) -> None:
    folder.mkdir()
    with files.fresh(folder) as url:

        def copy() -> Callable[[], str]:
            source, path = sqlite3.connect(url.removeprefix("sqlite:///")), folder / "copy.db"
            if way == "VACUUM INTO":
                source.execute("VACUUM INTO ?", [str(path)])
            else:
                target = sqlite3.connect(path)
                source.backup(target, pages=100)
                target.close()
            source.close()
            return lambda: f"sqlite:///{path}"

        measure(f"SQLite, {way}", url, folder, size, writers, copy)


if __name__ == "__main__":
    main()
