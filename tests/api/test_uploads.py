"""A file is taken up to 32 MiB and kept on disk; any other body up to 1 MiB. Each has its digest."""

import asyncio
import gzip
import tracemalloc
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from api import problems
from api.app import Surroundings
from api.lists import count_rows, read_list
from api.spool import MAX_BODY, MAX_UPLOAD, takes_upload
from tests.api.running import Running, done, refused
from tests.keyring import derived

MEGABYTE = 1 << 20
LISTS = f"/v1/subscriptions/{UUID(int=7)}/user-imports"


class Small:
    """An application with a route for files and one for anything else, and what it saw."""

    def __init__(self) -> None:
        self.files: list[Any] = []
        self.observed: list[tuple[str, str, int]] = []
        self.app = FastAPI()
        self.app.add_api_route("/v1/subscriptions/{id}/user-imports", self.take, methods=["POST"])
        self.app.add_api_route("/echo", self.echo, methods=["POST"])
        problems.install(self.app)
        self.app.add_middleware(Surroundings, observe=lambda *seen: self.observed.append(seen[:3]), derived=derived)

    def take(self, id: UUID, request: Request) -> dict[str, Any]:
        file = request.state.upload
        self.files.append(file)
        media_type = request.headers.get("Content-Type", "")
        count = count_rows(file, media_type)
        last = list(read_list(file, media_type))[-1]
        return {"rows": count, "last": last.email, "digest": request.state.body_digest}

    async def echo(self, request: Request) -> dict[str, Any]:
        body = await request.body()
        return {
            "size": len(body),
            "same": sha256(body).hexdigest() == request.state.body_digest,
            "upload": hasattr(request.state, "upload"),
        }

    @property
    def client(self) -> TestClient:
        return TestClient(self.app, raise_server_exceptions=False)

    def tell(self, messages: Iterator[dict[str, Any]], **headers: str) -> tuple[list[dict[str, Any]], int]:
        """What is answered to a body that comes in these parts, and how many of them were asked for."""
        sent: list[dict[str, Any]] = []
        asked = 0

        async def receive() -> dict[str, Any]:
            nonlocal asked
            asked += 1
            return next(messages)

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": "POST", "path": LISTS, "raw_path": LISTS.encode(), "query_string": b"", "headers": named}
        asyncio.run(self.app(scope, receive, send))
        return sent, asked


@pytest.fixture
def small() -> Small:
    return Small()


def post(small: Small, content: Any, media_type: str = "text/csv", **headers: str) -> Any:
    return small.client.post(LISTS, content=content, headers={"Content-Type": media_type, **headers})


@pytest.mark.parametrize("rows", [1, 150_000])
def test_a_file_reaches_its_route_whole_and_is_closed_after_it(small: Small, rows):
    content = b"email\n" + b"".join(b"person-%06d@mit.edu\n" % number for number in range(rows))
    expected = {"rows": rows, "last": f"person-{rows - 1:06d}@mit.edu", "digest": sha256(content).hexdigest()}
    assert expected == done(post(small, content))
    in_parts = (content[at : at + 70_001] for at in range(0, len(content), 70_001))
    assert expected == done(post(small, in_parts))
    assert [True, True] == [file.closed for file in small.files]


def test_a_file_is_closed_though_its_route_fails(small: Small):
    refused(post(small, b"nonsense\n"), 422, "invalid-list")
    refused(post(small, b"email\n", media_type="application/pdf"), 415, "unsupported-media-type")
    assert [True, True] == [file.closed for file in small.files]


def test_a_large_file_is_not_kept_in_memory(small: Small):
    part = b"a@mit.edu," + b" " * 990 + b"\n"
    heading = {"type": "http.request", "body": b"email,name\n", "more_body": True}
    middle = 30 * [{"type": "http.request", "body": part * 1_000, "more_body": True}]
    # Too long a line comes last, so that the file is read to its end and no rows are kept.
    last = {"type": "http.request", "body": b"x" * 20_000, "more_body": False}
    tracemalloc.start()
    try:
        sent, _ = small.tell(iter([heading, *middle, last]), content_type="text/csv")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 422 == sent[0]["status"]
    assert b'"lines.30002"' in sent[1]["body"]
    assert peak < 8 * MEGABYTE


