"""No reader skips an event: sixteen writers that dawdle before they commit, or give up, and a reader at their heels."""

import random
import time
from threading import Thread
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from sqlalchemy import event

from ops.eventstore.append import PostgreSQL
from ops.eventstore.engine import connect
from ops.eventstore.people import People
from ops.eventstore.recorder import Recorder
from tests.keyring import KEYRING

WRITERS = 16
APPENDS = 15


class WithoutTurns(PostgreSQL):
    """What becomes of the order when nobody waits for their turn."""

    take_turn = ""


class ChangedMind(Exception):
    """A writer gave up just before its commit."""


def dawdle(engine, chance):
    """Before each commit: a pause of up to 10 milliseconds, and one in ten gives up."""

    @event.listens_for(engine, "commit")
    def hesitate(_connection):
        time.sleep(chance.random() / 100)
        if chance.random() < 0.1:
            raise ChangedMind


def race(url, dialect):
    """What the reader saw, and what the log holds, as positions."""
    writing_engine, reading_engine = connect(url), connect(url)
    dawdle(writing_engine, random.Random(7))
    writer, reader = (
        Recorder(writing_engine, People(writing_engine, KEYRING), dialect=dialect),
        Recorder(reading_engine, People(reading_engine, KEYRING)),
    )
    given_up = []

    def write(number):
        stream, version = UUID(int=number), 0
        for appended in range(APPENDS):
            size = 1 + appended % 3
            try:
                writer.insert_events([StoredEvent(stream, version + each, "topic", b"{}") for each in range(1, size + 1)])
                version += size
            except ChangedMind:
                given_up.append(number)

    threads = [Thread(target=write, args=(number,)) for number in range(1, WRITERS + 1)]
    for thread in threads:
        thread.start()
    seen = []
    while True:
        finished = not any(thread.is_alive() for thread in threads)
        found = reader.read_log(after=seen[-1] if seen else 0, limit=100)
        seen += [stored.id for stored in found]
        if finished and not found:
            break
    truth = [stored.id for stored in reader.read_log(after=0, limit=10_000)]
    writing_engine.dispose()
    reading_engine.dispose()
    assert given_up
    return seen, truth


def test_nothing_is_skipped_and_nothing_out_of_order(postgresql_url):
    seen, truth = race(postgresql_url, PostgreSQL())
    assert truth == seen
    assert sorted(set(seen)) == seen


def test_without_the_lock_the_reader_skips(postgresql_url):
    """The test above can fail: this is what it would find."""
    seen, truth = race(postgresql_url, WithoutTurns())
    assert set(seen) < set(truth)


def test_an_append_waits_for_the_one_before_it(postgresql_url):
    engine = connect(postgresql_url)
    recorder = Recorder(engine, People(engine, KEYRING))
    slow = engine.connect()
    slow.exec_driver_sql(PostgreSQL.take_turn.rstrip("; "))
    late = Thread(target=recorder.insert_events, args=([StoredEvent(UUID(int=1), 1, "topic", b"{}")],))
    late.start()
    late.join(0.2)
    assert late.is_alive()
    assert recorder.max_notification_id() is None
    slow.rollback()
    slow.close()
    late.join(5)
    assert 1 == recorder.max_notification_id()
    engine.dispose()


def test_lock_and_insert_are_one_round_trip(postgresql_url):
    engine = connect(postgresql_url)
    sent = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
    Recorder(engine, People(engine, KEYRING)).insert_events([StoredEvent(UUID(int=1), version, "topic", b"{}") for version in (1, 2)])
    engine.dispose()
    assert 1 == len(sent)
    assert sent[0].startswith(PostgreSQL.take_turn)
