"""The log as it stood: what did we believe on one day about another?"""

import gc
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, event

from domain.application import Lifecycle
from domain.causation import id_of
from domain.clock import FixedClock
from domain.commands.institutional_account import Convert, Nominate, Reinstate, Suspend
from domain.commands.itk_subscription import ActivateSubscription, CancelSubscription, OpenSubscription, RenewSubscription
from domain.errors import NotFound
from domain.events.base import Metadata
from domain.moment import Moment
from domain.past import back_to
from domain.store import Selection
from ops.eventstore.factory import EventStore
from tests.keyring import KEYRING

START = datetime(2027, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ACCOUNT, SUBSCRIPTION = UUID(int=1), UUID(int=2)
NORTH = Metadata(actor="support-north", role="support")
NOMINATE = Nominate(
    id=ACCOUNT,
    email="library@fu-berlin.de",
    contact_id=UUID(int=9),
    registered_account_id="r1",
    institution="FU",
    time_zone="Europe/Berlin",
)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


@pytest.fixture
def lifecycle(engine: Engine, clock: FixedClock) -> Iterator[Lifecycle]:
    """Nominated on the first day, active on the second, subscribed on the third, renewed on the fourth, suspended on the fifth."""
    lifecycle = Lifecycle(EventStore(engine, KEYRING, now=clock.now), clock)
    opened = OpenSubscription(id=SUBSCRIPTION, account_id=ACCOUNT, starts_on=date(2027, 3, 3))
    for commands in (
        (NOMINATE,),
        (Convert(id=ACCOUNT),),
        (opened, ActivateSubscription(id=SUBSCRIPTION)),
        (RenewSubscription(id=SUBSCRIPTION),),
        (Suspend(id=ACCOUNT),),
    ):
        for command in commands:
            lifecycle.handle(command, metadata=NORTH)
        clock.instant += DAY
    return lifecycle


def at(lifecycle: Lifecycle, days: float, known: float | None = None) -> Lifecycle:
    return back_to(lifecycle, Moment(START + days * DAY, None if known is None else START + known * DAY))


def status(lifecycle: Lifecycle, id: UUID = ACCOUNT) -> str:
    return str(lifecycle.present(id).state.status)


@pytest.mark.parametrize(("days", "expected"), [(0, "nominated"), (0.99, "nominated"), (1, "active"), (3.5, "active"), (4, "suspended")])
def test_a_thing_is_as_it_was(lifecycle: Lifecycle, days: float, expected: str):
    assert status(at(lifecycle, days)) == expected


def test_what_had_not_begun_is_not_there(lifecycle: Lifecycle):
    with pytest.raises(NotFound):
        at(lifecycle, -1).present(ACCOUNT)
    assert at(lifecycle, 1).log_reader.holder("subscription", str(ACCOUNT)) is None
    assert at(lifecycle, 2).log_reader.holder("subscription", str(ACCOUNT)) == SUBSCRIPTION


def test_what_nobody_knew_then_does_not_count(lifecycle: Lifecycle, clock: FixedClock):
    """A reinstatement that took effect on the seventh day was put on record on the tenth."""
    clock.instant = START + 9 * DAY
    lifecycle.handle(Reinstate(id=ACCOUNT), metadata=NORTH, at=START + 6 * DAY)
    assert status(at(lifecycle, 6.5)) == "active"
    assert status(at(lifecycle, 6.5, known=9)) == "active"
    assert status(at(lifecycle, 6.5, known=8.9)) == "suspended"
    log = at(lifecycle, 6.5, known=8.9).log_reader
    assert "account.reinstated" not in {each.topic for each in log.read_log(after=0, limit=100)}


def test_what_fell_due_is_settled_though_nobody_recorded_it(lifecycle: Lifecycle, clock: FixedClock):
    clock.instant = START + 1_200 * DAY
    assert status(at(lifecycle, 1_000), SUBSCRIPTION) != status(at(lifecycle, 3), SUBSCRIPTION)


def test_the_log_is_read_up_to_the_moment(lifecycle: Lifecycle):
    log = at(lifecycle, 2).log_reader
    everything = lifecycle.log_reader.read_log(after=0, limit=100)
    told = [each.topic for each in log.read_log(after=0, limit=100)]
    assert told == [each.topic for each in everything if each.at and each.at <= START + 2 * DAY]
    until = log.max_notification_id() or 0
    assert log.count_log(until=until) == len(told)
    assert log.count_log(until=until, only=Selection(to=START + DAY)) == 1
    assert at(lifecycle, 2, known=2).log_reader.count_log(until=until, only=Selection(recorded_to=START + DAY)) == 1
    streams = log.read_streams({ACCOUNT: 0, SUBSCRIPTION: 0})
    assert {each.topic for each in streams} == set(told)
    assert log.holders("subscription", [str(ACCOUNT), str(uuid4())]) == {str(ACCOUNT): SUBSCRIPTION}


def test_commands_are_known_whenever_they_were_asked(lifecycle: Lifecycle):
    id = uuid4()
    lifecycle.handle(CancelSubscription(id=SUBSCRIPTION, when="now"), metadata=Metadata(actor="a", role="support", command_id=id))
    log = at(lifecycle, 2).log_reader
    record = log.find_command(id)
    assert record is not None
    assert log.find_commands([id]) == {id: record}


def test_nothing_happens_in_the_past(lifecycle: Lifecycle):
    past = at(lifecycle, 2)
    with pytest.raises(TypeError, match="nothing happens in the past"):
        past.handle(CancelSubscription(id=SUBSCRIPTION, when="now"), metadata=NORTH)
    for asked in (
        lambda: past.log_reader.streams_of([uuid4()]),
        lambda: past.log_reader.holder("domain", "x"),
        lambda: past.log_reader.claims("domain", "a", "b"),
    ):
        with pytest.raises(ValueError, match="is not told"):
            asked()


def test_an_event_has_one_id_as_a_cause(lifecycle: Lifecycle):
    first, second = map(lifecycle.codec.to_recorded, lifecycle.log_reader.read_stream(ACCOUNT)[:2])
    assert id_of(first) == id_of(first) != id_of(second)


def test_the_past_closes_nothing_of_the_present(lifecycle: Lifecycle, engine: Engine):
    disposed: list[Engine] = []
    event.listen(engine, "engine_disposed", disposed.append)
    past = at(lifecycle, 1)
    past.load(ACCOUNT)
    del past
    gc.collect()
    assert disposed == []
