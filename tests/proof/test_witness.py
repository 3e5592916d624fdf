"""A witness of the running service; and of servers that lie: each is caught, the evidence is kept, and a restart forgives nothing."""

import base64
import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ops import verify, witness
from projections.proof import merkle
from projections.proof.notes import Signer
from tests.api.running import done
from tests.proof.logs import OTHER, SIGNER
from tests.proof.test_vectors import node_of

ORIGIN = "tenure.example.edu/log"


class Server:
    """A log of made-up leaves, served as ours is; `lie` changes what is answered."""

    def __init__(self) -> None:
        self.leaves = [b"event %d" % number for number in range(20)]
        self.shown = len(self.leaves)
        self.signer: Signer = SIGNER
        self.lie = lambda path, status, body: (status, body)

    def root(self, size: int) -> bytes:
        return merkle.root(node_of(self.leaves), size)

    def answer(self, path: str) -> tuple[int, bytes]:
        if path == "/v1/checkpoints/latest":
            head = f"{ORIGIN}\n{self.shown}\n{base64.b64encode(self.root(self.shown)).decode()}\n"
            return self.lie(path, 200, self.signer.sign(head).encode())
        old, new = (int(part.partition("=")[2]) for part in path.partition("?")[2].split("&"))
        if new > len(self.leaves):
            return self.lie(path, 404, b"{}")
        proof = [base64.b64encode(each).decode() for each in merkle.consistency(node_of(self.leaves), old, new)]
        return self.lie(path, 200, json.dumps({"proof": proof}).encode())


@contextmanager
def serving(answer):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def log():
    return Server()


def look(url, folder, *more):
    return witness.main([url, "--vkey", str(SIGNER.verifier), "--state", str(folder), "--once", *more])


def grow(log, count=13):
    log.leaves += [b"later %d" % number for number in range(count)]
    log.shown = len(log.leaves)


def test_a_log_that_grows_is_accepted_also_after_a_restart(log, tmp_path, capsys):
    with serving(log.answer) as url:
        assert [0, 0] == [look(url, tmp_path), look(url, tmp_path)]
        grow(log)
        assert 0 == look(url, tmp_path)
        log.shown = 25  # an older checkpoint, of the same log
        assert 0 == look(url, tmp_path)
        assert 0 == look(url, tmp_path, "--status")
    said = capsys.readouterr().out
    assert "accepted the first checkpoint, of 20 events" in said
    assert "accepted 33 events, which begin with the 20 known before" in said
    assert "an older checkpoint, of 25 events; 33 are known" in said
    assert 3 == look(url, tmp_path), "nobody is there any more"


def rewritten(log):
    log.leaves[3] = b"never happened"


def rewritten_and_grown(log):
    rewritten(log)
    grow(log)


def cut(log):
    log.leaves = log.leaves[:12]
    log.shown = 12


def signed_by_another(log):
    grow(log)
    log.signer = OTHER


def unsigned(log):
    grow(log)
    log.lie = lambda path, status, body: (status, body.replace(b"\n33\n", b"\n34\n"))


def other_root(log):
    grow(log)
    log.signer = SIGNER
    root = base64.b64encode(bytes(32)).decode()
    log.lie = lambda path, status, body: (200, SIGNER.sign(f"{ORIGIN}\n33\n{root}\n").encode()) if "latest" in path else (status, body)


def other_size(log):
    grow(log)
    root = base64.b64encode(log.root(33)).decode()
    log.lie = lambda path, status, body: (200, SIGNER.sign(f"{ORIGIN}\n32\n{root}\n").encode()) if "latest" in path else (status, body)


def other_origin(log):
    grow(log)
    root = base64.b64encode(log.root(33)).decode()
    log.lie = lambda path, status, body: (200, SIGNER.sign(f"elsewhere\n33\n{root}\n").encode()) if "latest" in path else (status, body)


