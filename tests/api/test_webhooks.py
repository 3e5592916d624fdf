"""Webhooks from their making to their end, each with a real receiver, on a virtual clock."""

from collections.abc import Iterator
from threading import Event

import pytest

from tests.api.running import Running, Thing, done, refused
from tests.receivers import Receiver, Reply, listening


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as receiver:
        yield receiver


def subscribe(running: Running, receiver: Receiver, **given: object) -> Thing:
    made = done(running.admin.post("/v1/webhooks", json={"url": receiver.url} | given), 201)
    receiver.secrets.append(made["secret"])
    return made


def deliver(running: Running) -> None:
    while running.assembly.webhooks.tick():
        pass


def shown(running: Running, hook: Thing) -> Thing:
    return done(running.admin.get(f"/v1/webhooks/{hook['id']}"))


def act(running: Running, hook: Thing, what: str, **body: object) -> Thing:
    return done(running.admin.post(f"/v1/webhooks/{hook['id']}/{what}", json=body))


def log(running: Running) -> list[Thing]:
    return done(running.admin.get("/v1/events?limit=500"))["items"]


def test_every_event_arrives_signed_in_order(running: Running, receiver: Receiver):
    hook = subscribe(running, receiver)
    running.subscribed()
    deliver(running)
    assert receiver.versions() == versions(log(running))
    assert sorted(receiver.ids) == sorted(event["id"] for event in log(running))
    assert receiver.forged == 0
    after = shown(running, hook)
    assert (after["behind"], after["waiting"], after["delivered"], after["failed"]) == (0, 0, len(log(running)), 0)
    assert "secret" not in after
    assert hook["secret"] not in running.admin.get("/v1/webhooks").text
    deliver(running)
    assert len(receiver.arrived) == len(log(running))


