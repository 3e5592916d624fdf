"""Nothing shows any more that a person belongs to the institution: fourteen days at risk, told, then ended; unless it is confirmed."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.aggregates.institutional_user_plan import InstitutionalUserPlan, Status
from domain.commands.institutional_user_plan import (
    ApproveUserPlan,
    ChangeAddress,
    CheckDomain,
    EndAtRisk,
    EndUserPlan,
    LoseAddress,
    MarkAbsent,
    ReconfirmUserPlan,
    RemindOfUserPlan,
    RequestRenewal,
    ResumeUserPlan,
    SuspendUserPlan,
)
from domain.context import ClaimedDomain
from domain.events.base import Claim, Release
from domain.events.institutional_user_plan import (
    UserPlanAddressChanged,
    UserPlanAtRisk,
    UserPlanEnded,
    UserPlanExpired,
    UserPlanReminderSkipped,
    UserPlanResumed,
)
from domain.rules import Rules
from tests.domain.given import given
from tests.domain.user_plan_facts import (
    ABSENT,
    ACCOUNT_FACTS,
    ACTIVATED,
    ADDRESS_CHANGED,
    ASK,
    DOMAIN_LOST,
    DOMAIN_RETIRED,
    EXPIRE,
    FOLLOW,
    GRANT,
    IMPORT,
    IN_14_DAYS,
    IN_REVIEW,
    IN_TERM_1,
    INVITED,
    KNOWN,
    KNOWN_RENEWED,
    LEFT,
    MARCH,
    MICROSECOND,
    OPENS,
    OVERRIDE,
    PLAN,
    RECONFIRMED,
    RENEWED,
    REQUESTED,
    STOPPED,
    UNTIL_1,
    WAITING,
    granted,
    plan_after,
    renewed_at,
)

CHECK, LOSE, RECONFIRM = CheckDomain(id=PLAN), LoseAddress(id=PLAN), ReconfirmUserPlan(id=PLAN)
END_AT_RISK, MARK_ABSENT = EndAtRisk(id=PLAN), MarkAbsent(id=PLAN, import_id=IMPORT)
SUSPEND, RESUME = SuspendUserPlan(id=PLAN, cause="misuse"), ResumeUserPlan(id=PLAN)
LOST = {"account": DOMAIN_LOST, "subscription": IN_TERM_1}
RISKS = pytest.mark.parametrize("risk", [DOMAIN_RETIRED, ABSENT, ADDRESS_CHANGED], ids=lambda risk: risk.why)
OVERRIDDEN = plan_after(replace(REQUESTED, email="ada@mgh.org"), replace(ACTIVATED, until=OVERRIDE.until, override=OVERRIDE))
NOT_ACTIVE = pytest.mark.parametrize(
    "before",
    [(), (IN_REVIEW,), (INVITED,), (REQUESTED, ACTIVATED, STOPPED), (REQUESTED, ACTIVATED, LEFT)],
    ids=["new", "requested", "invited", "suspended", "ended"],
)

# what puts somebody at risk


def test_a_domain_that_is_gone_puts_the_plan_at_risk():
    granted().when(CHECK, now=MARCH, **KNOWN).then_nothing()
    granted().when(CHECK, now=MARCH, **LOST).then(DOMAIN_RETIRED)
    granted(DOMAIN_RETIRED).when(CHECK, now=MARCH, **LOST).then_nothing()
    assert Status.AT_RISK is granted(DOMAIN_RETIRED).state.status


def test_a_domain_counts_until_the_very_moment_it_is_retired():
    retiring = replace(ACCOUNT_FACTS, domains=(ClaimedDomain(domain="mit.edu", retires_at=MARCH),))
    granted().when(CHECK, now=MARCH - MICROSECOND, account=retiring, subscription=IN_TERM_1).then_nothing()
    granted().when(CHECK, now=MARCH, account=retiring, subscription=IN_TERM_1).then(DOMAIN_RETIRED)


def test_a_domain_that_comes_back_confirms_whom_its_loss_put_at_risk():
    granted(DOMAIN_RETIRED).when(CHECK, now=MARCH, **KNOWN).then(RECONFIRMED)
    granted(DOMAIN_RETIRED, STOPPED).when(CHECK, now=MARCH, **KNOWN).then(RECONFIRMED)
    granted(DOMAIN_RETIRED, RECONFIRMED).when(CHECK, now=MARCH, **KNOWN).then_nothing()
    granted(ABSENT).when(CHECK, now=MARCH, **KNOWN).then_nothing()
    granted(ADDRESS_CHANGED).when(CHECK, now=MARCH, **KNOWN).then_nothing()


def test_who_is_absent_from_a_list_is_at_risk():
    granted().when(MARK_ABSENT, now=MARCH, **KNOWN).then(ABSENT)
    granted(ABSENT).when(MARK_ABSENT, now=MARCH, **KNOWN).then_nothing()
    granted(DOMAIN_RETIRED).when(MARK_ABSENT, now=MARCH, **KNOWN).then_nothing()


def test_whose_account_has_lost_the_address_is_at_risk():
    granted().when(LOSE, now=MARCH, **KNOWN).then(ADDRESS_CHANGED)
    granted(ADDRESS_CHANGED).when(LOSE, now=MARCH, **KNOWN).then_nothing()


@NOT_ACTIVE
@pytest.mark.parametrize("command", [CHECK, MARK_ABSENT, LOSE], ids=lambda command: command.verb)
def test_only_who_has_a_plan_can_lose_it(before, command):
    plan_after(*before).when(command, now=MARCH, **LOST).then_nothing()


@pytest.mark.parametrize("command", [CHECK, MARK_ABSENT, LOSE], ids=lambda command: command.verb)
def test_who_was_let_in_by_an_override_is_not_at_risk_while_it_lasts(command):
    OVERRIDDEN.when(command, now=OVERRIDE.until - MICROSECOND, **LOST).then_nothing()
    assert OVERRIDDEN.when(command, now=OVERRIDE.until, **LOST).events


def test_how_long_somebody_is_at_risk_is_a_rule_and_counted_in_local_days():
    in_30_days = datetime(2027, 4, 2, 9, tzinfo=UTC)
    granted().when(LOSE, now=MARCH, rules=Rules(at_risk_days=30), **KNOWN).then(replace(ADDRESS_CHANGED, until=in_30_days))
    in_14_days_utc = datetime(2027, 3, 17, 10, tzinfo=UTC)
    nowhere = replace(ACCOUNT_FACTS, time_zone=None)
    granted().when(LOSE, now=MARCH, account=nowhere, subscription=IN_TERM_1).then(replace(ADDRESS_CHANGED, until=in_14_days_utc))


# another address

MOVE = ChangeAddress(id=PLAN, email="ada@csail.mit.edu", person_key="k2")
MOVED = UserPlanAddressChanged(at=MARCH, email="ada@csail.mit.edu", person_key="k2")
WITH_LABS = {"account": replace(ACCOUNT_FACTS, domains=(ClaimedDomain(domain="mit.edu", subdomains=True),)), "subscription": IN_TERM_1}


def test_an_address_that_fits_changes_and_nothing_else():
    granted().when(MOVE, now=MARCH, **WITH_LABS).then(MOVED)
    granted(MOVED).when(MOVE, now=MARCH, **WITH_LABS).then_nothing()
    state = granted(MOVED).state
    assert ("ada@csail.mit.edu", "k2", Status.ACTIVE) == (state.email, state.person_key, state.status)


def test_the_person_is_known_by_the_new_address_alone():
    assert (Release("person"), Claim("person", "k2")) == MOVED.claims()


def test_an_address_that_does_not_fit_puts_the_plan_at_risk():
    granted().when(MOVE, now=MARCH, **KNOWN).then(MOVED, ADDRESS_CHANGED)
    assert Status.AT_RISK is granted(MOVED, ADDRESS_CHANGED).state.status
    granted(ADDRESS_CHANGED).when(MOVE, now=MARCH, **KNOWN).then(MOVED)
    OVERRIDDEN.when(MOVE, now=MARCH, **KNOWN).then(MOVED)


def test_an_address_that_fits_confirms_unless_a_list_said_otherwise():
    granted(ADDRESS_CHANGED).when(MOVE, now=MARCH, **WITH_LABS).then(MOVED, RECONFIRMED)
    granted(DOMAIN_RETIRED).when(MOVE, now=MARCH, **WITH_LABS).then(MOVED, RECONFIRMED)
    granted(ADDRESS_CHANGED, STOPPED).when(MOVE, now=MARCH, **WITH_LABS).then(MOVED, RECONFIRMED)
    granted(ABSENT).when(MOVE, now=MARCH, **WITH_LABS).then(MOVED)


@pytest.mark.parametrize("before", [(IN_REVIEW,), (INVITED,), (REQUESTED, ACTIVATED, STOPPED)], ids=["requested", "invited", "suspended"])
def test_whoever_is_not_active_may_move_too(before):
    plan_after(*before).when(MOVE, now=MARCH, **KNOWN).then(MOVED)


@pytest.mark.parametrize("before", [(), (REQUESTED, ACTIVATED, LEFT), (REQUESTED, ACTIVATED, UserPlanExpired(at=MARCH))])
def test_whoever_has_no_plan_has_no_address_to_change(before):
    plan_after(*before).when(MOVE, now=MARCH, **WITH_LABS).then_refused("not-now", "cannot change address")


# confirmed after all


@RISKS
def test_somebody_who_knows_can_confirm(risk):
    granted(risk).when(RECONFIRM, now=MARCH, **KNOWN).then(RECONFIRMED)
    granted(risk, RECONFIRMED).when(RECONFIRM, now=MARCH, **KNOWN).then_nothing()
    state = granted(risk, RECONFIRMED).state
    assert (Status.ACTIVE, None) == (state.status, state.risk)
    assert "risk" not in [deadline.name for deadline in state.deadlines(PLAN)]


def test_an_address_must_fit_to_be_confirmed():
    granted(DOMAIN_RETIRED).when(RECONFIRM, now=MARCH, **LOST).then_refused("wrong-domain", "mit.edu")
    granted(STOPPED).when(RECONFIRM, now=MARCH, **KNOWN).then_refused("not-now", "suspended")
    plan_after(IN_REVIEW).when(RECONFIRM, now=MARCH, **KNOWN).then_refused("not-now", "requested")


def test_an_override_lets_somebody_at_risk_stay():
    override = ApproveUserPlan(id=PLAN, ground=OVERRIDE.ground, licence=OVERRIDE.licence, until=OVERRIDE.until)
    activated = replace(ACTIVATED, until=OVERRIDE.until, override=OVERRIDE)
    granted(DOMAIN_RETIRED).when(ApproveUserPlan(id=PLAN), now=MARCH, **LOST).then_refused("override-needed", "mit.edu")
    granted(DOMAIN_RETIRED).when(override, now=MARCH, **LOST).then(activated)
    stays = granted(DOMAIN_RETIRED, activated)
    assert (Status.ACTIVE, None) == (stays.state.status, stays.state.risk)
    stays.when(override, now=MARCH, **LOST).then_nothing()
    stays.when(CHECK, now=MARCH, **LOST).then_nothing()
    stays.when(END_AT_RISK, now=IN_14_DAYS, **LOST).then_nothing()


# the end of it


@RISKS
def test_a_risk_ends_the_plan_at_its_very_moment(risk):
    ended = UserPlanEnded(at=IN_14_DAYS, cause="at-risk")
    granted(risk).when(END_AT_RISK, now=IN_14_DAYS - MICROSECOND, **KNOWN).then_nothing()
    granted(risk).when(END_AT_RISK, now=IN_14_DAYS, **KNOWN).then(ended)
    granted(risk, ended).when(END_AT_RISK, now=IN_14_DAYS, **KNOWN).then_nothing()
    granted().when(END_AT_RISK, now=IN_14_DAYS, **KNOWN).then_nothing()
    assert () == granted(risk, ended).state.deadlines(PLAN)


def test_what_falls_due_of_somebody_at_risk():
    due = {deadline.name: deadline.due_at for deadline in granted(ABSENT).state.deadlines(PLAN)}
    assert (IN_14_DAYS, UNTIL_1) == (due["risk"], due["expire"])


def test_a_plan_at_risk_ends_with_its_term_too():
    late = UserPlanAtRisk(at=UNTIL_1 - MICROSECOND, why="absent-from-list", until=UNTIL_1.replace(month=2, day=14), import_id=IMPORT)
    granted(late).when(EXPIRE, now=UNTIL_1, **KNOWN).then(expired := UserPlanExpired(at=UNTIL_1))
    assert () == granted(late, expired).state.deadlines(PLAN)


@RISKS
def test_who_is_at_risk_follows_the_term_and_goes_on_with_the_risk(risk):
    longer = replace(IN_TERM_1, terms=(replace(IN_TERM_1.terms[0], ends_at=OPENS),))
    assert granted(risk).when(FOLLOW, now=MARCH, account=ACCOUNT_FACTS, subscription=longer).events
    granted(WAITING, replace(risk, at=OPENS)).when(GRANT, now=OPENS, **KNOWN_RENEWED).then(renewed_at(OPENS))
    state = granted(WAITING, replace(risk, at=OPENS), renewed_at(OPENS)).state
    assert (Status.AT_RISK, risk.why) == (state.status, state.risk.why)


def test_who_is_at_risk_asks_for_nothing_before_that_is_settled():
    granted(ABSENT).when(RequestRenewal(id=PLAN), now=OPENS, **KNOWN).then_refused("not-now", "at risk")
    granted(ABSENT).when(ASK, now=MARCH, **KNOWN).then_refused("not-now", "at risk")


def test_who_is_at_risk_is_not_reminded_of_the_end():
    due = UNTIL_1.replace(day=24)
    late = replace(ABSENT, at=due, until=UNTIL_1)
    skipped = UserPlanReminderSkipped(at=due, days_left=7, until=UNTIL_1, why="the user plan is at risk")
    granted(late).when(RemindOfUserPlan(id=PLAN, days_left=7), now=due, **KNOWN).then(skipped)


def test_who_is_at_risk_can_be_ended():
    granted(ABSENT).when(EndUserPlan(id=PLAN, cause="left"), now=MARCH, **KNOWN).then(LEFT)


# suspended meanwhile


def test_a_suspension_does_not_stop_a_risk():
    granted(ABSENT).when(SUSPEND, now=MARCH, **KNOWN).then(STOPPED)
    suspended = granted(ABSENT, STOPPED)
    suspended.when(SUSPEND, now=MARCH, **KNOWN).then_nothing()
    suspended.when(END_AT_RISK, now=IN_14_DAYS, **KNOWN).then(UserPlanEnded(at=IN_14_DAYS, cause="at-risk"))
    suspended.when(RESUME, now=MARCH, **KNOWN).then(resumed := UserPlanResumed(at=MARCH))
    assert Status.AT_RISK is granted(ABSENT, STOPPED, resumed).state.status
    assert Status.ACTIVE is granted(ABSENT, STOPPED, RECONFIRMED, resumed).state.status
    granted(ABSENT).when(RESUME, now=MARCH, **KNOWN).then_refused("not-now", "at risk")


def test_what_was_not_looked_at_during_a_suspension_is_looked_at_after_it():
    granted(STOPPED).when(RESUME, now=MARCH, **LOST).then(resumed := UserPlanResumed(at=MARCH), DOMAIN_RETIRED)
    assert Status.AT_RISK is granted(STOPPED, resumed, DOMAIN_RETIRED).state.status
    granted(DOMAIN_RETIRED, STOPPED).when(RESUME, now=MARCH, **LOST).then(resumed)


def test_who_has_been_renewed_meanwhile_is_at_risk_all_the_same():
    renewed = plan_after(REQUESTED, replace(ACTIVATED, term=2))
    renewed.when(CHECK, now=MARCH, account=DOMAIN_LOST, subscription=RENEWED).then(DOMAIN_RETIRED)
    given(InstitutionalUserPlan()).when(CHECK, now=MARCH, **LOST).then_nothing()


def test_who_was_vouched_for_stays_though_the_account_has_lost_the_address():
    vouched = (REQUESTED, ACTIVATED, ADDRESS_CHANGED, RECONFIRMED)
    given(InstitutionalUserPlan(), *vouched).when(LOSE, now=MARCH, **KNOWN).then_nothing()
    assert given(InstitutionalUserPlan(), *vouched, MOVED).when(LOSE, now=MARCH, **KNOWN).events
