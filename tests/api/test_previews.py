"""What a command would do is told before it is done, and is what is then done; or it is refused, since the world has moved on."""

from typing import Any

import pytest

from tests.api.running import Running, Thing, done, refused


def preview(running: Running, path: str, body: Any = None, **more: Any) -> Any:
    running.catch_up()
    return running.support.post("/v1/previews", json={"path": path, "body": body or {}} | more)


def confirm(running: Running, told: Thing, path: str, body: Any = None) -> Any:
    return running.support.post(path, json=body or {}, headers={"X-Preview": told["digest"]})


@pytest.fixture
def whole(running: Running) -> tuple[Running, Thing, Thing]:
    account, subscription = running.subscribed()
    running.issue(account)
    running.request_plan(subscription)
    running.settle()
    return running, account, subscription


def test_what_is_previewed_is_what_happens(whole: tuple[Running, Thing, Thing]):
    running, _, subscription = whole
    path = f"/v1/subscriptions/{subscription['id']}/cancel"
    told = done(preview(running, path, {"when": "now"}))
    head = running.assembly.store.log.max_notification_id() or 0
    assert (told["people"], [turn["what"] for turn in told["turns"]]) == (1, ["institution"])
    assert {each["change"] for each in told["deadlines"]} == {"dropped"}
    done(confirm(running, told, path, {"when": "now"}))
    running.settle()
    running.catch_up()
    came = [each for each in done(running.support.get("/v1/history?limit=500"))["items"] if each["position"] > head]
    happened = sorted((each["topic"], each["stream_id"]) for each in came if not each["topic"].startswith("email."))
    assert happened == sorted((each["topic"], each["stream_id"]) for each in told["events"])
    sent = sorted((each["data"]["template"], each["data"]["to"], each["data"]["subject"]) for each in came if each["topic"] == "email.sent")
    assert sent == sorted((each["template"], each["to"], each["subject"]) for each in told["emails"])
    assert told["totals"] == {"events": len(happened), "emails": len(sent)}


def test_nothing_happens_by_a_preview(whole: tuple[Running, Thing, Thing]):
    running, account, subscription = whole
    head = running.assembly.store.log.max_notification_id()
    for path, body in (
        (f"/v1/subscriptions/{subscription['id']}/renew", {}),
        (f"/v1/accounts/{account['id']}/suspend", {}),
        (f"/v1/accounts/{account['id']}/contacts", {"email": "bursar@mit.edu"}),
    ):
        assert done(preview(running, path, body))["events"]
    assert running.assembly.store.log.max_notification_id() == head


def test_what_would_be_refused_is_refused(whole: tuple[Running, Thing, Thing]):
    running, account, subscription = whole
    refused(preview(running, f"/v1/subscriptions/{subscription['id']}/reinstate", {"mode": "fresh"}), 409, "not-now")
    refused(preview(running, f"/v1/accounts/{account['id']}/domains", {"domain": "gmail.com"}), 422, "free-mail-domain")
    refused(preview(running, f"/v1/subscriptions/{account['id']}/renew"), 404, "not-found")
    refused(preview(running, f"/v1/subscriptions/{subscription['id']}/renew", {"months": "many"}), 422, "invalid-request")
    other = running.another()
    running.settle()
    refused(preview(running, f"/v1/accounts/{other['id']}/domains", {"domain": "mit.edu"}), 409, "domain-taken")


@pytest.mark.parametrize("what", ["something happened", "something else", "another body"])
def test_a_world_that_has_moved_on_is_no_longer_what_was_shown(whole: tuple[Running, Thing, Thing], what: str):
    running, account, subscription = whole
    path, body = f"/v1/subscriptions/{subscription['id']}/renew", {"months": 12}
    told = done(preview(running, path, body))
    if what == "something happened":
        done(running.support.post(f"/v1/accounts/{account['id']}/contacts", json={"email": "bursar@mit.edu"}))
        running.settle()
    elif what == "something else":
        path = f"/v1/subscriptions/{subscription['id']}/announce-renewal"
        body = {"reference": "PO 7"}
    else:
        body = {"months": 24}
    running.catch_up()
    assert refused(confirm(running, told, path, body), 412, "preview-outdated")["field"] == "X-Preview"


def test_the_same_said_otherwise_is_the_same(whole: tuple[Running, Thing, Thing]):
    running, _, subscription = whole
    path = f"/v1/subscriptions/{subscription['id']}/renew"
    told = done(preview(running, path, {"months": 12, "reason": {"code": "asked-by-institution"}}))
    spaced = b'{ "reason" : {"code": "asked-by-institution"},\n "months": 12 }'
    headers = {"X-Preview": told["digest"], "Content-Type": "application/json", "Idempotency-Key": "once"}
    for _ in range(2):  # a repetition is answered as at first, though the world has moved by the command itself
        done(running.support.post(path, content=spaced, headers=headers))


def test_only_commands_are_previewed_and_only_by_who_may(whole: tuple[Running, Thing, Thing]):
    running, account, _ = whole
    for path in ("/v1/previews", "/v1/clock/advance", "/v1/webhooks"):
        body = {"path": path, "body": {"to": "2028-01-01T00:00:00Z"} if "clock" in path else {}}
        if "webhooks" in path:
            body["body"] = {"url": "http://127.0.0.1:9/", "name": "x", "topics": ["token."]}
        answer = running.admin.post("/v1/previews", json=body)
        assert answer.status_code in {403, 409, 422}, answer.text
    assert running.now.year == 2027
    refused(running.client("auditor").post("/v1/previews", json={"path": f"/v1/accounts/{account['id']}/suspend"}), 403, "role-not-allowed")
    other = running.another()
    running.settle()
    running.catch_up()
    librarian = running.client("institution", account=account)
    refused(librarian.post("/v1/previews", json={"path": f"/v1/accounts/{account['id']}/suspend"}), 403, "role-not-allowed")
    asked = {"path": f"/v1/accounts/{other['id']}/onboarding/community-told"}
    refused(librarian.post("/v1/previews", json=asked), 404, "not-found")
