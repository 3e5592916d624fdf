"""Secrets that a scanner of code reports: ours are stopped, whoever should know is told, and nobody else is believed."""

import json
from base64 import b64encode
from hashlib import sha256
from itertools import islice
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from api.routes.leaks import MOST, Report, where
from ops.assembly import Assembly
from ops.config import ConfigurationError, Settings
from ops.leak_reports import verifier
from ops.secrets import is_secret, new_secret
from tests.api.running import ADA, LIBRARY, Running, Thing, done, refused
from tests.api.test_secrets import _rows

KEY_ID = "f9525bf080f75b3506ca1ead061add62b8633a346606dc5fe544e29231c6ee0d"
PLACE = "https://github.com/octocat/harvester/blob/12345600/settings.py"
SECURITY = "security@mit.edu"


def public_half(key) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def keys_file(folder: Path, *keys: tuple[str, str]) -> Path:
    """In the shape in which GitHub publishes its keys."""
    path = folder / "leak-report-keys.json"
    listed = [{"key_identifier": id, "key": key, "is_current": place == 0} for place, (id, key) in enumerate(keys)]
    path.write_text(json.dumps({"public_keys": listed}))
    return path


def find(secret: str, url: str | None = PLACE, **given) -> Thing:
    return {"token": secret, "type": "tenure_api_token", "url": url, "source": "content"} | given


class Scanner:
    """Who reports to a service that knows its public keys: the one in use, and the one before it."""

    def __init__(self, running: Running, folder: Path) -> None:
        self.running = running
        self.key, self.former = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        keys = keys_file(folder, (KEY_ID, public_half(self.key)), ("former", public_half(self.former)))
        settings = running.assembly.settings.model_dump() | {"leak_report_keys_file": keys}
        running.assembly = Assembly(Settings(**settings), smtp_url=running.catcher.url)
        running.assembly.prepare()
        running.app = running.assembly.api()

    def headers(self, body: bytes, key=None, key_id: str = KEY_ID, prefix: str = "") -> dict[str, str]:
        signature = b64encode((key or self.key).sign(body, ec.ECDSA(SHA256()))).decode()
        return {f"{prefix}Github-Public-Key-Identifier": key_id, f"{prefix}Github-Public-Key-Signature": signature}

    def send(self, body: bytes, headers: dict[str, str] | None = None):
        headers = {"Content-Type": "application/json"} | (self.headers(body) if headers is None else headers)
        return self.running.client(None).post("/v1/tokens/leaks", content=body, headers=headers)

    def report(self, *finds: Thing) -> list[str]:
        answers = done(self.send(json.dumps(finds).encode()))
        assert [b64encode(sha256(each["token"].encode()).digest()).decode() for each in finds] == [each["token_hash"] for each in answers]
        assert [each.get("type", "") for each in finds] == [each["token_type"] for each in answers]
        return [each["label"] for each in answers]

    def token(self, token: Thing) -> Thing:
        return done(self.running.support.get(f"/v1/tokens/{token['id']}"))

    def history(self, token: Thing) -> list[Thing]:
        return done(self.running.support.get(f"/v1/history?stream={token['id']}"))["items"]


@pytest.fixture
def scanner(running: Running, tmp_path: Path) -> Scanner:
    return Scanner(running, tmp_path)


# what a report does


def test_a_reported_token_is_stopped_and_whoever_looks_after_it_is_told(scanner: Scanner):
    running = scanner.running
    account, subscription = running.subscribed()
    contact = {"email": SECURITY, "roles": ["security"]}
    done(running.support.post(f"/v1/accounts/{account['id']}/contacts", json=contact))
    plan = running.request_plan(subscription)
    of_library, of_ada, other = running.issue(account), running.issue(plan), running.issue(account, "another")

    answer = scanner.report(find(of_library["secret"]), find(of_ada["secret"], f"{PLACE}?raw=1#L12"), find("tnr_live_something"))

    assert ["true_positive", "true_positive", "false_positive"] == answer
    assert ["revoked", "revoked", "active"] == [scanner.token(each)["status"] for each in (of_library, of_ada, other)]
    leaked = scanner.history(of_ada)[1]
    assert ("token.leaked", PLACE) == (leaked["topic"], leaked["data"]["where"])
    assert ("secret-scanning", "scanner") == (leaked["actor"], leaked["role"])
    running.settle()
    assert sorted(running.letters("token-leaked")) == sorted([LIBRARY, SECURITY] * 2 + ["ada@mit.edu"])
    assert [] == running.letters("token-revoked")
    assert ADA == plan["registered_account_id"]


def test_the_gateway_lets_nobody_in_with_it_from_that_moment(scanner: Scanner):
    running = scanner.running
    account, _ = running.subscribed()
    secret = running.issue(account)["secret"]
    gateway, asked = running.client("gateway"), {"token": secret, "product": "scholarly"}
    assert done(gateway.post("/v1/access/check", json=asked))["allowed"]
    scanner.report(find(secret))
    assert ["token_revoked"] == [each["code"] for each in done(gateway.post("/v1/access/check", json=asked))["reasons"]]


