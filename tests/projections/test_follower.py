"""Tables keep up with the log: each event once, with its position, whoever does it and however often it is begun anew."""

import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, func, insert, select

from domain.commands.institutional_account import Amend
from domain.commands.itk_subscription import RenewSubscription
from ops.assembly import Assembly
from ops.catcher import Catcher
from ops.config import Settings
from projections import accounts
from projections.emails.outbox import emails
from projections.follower import TableFollowers, followers
from projections.versions import versions
from tests.lifetimes.worlds import World
from tests.projections.story import ACCOUNT, DAY, ENDS_AT, SUBSCRIBED, SUBSCRIPTION, WITH_TOKENS, done, world_on

own = MetaData()
seen = Table("seen", own, Column("position", Integer, primary_key=True), Column("topic", String))


class Seen:
    """Notes each event; notes none of a batch with an event that it cannot bear."""

    name = "seen"
    tables = (seen,)

    def __init__(self, unbearable=None):
        self.unbearable = unbearable

    def apply(self, facts, connection):
        for fact in facts:
            connection.execute(insert(seen).values(position=fact.recorded.position, topic=fact.recorded.event.TOPIC))
            if fact.recorded.event.TOPIC == self.unbearable:
                raise RuntimeError("unbearable")


class Slow:
    """Takes its time when it begins with the first event."""

    name = "slow"
    tables = ()

    def __init__(self):
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def apply(self, facts, connection):
        self.reached.set()
        assert self.go_on.wait(10)


def following(world, *projections):
    with world.assembly.database.writing() as connection:
        own.create_all(connection, checkfirst=True)
    tables = TableFollowers(world.assembly.database, world.lifecycle, projections)
    tables.prepare()
    return tables


def rows(world, table):
    with world.assembly.database.reading() as connection:
        return [tuple(row) for row in connection.execute(select(table))]


def positions(world):
    with world.assembly.database.reading() as connection:
        return {row.name: row.position for row in connection.execute(select(followers))}


# a position and its rows are one


def test_a_projection_that_fails_leaves_nothing(world: World):
    done(world, *SUBSCRIBED)
    failing = Seen("subscription.opened")
    tables = following(world, failing)
    with pytest.raises(RuntimeError):
        tables.catch_up()
    assert [] == rows(world, seen)
    assert 0 == positions(world)["seen"]
    failing.unbearable = None
    assert 4 == tables.catch_up()
    assert [1, 2, 3, 4] == [position for position, _ in rows(world, seen)]
    assert 4 == positions(world)["seen"]


def test_one_that_fails_takes_the_others_back_with_it(world: World):
    done(world, *SUBSCRIBED)
    failing = Seen("subscription.opened")
    tables = following(world, *world.assembly.tables._projections, failing)
    with pytest.raises(RuntimeError):
        tables.catch_up()
    assert [] == rows(world, accounts.table)
    assert {0} == set(positions(world).values())


def test_a_projection_that_is_new_takes_up_what_the_others_know(world: World):
    done(world, *SUBSCRIBED)
    world.assembly.tables.catch_up()
    before = world.tables()
    following(world, *world.assembly.tables._projections, Seen()).catch_up()
    assert before == world.tables()
    assert 4 == len(rows(world, seen))


# whoever does it


def test_threads_that_follow_at_once_take_up_each_event_once(world: World):
    done(world, *SUBSCRIBED)
    for number in range(40):
        done(world, Amend(id=ACCOUNT, institution=f"FU {number}"))
    many = [following(world, Seen()) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(lambda tables: tables.catch_up(), many))
    assert 44 == sum(taken)
    assert list(range(1, 45)) == sorted(position for position, _ in rows(world, seen))


def test_threads_may_follow_while_others_write(world: World):
    done(world, *SUBSCRIBED)
    writing = threading.Event()

    def follow(tables):
        taken = 0
        while not writing.is_set():
            taken += tables.catch_up()
        return taken + tables.catch_up()

    with ThreadPoolExecutor(3) as threads:
        counts = [threads.submit(follow, following(world, Seen())) for _ in range(3)]
        for number in range(40):
            done(world, Amend(id=ACCOUNT, institution=f"FU {number}"))
        writing.set()
        assert 44 == sum(count.result() for count in counts)
    assert list(range(1, 45)) == sorted(position for position, _ in rows(world, seen))


def _follow(url):
    assembly = Assembly(Settings(database_url=url, db_upgrade="off"), smtp_url="smtp+plain://127.0.0.1:9")
    taken = assembly.tables.catch_up()
    assembly.close()
    return taken


