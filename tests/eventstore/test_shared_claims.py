"""What several institutions hold, through the whole write path: a domain that is shared, and ranges that overlap."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine

from domain.application import Lifecycle
from domain.clock import FixedClock
from domain.commands.institutional_account import ClaimDomain, ConsentToShareDomain, Nominate, RetireDomain
from domain.context import ClaimedDomain
from domain.errors import Refused
from domain.events.base import Metadata
from ops.eventstore.factory import EventStore
from tests.keyring import KEYRING

STAFF = Metadata(actor="staff:ann", role="support")
MAY_1 = datetime(2027, 5, 1, 12, tzinfo=UTC)
ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))


def nominate(number: int) -> Nominate:
    return Nominate(id=UUID(int=number), email=f"library@{number}.example", contact_id=UUID(int=100 + number))


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(MAY_1)


@pytest.fixture
def lifecycle(engine: Engine, clock: FixedClock) -> Lifecycle:
    lifecycle = Lifecycle(EventStore(engine, KEYRING, now=clock.now), clock)
    held = replace(nominate(1), domains=(ClaimedDomain(domain="mit.edu"),), ip_ranges=("18.0.0.0/11",))
    for each in (held, nominate(2), nominate(3)):
        lifecycle.handle(each, metadata=STAFF)
    return lifecycle


def test_a_consent_ends_with_the_hold_of_whoever_gave_it(lifecycle, clock):
    share = ClaimDomain(id=TWO, domain="mit.edu", shared=True)
    with pytest.raises(Refused, match=str(ONE)):
        lifecycle.handle(replace(share, shared=False), metadata=STAFF)
    with pytest.raises(Refused, match="has not agreed"):
        lifecycle.handle(share, metadata=STAFF)
    lifecycle.handle(ConsentToShareDomain(id=ONE, domain="mit.edu", with_account=TWO), metadata=STAFF)
    lifecycle.handle(RetireDomain(id=ONE, domain="mit.edu"), metadata=STAFF)
    clock.instant = MAY_1 + timedelta(days=90)
    lifecycle.settle(ONE)
    lifecycle.handle(ClaimDomain(id=THREE, domain="mit.edu"), metadata=STAFF)
    with pytest.raises(Refused, match="has not agreed"):
        lifecycle.handle(share, metadata=STAFF)
    lifecycle.handle(ConsentToShareDomain(id=THREE, domain="mit.edu", with_account=TWO), metadata=STAFF)
    lifecycle.handle(share, metadata=STAFF)
    assert lifecycle.load(TWO).state.domains == (ClaimedDomain(domain="mit.edu", shared=True),)


def test_whoever_has_a_domain_by_consent_keeps_it_when_its_holder_goes(lifecycle, clock):
    lifecycle.handle(ConsentToShareDomain(id=ONE, domain="mit.edu", with_account=TWO), metadata=STAFF)
    lifecycle.handle(ClaimDomain(id=TWO, domain="mit.edu", shared=True), metadata=STAFF)
    lifecycle.handle(RetireDomain(id=ONE, domain="mit.edu"), metadata=STAFF)
    clock.instant = MAY_1 + timedelta(days=90)  # nothing is settled: the claims are still the old ones
    claim = ClaimDomain(id=THREE, domain="mit.edu")
    for taking in (claim, replace(nominate(4), domains=(ClaimedDomain(domain="mit.edu"),))):
        with pytest.raises(Refused, match=f"held by account {TWO}, by consent"):
            lifecycle.handle(taking, metadata=STAFF)
    lifecycle.handle(RetireDomain(id=TWO, domain="mit.edu"), metadata=STAFF)
    clock.instant += timedelta(days=90)
    lifecycle.handle(claim, metadata=STAFF)
    assert lifecycle.load(THREE).state.domains == (ClaimedDomain(domain="mit.edu"),)


def test_a_consent_does_not_outlive_its_holder_for_want_of_settling(lifecycle, clock):
    lifecycle.handle(ConsentToShareDomain(id=ONE, domain="mit.edu", with_account=TWO), metadata=STAFF)
    lifecycle.handle(RetireDomain(id=ONE, domain="mit.edu"), metadata=STAFF)
    share = ClaimDomain(id=TWO, domain="mit.edu", shared=True)
    clock.instant = MAY_1 + timedelta(days=90) - timedelta(microseconds=1)
    lifecycle.preview(share, metadata=STAFF)
    clock.instant = MAY_1 + timedelta(days=90)
    with pytest.raises(Refused, match="has not agreed"):
        lifecycle.handle(share, metadata=STAFF)


def test_a_nomination_names_whoever_has_its_ranges(lifecycle):
    with pytest.raises(Refused, match=f"18.0.0.0/11 belongs to account {ONE}"):
        lifecycle.handle(replace(nominate(4), ip_ranges=("18.5.0.0/16",)), metadata=STAFF)
    lifecycle.handle(replace(nominate(4), ip_ranges=("18.32.0.0/16",)), metadata=STAFF)