def test_a_report_that_comes_again_changes_nothing_and_is_answered_as_before(scanner: Scanner):
    running = scanner.running
    token = running.issue(running.subscribed()[0])
    body = json.dumps([find(token["secret"])]).encode()
    headers = scanner.headers(body)
    first = done(scanner.send(body, headers))
    running.settle()
    told, happened = running.letters("token-leaked"), scanner.history(token)
    running.wait(days=30)
    assert first == done(scanner.send(body, headers)) == done(scanner.send(body, headers | {"Idempotency-Key": "again"}))
    running.settle()
    assert (told, happened) == (running.letters("token-leaked"), scanner.history(token))


def test_that_the_secret_of_a_token_that_is_over_was_found_is_told_too(scanner: Scanner):
    running = scanner.running
    account, _ = running.subscribed()
    revoked, expired = running.issue(account), running.issue(account)
    done(running.support.post(f"/v1/tokens/{revoked['id']}/revoke"))
    running.advance("2028-02-01T00:00:00Z")
    assert ["true_positive"] * 2 == scanner.report(find(revoked["secret"]), find(expired["secret"]))
    assert ["revoked", "expired"] == [scanner.token(each)["status"] for each in (revoked, expired)]
    assert ["token.leaked"] * 2 == [scanner.history(each)[-1]["topic"] for each in (revoked, expired)]


def test_a_token_is_found_whatever_key_its_hash_was_made_with(scanner: Scanner):
    running = scanner.running
    token = running.issue(running.subscribed()[0])
    keys = running.assembly.keys
    settings = running.assembly.settings.model_dump()
    peppers = f"1:{keys.peppers[1].decode()},2:another-sixteen-characters"
    running.assembly = Assembly(Settings(**settings | {"token_peppers": peppers}), smtp_url=running.catcher.url)
    running.app = running.assembly.api()
    assert ["true_positive"] == scanner.report(find(token["secret"]))


def test_three_of_a_thousand_are_ours(scanner: Scanner):
    running = scanner.running
    account, _ = running.subscribed()
    ours = [running.issue(account, f"token {number}") for number in range(3)]
    others = iter(lambda: new_secret("tnr_live")[0], None)
    finds = [find(secret) for secret in islice(others, MOST)]
    for place, token in zip((0, 499, 999), ours, strict=True):
        finds[place] = find(token["secret"])
    labels = scanner.report(*finds)
    assert [0, 499, 999] == [place for place, label in enumerate(labels) if label == "true_positive"]
    assert ["revoked"] * 3 == [scanner.token(token)["status"] for token in ours]
    refused(scanner.send(json.dumps([*finds, find("one more")]).encode()), 422, "invalid-request")


def test_one_secret_in_several_places_is_one_leak(scanner: Scanner):
    token = scanner.running.issue(scanner.running.subscribed()[0])
    finds = (find(token["secret"], "", source=""), find(token["secret"]), find(token["secret"], "https://other.example/"))
    assert ["true_positive"] * 3 == scanner.report(*finds)
    assert [PLACE] == [each["data"]["where"] for each in scanner.history(token) if each["topic"] == "token.leaked"]


def test_what_a_sender_adds_to_its_reports_keeps_no_token_alive(scanner: Scanner):
    token = scanner.running.issue(scanner.running.subscribed()[0])
    assert ["true_positive"] == scanner.report(find(token["secret"], confidence="high", url=None, source=None))
    assert "not said" == scanner.history(token)[1]["data"]["where"]
    assert ["true_positive"] == scanner.report({"token": token["secret"]})
    assert [] == scanner.report()


def test_no_secret_is_kept_wherever_it_was_in_the_report(scanner: Scanner, logged):
    running = scanner.running
    account, _ = running.subscribed()
    secrets = [running.issue(account, f"token {number}")["secret"] for number in range(4)]
    encoded = secrets[3].replace("_", "%255F")
    finds = [
        find(secrets[0], f"https://x:{secrets[0]}@gist.example/a?key={secrets[0]}#{secrets[0]}"),
        find(secrets[1], f"https://gist.example/{secrets[1]}/raw"),
        find(secrets[2], secrets[2], source=secrets[2]),
        find(secrets[3], f"https://gist.example/{encoded}"),
        find("AKIA-somebody-elses-secret"),
    ]
    answer = scanner.send(json.dumps(finds).encode())
    refused(scanner.send(json.dumps(finds).encode(), {}), 403, "not-signed")
    broken = json.dumps(finds).encode()[:-1]
    wrong = refused(scanner.send(broken), 422, "invalid-request")
    running.settle()
    letters = "".join(
        part.get_content() for caught in running.catcher.messages for part in caught.message.walk() if part.get_content_maintype() == "text"
    )
    seen = answer.text + str(wrong) + str(logged) + letters + _rows(running)
    assert "https://gist.example/a" in seen
    for secret in (*secrets, encoded, "AKIA-somebody-elses-secret"):
        assert secret not in seen
    assert ["secret-scanning", None, "secret-scanning"] == [
        line["caller"] for line in logged if line["event"] == "request" and line["route"] == "/v1/tokens/leaks"
    ]


