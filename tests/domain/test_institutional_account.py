"""An account is nominated, converted, and closed once; what is missing is named and asked for."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from domain.aggregates.institutional_account import InstitutionalAccount
from domain.commands.base import Deadline
from domain.commands.institutional_account import (
    Amend,
    ChaseNomination,
    Close,
    Convert,
    FinishDomainRetirement,
    LapseContactTransfer,
    Reinstate,
    Reject,
    ReplaceRegisteredAccount,
    SetContactRoles,
    SetLinkResolvers,
    Suspend,
    Withdraw,
)
from domain.context import AccountFacts, Context, Overlap, SubscriptionFacts
from domain.deadlines import settle
from domain.events.base import Claim, Release
from domain.events.institutional_account import (
    AccountAmended,
    AccountClosed,
    AccountConverted,
    AccountReinstated,
    AccountSuspended,
    Contact,
    ContactAdded,
    ContactRemoved,
    ContactRolesSet,
    LinkResolversSet,
    NominationIncomplete,
    NominationRejected,
    NominationReminderSkipped,
    NominationWithdrawn,
    RegisteredAccountReplaced,
    Role,
    range_key,
)
from domain.rules import Rules
from tests.domain.account_facts import (
    ACCOUNT,
    ADMINISTRATOR,
    ANN_ADDED,
    BILLING,
    CLOSED,
    CONVERTED,
    DEAD,
    JUNE,
    LIBRARY,
    MAY_1,
    MAY_2,
    MICROSECOND,
    MIT,
    NEW,
    NOMINATE,
    NOMINATED,
    OTHER,
    REJECTED,
    STANDINGS,
    SUSPENDED,
    TRANSFER,
    WITHDRAWN,
    account,
)
from tests.domain.given import given

BARE = replace(
    NOMINATED,
    registered_account_id=None,
    institution=None,
    time_zone=None,
    ror_id=None,
    domains=(),
    ip_ranges=(),
    missing=("registered_account_id", "institution", "time_zone"),
)
NOMINATE_BARE = replace(NOMINATE, registered_account_id=None, institution=None, time_zone=None, ror_id=None, domains=(), ip_ranges=())
COMPLETED = AccountAmended(at=MAY_2, registered_account_id="r1", institution="MIT", time_zone="America/New_York")
IN_FORCE = SubscriptionFacts(id=UUID(int=31), account_id=ACCOUNT, status="active", gives_access=True, term=None)
WEEK, THREE_WEEKS = MAY_1 + timedelta(days=7), MAY_1 + timedelta(days=21)
CHASE_7, CHASE_21 = ChaseNomination(id=ACCOUNT, days=7), ChaseNomination(id=ACCOUNT, days=21)

standing = pytest.mark.parametrize("standing", STANDINGS)


def refused_but(*allowed):
    """Every standing in which a command can neither happen nor have happened."""
    return pytest.mark.parametrize("standing", [each for each in STANDINGS if each not in allowed])


# nomination


def test_an_institution_is_nominated_with_all_that_is_known():
    NEW.when(NOMINATE, now=MAY_1).then(NOMINATED)
    with_ann = replace(NOMINATE, contacts=(BILLING,))
    NEW.when(with_ann, now=MAY_1).then(replace(NOMINATED, contacts=(BILLING,)))


def test_a_mailbox_is_enough_and_what_is_missing_is_named():
    NEW.when(NOMINATE_BARE, now=MAY_1).then(BARE)


def test_the_days_of_chasing_are_pinned():
    NEW.when(NOMINATE, now=MAY_1, rules=Rules(incomplete_nomination_reminders=(3,))).then(replace(NOMINATED, chase_days=(3,)))


def test_a_nomination_with_ranges_of_another_institution_is_refused():
    overlap = Overlap(range="18.0.0.0/9", account_id=OTHER)
    NEW.when(NOMINATE, now=MAY_1, overlaps=(overlap,)).then_refused("range-overlaps", f"18.0.0.0/9 belongs to account {OTHER}")


def test_nominating_twice_is_nominating_once():
    account("nominated").when(NOMINATE, now=MAY_2).then_nothing()
    amended = account("nominated", AccountAmended(at=MAY_1, institution="M.I.T."), ANN_ADDED)
    amended.when(NOMINATE, now=MAY_2, rules=Rules(incomplete_nomination_reminders=(3,))).then_nothing()


@refused_but("new", "nominated")
def test_what_was_nominated_is_not_nominated_again(standing):
    account(standing).when(NOMINATE, now=JUNE).then_refused("not-now", f"cannot nominate: the account is {standing}")


@pytest.mark.parametrize("other", [{"email": "dean@mit.edu"}, {"institution": "M.I.T."}, {"domains": ()}, {"contacts": (BILLING,)}])
def test_a_nomination_with_anything_else_in_it_is_another_nomination(other):
    account("nominated").when(replace(NOMINATE, **other), now=MAY_2).then_refused("not-now", "cannot nominate")


def test_a_nomination_with_a_domain_that_another_has_by_consent_is_refused():
    NEW.when(NOMINATE, now=MAY_1, sharers=(("mit.edu", OTHER),)).then_refused("domain-taken", f"mit.edu is held by account {OTHER}")


# amending


@pytest.mark.parametrize("standing", ["nominated", "active", "suspended"])
def test_only_what_changes_is_amended(standing):
    amend = Amend(id=ACCOUNT, institution="M.I.T.", time_zone="America/New_York", ror_id="https://ror.org/2")
    amended = AccountAmended(at=MAY_2, institution="M.I.T.", ror_id="https://ror.org/2")
    account(standing).when(amend, now=MAY_2).then(amended)
    account(standing, amended).when(amend, now=JUNE).then_nothing()


@pytest.mark.parametrize("standing", DEAD)
def test_what_is_not_alive_is_not_amended(standing):
    account(standing).when(Amend(id=ACCOUNT, institution="M.I.T."), now=JUNE).then_refused("not-now", "cannot amend")


def test_amending_nothing_is_nothing():
    account("active").when(Amend(id=ACCOUNT), now=MAY_2).then_nothing()


def test_amended_facts_are_kept_beside_the_others():
    state = account("active", AccountAmended(at=MAY_2, time_zone="Europe/Paris")).state
    assert ("MIT", "Europe/Paris", "r1", NOMINATED.ror_id) == (
        state.institution,
        state.time_zone,
        state.registered_account_id,
        state.ror_id,
    )


def test_the_registered_account_is_amended_only_while_it_is_not_known():
    amended = AccountAmended(at=MAY_2, registered_account_id="r1")
    given(InstitutionalAccount(), BARE).when(Amend(id=ACCOUNT, registered_account_id="r1"), now=MAY_2).then(amended)
    account("nominated").when(Amend(id=ACCOUNT, registered_account_id="r1"), now=MAY_2).then_nothing()
    account("nominated").when(Amend(id=ACCOUNT, registered_account_id="r2"), now=MAY_2).then_refused("registered-account-known")


def test_a_time_zone_moves_no_promised_instant():
    incomplete = given(InstitutionalAccount(), BARE)
    moved = given(InstitutionalAccount(), BARE, AccountAmended(at=MAY_2, time_zone="Asia/Tokyo"))
    assert incomplete.state.deadlines(ACCOUNT) == moved.state.deadlines(ACCOUNT)


# the end of a nomination


@pytest.mark.parametrize(
    ("command", "event"),
    [
        (Withdraw(id=ACCOUNT, cause="asked"), NominationWithdrawn(at=MAY_2, cause="asked")),
        (Reject(id=ACCOUNT, cause="no university"), NominationRejected(at=MAY_2, cause="no university")),
    ],
)
def test_a_nomination_is_withdrawn_or_rejected_with_its_cause_once(command, event):
    account("nominated").when(command, now=MAY_2).then(event)
    account("nominated", event).when(command, now=JUNE).then_nothing()


@refused_but("nominated", "withdrawn")
def test_only_a_nomination_can_be_withdrawn(standing):
    account(standing).when(Withdraw(id=ACCOUNT), now=JUNE).then_refused("not-now", f"cannot withdraw: the account is {standing}")


@refused_but("nominated", "rejected")
def test_only_a_nomination_can_be_rejected(standing):
    account(standing).when(Reject(id=ACCOUNT), now=JUNE).then_refused("not-now", f"cannot reject: the account is {standing}")


# conversion


def test_a_complete_nomination_is_converted_once():
    account("nominated").when(Convert(id=ACCOUNT), now=MAY_2).then(AccountConverted(at=MAY_2))
    account("active").when(Convert(id=ACCOUNT), now=JUNE).then_nothing()
    assert account("active").state.converted_at == MAY_1


@pytest.mark.parametrize(
    ("field", "words"),
    [("registered_account_id", "the registered account"), ("institution", "the institution's name"), ("time_zone", "its time zone")],
)
def test_what_a_conversion_lacks_is_named(field, words):
    outcome = given(InstitutionalAccount(), replace(NOMINATED, **{field: None})).when(Convert(id=ACCOUNT), now=MAY_2)
    outcome.then_refused("nomination-incomplete", f"the nomination needs {words}")
    assert field == outcome.refusal.field


def test_all_that_a_conversion_lacks_is_named_at_once():
    convert = Convert(id=ACCOUNT)
    everything = "the registered account, the institution's name, its time zone"
    given(InstitutionalAccount(), BARE).when(convert, now=MAY_2).then_refused("nomination-incomplete", everything)
    given(InstitutionalAccount(), BARE, COMPLETED).when(convert, now=MAY_2).then(AccountConverted(at=MAY_2))


def test_a_log_that_left_no_administrator_is_told_so():
    bereft = account("nominated", ContactRolesSet(at=MAY_1, contact_id=LIBRARY, roles=()))
    assert bereft.state.missing == ("administrator",)
    bereft.when(Convert(id=ACCOUNT), now=MAY_2).then_refused("nomination-incomplete", "an administrator contact")
    administrate = SetContactRoles(id=ACCOUNT, contact_id=LIBRARY, roles=(Role.ADMINISTRATOR,))
    bereft.when(administrate, now=MAY_2).then(ContactRolesSet(at=MAY_2, contact_id=LIBRARY, roles=(Role.ADMINISTRATOR,)))


@refused_but("nominated", "active")
def test_only_a_nomination_can_be_converted(standing):
    account(standing).when(Convert(id=ACCOUNT), now=JUNE).then_refused("not-now", f"cannot convert: the account is {standing}")


# asking for what is missing


def test_what_is_missing_is_asked_for_from_the_very_moment_that_was_said():
    incomplete = given(InstitutionalAccount(), BARE)
    incomplete.when(CHASE_7, now=WEEK - MICROSECOND).then_nothing()
    incomplete.when(CHASE_7, now=WEEK).then(NominationIncomplete(at=WEEK, days=7, missing=BARE.missing))


def test_what_is_missing_is_asked_for_once_a_rung():
    chased = NominationIncomplete(at=WEEK, days=7, missing=BARE.missing)
    again = given(InstitutionalAccount(), BARE, chased)
    again.when(CHASE_7, now=WEEK).then_nothing()
    again.when(CHASE_21, now=THREE_WEEKS).then(replace(chased, at=THREE_WEEKS, days=21))


def test_only_what_is_still_missing_is_asked_for():
    amended = AccountAmended(at=MAY_2, institution="MIT")
    still = NominationIncomplete(at=WEEK, days=7, missing=("registered_account_id", "time_zone"))
    given(InstitutionalAccount(), BARE, amended).when(CHASE_7, now=WEEK).then(still)
    given(InstitutionalAccount(), BARE, COMPLETED).when(CHASE_7, now=WEEK).then_nothing()


def test_after_downtime_only_the_latest_rung_asks():
    late = given(InstitutionalAccount(), BARE)
    late.when(CHASE_7, now=WEEK, observed_at=THREE_WEEKS - MICROSECOND).then(NominationIncomplete(at=WEEK, days=7, missing=BARE.missing))
    skipped = NominationReminderSkipped(at=WEEK, days=7, missing=BARE.missing, why="the reminder after 21 days was due too")
    late.when(CHASE_7, now=WEEK, observed_at=THREE_WEEKS).then(skipped)
    given(late.state, skipped).when(CHASE_7, now=WEEK, observed_at=THREE_WEEKS).then_nothing()
    state, events = settle(late.state, ACCOUNT, JUNE, MAY_1, lambda _, deadline: Context(now=deadline.due_at, observed_at=JUNE))
    assert events == (skipped, NominationIncomplete(at=THREE_WEEKS, days=21, missing=BARE.missing))
    assert state.deadlines(ACCOUNT) == ()


def test_a_rung_that_was_never_set_asks_for_nothing():
    given(InstitutionalAccount(), BARE).when(ChaseNomination(id=ACCOUNT, days=14), now=JUNE).then_nothing()


@refused_but("nominated")
def test_nobody_is_chased_but_the_nominated(standing):
    account(standing).when(CHASE_7, now=JUNE).then_nothing()


# suspension


def test_an_active_account_is_suspended_with_its_cause_once():
    account("active").when(Suspend(id=ACCOUNT, cause="unpaid"), now=MAY_2).then(AccountSuspended(at=MAY_2, cause="unpaid"))
    account("suspended").when(Suspend(id=ACCOUNT, cause="unpaid"), now=JUNE).then_nothing()


@refused_but("active", "suspended")
def test_only_an_active_account_can_be_suspended(standing):
    account(standing).when(Suspend(id=ACCOUNT), now=JUNE).then_refused("not-now", f"cannot suspend: the account is {standing}")


def test_a_suspended_account_is_reinstated_once():
    reinstated = AccountReinstated(at=JUNE)
    account("suspended").when(Reinstate(id=ACCOUNT), now=JUNE).then(reinstated)
    account("suspended", reinstated).when(Reinstate(id=ACCOUNT), now=JUNE).then_nothing()


@refused_but("active", "suspended")
def test_only_a_suspended_account_can_be_reinstated(standing):
    account(standing).when(Reinstate(id=ACCOUNT), now=JUNE).then_refused("not-now", f"cannot reinstate: the account is {standing}")


# closure


@pytest.mark.parametrize("standing", ["active", "suspended"])
@pytest.mark.parametrize("subscription", [None, replace(IN_FORCE, status="ended"), replace(IN_FORCE, status="lapsed")])
def test_an_account_is_closed_when_every_subscription_is_over(standing, subscription):
    account(standing).when(Close(id=ACCOUNT), now=JUNE, subscription=subscription).then(AccountClosed(at=JUNE))


@pytest.mark.parametrize("status", ["pending", "active", "grace", "suspended"])
def test_an_account_with_an_open_subscription_is_not_closed(status):
    outcome = account("active").when(Close(id=ACCOUNT), now=JUNE, subscription=replace(IN_FORCE, status=status))
    outcome.then_refused("subscription-open", f"subscription {IN_FORCE.id} is {status}")


def test_closing_twice_is_closing_once():
    account("closed").when(Close(id=ACCOUNT), now=JUNE).then_nothing()


@refused_but("active", "suspended", "closed")
def test_what_was_never_active_is_not_closed(standing):
    account(standing).when(Close(id=ACCOUNT), now=JUNE).then_refused("not-now", f"cannot close: the account is {standing}")


# the registered account


def test_the_registered_account_is_replaced_once():
    replaced = RegisteredAccountReplaced(at=MAY_2, old="r1", new="r2")
    account("active").when(ReplaceRegisteredAccount(id=ACCOUNT, registered_account_id="r2"), now=MAY_2).then(replaced)
    account("active", replaced).when(ReplaceRegisteredAccount(id=ACCOUNT, registered_account_id="r2"), now=JUNE).then_nothing()
    assert account("active", replaced).state.registered_account_id == "r2"


@refused_but("active")
def test_only_an_active_account_is_handed_to_another_registered_account(standing):
    replacement = ReplaceRegisteredAccount(id=ACCOUNT, registered_account_id="r2")
    account(standing).when(replacement, now=JUNE).then_refused("not-now", "cannot replace registered account")


# link resolvers


@pytest.mark.parametrize("standing", ["nominated", "active"])
def test_link_resolvers_are_set_and_unset_as_a_whole(standing):
    resolvers = SetLinkResolvers(id=ACCOUNT, libkey_id="171", worldcat_registry_id="1234")
    resolved = LinkResolversSet(at=MAY_2, libkey_id="171", worldcat_registry_id="1234")
    account(standing).when(resolvers, now=MAY_2).then(resolved)
    account(standing, resolved).when(resolvers, now=JUNE).then_nothing()
    without = LinkResolversSet(at=JUNE, libkey_id=None, worldcat_registry_id=None)
    account(standing, resolved).when(SetLinkResolvers(id=ACCOUNT), now=JUNE).then(without)
    account(standing).when(SetLinkResolvers(id=ACCOUNT), now=JUNE).then_nothing()


@refused_but("nominated", "active")
def test_link_resolvers_are_set_for_the_nominated_and_the_active(standing):
    account(standing).when(SetLinkResolvers(id=ACCOUNT, libkey_id="171"), now=JUNE).then_refused("not-now", "cannot set link resolvers")


# deadlines and facts


def test_an_incomplete_nomination_is_chased_on_the_days_that_were_pinned():
    assert given(InstitutionalAccount(), BARE).state.deadlines(ACCOUNT) == (
        Deadline("chase-7", WEEK, CHASE_7),
        Deadline("chase-21", THREE_WEEKS, CHASE_21),
    )


@pytest.mark.parametrize("events", [(COMPLETED,), (WITHDRAWN,), (REJECTED,), (COMPLETED, CONVERTED)])
def test_nothing_falls_due_where_nothing_is_missing_or_nobody_waits(events):
    assert given(InstitutionalAccount(), BARE, *events).state.deadlines(ACCOUNT) == ()


def test_a_rung_that_was_reached_does_not_fall_due_again():
    chased = NominationIncomplete(at=WEEK, days=7, missing=BARE.missing)
    assert given(InstitutionalAccount(), BARE, chased).state.deadlines(ACCOUNT) == (Deadline("chase-21", THREE_WEEKS, CHASE_21),)


@standing
def test_a_complete_account_has_no_deadlines_in_any_standing(standing):
    assert account(standing).state.deadlines(ACCOUNT) == ()


def test_a_closed_account_forgets_what_was_to_fall_due():
    closed = account("closed")
    closed.when(LapseContactTransfer(id=ACCOUNT, transfer_id=TRANSFER), now=JUNE).then_nothing()
    closed.when(FinishDomainRetirement(id=ACCOUNT, domain="mit.edu"), now=JUNE).then_nothing()


@standing
def test_others_are_told_the_standing_the_name_and_the_domains(standing):
    known = (None, None, None, ()) if standing == "new" else ("MIT", "r1", "America/New_York", (MIT,))
    institution, registered, zone, domains = known
    expected = AccountFacts(
        id=ACCOUNT, status=standing, institution=institution, registered_account_id=registered, time_zone=zone, domains=domains
    )
    assert expected == account(standing).state.facts(ACCOUNT)


# who is written to


def test_a_letter_goes_to_whoever_has_the_role():
    state = account("active", ANN_ADDED).state
    assert BILLING == state.recipient(Role.BILLING)
    assert ADMINISTRATOR == state.recipient(Role.ADMINISTRATOR)


def test_a_letter_goes_to_an_administrator_where_nobody_has_the_role():
    assert ADMINISTRATOR == account("active", ANN_ADDED).state.recipient(Role.SECURITY)


def test_a_letter_passes_over_whoever_cannot_be_reached():
    gone = replace(BILLING, reachable=False)
    state = account("active", ContactAdded(at=MAY_1, contact=gone)).state
    assert ADMINISTRATOR == state.recipient(Role.BILLING)


def test_a_letter_goes_to_anybody_before_it_goes_to_nobody():
    bereft = ContactRolesSet(at=MAY_1, contact_id=LIBRARY, roles=())
    assert replace(ADMINISTRATOR, roles=()) == account("active", bereft).state.recipient(Role.BILLING)
    assert account("active", ContactRemoved(at=MAY_1, contact_id=LIBRARY)).state.recipient(Role.BILLING) is None


# claims


def test_a_nomination_claims_its_registered_account_its_domains_and_its_ranges():
    key = f"4:{18 << 24:032x}:{(18 << 24) + 2**21 - 1:032x}:{ACCOUNT}"
    assert NOMINATED.claims() == (Claim("registered-account", "r1"), Claim("domain", "mit.edu"), Claim("ip-range", key))
    assert BARE.claims() == ()


def test_ranges_sort_by_address_within_their_version():
    ranges = ["9.0.0.0/8", "18.0.0.0/8", "2001:db8::/32", "2a00::/16"]
    assert sorted(range_key(each, ACCOUNT) for each in ranges) == [range_key(each, ACCOUNT) for each in ranges]


def test_an_amendment_claims_a_registered_account_where_it_names_one():
    assert COMPLETED.claims() == (Claim("registered-account", "r1"),)
    assert AccountAmended(at=MAY_2, institution="MIT").claims() == ()


def test_a_replacement_gives_up_the_old_registered_account_for_the_new():
    replaced = RegisteredAccountReplaced(at=MAY_2, old="r1", new="r2")
    assert replaced.claims() == (Release("registered-account"), Claim("registered-account", "r2"))


@pytest.mark.parametrize("event", [WITHDRAWN, REJECTED, CLOSED], ids=lambda event: event.TOPIC)
def test_what_is_over_gives_up_everything(event):
    assert event.claims() == (Release(),)


@pytest.mark.parametrize(
    "event",
    [
        NominationIncomplete(at=MAY_1, days=7, missing=()),
        NominationReminderSkipped(at=MAY_1, days=7, missing=(), why="late"),
        CONVERTED,
        SUSPENDED,
        AccountReinstated(at=MAY_1),
        LinkResolversSet(at=MAY_1, libkey_id="171", worldcat_registry_id=None),
        ContactAdded(at=MAY_1, contact=Contact(id=LIBRARY, email="library@mit.edu")),
    ],
    ids=lambda event: event.TOPIC,
)
def test_nothing_else_of_the_standing_claims_anything(event):
    assert event.claims() == ()
