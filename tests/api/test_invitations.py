"""People who are asked in: the link in the letter shows, its buttons act, and after 14 days nothing does."""

import re

import pytest

from tests.api.running import ADA, Running, done, refused

BEA = "bea@mit.edu"
KNOWN = "registered_accounts_known = true"


def link_for(running: Running, recipient=BEA):
    """What the latest letter with an invitation leads to."""
    running.settle()
    for caught in reversed(running.catcher.messages):
        text = caught.message.get_body(("plain",)).get_content()
        if caught.recipient == recipient and (found := re.search(r"https://tenure\.example\.edu(/invitations/\S+)", text)):
            assert found[1] in caught.message.get_body(("html",)).get_content()
            return found[1]
    raise AssertionError(f"{recipient} was not invited")


def token_of(running: Running, plan, account):
    """The holder's own token, which the platform asks for."""
    platform = running.client("platform", on_behalf_of=account)
    return platform.post("/v1/tokens", json={"owner_id": plan["id"], "label": "notebook"})


def test_who_is_invited_looks_accepts_and_has_plans_and_a_token(running: Running):
    _, subscription = running.subscribed()
    plan = running.invite(subscription, registered_account_id="registered-bea", name="Bea")
    assert (plan["status"], plan["invitation_ends_at"], plan["plans"]) == ("invited", "2027-02-14T10:00:00Z", [])
    link = link_for(running)
    assert running.letters("user-plan-invited") == [BEA]
    anyone = running.client(None)
    head = running.assembly.store.log.max_notification_id()
    for _ in range(2):
        shown = anyone.get(link)
        assert (shown.status_code, BEA in shown.text, shown.text.count("<button")) == (200, True, 2)
        assert shown.headers["referrer-policy"] == "no-referrer"
    assert running.assembly.store.log.max_notification_id() == head
    assert running.plan(plan) == plan
    refused(token_of(running, plan, "registered-bea"), 409, "plan-not-active")

    assert "Accepted" in anyone.post(f"{link}?answer=accept").text
    accepted = running.plan(plan)
    assert (accepted["status"], accepted["invitation_ends_at"], len(accepted["plans"])) == ("active", None, 4)
    (event,) = done(running.client("auditor").get(f"/v1/history?stream={plan['id']}&topic=user-plan.accepted"))["items"]
    assert (event["actor"], event["role"]) == ("invited person", "holder")
    assert anyone.get(link).status_code == 410
    assert anyone.post(f"{link}?answer=accept").status_code == 200
    assert anyone.post(f"{link}?answer=decline").status_code == 410
    assert running.plan(plan) == accepted
    running.settle()
    assert running.letters("user-plan-activated") == [BEA]
    assert done(token_of(running, plan, "registered-bea"), 201)["secret"]


def test_whose_account_nobody_knew_has_it_by_asking_and_a_token_then(running: Running):
    """The link in the letter does not say with which account its reader will call; the platform does."""
    _, subscription = running.subscribed()
    plan = running.invite(subscription)
    running.client(None).post(f"{link_for(running)}?answer=accept")
    assert running.plan(plan)["registered_account_id"] is None
    refused(token_of(running, plan, ADA), 404, "not-found")
    body = {"subscription_id": subscription["id"], "email": BEA}
    asked = done(running.client("platform", on_behalf_of="registered-bea").post("/v1/user-plans", json=body), 201)
    assert (asked["id"], asked["status"], asked["registered_account_id"]) == (plan["id"], "active", "registered-bea")
    done(token_of(running, plan, "registered-bea"), 201)
    refused(running.client("platform", on_behalf_of="registered-eve").post("/v1/user-plans", json=body), 409, "person-known")
    refused(token_of(running, plan, "registered-eve"), 404, "not-found")


def test_who_declines_is_left_alone_and_may_be_invited_again(running: Running):
    _, subscription = running.subscribed()
    plan = running.invite(subscription)
    link, anyone = link_for(running), running.client(None)
    assert "Declined" in anyone.post(f"{link}?answer=decline").text
    assert running.plan(plan)["status"] == "ended"
    assert anyone.post(f"{link}?answer=accept").status_code == 410
    assert anyone.post(f"{link}?answer=decline").status_code == 200
    running.settle()
    assert running.letters("user-plan-ended") == []  # nothing was taken away
    again = running.invite(subscription)
    assert (again["id"], again["status"]) == (plan["id"], "invited")
    assert "Accepted" in anyone.post(f"{link_for(running)}?answer=accept").text


