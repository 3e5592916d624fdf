"""One message to one receiver: which address it goes to, with which certificate, and how long it may take."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from scheduler.receivers import Answer, Receivers
from tests.receivers import Receiver, Reply, listening

HERE = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
NOW = datetime.now(UTC)
BODY = b'{"id": "x"}'


def send(url: str, *, ours=HERE, seconds: float = 2.0, tls: ssl.SSLContext | None = None) -> Answer:
    async def once() -> Answer:
        receivers = Receivers(ours, seconds, tls)
        async with receivers.client() as client:
            return await receivers.send(client, url, {"webhook-id": "x"}, BODY, NOW)

    return asyncio.run(once())


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as receiver:
        yield receiver


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
def test_whatever_a_name_leads_to_is_looked_at_when_it_is_used(receiver: Receiver, host: str):
    url = receiver.url.replace("127.0.0.1", host)
    answer = send(url, ours=())
    assert answer.status is None
    assert answer.said.startswith("nothing is sent there: ")
    assert receiver.arrived == []


def test_without_tls_nothing_leaves_this_machine():
    answer = send("http://18.7.7.7/")
    assert (answer.status, answer.said) == (None, "nothing is sent there without TLS")


def test_where_an_operator_named_the_network(receiver: Receiver):
    assert send(receiver.url).status == 204
    assert send(receiver.url.replace("127.0.0.1", "localhost")).status == 204
    assert len(receiver.taken) == 2


def test_a_redirect_is_not_followed(receiver: Receiver):
    receiver.reply = lambda _: Reply(307, headers={"Location": receiver.url})
    assert send(receiver.url).status == 307
    assert len(receiver.arrived) == 1


def test_what_is_said_is_one_short_line(receiver: Receiver):
    receiver.reply = lambda _: Reply(500, body=b"one\r\ntwo\x00\x1b[31m" + b"x" * 10_000)
    said = send(receiver.url).said
    assert said.startswith("500 one  two  [31mxxx")
    assert len(said) < 210


def test_nobody_listens():
    answer = send("http://127.0.0.1:9/")
    assert answer.status is None
    assert "ConnectError" in answer.said


@pytest.mark.parametrize("url", ["https://no-such-name.invalid/", "https://" + "x" * 70 + ".example/", "https://exa_mple..edu/"])
def test_names_that_lead_nowhere(url: str):
    assert send(url).status is None


@contextmanager
def pouring(part: bytes, pause: float) -> Iterator[str]:
    """The address of somebody whose answer never ends."""
    stop = threading.Event()

    class Pouring(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                while not stop.wait(pause):
                    self.wfile.write(part)
            except OSError:
                stop.set()

        def log_message(self, *_) -> None:
            """Nobody reads it."""

    server = HTTPServer(("127.0.0.1", 0), Pouring)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        stop.set()
        server.shutdown()
        server.server_close()
        thread.join()


def test_who_answers_byte_by_byte_does_not_get_more_time():
    with pouring(b"x", 0.05) as url:
        assert send(url, seconds=0.5) == Answer(None, "no whole answer within 0.5 seconds")


def test_of_an_answer_without_end_only_the_beginning_is_read():
    with pouring(b"x" * 65_536, 0) as url:
        answer = send(url, seconds=5)
    assert (answer.status, answer.is_taken) == (200, True)


def test_how_long_a_receiver_asks_to_wait(receiver: Receiver):
    for given, wait in (
        ("7", timedelta(seconds=7)),
        ("-7", timedelta(0)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", timedelta(0)),
        ("x", timedelta(0)),
    ):
        receiver.reply = lambda _, given=given: Reply(503, headers={"Retry-After": given})
        assert send(receiver.url).wait == wait


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For the name localhost alone, signed by itself; key and certificate in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_the_certificate_is_for_the_name_though_the_connection_goes_to_an_address(certificate: Path):
    class Quiet(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_) -> None:
            """Nobody reads it."""

    server = HTTPServer(("127.0.0.1", 0), Quiet)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate)
    server.socket = theirs.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    ours = ssl.create_default_context(cafile=str(certificate))
    try:
        assert send(f"https://localhost:{server.server_port}/", tls=ours).status == 204
        assert "CERTIFICATE_VERIFY_FAILED" in send(f"https://127.0.0.1:{server.server_port}/", tls=ours).said
        assert "CERTIFICATE_VERIFY_FAILED" in send(f"https://localhost:{server.server_port}/").said
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
