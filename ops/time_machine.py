"""Virtual time: a row in the database, and the one way to move it, through everything that falls due on the way."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, text

from domain.application import Lifecycle
from domain.clock import Clock
from domain.errors import Refused
from ops.eventstore.engine import LOCK_SECONDS
from projections import deadlines, own_facts, usage_periods, webhooks
from projections.emails import outbox
from projections.follower import Database

LISTED = 1_000
_LOCK = 0x7E17BEA7


class MovableClock(Clock, Protocol):
    def set(self, instant: datetime) -> None: ...


class VirtualClock:
    """The instant that stands in the database, the same for every process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start_at(self, instant: datetime) -> None:
        """Set the clock, unless it was set before: a restart goes on where it was."""
        with self._database.writing() as connection:
            own_facts.start_clock(connection, instant)

    def now(self) -> datetime:
        with self._database.reading() as connection:
            instant = own_facts.read_clock(connection)
        if instant is None:
            raise RuntimeError("the virtual clock was never set")
        return instant

    def set(self, instant: datetime) -> None:
        with self._database.writing() as connection:
            own_facts.set_clock(connection, instant)


class Gate:
    """Heartbeats pass together; who moves the clock passes alone. Across processes on PostgreSQL, within one on SQLite."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._local = threading.Lock()

    @contextmanager
    def heartbeat(self) -> Iterator[bool]:
        """Yields whether the heart may beat now."""
        if self._engine.dialect.name != "postgresql":
            taken = self._local.acquire(blocking=False)
            try:
                yield taken
            finally:
                if taken:
                    self._local.release()
            return
        with self._session() as connection:
            taken = bool(connection.scalar(text("SELECT pg_try_advisory_lock_shared(:key)"), {"key": _LOCK}))
            try:
                yield taken
            finally:
                if taken:
                    connection.execute(text("SELECT pg_advisory_unlock_shared(:key)"), {"key": _LOCK})

    @contextmanager
    def alone(self) -> Iterator[None]:
        if self._engine.dialect.name != "postgresql":
            with self._local:
                yield
            return
        with self._session() as connection:
            connection.exec_driver_sql("SET lock_timeout = 0")  # a heartbeat that is under way may take its time
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
                connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_SECONDS}s'")

    @contextmanager
    def _session(self) -> Iterator[Connection]:
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            yield connection


@dataclass
class Journey:
    """What happened on the way: the first thousand events and emails, and how many there were."""

    now: datetime
    events: list[dict[str, Any]] = field(default_factory=list)
    emails: list[dict[str, Any]] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)


class TimeMachine:
    def __init__(self, clock: MovableClock, gate: Gate, drain: Callable[[], None], database: Database, lifecycle: Lifecycle) -> None:
        self._clock = clock
        self._gate = gate
        self._drain = drain
        self._database = database
        self._lifecycle = lifecycle

    def advance(self, to: datetime) -> Journey:
        """Move time to `to`, never back, stopping at each instant at which something is due, and do it there."""
        with self._gate.alone():
            now = self._clock.now()
            if to < now:
                raise Refused("clock-goes-forward", f"the clock stands at {now.isoformat()} and only goes forward", field="to")
            start = self._lifecycle.log_reader.max_notification_id() or 0
            self._drain()
            while now < to:
                now = min(to, self._next_instant(now) or to)
                self._clock.set(now)
                self._drain()
            return self._journey(now, start)

    def _next_instant(self, now: datetime) -> datetime | None:
        late = timedelta(hours=self._lifecycle.rules.late_usage_hours)
        with self._database.reading() as connection:
            instants = [
                deadlines.next_due(connection, now),
                outbox.next_attempt(connection, now),
                usage_periods.next_instant(connection, now, late),
                webhooks.next_attempt(connection, now),
            ]
        return min((instant for instant in instants if instant is not None), default=None)

    def _journey(self, now: datetime, start: int) -> Journey:
        journey = Journey(now)
        codec = self._lifecycle.codec
        after, events, sent = start, 0, 0
        while page := self._lifecycle.log_reader.read_log(after=after, limit=LISTED):
            for stored in page:
                recorded = codec.to_recorded(stored)
                topic = recorded.event.TOPIC
                events += 1
                if len(journey.events) < LISTED:
                    journey.events.append(
                        {"position": recorded.position, "topic": topic, "at": recorded.event.at, "stream_id": recorded.stream_id}
                    )
                if topic == "email.sent":
                    sent += 1
                    if len(journey.emails) < LISTED:
                        event: Any = recorded.event
                        journey.emails.append({"template": event.template, "to": event.to, "subject": event.subject, "at": event.at})
            after = page[-1].id
        journey.totals = {"events": events, "emails": sent}
        return journey
