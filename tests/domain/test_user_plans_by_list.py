"""A list is the institution's own word for people: judged one by one, against how things are; and it can be taken back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.aggregates.institutional_user_plan import InstitutionalUserPlan, Status
from domain.commands.institutional_user_plan import GrantWaitingRequest, TakeUpRegistration, UndoListing
from domain.events.institutional_user_plan import (
    UserPlanEnded,
    UserPlanEndScheduled,
    UserPlanExpired,
    UserPlanReconfirmed,
    UserPlanRegistered,
    UserPlanRejected,
    UserPlanTermMoved,
)
from domain.rules import Rules
from tests.domain.given import given
from tests.domain.user_plan_facts import (
    ABSENT,
    ACCOUNT_FACTS,
    ACTIVATED,
    ADDRESS_CHANGED,
    ADMIT,
    ADMITTED,
    DOMAIN_LOST,
    DOMAIN_RETIRED,
    IMPORT,
    IN_14_DAYS,
    IN_REVIEW,
    IN_TERM_1,
    INVITED,
    KNOWN,
    KNOWN_RENEWED,
    LEFT,
    LISTED,
    MARCH,
    NOT_REGISTERED,
    OPENS,
    OTHER_IMPORT,
    OVERRIDE,
    PENDING,
    PLAN,
    RECONFIRMED,
    RENEWED,
    REQUESTED,
    REVIEW_DUE,
    SHARED,
    STOPPED,
    UNTIL_1,
    UNTIL_2,
    WAITING,
    granted,
    plan_after,
    renewed_at,
)

NEW = given(InstitutionalUserPlan())
RENEWED_BY_LIST = replace(renewed_at(MARCH), import_id=IMPORT)
OFF_THE_LIST = [LISTED, ADMITTED]
ELSEWHERE = replace(IN_TERM_1, id=UUID(int=33))
SUSPENDED = replace(IN_TERM_1, status="suspended", gives_access=False)
LAPSED = replace(IN_TERM_1, status="lapsed", gives_access=False)

# what a row does


@pytest.mark.parametrize(
    "before",
    [
        (),
        (REQUESTED, ACTIVATED, UserPlanExpired(at=MARCH)),
        (REQUESTED, ACTIVATED, UserPlanEnded(at=MARCH, cause="at-risk")),
        (INVITED, UserPlanEnded(at=MARCH, cause="declined")),
        (INVITED,),
    ],
    ids=["new", "expired", "ended", "declined", "invited"],
)
def test_whoever_has_no_plan_is_let_in(before):
    plan_after(*before).when(ADMIT, now=MARCH, **KNOWN).then(LISTED, ADMITTED)
    assert (Status.ACTIVE, None) == ((state := plan_after(*before, LISTED, ADMITTED).state).status, state.invitation_ends_at)


def test_being_listed_twice_is_being_listed_once():
    plan_after(*OFF_THE_LIST).when(ADMIT, now=MARCH, **KNOWN).then_nothing()
    plan_after(*OFF_THE_LIST).when(replace(ADMIT, import_id=OTHER_IMPORT), now=MARCH, **KNOWN).then_nothing()


def test_whoever_has_a_plan_keeps_it():
    granted().when(ADMIT, now=MARCH, **KNOWN).then_nothing()
    granted(STOPPED).when(ADMIT, now=MARCH, **KNOWN).then_nothing()


def test_whoever_has_a_plan_goes_on_where_the_institution_has_renewed():
    granted().when(ADMIT, now=MARCH, **KNOWN_RENEWED).then(RENEWED_BY_LIST)
    granted(WAITING).when(ADMIT, now=OPENS, **KNOWN_RENEWED).then(replace(RENEWED_BY_LIST, at=OPENS))
    granted(RENEWED_BY_LIST).when(ADMIT, now=MARCH, **KNOWN_RENEWED).then_nothing()
    granted(STOPPED).when(ADMIT, now=MARCH, **KNOWN_RENEWED).then(RENEWED_BY_LIST)
    assert Status.SUSPENDED is granted(STOPPED, RENEWED_BY_LIST).state.status


@pytest.mark.parametrize("risk", [DOMAIN_RETIRED, ABSENT, ADDRESS_CHANGED], ids=lambda risk: risk.why)
def test_whoever_is_at_risk_is_confirmed(risk):
    granted(risk).when(ADMIT, now=MARCH, **KNOWN).then(RECONFIRMED)
    granted(risk).when(ADMIT, now=MARCH, **KNOWN_RENEWED).then(RECONFIRMED, RENEWED_BY_LIST)
    assert Status.ACTIVE is granted(risk, RECONFIRMED).state.status
    assert Status.SUSPENDED is granted(risk, STOPPED, RECONFIRMED).state.status


def test_whoever_has_left_is_not_brought_back_by_a_list():
    granted(LEFT).when(ADMIT, now=MARCH, **KNOWN).then_refused("left-earlier")
    granted(UserPlanEnded(at=MARCH, cause="asked")).when(ADMIT, now=MARCH, **KNOWN).then(LISTED, ADMITTED)


@pytest.mark.parametrize(
    "since",
    [
        (INVITED,),
        (INVITED, UserPlanEnded(at=IN_14_DAYS, cause="invitation-lapsed")),
        (INVITED, UserPlanEnded(at=MARCH, cause="declined")),
        (IN_REVIEW, UserPlanRejected(at=MARCH, why="not-a-member")),
    ],
    ids=["invited", "lapsed", "declined", "rejected"],
)
def test_nor_is_one_who_has_left_forgotten_for_what_came_to_nothing_since(since):
    granted(LEFT, *since).when(ADMIT, now=IN_14_DAYS, **KNOWN).then_refused("left-earlier")


def test_who_came_back_and_went_otherwise_may_be_listed():
    back = granted(LEFT, REQUESTED, ACTIVATED, UserPlanExpired(at=MARCH))
    back.when(ADMIT, now=MARCH, **KNOWN).then(LISTED, ADMITTED)


def test_who_asked_to_come_back_waits_on():
    granted(LEFT, IN_REVIEW).when(ADMIT, now=MARCH, **KNOWN).then_nothing()


def test_who_is_to_leave_on_a_day_to_come_still_leaves_then():
    leaving = UserPlanEndScheduled(at=MARCH, ends_at=OPENS, cause="left")
    back = granted(leaving, UserPlanExpired(at=MARCH), LISTED, ADMITTED)
    assert (OPENS, "left") == (back.state.ends_at, back.state.end_cause)


def test_who_was_rejected_comes_before_the_reviewers():
    rejected = plan_after(IN_REVIEW, UserPlanRejected(at=MARCH, why="not-a-member"))
    rejected.when(ADMIT, now=MARCH, **KNOWN).then(replace(LISTED, doubts=("rejected-before",), review_due_at=REVIEW_DUE))


def test_who_waits_for_a_review_waits_on():
    plan_after(IN_REVIEW).when(ADMIT, now=MARCH, **KNOWN).then_nothing()


@pytest.mark.parametrize("before", [(), (REQUESTED, ACTIVATED), (INVITED,), (IN_REVIEW,)], ids=["new", "active", "invited", "requested"])
def test_a_domain_that_is_not_the_institutions_is_refused(before):
    plan_after(*before).when(ADMIT, now=MARCH, account=DOMAIN_LOST, subscription=IN_TERM_1).then_refused("wrong-domain", "mit.edu")


def test_whoever_was_let_in_by_an_override_is_judged_by_that():
    overridden = plan_after(REQUESTED, replace(ACTIVATED, override=OVERRIDE, until=OVERRIDE.until))
    lost = {"account": DOMAIN_LOST, "subscription": IN_TERM_1}
    overridden.when(ADMIT, now=MARCH, **lost).then_nothing()
    renewed = replace(RENEWED_BY_LIST, override=OVERRIDE, until=OVERRIDE.until)
    overridden.when(ADMIT, now=MARCH, account=DOMAIN_LOST, subscription=RENEWED).then(renewed)
    overridden.when(ADMIT, now=OVERRIDE.until, **lost).then_refused("wrong-domain")


def test_a_domain_that_is_shared_waits_for_a_review():
    doubted = replace(LISTED, doubts=("shared-domain",), review_due_at=REVIEW_DUE)
    NEW.when(ADMIT, now=MARCH, account=SHARED, subscription=IN_TERM_1).then(doubted)
    granted().when(ADMIT, now=MARCH, account=SHARED, subscription=IN_TERM_1).then_nothing()


def test_before_the_activation_a_list_waits_for_nobodys_review():
    listed = replace(LISTED, doubts=("subscription-pending",))
    NEW.when(ADMIT, now=MARCH, account=replace(ACCOUNT_FACTS, status="nominated"), subscription=PENDING).then(listed)
    assert not plan_after(listed).state.under_review
    plan_after(listed).when(ADMIT, now=MARCH, account=ACCOUNT_FACTS, subscription=PENDING).then_nothing()
    plan_after(listed).when(GrantWaitingRequest(id=PLAN), now=MARCH, **KNOWN).then(ADMITTED)
    plan_after(listed).when(ADMIT, now=MARCH, **KNOWN).then(ADMITTED)


@pytest.mark.parametrize("status", ["lapsed", "ended", "suspended"])
def test_no_list_without_a_subscription_that_gives_access(status):
    facts = replace(IN_TERM_1, status=status, gives_access=False)
    NEW.when(ADMIT, now=MARCH, account=ACCOUNT_FACTS, subscription=facts).then_refused("no-subscription", status)
    NEW.when(ADMIT, now=MARCH, account=ACCOUNT_FACTS).then_refused("no-subscription")
    NEW.when(ADMIT, now=MARCH, account=replace(ACCOUNT_FACTS, status="closed"), subscription=IN_TERM_1).then_refused("account-not-active")


@pytest.mark.parametrize("before", [(ACTIVATED,), (ACTIVATED, ABSENT), ()], ids=["active", "at risk", "requested"])
def test_a_plan_of_another_subscription_is_none_of_this_one(before):
    listed = replace(LISTED, subscription_id=ELSEWHERE.id)
    admit = replace(ADMIT, subscription_id=ELSEWHERE.id)
    plan_after(REQUESTED, *before).when(admit, now=MARCH, account=ACCOUNT_FACTS, subscription=ELSEWHERE).then(listed, ADMITTED)


def test_a_suspension_is_not_lifted_by_the_list_of_another_subscription():
    admit = replace(ADMIT, subscription_id=ELSEWHERE.id)
    renewed = replace(RENEWED, id=ELSEWHERE.id)
    granted(STOPPED).when(admit, now=MARCH, account=ACCOUNT_FACTS, subscription=renewed).then_nothing()


def test_a_review_is_due_a_working_day_later_in_the_institutions_zone():
    friday = datetime(2027, 3, 13, 4, tzinfo=UTC)  # still Friday in New York, where the clocks change on Sunday
    monday = datetime(2027, 3, 16, 3, tzinfo=UTC)
    listed = replace(LISTED, at=friday, doubts=("shared-domain",), review_due_at=monday)
    NEW.when(ADMIT, now=friday, account=SHARED, subscription=IN_TERM_1).then(listed)
    later = replace(listed, review_due_at=monday + timedelta(days=1))
    NEW.when(ADMIT, now=friday, account=SHARED, subscription=IN_TERM_1, rules=Rules(review_working_days=2)).then(later)


# who is not registered yet

UNKNOWN = replace(ADMIT, registered=False, registered_account_id=None)
TAKE_UP = TakeUpRegistration(id=PLAN, registered_account_id="r7")
REGISTERED = UserPlanRegistered(at=MARCH, registered_account_id="r7")


def test_whose_address_is_unknown_waits_until_it_registers():
    NEW.when(UNKNOWN, now=MARCH, **KNOWN).then(NOT_REGISTERED)
    waiting = plan_after(NOT_REGISTERED)
    assert waiting.state.waits_for_registration
    assert not waiting.state.under_review
    waiting.when(UNKNOWN, now=MARCH, **KNOWN).then_nothing()
    waiting.when(TAKE_UP, now=MARCH, **KNOWN).then(REGISTERED, ADMITTED)
    waiting.when(ADMIT, now=MARCH, **KNOWN).then(REGISTERED, ADMITTED)
    assert "r7" == plan_after(NOT_REGISTERED, REGISTERED, ADMITTED).state.registered_account_id


def test_taking_up_a_registration_twice_is_taking_it_up_once():
    plan_after(NOT_REGISTERED, REGISTERED, ADMITTED).when(TAKE_UP, now=MARCH, **KNOWN).then_nothing()
    NEW.when(TAKE_UP, now=MARCH, **KNOWN).then_nothing()
    plan_after(NOT_REGISTERED, LEFT).when(TAKE_UP, now=MARCH, **KNOWN).then_nothing()


def test_who_registers_after_the_renewal_gets_the_queued_term():
    plan_after(NOT_REGISTERED).when(TAKE_UP, now=MARCH, **KNOWN_RENEWED).then(REGISTERED, replace(ADMITTED, term=2, until=UNTIL_2))


def test_who_registers_when_the_domain_is_gone_has_waited_in_vain():
    rejected = UserPlanRejected(at=MARCH, why="wrong-domain")
    plan_after(NOT_REGISTERED).when(TAKE_UP, now=MARCH, account=DOMAIN_LOST, subscription=IN_TERM_1).then(REGISTERED, rejected)


def test_who_registers_when_the_domain_is_shared_comes_before_the_reviewers():
    outcome = plan_after(NOT_REGISTERED).when(TAKE_UP, now=MARCH, account=SHARED, subscription=IN_TERM_1)
    outcome.then(REGISTERED, replace(LISTED, doubts=("shared-domain",), review_due_at=REVIEW_DUE))


def test_other_doubts_are_left_when_the_address_registers():
    doubted = replace(NOT_REGISTERED, doubts=("shared-domain", "not-registered"), review_due_at=REVIEW_DUE)
    NEW.when(UNKNOWN, now=MARCH, account=SHARED, subscription=IN_TERM_1).then(doubted)
    plan_after(doubted).when(TAKE_UP, now=MARCH, account=SHARED, subscription=IN_TERM_1).then(
        found := replace(REGISTERED, doubts=("shared-domain",))
    )
    assert plan_after(doubted, found).state.under_review


def test_who_registers_before_the_activation_waits_for_that():
    pending = replace(NOT_REGISTERED, doubts=("subscription-pending", "not-registered"))
    NEW.when(UNKNOWN, now=MARCH, account=ACCOUNT_FACTS, subscription=PENDING).then(pending)
    found = replace(REGISTERED, doubts=("subscription-pending",))
    plan_after(pending).when(TAKE_UP, now=MARCH, account=ACCOUNT_FACTS, subscription=PENDING).then(found)
    plan_after(pending).when(GrantWaitingRequest(id=PLAN), now=MARCH, **KNOWN).then_nothing()
    plan_after(pending).when(TAKE_UP, now=MARCH, **KNOWN).then(found, ADMITTED)
    plan_after(pending, found).when(GrantWaitingRequest(id=PLAN), now=MARCH, **KNOWN).then(ADMITTED)


def test_who_registers_while_nothing_is_in_force_is_let_in_when_something_is_again():
    found = replace(REGISTERED, doubts=("subscription-pending",))
    plan_after(NOT_REGISTERED).when(TAKE_UP, now=MARCH, account=ACCOUNT_FACTS, subscription=LAPSED).then(found)
    plan_after(NOT_REGISTERED, found).when(GrantWaitingRequest(id=PLAN), now=MARCH, **KNOWN).then(ADMITTED)


def test_who_registers_during_a_suspension_has_a_plan_that_rests():
    plan_after(NOT_REGISTERED).when(TAKE_UP, now=MARCH, account=ACCOUNT_FACTS, subscription=SUSPENDED).then(REGISTERED, ADMITTED)
    stopped = replace(ACCOUNT_FACTS, status="suspended")
    plan_after(NOT_REGISTERED).when(TAKE_UP, now=MARCH, account=stopped, subscription=IN_TERM_1).then(REGISTERED, ADMITTED)


# taking a list back

UNDO = UndoListing(id=PLAN, import_id=IMPORT)
UNDONE = UserPlanEnded(at=MARCH, cause="undone")


def test_what_a_list_granted_ends():
    plan_after(*OFF_THE_LIST).when(UNDO, now=MARCH, **KNOWN).then(UNDONE)
    plan_after(*OFF_THE_LIST, STOPPED).when(UNDO, now=MARCH, **KNOWN).then(UNDONE)
    plan_after(*OFF_THE_LIST, DOMAIN_RETIRED).when(UNDO, now=MARCH, **KNOWN).then(UNDONE)
    plan_after(*OFF_THE_LIST, UNDONE).when(UNDO, now=MARCH, **KNOWN).then_nothing()


def test_who_only_waited_waits_no_more():
    plan_after(NOT_REGISTERED).when(UNDO, now=MARCH, **KNOWN).then(UNDONE)
    doubted = replace(LISTED, doubts=("shared-domain",))
    plan_after(doubted).when(UNDO, now=MARCH, **KNOWN).then(UNDONE)
    plan_after(doubted, UserPlanRejected(at=MARCH, why="not-a-member")).when(UNDO, now=MARCH, **KNOWN).then_nothing()


def test_what_a_list_renewed_goes_back_to_its_term_once():
    back = UserPlanTermMoved(at=MARCH, term=1, until=UNTIL_1)
    renewed = granted(RENEWED_BY_LIST)
    renewed.when(UNDO, now=MARCH, **KNOWN_RENEWED).then(back)
    granted(RENEWED_BY_LIST, back).when(UNDO, now=MARCH, **KNOWN_RENEWED).then_nothing()
    renewed.when(UNDO, now=MARCH, account=ACCOUNT_FACTS).then_nothing()
    assert (1, UNTIL_1) == ((state := granted(RENEWED_BY_LIST, back).state).term, state.until)


def test_who_is_not_at_risk_for_a_list_any_more_when_that_is_taken_back():
    granted(ABSENT).when(UNDO, now=MARCH, **KNOWN).then(RECONFIRMED)
    granted(ABSENT, RECONFIRMED).when(UNDO, now=MARCH, **KNOWN).then_nothing()
    granted(ABSENT, STOPPED).when(UNDO, now=MARCH, **KNOWN).then(RECONFIRMED)
    granted(DOMAIN_RETIRED).when(UNDO, now=MARCH, **KNOWN).then_nothing()


def test_what_a_list_did_not_do_is_not_taken_back_with_it():
    granted().when(UNDO, now=MARCH, **KNOWN).then_nothing()
    NEW.when(UNDO, now=MARCH, **KNOWN).then_nothing()
    plan_after(*OFF_THE_LIST).when(replace(UNDO, import_id=OTHER_IMPORT), now=MARCH, **KNOWN).then_nothing()
    granted(ABSENT).when(replace(UNDO, import_id=OTHER_IMPORT), now=MARCH, **KNOWN).then_nothing()
    own_renewal = plan_after(*OFF_THE_LIST, renewed_at(OPENS))
    own_renewal.when(UNDO, now=OPENS, **KNOWN_RENEWED).then_nothing()
    asked_again = plan_after(*OFF_THE_LIST, UserPlanExpired(at=MARCH), REQUESTED, ACTIVATED)
    asked_again.when(UNDO, now=MARCH, **KNOWN).then_nothing()


def test_a_list_that_was_taken_back_may_come_again():
    outcome = plan_after(*OFF_THE_LIST, UNDONE).when(replace(ADMIT, import_id=OTHER_IMPORT), now=MARCH, **KNOWN)
    outcome.then(replace(LISTED, import_id=OTHER_IMPORT), replace(ADMITTED, import_id=OTHER_IMPORT))


def test_a_reconfirmation_says_when():
    granted(ABSENT).when(ADMIT, now=OPENS, **KNOWN).then(UserPlanReconfirmed(at=OPENS))
