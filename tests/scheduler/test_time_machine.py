"""Virtual time: it stops wherever something is due, does it there, and never goes back."""

import pytest
from fastapi.testclient import TestClient

from domain.errors import Refused
from domain.events.email_delivery import EmailSent
from domain.events.itk_subscription import (
    GraceStarted,
    SubscriptionEnded,
    SubscriptionExpiring,
    SubscriptionLapsed,
    UsagePeriodClosed,
    UsageStatementMade,
)
from ops.catcher import Catcher
from tests.scheduler.house import (
    DAY,
    ENDS_AT,
    GRACE_ENDS_AT,
    HOUR,
    START,
    at_once,
    happened,
    house,
    put,
    put_institution,
    token,
    user_plan,
)
from tests.scheduler.scripted_smtp import Fault, Stage
from tests.scheduler.test_outbox import scripted

RUNGS = (30, 14, 7, 1)
MINUTE = HOUR / 60


@pytest.fixture
def home(database_url, tmp_path):
    with house(database_url, tmp_path) as home:
        yield home


@pytest.fixture
def catcher():
    catcher = Catcher()
    catcher.start()
    yield catcher
    catcher.stop()


def populated(process):
    account, subscription = put_institution(process, reminders=RUNGS)
    person = user_plan(account, subscription, reminders=(30, 7))
    put(process, account, person, token(account, account, reminders=RUNGS))
    return subscription


def assert_each_letter_left_when_it_was_written(process):
    instants = {each.position: each.event.at for each in happened(process)}
    sent = happened(process, EmailSent)
    assert [instants[each.event.position] for each in sent] == [each.event.at for each in sent]


def test_time_stops_at_each_instant_in_due_order(home, catcher):
    process = home.process(catcher.url)
    subscription = populated(process)
    journey = process.time_machine.advance(START + 500 * DAY)
    assert START + 500 * DAY == journey.now == process.clock.now()

    instants = [each["at"] for each in journey.events]
    assert sorted(instants) == instants
    effects = [each.event for each in happened(process) if each.stream_id == subscription][2:]
    effects = [event for event in effects if not isinstance(event, UsagePeriodClosed | UsageStatementMade)]
    rungs = [SubscriptionExpiring(at=ENDS_AT - days * DAY, days_left=days, ends_at=ENDS_AT, announced=False) for days in RUNGS]
    lapse_ends_at = GRACE_ENDS_AT + 90 * DAY
    grace = GraceStarted(at=ENDS_AT, grace_ends_at=GRACE_ENDS_AT)
    lapse = SubscriptionLapsed(at=GRACE_ENDS_AT, ends_for_good_at=lapse_ends_at)
    assert [*rungs, grace, lapse, SubscriptionEnded(at=lapse_ends_at, cause="lapsed")] == effects


def test_letters_leave_at_their_instants_and_are_told_of(home, catcher):
    process = home.process(catcher.url)
    populated(process)
    journey = process.time_machine.advance(ENDS_AT + DAY)
    assert_each_letter_left_when_it_was_written(process)
    assert len(catcher.messages) == journey.totals["emails"] == len(journey.emails)
    assert [each.recipient for each in catcher.messages] == [each["to"] for each in journey.emails]
    assert journey.totals["events"] == len(journey.events)
    expiring = [(each["at"], each["to"]) for each in journey.emails if each["template"] == "subscription-expiring"]
    assert [(ENDS_AT - days * DAY, "library@uni.example") for days in RUNGS] == expiring


def test_one_long_way_and_many_short_ones_are_the_same(home, catcher):
    process = home.process(catcher.url)
    populated(process)
    now = START
    while now < ENDS_AT:
        now = min(ENDS_AT, now + 17 * DAY)
        assert now == process.time_machine.advance(now).now
    assert_each_letter_left_when_it_was_written(process)
    assert 4 == len(happened(process, SubscriptionExpiring))


def test_time_stops_for_a_letter_that_is_to_be_tried_again(home):
    with scripted({Stage.RCPT: Fault.LATER}, times=2) as (url, server):
        process = home.process(url)
        put_institution(process)
        process.time_machine.advance(START + DAY)
        assert 2 == len(server.letters)
    assert [START + MINUTE] * 2 == [each.event.at for each in happened(process, EmailSent)]


def test_time_never_goes_back(home, catcher):
    process = home.process(catcher.url)
    process.time_machine.advance(START + DAY)
    assert START + DAY == process.time_machine.advance(START + DAY).now
    with pytest.raises(Refused, match="only goes forward") as refused:
        process.time_machine.advance(START + DAY - MINUTE)
    assert "clock-goes-forward" == refused.value.slug
    assert START + DAY == process.clock.now()


def test_over_http_going_back_is_a_conflict(home, catcher):
    process = home.process(catcher.url)
    key = process.staff.first_admin(None)
    client = TestClient(process.api(), headers={"Authorization": f"Bearer {key}"})
    forward = client.post("/v1/clock/advance", json={"to": (START + DAY).isoformat()})
    assert (200, 0) == (forward.status_code, forward.json()["totals"]["emails"])
    back = client.post("/v1/clock/advance", json={"to": START.isoformat()})
    assert 409 == back.status_code
    assert back.json()["type"].endswith("clock-goes-forward")


def test_a_restart_goes_on_where_the_clock_was(home, catcher):
    home.process(catcher.url).time_machine.advance(START + DAY)
    assert START + DAY == home.process(catcher.url).clock.now()


# two processes


def test_two_processes_share_the_clock_and_each_effect_comes_once(postgresql_url, tmp_path, catcher):
    with house(postgresql_url, tmp_path) as home:
        one, other = home.process(catcher.url), home.process(catcher.url)
        populated(one)
        at_once(lambda: one.time_machine.advance(ENDS_AT + DAY), lambda: other.time_machine.advance(ENDS_AT + DAY))
        assert ENDS_AT + DAY == one.clock.now() == other.clock.now()
        other.time_machine.advance(GRACE_ENDS_AT + DAY)
        assert 4 == len(happened(one, SubscriptionExpiring))
        assert 1 == len(happened(one, GraceStarted)) == len(happened(one, SubscriptionLapsed))
        assert_each_letter_left_when_it_was_written(one)
        ids = [each.message["Message-ID"] for each in catcher.messages]
        assert len(set(ids)) == len(ids) == len(happened(one, EmailSent))


def test_the_hearts_of_other_processes_pause_meanwhile(postgresql_url, tmp_path, catcher):
    with house(postgresql_url, tmp_path) as home:
        one, other = home.process(catcher.url), home.process(catcher.url)
        populated(one)
        with one.gate.alone():
            other.heartbeat.beat()
        assert 0 == len(catcher.messages)
        other.heartbeat.beat()
        assert 4 == len(catcher.messages)


def test_hearts_that_beat_all_the_while_change_nothing(postgresql_url, tmp_path, catcher):
    with house(postgresql_url, tmp_path) as home:
        one, other = home.process(catcher.url), home.process(catcher.url)
        populated(one)
        arrived = []

        def advance():
            try:
                one.time_machine.advance(ENDS_AT + DAY)
            finally:
                arrived.append(True)

        def beat():
            while not arrived:
                other.heartbeat.beat()

        at_once(advance, beat)
        assert_each_letter_left_when_it_was_written(one)
        assert 4 == len(happened(one, SubscriptionExpiring))
        assert len(catcher.messages) == len(happened(one, EmailSent))