def versions(events: list[Thing]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for event in events:
        found.setdefault(event["subject"], []).append(event["streamversion"])
    return found


def test_only_what_is_new_or_from_a_position_on(running: Running, receiver: Receiver):
    running.convert(running.nominate())
    subscribe(running, receiver)
    deliver(running)
    assert receiver.arrived == []
    head = len(log(running))
    refused(running.admin.post("/v1/webhooks", json={"url": receiver.url, "from_position": head + 2}), 422, "position-ahead")
    subscribe(running, receiver, from_position=2)
    deliver(running)
    assert receiver.sequences() == list(range(2, head + 1))


def test_topics_and_an_account(running: Running, receiver: Receiver):
    account, _ = running.subscribed()
    running.subscribed(running.another())
    subscribe(running, receiver, from_position=1, topics=["account.converted", "subscription"], account=account["id"])
    deliver(running)
    assert sorted(event["type"] for event in receiver.taken) == ["account.converted", "subscription.activated", "subscription.opened"]
    assert {event["accountid"] for event in receiver.taken} == {account["id"]}
    problem = refused(running.admin.post("/v1/webhooks", json={"url": receiver.url, "topics": ["account", "acc"]}), 422, "unknown-topic")
    assert problem["field"] == "topics.1"


def test_people_are_named_only_where_an_admin_said_so(running: Running, receiver: Receiver):
    running.nominate()
    crm = running.client("integration")
    refused(crm.post("/v1/webhooks", json={"url": receiver.url, "personal": True}), 403, "personal-not-allowed")
    made = done(crm.post("/v1/webhooks", json={"url": receiver.url, "from_position": 1}), 201)
    receiver.secrets.append(made["secret"])
    deliver(running)
    assert "@" not in str(receiver.taken)
    receiver.taken.clear()
    subscribe(running, receiver, personal=True, from_position=1)
    deliver(running)
    assert receiver.taken[0]["data"]["email"] == "library@mit.edu"


def test_a_system_sees_and_keeps_its_own_webhooks_only(running: Running, receiver: Receiver):
    of_staff = subscribe(running, receiver)
    crm = running.client("integration")
    own = done(crm.post("/v1/webhooks", json={"url": receiver.url}), 201)
    assert [each["id"] for each in done(crm.get("/v1/webhooks"))["items"]] == [own["id"]]
    assert [each["id"] for each in done(running.admin.get("/v1/webhooks"))["items"]] == [of_staff["id"], own["id"]]
    refused(crm.get(f"/v1/webhooks/{of_staff['id']}"), 404, "not-found")
    for what in ("rotate-secret", "pause", "resume", "remove"):
        refused(crm.post(f"/v1/webhooks/{of_staff['id']}/{what}"), 404, "not-found")
    refused(crm.post(f"/v1/webhooks/{of_staff['id']}/replay", json={"from_position": 1}), 404, "not-found")
    refused(crm.get(f"/v1/webhooks/{of_staff['id']}/dead-letters"), 404, "not-found")
    auditor = running.client("auditor")
    assert done(auditor.get(f"/v1/webhooks/{own['id']}"))["created_by"] == "integration"
    refused(auditor.post(f"/v1/webhooks/{own['id']}/pause"), 403, "role-not-allowed")


def test_a_new_secret_takes_over_without_a_gap(running: Running, receiver: Receiver):
    hook = subscribe(running, receiver)
    old = receiver.secrets[0]
    new = act(running, hook, "rotate-secret", overlap_hours=2)["secret"]
    assert new != old
    for name, secret in (("ethz", old), ("epfl", new)):
        receiver.secrets = [secret]
        running.another(name)
        deliver(running)
        assert receiver.forged == 0
    running.wait(hours=2)
    running.another("eth")
    receiver.secrets = [old]
    deliver(running)
    assert receiver.forged > 0
    receiver.secrets = [new]
    running.wait(hours=1)
    assert receiver.versions() == versions(log(running))
    assert shown(running, hook)["behind"] == 0
    receiver.forged = 0
    newest = act(running, hook, "rotate-secret", overlap_hours=0)
    assert newest["old_secret_until"] is None
    running.another("zurich")
    deliver(running)
    assert receiver.forged > 0


def test_paused_nothing_is_sent_and_nothing_lost(running: Running, receiver: Receiver):
    hook = subscribe(running, receiver)
    assert act(running, hook, "pause")["status"] == "paused"
    assert act(running, hook, "pause")["reason"] == "paused by admin"
    running.nominate()
    deliver(running)
    assert receiver.arrived == []
    assert shown(running, hook)["behind"] == len(log(running))
    assert act(running, hook, "resume")["status"] == "active"
    deliver(running)
    assert receiver.sequences() == [int(each["sequence"]) for each in log(running)]


def test_removed_for_good(running: Running, receiver: Receiver):
    hook = subscribe(running, receiver)
    running.nominate()
    assert act(running, hook, "remove")["status"] == "removed"
    deliver(running)
    assert receiver.arrived == []
    assert act(running, hook, "remove")["behind"] == 0
    for what, body in (("resume", None), ("pause", None), ("rotate-secret", None), ("replay", {"from_position": 1})):
        refused(running.admin.post(f"/v1/webhooks/{hook['id']}/{what}", json=body), 409, "webhook-removed")


def test_replayed_events_have_the_ids_that_they_had(running: Running, receiver: Receiver):
    hook = subscribe(running, receiver)
    running.subscribed()
    deliver(running)
    first = receiver.ids.copy()
    act(running, hook, "replay", from_position=2)
    deliver(running)
    assert sorted(receiver.ids[len(first) :]) == sorted(event["id"] for event in log(running)[1:])
    refused(running.admin.post(f"/v1/webhooks/{hook['id']}/replay", json={"from_position": 0}), 422, "invalid-request")


def test_an_event_that_fails_holds_back_its_stream_and_no_other(running: Running, receiver: Receiver):
    poison: list[str] = []
    receiver.reply = lambda event: Reply(500, body=b"no idea") if event["id"] in poison else Reply()
    hook = subscribe(running, receiver)
    account = running.nominate()
    poison.append(f"{account['id']}-1")
    running.convert(account)
    other = running.another()
    deliver(running)
    assert set(receiver.versions()) == {other["id"]}
    assert shown(running, hook)["waiting"] == len(versions(log(running))[account["id"]])
    poison.clear()
    running.wait(hours=1)
    assert receiver.versions()[account["id"]] == versions(log(running))[account["id"]]
    assert shown(running, hook)["behind"] == 0


def test_a_receiver_that_is_down_for_a_day_catches_up(running: Running, receiver: Receiver):
    hook = subscribe(running, receiver)
    receiver.reply = lambda _: Reply(502)
    running.subscribed()
    running.wait(days=1)
    tries = len(receiver.arrived)
    assert receiver.taken == []
    assert 100 < tries < 300
    assert shown(running, hook)["status"] == "active"
    assert shown(running, hook)["last_answer"] == "502"
    receiver.reply = lambda _: Reply()
    running.wait(minutes=75)
    assert receiver.versions() == versions(log(running))
    assert shown(running, hook)["behind"] == 0


def test_after_three_days_without_any_success_it_is_disabled_and_goes_on_where_it_stopped(on_sqlite: Running, receiver: Receiver, logged):
    running = on_sqlite
    hook = subscribe(running, receiver)
    receiver.reply = lambda _: Reply(500)
    running.subscribed()
    running.wait(days=3, hours=1)
    disabled = shown(running, hook)
    assert disabled["status"] == "disabled"
    assert disabled["reason"] == "nothing was taken for 3 days; the last answer was: 500"
    assert [line["webhook"] for line in logged if line["event"] == "webhook_disabled"] == [hook["id"]]
    assert f'tenure_webhook_disabled{{webhook="{hook["id"]}"}} 1.0' in running.assembly.metrics.text().decode()
    tries = len(receiver.arrived)
    running.wait(days=1)
    assert len(receiver.arrived) == tries
    receiver.reply = lambda _: Reply()
    act(running, hook, "resume")
    deliver(running)
    assert receiver.versions() == versions(log(running))


def test_gone_is_gone_at_once(running: Running, receiver: Receiver):
    hook = subscribe(running, receiver)
    receiver.reply = lambda _: Reply(410, body=b"moved\nout")
    running.nominate()
    deliver(running)
    disabled = shown(running, hook)
    assert (disabled["status"], disabled["reason"]) == ("disabled", "the receiver says that it is gone: 410 moved out")
    assert disabled["waiting"] >= 1
    running.another()
    running.wait(days=1)
    assert len(receiver.arrived) == 1
    receiver.reply = lambda _: Reply()
    act(running, hook, "resume")
    deliver(running)
    assert receiver.versions() == versions(log(running))


def test_a_dead_letter_lets_the_stream_go_on_and_can_be_tried_again(on_sqlite: Running, receiver: Receiver, logged):
    running = on_sqlite
    poison: list[str] = []
    receiver.reply = lambda event: Reply(422, body=b"<b>not\x00 valid</b>") if event["id"] in poison else Reply()
    hook = subscribe(running, receiver)
    account = running.nominate()
    poison.append(f"{account['id']}-1")
    for number in range(4):
        running.another(f"university{number}")
        running.wait(days=1)
    letters = done(running.admin.get(f"/v1/webhooks/{hook['id']}/dead-letters"))["items"]
    assert [(each["event_id"], each["status"], each["last_answer"]) for each in letters] == [(poison[0], "dead", "422 <b>not  valid</b>")]
    assert [line["position"] for line in logged if line["event"] == "webhook_dead_letter"] == [letters[0]["position"]]
    assert shown(running, hook)["dead_letters"] == 1
    assert shown(running, hook)["status"] == "active"
    running.convert(account)
    deliver(running)
    assert receiver.versions()[account["id"]] == versions(log(running))[account["id"]][1:]
    assert shown(running, hook)["behind"] == 0
    poison.clear()
    path = f"/v1/webhooks/{hook['id']}/dead-letters/{letters[0]['event_id']}/retry"
    assert done(running.admin.post(path))["status"] == "waiting"
    deliver(running)
    assert receiver.versions()[account["id"]][-1] == 1
    refused(running.admin.post(path), 404, "not-found")


def test_a_receiver_that_answers_too_late_gets_the_same_again(running: Running, receiver: Receiver):
    late = Event()
    receiver.reply = lambda _: Reply(204, wait_for=late)
    hook = subscribe(running, receiver)
    account = running.nominate()
    deliver(running)
    assert shown(running, hook)["last_answer"] == "no whole answer within 0.3 seconds"
    late.set()
    running.wait(minutes=1)
    assert receiver.ids.count(f"{account['id']}-1") == 2
    assert receiver.versions() == versions(log(running))
    assert shown(running, hook)["behind"] == 0


@pytest.mark.parametrize(
    ("reply", "is_taken"),
    [
        (Reply(200, body=b"%PDF \xff\x00 garbage"), True),
        (Reply(200, body=b"x" * 5_000_000), True),
        (Reply(200, body=b"half", announced=100), False),
        (Reply(302, headers={"Location": "http://127.0.0.1:9/"}), False),
        (Reply(200, headers={"Content-Encoding": "gzip"}, body=b"no gzip at all"), True),
        (Reply(404), False),
    ],
    ids=["garbage", "five megabytes", "closes mid-answer", "redirect", "no gzip", "not found"],
)
def test_what_counts_as_taken(on_sqlite: Running, receiver: Receiver, reply: Reply, is_taken: bool):
    receiver.reply = lambda _: reply
    hook = subscribe(on_sqlite, receiver)
    on_sqlite.nominate()
    deliver(on_sqlite)
    assert (shown(on_sqlite, hook)["failed"] == 0) == is_taken
    receiver.reply = lambda _: Reply()
    on_sqlite.wait(hours=1)
    assert receiver.versions() == versions(log(on_sqlite))


@pytest.mark.parametrize(("asked", "rest"), [("120", 120), ("999999999999", 3600)])
def test_a_receiver_may_ask_for_time_but_not_for_ever(on_sqlite: Running, receiver: Receiver, asked: str, rest: int):
    receiver.reply = lambda _: Reply(503, headers={"Retry-After": asked})
    subscribe(on_sqlite, receiver)
    on_sqlite.nominate()
    deliver(on_sqlite)
    (first,) = (event["id"] for event in receiver.arrived)
    receiver.reply = lambda _: Reply()
    on_sqlite.wait(seconds=rest - 1)
    assert receiver.ids.count(first) == 0
    on_sqlite.wait(seconds=rest)
    assert receiver.versions() == versions(log(on_sqlite))


def test_counted_for_operators(running: Running, receiver: Receiver):
    hook = subscribe(running, receiver)
    running.nominate()
    text = running.assembly.metrics.text().decode()
    assert f'tenure_webhook_lag_events{{webhook="{hook["id"]}"}} {len(log(running))}.0' in text
    deliver(running)
    text = running.assembly.metrics.text().decode()
    assert f'tenure_webhook_lag_events{{webhook="{hook["id"]}"}} 0.0' in text
    assert f'tenure_webhook_deliveries_total{{outcome="delivered",webhook="{hook["id"]}"}} {len(log(running))}.0' in text


@pytest.mark.parametrize(
    ("url", "slug"),
    [
        ("ftp://example.edu/", "invalid-url"),
        ("http://example.edu/", "invalid-url"),
        ("https://user:word@example.edu/", "invalid-url"),
        ("https://10.1.2.3/", "forbidden-address"),
        ("https://169.254.169.254/latest/meta-data/", "forbidden-address"),
    ],
)
def test_addresses_that_are_refused_when_they_are_told(shared: Running, url: str, slug: str):
    assert refused(shared.admin.post("/v1/webhooks", json={"url": url}), 422, slug)["field"] == "url"


def test_an_event_that_never_gets_through_keeps_no_other_stream_waiting(on_sqlite: Running, receiver: Receiver):
    """However often it fails in a row, with nothing else to send in between."""
    poison: list[str] = []
    receiver.reply = lambda event: Reply(422) if event["id"] in poison else Reply()
    hook = subscribe(on_sqlite, receiver, topics=["account"])
    account = on_sqlite.nominate()
    poison.append(f"{account['id']}-1")
    on_sqlite.wait(days=1)
    assert shown(on_sqlite, hook)["failed"] > 20
    other = on_sqlite.another()
    deliver(on_sqlite)
    assert set(receiver.versions()) == {other["id"]}


def test_a_revoked_key_is_told_of_nothing_more_by_the_webhooks_it_made(on_sqlite: Running, receiver: Receiver):
    crm = on_sqlite.client("integration")
    made = done(crm.post("/v1/webhooks", json={"url": receiver.url}), 201)
    receiver.secrets.append(made["secret"])
    others = subscribe(on_sqlite, receiver, topics=["token"])
    on_sqlite.nominate()
    deliver(on_sqlite)
    told = len(receiver.arrived)
    assert told > 0
    assert on_sqlite.assembly.staff.revoke("integration")
    on_sqlite.another()
    deliver(on_sqlite)
    assert len(receiver.arrived) == told
    stopped = shown(on_sqlite, made)
    assert (stopped["status"], stopped["reason"]) == ("disabled", "the key integration, which made it, was revoked")
    assert shown(on_sqlite, others)["status"] == "active"
    act(on_sqlite, made, "resume")
    deliver(on_sqlite)
    assert len(receiver.arrived) > told


def test_what_is_to_be_replayed_while_it_is_sent_is_sent_once_more(running: Running, receiver: Receiver):
    """The sender has lost its lease by then, and notes nothing."""
    hook = subscribe(running, receiver)
    running.nominate()
    first = log(running)[0]
    asked: list[Thing] = []

    def answer(event: Thing) -> Reply:
        if not asked:
            asked.append(act(running, hook, "replay", from_position=int(first["sequence"])))
        return Reply()

    receiver.reply = answer
    deliver(running)
    assert len(asked) == 1
    assert [event["id"] for event in receiver.arrived].count(first["id"]) == 2
    assert (shown(running, hook)["behind"], shown(running, hook)["dead_letters"]) == (0, 0)
