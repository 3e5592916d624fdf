"""Lets what has fallen due take effect: claims overdue streams under a lease and settles each."""

from datetime import timedelta

import structlog

from domain.application import Lifecycle
from domain.clock import Clock
from projections import deadlines
from projections.follower import Database

BATCH = 100
RETRY = timedelta(minutes=10)

log = structlog.get_logger()


class DueDeadlines:
    def __init__(self, lifecycle: Lifecycle, database: Database, real_clock: Clock, owner: str) -> None:
        self._lifecycle = lifecycle
        self._database = database
        self._real_clock = real_clock
        self._owner = owner

    def tick(self) -> int:
        """Settle a batch of the longest overdue streams, each up to that instant only. Returns how many were settled.

        So what follows from them is asked for before what fell due later takes effect, also after an outage.
        """
        now, real_now = self._lifecycle.clock.now(), self._real_clock.now()
        with self._database.reading() as connection:
            instant = deadlines.longest_overdue(connection, now=now, real_now=real_now)
        if instant is None:
            return 0
        with self._database.writing() as connection:
            claimed = deadlines.claim_due(connection, owner=self._owner, due_at=instant, now=now, real_now=real_now, limit=BATCH)
        settled, failed = [], []
        for stream in claimed:
            try:
                settled.append(self._lifecycle.settle(stream, until=instant).stream)
            except Exception as error:
                log.exception("deadline_failed", stream=str(stream))
                failed.append((stream, str(error)))
        if claimed:
            with self._database.writing() as connection:
                deadlines.settled(connection, settled, self._owner)
                for stream, why in failed:
                    deadlines.postponed(connection, stream, self._owner, until=now + RETRY, why=why)
        return len(claimed)