def test_an_invitation_lapses_after_fourteen_days_to_the_second(running: Running):
    _, subscription = running.subscribed()
    late, early = running.invite(subscription), running.invite(subscription, "cyd@mit.edu")
    late_link, early_link = link_for(running), link_for(running, "cyd@mit.edu")
    anyone = running.client(None)
    running.advance("2027-02-14T09:59:59Z")
    assert "Accepted" in anyone.post(f"{early_link}?answer=accept").text
    running.assembly.clock.set(running.now.replace(second=0, minute=0, hour=10))  # and no heartbeat
    assert anyone.get(late_link).status_code == 410
    assert anyone.post(f"{late_link}?answer=accept").status_code == 410
    assert running.plan(late)["status"] == "ended"
    running.wait(days=1)
    (event,) = done(running.client("auditor").get(f"/v1/history?stream={late['id']}&topic=user-plan.ended"))["items"]
    assert (event["data"]["cause"], event["at"]) == ("invitation-lapsed", "2027-02-14T10:00:00Z")
    assert running.plan(early)["status"] == "active"


def test_an_invitation_that_is_repeated_is_one_invitation(running: Running):
    _, subscription = running.subscribed()
    first = running.invite(subscription)
    running.wait(days=3)
    assert running.invite(subscription, "BEA@mit.edu") == first
    active = running.request_plan(subscription)
    assert running.invite(subscription, "ada@mit.edu") == active
    running.settle()
    assert running.letters("user-plan-invited") == [BEA]


@pytest.mark.parametrize("email", ["eve@partner.org", "eve@csail.mit.edu"])
def test_nobody_is_invited_whose_domain_does_not_fit(on_sqlite: Running, email):
    _, subscription = on_sqlite.subscribed()
    answer = on_sqlite.support.post(f"/v1/subscriptions/{subscription['id']}/invitations", json={"email": email})
    refused(answer, 409, "wrong-domain")


def test_who_accepts_after_the_domain_is_gone_is_told_so(running: Running):
    account, subscription = running.subscribed()
    running.retire(account)
    running.wait(days=85)
    plan = running.invite(subscription)
    link = link_for(running)
    running.wait(days=6)
    answer = running.client(None).post(f"{link}?answer=accept")
    assert (answer.status_code, "mit.edu is not an email domain" in answer.text) == (410, True)
    assert running.plan(plan)["status"] == "invited"


def test_who_accepts_before_the_subscription_begins_waits_for_it(running: Running):
    account = running.convert(running.nominate())
    subscription = running.open(account)
    plan = running.invite(subscription)
    answer = running.client(None).post(f"{link_for(running)}?answer=accept")
    assert (answer.status_code, "begin now" in answer.text) == (200, False)
    assert (running.plan(plan)["status"], running.plan(plan)["doubts"]) == ("requested", ["subscription-pending"])
    running.activate(subscription)
    running.settle()
    assert running.plan(plan)["status"] == "active"


def test_the_platform_answers_for_the_person(running: Running):
    _, subscription = running.subscribed()
    accepted = running.invite(subscription)
    declined = running.invite(subscription, "cyd@mit.edu", registered_account_id="registered-cyd")
    platform = running.client("platform", on_behalf_of="registered-bea")
    plan = done(platform.post(f"/v1/user-plans/{accepted['id']}/accept"))
    assert (plan["status"], plan["registered_account_id"]) == ("active", "registered-bea")
    done(token_of(running, plan, "registered-bea"), 201)
    for what in ("accept", "decline"):
        refused(platform.post(f"/v1/user-plans/{declined['id']}/{what}"), 404, "not-found")
    ended = done(running.client("platform", on_behalf_of="registered-cyd").post(f"/v1/user-plans/{declined['id']}/decline"))
    assert ended["status"] == "ended"


def test_the_unregistered_are_invited_to_register_first(running_by):
    running = running_by(KNOWN)
    _, subscription = running.subscribed()
    plan = running.invite(subscription)
    link, anyone = link_for(running), running.client(None)
    assert "regist" in running.catcher.messages[-1].message.get_body(("plain",)).get_content().lower()
    answer = anyone.post(f"{link}?answer=accept")
    assert (answer.status_code, "register with it first" in answer.text) == (410, True)
    assert running.plan(plan)["status"] == "invited"
    running.register(**{"registered-bea": [BEA]})
    assert "Accepted" in anyone.post(f"{link}?answer=accept").text
    assert (running.plan(plan)["status"], running.plan(plan)["registered_account_id"]) == ("active", "registered-bea")
    done(token_of(running, plan, "registered-bea"), 201)


@pytest.mark.parametrize("token", ["x", "x.y", "../confirm/x", "%00"])
def test_a_link_that_is_not_ours_leads_nowhere(shared: Running, token):
    anyone = shared.client(None)
    assert anyone.get(f"/invitations/{token}").status_code in {404, 410, 422}
    assert anyone.post(f"/invitations/{token}?answer=accept").status_code in {404, 405, 410, 422}
