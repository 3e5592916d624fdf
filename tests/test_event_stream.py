"""The stream of events of real processes: it goes on without a gap over restarts and at another process, and ends when it is told to."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

from ops.catcher import Catcher
from tests.processes import PROGRAM, Api, free_port

KEY = "a-key-for-the-first-admin"


def settings(url: str, folder: Path) -> dict[str, str]:
    return {
        "TENURE_ADMIN_KEY": KEY,
        "TENURE_DATABASE_URL": url,
        "TENURE_SMTP_URL": "smtp+plain://127.0.0.1:9",
        "TENURE_KEYS_DIRECTORY": str(folder / "keys"),
        "TENURE_LOG_LEVEL": "error",
    }


@contextmanager
def running(*arguments: str, settings: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the program that a test may end in any way."""
    process = subprocess.Popen([str(PROGRAM), *arguments], env={**os.environ, **settings}, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def following(port: int, last: int = 0, key: str = KEY) -> Iterator[HTTPResponse]:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/v1/events/stream", headers={"Authorization": f"Bearer {key}", "Last-Event-ID": str(last)})
    response = connection.getresponse()
    assert response.status == 200
    yield response
    connection.close()


def read(response: HTTPResponse, count: int) -> list[int]:
    """The positions of the next events; fewer where the stream ends."""
    found: list[int] = []
    while len(found) < count and (line := response.readline()):
        if line.startswith(b"id: "):
            found.append(int(line[4:]))
    return found


def nominate(api: Api, number: int) -> str:
    id: str = api.post("/v1/accounts", email=f"library@university{number}.example", institution=f"University {number}")["id"]
    return id


def head(api: Api) -> int:
    return int(api.get("/v1/events?limit=500")["items"][-1]["sequence"])


def test_it_resumes_over_a_restart_and_at_another_process(postgresql_url, tmp_path):
    given = settings(postgresql_url, tmp_path)
    ports = free_port(), free_port()
    apis = [Api(port, KEY) for port in ports]
    with running("serve", "--only", "api", "--port", str(ports[0]), settings=given, folder=tmp_path) as first:
        apis[0].wait()
        with following(ports[0]) as stream:
            nominate(apis[0], 1)
            seen = read(stream, 1)
            first.send_signal(signal.SIGKILL)
    with running("serve", "--only", "api", "--port", str(ports[1]), settings=given, folder=tmp_path):
        apis[1].wait()
        nominate(apis[1], 2)
        with running("serve", "--only", "api", "--port", str(ports[0]), settings=given, folder=tmp_path):
            apis[0].wait()
            with following(ports[0], last=seen[-1]) as stream:
                seen += read(stream, 1)
                nominate(apis[1], 3)  # written by one process, told by the other
                seen += read(stream, 1)
    assert seen == [1, 2, 3]


def test_it_ends_cleanly_with_the_process_and_with_the_key(sqlite_url, tmp_path):
    given = settings(sqlite_url, tmp_path)
    port = free_port()
    catcher = Catcher()
    catcher.start()
    with running("serve", "--port", str(port), settings=given | {"TENURE_SMTP_URL": catcher.url}, folder=tmp_path) as process:
        api = Api(port, KEY)
        api.wait()
        nominate(api, 1)
        crm = staff("add", "crm", "--role", "integration", given=given, folder=tmp_path)
        with following(port, key=crm) as revoked, following(port) as ended:
            assert read(revoked, 1) == read(ended, 1) == [1]
            staff("revoke", "crm", given=given, folder=tmp_path)
            known = head(api)
            nominate(api, 2)
            assert all(position <= known for position in read(revoked, 100))
            read(ended, head(api) - 1)
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            read(ended, 1_000)
            assert process.wait(15) in {0, -15}
            assert time.monotonic() - began < 15
    catcher.stop()


def staff(*arguments: str, given: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        [str(PROGRAM), "staff", *arguments], env={**os.environ, **given}, cwd=folder, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()
