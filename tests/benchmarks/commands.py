"""Commands per second through the API beside a bare FastAPI route, in turns; and how far the tables lag behind.

    python -m tests.benchmarks.commands [--clients 8] [--seconds 5] [--rounds 3]

SQLite and PostgreSQL, one process each, real time, the mail caught. Each client keeps its connection. Prints the median of the rounds.
"""

import argparse
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.service import serving
from tests.databases import PostgreSQLServer
from tests.processes import Api, free_port

numbers = count()


def nominations(port: int, key: str, clients: int, seconds: float) -> float:
    """Nominations of new institutions per second, by so many clients at once."""
    until = time.perf_counter() + seconds

    def client(_: int) -> int:
        connection = HTTPConnection("127.0.0.1", port)
        done = 0
        while time.perf_counter() < until:
            number = next(numbers)
            body = {
                "email": f"library@u{number}.example",
                "registered_account_id": f"R-{number}-{secrets.token_hex(4)}",
                "institution": f"University {number}",
                "time_zone": "Europe/London",
            }
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            connection.request("POST", "/v1/accounts", json.dumps(body), headers)
            response = connection.getresponse()
            answer = response.read()
            assert response.status == 201, answer
            done += 1
        return done

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        done = sum(pool.map(client, range(clients)))
    return done / (time.perf_counter() - began)


@contextmanager
def bare() -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "tests.benchmarks.bare:app", "--port", str(port), "--log-level", "error", "--no-access-log"]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    try:
        while True:
            try:
                HTTPConnection("127.0.0.1", port).connect()
                break
            except OSError:
                time.sleep(0.05)  # for the process to listen
        yield port
    finally:
        process.terminate()
        process.wait()


def lag(port: int, key: str) -> float:
    """Seconds until the tables have reached the head."""
    api = Api(port, key)
    began = time.perf_counter()
    while True:
        ready: Any = api.get("/readyz")
        if ready["position"] == ready["head"]:
            return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    server = PostgreSQLServer()
    try:
        with (
            TemporaryDirectory() as one,
            TemporaryDirectory() as two,
            server.fresh() as url,
            bare() as route,
            serving(Path(one), None, None) as sqlite,
            serving(Path(two), url, None) as postgresql,
        ):
            rates: dict[str, list[float]] = {"bare route": [], "SQLite": [], "PostgreSQL": []}
            lags: dict[str, list[float]] = {"SQLite": [], "PostgreSQL": []}
            for _ in range(asked.rounds):
                rates["bare route"].append(nominations(route, "", asked.clients, asked.seconds))
                for name, service in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
                    rates[name].append(nominations(service.port, service.key, asked.clients, asked.seconds))
                    lags[name].append(lag(service.port, service.key))
            reference = median(rates["bare route"])
            for name, measured in rates.items():
                tail = f"  tables caught up {median(lags[name]):.2f} s after the last" if name in lags else ""
                print(f"{name:<12} {median(measured):7.0f} commands/s  {median(measured) / reference:5.2f} of the bare route{tail}")
    finally:
        server.close()


if __name__ == "__main__":
    main()
