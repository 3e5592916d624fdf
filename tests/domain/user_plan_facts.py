"""Facts of one person's user plan at one institution in New York, with fixed times, for all tests of user plans."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.catalogue import CURRENT
from domain.commands.institutional_user_plan import (
    AdmitListed,
    ExpireUserPlan,
    FollowTerm,
    GrantWaitingRenewal,
    RequestRenewal,
    RequestUserPlan,
)
from domain.context import AccountFacts, ClaimedDomain, SubscriptionFacts, TermFacts
from domain.events.institutional_user_plan import (
    Override,
    RenewalRequested,
    UserPlanActivated,
    UserPlanAtRisk,
    UserPlanEnded,
    UserPlanInvited,
    UserPlanReconfirmed,
    UserPlanRenewed,
    UserPlanRequested,
    UserPlanSuspended,
)
from tests.domain.given import given

PLAN, ACCOUNT, SUBSCRIPTION = UUID(int=1), UUID(int=2), UUID(int=3)
MICROSECOND = timedelta(microseconds=1)
MARCH = datetime(2027, 3, 3, 10, tzinfo=UTC)
TERM_1 = TermFacts(number=1, starts_at=datetime(2027, 1, 1, 5, tzinfo=UTC), ends_at=datetime(2028, 1, 1, 5, tzinfo=UTC))
TERM_2 = TermFacts(number=2, starts_at=TERM_1.ends_at, ends_at=datetime(2029, 1, 1, 5, tzinfo=UTC))
UNTIL_1 = datetime(2028, 1, 31, 5, tzinfo=UTC)
UNTIL_2 = datetime(2029, 1, 31, 5, tzinfo=UTC)
OPENS = datetime(2027, 12, 2, 5, tzinfo=UTC)

MIT = ClaimedDomain(domain="mit.edu")
ACCOUNT_FACTS = AccountFacts(
    id=ACCOUNT, status="active", institution="MIT", registered_account_id="r1", time_zone="America/New_York", domains=(MIT,)
)
IN_TERM_1 = SubscriptionFacts(
    id=SUBSCRIPTION,
    account_id=ACCOUNT,
    status="active",
    gives_access=True,
    term=TERM_1,
    terms=(TERM_1,),
    grace_days=30,
    time_zone="America/New_York",
)
RENEWED = replace(IN_TERM_1, terms=(TERM_1, TERM_2))
PENDING = replace(IN_TERM_1, status="pending", gives_access=False, term=None, terms=())
KNOWN = {"account": ACCOUNT_FACTS, "subscription": IN_TERM_1}
KNOWN_RENEWED = {"account": ACCOUNT_FACTS, "subscription": RENEWED}
DOMAIN_LOST = replace(ACCOUNT_FACTS, domains=())
SHARED = replace(ACCOUNT_FACTS, domains=(replace(MIT, shared=True),))

ASK = RequestUserPlan(
    id=PLAN,
    account_id=ACCOUNT,
    subscription_id=SUBSCRIPTION,
    registered_account_id="r7",
    email="ada@mit.edu",
    name="Ada",
    person_key="k1",
)
REQUESTED = UserPlanRequested(
    at=MARCH,
    account_id=ACCOUNT,
    subscription_id=SUBSCRIPTION,
    registered_account_id="r7",
    email="ada@mit.edu",
    name="Ada",
    person_key="k1",
)
REVIEW_DUE = datetime(2027, 3, 4, 10, tzinfo=UTC)  # a Thursday, one working day later
IN_REVIEW = replace(REQUESTED, doubts=("shared-domain",), review_due_at=REVIEW_DUE)
ACTIVATED = UserPlanActivated(
    at=MARCH,
    term=1,
    until=UNTIL_1,
    plans=CURRENT.user,
    catalogue=CURRENT.version,
    reminders=(30, 7),
)
WAITING = RenewalRequested(at=OPENS, term=1, opened_at=OPENS)
OVERRIDE = Override(ground="affiliated hospital", licence="MGH-2027", until=datetime(2027, 10, 1, tzinfo=UTC))

ASK_RENEWAL, GRANT, FOLLOW, EXPIRE = RequestRenewal(id=PLAN), GrantWaitingRenewal(id=PLAN), FollowTerm(id=PLAN), ExpireUserPlan(id=PLAN)


def granted(*events):
    return given(InstitutionalUserPlan(), REQUESTED, ACTIVATED, *events)


def renewed_at(instant):
    return UserPlanRenewed(
        at=instant,
        term=2,
        until=UNTIL_2,
        plans=CURRENT.user,
        catalogue=CURRENT.version,
        reminders=(30, 7),
    )


# by list

IMPORT, OTHER_IMPORT = UUID(int=8), UUID(int=9)
ADMIT = AdmitListed(
    id=PLAN,
    account_id=ACCOUNT,
    subscription_id=SUBSCRIPTION,
    registered_account_id="r7",
    email="ada@mit.edu",
    name="Ada",
    person_key="k1",
    registered=True,
    import_id=IMPORT,
)
LISTED = replace(REQUESTED, import_id=IMPORT)
ADMITTED = replace(ACTIVATED, import_id=IMPORT)
NOT_REGISTERED = replace(LISTED, registered_account_id=None, doubts=("not-registered",))

# by invitation, and at risk

IN_14_DAYS = datetime(2027, 3, 17, 9, tzinfo=UTC)  # by the clock on the wall in New York, which changed meanwhile
INVITED = UserPlanInvited(
    at=MARCH,
    account_id=ACCOUNT,
    subscription_id=SUBSCRIPTION,
    registered_account_id="r7",
    email="ada@mit.edu",
    name="Ada",
    person_key="k1",
    registered=True,
    expires_at=IN_14_DAYS,
)
DOMAIN_RETIRED = UserPlanAtRisk(at=MARCH, why="domain-retired", until=IN_14_DAYS)
ABSENT = UserPlanAtRisk(at=MARCH, why="absent-from-list", until=IN_14_DAYS, import_id=IMPORT)
ADDRESS_CHANGED = UserPlanAtRisk(at=MARCH, why="address-changed", until=IN_14_DAYS)
RECONFIRMED = UserPlanReconfirmed(at=MARCH)
STOPPED = UserPlanSuspended(at=MARCH, cause="misuse")
LEFT = UserPlanEnded(at=MARCH, cause="left")


def plan_after(*events):
    return given(InstitutionalUserPlan(), *events)
