"""Who is registered is known to the platform: not at all by the rules, or from a table that it keeps with us."""

import pytest

from tests.api.running import Running, done, refused

KNOWN = "registered_accounts_known = true"


@pytest.fixture
def known(running_by):
    return running_by(KNOWN)


def told(*accounts):
    return {"accounts": [{"registered_account_id": id, "emails": list(emails)} for id, *emails in accounts]}


def put(running: Running, *accounts, role="platform"):
    return running.client(role).put("/v1/registered-accounts", json=told(*accounts))


def ask(running: Running, subscription, email="ada@mit.edu", by="r-ada"):
    body = {"subscription_id": subscription["id"], "email": email}
    return running.client("platform", on_behalf_of=by).post("/v1/user-plans", json=body)


def listed(running: Running, subscription, *emails):
    listing = running.hand_in(subscription, *emails)
    running.settle()
    return running.outcomes(listing)


# off


def test_where_every_address_counts_as_registered_nothing_is_kept(running: Running):
    _, subscription = running.subscribed()
    refused(put(running, ("r-ada", "ada@mit.edu")), 409, "registrations-off")
    assert listed(running, subscription, "ada@mit.edu") == ["activated"]
    assert done(ask(running, subscription, "bea@mit.edu", "r-bea"), 201)["status"] == "active"


# on


def test_a_request_names_an_account_that_has_the_address(known: Running):
    _, subscription = known.subscribed()
    assert refused(ask(known, subscription), 409, "not-registered")["field"] == "email"
    assert done(put(known, ("r-ada", "ADA@mit.edu", "ada@home.example"), ("r-bea", "bea@mit.edu"))) == {"accounts": 2, "emails": 3}
    assert refused(ask(known, subscription, by="r-bea"), 409, "not-registered")["field"] == "registered_account_id"
    plan = done(ask(known, subscription), 201)
    assert (plan["status"], plan["registered_account_id"]) == ("active", "r-ada")
    body = {"subscription_id": subscription["id"], "email": "bea@mit.edu"}
    assert done(known.support.post("/v1/user-plans", json=body), 201)["registered_account_id"] == "r-bea"  # the table knows it


def test_who_is_listed_unregistered_is_let_in_the_moment_the_address_registers(known: Running):
    _, subscription = known.subscribed()
    put(known, ("r-bea", "bea@mit.edu"))
    assert listed(known, subscription, "ada@mit.edu", "bea@mit.edu") == ["not_registered", "activated"]
    (waiting,) = known.plans(status="requested")
    assert (waiting["doubts"], waiting["review_due_at"], known.plans(review="open")) == (["not-registered"], None, [])
    assert known.letters("user-plan-under-review") == []
    assert listed(known, subscription, "ada@mit.edu") == ["not_registered"]
    known.wait(days=40)
    done(put(known, ("r-ada", "ada@home.example", "Ada@MIT.edu")))
    assert known.plan(waiting)["status"] == "requested"
    known.settle()
    plan = known.plan(waiting)
    assert (plan["status"], plan["registered_account_id"], plan["doubts"]) == ("active", "r-ada", [])
    assert known.letters("user-plan-activated") == ["bea@mit.edu", "ada@mit.edu"]
    head = known.assembly.store.log.max_notification_id()
    done(put(known, ("r-ada", "ada@mit.edu")))
    known.settle()
    assert known.assembly.store.log.max_notification_id() == head


def test_a_list_that_comes_after_the_registration_and_before_the_heartbeat_does_it_as_well(known: Running):
    _, subscription = known.subscribed()
    assert listed(known, subscription, "ada@mit.edu") == ["not_registered"]
    done(put(known, ("r-ada", "ada@mit.edu")))
    again = known.hand_in(subscription, "ada@mit.edu")
    known.catch_up()
    known.assembly.user_imports.tick()
    known.catch_up()
    assert known.outcomes(again) == ["activated"]


def test_whose_domain_has_gone_meanwhile_has_waited_in_vain(known: Running):
    account, subscription = known.subscribed()
    assert listed(known, subscription, "ada@mit.edu") == ["not_registered"]
    known.retire(account)
    known.wait(days=91)
    done(put(known, ("r-ada", "ada@mit.edu")))
    known.settle()
    (plan,) = known.plans()
    assert (plan["status"], plan["registered_account_id"]) == ("rejected", "r-ada")
    assert known.letters("user-plan-rejected") == ["ada@mit.edu"]


