"""A token lives a year, and ends once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.aggregates.api_token import ApiToken
from domain.commands.api_token import ExpireToken, IssueToken, RemindOfToken, ReportLeak, RevokeToken, RotateToken
from domain.context import AccountFacts, SubscriptionFacts, UserPlanFacts
from domain.events.api_token import (
    TokenExpired,
    TokenExpiring,
    TokenIssued,
    TokenLeaked,
    TokenReminderSkipped,
    TokenRevoked,
    TokenRotated,
)
from tests.domain.given import given

TOKEN, NEXT = UUID(int=1), UUID(int=2)
ACCOUNT, PLAN, SUBSCRIPTION = UUID(int=3), UUID(int=4), UUID(int=5)
MAY_1 = datetime(2027, 5, 1, 12, tzinfo=UTC)
NEXT_MAY_1 = datetime(2028, 5, 1, 12, tzinfo=UTC)
JUNE = datetime(2028, 6, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
ISSUE = IssueToken(
    id=TOKEN, account_id=ACCOUNT, owner_id=ACCOUNT, label="repository", digest="d1", pepper=1, prefix="tnr_live_ab12", last_four="9xQz"
)
ISSUED = TokenIssued(
    at=MAY_1,
    account_id=ACCOUNT,
    owner_id=ACCOUNT,
    label="repository",
    digest="d1",
    pepper=1,
    prefix="tnr_live_ab12",
    last_four="9xQz",
    expires_at=NEXT_MAY_1,
    slot=1,
    reminders=(30, 14, 7, 1),
)
ROTATED = TokenRotated(at=MAY_1, replaced_by=NEXT, expires_at=MAY_1 + timedelta(days=7))
LIVE = AccountFacts(id=ACCOUNT, status="active", institution="MIT", registered_account_id="r1", time_zone="America/New_York")
IN_FORCE = SubscriptionFacts(id=SUBSCRIPTION, account_id=ACCOUNT, status="active", gives_access=True, term=None)
ACTIVE_PLAN = UserPlanFacts(id=PLAN, account_id=ACCOUNT, subscription_id=SUBSCRIPTION, status="active")


def test_a_token_is_issued_for_one_calendar_year():
    given(ApiToken()).when(ISSUE, now=MAY_1, account=LIVE, subscription=IN_FORCE).then(ISSUED)


def test_a_token_of_29_february_ends_on_28_february():
    leap = datetime(2028, 2, 29, 9, tzinfo=UTC)
    outcome = given(ApiToken()).when(ISSUE, now=leap, account=LIVE, subscription=IN_FORCE)
    outcome.then(replace(ISSUED, at=leap, expires_at=datetime(2029, 2, 28, 9, tzinfo=UTC)))


def test_a_user_plan_may_own_a_token_while_it_is_active():
    issue = replace(ISSUE, owner_id=PLAN)
    given(ApiToken()).when(issue, now=MAY_1, account=LIVE, user_plan=ACTIVE_PLAN).then(replace(ISSUED, owner_id=PLAN))
    given(ApiToken()).when(issue, now=MAY_1, account=LIVE, user_plan=replace(ACTIVE_PLAN, status="expired")).then_refused("plan-not-active")


def test_the_lowest_free_slot_is_taken_and_the_sixth_token_refused():
    four = frozenset({1, 2, 4, 5})
    given(ApiToken()).when(ISSUE, now=MAY_1, account=LIVE, subscription=IN_FORCE, taken_slots=four).then(replace(ISSUED, slot=3))
    given(ApiToken()).when(ISSUE, now=MAY_1, account=LIVE, subscription=IN_FORCE, taken_slots=four | {3}).then_refused("too-many-tokens")


@pytest.mark.parametrize("status", ["pending", "lapsed", "suspended", "ended"])
def test_no_token_without_a_subscription_in_force_or_grace(status):
    facts = replace(IN_FORCE, status=status, gives_access=False)
    given(ApiToken()).when(ISSUE, now=MAY_1, account=LIVE, subscription=facts).then_refused("no-subscription", status)
    given(ApiToken()).when(ISSUE, now=MAY_1, account=LIVE).then_refused("no-subscription")


def test_no_token_for_an_account_that_is_not_active():
    suspended = replace(LIVE, status="suspended")
    given(ApiToken()).when(ISSUE, now=MAY_1, account=suspended, subscription=IN_FORCE).then_refused("account-not-active", "suspended")


def test_issuing_what_is_issued_is_refused():
    given(ApiToken(), ISSUED).when(ISSUE, now=MAY_1, account=LIVE, subscription=IN_FORCE).then_refused("not-now")


def test_a_token_lives_until_the_very_moment_it_ends():
    token = given(ApiToken(), ISSUED)
    token.when(ExpireToken(id=TOKEN), now=NEXT_MAY_1 - MICROSECOND).then_nothing()
    token.when(ExpireToken(id=TOKEN), now=NEXT_MAY_1).then(TokenExpired(at=NEXT_MAY_1))


def test_expiring_twice_is_expiring_once():
    given(ApiToken(), ISSUED, TokenExpired(at=NEXT_MAY_1)).when(ExpireToken(id=TOKEN), now=JUNE).then_nothing()


def test_what_was_never_issued_cannot_expire():
    given(ApiToken()).when(ExpireToken(id=TOKEN), now=JUNE).then_refused("not-now", "expire token")


def test_a_rotated_token_goes_on_for_the_overlap():
    given(ApiToken(), ISSUED).when(RotateToken(id=TOKEN, replaced_by=NEXT), now=MAY_1).then(ROTATED)


def test_the_overlap_never_outlives_the_token():
    late = NEXT_MAY_1 - timedelta(days=3)
    expected = TokenRotated(at=late, replaced_by=NEXT, expires_at=NEXT_MAY_1)
    given(ApiToken(), ISSUED).when(RotateToken(id=TOKEN, replaced_by=NEXT), now=late).then(expected)


@pytest.mark.parametrize(("days", "fine"), [(0, True), (30, True), (31, False), (-1, False)])
def test_the_overlap_has_bounds(days, fine):
    outcome = given(ApiToken(), ISSUED).when(RotateToken(id=TOKEN, replaced_by=NEXT, overlap_days=days), now=MAY_1)
    assert fine == (outcome.refusal is None)


def test_rotating_twice():
    rotating = given(ApiToken(), ISSUED, ROTATED)
    rotating.when(RotateToken(id=TOKEN, replaced_by=NEXT), now=MAY_1).then_nothing()
    rotating.when(RotateToken(id=TOKEN, replaced_by=UUID(int=9)), now=MAY_1).then_refused("not-now", "rotating")


def test_a_rotating_token_ends_with_its_overlap_and_is_not_reminded_of():
    rotating = given(ApiToken(), ISSUED, ROTATED)
    rotating.when(ExpireToken(id=TOKEN), now=ROTATED.expires_at - MICROSECOND).then_nothing()
    rotating.when(ExpireToken(id=TOKEN), now=ROTATED.expires_at).then(TokenExpired(at=ROTATED.expires_at))
    rotating.when(RemindOfToken(id=TOKEN, days_left=7), now=NEXT_MAY_1 - timedelta(days=7)).then_nothing()


def test_revoking():
    revoked = TokenRevoked(at=JUNE, cause="asked")
    given(ApiToken(), ISSUED).when(RevokeToken(id=TOKEN), now=JUNE).then(revoked)
    given(ApiToken(), ISSUED, ROTATED).when(RevokeToken(id=TOKEN), now=JUNE).then(revoked)
    given(ApiToken(), ISSUED, revoked).when(RevokeToken(id=TOKEN), now=JUNE).then_nothing()
    given(ApiToken()).when(RevokeToken(id=TOKEN), now=JUNE).then_refused("not-now")


def test_a_leak_is_on_record_and_revokes_at_once():
    leaked, revoked = TokenLeaked(at=JUNE, where="a public gist"), TokenRevoked(at=JUNE, cause="leaked")
    report = ReportLeak(id=TOKEN, where="a public gist")
    given(ApiToken(), ISSUED).when(report, now=JUNE).then(leaked, revoked)
    given(ApiToken(), ISSUED, leaked, revoked).when(report, now=JUNE).then_nothing()
    given(ApiToken(), ISSUED, TokenExpired(at=NEXT_MAY_1)).when(report, now=JUNE).then(leaked)
    given(ApiToken()).when(report, now=JUNE).then_refused("not-now")


def test_a_reminder_goes_out_at_its_rung_once():
    due = NEXT_MAY_1 - timedelta(days=14)
    expiring = TokenExpiring(at=due, days_left=14, expires_at=NEXT_MAY_1)
    given(ApiToken(), ISSUED).when(RemindOfToken(id=TOKEN, days_left=14), now=due).then(expiring)
    given(ApiToken(), ISSUED, expiring).when(RemindOfToken(id=TOKEN, days_left=14), now=due).then_nothing()
    given(ApiToken(), ISSUED).when(RemindOfToken(id=TOKEN, days_left=13), now=due).then_nothing()


def test_a_rung_whose_successor_is_due_too_is_skipped_on_record():
    due = NEXT_MAY_1 - timedelta(days=14)
    remind = RemindOfToken(id=TOKEN, days_left=14)
    token = given(ApiToken(), ISSUED)
    token.when(remind, now=due, observed_at=NEXT_MAY_1 - timedelta(days=7) - MICROSECOND).then(
        TokenExpiring(at=due, days_left=14, expires_at=NEXT_MAY_1)
    )
    token.when(remind, now=due, observed_at=NEXT_MAY_1 - timedelta(days=7)).then(
        TokenReminderSkipped(at=due, days_left=14, expires_at=NEXT_MAY_1, why="the reminder 7 days before was due too")
    )
    token.when(remind, now=due, observed_at=NEXT_MAY_1).then(
        TokenReminderSkipped(at=due, days_left=14, expires_at=NEXT_MAY_1, why="it had ended by then")
    )
