"""What falls due takes effect once, however many look after it, and however late they come. TENURE_BIG=1 makes it 10,000 deadlines."""

import os
from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert, select

from domain.clock import FixedClock
from domain.events.api_token import TokenExpired, TokenExpiring, TokenReminderSkipped
from domain.events.itk_subscription import (
    GraceStarted,
    SubscriptionEnded,
    SubscriptionExpiring,
    SubscriptionLapsed,
    SubscriptionReminderSkipped,
)
from projections.deadlines import claim_due, due, due_work, settled
from projections.work import LEASE
from scheduler.deadlines import RETRY, DueDeadlines
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
    set_clock,
    token,
)

RUNGS = (30, 14, 7, 1)
SECOND = timedelta(seconds=1)
MANY = 10_000 if os.environ.get("TENURE_BIG") else 2_000


@pytest.fixture
def home(database_url, tmp_path):
    with house(database_url, tmp_path) as home:
        yield home


def tokens(assembly, number, **changed):
    account, _ = put_institution(assembly)
    made = [token(account, account, slot=slot, **changed) for slot in range(number)]
    put(assembly, account, *made)
    assembly.tables.catch_up()
    return [stream for stream, _ in made]


def drain(part):
    done = 0
    while worked := part.tick():
        done += worked
    return done


# several schedulers


def let_expire(url, folder, schedulers, number):
    """The first scheduler beside a follower, as in a process that runs both."""
    with house(url, folder) as home:
        first = home.process()
        streams = tokens(first, number, expires_at=START + DAY)
        set_clock(first, START + 2 * DAY)
        processes = [first, *(home.process() for _ in range(schedulers - 1))]
        counts = Counter()

        def work(process):
            counts[process.owner] = drain(process.due_deadlines)

        first.following.start()
        at_once(*(lambda process=process: work(process) for process in processes))
        first.following.stop()
        expired = happened(first, TokenExpired)
        assert sorted(streams) == sorted(each.stream_id for each in expired)
        assert {START + DAY} == {each.event.at for each in expired}
        assert number == sum(counts.values())
        first.tables.catch_up()
        with first.database.reading() as connection:
            assert [] == connection.execute(select(due.c.stream_id).where(due.c.stream_id.in_(streams[:1_000]))).all()
            assert [] == connection.execute(select(due_work)).all()


@pytest.mark.parametrize(("schedulers", "number"), [(2, 600), (3, 600), (8, MANY)])
def test_several_schedulers_on_postgresql_let_each_deadline_take_effect_once(postgresql_url, tmp_path, schedulers, number):
    let_expire(postgresql_url, tmp_path, schedulers, number)


def test_two_schedulers_on_sqlite_let_each_deadline_take_effect_once(sqlite_url, tmp_path):
    let_expire(sqlite_url, tmp_path, 2, 300)


# the lease


def scheduler_at(process, real_now, owner="heir"):
    return DueDeadlines(process.lifecycle, process.database, FixedClock(real_now), owner)


def leased(process, owner, real_now):
    now = process.clock.now()
    with process.database.writing() as connection:
        return claim_due(connection, owner=owner, due_at=now, now=now, real_now=real_now, limit=100)


def work_on(process, stream):
    with process.database.reading() as connection:
        return connection.execute(select(due_work).where(due_work.c.id == stream)).one_or_none()


def test_what_a_dead_scheduler_had_claimed_is_taken_over_when_its_lease_has_run_out(home):
    process = home.process()
    (stream,) = tokens(process, 1, expires_at=START + DAY)
    set_clock(process, START + DAY)
    assert [stream] == leased(process, "dead", START)
    assert 0 == scheduler_at(process, START + LEASE - SECOND).tick()
    assert 1 == scheduler_at(process, START + LEASE).tick()
    assert [stream] == [each.stream_id for each in happened(process, TokenExpired)]


def test_only_who_still_holds_the_lease_says_that_the_work_is_done(home):
    process = home.process()
    (stream,) = tokens(process, 1, expires_at=START + DAY)
    set_clock(process, START + DAY)
    leased(process, "slow", START)
    assert [stream] == leased(process, "heir", START + LEASE)
    done = process.lifecycle.settle(stream).stream
    with process.database.writing() as connection:
        settled(connection, [done], "slow")
    assert "heir" == work_on(process, stream).lease_owner
    with process.database.writing() as connection:
        settled(connection, [done], "heir")
    assert work_on(process, stream) is None
    assert [] == leased(process, "anybody", START + LEASE)