def test_who_registers_before_the_subscription_begins_begins_with_it(known: Running):
    account = known.convert(known.nominate())
    subscription = known.open(account)
    listing = known.hand_in(subscription, "ada@mit.edu")
    known.settle()
    assert known.outcomes(listing) == ["waiting"]
    done(put(known, ("r-ada", "ada@mit.edu")))
    known.settle()
    assert known.plans()[0]["doubts"] == ["subscription-pending"]
    known.activate(subscription)
    known.settle()
    assert known.plans()[0]["status"] == "active"


def test_an_account_that_loses_the_address_puts_the_plan_at_risk(known: Running):
    _, subscription = known.subscribed()
    put(known, ("r-ada", "ada@mit.edu"), ("r-bea", "bea@mit.edu"))
    plan = done(ask(known, subscription), 201)
    other = done(ask(known, subscription, "bea@mit.edu", "r-bea"), 201)
    token = known.issue(plan)
    done(put(known, ("r-ada", "ada@home.example")))
    known.settle()
    assert known.plan(plan)["risk"] == {"why": "address-changed", "until": "2027-02-14T10:00:00Z"}
    assert (known.plan(other)["status"], known.letters("user-plan-at-risk")) == ("active", ["ada@mit.edu"])
    known.advance("2027-02-14T10:00:00Z")
    assert (known.plan(plan)["status"], done(known.support.get(f"/v1/tokens/{token['id']}"))["status"]) == ("ended", "revoked")


def test_whoever_is_vouched_for_is_left_in_peace(known: Running):
    _, subscription = known.subscribed()
    put(known, ("r-ada", "ada@mit.edu"))
    plan = done(ask(known, subscription), 201)
    done(put(known, ("r-ada", "ada@home.example")))
    known.settle()
    assert known.ask_of(plan, "reconfirm")["status"] == "active"
    known.wait(days=30)
    assert known.plan(plan)["status"] == "active"
    assert known.letters("user-plan-at-risk") == ["ada@mit.edu"]


def test_of_an_account_of_which_nothing_was_ever_told_nothing_is_concluded(known: Running):
    """The plan is older than the table, or was asked for by staff."""
    _, subscription = known.subscribed()
    plan = known.invite(subscription, "ada@mit.edu", registered_account_id="r-ada")
    done(known.client("platform", on_behalf_of="r-ada").post(f"/v1/user-plans/{plan['id']}/accept"))
    put(known, ("r-bea", "bea@mit.edu"))
    known.settle()
    assert known.plan(plan)["status"] == "active"


def test_an_address_has_the_account_that_was_told_last(known: Running):
    _, subscription = known.subscribed()
    put(known, ("r-old", "ada@mit.edu"))
    put(known, ("r-new", "ada@mit.edu"))
    refused(ask(known, subscription, by="r-old"), 409, "not-registered")
    assert done(ask(known, subscription, by="r-new"), 201)["registered_account_id"] == "r-new"


def test_two_hundred_people_and_more_register_at_once(known: Running):
    _, subscription = known.subscribed()
    emails = [f"p{number}@mit.edu" for number in range(230)]
    assert set(listed(known, subscription, *emails)) == {"not_registered"}
    assert done(put(known, *((f"r-{number}", email) for number, email in enumerate(emails)))) == {"accounts": 230, "emails": 230}
    known.settle()
    assert done(known.support.get(f"/v1/subscriptions/{subscription['id']}/users"))["statuses"] == {"active": 230}
    assert len(known.catcher.messages) == len({caught.recipient for caught in known.catcher.messages}) + 2  # the library has three


@pytest.mark.parametrize(
    ("accounts", "field"),
    [
        ([("r-ada", "ada@@mit.edu")], "accounts.0.emails.0"),
        ([("r-ada", "ada@mit.edu"), ("r-bea", "bea@mit.edu", "x")], "accounts.1.emails.1"),
        ([("r-ada", "ada@mit.edu"), ("r-ada", "ada@home.example")], "accounts.1.registered_account_id"),
        ([("two words", "ada@mit.edu")], "accounts.0.registered_account_id"),
    ],
)
def test_what_cannot_be_is_refused_whole(known: Running, accounts, field):
    _, subscription = known.subscribed()
    answer = put(known, ("r-zoe", "zoe@mit.edu"), *accounts)
    number, _, rest = field.removeprefix("accounts.").partition(".")
    assert (answer.status_code, answer.json()["field"]) == (422, f"accounts.{int(number) + 1}.{rest}")
    refused(ask(known, subscription, "zoe@mit.edu", "r-zoe"), 409, "not-registered")


@pytest.mark.parametrize("role", ["support", "auditor", "gateway"])
def test_only_the_platform_tells(known: Running, role):
    refused(put(known, ("r-ada", "ada@mit.edu"), role=role), 403, "role-not-allowed")
