"""Somebody is forgotten everywhere at once, or nowhere; and whoever has read of them before reads anew."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from domain.application import Lifecycle, VersionMismatch
from domain.clock import FixedClock
from domain.commands.institutional_account import AddContact, Nominate
from domain.errors import Outdated
from domain.events.base import ERASED, Metadata
from domain.events.people import PersonalDataErased
from ops.eventstore.engine import reading
from ops.eventstore.factory import EventStore
from ops.eventstore.schema import commands
from tests.keyring import KEYRING

MAY_1 = datetime(2027, 5, 1, 12, tzinfo=UTC)
WHO = Metadata(actor="support-north", role="support")
ADMIN = Metadata(actor="admin-south", role="admin")
ANN, REQUEST = "ann@northfield.example", uuid4()


@pytest.fixture
def clock():
    return FixedClock(MAY_1)


@pytest.fixture
def store(engine, clock):
    return EventStore(engine, KEYRING, now=clock.now)


@pytest.fixture
def lifecycle(store, clock):
    return Lifecycle(store, clock)


def nominated(lifecycle, email=ANN, **metadata):
    account = uuid4()
    nominate = Nominate(id=account, email="library@northfield.example", contact_id=uuid4(), institution="Northfield")
    lifecycle.handle(nominate, metadata=WHO)
    contact = AddContact(id=account, contact_id=uuid4(), email=email, name="Ann Ash", roles=())
    lifecycle.handle(contact, metadata=Metadata(actor="support-north", role="support", command_id=uuid4()), fingerprint="a keyed hash")
    return account


def contacts(lifecycle, account):
    return {each.email: each.name for each in lifecycle.load(account).state.contacts}


def find(store, email=ANN) -> UUID:
    person = store.people.find("address", email)
    assert person is not None
    return person


def test_every_stream_says_so_and_reads_as_erased(lifecycle, store, clock):
    accounts = [nominated(lifecycle) for _ in range(3)]
    elsewhere = Lifecycle(EventStore(store.log.engine, KEYRING, now=clock.now), clock)
    for account in accounts:
        assert contacts(elsewhere, account)[ANN] == "Ann Ash"
    outcome = lifecycle.forget([find(store)], REQUEST, metadata=ADMIN)
    assert {type(each.event) for each in outcome.events} == {PersonalDataErased}
    assert {each.originator_id for each in outcome.events} == set(accounts)
    for account in accounts:
        for process in (lifecycle, elsewhere):
            assert contacts(process, account) == {"library@northfield.example": None, ERASED: ERASED}


def test_the_same_address_is_somebody_new_afterwards(lifecycle, store):
    nominated(lifecycle)
    first = find(store)
    lifecycle.forget([first], REQUEST, metadata=ADMIN)
    account = nominated(lifecycle)
    assert find(store) != first
    assert contacts(lifecycle, account)[ANN] == "Ann Ash"


def test_what_was_asked_leaves_no_fingerprint(lifecycle, store):
    nominated(lifecycle)
    lifecycle.forget([find(store)], REQUEST, metadata=ADMIN)
    with reading(store.log.engine) as connection:
        assert connection.scalars(select(commands.c.fingerprint)).all() == [""]


def test_it_is_done_once(lifecycle, store):
    nominated(lifecycle)
    who = Metadata(actor="admin-south", role="admin", command_id=uuid4())
    done = lifecycle.forget([find(store)], REQUEST, metadata=who)
    again = lifecycle.forget([uuid4()], REQUEST, metadata=who)
    assert (done.repeated, again.repeated, again.events) == (False, True, ())


def test_what_hangs_on_it_goes_with_it_or_nothing_goes(lifecycle, store):
    account = nominated(lifecycle)
    ann, seen = find(store), []

    def fail(_, forgotten):
        seen.append(forgotten)
        raise RuntimeError("the disk is full")

    store.log.on_forget.append(fail)
    with pytest.raises(RuntimeError):
        lifecycle.forget([ann], REQUEST, metadata=ADMIN)
    ((forgotten,), store.log.on_forget) = (seen, [])
    assert (forgotten.people, forgotten.streams, len(forgotten.handles)) == ({ann}, {account}, 2)
    assert contacts(lifecycle, account)[ANN] == "Ann Ash"
    assert lifecycle.load(account).version == 2


def test_what_is_said_of_them_at_the_last_moment_is_forgotten_too(lifecycle, store):
    """Between the look at where they are and the append, another account comes to know them: it is looked at once more."""
    nominated(lifecycle)
    ann, log, late = find(store), store.log, []
    found = log.streams_of

    def streams_of(people):
        streams = found(people)
        if not late:
            late.append(nominated(lifecycle))
        return streams

    log.streams_of = streams_of
    outcome = lifecycle.forget([ann], REQUEST, metadata=ADMIN)
    assert late[0] in {each.originator_id for each in outcome.events}
    assert ERASED in contacts(lifecycle, late[0])


def test_who_decided_by_an_older_state_decides_anew(lifecycle, store):
    request = nominated(lifecycle, email="ben@northfield.example")
    account = nominated(lifecycle)
    with pytest.raises(VersionMismatch):
        lifecycle.forget([find(store)], request, metadata=ADMIN, seen={request: 1, account: 2})
    with pytest.raises(VersionMismatch):
        lifecycle.forget([find(store)], request, metadata=ADMIN, seen={request: 2})
    outcome = lifecycle.forget([find(store)], request, metadata=ADMIN, seen={request: 2, account: 2})
    assert outcome.stream.id == request
    assert outcome.stream.version == 3


def test_nobody_is_forgotten_without_the_streams_being_told(lifecycle, store):
    nominated(lifecycle)
    with pytest.raises(Outdated):
        store.log.insert_events([], forgetting=[find(store)])
    assert store.people.exists(find(store))
