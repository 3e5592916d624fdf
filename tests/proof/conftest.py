"""A service for each test, on both databases, and one on SQLite for what no database has a part in."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ops.catcher import Catcher
from tests.api.running import Running
from tests.databases import SQLiteFiles


@pytest.fixture(scope="session")
def catching() -> Iterator[Catcher]:
    catcher = Catcher()
    catcher.start()
    yield catcher
    catcher.stop()


@pytest.fixture
def catcher(catching: Catcher) -> Catcher:
    catching.messages.clear()
    return catching


@pytest.fixture(autouse=True)
def logged() -> Iterator[list]:
    """Every line of the log, which is not written anywhere."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def running_by(database_url: str, tmp_path: Path, catcher: Catcher) -> Iterator[Callable[[str], Running]]:
    """Starts a service with rules of its own."""
    started: list[Running] = []

    def start(rules: str) -> Running:
        started.append(Running(database_url, tmp_path, catcher, rules))
        return started[-1]

    yield start
    for running in started:
        running.assembly.close()


@pytest.fixture
def running(running_by: Callable[[str], Running]) -> Running:
    return running_by("")


@pytest.fixture
def on_sqlite(sqlite_url: str, tmp_path: Path, catcher: Catcher) -> Iterator[Running]:
    running = Running(sqlite_url, tmp_path, catcher)
    yield running
    running.assembly.close()


@pytest.fixture(scope="module")
def shared(sqlite_files: SQLiteFiles, tmp_path_factory: pytest.TempPathFactory, catching: Catcher) -> Iterator[Running]:
    """One service for all tests of a module that change nothing, or nothing that another one looks at."""
    folder = tmp_path_factory.mktemp("shared")
    with sqlite_files.fresh(folder) as url:
        running = Running(url, folder, catching)
        yield running
        running.assembly.close()
