"""The future that is told of an institution is the one that then comes: random lives, foretold, and lived through by the service.

A short form runs with the other tests; `TENURE_EXAMPLES=1000 pytest tests/lifetimes/test_future.py` is the long one.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from domain.calendar import months_after
from domain.events.base import Recorded
from domain.events.email_delivery import EmailSent, EmailSkipped
from domain.forecast import Forecast
from domain.foretold import Post
from ops.catcher import Catcher
from ops.time_machine import TimeMachine
from projections import futures
from tests.databases import PostgreSQLServer, SQLiteFiles
from tests.lifetimes.test_lives import EXAMPLES, Lives
from tests.lifetimes.worlds import World

MONTHS = 18
LETTERS = (EmailSent, EmailSkipped)


class Foretold(Lives):
    """One world, with a scheduler. What has not been done when a life stops being told is foretold, and then done."""

    def __init__(self) -> None:
        super().__init__()
        self.still.close()
        self.still = self.ticking
        self.worlds = (self.ticking,)

    def same(self, *_: object) -> None:
        """There is only one world."""

    def the_truth_does_not_wait(self) -> None:
        pass

    def what_has_ended_is_refused(self) -> None:
        pass

    def compare_whole_lives(self) -> None:
        world = self.ticking
        world.assembly.tables.catch_up()
        until = months_after(self.now, MONTHS)
        ahead, left_out = futures.forecast(world.lifecycle, world.assembly.database, self.account)
        assert left_out == 0
        ahead.advance(until)
        head = world.lifecycle.log_reader.max_notification_id() or 0
        live_until(world, until)
        came = [each for each in world.log() if each.position > head]
        assert happenings(came) == happenings(ahead.events)
        assert posts_that_were(came) == posts_that_were_foretold(ahead)


def live_until(world: World, until: datetime) -> None:
    """Step by step, as the clock of a development server does."""
    assembly = world.assembly
    TimeMachine(world.clock, assembly.gate, assembly.heartbeat.drain, assembly.database, world.lifecycle).advance(until)


def happenings(events: list[Recorded]) -> dict[Any, list[Any]]:
    """Of each stream what happened to it, in order."""
    told: dict[Any, list[Any]] = {}
    for each in events:
        if not isinstance(each.event, LETTERS):
            told.setdefault(each.stream_id, []).append((each.version, each.event))
    return told


def posts_that_were(events: list[Recorded]) -> Counter[Any]:
    return Counter(_told(each.event) for each in events if isinstance(each.event, LETTERS))


def _told(event: Any) -> tuple[Any, ...]:
    if isinstance(event, EmailSkipped):
        return (event.at, event.template, event.role, event.caused_by, None, event.why)
    return (event.at, event.template, event.role, event.caused_by, event.to, event.subject)


def posts_that_were_foretold(ahead: Forecast) -> Counter[Any]:
    def one(post: Post) -> tuple[Any, ...]:
        letter = post.letter
        said = futures.letter(post, "https://tenure.example.edu")
        what = post.skipped_because if post.mailbox is None else said["subject"]
        return (post.at, letter.template, str(letter.audience), letter.stream_id, said["to"], what)

    return Counter(map(one, ahead.posts))


@pytest.fixture(scope="module")
def catcher() -> Iterator[Catcher]:
    catcher = Catcher()
    catcher.start()
    yield catcher
    catcher.stop()


def live(urls: Callable[[ExitStack], tuple[str, str]], catcher: Catcher, *, examples: int) -> None:
    machine = type("ForetoldOnThisDatabase", (Foretold,), {"urls": staticmethod(urls), "catcher": catcher})
    told = settings(
        max_examples=EXAMPLES or examples,
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(machine, settings=told)


def test_the_future_comes_as_foretold_on_sqlite(sqlite_files: SQLiteFiles, catcher: Catcher) -> None:
    def urls(stack: ExitStack) -> tuple[str, str]:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        return stack.enter_context(sqlite_files.fresh(folder)), stack.enter_context(sqlite_files.fresh(folder))

    live(urls, catcher, examples=6)


def test_the_future_comes_as_foretold_on_postgresql(postgresql_server: PostgreSQLServer, catcher: Catcher) -> None:
    def urls(stack: ExitStack) -> tuple[str, str]:
        return stack.enter_context(postgresql_server.fresh()), stack.enter_context(postgresql_server.fresh())

    live(urls, catcher, examples=1)
