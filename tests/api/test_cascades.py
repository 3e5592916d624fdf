"""What happens to an institution, and what its people have of it then."""

import pytest

from tests.api.running import Running, done, refused

UNTIL = "2028-02-14T05:00:00Z"


def people(running: Running):
    """Somebody with a token, somebody in review, somebody invited, and the institution's own token."""
    account, subscription = running.subscribed()
    plan = running.request_plan(subscription)
    waits = running.request_plan(subscription, email="eve@partner.org", registered_account_id="registered-eve")
    invited = running.invite(subscription)
    running.settle()
    return account, subscription, (plan, waits, invited), (running.issue(plan), running.issue(account))


def reasons(running: Running, token):
    explained = done(running.support.get(f"/v1/access/explain?token_id={token['id']}&product=scholarly"))
    return [reason["code"] for reason in explained["reasons"]]


def statuses(running: Running, plans):
    return [running.plan(plan)["status"] for plan in plans]


def token_statuses(running: Running, tokens):
    return [done(running.support.get(f"/v1/tokens/{token['id']}"))["status"] for token in tokens]


def topics(running: Running, plan):
    return [event["topic"] for event in done(running.client("auditor").get(f"/v1/history?stream={plan['id']}"))["items"]]


def on(running: Running, thing, what, **body):
    kind = "subscriptions" if "term" in thing else "accounts"
    return done(running.support.post(f"/v1/{kind}/{thing['id']}/{what}", json=body))


@pytest.mark.parametrize("which", ["subscription", "account"])
def test_a_suspension_takes_access_and_nothing_else_and_gives_it_back(running: Running, which):
    account, subscription, plans, (hers, own) = people(running)
    thing = account if which == "account" else subscription
    before = topics(running, plans[0])
    reason = {"reason": {"code": "contract"}}
    on(running, thing, "suspend", **reason)
    running.settle()
    assert reasons(running, hers) == reasons(running, own) == [f"{which}_suspended"]
    assert (statuses(running, plans), topics(running, plans[0])) == (["active", "requested", "invited"], before)
    refused(
        running.admin.post("/v1/tokens", json={"owner_id": account["id"], "label": "new"}),
        409,
        f"{'account-not-active' if which == 'account' else 'no-subscription'}",
    )
    on(running, thing, "reinstate" if which == "account" else "resume", **reason)
    running.settle()
    assert reasons(running, hers) == reasons(running, own) == []
    assert token_statuses(running, (hers, own)) == ["active", "active"]


def test_a_lapse_ends_the_plans_and_leaves_the_tokens_asleep(running: Running):
    _, subscription, plans, tokens = people(running)
    running.advance("2028-02-14T04:59:59Z")
    assert running.plan(plans[0])["status"] == "active"
    journey = running.advance(UNTIL)
    happened = [(event["topic"], event["at"]) for event in journey["events"] if not event["topic"].startswith("email")]
    assert ("subscription.lapsed", UNTIL) in happened
    assert ("user-plan.expired", UNTIL) in happened
    assert statuses(running, plans) == ["expired", "requested", "ended"]
    assert token_statuses(running, tokens) == ["expired", "expired"]  # they were made a year ago
    assert running.letters("user-plan-expired") == ["ada@mit.edu"]
    refused(
        running.support.post("/v1/user-plans", json={"subscription_id": subscription["id"], "email": "new@mit.edu"}), 409, "no-subscription"
    )


def test_a_cancellation_ends_everything_at_once(running: Running):
    _, subscription, plans, tokens = people(running)
    on(running, subscription, "cancel", when="now")
    running.settle()
    assert statuses(running, plans) == ["ended", "ended", "ended"]
    assert token_statuses(running, tokens) == ["revoked", "revoked"]
    assert running.letters("user-plan-ended") == ["ada@mit.edu"]  # the others had nothing that ended


def test_a_cancellation_at_the_end_ends_everything_then(running: Running):
    _, subscription, plans, tokens = people(running)
    on(running, subscription, "cancel", when="term_end")
    running.advance("2028-01-15T04:59:59Z")
    assert running.plan(plans[0])["status"] == "active"
    assert token_statuses(running, tokens) == ["active", "active"]
    running.advance("2028-01-15T05:00:00Z")
    assert statuses(running, plans) == ["ended", "ended", "ended"]
    assert token_statuses(running, tokens) == ["revoked", "revoked"]


def test_a_closure_ends_what_is_left(running: Running):
    account, subscription, plans, tokens = people(running)
    on(running, subscription, "cancel", when="now")
    on(running, account, "close", reason={"code": "contract"})
    running.settle()
    assert statuses(running, plans) == ["ended", "ended", "ended"]
    assert token_statuses(running, tokens) == ["revoked", "revoked"]
    invitation = running.support.post(f"/v1/subscriptions/{subscription['id']}/invitations", json={"email": "bea@mit.edu"})
    refused(invitation, 409, "account-not-active")


def test_a_reinstatement_takes_along_who_waits_for_it(running: Running):
    """Ada asked in time, and the institution came back late: her plan had expired by then, and she asks anew."""
    _, subscription, plans, _ = people(running)
    running.advance("2028-02-01T00:00:00Z")
    assert running.ask_of(plans[0], "request-renewal")["renewal"] == "waiting"
    running.advance("2028-02-20T00:00:00Z")
    assert running.plan(plans[0])["status"] == "expired"
    on(running, subscription, "reinstate", mode="fresh", months=12)
    running.settle()
    assert running.plan(plans[0])["status"] == "expired"
    again = running.request_plan(subscription)
    assert (again["id"], again["status"], again["term"]) == (plans[0]["id"], "active", 2)
