"""A subscription is opened, activated, and seen from three sides."""

from dataclasses import replace
from datetime import date

import pytest

from domain.aggregates.itk_subscription import Hold, Intent, ITKSubscription, Status, TermState
from domain.catalogue import BulkData
from domain.commands.itk_subscription import (
    ActivateSubscription,
    EndGrace,
    EndLapse,
    EndTerm,
    OpenSubscription,
    RenewSubscription,
    SuspendSubscription,
)
from domain.context import SubscriptionFacts, TermFacts
from domain.events.base import Claim, Release
from domain.events.itk_subscription import SubscriptionEnded, TermRolledOver
from domain.rules import Rules
from tests.domain.given import given
from tests.domain.subscription_facts import (
    ACCOUNT,
    ACTIVATED,
    CANCELLED,
    COMPENSATED,
    ENDED,
    ENDS_AT,
    FEBRUARY,
    FOR_GOOD_AT,
    GONE,
    GRACE,
    GRACE_ENDS_AT,
    IN_FORCE,
    IN_GRACE,
    JUNE,
    LAPSED,
    LIVE,
    MARCH_1,
    MICROSECOND,
    NOMINATED,
    OLD,
    OPENED,
    OVER,
    PENDING,
    RENEWED,
    SECOND_END,
    STARTS_AT,
    STARTS_ON,
    SUBSCRIPTION,
    SUSPENDED,
    live_through,
    state_after,
    utc,
)

OPEN = OpenSubscription(id=SUBSCRIPTION, account_id=ACCOUNT, starts_on=STARTS_ON, bulk_data=(BulkData.SCHOLARLY,))
ACTIVATE = ActivateSubscription(id=SUBSCRIPTION)
OTHER = SubscriptionFacts(id=OLD, account_id=ACCOUNT, status="lapsed", gives_access=False, term=None)


def test_opening_pins_dates_zone_instants_and_rules():
    new = given(ITKSubscription())
    new.when(OPEN, now=FEBRUARY, account=NOMINATED).then(OPENED)
    new.when(OPEN, now=FEBRUARY, account=LIVE).then(OPENED)
    rules = Rules(grace_days=5, reinstatement_days=6, subscription_reminders=(3,))
    pinned = replace(OPENED, grace_days=5, reinstatement_days=6, reminders=(3,))
    new.when(OPEN, now=FEBRUARY, account=LIVE, rules=rules).then(pinned)


@pytest.mark.parametrize("status", ["suspended", "closed", "withdrawn", "rejected"])
def test_only_a_live_account_opens_a_subscription(status):
    new = given(ITKSubscription())
    new.when(OPEN, now=FEBRUARY, account=replace(LIVE, status=status)).then_refused("account-not-live", status)
    new.when(OPEN, now=FEBRUARY).then_refused("account-not-live", "unknown")


def test_an_account_has_one_subscription_that_has_not_ended():
    new = given(ITKSubscription())
    new.when(OPEN, now=FEBRUARY, account=LIVE, subscription=OTHER).then_refused("subscription-overlaps", str(OLD))
    again = replace(OPEN, follows=OLD)
    new.when(again, now=FEBRUARY, account=LIVE, subscription=replace(OTHER, status="ended")).then(replace(OPENED, follows=OLD))


def test_opening_claims_the_account_and_ending_gives_it_up():
    assert (Claim("subscription", str(ACCOUNT)),) == OPENED.claims()
    assert (Release(),) == ENDED.claims()


def test_opening_twice_is_refused():
    given(ITKSubscription(), *PENDING).when(OPEN, now=FEBRUARY, account=LIVE).then_refused("not-now", "open subscription")


@pytest.mark.parametrize(("months", "fine"), [(0, False), (-12, False), (1, True), (120, True), (121, False)])
def test_a_term_has_a_month_to_ten_years(months, fine):
    outcome = given(ITKSubscription()).when(replace(OPEN, months=months), now=FEBRUARY, account=LIVE)
    assert fine == (outcome.refusal is None)


@pytest.mark.parametrize("year", [1, 1969, 3000, 9999])
def test_a_year_is_one_that_a_contract_may_have(year):
    command = replace(OPEN, starts_on=date(year, 1, 1))
    given(ITKSubscription()).when(command, now=FEBRUARY, account=LIVE).then_refused("date-out-of-range")


