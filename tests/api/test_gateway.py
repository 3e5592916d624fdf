"""The gateway's question, over HTTP: what is allowed and counted, and every reason why not, on both databases."""

import pytest

from tests.api.desk import Desk
from tests.api.running import ADA, Running, done


@pytest.fixture
def desk(running: Running) -> Desk:
    return Desk(running)


def test_an_allowed_call_is_told_its_limits_and_what_remains(desk: Desk):
    assert desk.check(records=10) == {
        "allowed": True,
        "reasons": [],
        "limits": {
            "product": "scholarly",
            "requests_per_month": 50_000,
            "requests_per_minute": 20,
            "records_per_request": 1_000,
            "nested_aggregations_per_request": None,
            "records_per_month": None,
            "remaining": {
                "requests_per_month": 49_999,
                "requests_per_minute": 19,
                "records_per_month": None,
                "resets_at": "2027-02-28T10:00:00Z",
            },
        },
        "retry_at": None,
        "reference": None,
    }
    assert desk.left() == (49_998, 18)
    assert desk.left(product="patent") == (19_999, 9)


def test_a_token_is_known_from_the_moment_that_it_is_issued(desk: Desk):
    """Also where nothing has followed the log since."""
    assert [] == desk.codes(desk.running.issue(desk.account))
    assert 200 == desk.usage(desk.running.issue(desk.account)).status_code


def test_a_call_counts_for_its_cost_and_its_records(desk: Desk):
    desk.check(records=10)
    desk.check(cost=4, records=0)
    desk.check()
    assert (6, 11) == desk.used()
    assert ["rate_minute"] == desk.codes(cost=15)
    assert (6, 11) == desk.used()
    assert (49_980, 0) == desk.left(cost=14)


def test_a_minute_begins_anew(desk: Desk):
    desk.at("2027-01-31T10:00:59.999999+00:00")
    assert [True] * 10 + [False] == [desk.check(product="patent")["allowed"] for _ in range(11)]
    assert desk.check(product="patent")["retry_at"] == "2027-01-31T10:01:00Z"
    desk.at("2027-01-31T10:01:00+00:00")
    assert (19_989, 9) == desk.left(product="patent")


def test_a_month_begins_anew_where_the_anchor_says(desk: Desk):
    """From the instant of activation, and not step by step: 31 January, 28 February, 31 March."""
    desk.limit(requests_per_month=2)
    for before, start, following in (
        ("2027-02-28T09:59:59.999999+00:00", "2027-02-28T10:00:00Z", "2027-03-31T10:00:00Z"),
        ("2027-03-31T09:59:59.999999+00:00", "2027-03-31T10:00:00Z", "2027-04-30T10:00:00Z"),
    ):
        assert (0, 18) == desk.left(cost=2)
        desk.at(before)
        refused = desk.check()
        assert (["quota_month"], start) == ([reason["code"] for reason in refused["reasons"]], refused["retry_at"])
        desk.at(start)
        left = done(desk.usage())
        assert (2, following) == (left["requests_per_month"]["remaining"], left["reset_date"])


def test_other_limits_change_nothing_of_what_was_used(desk: Desk):
    desk.check(cost=10)
    desk.limit(requests_per_month=12, requests_per_minute=100)
    assert (0, 88) == desk.left(cost=2)
    assert ["quota_month"] == desk.codes()
    desk.limit(requests_per_month=5)
    refused = desk.check()
    assert ["quota_month"] == [reason["code"] for reason in refused["reasons"]]
    assert 0 == refused["limits"]["remaining"]["requests_per_month"]
    desk.limit(requests_per_month=13)
    assert (0, 7) == desk.left()


def test_the_tokens_of_one_owner_share_what_is_left(desk: Desk):
    other = desk.running.issue(desk.account, "another")
    assert (49_995, 15) == desk.left(cost=5)
    assert (49_990, 10) == desk.left(other, cost=5)
    assert [(49_990, 10)] * 2 == [_left(desk, token) for token in (desk.token, other)]
    assert ["rate_minute"] == desk.codes(cost=11)


def _left(desk: Desk, token) -> tuple[int, int]:
    shown = done(desk.usage(token))
    return shown["requests_per_month"]["remaining"], shown["requests_per_minute"]["remaining"]


def test_one_person_at_two_institutions_has_two_quotas(desk: Desk):
    running = desk.running
    other = running.activate(running.open(running.another()))
    here, there = running.request_plan(desk.subscription), running.request_plan(other, email="ada@eth.ch")
    assert here["registered_account_id"] == there["registered_account_id"] == ADA
    one, two = running.issue(here), running.issue(there)
    assert (4_990, 0) == desk.left(one, cost=10)
    assert ["rate_minute"] == desk.codes(one)
    assert (4_999, 9) == desk.left(two)
    assert (49_999, 19) == desk.left()  # and the institution's own is a third


def test_a_secret_that_is_nobodys(desk: Desk):
    secret = desk.token["secret"]
    for wrong in (
        secret[:-1] + ("0" if secret[-1] != "0" else "1"),
        secret[:-1],
        f"{secret} ",
        secret.lower(),
        "tnr_live_",
        "",
        "é",
        "\x00",
    ):
        assert [("token_unknown", None)] == desk.why_not({"secret": wrong})


