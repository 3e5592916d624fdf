"""People and domains that change: at risk for a while, confirmed or ended, and back again by their own word only."""

from tests.api.running import Running, as_csv, done, refused

GONE_AT = "2027-05-01T10:00:00Z"  # ninety days after the start


def subscribed(running: Running):
    account, subscription = running.subscribed()
    return account, subscription, running.request_plan(subscription)


def token_status(running: Running, token):
    return done(running.support.get(f"/v1/tokens/{token['id']}"))["status"]


def history(running: Running, plan):
    events = done(running.client("auditor").get(f"/v1/history?stream={plan['id']}&limit=500"))["items"]
    return [event["topic"].removeprefix("user-plan.") for event in events]


# domains


def test_whose_domain_is_retired_is_at_risk_for_fourteen_days_and_then_ended(running: Running):
    account, _, plan = subscribed(running)
    token = running.issue(plan)
    assert running.retire(account)["domains"][0]["retires_at"] == GONE_AT
    running.advance("2027-05-01T09:59:59Z")
    assert running.plan(plan)["status"] == "active"
    running.advance(GONE_AT)
    at_risk = running.plan(plan)
    assert (at_risk["status"], at_risk["risk"]) == ("at_risk", {"why": "domain-retired", "until": "2027-05-15T10:00:00Z"})
    assert running.letters("user-plan-at-risk") == ["ada@mit.edu"]
    refused(running.support.post(f"/v1/user-plans/{plan['id']}/reconfirm"), 409, "wrong-domain")
    running.advance("2027-05-15T09:59:59Z")
    assert (running.plan(plan)["status"], token_status(running, token)) == ("at_risk", "active")
    running.advance("2027-05-15T10:00:00Z")
    assert (running.plan(plan)["status"], token_status(running, token)) == ("ended", "revoked")
    assert running.letters("user-plan-ended") == ["ada@mit.edu"]
    assert running.letters("token-revoked") == ["ada@mit.edu"]


def test_who_is_at_risk_is_confirmed_when_the_domain_is_claimed_again(running: Running):
    account, _, plan = subscribed(running)
    running.retire(account)
    running.advance("2027-05-10T00:00:00Z")
    assert running.plan(plan)["status"] == "at_risk"
    running.claim(account, "mit.edu")
    running.settle()
    assert (running.plan(plan)["status"], running.plan(plan)["risk"]) == ("active", None)
    running.advance("2027-06-01T00:00:00Z")
    assert running.plan(plan)["status"] == "active"
    assert history(running, plan) == ["requested", "activated", "at-risk", "reconfirmed"]


def test_a_longer_claim_that_goes_leaves_those_whom_a_shorter_one_covers(running: Running):
    account, subscription = running.subscribed()
    running.claim(account, "lincoln.edu", subdomains=True)
    running.claim(account, "labs.lincoln.edu")
    plan = running.request_plan(subscription, email="ada@labs.lincoln.edu")
    running.retire(account, "labs.lincoln.edu")
    running.advance("2027-06-01T00:00:00Z")
    assert running.plan(plan)["status"] == "active"


# addresses


def test_an_address_that_fits_is_taken_over_and_the_old_one_is_free(running: Running):
    account, subscription, plan = subscribed(running)
    running.claim(account, "media.edu")
    platform = running.client("platform", on_behalf_of=plan["registered_account_id"])
    changed = done(platform.post(f"/v1/user-plans/{plan['id']}/change-address", json={"email": "Ada@Media.edu"}))
    assert (changed["status"], changed["email"], changed["until"]) == ("active", "Ada@media.edu", plan["until"])
    newcomer = running.request_plan(subscription, registered_account_id="registered-other-ada")
    assert newcomer["id"] != plan["id"]
    taken = platform.post(f"/v1/user-plans/{plan['id']}/change-address", json={"email": "ada@mit.edu"})
    assert refused(taken, 409, "person-known")["field"] == "email"
    assert running.plan(plan) == changed


def test_an_address_that_does_not_fit_puts_at_risk_and_a_good_one_saves(running: Running):
    _, _, plan = subscribed(running)
    path = f"/v1/user-plans/{plan['id']}/change-address"
    moved = done(running.support.post(path, json={"email": "ada@partner.org"}))
    assert (moved["status"], moved["risk"]["why"], moved["risk"]["until"]) == ("at_risk", "address-changed", "2027-02-14T10:00:00Z")
    running.settle()
    assert running.letters("user-plan-at-risk") == ["ada@partner.org"]
    back = done(running.support.post(path, json={"email": "ada.lovelace@mit.edu"}))
    assert (back["status"], back["risk"]) == ("active", None)
    running.wait(days=30)
    assert running.plan(plan)["status"] == "active"
    done(running.support.post(path, json={"email": "ada@partner.org"}))
    running.wait(days=14)
    assert running.plan(plan)["status"] == "ended"