def altered_proof(log):
    grow(log)

    def lie(path, status, body):
        if "latest" in path:
            return status, body
        proof = json.loads(body)["proof"]
        return status, json.dumps({"proof": [base64.b64encode(bytes(32)).decode(), *proof[1:]]}).encode()

    log.lie = lie


def short_proof(log):
    grow(log)
    log.lie = lambda path, status, body: (
        (status, body) if "latest" in path else (status, json.dumps({"proof": json.loads(body)["proof"][:-1]}).encode())
    )


def no_proof(log):
    grow(log)
    log.lie = lambda path, status, body: (status, body) if "latest" in path else (200, b"trust me")


def nothing_any_more(log):
    log.lie = lambda path, status, body: (404, b"{}")


LIES = (
    rewritten,
    rewritten_and_grown,
    cut,
    signed_by_another,
    unsigned,
    other_root,
    other_size,
    other_origin,
    altered_proof,
    short_proof,
    no_proof,
    nothing_any_more,
)


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_server_that_lies_is_caught(log, tmp_path, capsys, lie):
    honest = log.leaves[:]
    with serving(log.answer) as url:
        assert 0 == look(url, tmp_path)
        lie(log)
        assert 1 == look(url, tmp_path)
        assert "REFUSED" in capsys.readouterr().err
        (evidence,) = tmp_path.glob("*/evidence-*.json")
        told = json.loads(evidence.read_text())
        assert verify.parse_checkpoint(verify.open_note(told["held"], str(SIGNER.verifier)))[1] == 20
        log.leaves, log.shown, log.signer, log.lie = honest, 20, SIGNER, lambda path, status, body: (status, body)
        assert 1 == look(url, tmp_path), "people settle it, not a restart"
        assert 1 == look(url, tmp_path, "--status")
        assert [evidence] == list(tmp_path.glob("*/evidence-*.json"))


def test_an_outage_is_no_lie(log, tmp_path):
    with serving(log.answer) as url:
        assert 0 == look(url, tmp_path)
        grow(log)
        log.lie = lambda path, status, body: (status, body) if "latest" in path else (503, b"")
        assert 3 == look(url, tmp_path)
        log.lie = lambda path, status, body: (status, body)
        assert 0 == look(url, tmp_path)


def test_it_countersigns_as_the_specification_says(log, tmp_path, capsys):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    seed = bytes(range(1, 33))
    (tmp_path / "key").write_text(seed.hex())
    with serving(log.answer) as url:
        assert 0 == look(url, tmp_path, "--name", "witness.example/w1", "--key", str(tmp_path / "key"))
    (cosigned,) = tmp_path.glob("*/cosigned")
    note = cosigned.read_text()
    text = verify.open_note(note, str(SIGNER.verifier))
    name, encoded = note.splitlines()[-1].removeprefix("\u2014 ").split(" ")
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    raw = base64.b64decode(encoded)
    assert ("witness.example/w1", 4 + 8 + 64) == (name, len(raw))
    assert hashlib.sha256(name.encode() + b"\n\x04" + public.public_bytes_raw()).digest()[:4] == raw[:4]
    public.verify(raw[12:], f"cosignature/v1\ntime {int.from_bytes(raw[4:12])}\n{text}".encode())


def test_it_witnesses_the_service(running, tmp_path):
    client = running.client(None)

    def answer(path):
        answered = client.get(path)
        return answered.status_code, answered.content

    running.nominate()
    running.settle()
    vkey = client.get("/v1/checkpoints/key").text.strip()
    with serving(answer) as url:
        asked = [url, "--vkey", vkey, "--state", str(tmp_path), "--once"]
        assert 0 == witness.main(asked)
        for _ in range(3):
            running.wait(hours=30)
            assert 0 == witness.main(asked)
        assert done(client.get("/v1/checkpoints"))["items"][-1]["note"] == next(tmp_path.glob("*/checkpoint")).read_text()
