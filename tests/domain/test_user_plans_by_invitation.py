"""Who is invited has plans once they accept; until then, for fourteen days of the institution's calendar, nothing."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.aggregates.institutional_user_plan import InstitutionalUserPlan, Status
from domain.commands.institutional_user_plan import (
    AcceptInvitation,
    DeclineInvitation,
    EndUserPlan,
    GrantWaitingRequest,
    InviteUser,
    LapseInvitation,
)
from domain.events.base import Claim
from domain.events.institutional_user_plan import (
    UserPlanAccepted,
    UserPlanEnded,
    UserPlanExpired,
    UserPlanInvited,
    UserPlanRejected,
)
from domain.rules import Rules
from tests.domain.given import given
from tests.domain.user_plan_facts import (
    ABSENT,
    ACCOUNT,
    ACCOUNT_FACTS,
    ACTIVATED,
    ASK,
    DOMAIN_LOST,
    IN_14_DAYS,
    IN_REVIEW,
    IN_TERM_1,
    INVITED,
    KNOWN,
    KNOWN_RENEWED,
    LEFT,
    MARCH,
    MICROSECOND,
    NOT_REGISTERED,
    PENDING,
    PLAN,
    REQUESTED,
    SHARED,
    STOPPED,
    SUBSCRIPTION,
    UNTIL_2,
    granted,
    plan_after,
)

INVITE = InviteUser(
    id=PLAN,
    account_id=ACCOUNT,
    subscription_id=SUBSCRIPTION,
    registered_account_id="r7",
    email="ada@mit.edu",
    name="Ada",
    person_key="k1",
    registered=True,
)
ACCEPT, DECLINE, LAPSE = AcceptInvitation(id=PLAN, registered_account_id="r7"), DeclineInvitation(id=PLAN), LapseInvitation(id=PLAN)
ACCEPTED = UserPlanAccepted(at=MARCH, registered_account_id="r7")
DECLINED = UserPlanEnded(at=MARCH, cause="declined")
LAPSED = UserPlanEnded(at=IN_14_DAYS, cause="invitation-lapsed")
NEW = given(InstitutionalUserPlan())
NOMINATED = replace(ACCOUNT_FACTS, status="nominated")


def test_an_invitation_stands_for_fourteen_days_of_the_institutions_calendar():
    NEW.when(INVITE, now=MARCH, **KNOWN).then(INVITED)
    assert Status.INVITED is plan_after(INVITED).state.status
    assert [("lapse", IN_14_DAYS)] == [(each.name, each.due_at) for each in plan_after(INVITED).state.deadlines(PLAN)]
    assert (Claim("person", "k1"),) == INVITED.claims()


def test_how_long_an_invitation_stands_is_a_rule_and_remembered():
    brief = datetime(2027, 3, 5, 10, tzinfo=UTC)
    NEW.when(INVITE, now=MARCH, rules=Rules(invitation_days=2), **KNOWN).then(replace(INVITED, expires_at=brief))
    plan_after(replace(INVITED, expires_at=brief)).when(LAPSE, now=brief, **KNOWN).then(replace(LAPSED, at=brief))


def test_the_unregistered_are_invited_too():
    unknown = replace(INVITE, registered=False, registered_account_id=None)
    invited = replace(INVITED, registered=False, registered_account_id=None)
    NEW.when(unknown, now=MARCH, **KNOWN).then(invited)
    plan_after(invited).when(ACCEPT, now=MARCH, **KNOWN).then(ACCEPTED, ACTIVATED)
    assert "r7" == plan_after(invited, ACCEPTED, ACTIVATED).state.registered_account_id


@pytest.mark.parametrize(
    "before",
    [(INVITED,), (REQUESTED, ACTIVATED), (IN_REVIEW,), (NOT_REGISTERED,), (REQUESTED, ACTIVATED, STOPPED), (REQUESTED, ACTIVATED, ABSENT)],
    ids=["invited", "active", "requested", "listed", "suspended", "at risk"],
)
def test_nobody_is_invited_twice_nor_to_what_they_have(before):
    plan_after(*before).when(INVITE, now=MARCH, **KNOWN).then_nothing()


@pytest.mark.parametrize(
    "before",
    [(REQUESTED, ACTIVATED, UserPlanExpired(at=MARCH)), (REQUESTED, ACTIVATED, LEFT), (INVITED, DECLINED), (INVITED, LAPSED)],
    ids=["expired", "left", "declined", "lapsed"],
)
def test_who_is_gone_may_be_invited_back(before):
    plan_after(*before).when(INVITE, now=MARCH, **KNOWN).then(INVITED)
    plan_after(*before, INVITED).when(ACCEPT, now=MARCH, **KNOWN).then(ACCEPTED, ACTIVATED)


def test_who_was_rejected_may_be_invited():
    rejected = plan_after(IN_REVIEW, UserPlanRejected(at=MARCH, why="not-a-member"))
    rejected.when(INVITE, now=MARCH, **KNOWN).then(INVITED)


def test_no_invitation_without_domain_account_or_subscription():
    NEW.when(INVITE, now=MARCH, account=DOMAIN_LOST, subscription=IN_TERM_1).then_refused("wrong-domain")
    NEW.when(INVITE, now=MARCH, account=replace(ACCOUNT_FACTS, status="closed"), subscription=IN_TERM_1).then_refused("account-not-active")
    lapsed = replace(IN_TERM_1, status="lapsed", gives_access=False)
    NEW.when(INVITE, now=MARCH, account=ACCOUNT_FACTS, subscription=lapsed).then_refused("no-subscription", "lapsed")
    others = replace(IN_TERM_1, account_id=UUID(int=99))
    NEW.when(INVITE, now=MARCH, account=ACCOUNT_FACTS, subscription=others).then_refused("no-subscription")


def test_who_accepts_has_plans_at_once():
    plan_after(INVITED).when(ACCEPT, now=MARCH, **KNOWN).then(ACCEPTED, ACTIVATED)
    plan_after(INVITED).when(ACCEPT, now=MARCH, **KNOWN_RENEWED).then(ACCEPTED, replace(ACTIVATED, term=2, until=UNTIL_2))
    accepted = plan_after(INVITED, ACCEPTED, ACTIVATED)
    accepted.when(ACCEPT, now=MARCH, **KNOWN).then_nothing()
    assert (Status.ACTIVE, None, MARCH) == ((state := accepted.state).status, state.invitation_ends_at, state.requested_at)


def test_who_accepts_need_not_name_an_account():
    plan_after(INVITED).when(AcceptInvitation(id=PLAN), now=MARCH, **KNOWN).then(replace(ACCEPTED, registered_account_id=None), ACTIVATED)
    assert "r7" == plan_after(INVITED, replace(ACCEPTED, registered_account_id=None)).state.registered_account_id


def test_who_accepts_before_the_activation_waits_for_it():
    waits = replace(ACCEPTED, doubts=("subscription-pending",))
    NEW.when(INVITE, now=MARCH, account=NOMINATED, subscription=PENDING).then(INVITED)
    plan_after(INVITED).when(ACCEPT, now=MARCH, account=NOMINATED, subscription=PENDING).then(waits)
    waiting = plan_after(INVITED, waits)
    assert not waiting.state.under_review
    waiting.when(ACCEPT, now=MARCH, account=NOMINATED, subscription=PENDING).then_nothing()
    waiting.when(GrantWaitingRequest(id=PLAN), now=MARCH, **KNOWN).then(ACTIVATED)


def test_the_institutions_own_invitation_stands_for_a_review_of_a_shared_domain():
    NEW.when(INVITE, now=MARCH, account=SHARED, subscription=IN_TERM_1).then(INVITED)
    plan_after(INVITED).when(ACCEPT, now=MARCH, account=SHARED, subscription=IN_TERM_1).then(ACCEPTED, ACTIVATED)


def test_an_invitation_is_of_no_use_once_the_domain_or_the_subscription_is_gone():
    plan_after(INVITED).when(ACCEPT, now=MARCH, account=DOMAIN_LOST, subscription=IN_TERM_1).then_refused("wrong-domain")
    ended = replace(IN_TERM_1, status="ended", gives_access=False)
    plan_after(INVITED).when(ACCEPT, now=MARCH, account=ACCOUNT_FACTS, subscription=ended).then_refused("no-subscription", "ended")
    stopped = replace(ACCOUNT_FACTS, status="suspended")
    plan_after(INVITED).when(ACCEPT, now=MARCH, account=stopped, subscription=IN_TERM_1).then_refused("account-not-active")


@pytest.mark.parametrize(
    ("before", "status"),
    [
        ((), "new"),
        ((INVITED, DECLINED), "ended"),
        ((INVITED, LAPSED), "ended"),
        ((REQUESTED, ACTIVATED, STOPPED), "suspended"),
        ((REQUESTED, ACTIVATED, ABSENT), "at risk"),
    ],
    ids=["new", "declined", "lapsed", "suspended", "at risk"],
)
def test_without_an_invitation_there_is_nothing_to_accept(before, status):
    plan_after(*before).when(ACCEPT, now=MARCH, **KNOWN).then_refused("not-now", f"cannot accept invitation: the user plan is {status}")


def test_who_declines_has_no_plan():
    plan_after(INVITED).when(DECLINE, now=MARCH).then(DECLINED)
    plan_after(INVITED, DECLINED).when(DECLINE, now=MARCH).then_nothing()
    plan_after(INVITED, LAPSED).when(DECLINE, now=IN_14_DAYS).then_refused("not-now", "ended")
    granted().when(DECLINE, now=MARCH).then_refused("not-now", "active")
    assert ((), "declined") == ((state := plan_after(INVITED, DECLINED).state).deadlines(PLAN), state.ended_because)


def test_an_invitation_lapses_at_the_very_moment():
    plan_after(INVITED).when(LAPSE, now=IN_14_DAYS - MICROSECOND).then_nothing()
    plan_after(INVITED).when(LAPSE, now=IN_14_DAYS).then(LAPSED)
    plan_after(INVITED, LAPSED).when(LAPSE, now=IN_14_DAYS).then_nothing()


@pytest.mark.parametrize("answer", [(DECLINED,), (ACCEPTED, ACTIVATED), (LEFT,)], ids=["declined", "accepted", "ended"])
def test_what_was_answered_does_not_lapse(answer):
    plan_after(INVITED, *answer).when(LAPSE, now=IN_14_DAYS).then_nothing()
    assert "lapse" not in [deadline.name for deadline in plan_after(INVITED, *answer).state.deadlines(PLAN)]


def test_who_is_invited_may_ask_as_well():
    plan_after(INVITED).when(ASK, now=MARCH, **KNOWN).then(REQUESTED, ACTIVATED)


def test_an_invitation_can_be_taken_back():
    plan_after(INVITED).when(EndUserPlan(id=PLAN), now=MARCH).then(UserPlanEnded(at=MARCH, cause="asked"))


def test_an_invitation_begins_a_new_period():
    state = granted(LEFT, INVITED).state
    assert isinstance(INVITED, UserPlanInvited)
    assert (Status.INVITED, 0, None, ()) == (state.status, state.term, state.ended_because, state.plans)