def test_a_start_at_midnights_that_do_not_exist_or_come_twice():
    azores = replace(LIVE, time_zone="Atlantic/Azores")  # 31 October 2027: at one o'clock it is midnight once more
    autumn = given(ITKSubscription()).when(replace(OPEN, starts_on=date(2027, 10, 31)), now=FEBRUARY, account=azores).events[0]
    assert utc(2027, 10, 31, 0) == autumn.starts_at
    beirut = replace(LIVE, time_zone="Asia/Beirut")  # 28 March 2027 begins at one o'clock
    spring = given(ITKSubscription()).when(replace(OPEN, starts_on=date(2027, 3, 28)), now=FEBRUARY, account=beirut).events[0]
    assert utc(2027, 3, 27, 22) == spring.starts_at
    ends_twice = given(ITKSubscription()).when(replace(OPEN, starts_on=date(2026, 10, 31)), now=FEBRUARY, account=azores).events[0]
    assert utc(2027, 10, 31, 1) == ends_twice.ends_at


def test_activation_takes_the_term_as_agreed_and_counts_the_quota_from_now():
    pending = given(ITKSubscription(), *PENDING)
    pending.when(ACTIVATE, now=MARCH_1, account=LIVE).then(ACTIVATED)
    pending.when(ACTIVATE, now=JUNE, account=LIVE).then(replace(ACTIVATED, at=JUNE, quota_anchor=JUNE))


def test_activation_waits_for_the_start_to_the_very_moment():
    pending = given(ITKSubscription(), *PENDING)
    pending.when(ACTIVATE, now=STARTS_AT - MICROSECOND, account=LIVE).then_refused("too-early", "2027-02-28T23:00:00+00:00")
    pending.when(ACTIVATE, now=STARTS_AT, account=LIVE).then(replace(ACTIVATED, at=STARTS_AT, quota_anchor=STARTS_AT))


@pytest.mark.parametrize("status", ["nominated", "suspended"])
def test_only_a_converted_account_is_activated(status):
    pending = given(ITKSubscription(), *PENDING)
    pending.when(ACTIVATE, now=MARCH_1, account=replace(LIVE, status=status)).then_refused("account-not-active", status)


def test_activation_may_move_the_term():
    moved = replace(
        ACTIVATED,
        at=JUNE,
        starts_on=date(2027, 6, 1),
        starts_at=utc(2027, 5, 31, 22),
        ends_at=utc(2028, 5, 31, 22),
        quota_anchor=JUNE,
    )
    activate = replace(ACTIVATE, starts_on=date(2027, 6, 1))
    given(ITKSubscription(), *PENDING).when(activate, now=JUNE, account=LIVE).then(moved)
    renewed = given(ITKSubscription(), *PENDING, moved).when(RenewSubscription(id=SUBSCRIPTION), now=JUNE).events[0]
    assert utc(2029, 5, 31, 22) == renewed.ends_at


def test_activating_twice_is_activating_once():
    active = given(ITKSubscription(), *IN_FORCE)
    active.when(ACTIVATE, now=JUNE, account=LIVE).then_nothing()
    active.when(replace(ACTIVATE, starts_on=STARTS_ON), now=JUNE, account=LIVE).then_nothing()
    active.when(replace(ACTIVATE, starts_on=date(2027, 6, 1)), now=JUNE, account=LIVE).then_refused("not-now")


def test_a_zone_that_becomes_known_later_fixes_the_instants_at_activation():
    unknown = replace(OPENED, time_zone=None, starts_at=utc(2027, 3, 1), ends_at=utc(2028, 3, 1))
    opened = given(ITKSubscription()).when(OPEN, now=FEBRUARY, account=replace(NOMINATED, time_zone=None))
    opened.then(unknown)
    given(ITKSubscription(), unknown).when(ACTIVATE, now=MARCH_1, account=LIVE).then(ACTIVATED)


def test_a_zone_that_changed_moves_nothing():
    moved_away = replace(LIVE, time_zone="Asia/Tokyo")
    given(ITKSubscription(), *PENDING).when(ACTIVATE, now=MARCH_1, account=moved_away).then(ACTIVATED)


def test_activated_after_its_end_it_is_term_1_and_runs_out_at_once():
    late = replace(ACTIVATED, at=utc(2028, 3, 2), quota_anchor=utc(2028, 3, 2))
    given(ITKSubscription(), *PENDING).when(ACTIVATE, now=late.at, account=LIVE).then(late)
    state, happened = live_through(state_after(OPENED, late), until=late.at, last_at=late.at)
    assert (replace(IN_GRACE, at=late.at),) == happened
    assert GRACE_ENDS_AT == state.grace_ends_at


