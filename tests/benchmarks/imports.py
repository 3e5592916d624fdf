"""A list of 100,000 people, whose worker is killed again and again on the way: rows per second, peak memory, and that each row counts once.

    python -m tests.benchmarks.imports [--rows 100000] [--kills 5] [--only sqlite|postgresql] [--letters]

Real processes on real time. On PostgreSQL API, projector and scheduler are three processes, and the scheduler is killed; on SQLite there
is one process, and that is killed. `--letters` waits until every letter has left, which takes a while.
"""

import argparse
import csv
import io
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from sqlalchemy import func, select

from ops.catcher import Catcher, Caught
from ops.eventstore.engine import Database, connect
from ops.eventstore.schema import events
from tests.databases import PostgreSQLServer
from tests.processes import PROGRAM, Api, free_port

KEY = "imports-benchmark-admin-key"
SAMPLES_A_SECOND = 20


@dataclass
class Worker:
    """The process that settles the rows: started, killed, and started again."""

    command: list[str]
    environment: dict[str, str]
    folder: Path
    process: Any = None
    peak_kib: int = 0

    def start(self) -> None:
        with (self.folder / "worker.out").open("ab") as out:
            self.process = subprocess.Popen(self.command, env=self.environment, cwd=self.folder, stdout=out, stderr=out)

    def kill(self) -> None:
        self.look()
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def look(self) -> None:
        """VmHWM: the most memory that the process has held."""
        with suppress(OSError):
            for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM"):
                    self.peak_kib = max(self.peak_kib, int(line.split()[1]))


@dataclass
class Letters:
    """How often each address got each template."""

    counted: Counter[tuple[str, str]] = field(default_factory=Counter)

    def take(self, caught: Caught) -> None:
        template = caught.raw.partition(b"X-Tenure-Template: ")[2].split(b"\r\n", 1)[0].decode()
        self.counted[caught.recipient, template] += 1


def people(rows: int) -> tuple[str, dict[str, int]]:
    """A list as a librarian might have it, and the outcomes that it should have."""
    outcomes: Counter[str] = Counter()
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["email", "name"])
    for number in range(rows):
        match number % 25:
            case 10:
                email, outcome = f"guest{number}@elsewhere.example", "wrong_domain"
            case 15:
                email, outcome = f"not an address {number}", "invalid"
            case 20:
                email, outcome = f"STUDENT{number - 1}@northfield.example", "duplicate"
            case _:
                email, outcome = f"student{number}@northfield.example", "activated"
        writer.writerow([email, f"Student {number}"])
        outcomes[outcome] += 1
    return out.getvalue(), dict(outcomes)


def institution(api: Api) -> str:
    """An institution with a subscription in force since yesterday."""
    account = api.post(
        "/v1/accounts",
        email="library@northfield.example",
        registered_account_id="R-1",
        institution="Northfield University",
        time_zone="UTC",
        domains=["northfield.example"],
    )
    api.post(f"/v1/accounts/{account['id']}/convert")
    starts_on = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    subscription = api.post("/v1/subscriptions", account_id=account["id"], starts_on=starts_on)
    api.post(f"/v1/subscriptions/{subscription['id']}/activate")
    return str(subscription["id"])


@contextmanager
def service(folder: Path, database_url: str | None, catcher: Catcher) -> Iterator[tuple[Api, Worker]]:
    port = free_port()
    environment = {
        **os.environ,
        "TENURE_DATABASE_URL": database_url or f"sqlite:///{folder}/tenure.db",
        "TENURE_KEYS_DIRECTORY": str(folder / "keys"),
        "TENURE_SMTP_URL": catcher.url,
        "TENURE_ADMIN_KEY": KEY,
        "TENURE_LOG_LEVEL": "error",
    }
    with ExitStack() as stack:
        listening = ["serve", "--port", str(port)]
        if database_url:
            for part in (["serve", "--only", "api", "--port", str(port)], ["serve", "--only", "projector"]):
                other = subprocess.Popen([str(PROGRAM), *part], env=environment, cwd=folder, stdout=subprocess.DEVNULL)
                stack.callback(other.wait)
                stack.callback(other.terminate)
            listening = ["serve", "--only", "scheduler"]
        worker = Worker([str(PROGRAM), *listening], environment, folder)
        worker.start()
        stack.callback(lambda: worker.process.wait())
        stack.callback(lambda: worker.process.terminate())
        api = Api(port, KEY)
        api.wait()
        yield api, worker