@pytest.mark.parametrize(
    ("url", "source", "expected"),
    [
        (PLACE, "content", PLACE),
        (f"{PLACE}?plain=1", "content", PLACE),
        (f"{PLACE}#L3", "content", PLACE),
        ("http://name:word@host.example:8080/a", "content", "http://host.example:8080/a"),
        ("https://[2001:db8::1]/a", "content", "https://[2001:db8::1]/a"),
        (f"https://host.example/{'a' * 600}", "content", "https://host.example"),
        ("https://host.example/a\u202eb", "content", "https://host.example"),
        ("javascript:alert(1)", "Npm", "Npm"),
        ("https://[half", "gist_content", "gist_content"),
        ("", "npm", "npm"),
        (None, "\x00", "not said"),
        (None, None, "not said"),
    ],
)
def test_a_place_is_an_address_without_what_may_be_secret_or_else_its_kind(url, source, expected):
    assert expected == where(Report(token="", url=url, source=source))


# who is believed


def test_the_newer_names_of_the_headers_are_read_too(scanner: Scanner):
    body = json.dumps([find("x")]).encode()
    assert "false_positive" == done(scanner.send(body, scanner.headers(body, prefix="X-")))[0]["label"]


def test_a_key_that_was_in_use_before_is_believed_as_long_as_it_is_listed(scanner: Scanner):
    assert [] == done(scanner.send(b"[]", scanner.headers(b"[]", scanner.former, "former")))


def test_whatever_is_wrong_with_a_signature_the_answer_is_the_same(scanner: Scanner):
    token = scanner.running.issue(scanner.running.subscribed()[0])
    body = json.dumps([find(token["secret"])]).encode()
    right = scanner.headers(body)
    name, signed = "Github-Public-Key-Identifier", "Github-Public-Key-Signature"
    bad: list[tuple[bytes, dict[str, str]]] = [
        (body + b" ", right),
        (body.replace(b"content", b"commit"), right),
        (b"", right),
        (b"not even JSON", right),
        (body, {}),
        (body, {name: KEY_ID}),
        (body, {signed: right[signed]}),
        (body, right | {name: "unknown"}),
        (body, right | {name: "former"}),
        (body, right | {signed: ""}),
        (body, right | {signed: "?" + right[signed]}),
        (body, right | {signed: b64encode(b"\x30\x06\x02\x01\x00\x02\x01\x00").decode()}),
        (body, right | {signed: "MEU\u00e9".encode("latin-1")}),
        (body, scanner.headers(body, ec.generate_private_key(ec.SECP256R1()))),
        (body, scanner.headers(body) | {"X-GitHub-Public-Key-Signature": scanner.headers(b"[]")[signed]}),
    ]
    answers = [refused(scanner.send(sent, headers), 403, "not-signed") for sent, headers in bad]
    assert 1 == len({tuple(sorted((key, str(value)) for key, value in each.items() if key != "instance")) for each in answers})
    assert "active" == scanner.token(token)["status"]
    assert ["true_positive"] == [each["label"] for each in done(scanner.send(body, right))]


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'[{"type": "x"}]', b'[{"token": 1}]', b'[{"token": "\\ud800"}]', b'["\xff"]'])
def test_what_is_signed_but_no_list_of_finds_is_refused(scanner: Scanner, body):
    refused(scanner.send(body), 422, "invalid-request")


def test_without_keys_there_is_no_such_operation(shared: Running):
    refused(shared.client(None).post("/v1/tokens/leaks", json=[]), 404, "not-found")


# the keys


def test_a_file_of_keys_that_cannot_be_right_stops_the_start(tmp_path: Path):
    good = public_half(ec.generate_private_key(ec.SECP256R1()))
    for keys in (
        (),
        ((KEY_ID, "no key"),),
        ((KEY_ID, good), ("other", public_half(ec.generate_private_key(ec.SECP384R1())))),
        ((KEY_ID, public_half(rsa.generate_private_key(65537, 2048))),),
    ):
        with pytest.raises(ConfigurationError, match="TENURE_LEAK_REPORT_KEYS_FILE"):
            verifier(keys_file(tmp_path, *keys))
    for text in ("", "[]", "{}", '{"public_keys": [{"key": "x"}]}'):
        (tmp_path / "leak-report-keys.json").write_text(text)
        with pytest.raises(ConfigurationError, match="TENURE_LEAK_REPORT_KEYS_FILE"):
            verifier(tmp_path / "leak-report-keys.json")
    with pytest.raises(ConfigurationError, match="TENURE_LEAK_REPORT_KEYS_FILE"):
        verifier(tmp_path / "missing")
    assert verifier(None) is None


# what a secret looks like


def test_only_what_has_the_length_and_the_checksum_can_be_a_secret():
    secret, _ = new_secret("tnr_live")
    assert is_secret("tnr_live", secret)
    turned = secret[:20] + ("a" if secret[20] != "a" else "b") + secret[21:]
    for wrong in ("", "tnr_live_", turned, secret[:-1], f"{secret}0", secret.swapcase(), f" {secret[1:]}", new_secret("tnk")[0], "é" * 66):
        assert not is_secret("tnr_live", wrong)