@pytest.mark.parametrize(
    ("events", "status", "access"),
    [
        ((), Status.NEW, False),
        (PENDING, Status.PENDING, False),
        (IN_FORCE, Status.ACTIVE, True),
        ((*IN_FORCE, CANCELLED), Status.ACTIVE, True),
        ((*IN_FORCE, SUSPENDED), Status.SUSPENDED, False),
        (GRACE, Status.GRACE, True),
        ((*IN_FORCE, SUSPENDED, IN_GRACE), Status.SUSPENDED, False),
        ((*IN_FORCE, SUSPENDED, IN_GRACE, LAPSED), Status.LAPSED, False),
        (GONE, Status.ENDED, False),
    ],
)
def test_what_people_see_of_the_three_sides(events, status, access):
    state = state_after(*events)
    assert (status, access) == (state.status, state.gives_access)


def test_the_sides_are_independent_and_an_end_clears_them():
    both = state_after(*IN_FORCE, CANCELLED, SUSPENDED)
    assert (TermState.IN_FORCE, Hold.SUSPENDED, Intent.CANCEL_AT_END) == (both.term, both.hold, both.intent)
    ended = both.evolve(SubscriptionEnded(at=JUNE, cause="cancelled"))
    assert (TermState.ENDED, Hold.NONE, Intent.NONE, "cancelled") == (ended.term, ended.hold, ended.intent, ended.ended_because)
    lapsed = state_after(*IN_FORCE, SUSPENDED, IN_GRACE, LAPSED)
    assert Hold.NONE == lapsed.hold


def test_how_far_it_is_paid_and_what_waits():
    state = state_after(*IN_FORCE, RENEWED)
    assert (1, ENDS_AT, SECOND_END) == (state.current_term.number, state.ends_at, state.paid_until)
    assert (2,) == tuple(term.number for term in state.queued_terms)
    assert state.grace_ends_at is None
    rolled = state.evolve(TermRolledOver(at=ENDS_AT, number=2, starts_at=ENDS_AT, ends_at=SECOND_END))
    assert (2, ()) == (rolled.current_term.number, rolled.queued_terms)


def test_its_facts_for_others():
    first = TermFacts(number=1, starts_at=STARTS_AT, ends_at=ENDS_AT)
    second = TermFacts(number=2, starts_at=ENDS_AT, ends_at=SECOND_END)
    assert state_after(*IN_FORCE, RENEWED).facts(SUBSCRIPTION) == SubscriptionFacts(
        id=SUBSCRIPTION,
        account_id=ACCOUNT,
        status="active",
        gives_access=True,
        term=first,
        terms=(first, second),
        grace_days=30,
        time_zone="Europe/Berlin",
        entitlements=tuple((each.name, None) for each in ACTIVATED.entitlements),
    )
    assert "lapsed" == state_after(*GONE).facts(SUBSCRIPTION).ended_because
    assert "pending" == state_after(*PENDING).facts(SUBSCRIPTION).status


def test_left_alone_it_ends_by_itself_in_known_steps():
    state, happened = live_through(state_after(*IN_FORCE), until=utc(2030, 1, 1))
    assert [90, 60, 30, 14, 7, 1] == [event.days_left for event in happened[:6]]
    assert (IN_GRACE, LAPSED, ENDED) == happened[6:]
    assert () == state.deadlines(SUBSCRIPTION)


@pytest.mark.parametrize("command", [EndTerm, EndGrace, EndLapse, RenewSubscription, SuspendSubscription, ActivateSubscription])
def test_nothing_is_asked_of_what_was_never_opened(command):
    given(ITKSubscription()).when(command(id=SUBSCRIPTION), now=JUNE, account=LIVE).then_refused("not-now")


@pytest.mark.parametrize("events", [PENDING, OVER, GONE])
def test_what_needs_a_term_in_force_is_refused_elsewhere(events):
    outcome = given(ITKSubscription(), *events)
    outcome.when(RenewSubscription(id=SUBSCRIPTION), now=FOR_GOOD_AT - MICROSECOND).then_refused("not-now")
    outcome.when(SuspendSubscription(id=SUBSCRIPTION), now=FOR_GOOD_AT - MICROSECOND).then_refused("not-now")


def test_a_compensated_hold_stops_the_clock_of_a_term_only():
    assert state_after(*IN_FORCE, COMPENSATED).clock_stopped
    assert not state_after(*IN_FORCE, SUSPENDED).clock_stopped
    assert not state_after(*GRACE, replace(COMPENSATED, at=ENDS_AT)).clock_stopped
