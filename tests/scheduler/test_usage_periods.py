"""Quota months are closed when they end, in order, and adjusted when nothing more can come in late."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.calendar import months_after
from domain.catalogue import CURRENT, Product
from domain.commands.itk_subscription import CancelSubscription, ChangePlans, RenewSubscription
from domain.events.itk_subscription import PlansChanged, SubscriptionLapsed, UsagePeriodAdjusted, UsagePeriodClosed
from ops.catcher import Catcher
from projections.usage import Span, counters
from tests.scheduler.house import DAY, ENDS_AT, GRACE_ENDS_AT, HOUR, START, ask, at_once, happened, house, put_institution, set_clock

RESETS = [months_after(START, n) for n in range(1, 30)]
LATE = 48 * HOUR
MICROSECOND = timedelta(microseconds=1)


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


def use(process, account, requests, *, starts_at=START, product="scholarly", records=0):
    """So much was counted by now in a month."""
    row = {"owner_id": account, "product": product, "span": Span.MONTH, "starts_at": starts_at}
    c = counters.c
    with process.database.writing() as connection:
        connection.execute(counters.delete().where(c.owner_id == account, c.product == product, c.starts_at == starts_at))
        connection.execute(counters.insert(), row | {"requests": requests, "records": records})


def closed(process, product=Product.SCHOLARLY):
    return [each.event for each in happened(process, UsagePeriodClosed) if each.event.product == product]


def adjusted(process):
    return [each.event for each in happened(process, UsagePeriodAdjusted)]


def test_a_year_is_closed_month_by_month_at_each_reset(home, catcher):
    process = home.process(catcher.url)
    account, _ = put_institution(process)
    for number in range(12):
        use(process, account, 100 + number, starts_at=months_after(START, number), records=number)
    use(process, account, 7, product="patent")
    journey = process.time_machine.advance(ENDS_AT + 5 * DAY)
    events = closed(process)
    assert list(range(12)) == [event.period for event in events]
    assert RESETS[:12] == [event.at for event in events] == [event.ends_at for event in events]
    assert [(100 + number, number, 50_000) for number in range(12)] == [(each.requests, each.records, each.limit) for each in events]
    assert [7, *[0] * 11] == [event.requests for event in closed(process, Product.PATENT)]
    assert 48 == len(happened(process, UsagePeriodClosed))
    assert 48 == sum(each["topic"] == "subscription.usage-period-closed" for each in journey.events)
    instants = [each["at"] for each in journey.events]
    assert sorted(instants) == instants


def test_months_are_closed_as_long_as_access_began_in_them(home, catcher):
    process = home.process(catcher.url)
    put_institution(process)
    process.time_machine.advance(GRACE_ENDS_AT + 200 * DAY)
    last = closed(process)[-1]
    assert (12, months_after(START, 12), months_after(START, 13)) == (last.period, last.starts_at, last.ends_at)
    assert last.starts_at < happened(process, SubscriptionLapsed)[0].event.at < last.ends_at == last.at
    set_clock(process, GRACE_ENDS_AT + 201 * DAY)
    process.heartbeat.drain()
    assert 13 == len(closed(process))


def test_what_is_cancelled_is_closed_at_the_reset_after_its_end(home, catcher):
    process = home.process(catcher.url)
    account, subscription = put_institution(process)
    use(process, account, 5)
    set_clock(process, START + 10 * DAY)
    ask(process, CancelSubscription(id=subscription, when="now"))
    process.time_machine.advance(START + 100 * DAY)
    assert [(0, 5, RESETS[0])] == [(event.period, event.requests, event.at) for event in closed(process)]


def test_a_scheduler_that_was_dead_for_months_closes_each_in_order(home, catcher):
    process = home.process(catcher.url)
    _, subscription = put_institution(process, reminders=(90, 30))
    set_clock(process, START + 400 * DAY)
    process.heartbeat.drain()
    events = [each.event for each in happened(process) if each.stream_id == subscription][2:]
    instants = [event.at for event in events]
    assert sorted(instants) == instants
    assert RESETS[:13] == [event.at for event in closed(process)]
    assert GRACE_ENDS_AT == next(event.at for event in events if isinstance(event, SubscriptionLapsed))


def test_what_people_did_meanwhile_comes_first_but_changes_no_total(home, catcher):
    process = home.process(catcher.url)
    account, subscription = put_institution(process)
    use(process, account, 5)
    more = tuple(plan for plan in CURRENT.institution if plan.product is Product.PATENT)
    set_clock(process, RESETS[1] + DAY)
    ask(process, RenewSubscription(id=subscription))
    process.heartbeat.drain()
    assert [RESETS[1] + DAY] * 2 == [event.at for event in closed(process)]
    assert RESETS[:2] == [event.ends_at for event in closed(process)]
    assert [5, 0] == [event.requests for event in closed(process)]
    assert not ask(process, ChangePlans(id=subscription, plans=more)).events


def test_a_lower_limit_that_begins_with_a_month_is_not_the_limit_of_the_month_before(home, catcher):
    process = home.process(catcher.url)
    _, subscription = put_institution(process)
    (scholarly,) = (plan for plan in CURRENT.institution if plan.product is Product.SCHOLARLY)
    lower = type(scholarly)(product=scholarly.product, requests_per_month=10, requests_per_minute=1)
    ask(process, ChangePlans(id=subscription, plans=(lower,)))
    process.time_machine.advance(RESETS[1])
    assert [RESETS[0]] == [each.event.at for each in happened(process, PlansChanged)]
    assert [50_000, 10] == [event.limit for event in closed(process)]


# late reports


def test_what_was_reported_late_is_put_on_record_once_after_48_hours(home, catcher):
    process = home.process(catcher.url)
    account, _ = put_institution(process)
    use(process, account, 5)
    process.time_machine.advance(RESETS[0] + HOUR)
    use(process, account, 6, records=60)
    use(process, account, 9, product="patent")
    process.time_machine.advance(RESETS[0] + LATE - MICROSECOND)
    assert [] == adjusted(process)
    process.time_machine.advance(RESETS[0] + 20 * DAY)
    told = [(event.at, event.product, event.period, event.requests, event.records) for event in adjusted(process)]
    assert [(RESETS[0] + LATE, "patent", 0, 9, 0), (RESETS[0] + LATE, "scholarly", 0, 6, 60)] == sorted(told, key=lambda each: each[1])
    process.heartbeat.drain()
    home.process(catcher.url).heartbeat.drain()  # a restart compares everything again
    assert 2 == len(adjusted(process))


def test_a_total_that_has_not_changed_is_not_adjusted(home, catcher):
    process = home.process(catcher.url)
    account, _ = put_institution(process)
    use(process, account, 5)
    process.time_machine.advance(RESETS[0] + 10 * DAY)
    assert [] == adjusted(process)
    assert RESETS[0] + 10 * DAY == process.clock.now()


def test_a_scheduler_that_was_dead_closes_with_what_had_come_by_then(home, catcher):
    process = home.process(catcher.url)
    account, _ = put_institution(process)
    use(process, account, 5)
    set_clock(process, RESETS[0] + LATE)
    process.heartbeat.drain()
    assert [5] == [event.requests for event in closed(process)]
    assert [] == adjusted(process)


# rebuilt, restarted, side by side


def test_rebuilt_tables_close_nothing_twice(home, catcher):
    process = home.process(catcher.url)
    account, _ = put_institution(process)
    use(process, account, 5)
    process.time_machine.advance(RESETS[2] + DAY)
    use(process, account, 8, starts_at=RESETS[1])
    process.tables.rebuild()
    process.heartbeat.drain()
    assert [0, 1, 2] == [event.period for event in closed(process)]
    process.time_machine.advance(RESETS[2] + LATE)
    assert [(2, 8)] == [(event.period, event.requests) for event in adjusted(process)]


def test_two_schedulers_close_each_month_once(postgresql_url, tmp_path, catcher):
    with house(postgresql_url, tmp_path) as home:
        one, other = home.process(catcher.url), home.process(catcher.url)
        put_institution(one)
        set_clock(one, RESETS[9])
        at_once(one.heartbeat.drain, other.heartbeat.drain)
        assert list(range(10)) == [event.period for event in closed(one)]
        assert 40 == len(happened(one, UsagePeriodClosed))


def test_nothing_is_closed_twice_while_the_tables_are_behind(home, catcher):
    process = home.process(catcher.url)
    put_institution(process)
    put_institution(process, name="eth")
    process.tables.catch_up()
    set_clock(process, datetime(2027, 4, 1, 12, tzinfo=UTC))
    assert 2 == process.usage_periods.tick()
    assert 0 == process.usage_periods.tick()  # the streams know
