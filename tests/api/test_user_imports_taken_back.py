"""Lists that are complete, lists that are taken back, and lists that the world changes under."""

import pytest

from tests.api.running import LIBRARY, Running, done, refused

NAMES = ("ada", "bea", "cyd", "dan")
OVERRIDE = {"ground": "affiliated hospital", "licence": "partner licence 2027", "until": "2028-01-01T00:00:00Z"}
LONG = (*(f"p{n}@mit.edu" for n in range(5)), *(f"nobody {n}" for n in range(2_495)), *(f"q{n}@mit.edu" for n in range(5)))
"""One tick of the worker settles 2,500 rows."""


def people(running: Running, *names, hours=1):
    """MIT with these people, who have had their plans for an hour."""
    account, subscription = running.subscribed()
    plans = {}
    for name in names:
        plans[name] = running.request_plan(subscription, email=f"{name}@mit.edu", registered_account_id=f"registered-{name}")
    running.wait(hours=hours)
    return account, subscription, plans


def ask(running: Running, listing, what, **body):
    return running.support.post(f"/v1/user-imports/{listing['id']}/{what}", json=body)


def absent(running: Running, listing):
    return [plan["email"] for plan in done(running.support.get(f"/v1/user-imports/{listing['id']}/absent"))["items"]]


def statuses(running: Running, plans):
    return {name: running.plan(plan)["status"] for name, plan in plans.items()}


def ends(running: Running):
    """Why plans ended, by the address."""
    ended = done(running.client("auditor").get("/v1/history?topic=user-plan.ended&limit=500"))["items"]
    return {running.plan({"id": event["stream_id"]})["email"]: event["data"]["cause"] for event in ended}


def token_status(running: Running, token):
    return done(running.support.get(f"/v1/tokens/{token['id']}"))["status"]


# a list that is complete


def test_who_is_absent_is_at_risk_only_after_a_second_look(running: Running):
    _, subscription, plans = people(running, *NAMES)
    partner = running.request_plan(subscription, email="zoe@partner.org", registered_account_id="registered-zoe")
    running.ask_of(partner, "approve", **OVERRIDE)
    tokens = {name: running.issue(plans[name]) for name in ("bea", "cyd", "dan")}
    running.wait(hours=1)
    late = running.request_plan(subscription, email="late@mit.edu", registered_account_id="registered-late")
    listing = running.hand_in(subscription, "ADA@mit.edu", "new@mit.edu", mode="reconcile")
    refused(running.support.get(f"/v1/user-imports/{listing['id']}/absent"), 409, "not-reconciled")
    refused(ask(running, listing, "confirm-absences", absent=3), 409, "not-now")
    running.settle()
    assert (running.listing(listing)["absent"], running.listing(listing)["absences_confirmed"]) == (3, False)
    assert absent(running, listing) == ["bea@mit.edu", "cyd@mit.edu", "dan@mit.edu"]
    running.wait(days=3)
    everybody = plans | {"zoe": partner, "late": late}
    assert set(statuses(running, everybody).values()) == {"active"}

    for wrong in (0, 2, 4):
        assert refused(ask(running, listing, "confirm-absences", absent=wrong), 409, "absences-differ")["field"] == "absent"
    confirmed = done(ask(running, listing, "confirm-absences", absent=3))
    assert confirmed["absences_confirmed"] is True
    assert done(ask(running, listing, "confirm-absences", absent=3)) == confirmed
    running.settle()
    risks = {name: running.plan(plan)["risk"] for name, plan in everybody.items()}
    told = {"why": "absent-from-list", "until": "2027-02-17T12:00:00Z"}
    assert risks == {"ada": None, "bea": told, "cyd": told, "dan": told, "zoe": None, "late": None}
    assert sorted(running.letters("user-plan-at-risk")) == ["bea@mit.edu", "cyd@mit.edu", "dan@mit.edu"]

    assert running.ask_of(plans["bea"], "reconfirm")["status"] == "active"
    running.hand_in(subscription, "dan@mit.edu")  # the librarian had forgotten him
    running.advance("2027-02-17T11:59:59Z")
    assert statuses(running, plans) == {"ada": "active", "bea": "active", "cyd": "at_risk", "dan": "active"}
    assert token_status(running, tokens["cyd"]) == "active"
    running.advance("2027-02-17T12:00:00Z")
    assert statuses(running, everybody) == {name: "ended" if name == "cyd" else "active" for name in everybody}
    assert ends(running) == {"cyd@mit.edu": "at-risk"}
    assert running.letters("user-plan-ended") == ["cyd@mit.edu"]
    assert {name: token_status(running, token) for name, token in tokens.items()} == {"bea": "active", "cyd": "revoked", "dan": "active"}


