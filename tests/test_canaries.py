"""Canary secrets: issued, used, mistyped, rotated, leaked; and then looked for wherever anything may have been kept, or been told to anybody.

TENURE_EXAMPLES sets how many there are; 1,000 take some minutes.
"""

import json
import os
import re
import subprocess
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import Engine, inspect

from ops.catcher import Catcher
from ops.eventstore.engine import connect
from tests.api.test_leaks import KEY_ID, keys_file, public_half
from tests.processes import PROGRAM, Api, eventually, free_port, running

CANARIES = int(os.environ.get("TENURE_EXAMPLES", "20"))
START = "2027-01-31T10:00:00Z"
KEY = "a-key-for-the-first-admin"
RANDOM = slice(17, -6)
"""Where in a secret its 32 random bytes are: behind the public id, before the checksum."""
GRAM = 16
_RUN = re.compile(rb"[0-9A-Za-z]{%d,}" % GRAM)


class Aviary:
    """All canaries, and what is known of them in public."""

    def __init__(self) -> None:
        self.secrets: list[str] = []
        self._grams: set[bytes] = set()

    def add(self, secret: str) -> str:
        assert len(secret) == 17 + 43 + 6
        self.secrets.append(secret)
        random = secret[RANDOM].encode()
        self._grams |= {random[place : place + GRAM] for place in range(len(random) - GRAM + 1)}
        return secret

    def escaped(self, content: bytes) -> set[str]:
        """What of the random part of any canary is in there; as it is, or in hex or base64."""
        found = set()
        for run in _RUN.finditer(content):
            text = run[0]
            found |= {text[place : place + GRAM] for place in range(len(text) - GRAM + 1)} & self._grams
        if len(self.secrets) <= 20:  # of a thousand each form would be looked for by itself
            for secret in self.secrets:
                random = secret[RANDOM].encode()
                found |= {form for form in (random.hex().encode(), *_base64(random)) if form in content}
        return {each.decode() for each in found}


def _base64(text: bytes) -> Iterator[bytes]:
    """As it would be amid other text, whatever stands before it."""
    for before in range(3):
        whole = b64encode(b"\0" * before + text)
        yield whole[4 if before else 0 : -4]


