"""The peak memory and the speed of an export of many events beside one of few, in each form, on both databases.

    python -m tests.benchmarks.exports [--few 10000] [--many 1000000] [--form ndjson] [--database sqlite]

Each export is `tenure export` in a process of its own. Prints its peak resident memory, as the kernel counted it.
"""

import argparse
import os
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from domain.attempt import Pending
from domain.commands.institutional_account import Nominate
from domain.events.base import Metadata
from projections.exports.export import Format
from tests.databases import PostgreSQLServer, SQLiteFiles
from tests.live import assembly_of
from tests.processes import PROGRAM

BATCH = 2_000


def fill(url: str, folder: Path, size: int) -> None:
    """Streams of one event, all alike but for their ids."""
    assembly = assembly_of(url, folder)
    assembly.prepare()
    nominate = Nominate(id=uuid4(), email="library@northfield.example", contact_id=uuid4(), institution="Northfield University")
    assembly.lifecycle.handle(nominate, metadata=Metadata(actor="support-north", role="support", reason="support-case: 4711"))
    (first,) = assembly.store.log.read_log(after=0, limit=1)
    recorded = assembly.store.codec.to_recorded(first)
    for start in range(1, size, BATCH):
        pending = [
            Pending(originator_id=uuid4(), originator_version=1, account_id=None, metadata=recorded.metadata, event=recorded.event)
            for _ in range(min(BATCH, size - start))
        ]
        assembly.store.log.insert_events(assembly.store.codec.to_stored_events(pending))
    assembly.close()


def export(url: str, folder: Path, form: Format, size: int) -> None:
    to = folder / f"export.{form}"
    environment = {**os.environ, "TENURE_DATABASE_URL": url, "TENURE_KEYS_DIRECTORY": str(folder / "keys"), "TENURE_LOG_LEVEL": "error"}
    began = time.perf_counter()
    process = subprocess.Popen([PROGRAM, "export", "--format", form, "--output", to], env=environment)
    _, status, used = os.wait4(process.pid, 0)
    took = time.perf_counter() - began
    assert status == 0
    print(
        f"  {size:>9,} events as {form:<7}: {used.ru_maxrss / 1024:6.0f} MiB at most, {took:6.1f} s, {to.stat().st_size / 2**20:8.1f} MiB written"
    )
    to.unlink()


def measure(fresh: Callable[[], AbstractContextManager[str]], folder: Path, sizes: list[int], forms: list[Format]) -> None:
    for size in sizes:
        with fresh() as url:
            fill(url, folder, size)
            for form in forms:
                export(url, folder, form, size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--form", type=Format, choices=list(Format), action="append")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    given = parser.parse_args()
    sizes, forms = [given.few, given.many], given.form or list(Format)
    with TemporaryDirectory() as name:
        folder = Path(name)
        for database in given.database or ["sqlite", "postgresql"]:
            print(database)
            if database == "sqlite":
                files = SQLiteFiles(folder)
                measure(lambda files=files: files.fresh(folder), folder, sizes, forms)  # type: ignore[misc]
            else:
                server = PostgreSQLServer()
                measure(server.fresh, folder, sizes, forms)
                server.close()


if __name__ == "__main__":
    main()
