"""The librarian's door: the people of the own institution, and of no other."""

from uuid import uuid4

import pytest

from tests.api.running import Running, as_csv, done, refused


@pytest.fixture
def two(running: Running):
    """A librarian of MIT, and what ETH has: a subscription, a plan that waits, one that is active, and a list."""
    account, subscription = running.subscribed()
    theirs = running.another()
    _, other = running.subscribed(theirs)
    active = running.request_plan(other, email="urs@eth.ch", registered_account_id="registered-urs")
    waits = running.request_plan(other, email="eve@partner.ch", registered_account_id="registered-eve")
    listing = running.hand_in(other, "urs@eth.ch", mode="reconcile")
    running.settle()
    return running.client("institution", account=account), account, subscription, other, active, waits, listing


def test_a_librarian_looks_after_the_own_people(running: Running, two):
    librarian, account, subscription, *_ = two
    running.claim(account, "media.edu")
    ada = running.request_plan(subscription)
    eve = running.request_plan(subscription, email="eve@partner.org", registered_account_id="registered-eve")
    invited = done(librarian.post(f"/v1/subscriptions/{subscription['id']}/invitations", json={"email": "bea@mit.edu"}), 201)
    listing = running.hand_in(subscription, "cyd@mit.edu", "urs@eth.ch", by=librarian)
    running.settle()
    assert [row["outcome"] for row in done(librarian.get(f"/v1/user-imports/{listing['id']}/rows"))["items"]] == [
        "activated",
        "wrong_domain",
    ]
    assert librarian.get(f"/v1/user-imports/{listing['id']}/rows.csv").text.startswith("line,email,outcome,reason")
    assert done(librarian.get(f"/v1/user-imports/{listing['id']}"))["status"] == "completed"
    assert [each["id"] for each in done(librarian.get(f"/v1/subscriptions/{subscription['id']}/user-imports"))["items"]] == [listing["id"]]
    for query in ("", f"?subscription_id={subscription['id']}"):
        found = done(librarian.get(f"/v1/user-plans{query}"))["items"]
        assert [plan["email"] for plan in found] == ["ada@mit.edu", "eve@partner.org", "bea@mit.edu", "cyd@mit.edu"]
    assert [plan["id"] for plan in done(librarian.get("/v1/user-plans?review=open"))["items"]] == [eve["id"]]
    counted = done(librarian.get(f"/v1/subscriptions/{subscription['id']}/users"))
    assert (counted["statuses"], counted["reviews_open"]) == ({"active": 2, "invited": 1, "requested": 1}, 1)

    assert done(librarian.post(f"/v1/user-plans/{eve['id']}/reject", json={"cause": "not-ours"}))["status"] == "rejected"
    assert done(librarian.post(f"/v1/user-plans/{ada['id']}/change-address", json={"email": "ada@media.edu"}))["status"] == "active"
    assert done(librarian.post(f"/v1/user-plans/{ada['id']}/end", json={"cause": "left"}))["status"] == "ended"
    assert done(librarian.post(f"/v1/user-plans/{invited['id']}/end"))["status"] == "ended"
    assert done(librarian.post(f"/v1/user-imports/{listing['id']}/undo"))["status"] == "undone"
    complete = running.hand_in(subscription, "dan@mit.edu", by=librarian, mode="reconcile")
    running.settle()
    assert done(librarian.get(f"/v1/user-imports/{complete['id']}/absent"))["items"] == []
    assert done(librarian.post(f"/v1/user-imports/{complete['id']}/confirm-absences", json={"absent": 0}))["absences_confirmed"] is True


def test_what_another_institution_has_is_not_there(running: Running, two):
    librarian, _, _, other, active, waits, listing = two
    head = running.assembly.store.log.max_notification_id()
    imports, plans = f"/v1/user-imports/{listing['id']}", f"/v1/user-plans/{active['id']}"
    looks = [
        f"/v1/subscriptions/{other['id']}",
        f"/v1/subscriptions/{other['id']}/users",
        f"/v1/subscriptions/{other['id']}/user-imports",
        f"/v1/user-plans?subscription_id={other['id']}",
        plans,
        imports,
        f"{imports}/rows",
        f"{imports}/rows.csv",
        f"{imports}/absent",
    ]
    for path in looks:
        refused(librarian.get(path), 404, "not-found")
    acts = [
        (f"/v1/subscriptions/{other['id']}/invitations", {"email": "bea@mit.edu"}),
        (f"/v1/user-plans/{waits['id']}/approve", {}),
        (f"/v1/user-plans/{waits['id']}/reject", {}),
        (f"{plans}/end", {"cause": "left"}),
        (f"{plans}/reconfirm", {}),
        (f"{plans}/change-address", {"email": "urs@mit.edu"}),
        (f"{imports}/undo", {}),
        (f"{imports}/confirm-absences", {"absent": 0}),
    ]
    for path, body in acts:
        refused(librarian.post(path, json=body), 404, "not-found")
    refused(running.send_list(other, as_csv("bea@mit.edu"), by=librarian), 404, "not-found")
    assert done(librarian.get("/v1/user-plans"))["items"] == []
    assert running.assembly.store.log.max_notification_id() == head
    assert (running.plan(active), running.plan(waits)) == (active, waits)


def test_what_is_another_institutions_is_told_apart_from_nothing_by_nobody(two):
    """Both are not there, in the same words."""
    librarian, *_, active, _, listing = two
    for path, id in (("/v1/user-plans/{}", active["id"]), ("/v1/user-imports/{}", listing["id"])):
        foreign, nothing = librarian.get(path.format(id)), librarian.get(path.format(unknown := str(uuid4())))
        assert foreign.status_code == nothing.status_code == 404
        assert foreign.json()["detail"].replace(id, "") == nothing.json()["detail"].replace(unknown, "")


def test_what_staff_do_a_librarian_does_not(running: Running, two):
    librarian, _, subscription, *_ = two
    plan = running.request_plan(subscription)
    body = {"subscription_id": subscription["id"], "email": "bea@mit.edu"}
    for path, given in (
        ("/v1/user-plans", body),
        (f"/v1/user-plans/{plan['id']}/suspend", {}),
        (f"/v1/user-plans/{plan['id']}/resume", {}),
        (f"/v1/user-plans/{plan['id']}/request-renewal", {}),
        (f"/v1/user-plans/{plan['id']}/accept", {}),
        (f"/v1/user-plans/{plan['id']}/decline", {}),
    ):
        refused(librarian.post(path, json=given), 403, "role-not-allowed")
    refused(librarian.put("/v1/registered-accounts", json={"accounts": []}), 403, "role-not-allowed")


def test_two_librarians_may_use_the_same_key_for_two_lists(running: Running, two):
    """A key is its caller's."""
    librarian, _, subscription, other, *_ = two
    colleague = running.client("institution", account={"id": other["account_id"]})
    here = running.hand_in(subscription, "ada@mit.edu", by=librarian, key="march")
    there = running.hand_in(other, "vera@eth.ch", by=colleague, key="march")
    assert here["id"] != there["id"]
    assert running.hand_in(subscription, "ada@mit.edu", by=librarian, key="march") == here
