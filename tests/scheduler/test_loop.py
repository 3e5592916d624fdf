"""The heart beats on: whatever fails, and whoever stops the clockwork; and it pauses for who moves the clock."""

import time
from threading import Event as Flag
from threading import Thread

import pytest

from ops.time_machine import Gate
from scheduler.loop import Following, Heartbeat, Loop

SOON = 10.0  # seconds to wait at most; what is waited for comes at once


class Part:
    """Has `batches` of work, and fails as often as it is told."""

    def __init__(self, batches=0, failures=0):
        self.batches, self.failures = batches, failures
        self.ticks = 0
        self.idle = Flag()

    def tick(self):
        self.ticks += 1
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the database is away")
        if self.batches:
            self.batches -= 1
            return 1
        self.idle.set()
        return 0


def heartbeat_of(*parts, pause, catch_up=lambda: 0):
    return Heartbeat(catch_up, Part(), parts, pause)


@pytest.fixture
def gate(engine):
    return Gate(engine)


def test_a_beat_goes_round_until_a_whole_round_finds_nothing(gate):
    first, second = Part(batches=2), Part(batches=1)
    heartbeat_of(first, second, pause=gate.heartbeat).beat()
    assert (0, 0) == (first.batches, second.batches)
    assert (3, 3) == (first.ticks, second.ticks)


def test_followers_come_before_everything_else(gate):
    order = []

    class Telling(Part):
        def tick(self):
            order.append("part")
            return super().tick()

    heartbeat_of(Telling(), pause=gate.heartbeat, catch_up=lambda: order.append("followers") or 0).beat()
    assert ["followers", "part"] == order


def test_the_heart_does_not_beat_while_somebody_moves_the_clock(gate):
    part = Part()
    heartbeat = heartbeat_of(part, pause=gate.heartbeat)
    with gate.alone():
        heartbeat.beat()
        assert 0 == part.ticks
    heartbeat.beat()
    assert 1 == part.ticks


def test_who_moves_the_clock_waits_for_the_beat_to_end(gate):
    alone = Flag()

    def move():
        with gate.alone():
            alone.set()

    with gate.heartbeat() as may:
        assert may
        mover = Thread(target=move)
        mover.start()
        assert not alone.wait(0.1)
    assert alone.wait(SOON)
    mover.join()


def test_hearts_of_several_processes_beat_together_on_postgresql(postgresql_url):
    from ops.eventstore.engine import connect

    engines = [connect(postgresql_url), connect(postgresql_url)]
    with Gate(engines[0]).heartbeat() as one, Gate(engines[1]).heartbeat() as other:
        assert one
        assert other
    for engine in engines:
        engine.dispose()


def test_a_tick_that_fails_does_not_stop_the_loop(gate):
    part = Part(batches=1, failures=2)
    loop = Loop(heartbeat_of(part, pause=gate.heartbeat), seconds=0.01)
    loop.start()
    assert part.idle.wait(SOON)
    loop.stop()
    assert (0, 0) == (part.batches, part.failures)


def test_the_watchdog_starts_a_clockwork_again_that_stands_still(gate):
    part = Part()
    heartbeat = heartbeat_of(part, pause=gate.heartbeat)
    loop = Loop(heartbeat, seconds=0.01)
    loop.start()
    assert part.idle.wait(SOON)
    loop._scheduler.pause()  # as after a backward step of the system's clock
    stood_still = loop._scheduler
    part.idle.clear()
    heartbeat.last_beat = time.monotonic() - 61
    assert part.idle.wait(SOON)
    assert stood_still is not loop._scheduler
    assert not stood_still.running
    loop.stop()


def test_a_heart_that_beats_is_left_alone(gate):
    part = Part()
    loop = Loop(heartbeat_of(part, pause=gate.heartbeat), seconds=0.01)
    clockwork = loop._scheduler
    loop.start()
    assert part.idle.wait(SOON)
    part.idle.clear()
    assert part.idle.wait(SOON)
    assert clockwork is loop._scheduler
    loop.stop()
    assert not clockwork.running


def test_followers_are_woken_by_a_commit_and_outlive_a_failure():
    caught_up = Flag()
    failures = [ConnectionError("the database is away")]

    def catch_up():
        if failures:
            raise failures.pop()
        caught_up.set()
        return 0

    following = Following(catch_up, seconds=0.01)
    following.start()
    assert caught_up.wait(SOON)
    caught_up.clear()
    following.wake()
    assert caught_up.wait(SOON)
    following.stop()
    assert not following.is_alive()