def hand_in(api: Api, subscription: str, text: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {api.key}", "Content-Type": "text/csv", "Idempotency-Key": "the-list"}
    address = f"http://127.0.0.1:{api.port}/v1/subscriptions/{subscription}/user-imports"
    with urlopen(Request(address, text.encode(), headers), timeout=120) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def settle(api: Api, worker: Worker, import_id: str, rows: int, kills: int) -> dict[str, Any]:
    """Wait for the end, and kill the worker at moments spread over the way."""
    moments = [rows * (number + 1) // (kills + 1) + random.randrange(rows // 50 + 1) for number in range(kills)]
    while True:
        time.sleep(1 / SAMPLES_A_SECOND)  # other processes are at work
        worker.look()
        try:
            shown: dict[str, Any] = api.get(f"/v1/user-imports/{import_id}")
        except (URLError, ConnectionError):
            continue  # it is just starting again
        if shown["status"] == "completed":
            return shown
        if moments and shown["settled"] >= moments[0]:
            moments.pop(0)
            worker.kill()
            print(f"  killed at {shown['settled']:,} rows", flush=True)
            worker.start()


def measure(name: str, database_url: str | None, rows: int, kills: int, *, letters: bool) -> None:
    counted = Letters()
    catcher = Catcher(on_message=counted.take)
    catcher.start()
    with TemporaryDirectory() as folder, service(Path(folder), database_url, catcher) as (api, worker):
        subscription = institution(api)
        text, expected = people(rows)
        print(f"{name}: {rows:,} rows, {len(text) / 1e6:.1f} MB", flush=True)
        worker.look()
        before = worker.peak_kib
        began = time.perf_counter()
        handed_in = hand_in(api, subscription, text)
        answered = time.perf_counter() - began
        again = hand_in(api, subscription, text)
        assert again["id"] == handed_in["id"]
        began = time.perf_counter()
        shown = settle(api, worker, handed_in["id"], rows, kills)
        seconds = time.perf_counter() - began
        worker.look()
        assert shown["outcomes"] == expected, (shown["outcomes"], expected)
        database = Database(connect(database_url or f"sqlite:///{folder}/tenure.db"))
        with database.reading() as connection:
            activated = events.c.topic == "user-plan.activated"
            plans = connection.scalar(select(func.count()).where(activated))
            streams = connection.scalar(select(func.count(events.c.stream_id.distinct())).where(activated))
            reports = connection.scalar(select(func.count()).where(events.c.topic == "user-import.completed"))
        assert (plans, streams, reports) == (expected["activated"], expected["activated"], 1), (plans, streams, reports)
        print(f"  answered in {answered:.1f} s; settled in {seconds:.1f} s with {kills} kills: {rows / seconds:,.0f} rows/s")
        print(f"  outcomes {shown['outcomes']}: {plans:,} activations of {streams:,} plans, {reports} completion")
        print(f"  peak memory of the worker {worker.peak_kib / 1024:.0f} MiB ({before / 1024:.0f} MiB before the list came)")
        if letters:
            _wait_for_letters(api, counted, expected["activated"])
    catcher.stop()


def _wait_for_letters(api: Api, letters: Letters, people: int) -> None:
    began = time.perf_counter()
    while api.get("/v1/emails?status=pending&limit=1")["items"]:
        time.sleep(1)  # letters leave one after another
    told = {address: count for (address, template), count in letters.counted.items() if template == "user-plan-activated"}
    reports = sum(count for (_, template), count in letters.counted.items() if template == "user-import-report")
    twice = sum(count > 1 for count in told.values())
    print(f"  {len(told):,} of {people:,} people told, {twice} of them twice (killed between dot and commit); {reports} report;", end=" ")
    print(f"{sum(letters.counted.values()) / (time.perf_counter() - began):,.0f} letters/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--letters", action="store_true")
    arguments = parser.parse_args()
    if arguments.only != "postgresql":
        measure("SQLite", None, arguments.rows, arguments.kills, letters=arguments.letters)
    if arguments.only != "sqlite":
        server = PostgreSQLServer()
        with server.empty() as url:
            measure("PostgreSQL", url, arguments.rows, arguments.kills, letters=arguments.letters)


if __name__ == "__main__":
    main()
