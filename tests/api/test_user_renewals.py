"""Every year again: asked for by the person, counted for the librarian, and granted with the institution's own renewal."""

import pytest

from tests.api.running import Running, done, refused

FOLLOW = "user_plans_follow_renewal = true"
OPENS_AT = "2027-12-16T05:00:00Z"  # thirty days before the term ends
ENDS_AT = "2028-01-15T05:00:00Z"
UNTIL, UNTIL_NEXT = "2028-02-14T05:00:00Z", "2029-02-14T05:00:00Z"
NAMES = ("ada", "bea", "cyd")


def people(running: Running, *names, domain="mit.edu"):
    account, subscription = running.subscribed(running.convert(running.nominate(domains=["mit.edu", "media.edu"])))
    plans = {}
    for name in names:
        plans[name] = running.request_plan(subscription, email=f"{name}@{domain}", registered_account_id=f"registered-{name}")
    return account, subscription, plans


def ask(running: Running, plan):
    """The platform, for the person."""
    platform = running.client("platform", on_behalf_of=plan["registered_account_id"])
    return platform.post(f"/v1/user-plans/{plan['id']}/request-renewal")


def renew(running: Running, subscription):
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/renew"))
    running.settle()


def terms(running: Running, plans):
    shown = {name: running.plan(plan) for name, plan in plans.items()}
    return {name: (plan["status"], plan["term"], plan["until"], plan["renewal"]) for name, plan in shown.items()}


def counted(running: Running, subscription):
    running.catch_up()
    return done(running.support.get(f"/v1/subscriptions/{subscription['id']}/users"))


def test_who_asks_goes_on_when_the_institution_does_and_nobody_else(running: Running):
    _, subscription, plans = people(running, *NAMES)
    running.advance("2027-12-16T04:59:59Z")
    assert "from 2027-12-16 05:00 UTC" in refused(ask(running, plans["ada"]), 409, "too-early")["detail"]
    running.advance(OPENS_AT)
    asked = done(ask(running, plans["ada"]))
    assert (asked["status"], asked["renewal"], asked["term"], asked["until"]) == ("active", "waiting", 1, UNTIL)
    assert done(ask(running, plans["ada"])) == asked
    running.settle()
    assert running.letters("user-plan-renewal-waiting") == ["ada@mit.edu"]
    assert (counted(running, subscription)["renewals_waiting"], counted(running, subscription)["statuses"]) == (1, {"active": 3})
    assert [plan["email"] for plan in running.plans(renewal="waiting")] == ["ada@mit.edu"]

    renew(running, subscription)
    goes_on, stays = ("active", 2, UNTIL_NEXT, "none"), ("active", 1, UNTIL, "none")
    assert terms(running, plans) == {"ada": goes_on, "bea": stays, "cyd": stays}
    assert running.letters("user-plan-renewed") == ["ada@mit.edu"]
    assert counted(running, subscription)["renewals_waiting"] == 0
    assert done(ask(running, plans["bea"]))["term"] == 2  # at once, since the institution has renewed
    assert done(ask(running, plans["bea"]))["term"] == 2
    running.advance("2028-02-14T04:59:59Z")
    assert terms(running, plans)["cyd"] == stays
    running.advance(UNTIL)
    assert terms(running, plans) == {"ada": goes_on, "bea": goes_on, "cyd": ("expired", 1, UNTIL, "none")}
    assert running.letters("user-plan-renewed") == ["ada@mit.edu", "bea@mit.edu"]
    assert running.letters("user-plan-expired") == ["cyd@mit.edu"]
    assert counted(running, subscription)["statuses"] == {"active": 2, "expired": 1}


def test_in_grace_one_may_still_ask_and_the_institution_still_renew(running: Running):
    _, subscription, plans = people(running, "ada", "bea")
    running.advance("2028-01-20T00:00:00Z")
    assert done(ask(running, plans["ada"]))["renewal"] == "waiting"
    renew(running, subscription)
    assert terms(running, plans) == {"ada": ("active", 2, UNTIL_NEXT, "none"), "bea": ("active", 1, UNTIL, "none")}