def test_a_stream_that_cannot_be_settled_is_put_off_and_holds_up_nobody(home):
    process = home.process()
    streams = tokens(process, 3, expires_at=START + DAY)
    lost = uuid4()
    with process.database.writing() as connection:
        connection.execute(insert(due).values(stream_id=lost, due_at=START, version=1))  # the longest overdue, and nowhere in the log
    set_clock(process, START + DAY)
    assert 4 == drain(process.due_deadlines)
    assert sorted(streams) == sorted(each.stream_id for each in happened(process, TokenExpired))
    put_off = work_on(process, lost)
    assert (None, START + DAY + RETRY, 1) == (put_off.lease_owner, put_off.not_before, put_off.attempts)
    assert str(lost) in put_off.answer
    assert 0 == process.due_deadlines.tick()
    set_clock(process, START + DAY + RETRY)
    assert 1 == process.due_deadlines.tick()
    assert 2 == work_on(process, lost).attempts


# the scheduler was off


LADDER = (90, 60, 30, 14, 7, 1)
TOO_LATE = "it had ended by then"


def rung(days, end=ENDS_AT):
    return SubscriptionExpiring(at=end - days * DAY, days_left=days, ends_at=end, announced=False)


def skipped(days, why):
    return SubscriptionReminderSkipped(at=ENDS_AT - days * DAY, days_left=days, ends_at=ENDS_AT, why=why)


def overtaken_by(days):
    return f"the reminder {days} days before was due too"


def token_skipped(days, why):
    return TokenReminderSkipped(at=ENDS_AT - days * DAY, days_left=days, expires_at=ENDS_AT, why=why)


def token_rung(days):
    return TokenExpiring(at=ENDS_AT - days * DAY, days_left=days, expires_at=ENDS_AT)


GRACE = GraceStarted(at=ENDS_AT, grace_ends_at=GRACE_ENDS_AT)
LAPSE = SubscriptionLapsed(at=GRACE_ENDS_AT, ends_for_good_at=GRACE_ENDS_AT + 90 * DAY)
EXPIRED = TokenExpired(at=ENDS_AT)

OFF = {
    "an hour": (ENDS_AT - 30 * DAY - HOUR / 2, HOUR, [rung(30)], [token_rung(30)]),
    "thirty days, until the day before the end": (
        ENDS_AT - 31 * DAY,
        30 * DAY,
        [*(skipped(days, overtaken_by(1)) for days in (30, 14, 7)), rung(1)],
        [*(token_skipped(days, overtaken_by(1)) for days in (30, 14, 7)), token_rung(1)],
    ),
    "thirty days, over the end": (
        ENDS_AT - 10 * DAY,
        30 * DAY,
        [skipped(7, TOO_LATE), skipped(1, TOO_LATE), GRACE],
        [token_skipped(7, TOO_LATE), token_skipped(1, TOO_LATE), EXPIRED],
    ),
    "400 days": (
        START + HOUR,
        400 * DAY,
        [*(skipped(days, TOO_LATE) for days in LADDER), GRACE, LAPSE],
        [*(token_skipped(days, TOO_LATE) for days in RUNGS), EXPIRED],
    ),
}


@pytest.mark.parametrize("case", OFF)
def test_after_the_scheduler_was_off_every_effect_comes_once_and_in_due_order(home, case):
    since, length, of_subscription, of_token = OFF[case]
    process, other = home.process(), home.process()
    account, subscription = put_institution(process, reminders=LADDER)
    repository = token(account, account, expires_at=ENDS_AT, reminders=RUNGS)
    put(process, account, repository)
    process.tables.catch_up()
    set_clock(process, since)
    drain(process.due_deadlines)
    head = process.store.log.max_notification_id()

    set_clock(process, since + length)
    process.tables.catch_up()
    at_once(lambda: drain(process.due_deadlines), lambda: drain(other.due_deadlines))
    drain(process.due_deadlines)
    after = happened(process, after=head)
    assert of_subscription == [each.event for each in after if each.stream_id == subscription]
    assert of_token == [each.event for each in after if each.stream_id == repository[0]]
    assert {subscription, repository[0]} == {each.stream_id for each in after}


def test_a_year_and_a_half_late_a_subscription_has_ended_for_good(home):
    process = home.process()
    _, subscription = put_institution(process)
    process.tables.catch_up()
    set_clock(process, START + 500 * DAY)
    drain(process.due_deadlines)
    ended = SubscriptionEnded(at=GRACE_ENDS_AT + 90 * DAY, cause="lapsed")
    assert [GRACE, LAPSE, ended] == [each.event for each in happened(process) if each.stream_id == subscription][2:]