@dataclass
class Caller:
    """Keeps every answer, headers too, except the one that shows a secret."""

    port: int
    answers: list[bytes] = field(default_factory=list)
    patience: float = 60.0
    """Seconds."""

    def ask(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, shows: bool = False, **headers: str
    ) -> tuple[int, Any]:
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        connection = HTTPConnection("127.0.0.1", self.port, timeout=self.patience)
        with closing(connection):
            connection.request(method, path, content, given | {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            read = answer.read()
        if not shows:
            self.answers.append(str(answer.getheaders()).encode() + read)
        is_json = "json" in (answer.headers.get_content_type() or "")
        return answer.status, json.loads(read) if is_json else None

    def done(self, method: str, path: str, body: Any = None, **given: Any) -> Any:
        status, told = self.ask(method, path, body, **given)
        assert status < 300, told
        return told


class Life:
    """What a canary goes through."""

    def __init__(self, caller: Caller, aviary: Aviary, scanner: ec.EllipticCurvePrivateKey) -> None:
        self.caller, self.aviary, self.scanner = caller, aviary, scanner
        self.numbers = count(1)
        self.gateway = ""
        self.subscription: Any = None

    def begin(self) -> None:
        do = self.caller.done
        account = do(
            "POST",
            "/v1/accounts",
            {
                "email": "library@northfield.example",
                "registered_account_id": "R-1",
                "institution": "Northfield University",
                "time_zone": "Europe/London",
                "domains": ["northfield.example"],
                "contacts": [{"email": "security@northfield.example", "roles": ["security"]}],
            },
            key=KEY,
        )
        do("POST", f"/v1/accounts/{account['id']}/convert", {}, key=KEY)
        self.subscription = do("POST", "/v1/subscriptions", {"account_id": account["id"], "starts_on": "2027-01-31"}, key=KEY)
        do("POST", f"/v1/subscriptions/{self.subscription['id']}/activate", {}, key=KEY)

    def live(self, place: int) -> None:
        """Twice two secrets: one that is rotated, and the one in its place, which leaks in one of two ways."""
        do = self.caller.done
        plan = do(
            "POST",
            "/v1/user-plans",
            {
                "subscription_id": self.subscription["id"],
                "registered_account_id": f"R-person-{place}",
                "email": f"person-{place}@northfield.example",
            },
            key=KEY,
        )
        token = self.made("/v1/tokens", {"owner_id": plan["id"], "label": "canary"})
        assert self.used(token)["allowed"]
        successor = self.made(f"/v1/tokens/{token['id']}/rotate", {"overlap_days": 2})
        assert self.used(successor)["allowed"]
        if place % 2:
            where = {"where": "a public repository"}
            do("POST", f"/v1/tokens/{successor['id']}/report-leak", where, key=KEY)
        else:
            finds = [{"token": successor["secret"], "type": "tenure_api_token", "url": f"https://x.example/?key={successor['secret']}"}]
            assert ["true_positive"] == [each["label"] for each in self.reported(finds)]
        assert "token_revoked" == self.used(successor)["reasons"][0]["code"]
        for each in (token, successor):
            self.misused(each["secret"])
            do("GET", f"/v1/tokens/{each['id']}", key=KEY)
            do("GET", f"/v1/history?stream={each['id']}", key=KEY)

    def made(self, path: str, body: Any) -> Any:
        """A token; asked for twice under one key, of which only the first shows the secret."""
        once = {"Idempotency_Key": f"make-{next(self.numbers)}"}
        token = self.caller.done("POST", path, body, key=KEY, shows=True, **once)
        self.aviary.add(token["secret"])
        assert self.caller.done("POST", path, body, key=KEY, **once)["secret"] is None
        return token

    def used(self, token: Any) -> Any:
        """As it is meant to be."""
        secret, do = token["secret"], self.caller.done
        told = do("POST", "/v1/access/check", {"token": secret, "product": "scholarly", "records": 1}, key=self.gateway)
        lens = {"token": secret, "product": "patent", "records": 10_000}
        assert self.caller.ask("POST", "/v1/access/check?style=lens", lens, key=self.gateway)[0] in {401, 429}
        for path in (
            "/subscriptions/scholarly_api/usage",
            "/subscriptions/patent_aggregation_api/usage",
            "/schema/scholarly",
            "/bulk-data/scholarly",
        ):
            assert self.caller.ask("GET", f"{path}?token={secret}")[0] in {200, 401, 403}
        batch = {
            "batch_id": f"batch-{next(self.numbers)}",
            "entries": [{"token": secret, "product": "patent", "at": START, "requests": 2, "records": 3}],
        }
        do("POST", "/v1/usage", batch, key=self.gateway)
        if told["reference"]:
            do("GET", f"/v1/access/refusals/{told['reference']}", key=KEY)
        return told

    def misused(self, secret: str) -> None:
        """In every place where somebody might put it by mistake."""
        wrong = secret[:-1] + ("0" if secret[-1] != "0" else "1")  # all but one character of it
        for method, path, body, headers in (
            ("POST", "/v1/access/check", {"token": wrong, "product": "scholarly"}, {}),
            ("POST", "/v1/access/check", {"token": secret, "product": secret}, {}),
            ("POST", "/v1/access/check", {"token": [secret], "product": "scholarly"}, {}),
            ("POST", "/v1/access/check", {"token": secret * 10, "product": "scholarly"}, {}),
            ("POST", "/v1/access/check", f'{{"token": "{secret}'.encode(), {}),
            ("POST", f"/v1/access/check?style={secret}", {"token": secret, "product": "scholarly"}, {}),
            ("POST", "/v1/usage", {"batch_id": f"b-{next(self.numbers)}", "entries": [{"token": wrong, "product": "patent"}]}, {}),
            ("POST", "/v1/usage", {"batch_id": 7, "entries": secret}, {}),
            ("GET", f"/v1/access/refusals/{secret}", None, {}),
            ("GET", "/v1/accounts", None, {"X_Request_ID": secret, "Referer": f"https://x.example/?token={secret}", "User_Agent": secret}),
        ):
            self.caller.ask(method, path, body, key=self.gateway, **headers)
        for path in (
            f"/subscriptions/scholarly_api/usage?token={wrong}",
            f"/subscriptions/scholarly_api/usage?token={secret * 10}",
            f"/subscriptions/{secret}/usage?token={secret}",
            f"/schema/{secret}?token={secret}",
            f"/bulk-data/{secret}?token={secret}",
            f"/confirm/{secret}",
            f"/invitations/{secret}",
            f"/downloads/{secret}",
            f"/{secret}",
            f"/?token={quote(secret)}",
        ):
            self.caller.ask("GET", path)
        for path in (f"/v1/tokens/{secret}", f"/v1/access/explain?token_id={secret}&product={secret}", f"/v1/history?stream={secret}"):
            self.caller.ask("GET", path, key=KEY)
        for name in ("Idempotency_Key", "If_Match"):
            self.caller.ask("POST", f"/v1/subscriptions/{self.subscription['id']}/activate", {}, key=KEY, **{name: secret})
        self.caller.ask("POST", "/v1/tokens", {"owner_id": secret, "label": "x"}, key=KEY)
        self.caller.ask("GET", "/v1/tokens", key=secret)
        self.caller.ask("POST", "/v1/access/check", {"token": secret, "product": "scholarly"}, key=secret)
        self.caller.ask("POST", "/v1/tokens/leaks", [{"token": secret}])  # not signed
        self.reported([{"token": wrong, "url": f"https://x.example/{secret}", "source": secret}])

    def reported(self, finds: list[Any]) -> Any:
        body = json.dumps(finds).encode()
        signature = b64encode(self.scanner.sign(body, ec.ECDSA(SHA256()))).decode()
        headers = {"Github_Public_Key_Identifier": KEY_ID, "Github_Public_Key_Signature": signature}
        return self.caller.done("POST", "/v1/tokens/leaks", body, **headers)

    def break_down(self, engine: Engine) -> None:
        """What was refused can be kept no more: who asks now is told that it fails, and the log is told why."""
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE access_refusals RENAME TO out_of_reach")
        for secret in self.aviary.secrets[:2]:
            body = {"token": secret, "product": "scholarly"}
            assert self.caller.ask("POST", "/v1/access/check", body, key=self.gateway)[0] == 503
            self.caller.ask("GET", f"/subscriptions/scholarly_api/usage?token={secret}")


# where to look


def dumped(engine: Engine) -> Iterator[tuple[str, bytes]]:
    """Every table in full, in a text of its own."""
    for table in inspect(engine).get_table_names():
        with closing(engine.raw_connection()) as connection:
            if engine.dialect.name == "postgresql":
                copy = BytesIO()
                connection.cursor().copy_expert(f'COPY "{table}" TO STDOUT', copy)
                # bytes come as hex here
                content = copy.getvalue() + b"".join(bytes.fromhex(each[1].decode()) for each in _HEX.finditer(copy.getvalue()))
            else:
                cells = (cell for row in connection.cursor().execute(f'SELECT * FROM "{table}"') for cell in row)
                content = b"\n".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells)
        yield table, content


_HEX = re.compile(rb"\\\\x((?:[0-9a-f]{2})+)")


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()


def written_ahead(engine: Engine) -> Iterator[tuple[str, bytes]]:
    """The write-ahead log of a server on this machine, and what it says of failed statements."""
    with engine.connect() as connection:
        folder = Path(connection.exec_driver_sql("SHOW data_directory").scalar_one())
    if os.access(folder / "pg_wal", os.R_OK):
        yield from files(folder / "pg_wal")
        yield from ((path.name, path.read_bytes()) for path in folder.glob("*log*") if path.is_file())


def letters(catcher: Catcher) -> Iterator[tuple[str, bytes]]:
    """As they were sent, and as they are read."""
    for caught in catcher.messages:
        parts = (part.get_content() for part in caught.message.walk() if part.get_content_maintype() == "text")
        yield caught.message["X-Tenure-Template"], caught.raw + "".join(parts).encode() + str(caught.message["Subject"]).encode()


def look(aviary: Aviary, places: Iterable[tuple[str, bytes]], *, expected: bytes | None = None) -> int:
    """Nothing is there. `expected` must be, or else this was no place to look in. Returns how many places there were."""
    number, seen = 0, expected is None
    for name, content in places:
        assert not aviary.escaped(content), name
        number, seen = number + 1, seen or (expected or b"") in content
    assert seen, f"{expected!r} is nowhere"
    return number


@pytest.fixture
def catcher() -> Iterator[Catcher]:
    catcher = Catcher()
    catcher.start()
    yield catcher
    catcher.stop()


def test_no_canary_gets_out(database_url: str, catcher: Catcher, tmp_path: Path):
    aviary, scanner, port = Aviary(), ec.generate_private_key(ec.SECP256R1()), free_port()
    settings = {
        "TENURE_ENVIRONMENT": "development",
        "TENURE_CLOCK": f"virtual:{START}",
        "TENURE_ADMIN_KEY": KEY,
        "TENURE_DATABASE_URL": database_url,
        "TENURE_SMTP_URL": catcher.url,
        "TENURE_KEYS_DIRECTORY": str(tmp_path / "keys"),
        "TENURE_LEAK_REPORT_KEYS_FILE": str(keys_file(tmp_path, (KEY_ID, public_half(scanner)))),
        "TENURE_LOG_LEVEL": "debug",
    }
    engine = connect(database_url)
    caller = Caller(port)
    with running("serve", "--port", str(port), settings=settings, folder=tmp_path):
        Api(port, KEY).wait()
        life = Life(caller, aviary, scanner)
        life.gateway = _gateway_key(settings, tmp_path)
        life.begin()
        for place in range(max(1, CANARIES // 2)):
            life.live(place)
        caller.done("POST", "/v1/clock/advance", {"to": "2027-02-03T00:00:00Z"}, key=KEY)
        eventually(lambda: any(caught.message["X-Tenure-Template"] == "token-expired" for caught in catcher.messages))
        life.break_down(engine)
        look(aviary, [("metrics", _metrics(caller))], expected=b"/v1/access/check")
        look(aviary, files(tmp_path))  # with the write-ahead log of SQLite, as it is while it is written
    public = aviary.secrets[0][:17].encode()
    assert len(aviary.secrets) >= CANARIES
    assert {"events", "commands", "usage_ledger", "usage_batches", "out_of_reach", "staff"} <= {name for name, _ in dumped(engine)}
    look(aviary, dumped(engine), expected=public)
    look(aviary, letters(catcher), expected=public)
    look(aviary, files(tmp_path), expected=b"meter_failed")
    look(aviary, [("answers", answer) for answer in caller.answers], expected=public)
    if engine.dialect.name == "postgresql" and (ahead := list(written_ahead(engine))):
        look(aviary, ahead, expected=public)
    engine.dispose()


def _metrics(caller: Caller) -> bytes:
    caller.ask("GET", "/metrics")
    return caller.answers[-1]


def _gateway_key(settings: dict[str, str], folder: Path) -> str:
    command = [str(PROGRAM), "staff", "add", "gateway", "--role", "gateway"]
    made = subprocess.run(command, env={**os.environ, **settings}, cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    return made.stdout.strip().splitlines()[-1]


def test_a_canary_that_got_out_is_seen():
    """The search itself: a part will do, and so will another form of it."""
    aviary = Aviary()
    secret = aviary.add("tnr_live_01234567" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eFhI2kL5nO8qR" + "000000")
    whole, part = secret.encode(), secret[30:46].encode()
    for content in (whole, part, b"x" + part + b"\0", whole.hex().encode(), *(b64encode(b"-" * before + whole) for before in range(3))):
        assert aviary.escaped(b"before " + content + b" after"), content
    for content in (whole[:32], whole[-21:], part[1:], whole[:17] + b"..." + whole[-4:]):
        assert not aviary.escaped(content), content
