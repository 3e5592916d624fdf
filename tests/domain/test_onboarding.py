"""The way from a nomination to a working institution: what is done, what waits and since when, confirmations, and nudges."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from domain.commands.onboarding import (
    AcceptPersonalMailbox,
    AskForConfirmation,
    ConfirmByLink,
    NoteOnboardingStep,
    NudgeOnboarding,
    TellCommunity,
)
from domain.events.institutional_account import (
    ContactAmended,
    ContactConfirmed,
    ContactRemoved,
    DomainClaimed,
    IpRangesSet,
    LinkResolversSet,
)
from domain.events.onboarding import (
    CommunityTold,
    ContactConfirmationAsked,
    OnboardingNudged,
    OnboardingNudgeSkipped,
    OnboardingStepReached,
    PersonalMailboxAccepted,
    Step,
)
from domain.onboarding import CHECKLIST, checklist, longest_waiting, open_steps
from domain.rules import Rules
from tests.domain.account_facts import (
    ACCOUNT,
    ANN,
    CONVERTED,
    DEAD,
    JUNE,
    LIBRARY,
    MAY_1,
    MAY_2,
    MICROSECOND,
    NOMINATED,
    STANDINGS,
    account,
)
from tests.domain.given import given
from tests.domain.subscription_facts import IN_FORCE, LAPSED, SUSPENDED, state_after

DAY = timedelta(days=1)
LINK = UUID(int=71)
ASK = AskForConfirmation(id=ACCOUNT, contact_id=LIBRARY, confirmation_id=LINK)
ASKED = ContactConfirmationAsked(at=MAY_2, confirmation_id=LINK, contact_id=LIBRARY, lapses_at=MAY_2 + 7 * DAY)
SHARED = ContactConfirmed(at=MAY_2, contact_id=LIBRARY, mailbox="shared")
PERSONAL = replace(SHARED, mailbox="personal")
ACCEPTED = PersonalMailboxAccepted(at=JUNE, contact_id=LIBRARY)
ACTIVE_SINCE = OnboardingStepReached(at=JUNE, step=Step.ACTIVATED, since=JUNE, nudge_days=(7, 30))
ACCESS = state_after(*IN_FORCE)


def reached(step, at=JUNE):
    return OnboardingStepReached(at=at, step=step, since=at)


def progress(standing, *events):
    return {each.step: each for each in checklist(account(standing, *events).state)}


def done(standing, *events):
    return {step for step, each in progress(standing, *events).items() if each.done_at}


# the checklist


def test_a_nomination_with_nothing_but_an_address_has_one_step_done_and_says_of_each_other_who_does_what():
    bare = replace(NOMINATED, domains=(), ip_ranges=(), institution=None)
    steps = checklist(given(account("new").state, bare).state)
    assert [Step.NOMINATED] == [each.step for each in steps if each.done_at]
    assert {Step.ADDRESS, Step.IP_RANGES, Step.CONVERTED, Step.DOMAINS} == {each.step for each in steps if each.waiting_since}
    assert all(each.item.who in {"institution", "support"} and each.item.what.endswith(".") for each in steps)
    assert list(CHECKLIST) == list(Step) == [each.step for each in steps]


def test_a_step_waits_from_the_instant_at_which_the_last_that_it_needs_was_done():
    steps = progress("nominated", CONVERTED, ACTIVE_SINCE)
    assert JUNE == steps[Step.FIRST_TOKEN].waiting_since
    assert JUNE == steps[Step.TEN_USERS].waiting_since, "the domain was claimed before"
    assert steps[Step.FIRST_CALL].waiting_since is None, "there is no token to call with"
    claimed_later = given(account("new").state, replace(NOMINATED, domains=()), CONVERTED, ACTIVE_SINCE)
    later = claimed_later.state.evolve(DomainClaimed(at=JUNE + DAY, account_id=ACCOUNT, domain="mit.edu", subdomains=False, shared=False))
    assert JUNE + DAY == {each.step: each for each in checklist(later)}[Step.TEN_USERS].waiting_since


def test_what_is_undone_is_open_again():
    ranges = IpRangesSet(account_id=ACCOUNT, at=MAY_2, ip_ranges=(), shared=False)
    assert Step.IP_RANGES in done("nominated")
    assert Step.IP_RANGES not in done("nominated", ranges)
    resolvers = LinkResolversSet(at=MAY_2, libkey_id="1", worldcat_registry_id=None)
    assert Step.LINK_RESOLVERS in done("nominated", resolvers)
    assert Step.LINK_RESOLVERS not in done("nominated", resolvers, replace(resolvers, libkey_id=None))


def test_a_step_keeps_the_instant_at_which_it_was_done_first():
    ranges = IpRangesSet(account_id=ACCOUNT, at=MAY_2, ip_ranges=("18.0.0.0/12",), shared=False)
    assert MAY_1 == progress("nominated", ranges)[Step.IP_RANGES].done_at


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((), False),
        ((SHARED,), True),
        ((PERSONAL,), False),
        ((PERSONAL, ACCEPTED), True),
        ((ACCEPTED,), True),
        ((SHARED, PERSONAL), False),
        ((PERSONAL, SHARED), True),
        ((SHARED, ContactAmended(at=JUNE, contact_id=LIBRARY, email="other@mit.edu", name=None)), False),
        ((ACCEPTED, ContactAmended(at=JUNE, contact_id=LIBRARY, email="other@mit.edu", name=None)), False),
        ((SHARED, ContactAmended(at=JUNE, contact_id=LIBRARY, email="library@mit.edu", name="The desk")), True),
    ],
    ids=[
        "nothing",
        "shared",
        "personal",
        "personal-accepted",
        "accepted",
        "then-personal",
        "then-shared",
        "another",
        "another-2",
        "renamed",
    ],
)
def test_the_address_is_done_when_it_is_shared_or_accepted_as_personal(events, expected):
    assert expected == (Step.ADDRESS in done("nominated", *events))


def test_the_longest_waiting_step_is_where_an_institution_is_stuck_and_what_is_optional_is_not():
    without = given(account("new").state, replace(NOMINATED, ip_ranges=(), domains=())).state
    assert longest_waiting(without).step is Step.ADDRESS
    assert Step.IP_RANGES not in open_steps(without)
    everything = [SHARED, CONVERTED, ACTIVE_SINCE, LinkResolversSet(at=JUNE, libkey_id="1", worldcat_registry_id=None)]
    everything += [reached(step) for step in (Step.FIRST_TOKEN, Step.FIRST_CALL, Step.TEN_USERS, Step.PORTFOLIO)]
    assert longest_waiting(account("nominated", *everything).state).step is Step.COMMUNITY
    assert longest_waiting(account("nominated", *everything, CommunityTold(at=JUNE)).state) is None


# confirmations


def test_the_nominated_mailbox_confirms_itself_by_the_link_of_the_first_letter():
    nominated = account("nominated")
    until = MAY_1 + 7 * DAY
    confirm = ConfirmByLink(id=ACCOUNT, confirmation_id=LIBRARY, mailbox="shared")
    nominated.when(confirm, now=until - MICROSECOND).then(replace(SHARED, at=until - MICROSECOND))
    nominated.when(confirm, now=until).then_refused("confirmation-over", "ask support")
    account("nominated", SHARED).when(confirm, now=JUNE).then_nothing()


def test_an_unknown_link_is_over():
    account("nominated").when(ConfirmByLink(id=ACCOUNT, confirmation_id=LINK, mailbox="shared"), now=MAY_1).then_refused(
        "confirmation-over"
    )


def test_a_new_link_replaces_the_old_one():
    account("nominated").when(ASK, now=MAY_2).then(ASKED)
    asked = account("nominated", ASKED)
    asked.when(ASK, now=MAY_2).then_nothing()
    asked.when(ConfirmByLink(id=ACCOUNT, confirmation_id=LIBRARY, mailbox="shared"), now=MAY_2).then_refused("confirmation-over")
    asked.when(ConfirmByLink(id=ACCOUNT, confirmation_id=LINK, mailbox="personal"), now=MAY_2).then(PERSONAL)
    account("nominated", ASKED, PERSONAL).when(ASK, now=JUNE).then_nothing()


def test_who_is_unknown_or_confirmed_is_not_asked():
    account("nominated").when(replace(ASK, contact_id=ANN), now=MAY_2).then_refused("no-such-contact")
    account("nominated", SHARED).when(ASK, now=JUNE).then_refused("contact-confirmed")


def test_no_link_of_a_removed_contact_works():
    asked = replace(ASKED, contact_id=ANN)
    gone = ContactRemoved(at=JUNE, contact_id=ANN)
    confirm = ConfirmByLink(id=ACCOUNT, confirmation_id=LINK, mailbox="shared")
    account("nominated", asked, gone).when(confirm, now=JUNE).then_refused("confirmation-over")


def test_a_personal_mailbox_is_accepted_once():
    accept = AcceptPersonalMailbox(id=ACCOUNT, contact_id=LIBRARY)
    account("nominated").when(accept, now=JUNE).then(ACCEPTED)
    account("nominated", ACCEPTED).when(accept, now=JUNE).then_nothing()
    account("nominated").when(replace(accept, contact_id=ANN), now=JUNE).then_refused("no-such-contact")


@pytest.mark.parametrize("standing", sorted(set(STANDINGS) & set(DEAD)))
def test_nothing_more_happens_to_an_account_that_is_over(standing):
    for command in (ASK, AcceptPersonalMailbox(id=ACCOUNT, contact_id=LIBRARY), TellCommunity(id=ACCOUNT)):
        assert account(standing).when(command, now=JUNE).refusal is not None
    account(standing).when(NoteOnboardingStep(id=ACCOUNT, step=Step.FIRST_CALL, since=JUNE), now=JUNE).then_nothing()


# steps that show elsewhere


def test_a_step_is_noted_once_and_the_activation_with_the_days_of_the_nudges():
    since = JUNE - DAY
    note = NoteOnboardingStep(id=ACCOUNT, step=Step.FIRST_TOKEN, since=since)
    account("active").when(note, now=JUNE).then(OnboardingStepReached(at=JUNE, step=Step.FIRST_TOKEN, since=since))
    account("active", reached(Step.FIRST_TOKEN)).when(note, now=JUNE).then_nothing()
    activated = NoteOnboardingStep(id=ACCOUNT, step=Step.ACTIVATED, since=JUNE)
    account("active").when(activated, now=JUNE).then(ACTIVE_SINCE)
    account("active").when(activated, now=JUNE, rules=Rules(onboarding_nudges=(3,))).then(replace(ACTIVE_SINCE, nudge_days=(3,)))


def test_the_community_is_told_once_and_not_before_there_is_something_to_tell():
    tell = TellCommunity(id=ACCOUNT)
    account("active").when(tell, now=JUNE).then_refused("nothing-to-tell", "once the subscription is active")
    account("active", ACTIVE_SINCE).when(tell, now=JUNE).then(CommunityTold(at=JUNE))
    account("active", ACTIVE_SINCE, CommunityTold(at=JUNE)).when(tell, now=JUNE).then_nothing()


# nudges


def nudge(days):
    return NudgeOnboarding(id=ACCOUNT, days=days)


def deadlines(*events):
    return [each.due_at for each in account("active", *events).state.deadlines(ACCOUNT) if each.name.startswith("nudge-")]


OPEN = (Step.ADDRESS, Step.FIRST_TOKEN, Step.FIRST_CALL, Step.LINK_RESOLVERS, Step.TEN_USERS, Step.PORTFOLIO, Step.COMMUNITY)
NUDGED = OnboardingNudged(at=JUNE + 7 * DAY, days=7, open=OPEN)


def test_the_contact_is_told_7_and_30_days_after_the_activation_of_what_is_open():
    assert [] == deadlines()
    assert [JUNE + 7 * DAY, JUNE + 30 * DAY] == deadlines(ACTIVE_SINCE)
    active = account("active", ACTIVE_SINCE)
    active.when(nudge(7), now=JUNE + 7 * DAY - MICROSECOND, subscription=ACCESS).then_nothing()
    active.when(nudge(7), now=JUNE + 7 * DAY, subscription=ACCESS).then(NUDGED)
    assert [JUNE + 30 * DAY] == deadlines(ACTIVE_SINCE, NUDGED)
    account("active", ACTIVE_SINCE, NUDGED).when(nudge(7), now=JUNE + 8 * DAY, subscription=ACCESS).then_nothing()
    assert [] == deadlines(ACTIVE_SINCE, replace(NUDGED, at=JUNE + 30 * DAY, days=30)), "the second says what the first would have"


@pytest.mark.parametrize(
    ("events", "subscription", "why"),
    [
        ([ACTIVE_SINCE], state_after(*IN_FORCE, SUSPENDED), "the subscription is suspended"),
        ([ACTIVE_SINCE], state_after(*IN_FORCE, LAPSED), "the subscription is lapsed"),
        ([ACTIVE_SINCE], None, "the account has no subscription"),
        ([SHARED, ACTIVE_SINCE, *map(reached, OPEN)], ACCESS, "every step is done"),
    ],
    ids=["held", "lapsed", "none", "done"],
)
def test_a_nudge_that_nobody_needs_is_put_on_record_with_its_reason(events, subscription, why):
    at = JUNE + 7 * DAY
    account("active", *events).when(nudge(7), now=at, subscription=subscription).then(OnboardingNudgeSkipped(at=at, days=7, why=why))


def test_after_a_long_silence_only_the_last_nudge_is_sent():
    at, observed = JUNE + 7 * DAY, JUNE + 31 * DAY
    active = account("active", ACTIVE_SINCE)
    skipped = OnboardingNudgeSkipped(at=at, days=7, why="the one after 30 days was due too")
    active.when(nudge(7), now=at, observed_at=observed, subscription=ACCESS).then(skipped)


def test_who_was_activated_long_ago_is_not_nudged_now():
    at = JUNE + 30 * DAY
    active = account("active", ACTIVE_SINCE)
    sent = OnboardingNudged(at=at, days=30, open=OPEN)
    active.when(nudge(30), now=at, observed_at=at + 14 * DAY, subscription=ACCESS).then(sent)
    skipped = OnboardingNudgeSkipped(at=at, days=30, why="it was due on 2027-07-01, more than 14 days before")
    active.when(nudge(30), now=at, observed_at=at + 14 * DAY + MICROSECOND, subscription=ACCESS).then(skipped)


def test_a_suspended_account_is_not_nudged():
    at = JUNE + 7 * DAY
    suspended = account("suspended", ACTIVE_SINCE)
    skipped = OnboardingNudgeSkipped(at=at, days=7, why="the account is suspended")
    suspended.when(nudge(7), now=at, subscription=ACCESS).then(skipped)
