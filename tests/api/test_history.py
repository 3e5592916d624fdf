"""The log as auditors read it: by every filter, as sentences, along its causes; and what changed between two instants."""

from typing import Any

from tests.api.running import Running, Thing, done, refused


def read(running: Running, **query: Any) -> list[Thing]:
    items: list[Thing] = done(running.support.get("/v1/history", params={"limit": 500} | query))["items"]
    return items


def test_every_filter(running: Running) -> None:
    account, subscription = running.subscribed()
    running.another()
    running.wait(days=330)
    everything = read(running)
    fields = {
        "actor": "support",
        "role": "system",
        "topic": "subscription.activated",
        "stream": subscription["id"],
        "account": account["id"],
    }
    names = {"stream": "stream_id", "account": "account_id"}
    for name, value in fields.items():
        assert read(running, **{name: value}) == [each for each in everything if each[names.get(name, name)] == value] != []
    of_subscriptions = [each for each in everything if each["topic"].startswith("subscription.")]
    assert read(running, topic="subscription.") == of_subscriptions != []
    correlation = everything[0]["correlation_id"]
    assert read(running, correlation=correlation) == [each for each in everything if each["correlation_id"] == correlation]
    middle = everything[len(everything) // 2]["recorded_at"]
    early, late = read(running, recorded_to=middle), read(running, recorded_from=middle)
    assert early + late == everything
    assert early
    assert read(running, command="6f1d7b5e-1d8a-4c8e-9d6b-0c5d3b0a7e11") == []
    keyed = {"Idempotency-Key": "once"}
    done(running.support.post(f"/v1/accounts/{account['id']}/suspend", headers=keyed))
    (suspended,) = read(running, topic="account.suspended")
    assert read(running, command=suspended["command_id"]) == [suspended]
    assert suspended["sentence"] == "support suspended the account (asked)"


def test_pages_are_stable_while_others_append(running: Running) -> None:
    account, _ = running.subscribed()
    before = read(running, account=account["id"])
    found, after = [], "0"
    while after is not None:
        page = done(running.support.get("/v1/history", params={"account": account["id"], "limit": 2, "after": after}))
        found += page["items"]
        after = page["next"]
        if len(found) < 4:
            done(running.support.post(f"/v1/accounts/{account['id']}/suspend"))
            done(running.support.post(f"/v1/accounts/{account['id']}/reinstate"))
    assert found[: len(before)] == before
    assert [each["position"] for each in found] == sorted({each["position"] for each in found})


def test_was_the_subscriber_warned(running: Running) -> None:
    running.subscribed()
    running.wait(days=300)
    (warned, *_) = read(running, topic="subscription.expiring")
    chain = done(running.support.get(f"/v1/history/{warned['position']}/chain"))
    assert chain["event"] == warned
    assert [(each["template"], each["status"], each["to"]) for each in chain["letters"]] == [
        ("subscription-expiring", "sent", "library@mit.edu")
    ]
    (sent,) = [each for each in read(running, topic="email.sent") if each["data"]["position"] == warned["position"]]
    back = done(running.support.get(f"/v1/history/{sent['position']}/chain"))
    assert back["causes"] == [warned]
    refused(running.support.get("/v1/history/999999/chain"), 404, "not-found")


def test_from_a_command_to_what_followed_without_a_command_id(running: Running) -> None:
    account, subscription = running.subscribed()
    token = running.issue(account)
    running.settle()
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/cancel", json={"when": "now"}))
    running.settle()
    (ended,) = read(running, topic="subscription.ended")
    (revoked,) = read(running, topic="token.revoked")
    chain = done(running.support.get(f"/v1/history/{ended['position']}/chain"))
    assert revoked["stream_id"] == token["id"]
    assert (revoked["position"], ended["position"]) in [(each["position"], each["caused_by"]) for each in chain["consequences"]]
    assert {"subscription-ended", "token-revoked"} & {each["template"] for each in chain["letters"]}
    back = done(running.support.get(f"/v1/history/{revoked['position']}/chain"))
    assert [each["position"] for each in back["causes"]] == [ended["position"]]


def test_what_changed(running: Running) -> None:
    account, subscription = running.subscribed()
    running.issue(account)
    running.wait(hours=1)
    start = running.now.isoformat()
    running.wait(hours=1)
    running.issue(account, "another")
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/suspend"))
    running.catch_up()
    query = {"account": account["id"], "from": start, "to": running.now.isoformat()}
    items = done(running.support.get("/v1/diff", params=query))["items"]
    assert [(each["kind"], each["change"]) for each in items] == [("subscription", "changed"), ("token", "appeared")]
    fields = {each["field"]: (each["before"], each["after"]) for each in items[0]["fields"]}
    assert fields["status"] == ("active", "suspended")
    assert [each["sentence"] for each in items[0]["events"]] == ["support suspended the subscription (asked)"]
    assert done(running.support.get("/v1/diff", params=query | {"known_at": query["to"]}))["items"] == items
    first = done(running.support.get("/v1/diff", params=query | {"limit": 1}))
    rest = done(running.support.get("/v1/diff", params=query | {"limit": 1, "after": first["next"]}))
    assert [*first["items"], *rest["items"]] == items
    refused(running.support.get("/v1/diff", params=query | {"from": "2029-01-01T00:00:00Z"}), 422, "invalid-request")
