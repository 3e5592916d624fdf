"""Checkpoints: made once a minute, one for each size, laid down, served; and proofs over HTTP that lead to them."""

import base64

from ops import verify
from projections.proof.merkle import is_consistent, is_included
from projections.proof.notes import Head, Verifier
from tests.api.running import Running, done, refused


def vkey(running: Running) -> str:
    return running.client(None).get("/v1/checkpoints/key").text


def test_a_checkpoint_is_made_in_every_minute_in_which_something_happened(running):
    client = running.client(None)
    refused(client.get("/v1/checkpoints/latest"), 404, "not-found")
    refused(client.get("/v1/checkpoints/key"), 404, "not-found")
    account = running.nominate()
    running.settle()
    first = client.get("/v1/checkpoints/latest").text
    running.convert(account)
    running.settle()
    assert first == client.get("/v1/checkpoints/latest").text, "a minute has one"
    running.wait(hours=1)
    second = client.get("/v1/checkpoints/latest").text
    verifier = Verifier.parse(vkey(running))
    old, new = Head.parse(verifier.open(first)), Head.parse(verifier.open(second))
    assert ("tenure.example.edu/log", old.origin) == (new.origin, verifier.name)
    assert old.size < new.size
    running.wait(hours=1)
    listed = done(client.get("/v1/checkpoints"))["items"]
    assert [old.size, new.size] == [each["size"] for each in listed][:2]
    page = client.get("/v1/checkpoints?limit=1")
    assert (str(old.size), 1) == (page.json()["next"], len(page.json()["items"]))
    assert first == client.get(f"/v1/checkpoints/{old.size}").text
    refused(client.get(f"/v1/checkpoints/{new.size + 1000}"), 404, "not-found")
    head = parse(done(client.get(f"/v1/proofs/consistency?from={old.size}&to={new.size}")))
    assert is_consistent(old.size, old.root, new.size, new.root, head)
    assert verify.is_consistent(old.size, old.root, new.size, new.root, head)


def parse(shown) -> list[bytes]:
    return [base64.b64decode(each) for each in shown["proof"]]


def test_an_event_is_proved_by_position_and_by_stream(running):
    account = running.convert(running.nominate())
    running.settle()
    head = Head.parse(Verifier.parse(vkey(running)).open(running.client(None).get("/v1/checkpoints/latest").text))
    auditor = running.client("auditor")
    for version in (1, 2):
        shown = done(auditor.get(f"/v1/proofs/inclusion?stream={account['id']}&version={version}"))
        assert shown == done(auditor.get(f"/v1/proofs/inclusion?position={shown['position']}&size={head.size}"))
        leaf = base64.b64decode(shown["leaf_hash"])
        assert is_included(leaf, shown["index"], head.size, parse(shown), head.root)
        assert not is_included(leaf, shown["index"] ^ 1, head.size, parse(shown), head.root)
    refused(auditor.get("/v1/proofs/inclusion"), 422, "invalid-event")
    refused(auditor.get(f"/v1/proofs/inclusion?stream={account['id']}"), 422, "invalid-event")
    refused(auditor.get("/v1/proofs/inclusion?position=4000"), 404, "not-found")
    refused(auditor.get(f"/v1/proofs/inclusion?stream={account['id']}&version=70"), 404, "not-found")
    refused(auditor.get("/v1/proofs/inclusion?position=1&size=4000"), 404, "not-found")
    refused(auditor.get("/v1/proofs/consistency?from=2&to=1"), 422, "invalid-range")