def test_why_not_the_token(desk: Desk):
    issued, running = desk.position("token.issued"), desk.running
    other = running.issue(desk.account)
    done(running.support.post(f"/v1/tokens/{other['id']}/revoke"))
    assert [("token_revoked", desk.position("token.revoked"))] == desk.why_not(other)
    turned = done(running.admin.post(f"/v1/tokens/{other['id']}/rotate"), 409)
    assert turned["type"].endswith("not-now")
    desk.do("renew")
    desk.at("2028-01-31T09:59:59.999999+00:00")
    assert [] == desk.why_not()
    desk.at("2028-01-31T10:00:00+00:00")
    assert [("token_expired", issued)] == desk.why_not()
    expired_and_revoked = [("token_expired", desk.position("token.revoked")), ("token_revoked", desk.position("token.revoked"))]
    assert expired_and_revoked == desk.why_not(other)


def test_a_token_that_was_rotated_ends_with_the_overlap(desk: Desk):
    running = desk.running
    new = done(running.admin.post(f"/v1/tokens/{desk.token['id']}/rotate", json={"overlap_days": 2}), 201)
    desk.at("2027-02-02T09:59:59.999999+00:00")
    assert [[], []] == [desk.codes(), desk.codes(new)]
    desk.at("2027-02-02T10:00:00+00:00")
    assert [[("token_expired", desk.position("token.rotated"))], []] == [desk.why_not(), desk.why_not(new)]
    running.wait(days=1)
    assert [("token_expired", desk.position("token.expired"))] == desk.why_not()


def test_why_not_the_plan(desk: Desk):
    running = desk.running
    plan = running.request_plan(desk.subscription)
    hers = running.issue(plan)
    running.ask_of(plan, "suspend")
    assert [("plan_missing", desk.position("user-plan.suspended"))] == desk.why_not(hers)
    running.ask_of(plan, "resume")
    resumed = desk.position("user-plan.resumed")
    assert [] == desk.why_not(hers)
    desk.at("2028-02-10T10:00:00+00:00")
    late = running.issue(plan, "late")
    desk.do("renew")
    desk.at("2028-02-14T04:59:59.999999+00:00")
    assert [] == desk.why_not(late)
    desk.at("2028-02-14T05:00:00+00:00")
    assert [("plan_expired", resumed)] == desk.why_not(late)
    running.settle()
    assert [("plan_expired", desk.position("user-plan.expired"))] == desk.why_not(late)


def test_why_not_the_subscription_and_the_account(desk: Desk):
    running = desk.running
    desk.do("suspend")
    assert [("subscription_suspended", desk.position("subscription.suspended"))] == desk.why_not()
    done(running.support.post(f"/v1/accounts/{desk.account['id']}/suspend"))
    held = [("subscription_suspended", desk.position("subscription.suspended")), ("account_suspended", desk.position("account.suspended"))]
    assert held == desk.why_not()
    desk.do("resume")
    assert held[1:] == desk.why_not()
    done(running.support.post(f"/v1/accounts/{desk.account['id']}/reinstate"))
    assert [] == desk.why_not()
    desk.at("2027-12-15T00:00:00+00:00")
    late = running.issue(desk.account, "late")
    desk.at("2028-02-14T04:59:59.999999+00:00")
    assert [] == desk.why_not(late)
    desk.at("2028-02-14T05:00:00+00:00")
    assert ["subscription_lapsed"] == desk.codes(late)
    running.settle()
    assert [("subscription_lapsed", desk.position("subscription.lapsed"))] == desk.why_not(late)
    desk.at("2028-08-01T00:00:00+00:00")
    again = running.open(desk.account, starts_on="2028-09-01", follows=desk.subscription["id"])
    opened = desk.position("subscription.opened")
    assert [("plan_missing", opened), ("subscription_pending", opened)] == desk.why_not(late)
    assert again["status"] == "pending"


def test_every_reason_is_given_in_its_order(desk: Desk):
    """Each with the event that decided it; what no counter has a part in is also what is explained."""
    running = desk.running
    product = "patent_aggregation"
    desk.limit(product, requests_per_month=1, requests_per_minute=1, records_per_month=5, records_per_request=3)
    assert [] == desk.codes(product=product)
    granted = desk.position("subscription.activated")
    too_much = {"records": 6, "nested_aggregations": 3}
    limits = ("quota_month", "quota_records", "rate_minute", "too_many_records", "too_many_nested_aggregations")
    assert [(code, granted) for code in limits] == desk.why_not(product=product, **too_much)
    desk.do("suspend")
    done(running.support.post(f"/v1/accounts/{desk.account['id']}/suspend"))
    done(running.support.post(f"/v1/tokens/{desk.token['id']}/revoke"))
    desk.at("2028-01-31T10:00:00+00:00")
    found = desk.why_not(product=product, **too_much)
    revoked, shut = desk.position("token.revoked"), desk.position("account.suspended")
    assert [("token_expired", revoked), ("token_revoked", revoked), ("account_suspended", shut)] == [found[0], found[1], found[3]]
    explained = done(running.support.get("/v1/access/explain", params={"token_id": desk.token["id"], "product": product}))
    assert found[:4] == [(reason["code"], reason["position"]) for reason in explained["reasons"]]
    assert list(limits[3:]) == [code for code, _ in found[4:]], "nobody is told of a quota who is not let in anyway"
