"""What was stored can be read for ever, or stops whoever reads it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import MapperDeserialisationError
from hypothesis import given, settings

from domain.attempt import Pending
from domain.commands import COMMANDS
from domain.events import EVENTS
from domain.events.base import Event, Metadata, Recorded
from domain.store import StoredNotification, StoredRecord
from ops.eventstore.codec import EventCodec, NewerVersion, UnknownTopic
from projections.commands_codec import UnknownCommand, decode_command, encode_command
from tests.eventstore.golden import FOLDER, path_of, stored
from tests.eventstore.samples import sample, values
from tests.keyring import Strangers, keys_made

STREAM, ACCOUNT = UUID(int=99), UUID(int=98)
MAY_1 = datetime(2027, 5, 1, 12, tzinfo=UTC)
WHO = Metadata(actor="staff:ann", role="support")
CODEC = EventCodec(Strangers())

each_event = pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.TOPIC)
each_command = pytest.mark.parametrize("kind", COMMANDS, ids=lambda kind: kind.__name__)


@dataclass(frozen=True, kw_only=True)
class LampLit(Event):
    """The third shape: at first it had watts, then a colour with a code, now a colour with a name."""

    TOPIC = "lamp.lit"
    class_version = 3
    lumens: int
    colour: str

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["lumens"] = state.pop("watts") * 15
        state["colour"] = 0

    @staticmethod
    def upcast_v2_v3(state: dict[str, Any]) -> None:
        state["colour"] = ("white", "red")[state["colour"]]


LAMPS = EventCodec(Strangers(), [LampLit])


def lamp(version: int, state: bytes) -> StoredRecord:
    return StoredRecord(originator_id=STREAM, originator_version=4, topic="lamp.lit", class_version=version, state=state)


@each_event
def test_every_event_comes_back_as_it_was(kind):
    @settings(deadline=None, max_examples=50)
    @given(event=values(kind))
    def comes_back(event: Event) -> None:
        assert event == CODEC.to_domain_event(stored(event))

    comes_back()


@each_event
def test_the_stored_form_does_not_change(kind):
    """Missing? `python -m tests.eventstore.golden`. Different? Then the class needs a new version and an upcast."""
    golden = path_of(kind.TOPIC, kind.class_version)
    assert golden.exists(), f"no {golden.name}: python -m tests.eventstore.golden writes it"
    state = golden.read_bytes().rstrip(b"\n")
    record = stored(sample(kind))
    assert state == record.state
    assert sample(kind) == CODEC.to_domain_event(record)


@pytest.mark.parametrize("golden", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_every_stored_form_there_ever_was_can_be_read(golden):
    topic, _, version = golden.stem.rpartition(".v")
    record = StoredRecord(originator_id=STREAM, originator_version=1, topic=topic, class_version=int(version), state=golden.read_bytes())
    assert topic == CODEC.to_domain_event(record).TOPIC


def test_the_columns_beside_the_state_come_from_the_event_and_its_place():
    event = sample(EVENTS[0])
    record = CODEC.to_stored_event(Pending(originator_id=STREAM, originator_version=3, account_id=ACCOUNT, metadata=WHO, event=event))
    expected = (STREAM, 3, event.TOPIC, event.class_version, event.at, ACCOUNT, WHO)
    assert expected == (
        record.originator_id, record.originator_version, record.topic, record.class_version, record.at, record.account_id, record.metadata,
    )  # fmt: skip
    given = {name: value for name, value in vars(record).items() if name != "sealed"}
    notification = StoredNotification(**given, id=17, recorded_at=MAY_1, keys=keys_made(record))
    assert CODEC.to_recorded(notification) == Recorded(
        position=17, stream_id=STREAM, version=3, account_id=ACCOUNT, recorded_at=MAY_1, metadata=WHO, event=event
    )


@pytest.mark.parametrize(
    ("version", "state"),
    [
        (1, b'{"at":"2027-05-01T12:00:00Z","watts":60}'),
        (2, b'{"at":"2027-05-01T12:00:00Z","lumens":900,"colour":0}'),
        (3, b'{"at":"2027-05-01T12:00:00Z","lumens":900,"colour":"white"}'),
    ],
)
def test_an_old_shape_is_brought_up_to_date_step_by_step(version, state):
    assert LampLit(at=MAY_1, lumens=900, colour="white") == LAMPS.to_domain_event(lamp(version, state))


def test_a_newer_version_stops():
    with pytest.raises(NewerVersion, match=f"stream {STREAM}, version 4: 'lamp.lit' is stored in version 4, this release knows 3"):
        LAMPS.to_domain_event(lamp(4, b"{}"))


def test_an_unknown_topic_stops():
    with pytest.raises(UnknownTopic, match=r"this release knows no 'lamp.lit'"):
        CODEC.to_domain_event(lamp(3, b"{}"))


def test_what_could_not_be_read_back_is_not_stored():
    event = LampLit(at=MAY_1, lumens=1, colour="red")
    with pytest.raises(UnknownTopic, match="LampLit"):
        CODEC.to_stored_event(Pending(originator_id=STREAM, originator_version=1, account_id=None, metadata=WHO, event=event))


@pytest.mark.parametrize(
    "state", [b"{}", b"", b"[1]", b'{"at":"yesterday","lumens":1,"colour":"red"}', b'{"at":"2027-05-01T12:00:00Z","lumens":"1"}']
)
def test_a_damaged_state_stops(state):
    with pytest.raises(MapperDeserialisationError, match=f"stream {STREAM}, version 4"):
        LAMPS.to_domain_event(lamp(3, state))


def test_two_classes_cannot_share_a_stored_name():
    @dataclass(frozen=True, kw_only=True)
    class LampBroken(Event):
        TOPIC = "lamp.lit"

    with pytest.raises(ValueError, match=r"LampBroken and LampLit are both stored as lamp.lit"):
        EventCodec(Strangers(), [LampLit, LampBroken])


@each_command
def test_every_command_comes_back_as_it_was(kind):
    @settings(deadline=None, max_examples=50)
    @given(command=values(kind))
    def comes_back(command: Any) -> None:
        assert command == decode_command(kind.__name__, encode_command(command))

    comes_back()


def test_an_unknown_command_stops():
    with pytest.raises(UnknownCommand, match="LightLamp"):
        decode_command("LightLamp", b"{}")
