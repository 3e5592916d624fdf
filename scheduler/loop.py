"""The heartbeat. APScheduler only says "look now"; what there is to do stands in the database."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import UTC
from typing import Protocol

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers import SchedulerNotRunningError
from apscheduler.schedulers.background import BackgroundScheduler

log = structlog.get_logger()

WATCHDOG_FACTOR = 10
TOGETHER = 0.01
"""Seconds for which followers wait after the first commit that wakes them."""


class Part(Protocol):
    def tick(self) -> int:
        """Do one batch of what there is to do now; 0 when there is nothing."""
        ...


class Heartbeat:
    """Followers and all reactions, then a batch of deadlines and of letters, and so on until nothing is left at this instant."""

    def __init__(
        self, catch_up: Callable[[], int], reactions: Part, parts: tuple[Part, ...], pause: Callable[[], AbstractContextManager[bool]]
    ) -> None:
        self._catch_up = catch_up
        self._reactions = reactions
        self._parts = parts
        self._pause = pause
        self.last_beat = time.monotonic()

    def beat(self) -> None:
        """One heartbeat; skipped while somebody moves the clock."""
        self.last_beat = time.monotonic()
        with self._pause() as may:
            if may:
                self.drain()

    def drain(self) -> None:
        """Go round until a whole round finds nothing to do."""
        while True:
            done = self._catch_up()
            while reacted := self._reactions.tick():
                done += reacted + self._catch_up()
                self.last_beat = time.monotonic()
            for part in self._parts:
                done += part.tick()
                self.last_beat = time.monotonic()
            if not done:
                return


class Loop:
    """Runs a heartbeat every `seconds`, and starts the clockwork again if it stands still.

    APScheduler stops silently when the system clock steps back; the watchdog counts on the monotonic clock instead.
    """

    def __init__(self, heartbeat: Heartbeat, seconds: float) -> None:
        self._heartbeat = heartbeat
        self._seconds = seconds
        self._stopping = threading.Event()
        self._scheduler = self._clockwork()
        self._watchdog = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        self._scheduler.start()
        self._watchdog.start()

    def stop(self) -> None:
        self._stopping.set()
        self._scheduler.shutdown(wait=True)

    def _clockwork(self) -> BackgroundScheduler:
        scheduler = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()}, executors={"default": ThreadPoolExecutor(1)}, timezone=UTC, daemon=True
        )
        scheduler.add_job(
            self._beat, "interval", seconds=self._seconds, id="heartbeat", misfire_grace_time=None, coalesce=True, max_instances=1
        )
        return scheduler

    def _beat(self) -> None:
        try:
            self._heartbeat.beat()
        except Exception:
            log.exception("heartbeat_failed")  # the next one tries again

    def _watch(self) -> None:
        patience = max(60.0, self._seconds * WATCHDOG_FACTOR)
        while not self._stopping.wait(self._seconds):
            if time.monotonic() - self._heartbeat.last_beat > patience:
                log.error("heartbeat_stood_still", seconds=patience)
                with suppress(SchedulerNotRunningError):
                    self._scheduler.shutdown(wait=False)
                self._scheduler = self._clockwork()
                self._heartbeat.last_beat = time.monotonic()
                self._scheduler.start()


class Following(threading.Thread):
    """Keeps the tables near the log: woken by a commit of this process, and looking every `seconds` for those of others."""

    def __init__(self, catch_up: Callable[[], int], seconds: float) -> None:
        super().__init__(name="followers", daemon=True)
        self._catch_up = catch_up
        self._seconds = seconds
        self._wake = threading.Event()
        self._stopping = False
        self._pause = threading.Event()

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        self._stopping = True
        self._pause.set()
        self._wake.set()
        self.join()

    def run(self) -> None:
        pause = self._seconds
        while not self._stopping:
            if self._wake.wait(pause):
                self._pause.wait(TOGETHER)  # what is committed meanwhile is taken up with it, in one transaction
            self._wake.clear()
            try:
                self._catch_up()
                pause = self._seconds
            except Exception:
                log.exception("followers_failed")  # an outage of the database passes; the lag is a metric
                pause = min(pause * 2, 5.0)