def test_only_a_complete_list_for_real_tells_who_is_to_go(running: Running):
    _, subscription, plans = people(running, "ada", "bea")
    added = running.hand_in(subscription, "ada@mit.edu")
    looked_at = running.hand_in(subscription, "ada@mit.edu", mode="reconcile", dry_run=True)
    running.settle()
    refused(running.support.get(f"/v1/user-imports/{added['id']}/absent"), 409, "not-reconciled")
    refused(ask(running, added, "confirm-absences", absent=1), 409, "not-reconciled")
    assert absent(running, looked_at) == ["bea@mit.edu"]
    refused(ask(running, looked_at, "confirm-absences", absent=1), 409, "not-reconciled")
    assert set(statuses(running, plans).values()) == {"active"}


@pytest.mark.parametrize("row", ["ada@mit.edu,Ada \u202ename,", "ada@mit.edu,Ada,two words"])
def test_who_stands_on_a_list_in_a_row_that_cannot_be_read_is_not_absent(running: Running, row):
    """The row is told of as invalid; that its person is still there, nobody has denied."""
    _, subscription, plans = people(running, "ada", "bea")
    listing = running.hand_in(subscription, "email,name,registered_account_id", row, "x@@mit.edu,,", mode="reconcile")
    running.settle()
    assert running.outcomes(listing) == ["invalid", "invalid"]
    assert absent(running, listing) == ["bea@mit.edu"]
    done(ask(running, listing, "confirm-absences", absent=1))
    running.settle()
    assert statuses(running, plans) == {"ada": "active", "bea": "at_risk"}


# a list that is taken back


def test_an_import_is_taken_back_within_fourteen_days(running: Running):
    _, subscription, plans = people(running, "ada", "bea")
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/renew"))
    own = running.request_plan(subscription, email="dan@mit.edu", registered_account_id="registered-dan")
    listing = running.hand_in(subscription, "ada@mit.edu", "cyd@mit.edu", "dan@mit.edu", "eve@mit.edu")
    running.settle()
    assert running.outcomes(listing) == ["renewed", "activated", "already_active", "activated"]
    by_email = {plan["email"]: plan for plan in running.plans()}
    cyd, eve = by_email["cyd@mit.edu"], by_email["eve@mit.edu"]
    assert [by_email[f"{name}@mit.edu"]["term"] for name in NAMES] == [2, 1, 2, 2]
    tokens = {name: running.issue(plan) for name, plan in (("ada", plans["ada"]), ("cyd", cyd), ("eve", eve))}
    running.ask_of(eve, "end")
    eve = running.request_plan(subscription, email="eve@mit.edu", registered_account_id="registered-eve")  # by herself
    running.advance("2027-02-14T10:59:59Z")
    undone = done(ask(running, listing, "undo"))
    assert (undone["status"], done(ask(running, listing, "undo"))) == ("undone", undone)
    running.settle()
    assert running.plan(cyd)["status"] == "ended"
    ada = running.plan(plans["ada"])
    assert (ada["status"], ada["term"], ada["until"]) == ("active", 1, plans["ada"]["until"])
    assert (running.plan(own), running.plan(plans["bea"])["status"]) == (own, "active")
    assert running.plan(eve) == eve
    assert ends(running) == {"cyd@mit.edu": "undone", "eve@mit.edu": "asked"}
    assert {name: token_status(running, token) for name, token in tokens.items()} == {"ada": "active", "cyd": "revoked", "eve": "revoked"}
    again = running.hand_in(subscription, "ada@mit.edu", "cyd@mit.edu", "dan@mit.edu", "eve@mit.edu")
    assert again["warnings"] == []
    running.settle()
    assert running.outcomes(again) == ["renewed", "activated", "already_active", "already_active"]


