"""Many streams, commands and claims at once: in one append, and read in one go."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import pytest
from eventsourcing.persistence import IntegrityError

from domain.errors import ClaimHeld, Outdated
from domain.events.base import Claim, Release
from domain.store import CommandRepeated
from ops.eventstore.people import People
from ops.eventstore.recorder import Recorder
from tests.eventstore.test_append import ANN, BOB, CARL, COMMAND, DONE, MAY_1, MIT, of
from tests.keyring import KEYRING

MANY = 500
OTHER = replace(DONE, command_id=UUID(int=9), fingerprint="f2", stream_id=BOB, version=1)


@pytest.fixture
def log(engine):
    return Recorder(engine, People(engine, KEYRING), now=lambda: MAY_1)


def versions(found):
    return [(UUID(str(each.originator_id)), each.originator_version) for each in found]


# several streams


def test_several_streams_are_read_in_one_go_each_behind_what_is_known_of_it(log):
    log.insert_events([*of(ANN, 1, 2, 3), *of(BOB, 1, 2)])
    found = versions(log.read_streams({ANN: 1, BOB: 0, CARL: 0}))
    assert [(ANN, 2), (ANN, 3)] == [each for each in found if each[0] == ANN]
    assert [(BOB, 1), (BOB, 2)] == [each for each in found if each[0] == BOB]
    assert 4 == len(found)


def test_what_is_known_already_is_not_read_again(log):
    log.insert_events([*of(ANN, 1, 2), *of(BOB, 1)])
    assert [] == log.read_streams({ANN: 2, BOB: 1})
    assert [(BOB, 1)] == versions(log.read_streams({ANN: 2, BOB: 0}))
    assert [] == log.read_streams({CARL: 0})
    assert [] == log.read_streams({CARL: 3})
    assert [] == log.read_streams({})


def test_what_is_read_together_is_what_is_read_alone(log):
    log.insert_events([*of(ANN, 1), *of(BOB, 1)])
    log.insert_events([*of(BOB, 2), *of(ANN, 2)])
    together = log.read_streams({ANN: 0, BOB: 1})
    assert log.read_stream(ANN) == [each for each in together if each.originator_id == ANN]
    assert log.read_stream(BOB, after=1) == [each for each in together if each.originator_id == BOB]


def test_many_streams_are_read_in_one_go(log):
    people = [UUID(int=number) for number in range(1, MANY + 1)]
    log.insert_events([record for person in people for record in of(person, 1, 2)])
    assert {(person, 2) for person in people} == set(versions(log.read_streams(dict.fromkeys(people, 1))))


# several commands


def test_several_commands_are_on_record_with_what_they_did_together(log):
    assert [1, 2, 3] == log.insert_events([*of(ANN, 1, 2), *of(BOB, 1)], commands=[DONE, OTHER])
    done, other = replace(DONE, position=3), replace(OTHER, position=3)
    assert {COMMAND: done, OTHER.command_id: other} == log.find_commands([COMMAND, OTHER.command_id, CARL])
    assert done == log.find_command(COMMAND)
    assert {} == log.find_commands([CARL]) == log.find_commands([])


def test_several_commands_that_changed_nothing_are_on_record_too(log):
    log.insert_events(of(CARL, 1, 2))
    assert [] == log.insert_events([], commands=[DONE, OTHER])
    assert {2} == {record.position for record in log.find_commands([COMMAND, OTHER.command_id]).values()}


@pytest.mark.parametrize("records", [[], of(BOB, 1)], ids=["without events", "with events"])
def test_where_one_of_the_commands_is_on_record_none_of_them_is_carried_out(log, records):
    log.insert_events(of(ANN, 1, 2), commands=[DONE])
    with pytest.raises(CommandRepeated) as repeated:
        log.insert_events(records, commands=[OTHER, replace(DONE, fingerprint="f3")])
    assert replace(DONE, position=2) == repeated.value.record
    assert log.find_command(OTHER.command_id) is None
    assert [] == log.read_stream(BOB)


def test_one_command_cannot_be_carried_out_twice_in_one_append(log):
    with pytest.raises(IntegrityError):
        log.insert_events([*of(ANN, 1), *of(BOB, 1)], commands=[DONE, DONE])
    assert log.max_notification_id() is None
    assert {} == log.find_commands([COMMAND])


def test_no_command_is_on_record_where_a_version_is_taken(log):
    log.insert_events(of(BOB, 1))
    with pytest.raises(IntegrityError):
        log.insert_events([*of(ANN, 1), *of(BOB, 1)], commands=[DONE, OTHER])
    assert {} == log.find_commands([COMMAND, OTHER.command_id])


def test_no_command_is_on_record_where_what_it_saw_has_changed(log):
    log.insert_events(of(CARL, 1, 2))
    with pytest.raises(Outdated):
        log.insert_events([*of(ANN, 1), *of(BOB, 1)], commands=[DONE, OTHER], requires={CARL: 1})
    assert {} == log.find_commands([COMMAND, OTHER.command_id])
    assert [] == log.read_stream(ANN)


def test_many_commands_at_once(log):
    streams = [UUID(int=number) for number in range(1, MANY + 1)]
    done = [replace(DONE, command_id=UUID(int=10_000 + stream.int), stream_id=stream, version=1) for stream in streams]
    log.insert_events([record for stream in streams for record in of(stream, 1)], commands=done)
    found = log.find_commands([each.command_id for each in done])
    assert {replace(each, position=MANY) for each in done} == set(found.values())


# several claims


def test_who_holds_which_of_several_keys(log):
    log.insert_events([*of(ANN, 1), *of(BOB, 1)], claims=[(ANN, MIT), (BOB, Claim("domain", "ethz.ch")), (BOB, Claim("slot", "1"))])
    assert {"mit.edu": ANN, "ethz.ch": BOB} == log.holders("domain", ["mit.edu", "ethz.ch", "nobody.edu", "1"])
    assert {"1": BOB} == log.holders("slot", ["1"])
    assert {} == log.holders("domain", ["nobody.edu"]) == log.holders("domain", [])


def test_five_hundred_claims_in_one_append(log):
    people = {f"key-{number}": UUID(int=number) for number in range(1, MANY + 1)}
    claims = [(person, Claim("person", key)) for key, person in people.items()]
    log.insert_events([record for person in people.values() for record in of(person, 1)], claims=claims)
    assert people == log.holders("person", list(people))
    releases = [(person, Release("person")) for person in people.values()]
    moved = [(person, Claim("person", f"new-{key}")) for key, person in people.items()]
    log.insert_events([record for person in people.values() for record in of(person, 2)], claims=[*releases, *moved])
    assert {} == log.holders("person", list(people))
    assert {f"new-{key}": person for key, person in people.items()} == log.holders("person", [f"new-{key}" for key in people])


def test_where_one_of_many_claims_is_held_none_is_made(log):
    keys = [f"key-{number}" for number in range(MANY)]
    log.insert_events(of(BOB, 1), claims=[(BOB, Claim("person", keys[-1]))])
    with pytest.raises(ClaimHeld) as held:
        log.insert_events(of(ANN, 1), claims=[(ANN, Claim("person", key)) for key in keys], commands=[DONE])
    assert (keys[-1], BOB) == (held.value.key, held.value.holder)
    assert {keys[-1]: BOB} == log.holders("person", keys)
    assert log.find_command(COMMAND) is None


def test_of_appends_that_meet_in_one_stream_or_claim_each_is_whole(log):
    """Eight writers, each with a person of its own and one whom all of them want."""

    def write(number):
        own = UUID(int=100 + number)
        done = replace(DONE, command_id=UUID(int=1000 + number), stream_id=own, version=1)
        try:
            log.insert_events(
                [*of(own, 1), *of(CARL, 1)], commands=[done], claims=[(own, Claim("person", f"k{number}")), (CARL, Claim("person", "carl"))]
            )
        except IntegrityError:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        (winner,) = [number for number in pool.map(write, range(8)) if number is not None]
    assert {f"k{winner}": UUID(int=100 + winner), "carl": CARL} == log.holders("person", ["carl", *(f"k{number}" for number in range(8))])
    assert [UUID(int=1000 + winner)] == list(log.find_commands([UUID(int=1000 + number) for number in range(8)]))
    assert 2 == len(log.read_log(after=0, limit=100))