def test_processes_that_follow_at_once_take_up_each_event_once(postgresql_url: str, catcher: Catcher):
    with world_on(postgresql_url, catcher) as world:
        done(world, *WITH_TOKENS)
        for number in range(40):
            done(world, Amend(id=ACCOUNT, institution=f"FU {number}"))
        head = world.lifecycle.log_reader.max_notification_id()
        with multiprocessing.get_context("spawn").Pool(3) as processes:
            taken = processes.map(_follow, [postgresql_url] * 3)
        assert head == sum(taken)
        followed = world.tables()
        world.assembly.tables.rebuild()
        assert followed == world.tables()


# reading one's own writes


def test_whoever_waits_for_a_position_sees_what_was_written(world: World):
    position = done(world, *SUBSCRIBED).position
    assert world.assembly.tables.position() < position
    follower = world.assembly.following
    follower.start()
    try:
        until = time.monotonic() + 5
        while world.assembly.tables.position() < position and time.monotonic() < until:
            time.sleep(0.005)
        assert position == world.assembly.tables.position()
        listed, _ = accounts.listed(world.lifecycle, world.assembly.database, q="fu-berlin", status=None, after=0, limit=10)
        assert [str(ACCOUNT)] == [item["id"] for item in listed]
    finally:
        follower.stop()


# begun anew


def test_everything_rebuilt_is_what_was_followed(world: World):
    done(world, *WITH_TOKENS)
    for days in (0, 300, 360, 400, 480, 600):
        world.clock.instant += days * DAY
        world.tick()
    followed = world.tables()
    assert all(
        followed[table] for table in ("accounts", "subscriptions", "user_plans_2", "api_tokens", "versions_2", "emails", "closed_usage")
    )
    world.assembly.tables.rebuild()
    assert followed == world.tables()


def test_a_rebuild_sends_nothing_again(world: World):
    """Some letters are out, and some are still waiting."""
    done(world, *SUBSCRIBED)
    world.tick()
    sent = world.letters()
    assert 2 == len(sent)
    done(world, RenewSubscription(id=SUBSCRIPTION))
    world.assembly.tables.catch_up()
    world.assembly.tables.rebuild()
    assert sent == world.letters()
    with world.assembly.database.reading() as connection:
        waiting = select(func.count()).where(emails.c.status == "pending")
        assert 1 == connection.scalar(waiting)
        assert 2 == connection.scalar(select(func.count()).where(emails.c.status == "sent"))
    world.tick()
    world.tick()
    assert 3 == len(world.letters())
    assert {1} == set(world.letters().values())
    world.assembly.tables.rebuild()
    world.tick()
    assert 3 == sum(world.letters().values())


def test_whoever_reads_during_a_rebuild_sees_the_old_rows(world: World):
    done(world, *SUBSCRIBED)
    world.assembly.tables.catch_up()
    slow = Slow()
    tables = following(world, *world.assembly.tables._projections, slow)
    slow.go_on.set()
    tables.catch_up()
    slow.reached.clear()
    slow.go_on.clear()
    before = rows(world, accounts.table)
    with ThreadPoolExecutor(1) as threads:
        rebuilding = threads.submit(tables.rebuild)
        assert slow.reached.wait(10)
        assert before == rows(world, accounts.table)
        assert 4 == world.assembly.tables.position()
        slow.go_on.set()
        assert 4 == rebuilding.result()
    assert before == rows(world, accounts.table)


def test_what_is_written_during_a_rebuild_is_not_lost(world: World):
    done(world, *SUBSCRIBED)
    world.assembly.tables.catch_up()
    world.assembly.tables.rebuild()
    done(world, RenewSubscription(id=SUBSCRIPTION))
    assert 1 == world.assembly.tables.catch_up()
    assert {1, 2, 3} == {row.version for row in named_rows(world) if row.stream_id == SUBSCRIPTION}


def named_rows(world):
    with world.assembly.database.reading() as connection:
        return list(connection.execute(select(versions)))


# versions


def test_each_version_of_each_thing_has_a_row(world: World):
    done(world, *WITH_TOKENS)
    world.clock.instant = ENDS_AT
    world.tick()
    world.assembly.tables.catch_up()
    expected = {(each.stream_id, each.version, each.event.at) for each in world.log() if not each.event.TOPIC.startswith("email.")}
    assert expected == {(row.stream_id, row.version, row.at) for row in named_rows(world)}
