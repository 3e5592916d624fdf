"""Webhooks and the event stream while their sender and their receiver are killed in turn: nothing lost, order kept in each stream.

    python -m tests.benchmarks.deliveries [--kills 100] [--seconds-between 1.6]

One PostgreSQL; two API processes that are given commands all the time, of which one is killed too, for who follows its stream; two
schedulers that send, of which one after the other is killed with SIGKILL; a receiver that has each event on disk before it answers, and
is killed as well. At the end every event of the log must be in the receiver's file, per stream in order at first sight, and twice only
under the same id; and the reader of the stream must have seen every event once, in order.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ops.catcher import Catcher
from tests.databases import PostgreSQLServer
from tests.processes import PROGRAM, Api, eventually, free_port

ROOT = Path(__file__).parent.parent.parent
KEY = "deliveries-benchmark-admin-key"
SOURCES = 6
PAUSE = 0.1
STAY = 5.0
"""Seconds after which a reader of the stream goes to the other process."""


@dataclass
class Killable:
    """A process that is started, killed and started again."""

    command: list[str]
    environment: dict[str, str]
    folder: Path
    process: Any = None
    kills: int = 0

    def start(self) -> None:
        with (self.folder / "killable.out").open("ab") as out:
            self.process = subprocess.Popen(self.command, env=self.environment, cwd=self.folder, stdout=out, stderr=out)

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.kills += 1

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@dataclass
class Found:
    """What came of it."""

    kills: int = 0
    events: int = 0
    arrivals: int = 0
    seconds: float = 0.0
    catching_up: float = 0.0
    reconnections: int = 0
    lost: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    stream_gaps: list[int] = field(default_factory=list)


class Follower(threading.Thread):
    """Reads the stream of events, now from one process, now from the other, and connects again with the last id it saw."""

    def __init__(self, ports: list[int]) -> None:
        super().__init__(daemon=True)
        self._ports = ports
        self._last = 0
        self.seen: list[int] = []
        self.connections = 0
        self.over = False

    def run(self) -> None:
        while not self.over:
            port = self._ports[self.connections % len(self._ports)]
            self.connections += 1
            with suppress(OSError, HTTPException):
                self._read(port)
            time.sleep(PAUSE)  # a process is being started

    def _read(self, port: int) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        headers = {"Authorization": f"Bearer {KEY}", "Last-Event-ID": str(self._last)}
        connection.request("GET", "/v1/events/stream", headers=headers)
        response = connection.getresponse()
        told, until = b"", time.monotonic() + STAY
        while not self.over and time.monotonic() < until and (line := response.readline()):
            if line.startswith(b"id: "):
                told = line[4:].strip()
            elif line == b"\n" and told:  # an event counts when it is whole
                self._last = int(told)
                self.seen.append(self._last)
                told = b""
        connection.close()


def _trickle(apis: list[Api], over: threading.Event, number: int, tokens: Counter[str]) -> None:
    """One institution whose name changes again and again; a process that does not answer is asked again, under the same key."""
    account = None
    for turn in range(1_000_000):
        if over.is_set():
            return
        body: dict[str, Any] = {"institution": f"University {number}, name {turn}"}
        path = f"/v1/accounts/{account}/amend"
        if account is None:
            path, body = "/v1/accounts", {"email": f"library@university{number}.example", "institution": f"University {number}"}
        with suppress(OSError, HTTPException, json.JSONDecodeError):
            status, answer = apis[turn % len(apis)].call("POST", path, body)
            tokens[str(status)] += 1
            if account is None and status == 201:
                account = answer["id"]
        over.wait(PAUSE)


@contextmanager
def _house(folder: Path, url: str) -> Iterator[tuple[list[Api], list[Killable], Killable]]:
    """The APIs, of which the second may be killed; the schedulers; and the killable API."""
    catcher = Catcher()
    catcher.start()
    given = {
        **os.environ,
        "TENURE_DATABASE_URL": url,
        "TENURE_KEYS_DIRECTORY": str(folder / "keys"),
        "TENURE_SMTP_URL": catcher.url,
        "TENURE_ADMIN_KEY": KEY,
        "TENURE_LOG_LEVEL": "error",
        "TENURE_WEBHOOK_NETWORKS": "127.0.0.0/8",
        "TENURE_WEBHOOK_LEASE_SECONDS": "1",
        "TENURE_WEBHOOK_TIMEOUT_SECONDS": "2",
    }
    with ExitStack() as stack:
        stack.callback(catcher.stop)
        ports = [free_port(), free_port()]
        apis = [Killable([str(PROGRAM), "serve", "--only", "api", "--port", str(port)], given, folder) for port in ports]
        senders = [Killable([str(PROGRAM), "serve", "--only", "scheduler"], given, folder) for _ in range(2)]
        for process in (*apis, *senders):
            process.start()
            stack.callback(process.stop)
        clients = [Api(port, KEY) for port in ports]
        for client in clients:
            client.wait()
        yield clients, senders, apis[1]


def measure(url: str, kills: int, seconds_between: float) -> Found:
    found = Found()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        apis, senders, killable_api = stack.enter_context(_house(folder, url))
        port, file = free_port(), folder / "received"
        hook = apis[0].post("/v1/webhooks", url=f"http://127.0.0.1:{port}/events", from_position=1)
        command = [sys.executable, "-m", "tests.benchmarks.receiver", str(port), str(file), hook["secret"]]
        receiver = Killable(command, {**os.environ, "PYTHONPATH": str(ROOT)}, folder)
        receiver.start()
        stack.callback(receiver.stop)
        follower = Follower([api.port for api in reversed(apis)])
        follower.start()
        over, statuses = threading.Event(), Counter[str]()
        tricklers = [threading.Thread(target=_trickle, args=(apis, over, number, statuses)) for number in range(SOURCES)]
        began = time.monotonic()
        for each in tricklers:
            each.start()
        try:
            for number in range(kills):
                time.sleep(seconds_between)  # others are at work
                victim = receiver if number % 2 else senders[number // 2 % 2]
                victim.kill()
                if number % 10 == 4:
                    killable_api.kill()
                    killable_api.start()
                victim.start()
        finally:
            over.set()
            for each in tricklers:
                each.join()
        stopped = time.monotonic()
        eventually(lambda: _behind(apis[0], hook["id"]) == 0)
        found.catching_up, found.seconds = time.monotonic() - stopped, time.monotonic() - began
        events = _all_events(apis[0])
        eventually(lambda: len(follower.seen) >= len(_all_events(apis[0])) or len(set(follower.seen)) < len(follower.seen))
        follower.over = True
        found.kills = receiver.kills + sum(sender.kills for sender in senders)
        found.reconnections = follower.connections - 1
        _judge(found, events, [json.loads(line) for line in file.read_text().splitlines()], follower.seen)
    return found


def _behind(api: Api, hook: str) -> int:
    behind: int = api.get(f"/v1/webhooks/{hook}")["behind"]
    return behind


def _all_events(api: Api) -> list[Any]:
    events: list[Any] = []
    while page := api.get(f"/v1/events?limit=500&after={int(events[-1]['sequence']) if events else 0}")["items"]:
        events += page
    return events


def _judge(found: Found, events: list[Any], arrived: list[Any], seen: list[int]) -> None:
    by_id = {event["id"]: event for event in events}
    found.events, found.arrivals = len(events), len(arrived)
    latest: dict[str, int] = {}
    known: set[str] = set()
    for webhook_id, id, sequence, stream, version in arrived:
        if webhook_id != id or id not in by_id or int(by_id[id]["sequence"]) != int(sequence):
            found.strangers.append(id)
        if id not in known and version != latest.get(stream, 0) + 1:
            found.out_of_order.append(id)
        if id not in known:
            latest[stream] = version
        known.add(id)
    found.lost = [id for id in by_id if id not in known]
    positions = [int(event["sequence"]) for event in events]
    found.stream_gaps = [] if seen[: len(positions)] == positions else sorted(set(positions) ^ set(seen)) or [-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seconds-between", type=float, default=1.6)
    asked = parser.parse_args()
    server = PostgreSQLServer()
    with closing(server), server.fresh() as url:
        found = measure(url, asked.kills, asked.seconds_between)
    print(
        f"{found.kills} kills of sender and receiver in {found.seconds:.0f} s: {found.events:,} events in the log, {found.arrivals:,} arrivals "
        f"({found.arrivals - found.events:,} a second time, same id), {len(found.lost)} lost, {len(found.out_of_order)} out of order, "
        f"{len(found.strangers)} strangers; all there {found.catching_up:.1f} s after the last command; "
        f"stream: {found.reconnections} reconnections, {len(found.stream_gaps)} gaps or repetitions"
    )
    sys.exit(bool(found.lost or found.out_of_order or found.strangers or found.stream_gaps))


if __name__ == "__main__":
    main()
