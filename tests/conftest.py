"""What tests of all parts share: both databases, fresh and migrated.

What is drawn at random is the same in every run, so that a change is judged by itself; with TENURE_EXAMPLES it differs from run to run.
"""

import atexit
import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import Engine

from ops.eventstore.engine import Database, connect
from tests.databases import PostgreSQLServer, SQLiteFiles

settings.register_profile("steady", derandomize=True)
if "TENURE_EXAMPLES" not in os.environ:
    settings.load_profile("steady")


def pytest_collection_finish() -> None:
    """What is there before the first test stays to the end: the garbage collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    atexit.register(gc.unfreeze)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQLServer]:
    server = PostgreSQLServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def sqlite_files(tmp_path_factory: pytest.TempPathFactory) -> SQLiteFiles:
    return SQLiteFiles(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture
def postgresql_url(postgresql_server: PostgreSQLServer) -> Iterator[str]:
    """A fresh database with the log's tables, for what only PostgreSQL does."""
    with postgresql_server.fresh() as url:
        yield url


@pytest.fixture
def sqlite_url(sqlite_files: SQLiteFiles, tmp_path: Path) -> Iterator[str]:
    """A fresh file with the log's tables."""
    with sqlite_files.fresh(tmp_path) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database with the log's tables: the test runs once on each kind."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def database(engine: Engine) -> Database:
    return Database(engine)