def test_the_largest_file(small: Small):
    content = b"email\na@mit.edu\n" + MAX_UPLOAD // 512 * (511 * b" " + b"\n")
    content = content[:MAX_UPLOAD]
    messages = [{"type": "http.request", "body": content, "more_body": False}]
    sent, _ = small.tell(iter(messages), content_type="text/csv", content_length=str(MAX_UPLOAD))
    assert 200 == sent[0]["status"]
    problem = refused(post(small, content + b"\n"), 413, "too-large")
    assert "a body has at most 33554432 bytes here" == problem["detail"]


def test_a_body_without_end_is_answered_as_soon_as_it_is_too_large(small: Small):
    def endless() -> Iterator[dict[str, Any]]:
        while True:
            yield {"type": "http.request", "body": b"x" * MEGABYTE, "more_body": True}

    sent, asked = small.tell(endless())
    assert (413, 33) == (sent[0]["status"], asked)
    assert [] == small.files


@pytest.mark.parametrize("length", [str(MAX_UPLOAD + 1), "9" * 5_000])
def test_a_body_that_says_it_is_too_large_is_not_waited_for(small: Small, length):
    sent, asked = small.tell(iter([]), content_length=length)
    assert (413, 0) == (sent[0]["status"], asked)


@pytest.mark.parametrize("length", ["", "-1", "x", "²", "7"])
def test_what_a_body_says_of_its_length_is_not_relied_on(small: Small, length):
    messages = [{"type": "http.request", "body": b"email\na@mit.edu\n", "more_body": False}]
    sent, _ = small.tell(iter(messages), content_type="text/csv", content_length=length)
    assert 200 == sent[0]["status"]


def test_half_a_list_is_not_a_list(small: Small):
    messages = [{"type": "http.request", "body": b"email\na@mit.edu\n", "more_body": True}, {"type": "http.disconnect"}]
    assert ([], 2) == small.tell(iter(messages), content_type="text/csv")
    assert [] == small.files
    assert [("POST", "unknown", 499)] == small.observed


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip", "x"])
def test_a_file_that_is_packed_is_refused_unopened(small: Small, encoding):
    problem = refused(post(small, gzip.compress(b"email\na@mit.edu\n"), **{"Content-Encoding": encoding}), 415, "unsupported-media-type")
    assert "Content-Encoding" == problem["field"]
    assert [] == small.files


def test_a_file_may_be_said_not_to_be_packed(small: Small):
    assert 1 == done(post(small, b"email\na@mit.edu\n", **{"Content-Encoding": "Identity"}))["rows"]


def test_any_other_body_is_read_as_before(small: Small):
    client = small.client
    assert {"size": MAX_BODY, "same": True, "upload": False} == done(client.post("/echo", content=b"x" * MAX_BODY))
    assert {"size": 0, "same": True, "upload": False} == done(client.post("/echo"))
    in_parts = client.post("/echo", content=iter([b"x" * 600_000, b"y" * 400_000]), headers={"Content-Encoding": "x"})
    assert {"size": MEGABYTE - 48_576, "same": True, "upload": False} == done(in_parts)
    problem = refused(client.post("/echo", content=b"x" * (MAX_BODY + 1)), 413, "too-large")
    assert "1048576" in problem["detail"]
    refused(client.post("/echo", content=iter([b"x" * 600_000] * 2)), 413, "too-large")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", LISTS),
        ("PUT", LISTS),
        ("POST", f"{LISTS}/"),
        ("POST", f"{LISTS}/x"),
        ("POST", f"/x{LISTS}"),
        ("POST", "/v1/subscriptions/a/b/user-imports"),
        ("POST", "/v1/subscriptions//user-imports"),
        ("POST", "/v1/subscriptions"),
        ("POST", f"{LISTS}\n"),
    ],
)
def test_nothing_else_takes_a_file(method, path):
    assert takes_upload("POST", LISTS)
    assert not takes_upload(method, path)


def test_a_key_of_before_still_meets_the_same_request(on_sqlite: Running):
    """What is stored of a request is what was stored of it when bodies were hashed whole."""
    body = b'{"email": "library@mit.edu"}'
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    done(on_sqlite.support.post("/v1/accounts", content=body, headers=headers), 201)
    expected = on_sqlite.app.state.service.secrets.derived("fingerprint", f"POST /v1/accounts? {sha256(body).hexdigest()}")
    with on_sqlite.assembly.database.reading() as connection:
        stored = connection.exec_driver_sql("SELECT fingerprint FROM commands").scalars().all()
    assert expected in stored
