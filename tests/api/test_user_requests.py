"""People who ask for plans of their own: granted at once, or put before somebody, who has one working day."""

import pytest

from domain.catalogue import CURRENT
from tests.api.running import ADA, Running, done, refused

UNTIL = "2028-02-14T05:00:00Z"  # the end of the term, and thirty days of grace
OVERRIDE = {"ground": "affiliated hospital", "licence": "partner licence 2027", "until": "2027-09-01T00:00:00Z"}


def ask(running: Running, subscription, email, on_behalf_of=ADA):
    body = {"subscription_id": subscription["id"], "email": email}
    return running.client("platform", on_behalf_of=on_behalf_of).post("/v1/user-plans", json=body)


def reviews(running: Running, which):
    running.catch_up()
    return [(plan["email"], plan["review_overdue"]) for plan in running.plans(review=which)]


def sharing(running: Running):
    """MIT with a domain that another institution has too."""
    account = running.convert(running.nominate(domains=["mit.edu", "broad.org"]))
    other = running.another()
    agreed = f"/v1/accounts/{account['id']}/domains/broad.org/consent"
    done(running.support.post(agreed, json={"with_account": other["id"]}))
    running.claim(other, "broad.org", shared=True)
    return running.subscribed(account)


def test_who_is_at_a_domain_of_the_institution_has_all_four_plans_at_once(running: Running):
    _, subscription = running.subscribed()
    plan = done(ask(running, subscription, "Ada@MIT.edu"), 201)
    assert (plan["status"], plan["doubts"], plan["until"], plan["term"]) == ("active", [], UNTIL, 1)
    assert (plan["email"], plan["registered_account_id"]) == ("Ada@mit.edu", ADA)
    limits = {each["product"]: each["requests_per_month"] for each in plan["plans"]}
    assert limits == {each.product: each.requests_per_month for each in CURRENT.user}
    assert len(limits) == 4
    running.settle()
    assert running.letters("user-plan-activated") == ["Ada@mit.edu"]


def test_asking_twice_is_asking_once_however_the_address_is_written(running: Running):
    _, subscription = running.subscribed()
    first = done(ask(running, subscription, "ada@mit.edu"), 201)
    again = done(ask(running, subscription, "ADA@Mit.Edu"), 201)
    assert again == first
    tagged = done(ask(running, subscription, "ada+lens@mit.edu"), 201)
    assert tagged["id"] != first["id"]


@pytest.mark.parametrize("email", ["eve@mit.edu.evil.com", "eve@notmit.edu", "eve@csail.mit.edu", "eve@edu"])
def test_whose_domain_does_not_fit_is_refused(on_sqlite: Running, email):
    _, subscription = on_sqlite.subscribed()
    answer = ask(on_sqlite, subscription, email)
    if email == "eve@edu":
        refused(answer, 422, "invalid-email")
    else:
        assert refused(answer, 409, "wrong-domain")["field"] == "email"
    on_sqlite.catch_up()
    assert on_sqlite.plans() == []


def test_subdomains_count_only_where_the_claim_says_so_and_the_longest_claim_wins(running: Running):
    account, subscription = running.subscribed()
    refused(ask(running, subscription, "ada@csail.mit.edu"), 409, "wrong-domain")
    running.claim(account, "lincoln.edu", subdomains=True)
    assert done(ask(running, subscription, "bea@a.b.lincoln.edu", "registered-bea"), 201)["status"] == "active"
    assert done(ask(running, subscription, "cyd@lincoln.edu", "registered-cyd"), 201)["status"] == "active"
    refused(ask(running, subscription, "eve@notlincoln.edu"), 409, "wrong-domain")


def test_a_domain_that_two_institutions_share_needs_a_person_to_decide(running: Running):
    _, subscription = sharing(running)
    plan = done(ask(running, subscription, "ada@broad.org"), 201)
    assert (plan["status"], plan["doubts"], plan["plans"]) == ("requested", ["shared-domain"], [])
    assert plan["review_due_at"] == "2027-02-02T05:00:00Z"  # asked on a Sunday: it counts from Monday morning in Cambridge
    running.settle()
    assert running.letters("user-plan-under-review") == ["ada@broad.org"]
    approved = running.ask_of(plan, "approve")
    assert (approved["status"], approved["until"], approved["review_due_at"]) == ("active", UNTIL, None)
    running.settle()
    assert running.letters("user-plan-activated") == ["ada@broad.org"]
    assert running.ask_of(plan, "approve") == approved


def test_a_review_is_red_after_one_working_day_to_the_second(running: Running):
    _, subscription = running.subscribed()
    running.advance("2027-02-05T20:30:00Z")  # Friday, half past three in the afternoon in Cambridge
    plan = running.request_plan(subscription, email="ada@partner.org")
    assert (plan["doubts"], plan["review_due_at"]) == (["wrong-domain"], "2027-02-08T20:30:00Z")
    running.advance("2027-02-08T20:29:59Z")
    assert reviews(running, "open") == [("ada@partner.org", False)]
    assert reviews(running, "overdue") == []
    counted = done(running.support.get(f"/v1/subscriptions/{subscription['id']}/users"))
    assert (counted["reviews_open"], counted["reviews_overdue"], counted["statuses"]) == (1, 0, {"requested": 1})
    running.advance("2027-02-08T20:30:00Z")
    assert reviews(running, "overdue") == reviews(running, "open") == [("ada@partner.org", True)]
    counted = done(running.support.get(f"/v1/subscriptions/{subscription['id']}/users"))
    assert (counted["reviews_open"], counted["reviews_overdue"]) == (1, 1)
    running.ask_of(plan, "reject", cause="not-ours")
    assert reviews(running, "open") == reviews(running, "overdue") == []