def test_who_waits_in_vain_has_plans_until_the_end_and_no_longer(running: Running):
    _, subscription, plans = people(running, "ada")
    running.advance(OPENS_AT)
    done(ask(running, plans["ada"]))
    running.advance("2028-02-14T04:59:59Z")
    assert terms(running, plans)["ada"] == ("active", 1, UNTIL, "waiting")
    running.advance(UNTIL)
    assert terms(running, plans)["ada"] == ("expired", 1, UNTIL, "none")
    assert counted(running, subscription)["renewals_waiting"] == 0


def test_a_renewal_that_is_taken_back_takes_the_plans_back_with_it(running: Running):
    _, subscription, plans = people(running, "ada", "bea")
    running.advance(OPENS_AT)
    done(ask(running, plans["ada"]))
    renew(running, subscription)
    assert terms(running, plans)["ada"][1:3] == (2, UNTIL_NEXT)
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/withdraw-renewal"))
    running.settle()
    assert terms(running, plans) == dict.fromkeys(plans, ("active", 1, UNTIL, "none"))
    assert done(ask(running, plans["ada"]))["renewal"] == "waiting"


def test_an_extension_moves_the_plans_and_the_day_from_which_one_may_ask(running: Running):
    _, subscription, plans = people(running, "ada")
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/extend", json={"days": 10}))
    running.settle()
    assert terms(running, plans)["ada"] == ("active", 1, "2028-02-24T05:00:00Z", "none")
    running.advance("2027-12-26T04:59:59Z")
    refused(ask(running, plans["ada"]), 409, "too-early")
    running.advance("2027-12-26T05:00:00Z")
    assert done(ask(running, plans["ada"]))["renewal"] == "waiting"


def test_whose_domain_was_retired_meanwhile_is_refused_and_told(running: Running):
    account, subscription, plans = people(running, "ada", domain="media.edu")
    plans["bea"] = running.request_plan(subscription, email="bea@mit.edu", registered_account_id="registered-bea")
    running.advance("2027-09-21T12:00:00Z")
    running.retire(account, "media.edu")
    running.advance(OPENS_AT)
    for plan in plans.values():
        assert done(ask(running, plan))["renewal"] == "waiting"
    running.advance("2027-12-22T00:00:00Z")
    renew(running, subscription)
    assert terms(running, plans) == {"ada": ("at_risk", 1, UNTIL, "none"), "bea": ("active", 2, UNTIL_NEXT, "none")}
    assert running.letters("user-plan-rejected") == ["ada@media.edu"]
    assert running.letters("user-plan-renewed") == ["bea@mit.edu"]
    running.advance(ENDS_AT)
    assert running.plan(plans["ada"])["status"] == "ended"


@pytest.mark.parametrize("early", [True, False])
def test_by_the_rules_plans_may_follow_the_institution_unasked(running_by, early):
    running = running_by(FOLLOW)
    account, subscription, plans = people(running, *NAMES)
    lost = running.request_plan(subscription, email="dan@media.edu", registered_account_id="registered-dan")
    left = running.request_plan(subscription, email="eve@mit.edu", registered_account_id="registered-eve")
    running.ask_of(left, "end", cause="left")
    running.advance("2027-09-21T12:00:00Z")
    running.retire(account, "media.edu")
    running.advance("2027-12-22T00:00:00Z" if early else "2028-01-20T00:00:00Z")
    renew(running, subscription)
    assert terms(running, plans) == dict.fromkeys(NAMES, ("active", 2, UNTIL_NEXT, "none"))
    assert (running.plan(lost)["term"], running.plan(left)["term"], running.plan(left)["status"]) == (1, 1, "ended")
    running.advance("2028-03-01T00:00:00Z")
    assert sorted(running.letters("user-plan-renewed")) == [f"{name}@mit.edu" for name in NAMES]
    assert running.letters("user-plan-expired") == []
    assert running.plan(lost)["status"] == "ended"