# leaving


def test_who_leaves_on_a_day_to_come_leaves_then_and_the_tokens_with_it(running: Running):
    _, _, plan = subscribed(running)
    token = running.issue(plan)
    told = running.ask_of(plan, "end", cause="left", at="2027-06-30T22:00:00Z")
    assert (told["status"], running.ask_of(plan, "end", cause="left", at="2027-06-30T22:00:00Z")) == ("active", told)
    running.advance("2027-06-30T21:59:59Z")
    assert (running.plan(plan)["status"], token_status(running, token)) == ("active", "active")
    journey = running.advance("2027-06-30T22:00:00Z")
    assert [(event["topic"], event["at"]) for event in journey["events"] if event["topic"].startswith(("user-plan", "token"))] == [
        ("user-plan.ended", "2027-06-30T22:00:00Z"),
        ("token.revoked", "2027-06-30T22:00:00Z"),
    ]
    assert (running.plan(plan)["status"], token_status(running, token)) == ("ended", "revoked")
    refused(running.admin.post("/v1/tokens", json={"owner_id": plan["id"], "label": "again"}), 409, "plan-not-active")


def test_who_has_left_is_brought_back_by_no_list_but_by_an_own_request(running: Running):
    _, subscription, plan = subscribed(running)
    token = running.issue(plan)
    running.ask_of(plan, "end", cause="left")
    running.settle()
    for query in ({}, {"mode": "reconcile"}, {"dry_run": True}):
        listing = done(running.send_list(subscription, as_csv("ada@mit.edu"), **query), 201)
        running.settle()
        assert running.outcomes(listing) == ["left_earlier"]
    assert running.plan(plan)["status"] == "ended"
    again = running.request_plan(subscription)
    assert (again["id"], again["status"]) == (plan["id"], "active")  # a new period on the same stream
    assert history(running, plan) == ["requested", "activated", "ended", "requested", "activated"]
    assert token_status(running, token) == "revoked"
    assert running.issue(again)["status"] == "active"
    running.ask_of(again, "end")  # by itself no word of having left
    listing = running.hand_in(subscription, "ada@mit.edu")
    running.settle()
    assert running.outcomes(listing) == ["activated"]


def test_who_has_left_may_be_invited_back(running: Running):
    _, subscription, plan = subscribed(running)
    running.ask_of(plan, "end", cause="left")
    invited = running.invite(subscription, "ada@mit.edu", registered_account_id=plan["registered_account_id"])
    assert (invited["id"], invited["status"]) == (plan["id"], "invited")
    listing = running.hand_in(subscription, "ada@mit.edu")
    running.settle()
    assert running.outcomes(listing) == ["left_earlier"]
    platform = running.client("platform", on_behalf_of=plan["registered_account_id"])
    assert done(platform.post(f"/v1/user-plans/{plan['id']}/accept"))["status"] == "active"


def test_one_person_at_two_institutions_has_two_plans_that_end_apart(running: Running):
    account = running.convert(running.nominate(domains=["mit.edu", "broad.org"]))
    other = running.another()
    done(running.support.post(f"/v1/accounts/{account['id']}/domains/broad.org/consent", json={"with_account": other["id"]}))
    running.claim(other, "broad.org", shared=True)
    plans = []
    for institution in (account, other):
        _, subscription = running.subscribed(institution)
        plan = running.request_plan(subscription, email="ada@broad.org")
        plans.append(running.ask_of(plan, "approve"))
    here, there = plans
    assert here["id"] != there["id"]
    assert (here["account_id"], there["account_id"]) == (account["id"], other["id"])
    tokens = [running.issue(plan) for plan in plans]
    running.catch_up()
    platform = running.client("platform", on_behalf_of=here["registered_account_id"])
    assert [plan["id"] for plan in done(platform.get("/v1/user-plans"))["items"]] == [here["id"], there["id"]]
    running.ask_of(here, "end", cause="left")
    running.settle()
    assert [running.plan(plan)["status"] for plan in plans] == ["ended", "active"]
    assert [token_status(running, token) for token in tokens] == ["revoked", "active"]