def test_who_is_rejected_is_told_and_is_looked_at_again_when_asking_again(running: Running):
    _, subscription = sharing(running)
    plan = done(ask(running, subscription, "ada@broad.org"), 201)
    assert running.ask_of(plan, "reject", cause="not-ours")["status"] == "rejected"
    running.settle()
    assert running.letters("user-plan-rejected") == ["ada@broad.org"]
    again = done(ask(running, subscription, "ada@broad.org"), 201)
    assert (again["id"], again["status"], again["doubts"]) == (plan["id"], "requested", ["shared-domain", "rejected-before"])


def test_staff_let_in_whose_domain_does_not_fit_on_a_ground_under_a_licence_and_until_a_day(running: Running):
    _, subscription = running.subscribed()
    plan = running.request_plan(subscription, email="ada@partner.org")
    approve = f"/v1/user-plans/{plan['id']}/approve"
    assert refused(running.support.post(approve), 409, "override-needed")["field"] == "ground"
    for missing in OVERRIDE:
        body = {name: value for name, value in OVERRIDE.items() if name != missing}
        assert refused(running.support.post(approve, json=body), 409, "override-incomplete")["field"] == missing
    over = OVERRIDE | {"until": "2027-01-31T10:00:00Z"}
    assert refused(running.support.post(approve, json=over), 409, "override-over")["field"] == "until"
    approved = running.ask_of(plan, "approve", **OVERRIDE)
    assert (approved["status"], approved["until"]) == ("active", OVERRIDE["until"])
    (event,) = done(running.client("auditor").get(f"/v1/history?stream={plan['id']}&topic=user-plan.activated"))["items"]
    assert event["data"]["override"] == OVERRIDE
    running.advance("2027-08-31T23:59:59Z")
    assert running.plan(plan)["status"] == "active"
    running.advance("2027-09-01T00:00:00Z")
    assert running.plan(plan)["status"] == "expired"


def test_a_librarian_lets_in_what_fits_and_nobody_else(running: Running):
    account, subscription = sharing(running)
    librarian = running.client("institution", account=account)
    fits = done(ask(running, subscription, "ada@broad.org"), 201)
    foreign = running.request_plan(subscription, email="eve@partner.org", registered_account_id="registered-eve")
    refused(librarian.post(f"/v1/user-plans/{foreign['id']}/approve", json=OVERRIDE), 403, "override-by-staff")
    refused(librarian.post(f"/v1/user-plans/{foreign['id']}/approve"), 409, "override-needed")
    assert done(librarian.post(f"/v1/user-plans/{fits['id']}/approve"))["status"] == "active"
    assert done(librarian.post(f"/v1/user-plans/{foreign['id']}/reject"))["status"] == "rejected"


def test_who_asks_before_the_subscription_begins_waits_for_it_and_is_let_in_with_it(running: Running):
    account = running.convert(running.nominate())
    subscription = running.open(account)
    plan = done(ask(running, subscription, "ada@mit.edu"), 201)
    assert (plan["status"], plan["doubts"], plan["review_due_at"]) == ("requested", ["subscription-pending"], None)
    assert reviews(running, "open") == []
    running.activate(subscription)
    running.settle()
    assert (running.plan(plan)["status"], running.plan(plan)["until"]) == ("active", UNTIL)
    assert running.letters("user-plan-activated") == ["ada@mit.edu"]


def test_who_asks_after_the_renewal_has_the_queued_term(running: Running):
    _, subscription = running.subscribed()
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/renew"))
    plan = done(ask(running, subscription, "ada@mit.edu"), 201)
    assert (plan["status"], plan["term"], plan["until"]) == ("active", 2, "2029-02-14T05:00:00Z")


def test_nobody_is_let_in_where_the_subscription_gives_no_access(running: Running):
    account, subscription = running.subscribed()
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/suspend"))
    refused(ask(running, subscription, "ada@mit.edu"), 409, "no-subscription")
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/resume"))
    done(running.support.post(f"/v1/accounts/{account['id']}/suspend", json={"reason": {"code": "contract"}}))
    refused(ask(running, subscription, "ada@mit.edu"), 409, "account-not-active")


def test_the_platform_sees_the_plans_of_the_account_that_it_acts_for(running: Running):
    _, subscription = running.subscribed()
    hers = done(ask(running, subscription, "ada@mit.edu"), 201)
    other = done(ask(running, subscription, "bea@mit.edu", "registered-bea"), 201)
    running.catch_up()
    platform = running.client("platform", on_behalf_of=ADA)
    for query in ("", f"?subscription_id={subscription['id']}", "?status=active"):
        assert [plan["id"] for plan in done(platform.get(f"/v1/user-plans{query}"))["items"]] == [hers["id"]]
    for answer in (
        platform.get(f"/v1/user-plans/{other['id']}"),
        platform.post(f"/v1/user-plans/{other['id']}/request-renewal"),
        platform.post(f"/v1/user-plans/{other['id']}/change-address", json={"email": "eve@mit.edu"}),
    ):
        refused(answer, 404, "not-found")
    assert running.plan(other) == other
