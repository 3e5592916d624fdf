"""One append: events, the command, what it relies on and what it claims, together or not at all."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from eventsourcing.persistence import IntegrityError, OperationalError, ProgrammingError, StoredEvent

from domain.clock import FixedClock
from domain.errors import ClaimHeld, Outdated
from domain.events.base import Claim, Metadata, Release
from domain.store import CommandRecord, CommandRepeated, StoredNotification, StoredRecord
from ops.eventstore.claims import Holdings, net_effect
from ops.eventstore.engine import connect, writing
from ops.eventstore.people import People
from ops.eventstore.recorder import Recorder
from tests.keyring import KEYRING

ANN, BOB, CARL = UUID(int=1), UUID(int=2), UUID(int=3)
ACCOUNT, COMMAND = UUID(int=7), UUID(int=8)
MAY_1 = datetime(2027, 5, 1, 12, 30, 15, 123456, tzinfo=UTC)
MAY_2 = MAY_1 + timedelta(days=1)
WHO = Metadata(
    actor="staff:ann",
    role="support",
    on_behalf_of="r-17",
    reason="asked: by phone",
    command_id=COMMAND,
    correlation_id=ANN,
    causation_id=BOB,
)
DONE = CommandRecord(command_id=COMMAND, fingerprint="f1", stream_id=ANN, version=2)
RECORD = StoredRecord(
    originator_id=ANN,
    originator_version=1,
    topic="token.issued",
    class_version=3,
    state=b'{"label":"50 %s"}',
    at=MAY_1,
    account_id=ACCOUNT,
    metadata=WHO,
)
MIT, ETH = Claim("domain", "mit.edu"), Claim("domain", "ethz.ch")


def of(stream, *versions):
    return [replace(RECORD, originator_id=stream, originator_version=version) for version in versions]


@pytest.fixture
def clock():
    return FixedClock(MAY_2)


@pytest.fixture
def log(engine, clock):
    return Recorder(engine, People(engine, KEYRING), now=clock.now)


def test_every_column_comes_back(log):
    log.insert_events([RECORD])
    expected = StoredNotification(
        **{name: value for name, value in vars(RECORD).items() if name != "sealed"}, id=1, recorded_at=MAY_2, keys={}
    )
    assert [expected] == log.read_log(after=0, limit=10)
    assert [expected] == log.read_stream(ANN)
    assert UTC == log.read_stream(ANN)[0].at.tzinfo


def test_the_last_instant_of_the_calendar_can_be_stored(log):
    never = datetime.max.replace(tzinfo=UTC)
    log.insert_events([replace(RECORD, at=never)])
    assert never == log.read_stream(ANN)[0].at


def test_a_stream_is_read_from_after_one_version_until_another(log):
    log.insert_events([*of(ANN, 1, 2, 3, 4), *of(BOB, 1)])
    assert [2, 3] == [each.originator_version for each in log.read_stream(ANN, after=1, until=3)]
    assert [] == log.read_stream(CARL)


def test_the_log_is_read_in_pieces(log):
    log.insert_events([*of(ANN, 1, 2), *of(BOB, 1)])
    assert [1, 2] == [each.id for each in log.read_log(after=0, limit=2)]
    assert [3] == [each.id for each in log.read_log(after=2, limit=2)]


def test_nothing_is_recorded_before_what_stands_in_front_of_it(log, clock):
    log.insert_events(of(ANN, 1))
    clock.instant = MAY_1
    log.insert_events(of(ANN, 2, 3))
    assert [MAY_2] * 3 == [each.recorded_at for each in log.read_stream(ANN)]


def test_a_command_is_on_record_with_its_events(log):
    assert [1, 2] == log.insert_events(of(ANN, 1, 2), commands=[DONE])
    assert replace(DONE, position=2) == log.find_command(COMMAND)
    assert log.find_command(ANN) is None


def test_a_command_that_changed_nothing_is_on_record_too(log):
    log.insert_events(of(BOB, 1, 2, 3))
    assert [] == log.insert_events([], commands=[DONE])
    assert replace(DONE, position=3) == log.find_command(COMMAND)


def test_a_command_is_carried_out_once(log):
    log.insert_events(of(ANN, 1, 2), commands=[DONE])
    for twin in ([], of(ANN, 1, 2), of(ANN, 3)):
        with pytest.raises(CommandRepeated) as repeated:
            log.insert_events(twin, commands=[replace(DONE, fingerprint="f2", version=9)])
        assert replace(DONE, position=2) == repeated.value.record
    assert 2 == log.max_notification_id()


@pytest.mark.parametrize("attempt", range(5))
def test_of_twins_at_the_same_moment_one_is_carried_out(log, attempt):
    """Whether they collide on the command or on the version of the stream: the others hear of the first."""

    def carry_out(number):
        try:
            return log.insert_events(of(ANN, number % 2 + 1), commands=[DONE])
        except CommandRepeated as twin:
            return twin.record

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(carry_out, range(8)))
    done = log.find_command(COMMAND)
    assert 7 == answers.count(done)
    assert 1 == answers.count([done.position])


def test_a_version_is_taken_once(log):
    log.insert_events(of(ANN, 1))
    with pytest.raises(IntegrityError):
        log.insert_events([*of(BOB, 1), *of(ANN, 1)], commands=[DONE], claims=[(BOB, MIT)])
    assert 1 == log.max_notification_id()
    assert log.find_command(COMMAND) is None
    assert log.holder("domain", "mit.edu") is None


def test_a_decision_stands_only_while_what_it_saw_is_so(log):
    log.insert_events(of(ANN, 1, 2))
    log.insert_events(of(BOB, 1), requires={ANN: 2, CARL: 0})
    for outdated in ({ANN: 1}, {ANN: 3}, {CARL: 1}, {ANN: 2, BOB: 0}):
        with pytest.raises(Outdated):
            log.insert_events(of(CARL, 1), requires=outdated, commands=[DONE])
    assert [] == log.read_stream(CARL)
    assert log.find_command(COMMAND) is None


def test_a_stream_that_is_written_can_be_required_as_it_was_before(log):
    log.insert_events(of(ANN, 1, 2))
    log.insert_events(of(ANN, 3), requires={ANN: 2})


def test_a_claim_has_one_holder(log):
    log.insert_events(of(ANN, 1), claims=[(ANN, MIT)])
    with pytest.raises(ClaimHeld) as held:
        log.insert_events(of(BOB, 1), claims=[(BOB, ETH), (BOB, MIT)])
    assert ("domain", "mit.edu", ANN) == (held.value.kind, held.value.key, held.value.holder)
    assert log.holder("domain", "ethz.ch") is None
    log.insert_events(of(ANN, 2), claims=[(ANN, MIT)])
    assert ANN == log.holder("domain", "mit.edu")


@pytest.mark.parametrize(
    ("release", "left"),
    [
        (Release(), []),
        (Release("domain"), [("slot", "1")]),
        (Release("domain", "mit.edu"), [("domain", "ethz.ch"), ("slot", "1")]),
        (Release("slot", "2"), [("domain", "ethz.ch"), ("domain", "mit.edu"), ("slot", "1")]),
    ],
)
def test_a_release_gives_up_what_it_names(log, release, left):
    log.insert_events(of(BOB, 1), claims=[(BOB, Claim("domain", "other.edu"))])
    log.insert_events(of(ANN, 1), claims=[(ANN, MIT), (ANN, ETH), (ANN, Claim("slot", "1"))])
    log.insert_events(of(ANN, 2), claims=[(ANN, release)])
    kept = [(kind, key) for kind in ("domain", "slot") for key, stream in log.claims(kind, "", "~") if stream == ANN]
    assert left == kept
    assert BOB == log.holder("domain", "other.edu")


@pytest.mark.parametrize("order", [1, -1])
def test_one_append_hands_on_a_claim_whichever_comes_first(log, order):
    log.insert_events(of(ANN, 1), claims=[(ANN, MIT)])
    log.insert_events([*of(ANN, 2), *of(BOB, 1)], claims=[(ANN, Release("domain")), (BOB, MIT)][::order])
    assert BOB == log.holder("domain", "mit.edu")


def test_what_is_claimed_and_given_up_in_one_append_is_free(log):
    log.insert_events(of(ANN, 1, 2), claims=[(ANN, MIT), (ANN, Release())])
    assert log.holder("domain", "mit.edu") is None


def test_two_streams_cannot_claim_the_same_in_one_append(log):
    with pytest.raises(ClaimHeld):
        log.insert_events([*of(ANN, 1), *of(BOB, 1)], claims=[(ANN, MIT), (BOB, MIT)])
    assert log.max_notification_id() is None


def test_claims_are_listed_in_the_order_of_their_bytes(log):
    keys = ["a/10", "a/2", "a/Z", "a/z", "a0", "b/1", "ä/1", "A/1"]
    log.insert_events(of(ANN, 1), claims=[(ANN, Claim("slot", key)) for key in keys])
    assert ["a/10", "a/2", "a/Z", "a/z"] == [key for key, _ in log.claims("slot", "a/", "a0")]
    assert sorted(keys, key=str.encode) == [key for key, _ in log.claims("slot", "", "\N{SNOWMAN}")]


def test_replaying_claims_gives_what_appending_gave():
    changes = [(ANN, MIT), (BOB, MIT), (ANN, Release()), (CARL, ETH), (CARL, Release("domain", "ethz.ch"))]
    holdings = Holdings()
    for stream, change in changes:
        holdings.apply(stream, change)
    assert {("domain", "mit.edu"): BOB} == holdings.holders == net_effect(changes)[1]


def test_the_databases_errors_have_the_librarys_names(log, engine):
    with writing(engine) as connection:
        connection.exec_driver_sql("DROP TABLE events")
    with pytest.raises(ProgrammingError if engine.dialect.name == "postgresql" else OperationalError):
        log.read_log(after=0, limit=1)


def test_a_database_that_is_not_there_is_an_operational_error():
    nowhere = connect("postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=2")
    with pytest.raises(OperationalError):
        Recorder(nowhere, People(nowhere, KEYRING)).max_notification_id()


def test_events_of_other_makers_have_no_context(log):
    log.insert_events([StoredEvent(ANN, 1, "topic", b"state")])
    stored = log.read_stream(ANN)[0]
    assert (None, None, Metadata(actor="", role="")) == (stored.at, stored.account_id, stored.metadata)