def test_after_fourteen_days_to_the_second_an_import_stays(running: Running):
    _, subscription, _ = people(running)
    listing = running.hand_in(subscription, "ada@mit.edu")
    running.settle()
    assert running.listing(listing)["undo_until"] == "2027-02-14T11:00:00Z"
    running.advance("2027-02-14T11:00:00Z")
    refused(ask(running, listing, "undo"), 409, "too-late")
    running.settle()
    assert [plan["status"] for plan in running.plans()] == ["active"]


def test_a_dry_run_has_nothing_to_be_taken_back(running: Running):
    _, subscription, _ = people(running)
    listing = running.hand_in(subscription, "ada@mit.edu", dry_run=True)
    refused(ask(running, listing, "undo"), 409, "not-now")


def test_whom_a_list_put_at_risk_is_at_risk_no_more_when_it_is_taken_back(running: Running):
    _, subscription, plans = people(running, "ada", "bea")
    listing = running.hand_in(subscription, "ada@mit.edu", mode="reconcile")
    running.settle()
    done(ask(running, listing, "confirm-absences", absent=1))
    running.settle()
    assert statuses(running, plans) == {"ada": "active", "bea": "at_risk"}
    done(ask(running, listing, "undo"))
    running.wait(days=20)
    assert statuses(running, plans) == {"ada": "active", "bea": "active"}


# what changes in the middle


def halfway(running: Running, subscription):
    listing = running.hand_in(subscription, *LONG)
    running.catch_up()
    assert running.assembly.user_imports.tick() == 2_500
    return listing


def test_a_subscription_that_ends_in_the_middle_refuses_the_rest_and_ends_what_was_granted(running: Running):
    _, subscription, _ = people(running)
    listing = halfway(running, subscription)
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/cancel", json={"when": "now"}))
    running.settle()
    counted = running.listing(listing)
    assert (counted["status"], counted["outcomes"]) == ("completed", {"activated": 5, "invalid": 2_495, "refused": 5})
    assert running.rows(listing)[0]["outcome"] == "activated"
    last = done(running.support.get(f"/v1/user-imports/{listing['id']}/rows?outcome=refused"))["items"]
    assert {row["reason"] for row in last} == {"no-subscription"}
    assert {plan["status"] for plan in running.plans()} == {"ended"}
    assert set(ends(running).values()) == {"subscription-cancelled"}
    assert running.letters("user-import-report") == [LIBRARY]


def test_a_domain_that_is_retired_in_the_middle_lets_nobody_more_in(running: Running):
    account, subscription, _ = people(running)
    running.retire(account)
    running.wait(days=89)
    listing = halfway(running, subscription)
    running.assembly.clock.set(running.now.replace(month=5, day=3))
    running.settle()
    counted = running.listing(listing)
    assert (counted["status"], counted["outcomes"]) == ("completed", {"activated": 5, "invalid": 2_495, "wrong_domain": 5})
    assert {plan["risk"]["why"] for plan in running.plans()} == {"domain-retired"}
    assert len(running.plans()) == 5


def test_an_import_that_is_taken_back_in_the_middle_does_no_more_and_leaves_nothing(running: Running):
    _, subscription, _ = people(running)
    listing = halfway(running, subscription)
    done(ask(running, listing, "undo"))
    running.settle()
    running.wait(days=1)
    counted = running.listing(listing)
    assert (counted["status"], counted["settled"], counted["completed_at"]) == ("undone", 2_500, None)
    assert set(ends(running).values()) == {"undone"}
    assert len(ends(running)) == len(running.plans()) == 5
    assert running.letters("user-import-report") == []
