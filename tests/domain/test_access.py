"""Access is allowed, or refused with every reason there is, in order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.access import (
    AccountView,
    Code,
    PlanView,
    Question,
    Reason,
    Remaining,
    SubscriptionView,
    TokenView,
    Usage,
    decide_access,
)
from domain.catalogue import CURRENT, Product

MICROSECOND = timedelta(microseconds=1)
MARCH = datetime(2027, 3, 3, 10, tzinfo=UTC)
MAY_1 = datetime(2027, 5, 1, 12, tzinfo=UTC)
RESET = datetime(2027, 4, 1, 5, tzinfo=UTC)
NEXT_MINUTE = datetime(2027, 3, 3, 10, 1, tzinfo=UTC)
SEARCH = Question(product=Product.SCHOLARLY, records=100)
AGGREGATE = Question(product=Product.PATENT_AGGREGATION, nested_aggregations=2)
SCHOLARLY = CURRENT.institution[0]
TOKEN = TokenView(expires_at=MAY_1, position=1)
INSTITUTION = PlanView(plans=CURRENT.institution, position=2)
PERSON = PlanView(plans=CURRENT.user, until=MAY_1, position=3)
UNUSED = Usage(requests=0, records=0, resets_at=RESET, minute_resets_at=NEXT_MINUTE)
GOOD = {
    "token": TOKEN,
    "account": AccountView(status="active", position=4),
    "subscription": SubscriptionView(status="active", position=5),
    "plan": INSTITUTION,
    "usage": UNUSED,
    "now": MARCH,
}


def ask(question=SEARCH, **differently):
    return decide_access(question, **(GOOD | differently))


def codes(access):
    return [reason.code.value for reason in access.reasons]


def test_a_good_token_may_call_and_is_told_its_limits_and_what_is_left():
    access = ask(usage=replace(UNUSED, requests=10, requests_this_minute=3))
    assert (True, (), SCHOLARLY, None) == (access.allowed, access.reasons, access.limits, access.retry_at)
    assert Remaining(requests_per_month=49_989, requests_per_minute=16, records_per_month=None, resets_at=RESET) == access.remaining


def test_in_grace_and_at_risk_calls_go_on():
    assert ask(subscription=SubscriptionView(status="grace")).allowed
    assert ask(plan=replace(PERSON, status="at_risk")).allowed


def test_nothing_is_told_of_a_token_that_is_unknown():
    access = ask(token=None, account=AccountView(status="suspended"))
    assert ((Reason(Code.TOKEN_UNKNOWN, "there is no such token"),), None, None) == (access.reasons, access.limits, access.remaining)


def test_a_token_is_good_until_the_very_moment_it_ends_whatever_its_state_says():
    assert ask(now=MAY_1 - MICROSECOND).allowed
    assert (Reason(Code.TOKEN_EXPIRED, "the token ended on 2027-05-01 12:00 UTC", 1),) == ask(now=MAY_1).reasons


def test_a_revoked_token():
    access = ask(token=replace(TOKEN, revoked_because="leaked", position=9))
    assert (Reason(Code.TOKEN_REVOKED, "the token was revoked (leaked)", 9),) == access.reasons


def test_no_plan():
    assert ["plan_missing"] == codes(ask(plan=None))
    only_patents = replace(INSTITUTION, plans=CURRENT.institution[1:])
    assert (Reason(Code.PLAN_MISSING, "the token's owner has no plan for scholarly", 2),) == ask(plan=only_patents).reasons


@pytest.mark.parametrize("status", ["requested", "invited", "suspended", "ended", "rejected"])
def test_a_user_plan_that_is_not_active_is_none(status):
    access = ask(plan=replace(PERSON, status=status))
    assert (Reason(Code.PLAN_MISSING, f"the user plan is {status}, not active", 3),) == access.reasons


def test_a_user_plan_is_good_until_the_very_moment_it_ends():
    living = TokenView(expires_at=MAY_1 + timedelta(days=1))
    assert ask(token=living, plan=PERSON, now=MAY_1 - MICROSECOND).allowed
    expected = (Reason(Code.PLAN_EXPIRED, "the user plan ended on 2027-05-01 12:00 UTC", 3),)
    assert expected == ask(token=living, plan=PERSON, now=MAY_1).reasons
    assert ["plan_expired"] == codes(ask(plan=replace(PERSON, status="expired")))


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("pending", "subscription_pending"),
        ("lapsed", "subscription_lapsed"),
        ("ended", "subscription_lapsed"),
        ("suspended", "subscription_suspended"),
    ],
)
def test_a_subscription_that_gives_no_access(status, code):
    access = ask(subscription=SubscriptionView(status=status, position=6))
    assert ([code], 6) == (codes(access), access.reasons[0].position)
    assert SCHOLARLY == access.limits


def test_since_when_is_told():
    assert "the subscription is lapsed since 2027-04-01 05:00 UTC" == (
        ask(subscription=SubscriptionView(status="lapsed", since=RESET)).reasons[0].detail
    )
    assert ["subscription_lapsed"] == codes(ask(subscription=None))


@pytest.mark.parametrize("status", ["nominated", "suspended", "closed"])
def test_an_account_that_is_not_active(status):
    assert (Reason(Code.ACCOUNT_SUSPENDED, f"the institution's account is {status}, not active", 7),) == (
        ask(account=AccountView(status=status, position=7)).reasons
    )


def test_an_account_that_is_not_known():
    assert ["account_suspended"] == codes(ask(account=None))


@pytest.mark.parametrize(("used", "cost", "fine"), [(49_999, 1, True), (50_000, 1, False), (49_999, 2, False), (50_000, 0, True)])
def test_the_last_request_of_a_month_is_allowed_and_no_more(used, cost, fine):
    access = ask(replace(SEARCH, cost=cost), usage=replace(UNUSED, requests=used))
    assert fine == access.allowed
    assert 50_000 - used - (cost if fine else 0) == access.remaining.requests_per_month
    assert fine or ["quota_month"] == codes(access)
    assert (None if fine else RESET) == access.retry_at


def test_the_refusal_says_which_limit_how_much_and_when_it_resets():
    detail = ask(usage=replace(UNUSED, requests=50_000)).reasons[0].detail
    assert "50000 of 50000 requests of this month are used; the count begins anew on 2027-04-01 05:00 UTC" == detail


def test_records_per_month_count_where_there_is_such_a_limit():
    metered = replace(INSTITUTION, plans=(replace(SCHOLARLY, records_per_month=1_000),))
    assert ask(plan=metered, usage=replace(UNUSED, records=900)).allowed
    assert ["quota_records"] == codes(ask(plan=metered, usage=replace(UNUSED, records=901)))
    assert ["quota_records"] == codes(ask(replace(SEARCH, records=None), plan=metered, usage=replace(UNUSED, records=1_000)))
    assert 0 == ask(plan=metered, usage=replace(UNUSED, records=900)).remaining.records_per_month
    assert ask(usage=replace(UNUSED, records=10**9)).allowed


def test_requests_per_minute():
    assert ask(usage=replace(UNUSED, requests_this_minute=19)).allowed
    access = ask(usage=replace(UNUSED, requests_this_minute=20))
    assert (["rate_minute"], NEXT_MINUTE) == (codes(access), access.retry_at)


def test_waiting_is_not_advised_where_it_does_not_help():
    used = replace(UNUSED, requests_this_minute=1)
    most = SCHOLARLY.requests_per_minute
    assert NEXT_MINUTE == ask(replace(SEARCH, cost=most), usage=used).retry_at
    never = ask(replace(SEARCH, cost=most + 1), usage=used)
    assert (["rate_minute"], None) == (codes(never), never.retry_at)
    assert f"the call counts for {most + 1}" in never.reasons[0].detail
    few = replace(INSTITUTION, plans=(replace(SCHOLARLY, records_per_month=99),))
    assert (["quota_records"], None) == (codes(access := ask(plan=few, usage=UNUSED)), access.retry_at)


def test_records_per_request():
    assert ask(replace(SEARCH, records=1_000)).allowed
    access = ask(replace(SEARCH, records=1_001))
    assert (Reason(Code.TOO_MANY_RECORDS, "a request may ask for 1000 records, not 1001", 2),) == access.reasons
    assert access.retry_at is None


def test_nested_aggregations_per_request():
    assert ask(AGGREGATE).allowed
    assert ["too_many_nested_aggregations"] == codes(ask(replace(AGGREGATE, nested_aggregations=3)))
    assert ask(replace(SEARCH, nested_aggregations=3)).allowed
    assert ask(replace(AGGREGATE, records=10_000)).allowed


def test_a_person_has_limits_of_their_own():
    assert ["too_many_records"] == codes(ask(replace(SEARCH, records=501), plan=PERSON))


def test_every_reason_is_given_in_order():
    access = decide_access(
        replace(SEARCH, records=5_000, cost=30),
        token=TokenView(expires_at=MARCH, revoked_because="asked"),
        account=AccountView(status="suspended"),
        subscription=SubscriptionView(status="suspended"),
        plan=replace(PERSON, until=MARCH, plans=(replace(CURRENT.user[0], records_per_month=100),)),
        usage=replace(UNUSED, requests=5_000),
        now=MARCH,
    )
    assert not access.allowed
    assert [
        "token_expired",
        "token_revoked",
        "plan_expired",
        "subscription_suspended",
        "account_suspended",
        "quota_month",
        "quota_records",
        "rate_minute",
        "too_many_records",
    ] == codes(access)
    order = [code.value for code in Code]
    assert sorted(codes(access), key=order.index) == codes(access)


def test_without_usage_only_quotas_and_rates_are_left_out():
    access = ask(replace(SEARCH, records=1_001), usage=None)
    assert (["too_many_records"], None) == (codes(access), access.remaining)
