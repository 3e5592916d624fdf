"""A request with an Idempotency-Key is carried out once, however often and however late it comes."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import NAMESPACE_DNS, NAMESPACE_OID, NAMESPACE_URL, UUID, uuid5

import pytest

from tests.api.running import Running, done, refused

KEY = {"Idempotency-Key": "once"}


def test_a_repetition_is_answered_as_at_first(running: Running):
    account = running.nominate()
    path = f"/v1/accounts/{account['id']}/convert"
    first = running.support.post(path, headers=KEY)
    running.client("support").post(f"/v1/accounts/{account['id']}/suspend")
    again = running.support.post(path, headers=KEY)
    assert (again.status_code, again.json()) == (200, first.json())
    assert again.json()["status"] == "active"
    for name in ("etag", "x-position"):
        assert again.headers[name] == first.headers[name]
    assert done(running.support.get(f"/v1/accounts/{account['id']}"))["status"] == "suspended"


def test_a_repetition_much_later_shows_what_was_then(running: Running):
    _, subscription = running.subscribed()
    path = f"/v1/subscriptions/{subscription['id']}/renew"
    first = running.support.post(path, headers=KEY)
    running.advance("2028-02-01T00:00:00Z")
    assert running.support.post(path, headers=KEY).json() == first.json()
    assert done(running.support.get(f"/v1/subscriptions/{subscription['id']}"))["term"]["number"] == 2


def test_the_same_key_with_another_request_is_refused(running: Running):
    body = {"email": "library@mit.edu"}
    done(running.support.post("/v1/accounts", json=body, headers=KEY), 201)
    other_body = running.support.post("/v1/accounts", json={"email": "office@mit.edu"}, headers=KEY)
    assert refused(other_body, 422, "idempotency-key-reused")["field"] == "Idempotency-Key"
    account = running.nominate(registered_account_id=None, domains=[], ip_ranges=[])
    other_path = running.support.post(f"/v1/accounts/{account['id']}/amend", json={}, headers=KEY)
    refused(other_path, 422, "idempotency-key-reused")


def test_keys_of_two_callers_have_nothing_to_do_with_each_other(running: Running):
    one = done(running.support.post("/v1/accounts", json={"email": "library@mit.edu"}, headers=KEY), 201)
    other = done(running.admin.post("/v1/accounts", json={"email": "library@mit.edu"}, headers=KEY), 201)
    assert one["id"] != other["id"]


def test_a_refusal_is_not_remembered(running: Running):
    account = running.nominate(institution=None)
    path = f"/v1/accounts/{account['id']}/convert"
    assert running.support.post(path, headers=KEY).status_code == 409
    done(running.support.post(f"/v1/accounts/{account['id']}/amend", json={"institution": "MIT"}))
    assert done(running.support.post(path, headers=KEY))["status"] == "active"


def test_a_command_that_does_nothing_is_remembered_too(running: Running):
    account = running.convert(running.nominate())
    path = f"/v1/accounts/{account['id']}/convert"
    first = running.support.post(path, headers=KEY)
    done(running.support.post(f"/v1/accounts/{account['id']}/suspend"))
    assert running.support.post(path, headers=KEY).json() == first.json()


def test_the_secret_of_a_token_is_shown_once(running: Running):
    account, _ = running.subscribed()
    body = {"owner_id": account["id"], "label": "repository"}
    first = done(running.admin.post("/v1/tokens", json=body, headers=KEY), 201)
    again = running.admin.post("/v1/tokens", json=body, headers=KEY)
    assert done(again, 201) == first | {"secret": None, "note": "the secret was shown once, in the first answer"}
    assert again.headers["location"] == f"/v1/tokens/{first['id']}"
    rotation = {"Idempotency-Key": "turn"}
    new = done(running.admin.post(f"/v1/tokens/{first['id']}/rotate", headers=rotation), 201)
    repeated = done(running.admin.post(f"/v1/tokens/{first['id']}/rotate", headers=rotation), 201)
    assert new["secret"] is not None
    assert repeated == new | {"secret": None, "note": repeated["note"]}
    assert len(done(running.support.get("/v1/history?topic=token.issued"))["items"]) == 2


def test_twins_at_the_same_time_both_get_the_first_answer(running: Running):
    account, _ = running.subscribed()
    body = {"owner_id": account["id"], "label": "repository"}
    twins = 6
    start = Barrier(twins)
    clients = [running.client("admin") for _ in range(twins)]

    def issue(client):
        start.wait()
        return client.post("/v1/tokens", json=body, headers=KEY)

    with ThreadPoolExecutor(twins) as threads:
        answers = list(threads.map(issue, clients))
    assert [answer.status_code for answer in answers] == [201] * twins
    shown = [answer.json() for answer in answers]
    assert len({token["id"] for token in shown}) == 1
    assert [token["secret"] is None for token in sorted(shown, key=lambda token: token["secret"] is None)] == [False] + [True] * (twins - 1)
    assert len(done(running.support.get("/v1/history?topic=token.issued"))["items"]) == 1


def test_twins_that_make_a_thing_that_can_be_only_once(running: Running):
    """The loser of the race would be told that the registered account is taken, by itself."""
    twins = 4
    start = Barrier(twins)
    body = {"email": "library@mit.edu", "registered_account_id": "r-1", "domains": ["mit.edu"]}
    clients = [running.client("support") for _ in range(twins)]

    def nominate(client):
        start.wait()
        return client.post("/v1/accounts", json=body, headers=KEY)

    with ThreadPoolExecutor(twins) as threads:
        answers = list(threads.map(nominate, clients))
    assert [answer.status_code for answer in answers] == [201] * twins
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "schlüssel".encode(), b"\x00"])
def test_a_key_is_printable_ascii(on_sqlite: Running, key):
    answer = on_sqlite.support.post("/v1/accounts", json={"email": "library@mit.edu"}, headers={b"Idempotency-Key": key})
    assert refused(answer, 422, "invalid-idempotency-key")["field"] == "Idempotency-Key"


def test_what_callers_say_is_kept_as_keyed_hashes_only(running: Running):
    """Whoever reads the log finds out by no trying what a key, or the id of a request, was made of."""
    said = "ada@mit.edu"
    account = done(running.support.post("/v1/accounts", json={"email": "library@mit.edu"}, headers={"Idempotency-Key": said}), 201)
    other = running.support.post("/v1/accounts", json={"email": "library@mit.edu"}, headers={"X-Request-Id": said})
    assert done(other, 201)["id"] != account["id"]
    again = running.support.post("/v1/accounts", json={"email": "library@mit.edu"}, headers={"X-Request-Id": said})
    assert again.headers["x-request-id"] == other.headers["x-request-id"]
    first, second, _ = done(running.support.get("/v1/history?topic=account.nominated"))["items"]
    assert second["correlation_id"] == other.headers["x-request-id"]
    secrets = running.assembly.keys
    for id, purpose, text in ((first["command_id"], "command", f"support/support//{said}"), (second["correlation_id"], "request", said)):
        assert UUID(id) == UUID(secrets.derived(purpose, text)[:32], version=5)
        namespaces = (NAMESPACE_URL, NAMESPACE_DNS, NAMESPACE_OID, UUID(int=0), UUID("0b8b1c0e-5f0b-4d5c-a5b1-0f8b54e2c6aa"))
        assert UUID(id) not in {uuid5(namespace, each) for namespace in namespaces for each in (said, text)}
