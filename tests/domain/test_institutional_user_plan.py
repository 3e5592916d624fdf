"""A user plan is granted for a term of the institution's subscription, and goes on only for those who ask."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.aggregates.institutional_user_plan import InstitutionalUserPlan, Renewal, Status
from domain.commands.institutional_user_plan import (
    ApproveUserPlan,
    EndUserPlan,
    EndUserPlanAsScheduled,
    GrantWaitingRequest,
    RejectUserPlan,
    RemindOfUserPlan,
    ResumeUserPlan,
    SuspendUserPlan,
)
from domain.context import ClaimedDomain, TermFacts, UserPlanFacts
from domain.events.base import Claim
from domain.events.institutional_user_plan import (
    RenewalRefused,
    UserPlanEnded,
    UserPlanEndScheduled,
    UserPlanExpired,
    UserPlanExpiring,
    UserPlanRejected,
    UserPlanReminderSkipped,
    UserPlanResumed,
    UserPlanSuspended,
    UserPlanTermMoved,
)
from domain.matching import covering
from domain.rules import Rules
from tests.domain.given import given
from tests.domain.user_plan_facts import (
    ACCOUNT,
    ACCOUNT_FACTS,
    ACTIVATED,
    ASK,
    ASK_RENEWAL,
    DOMAIN_LOST,
    EXPIRE,
    FOLLOW,
    GRANT,
    IN_REVIEW,
    IN_TERM_1,
    KNOWN,
    KNOWN_RENEWED,
    MARCH,
    MICROSECOND,
    MIT,
    OPENS,
    OVERRIDE,
    PENDING,
    PLAN,
    RENEWED,
    REQUESTED,
    REVIEW_DUE,
    SHARED,
    SUBSCRIPTION,
    TERM_1,
    TERM_2,
    UNTIL_1,
    UNTIL_2,
    WAITING,
    granted,
    renewed_at,
)


def test_a_person_of_the_institution_gets_all_four_plans_at_once():
    given(InstitutionalUserPlan()).when(ASK, now=MARCH, **KNOWN).then(REQUESTED, ACTIVATED)
    assert 4 == len(ACTIVATED.plans)
    assert (Claim("person", "k1"),) == REQUESTED.claims()


def test_asking_twice_is_asking_once():
    granted().when(ASK, now=MARCH, **KNOWN).then_nothing()
    given(InstitutionalUserPlan(), IN_REVIEW).when(ASK, now=MARCH, **KNOWN).then_nothing()


def test_once_the_institution_has_renewed_a_plan_is_for_the_queued_term():
    given(InstitutionalUserPlan()).when(ASK, now=MARCH, **KNOWN_RENEWED).then(REQUESTED, replace(ACTIVATED, term=2, until=UNTIL_2))


def test_in_grace_a_plan_lasts_to_the_end_of_grace():
    now = TERM_1.ends_at + timedelta(days=3)
    grace = replace(IN_TERM_1, status="grace")
    outcome = given(InstitutionalUserPlan()).when(ASK, now=now, account=ACCOUNT_FACTS, subscription=grace)
    outcome.then(replace(REQUESTED, at=now), replace(ACTIVATED, at=now))


def test_days_of_grace_are_local_days():
    spring = replace(TERM_1, ends_at=datetime(2028, 3, 1, 5, tzinfo=UTC))
    outcome = given(InstitutionalUserPlan()).when(ASK, now=MARCH, account=ACCOUNT_FACTS, subscription=replace(IN_TERM_1, terms=(spring,)))
    outcome.then(REQUESTED, replace(ACTIVATED, until=datetime(2028, 3, 31, 4, tzinfo=UTC)))


@pytest.mark.parametrize("email", ["ada@mit.edu.evil.com", "ada@notmit.edu", "ada@csail.mit.edu", "ada@xn--it-7lc.edu", "ada@edu"])
def test_any_other_domain_is_refused(email):
    given(InstitutionalUserPlan()).when(replace(ASK, email=email), now=MARCH, **KNOWN).then_refused("wrong-domain", email.split("@")[1])


def test_the_longest_claim_decides():
    whole, lab = replace(MIT, subdomains=True), ClaimedDomain(domain="csail.mit.edu", shared=True, subdomains=True)
    assert covering((whole, lab), "x.csail.mit.edu", MARCH) is lab
    assert covering((lab, whole), "csail.mit.edu", MARCH) is lab
    assert covering((lab, whole), "media.mit.edu", MARCH) is whole
    assert covering((lab, MIT), "media.mit.edu", MARCH) is None


def test_a_retiring_domain_counts_until_the_very_moment_it_is_retired():
    retiring = replace(MIT, retires_at=MARCH)
    assert covering((retiring,), "mit.edu", MARCH - MICROSECOND) is retiring
    assert covering((retiring,), "mit.edu", MARCH) is None


def test_a_shared_domain_waits_for_a_review():
    given(InstitutionalUserPlan()).when(ASK, now=MARCH, account=SHARED, subscription=IN_TERM_1).then(IN_REVIEW)


def test_who_asks_before_the_activation_waits():
    nominated = replace(ACCOUNT_FACTS, status="nominated")
    outcome = given(InstitutionalUserPlan()).when(ASK, now=MARCH, account=nominated, subscription=PENDING)
    outcome.then(replace(REQUESTED, doubts=("subscription-pending",)))


def test_a_wrong_domain_can_be_put_before_the_reviewers():
    partner = replace(ASK, email="ada@mgh.org", review=True)
    outcome = given(InstitutionalUserPlan()).when(partner, now=MARCH, **KNOWN)
    outcome.then(replace(REQUESTED, email="ada@mgh.org", doubts=("wrong-domain",), review_due_at=REVIEW_DUE))


@pytest.mark.parametrize("status", ["lapsed", "ended", "suspended"])
def test_no_plan_without_a_subscription_that_gives_access(status):
    facts = replace(IN_TERM_1, status=status, gives_access=False)
    given(InstitutionalUserPlan()).when(ASK, now=MARCH, account=ACCOUNT_FACTS, subscription=facts).then_refused("no-subscription", status)


def test_no_plan_without_the_institutions_own_subscription():
    given(InstitutionalUserPlan()).when(ASK, now=MARCH, account=ACCOUNT_FACTS).then_refused("no-subscription")
    others = replace(IN_TERM_1, account_id=UUID(int=99))
    given(InstitutionalUserPlan()).when(ASK, now=MARCH, account=ACCOUNT_FACTS, subscription=others).then_refused("no-subscription")


@pytest.mark.parametrize("status", ["suspended", "closed", "withdrawn", "rejected"])
def test_no_plan_at_an_account_that_is_not_active(status):
    account = replace(ACCOUNT_FACTS, status=status)
    given(InstitutionalUserPlan()).when(ASK, now=MARCH, account=account, subscription=IN_TERM_1).then_refused("account-not-active", status)


def test_approval_by_hand():
    approve = ApproveUserPlan(id=PLAN)
    given(InstitutionalUserPlan(), IN_REVIEW).when(approve, now=MARCH, account=SHARED, subscription=IN_TERM_1).then(ACTIVATED)
    given(InstitutionalUserPlan(), IN_REVIEW, ACTIVATED).when(approve, now=MARCH, account=SHARED, subscription=IN_TERM_1).then_nothing()
    given(InstitutionalUserPlan(), IN_REVIEW).when(approve, now=MARCH, account=SHARED, subscription=PENDING).then_refused("no-subscription")
    given(InstitutionalUserPlan()).when(approve, now=MARCH, **KNOWN).then_refused("not-now")


def test_an_override_names_its_ground_its_licence_and_its_end():
    partner = given(InstitutionalUserPlan(), replace(REQUESTED, email="ada@mgh.org", doubts=("wrong-domain",)))
    override = ApproveUserPlan(id=PLAN, ground=OVERRIDE.ground, licence=OVERRIDE.licence, until=OVERRIDE.until)
    partner.when(override, now=MARCH, **KNOWN).then(replace(ACTIVATED, until=OVERRIDE.until, override=OVERRIDE))
    partner.when(ApproveUserPlan(id=PLAN), now=MARCH, **KNOWN).then_refused("override-needed", "mgh.org")
    partner.when(replace(override, licence=None), now=MARCH, **KNOWN).then_refused("override-incomplete", "licence")
    partner.when(replace(override, until=MARCH), now=MARCH, **KNOWN).then_refused("override-over")
    partner.when(replace(override, until=MARCH + MICROSECOND), now=MARCH, **KNOWN).then(
        replace(ACTIVATED, until=MARCH + MICROSECOND, override=replace(OVERRIDE, until=MARCH + MICROSECOND))
    )


def test_an_override_holds_through_a_renewal_until_its_own_end():
    long = replace(OVERRIDE, until=datetime(2028, 6, 1, tzinfo=UTC))
    overridden = given(InstitutionalUserPlan(), replace(REQUESTED, email="ada@mgh.org"), replace(ACTIVATED, override=long), WAITING)
    overridden.when(GRANT, now=OPENS, **KNOWN_RENEWED).then(replace(renewed_at(OPENS), until=long.until, override=long))
    brief = given(InstitutionalUserPlan(), replace(REQUESTED, email="ada@mgh.org"), replace(ACTIVATED, override=OVERRIDE), WAITING)
    brief.when(GRANT, now=OPENS, **KNOWN_RENEWED).then(RenewalRefused(at=OPENS, term=2, why="wrong-domain"))


def test_an_override_ends_the_plan_though_the_term_goes_on():
    overridden = given(InstitutionalUserPlan(), REQUESTED, replace(ACTIVATED, until=OVERRIDE.until, override=OVERRIDE))
    overridden.when(FOLLOW, now=MARCH, **KNOWN).then_nothing()
    overridden.when(EXPIRE, now=OVERRIDE.until, **KNOWN).then(UserPlanExpired(at=OVERRIDE.until))


def test_rejection():
    reject, rejected = RejectUserPlan(id=PLAN, why="not-a-member"), UserPlanRejected(at=MARCH, why="not-a-member")
    given(InstitutionalUserPlan(), IN_REVIEW).when(reject, now=MARCH).then(rejected)
    given(InstitutionalUserPlan(), IN_REVIEW, rejected).when(reject, now=MARCH).then_nothing()
    granted().when(reject, now=MARCH).then_refused("not-now", "active")


def test_who_was_rejected_comes_before_the_reviewers_again():
    rejected = given(InstitutionalUserPlan(), IN_REVIEW, UserPlanRejected(at=MARCH, why="not-a-member"))
    rejected.when(ASK, now=MARCH, **KNOWN).then(replace(REQUESTED, doubts=("rejected-before",), review_due_at=REVIEW_DUE))


@pytest.mark.parametrize("over", [UserPlanExpired(at=UNTIL_1), UserPlanEnded(at=UNTIL_1, cause="left")])
def test_returning_is_a_new_period_of_the_same_stream(over):
    subscription = replace(RENEWED, term=TERM_2)
    outcome = granted(WAITING, over).when(ASK, now=UNTIL_1, account=ACCOUNT_FACTS, subscription=subscription)
    activated = replace(ACTIVATED, at=UNTIL_1, term=2, until=UNTIL_2)
    outcome.then(replace(REQUESTED, at=UNTIL_1), activated)
    back = granted(WAITING, over, replace(REQUESTED, at=UNTIL_1), activated).state
    assert (Status.ACTIVE, Renewal.NONE, 2, None) == (back.status, back.renewal, back.term, back.ended_because)


def test_another_subscription_of_the_institution_is_asked_for_anew():
    other = UUID(int=33)
    outcome = granted().when(
        replace(ASK, subscription_id=other), now=OPENS, account=ACCOUNT_FACTS, subscription=replace(IN_TERM_1, id=other)
    )
    outcome.then(replace(REQUESTED, at=OPENS, subscription_id=other), replace(ACTIVATED, at=OPENS))


def test_a_plan_lasts_until_the_very_moment_it_expires():
    granted().when(EXPIRE, now=UNTIL_1 - MICROSECOND, **KNOWN).then_nothing()
    granted().when(EXPIRE, now=UNTIL_1, **KNOWN).then(UserPlanExpired(at=UNTIL_1))
    granted(UserPlanExpired(at=UNTIL_1)).when(EXPIRE, now=UNTIL_1, **KNOWN).then_nothing()


def test_who_did_not_ask_does_not_follow_the_institutions_renewal():
    granted().when(GRANT, now=OPENS, **KNOWN_RENEWED).then_nothing()
    granted().when(EXPIRE, now=UNTIL_1, **KNOWN_RENEWED).then(UserPlanExpired(at=UNTIL_1))


def test_a_rule_can_say_that_everyone_follows():
    follow = Rules(user_plans_follow_renewal=True)
    granted().when(GRANT, now=OPENS, rules=follow, **KNOWN_RENEWED).then(renewed_at(OPENS))
    granted().when(EXPIRE, now=UNTIL_1, rules=follow, **KNOWN_RENEWED).then(renewed_at(UNTIL_1))


def test_the_plan_follows_its_term():
    extended = replace(IN_TERM_1, terms=(replace(TERM_1, ends_at=TERM_1.ends_at + timedelta(days=10)),))
    moved = UserPlanTermMoved(at=MARCH, term=1, until=UNTIL_1 + timedelta(days=10))
    granted().when(FOLLOW, now=MARCH, account=ACCOUNT_FACTS, subscription=extended).then(moved)
    granted(moved).when(FOLLOW, now=MARCH, account=ACCOUNT_FACTS, subscription=extended).then_nothing()
    granted().when(FOLLOW, now=MARCH, **KNOWN_RENEWED).then_nothing()
    granted().when(EXPIRE, now=UNTIL_1, account=ACCOUNT_FACTS, subscription=extended).then(replace(moved, at=UNTIL_1))
    due = UNTIL_1 - timedelta(days=7)
    remind = RemindOfUserPlan(id=PLAN, days_left=7)
    granted().when(remind, now=due, account=ACCOUNT_FACTS, subscription=extended).then(replace(moved, at=due))
    given(InstitutionalUserPlan()).when(FOLLOW, now=MARCH, **KNOWN).then_nothing()


def test_a_renewal_that_is_taken_back_takes_the_plan_back():
    queued = given(InstitutionalUserPlan(), REQUESTED, replace(ACTIVATED, term=2, until=UNTIL_2))
    queued.when(FOLLOW, now=MARCH, **KNOWN).then(UserPlanTermMoved(at=MARCH, term=1, until=UNTIL_1))


def test_moving_the_account_to_another_zone_moves_no_instant():
    elsewhere = replace(ACCOUNT_FACTS, time_zone="Australia/Brisbane")
    granted().when(FOLLOW, now=MARCH, account=elsewhere, subscription=IN_TERM_1).then_nothing()


def test_a_renewal_can_be_asked_for_from_30_days_before_the_terms_end():
    granted().when(ASK_RENEWAL, now=OPENS - MICROSECOND, **KNOWN).then_refused("too-early", "2027-12-02 05:00 UTC")
    granted().when(ASK_RENEWAL, now=OPENS, **KNOWN).then(WAITING)
    granted(WAITING).when(ASK_RENEWAL, now=OPENS, **KNOWN).then_nothing()
    assert Renewal.WAITING is granted(WAITING).state.renewal


def test_it_is_granted_at_once_if_the_institution_has_renewed():
    granted().when(ASK_RENEWAL, now=OPENS, **KNOWN_RENEWED).then(renewed_at(OPENS))
    granted(renewed_at(OPENS)).when(ASK_RENEWAL, now=OPENS, **KNOWN_RENEWED).then_nothing()
    granted(renewed_at(OPENS)).when(ASK_RENEWAL, now=TERM_2.starts_at, **KNOWN_RENEWED).then_refused("too-early", "2028-12-02")


def test_no_renewal_without_the_domain_or_the_subscription():
    granted().when(ASK_RENEWAL, now=OPENS, account=DOMAIN_LOST, subscription=IN_TERM_1).then_refused("wrong-domain")
    ended = replace(IN_TERM_1, status="ended", gives_access=False)
    granted().when(ASK_RENEWAL, now=OPENS, account=ACCOUNT_FACTS, subscription=ended).then_refused("no-subscription", "ended")
    granted(UserPlanExpired(at=UNTIL_1)).when(ASK_RENEWAL, now=UNTIL_1, **KNOWN).then_refused("not-now", "expired")


def test_a_waiting_renewal_is_granted_when_the_institution_renews():
    granted(WAITING).when(GRANT, now=OPENS, **KNOWN).then_nothing()
    granted(WAITING).when(GRANT, now=OPENS, **KNOWN_RENEWED).then(renewed_at(OPENS))
    granted(WAITING, renewed_at(OPENS)).when(GRANT, now=OPENS, **KNOWN_RENEWED).then_nothing()
    assert (Renewal.NONE, 2, UNTIL_2) == (
        (state := granted(WAITING, renewed_at(OPENS)).state).renewal,
        state.term,
        state.until,
    )


def test_a_waiting_renewal_is_granted_at_the_end_at_the_latest():
    granted(WAITING).when(EXPIRE, now=UNTIL_1, **KNOWN_RENEWED).then(renewed_at(UNTIL_1))
    granted(WAITING).when(EXPIRE, now=UNTIL_1, **KNOWN).then(UserPlanExpired(at=UNTIL_1))


def test_a_renewal_is_for_the_next_term_alone_however_late_it_is_granted():
    third = TermFacts(number=3, starts_at=TERM_2.ends_at, ends_at=TERM_2.ends_at.replace(year=2030))
    far = KNOWN | {"subscription": replace(RENEWED, terms=(TERM_1, TERM_2, third))}
    for now in (OPENS, UNTIL_1):
        granted(WAITING).when(GRANT, now=now, **far).then(renewed_at(now))
    granted(WAITING).when(EXPIRE, now=UNTIL_1, **far).then(renewed_at(UNTIL_1))
    brief = replace(TERM_2, ends_at=TERM_1.ends_at.replace(hour=6))
    over = KNOWN | {"subscription": replace(RENEWED, terms=(TERM_1, brief, replace(third, starts_at=brief.ends_at)))}
    outcome = granted(WAITING).when(EXPIRE, now=UNTIL_2, **over)
    assert [3] == [event.term for event in outcome.events], "what is over with its days of grace is granted to nobody"


def test_a_waiting_renewal_is_refused_if_the_domain_is_gone():
    refused = RenewalRefused(at=OPENS, term=2, why="wrong-domain")
    lost = {"account": DOMAIN_LOST, "subscription": RENEWED}
    granted(WAITING).when(GRANT, now=OPENS, **lost).then(refused)
    granted(WAITING, refused).when(GRANT, now=OPENS, **lost).then_nothing()
    granted(WAITING).when(EXPIRE, now=UNTIL_1, **lost).then(replace(refused, at=UNTIL_1), UserPlanExpired(at=UNTIL_1))
    follow = Rules(user_plans_follow_renewal=True)
    granted(refused).when(GRANT, now=OPENS, rules=follow, **lost).then_nothing()


def test_a_renewal_keeps_a_suspension():
    suspended = granted(WAITING, UserPlanSuspended(at=OPENS, cause="asked"))
    suspended.when(GRANT, now=OPENS, **KNOWN_RENEWED).then(renewed_at(OPENS))
    assert Status.SUSPENDED is suspended.state.evolve(renewed_at(OPENS)).status


def test_a_reminder_goes_out_at_its_rung_once():
    due = UNTIL_1 - timedelta(days=30)
    remind, expiring = RemindOfUserPlan(id=PLAN, days_left=30), UserPlanExpiring(at=due, days_left=30, until=UNTIL_1)
    granted().when(remind, now=due, **KNOWN).then(expiring)
    granted(expiring).when(remind, now=due, **KNOWN).then_nothing()
    granted().when(RemindOfUserPlan(id=PLAN, days_left=29), now=due, **KNOWN).then_nothing()
    given(InstitutionalUserPlan()).when(remind, now=due).then_nothing()


def test_a_reminder_that_nobody_needs_is_skipped_on_record():
    due, last = UNTIL_1 - timedelta(days=30), UNTIL_1 - timedelta(days=7)
    remind = RemindOfUserPlan(id=PLAN, days_left=30)
    skipped = UserPlanReminderSkipped(at=due, days_left=30, until=UNTIL_1, why="the renewal has been asked for")
    granted(WAITING).when(remind, now=due, **KNOWN).then(skipped)
    suspended = granted(UserPlanSuspended(at=MARCH, cause="asked"))
    suspended.when(remind, now=due, **KNOWN).then(replace(skipped, why="the user plan is suspended"))
    granted().when(remind, now=due, observed_at=last, **KNOWN).then(replace(skipped, why="the reminder 7 days before was due too"))
    granted().when(remind, now=due, observed_at=UNTIL_1, **KNOWN).then(replace(skipped, why="it had ended by then"))
    granted().when(remind, now=due, observed_at=last - MICROSECOND, **KNOWN).then(UserPlanExpiring(at=due, days_left=30, until=UNTIL_1))


def test_suspending_and_resuming():
    suspend, suspended = SuspendUserPlan(id=PLAN, cause="misuse"), UserPlanSuspended(at=MARCH, cause="misuse")
    resume, resumed = ResumeUserPlan(id=PLAN), UserPlanResumed(at=MARCH)
    granted().when(suspend, now=MARCH).then(suspended)
    granted(suspended).when(suspend, now=MARCH).then_nothing()
    granted(suspended).when(resume, now=MARCH, **KNOWN).then(resumed)
    granted(suspended, resumed).when(resume, now=MARCH, **KNOWN).then_nothing()
    granted(suspended).when(EXPIRE, now=UNTIL_1, **KNOWN).then(UserPlanExpired(at=UNTIL_1))
    granted(suspended).when(ASK, now=MARCH, **KNOWN).then_refused("not-now", "suspended")
    given(InstitutionalUserPlan(), IN_REVIEW).when(suspend, now=MARCH).then_refused("not-now", "suspend user plan")


def test_ending_at_once():
    left = UserPlanEnded(at=MARCH, cause="left")
    granted().when(EndUserPlan(id=PLAN, cause="left"), now=MARCH).then(left)
    granted().when(EndUserPlan(id=PLAN, cause="left", at=MARCH), now=MARCH).then(replace(left, said_at=MARCH))
    granted(left).when(EndUserPlan(id=PLAN), now=MARCH).then_nothing()
    given(InstitutionalUserPlan(), IN_REVIEW).when(EndUserPlan(id=PLAN, cause="left"), now=MARCH).then(left)
    given(InstitutionalUserPlan()).when(EndUserPlan(id=PLAN), now=MARCH).then_refused("not-now")


def test_an_end_in_the_future_is_a_deadline():
    end = EndUserPlan(id=PLAN, cause="left", at=OPENS)
    scheduled = UserPlanEndScheduled(at=MARCH, ends_at=OPENS, cause="left")
    granted().when(end, now=MARCH).then(scheduled)
    granted(scheduled).when(end, now=MARCH).then_nothing()
    leaving = granted(scheduled)
    assert ("end", OPENS) in {(each.name, each.due_at) for each in leaving.state.deadlines(PLAN)}
    leaving.when(EndUserPlanAsScheduled(id=PLAN), now=OPENS - MICROSECOND).then_nothing()
    leaving.when(EndUserPlanAsScheduled(id=PLAN), now=OPENS).then(ended := UserPlanEnded(at=OPENS, cause="left"))
    granted(scheduled, ended).when(EndUserPlanAsScheduled(id=PLAN), now=OPENS).then_nothing()


def test_what_falls_due():
    def names(*events):
        return [(deadline.name, deadline.due_at) for deadline in granted(*events).state.deadlines(PLAN)]

    rungs = [("remind-30", UNTIL_1 - timedelta(days=30)), ("remind-7", UNTIL_1 - timedelta(days=7))]
    assert [*rungs, ("expire", UNTIL_1)] == names()
    assert [("expire", UNTIL_1)] == names(UserPlanTermMoved(at=UNTIL_1 - timedelta(days=1), term=1, until=UNTIL_1))
    assert [] == names(UserPlanExpired(at=UNTIL_1))
    assert () == InstitutionalUserPlan().deadlines(PLAN)


def test_what_others_may_know():
    assert UserPlanFacts(id=PLAN, account_id=ACCOUNT, subscription_id=SUBSCRIPTION, status="active") == granted().state.facts(PLAN)


def test_who_waited_only_for_the_subscription_is_let_in_when_it_is_activated():
    waiting = given(InstitutionalUserPlan(), replace(REQUESTED, doubts=("subscription-pending",)))
    grant = GrantWaitingRequest(id=PLAN)
    waiting.when(grant, now=MARCH, **KNOWN).then(ACTIVATED)
    waiting.when(grant, now=MARCH, account=ACCOUNT_FACTS, subscription=PENDING).then_nothing()
    waiting.when(grant, now=MARCH, account=replace(ACCOUNT_FACTS, status="closed"), subscription=IN_TERM_1).then_nothing()
    given(InstitutionalUserPlan(), REQUESTED, ACTIVATED).when(grant, now=MARCH, **KNOWN).then_nothing()


@pytest.mark.parametrize(("account", "doubt"), [(DOMAIN_LOST, "wrong-domain"), (SHARED, "shared-domain")])
def test_whose_domain_has_changed_meanwhile_comes_before_the_reviewers(account, doubt):
    waiting = given(InstitutionalUserPlan(), replace(REQUESTED, doubts=("subscription-pending",)))
    reviewed = replace(REQUESTED, doubts=(doubt,), review_due_at=REVIEW_DUE)
    grant = GrantWaitingRequest(id=PLAN)
    waiting.when(grant, now=MARCH, account=account, subscription=IN_TERM_1).then(reviewed)
    given(waiting.state, reviewed).when(grant, now=MARCH, account=account, subscription=IN_TERM_1).then_nothing()
    assert given(waiting.state, reviewed).state.under_review


def test_who_waited_is_let_in_though_the_subscription_is_suspended():
    waiting = given(InstitutionalUserPlan(), replace(REQUESTED, doubts=("subscription-pending",)))
    suspended = replace(IN_TERM_1, status="suspended", gives_access=False)
    waiting.when(GrantWaitingRequest(id=PLAN), now=MARCH, account=ACCOUNT_FACTS, subscription=suspended).then(ACTIVATED)


@pytest.mark.parametrize("doubt", ["shared-domain", "wrong-domain", "rejected-before"])
def test_who_has_to_be_reviewed_is_not_let_in_by_an_activation(doubt):
    waiting = given(InstitutionalUserPlan(), replace(REQUESTED, doubts=(doubt, "subscription-pending")))
    waiting.when(GrantWaitingRequest(id=PLAN), now=MARCH, **KNOWN).then_nothing()
