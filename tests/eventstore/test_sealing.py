"""What is personal is sealed by the key of its person, opens nowhere else, and is gone with the key."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID, uuid4

import msgspec
import pytest
from eventsourcing.persistence import MapperDeserialisationError
from sqlalchemy import select

from domain.attempt import Pending
from domain.errors import Outdated
from domain.events import EVENTS
from domain.events.base import ERASED, Event, Metadata, personal
from domain.store import StoredNotification
from ops.eventstore.engine import reading, writing
from ops.eventstore.factory import EventStore
from ops.eventstore.schema import commands, events, person_handles, person_keys, sealed_in
from ops.keyring import Keyring, Unsealable
from tests.keyring import KEYRING, derived

MAY_1 = datetime(2027, 5, 1, 12, tzinfo=UTC)
WHO = Metadata(actor="ann", role="support")
ANN, BEN, CLUB = "ann@uni.example", "ben@uni.example", UUID(int=7)


@dataclass(frozen=True, kw_only=True)
class Member:
    id: UUID
    email: Annotated[str, personal("id", "address")]
    name: Annotated[str | None, personal("id")] = None


@dataclass(frozen=True, kw_only=True)
class ClubFounded(Event):
    TOPIC = "club.founded"
    title: str
    members: tuple[Member, ...]
    founder: Annotated[str, personal("founder_id", "address")]
    founder_id: UUID
    day_book: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class MemberMoved(Event):
    TOPIC = "club.member-moved"
    member_id: UUID
    email: Annotated[str, personal("member_id", "address")]


CLASSES = (*EVENTS, ClubFounded, MemberMoved)


@pytest.fixture
def store(engine):
    return EventStore(engine, KEYRING, now=lambda: MAY_1, events=CLASSES)


def founded(*members: Member, founder: str = "chair@uni.example") -> ClubFounded:
    return ClubFounded(at=MAY_1, title="Chess", members=members, founder=founder, founder_id=uuid4(), day_book={"z": 1, "a": 2})


def put(store, event, stream=CLUB, version=1, **metadata):
    pending = Pending(originator_id=stream, originator_version=version, account_id=None, metadata=replace(WHO, **metadata), event=event)
    store.log.insert_events(store.codec.to_stored_events([pending]))
    return event


def read(store, stream=CLUB):
    return [store.codec.to_recorded(each) for each in store.log.read_stream(stream)]


def state_of(store, stream=CLUB):
    with reading(store.log.engine) as connection:
        return connection.scalars(select(events.c.state).where(events.c.stream_id == stream)).first()


def rows(store, table):
    with reading(store.log.engine) as connection:
        return connection.execute(select(table)).all()


def forget(store, *people):
    with writing(store.log.engine) as connection:
        return store.people.forget(connection, people, store.people.streams_of(people))


def test_what_is_personal_is_sealed_and_comes_back(store):
    event = put(store, founded(Member(id=uuid4(), email=ANN, name="Ann Ash"), Member(id=uuid4(), email=BEN)))
    stored = state_of(store)
    assert b"Ann" not in stored
    assert b"uni.example" not in stored
    assert b'"Chess"' in stored
    assert stored.startswith(b'{"sealed":')
    assert event == read(store)[0].event


def test_one_persons_parts_have_one_key_and_anothers_have_another(store):
    put(store, founded(Member(id=uuid4(), email=ANN, name="Ann Ash"), Member(id=uuid4(), email=BEN), founder=ANN.upper()))
    sealed = msgspec.json.decode(state_of(store))["sealed"]
    assert sealed["founder"] == sealed["members.0.email"] == sealed["members.0.name"] != sealed["members.1.email"]
    assert {str(row.id) for row in rows(store, person_keys)} == set(sealed.values())


def test_a_person_is_found_by_address_and_by_what_it_is_about(store):
    member = uuid4()
    put(store, founded(Member(id=member, email=ANN)))
    ann = store.people.find("address", ANN.title())
    assert ann is not None
    assert ann == store.people.find("subject", str(member))
    put(store, MemberMoved(at=MAY_1, member_id=member, email="ann@home.example"), version=2)
    assert ann == store.people.find("address", "ann@home.example")
    assert [CLUB] == store.people.streams_of([ann])
    assert all(ANN not in row.handle for row in rows(store, person_handles))


def test_who_is_forgotten_reads_as_erased_and_nobody_else_does(store):
    put(store, founded(Member(id=uuid4(), email=ANN, name="Ann Ash"), Member(id=uuid4(), email=BEN)))
    before = state_of(store)
    gone = forget(store, store.people.find("address", ANN))
    assert (gone.streams, len(gone.handles)) == ({CLUB}, 2)
    told = read(store)[0].event.members
    assert [(ERASED, ERASED), (BEN, None)] == [(each.email, each.name) for each in told]
    assert before == state_of(store)
    assert store.people.find("address", ANN) is None


def test_the_same_address_later_is_somebody_else(store):
    put(store, founded(Member(id=uuid4(), email=ANN)))
    first = store.people.find("address", ANN)
    forget(store, first)
    other = uuid4()
    put(store, founded(Member(id=uuid4(), email=ANN)), stream=other)
    assert store.people.find("address", ANN) not in {None, first}
    assert ERASED == read(store)[0].event.members[0].email
    assert ANN == read(store, other)[0].event.members[0].email


def test_what_is_erased_makes_nobody(store):
    put(store, founded(Member(id=uuid4(), email=ERASED, name=ERASED), founder=ERASED))
    assert [] == rows(store, person_keys)
    assert ERASED == read(store)[0].event.founder


def test_what_is_sealed_opens_in_no_other_place(store):
    put(store, founded(Member(id=uuid4(), email=ANN, name="Ann Ash")))
    (stored,) = store.log.read_stream(CLUB)
    state = msgspec.json.decode(stored.state)
    state["members"][0]["email"], state["members"][0]["name"] = state["members"][0]["name"], state["members"][0]["email"]
    swapped = replace(stored, state=msgspec.json.encode(state))
    elsewhere = replace(stored, originator_version=2)
    for changed in (swapped, elsewhere):
        with pytest.raises(MapperDeserialisationError, match="does not open"):
            store.codec.to_domain_event(changed)


def test_what_was_read_without_keys_is_not_taken_for_erased(store):
    put(store, founded(Member(id=uuid4(), email=ANN)))
    (stored,) = store.log.read_stream(CLUB)
    with pytest.raises(MapperDeserialisationError, match="without the keys"):
        store.codec.to_domain_event(replace(stored, keys=None))


def test_who_was_forgotten_in_the_meantime_is_not_sealed_for(store):
    """Between the sealing and the append the key is destroyed: nothing is recorded, and the next try makes a new one."""
    put(store, founded(Member(id=uuid4(), email=ANN)))
    other = Pending(
        originator_id=uuid4(), originator_version=1, account_id=None, metadata=WHO, event=founded(Member(id=uuid4(), email=ANN))
    )
    sealed = store.codec.to_stored_events([other])
    forget(store, store.people.find("address", ANN))
    with pytest.raises(Outdated):
        store.log.insert_events(sealed)
    assert 1 == len(rows(store, events))
    store.log.insert_events(store.codec.to_stored_events([other]))
    assert store.people.find("address", ANN) is not None


def test_two_who_meet_somebody_at_once_agree_on_the_key(store):
    first, second = (
        Pending(originator_id=uuid4(), originator_version=1, account_id=None, metadata=WHO, event=founded(Member(id=uuid4(), email=ANN)))
        for _ in range(2)
    )
    one, other = store.codec.to_stored_events([first]), store.codec.to_stored_events([second])
    store.log.insert_events(one)
    with pytest.raises(Outdated):
        store.log.insert_events(other)
    store.log.insert_events(store.codec.to_stored_events([second]))
    ann = store.people.find("address", ANN)
    assert {first.originator_id, second.originator_id} == set(store.people.streams_of([ann]))


def test_on_whose_behalf_somebody_acts_is_sealed_where_that_is_a_person(store):
    account = uuid4()
    put(store, founded(Member(id=uuid4(), email=ANN)), on_behalf_of="lens:4711")
    (stored,) = store.log.read_stream(CLUB)
    assert "lens:4711" == stored.metadata.on_behalf_of
    ann = store.people.find("address", ANN)
    with writing(store.log.engine) as connection:
        handle = store.people.handle("registered-account", "lens:4711")
        connection.execute(person_handles.insert().values(handle=handle, kind="registered-account", person_id=ann))
    put(store, founded(), stream=account, on_behalf_of="lens:4711")
    (stored,) = store.log.read_stream(account)
    assert "4711" not in stored.metadata.on_behalf_of
    assert "lens:4711" == read(store, account)[0].metadata.on_behalf_of
    forget(store, ann)
    assert ERASED == read(store, account)[0].metadata.on_behalf_of


def test_forgetting_some_streams_only_is_refused(store):
    put(store, founded(Member(id=uuid4(), email=ANN)))
    ann = store.people.find("address", ANN)
    with pytest.raises(Outdated), writing(store.log.engine) as connection:
        store.people.forget(connection, [ann], [])
    assert store.people.exists(ann)


def test_keys_are_wrapped_anew_by_the_key_encryption_key_in_use(store, engine):
    put(store, founded(Member(id=uuid4(), email=ANN), Member(id=uuid4(), email=BEN)))
    both = Keyring({1: b"a key-encryption key of tests", 2: b"another key-encryption key"}, derived)
    assert 3 == EventStore(engine, both, events=CLASSES).people.rewrap()
    assert {2} == {row.kek for row in rows(store, person_keys)}
    second = EventStore(engine, Keyring({2: b"another key-encryption key"}, derived), events=CLASSES)
    assert ANN == read(second)[0].event.members[0].email
    assert 0 == second.people.rewrap()
    with pytest.raises(Unsealable, match="has no version 2"):
        read(store)
    with pytest.raises(Unsealable, match="does not unwrap"):
        read(EventStore(engine, Keyring({2: b"a third key-encryption key"}, derived), events=CLASSES))


def test_what_was_stored_before_anything_was_sealed_is_read_as_it_is(store):
    event = founded(Member(id=uuid4(), email=ANN, name="Ann Ash"))
    plain = msgspec.json.encode(event, order="deterministic")
    stored = StoredNotification(
        id=1, originator_id=CLUB, originator_version=1, topic=event.TOPIC, class_version=1, state=plain, at=MAY_1, keys=None
    )
    assert event == store.codec.to_domain_event(stored)


def test_no_event_has_a_field_that_would_be_taken_for_the_map_of_what_is_sealed():
    assert not [each.TOPIC for each in EVENTS if "sealed" in each.__dataclass_fields__]


def test_nothing_is_left_of_who_is_forgotten(store):
    put(store, founded(Member(id=uuid4(), email=ANN, name="Ann Ash"), founder=ANN))
    forget(store, store.people.find("address", ANN))
    assert ([], [], []) == tuple(rows(store, table) for table in (person_keys, person_handles, sealed_in))
    assert [] == rows(store, commands)
