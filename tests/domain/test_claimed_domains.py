"""A domain has one holder, unless the holder shares it; a retired one counts on for ninety days; ranges say when they overlap."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from domain.commands.base import Deadline
from domain.commands.institutional_account import ClaimDomain, ConsentToShareDomain, FinishDomainRetirement, RetireDomain, SetIpRanges
from domain.context import ClaimedDomain, Overlap
from domain.events.base import Claim, Release
from domain.events.institutional_account import (
    DomainClaimed,
    DomainRetired,
    DomainRetirementStarted,
    DomainSharingConsented,
    IpRangesSet,
    range_key,
)
from domain.rules import Rules
from tests.domain.account_facts import (
    ACCOUNT,
    CLOSED,
    JUNE,
    MAY_2,
    MICROSECOND,
    MIT,
    NOMINATED,
    OTHER,
    STANDINGS,
    SUSPENDED,
    account,
)

THIRD = UUID(int=3)
CLAIM = ClaimDomain(id=ACCOUNT, domain="cs.mit.edu")
CLAIMED = DomainClaimed(at=MAY_2, account_id=ACCOUNT, domain="cs.mit.edu", subdomains=False, shared=False)
CLAIM_SHARED, CLAIMED_SHARED = replace(CLAIM, shared=True), replace(CLAIMED, shared=True)
CONSENT = ConsentToShareDomain(id=ACCOUNT, domain="mit.edu", with_account=OTHER)
CONSENTED = DomainSharingConsented(at=MAY_2, domain="mit.edu", with_account=OTHER)
RETIRES_AT = MAY_2 + timedelta(days=90)
RETIRE = RetireDomain(id=ACCOUNT, domain="mit.edu")
RETIRING = DomainRetirementStarted(at=MAY_2, domain="mit.edu", retires_at=RETIRES_AT)
FINISH = FinishDomainRetirement(id=ACCOUNT, domain="mit.edu")
RETIRED = DomainRetired(at=RETIRES_AT, account_id=ACCOUNT, domain="mit.edu", consents=())
RANGES = ("18.0.0.0/11", "2001:4830::/32")
SET_RANGES = SetIpRanges(id=ACCOUNT, ip_ranges=RANGES)
RANGES_SET = IpRangesSet(at=MAY_2, account_id=ACCOUNT, ip_ranges=RANGES, shared=False)
OVERLAP = Overlap(range="18.0.0.0/9", account_id=OTHER)

held = pytest.mark.parametrize("standing", ["nominated", "active"])


@pytest.mark.parametrize("standing", [each for each in STANDINGS if each not in {"nominated", "active"}])
@pytest.mark.parametrize("command", [CLAIM, CONSENT, RETIRE, SET_RANGES], ids=lambda command: command.verb)
def test_domains_and_ranges_are_for_the_nominated_and_the_active(standing, command):
    account(standing).when(command, now=JUNE).then_refused("not-now", f"cannot {command.verb}: the account is {standing}")


# claiming


@held
def test_a_domain_is_claimed_once(standing):
    account(standing).when(CLAIM, now=MAY_2).then(CLAIMED)
    account(standing, CLAIMED).when(CLAIM, now=JUNE).then_nothing()
    account(standing).when(replace(CLAIM, domain="mit.edu"), now=JUNE).then_nothing()
    assert (MIT, ClaimedDomain(domain="cs.mit.edu")) == account(standing, CLAIMED).state.domains


def test_subdomains_count_from_when_it_is_said():
    with_subdomains = replace(CLAIMED, at=JUNE, subdomains=True)
    account("active", CLAIMED).when(replace(CLAIM, subdomains=True), now=JUNE).then(with_subdomains)
    assert (MIT, ClaimedDomain(domain="cs.mit.edu", subdomains=True)) == account("active", CLAIMED, with_subdomains).state.domains


def test_a_domain_of_another_is_shared_only_with_consent():
    account("active").when(CLAIM_SHARED, now=MAY_2).then_refused("no-consent", "cs.mit.edu")
    account("active").when(CLAIM_SHARED, now=MAY_2, consented_domains=frozenset({"mit.edu"})).then_refused("no-consent")
    account("active").when(CLAIM_SHARED, now=MAY_2, consented_domains=frozenset({"cs.mit.edu"})).then(CLAIMED_SHARED)


def test_a_shared_domain_stays_shared_when_its_subdomains_are_added():
    with_subdomains = replace(CLAIMED_SHARED, at=JUNE, subdomains=True)
    account("active", CLAIMED_SHARED).when(replace(CLAIM_SHARED, subdomains=True), now=JUNE).then(with_subdomains)


def test_whoever_had_a_domain_by_consent_may_claim_it_alone():
    account("active", CLAIMED_SHARED).when(CLAIM, now=JUNE).then(replace(CLAIMED, at=JUNE))


def test_nobody_else_takes_a_domain_that_another_has_by_consent():
    sharers = (("cs.mit.edu", OTHER),)
    account("active").when(CLAIM, now=MAY_2, sharers=sharers).then_refused("domain-taken", f"cs.mit.edu is held by account {OTHER}")
    account("active", CLAIMED_SHARED).when(CLAIM, now=JUNE, sharers=sharers).then(replace(CLAIMED, at=JUNE))
    account("active", CLAIMED).when(CLAIM, now=JUNE, sharers=sharers).then_nothing()


def test_a_consent_is_not_taken_back_by_claiming_anew():
    claim = ClaimDomain(id=ACCOUNT, domain="mit.edu")
    account("active", CONSENTED).when(claim, now=JUNE).then_nothing()
    with_subdomains = replace(CLAIMED_SHARED, at=JUNE, domain="mit.edu", subdomains=True)
    account("active", CONSENTED).when(replace(claim, subdomains=True), now=JUNE).then(with_subdomains)


# sharing


@held
def test_the_holder_shares_a_domain_once_with_each(standing):
    account(standing).when(CONSENT, now=MAY_2).then(CONSENTED)
    account(standing, CONSENTED).when(CONSENT, now=JUNE).then_nothing()
    with_third = replace(CONSENTED, at=JUNE, with_account=THIRD)
    account(standing, CONSENTED).when(replace(CONSENT, with_account=THIRD), now=JUNE).then(with_third)
    assert (OTHER, THIRD) == account(standing, with_third, CONSENTED).state.consented("mit.edu")


def test_sharing_touches_no_other_domain():
    assert account("active", CLAIMED, CONSENTED).state.domains == (replace(MIT, shared=True), ClaimedDomain(domain="cs.mit.edu"))


def test_only_what_is_held_can_be_shared():
    account("active").when(replace(CONSENT, domain="cs.mit.edu"), now=MAY_2).then_refused("domain-not-held", "cs.mit.edu")
    account("active").when(replace(CONSENT, with_account=ACCOUNT), now=MAY_2).then_refused("domain-held")


def test_whoever_has_a_domain_by_consent_cannot_share_it_further():
    further = ConsentToShareDomain(id=ACCOUNT, domain="cs.mit.edu", with_account=THIRD)
    account("active", CLAIMED_SHARED).when(further, now=JUNE).then_refused("not-the-holder")
    account("active", CLAIMED_SHARED, CLAIMED).when(further, now=JUNE).then(
        DomainSharingConsented(at=JUNE, domain="cs.mit.edu", with_account=THIRD)
    )


# retiring


@held
def test_a_domain_counts_for_ninety_days_after_its_retirement_was_asked_for(standing):
    account(standing).when(RETIRE, now=MAY_2).then(RETIRING)
    account(standing, RETIRING).when(RETIRE, now=JUNE).then_nothing()
    assert (replace(MIT, retires_at=RETIRES_AT),) == account(standing, RETIRING).state.domains


def test_the_days_of_overlap_are_pinned():
    sooner = replace(RETIRING, retires_at=MAY_2 + timedelta(days=10))
    account("active").when(RETIRE, now=MAY_2, rules=Rules(domain_retirement_days=10)).then(sooner)


def test_only_what_is_held_can_be_retired():
    account("active").when(replace(RETIRE, domain="cs.mit.edu"), now=MAY_2).then_refused("domain-not-held", "cs.mit.edu")
    account("active", RETIRING, RETIRED).when(RETIRE, now=RETIRES_AT).then_refused("domain-not-held", "mit.edu")


@pytest.mark.parametrize("events", [(), (SUSPENDED,)])
def test_a_domain_is_retired_at_the_very_moment_that_was_said_once(events):
    retiring = account("active", RETIRING, *events)
    retiring.when(FINISH, now=RETIRES_AT - MICROSECOND).then_nothing()
    retiring.when(FINISH, now=RETIRES_AT).then(RETIRED)
    account("active", RETIRING, *events, RETIRED).when(FINISH, now=RETIRES_AT).then_nothing()


def test_a_domain_that_nobody_retires_stays():
    account("active").when(FINISH, now=RETIRES_AT).then_nothing()
    assert account("active", CLAIMED, RETIRING, RETIRED).state.domains == (ClaimedDomain(domain="cs.mit.edu"),)


@pytest.mark.parametrize("standing", ["new", "closed", "withdrawn", "rejected"])
def test_nothing_of_an_account_that_is_not_alive_is_retired(standing):
    account(standing).when(FINISH, now=RETIRES_AT).then_nothing()


def test_claiming_anew_ends_a_retirement():
    claimed = replace(CLAIMED, at=JUNE, domain="mit.edu")
    account("active", RETIRING).when(ClaimDomain(id=ACCOUNT, domain="mit.edu"), now=JUNE).then(claimed)
    again = account("active", RETIRING, claimed)
    assert again.state.deadlines(ACCOUNT) == ()
    again.when(FINISH, now=RETIRES_AT).then_nothing()


def test_a_retired_domain_takes_its_consents_with_it():
    elsewhere = DomainSharingConsented(at=MAY_2, domain="cs.mit.edu", with_account=THIRD)
    shared = (CLAIMED, elsewhere, CONSENTED, RETIRING)
    retired = replace(RETIRED, consents=(OTHER,))
    account("active", *shared).when(FINISH, now=RETIRES_AT).then(retired)
    state = account("active", *shared, retired).state
    assert ((), (THIRD,)) == (state.consented("mit.edu"), state.consented("cs.mit.edu"))


def test_each_domain_that_retires_falls_due():
    both = (CLAIMED, RETIRING, replace(RETIRING, at=JUNE, domain="cs.mit.edu", retires_at=JUNE))
    assert account("active", *both).state.deadlines(ACCOUNT) == (
        Deadline("retire-domain:mit.edu", RETIRES_AT, FINISH),
        Deadline("retire-domain:cs.mit.edu", JUNE, replace(FINISH, domain="cs.mit.edu")),
    )
    assert account("active", *both, CLOSED).state.deadlines(ACCOUNT) == ()


# ranges


@held
def test_ranges_are_set_as_a_whole_once(standing):
    account(standing).when(SET_RANGES, now=MAY_2).then(RANGES_SET)
    account(standing, RANGES_SET).when(SET_RANGES, now=JUNE).then_nothing()
    account(standing).when(replace(SET_RANGES, ip_ranges=NOMINATED.ip_ranges), now=JUNE).then_nothing()
    none = replace(RANGES_SET, at=JUNE, ip_ranges=())
    account(standing, RANGES_SET).when(replace(SET_RANGES, ip_ranges=()), now=JUNE).then(none)


def test_an_overlap_is_named_and_must_be_said_to_be_shared():
    outcome = account("active").when(SET_RANGES, now=MAY_2, overlaps=(OVERLAP,))
    outcome.then_refused("range-overlaps", f"18.0.0.0/9 belongs to account {OTHER}")
    account("active").when(replace(SET_RANGES, shared=True), now=MAY_2, overlaps=(OVERLAP,)).then(replace(RANGES_SET, shared=True))


# claims


def test_a_domain_is_claimed_alone_or_beside_its_holder():
    assert CLAIMED.claims() == (Claim("domain", "cs.mit.edu"),)
    assert CLAIMED_SHARED.claims() == (Claim("domain-shared", f"cs.mit.edu/{ACCOUNT}"),)


def test_a_consent_is_a_claim_that_the_other_account_can_be_asked_about():
    assert CONSENTED.claims() == (Claim("domain-consent", f"mit.edu/{OTHER}"),)


def test_a_domain_is_given_up_when_it_is_retired_and_not_before():
    given_up = (Release("domain", "mit.edu"), Release("domain-shared", f"mit.edu/{ACCOUNT}"))
    assert RETIRING.claims() == ()
    assert given_up == RETIRED.claims()
    assert (*given_up, Release("domain-consent", f"mit.edu/{OTHER}")) == replace(RETIRED, consents=(OTHER,)).claims()


def test_a_retirement_of_the_first_shape_had_no_consents_to_give_up():
    state = {"domain": "mit.edu"}
    DomainRetired.upcast_v1_v2(state)
    assert state == {"domain": "mit.edu", "consents": []}


def test_new_ranges_replace_the_old_ones():
    assert RANGES_SET.claims() == (Release("ip-range"), *(Claim("ip-range", range_key(each, ACCOUNT)) for each in RANGES))
