"""A large file over a bad line: fetched by wget and curl from the real service, through three cuts. TENURE_BIG=1 makes it 200 MB."""

import hashlib
import os
import random
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.processes import Api, free_port, running

SIZE = 200_000_000 if os.environ.get("TENURE_BIG") else 20_000_000
CUTS = (SIZE // 5, SIZE // 3, SIZE // 10)
KEY = "a-key-for-the-first-admin"
NAME = "scholarly-202704.jsonl.gz"

pytestmark = pytest.mark.xdist_group("downloads")  # they share one service
wget = pytest.mark.skipif(shutil.which("wget") is None, reason="wget is not installed")
curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


class BadLine:
    """Passes bytes on to a server, and cuts each of the first connections after so many bytes of its answer."""

    def __init__(self, to: int, cuts: tuple[int, ...]) -> None:
        self._to = to
        self._cuts = list(cuts)
        self.requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return  # closed
            with near, socket.create_connection(("127.0.0.1", self._to)) as far:
                self._pass_on(near, far)

    def _pass_on(self, near: socket.socket, far: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            if not (part := near.recv(1 << 16)):
                return
            request += part
        self.requests.append(request)
        far.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        left = self._cuts.pop(0) if self._cuts else None
        while part := far.recv(1 << 16):
            try:
                near.sendall(part if left is None else part[:left])
            except OSError:
                return  # whoever asked has gone
            if left is not None:
                left -= len(part)
                if left <= 0:
                    near.shutdown(socket.SHUT_RDWR)
                    return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(30)


class Service:
    """A running service with an institution that has bulk data, and one release of it."""

    def __init__(self, api: Api, folder: Path) -> None:
        self.api, self.folder = api, folder
        content = random.Random(4).randbytes(SIZE)
        self.md5 = hashlib.md5(content).hexdigest()
        (folder / "bulk" / NAME).write_bytes(content)
        self.account = api.post(
            "/v1/accounts",
            email="library@northfield.example",
            registered_account_id="R-1",
            institution="Northfield University",
            time_zone="Europe/London",
        )
        api.post(f"/v1/accounts/{self.account['id']}/convert")
        opened = api.post("/v1/subscriptions", account_id=self.account["id"], starts_on="2027-01-31", bulk_data=["scholarly"])
        self.path = f"/v1/subscriptions/{opened['id']}"
        api.post(f"{self.path}/activate")
        api.post(
            "/v1/bulk-data/releases",
            product="scholarly",
            version="202704",
            records=1_000,
            md5=self.md5,
            bytes=SIZE,
            file_name=NAME,
            location=NAME,
        )

    @contextmanager
    def through(self, *cuts: int) -> Iterator[tuple[BadLine, str]]:
        """A bad line, and the address of the file of a new link through it."""
        link = self.api.post(f"{self.path}/bulk-data-links", product="scholarly", release="202704")
        line = BadLine(self.api.port, cuts)
        yield line, f"http://127.0.0.1:{line.port}{urlsplit(link['url']).path}/{NAME}"
        line.close()

    def answers(self) -> list[tuple[int, int | None, int | None]]:
        """Of each request by the last link: status, first byte, bytes asked for."""
        link = self.api.get(f"{self.path}/bulk-data-links")["items"][-1]
        return [(each["status"], each["first_byte"], each["bytes"]) for each in link["downloads"]]


@pytest.fixture(scope="module")
def service(sqlite_files, tmp_path_factory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("downloads")
    (folder / "bulk").mkdir()
    with sqlite_files.fresh(folder) as url:
        settings = {
            "TENURE_ENVIRONMENT": "development",
            "TENURE_CLOCK": "virtual:2027-01-31T10:00:00Z",
            "TENURE_ADMIN_KEY": KEY,
            "TENURE_DATABASE_URL": url,
            "TENURE_SMTP_URL": "smtp://127.0.0.1:9",
            "TENURE_KEYS_DIRECTORY": str(folder / "keys"),
            "TENURE_BULK_DATA_DIRECTORY": str(folder / "bulk"),
            "TENURE_LOG_LEVEL": "info",
        }
        api = Api(free_port(), KEY)
        with running("serve", "--port", str(api.port), settings=settings, folder=folder):
            api.wait()
            yield Service(api, folder)
        (said,) = folder.glob("*.out")
        told = said.read_text()
        assert '"/downloads/{token}/{file_name}"' in told
        assert "unexpected" not in told  # a line that breaks is nothing that needs looking at
        assert "/downloads/" not in told.replace("/downloads/{token}", "")


def fetched(*command: str, into: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=into, capture_output=True, text=True, timeout=300, check=False)


def md5_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


@wget
def test_wget_goes_on_after_three_cuts(service: Service, tmp_path: Path):
    with service.through(*CUTS) as (line, address):
        done = fetched("wget", "-c", "--waitretry=1", "--no-proxy", address, into=tmp_path)
    assert done.returncode == 0, done.stderr
    assert service.md5 == md5_of(tmp_path / NAME)
    _check_requests(service, line)


@curl
def test_curl_goes_on_after_three_cuts(service: Service, tmp_path: Path):
    codes = []
    with service.through(*CUTS) as (line, address):
        while not codes or (codes[-1] == 18 and len(codes) < 10):  # 18: the file came only in part
            codes.append(fetched("curl", "-sS", "--noproxy", "*", "-f", "-L", "-C", "-", "-O", address, into=tmp_path).returncode)
    assert codes == [18, 18, 18, 0]
    assert service.md5 == md5_of(tmp_path / NAME)
    _check_requests(service, line)


def _check_requests(service: Service, line: BadLine) -> None:
    """Four requests, each from where the one before broke off: nothing was sent again."""
    answers = service.answers()
    assert [200, 206, 206, 206] == [status for status, _, _ in answers]
    firsts = [first for _, first, _ in answers]
    assert firsts == sorted(set(firsts))
    assert [asked for _, _, asked in answers] == [SIZE - first for first in firsts]
    assert len(line.requests) == 4


@wget
def test_wget_has_it_already(service: Service, tmp_path: Path):
    with service.through() as (_, address):
        assert fetched("wget", "-c", "--no-proxy", address, into=tmp_path).returncode == 0
        again = fetched("wget", "-c", "--no-proxy", address, into=tmp_path)
    assert "already fully retrieved" in again.stderr
    assert [200, 416] == [status for status, _, _ in service.answers()]
    assert service.md5 == md5_of(tmp_path / NAME)


@wget
def test_a_suspension_in_the_middle_stops_it_and_the_same_link_goes_on(service: Service, tmp_path: Path):
    with service.through(SIZE // 4, SIZE // 4) as (_, address):
        once = ("wget", "-c", "--tries=1", "--no-proxy", address)
        assert fetched(*once, into=tmp_path).returncode != 0
        service.api.post(f"{service.path}/suspend")
        stopped = fetched(*once, into=tmp_path)
        assert "403" in stopped.stderr
        part = (tmp_path / NAME).stat().st_size
        assert 0 < part <= SIZE // 4
        service.api.post(f"{service.path}/resume")
        assert fetched(*once, into=tmp_path).returncode == 0
    assert service.md5 == md5_of(tmp_path / NAME)
    assert [(200, 0, SIZE), (403, None, None), (206, part, SIZE - part)] == service.answers()


@curl
@wget
def test_the_commands_of_the_page_are_those_that_work(service: Service, tmp_path: Path):
    with service.through() as (_, address):
        page = fetched("curl", "-sS", "--noproxy", "*", address.removesuffix(f"/{NAME}"), into=tmp_path).stdout
    assert "wget -c '" in page
    assert "curl -L -C - -O '" in page
    assert f"{service.md5}  {NAME}" in page
