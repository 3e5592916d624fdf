"""Engines for both databases, their transactions, and the refusal of a database that can forget."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

LOCK_SECONDS = 10
OLDEST_POSTGRESQL = 15
_WRITES = "tenure_writes"
_FULL = 2  # SQLite's number for synchronous=FULL; 3 is EXTRA

_write_locks: WeakKeyDictionary[Engine, Lock] = WeakKeyDictionary()


class ForgetfulDatabase(Exception):
    """The database may lose what it has acknowledged, so the service does not start on it."""


@dataclass(frozen=True)
class Database:
    """An engine with its two kinds of transaction."""

    engine: Engine

    def reading(self) -> AbstractContextManager[Connection]:
        return reading(self.engine)

    def writing(self) -> AbstractContextManager[Connection]:
        return writing(self.engine)


def normalised(url: str) -> URL:
    """`postgresql://` and `postgres://` with the driver that we use: SQLAlchemy's own default is another one."""
    scheme, separator, rest = url.partition("://")
    if scheme in {"postgres", "postgresql"}:
        scheme = "postgresql+psycopg2"
    return make_url(scheme + separator + rest)


def connect(url: str) -> Engine:
    """An engine for a `postgresql://` or `sqlite:///` address. Opens no connection yet."""
    address = normalised(url)
    match address.get_backend_name():
        case "postgresql":
            return _postgresql(address)
        case "sqlite":
            return _sqlite(address)
    raise ValueError(f"{address.get_backend_name()} is not a database that this runs on; use postgresql:// or sqlite:///")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes: committed at the end, rolled back on an error."""
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            yield connection
        return
    # SQLite lets one writer in at a time, and makes the others poll: within a process they queue here instead.
    lock = _write_locks.setdefault(engine, Lock())
    if not lock.acquire(timeout=LOCK_SECONDS):
        raise PoolTimeoutError(f"no chance to write to the database within {LOCK_SECONDS} seconds")
    try:
        with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
            yield connection
    finally:
        lock.release()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads; on SQLite it sees one moment throughout."""
    with engine.connect() as connection:
        yield connection


def refuse_forgetful(engine: Engine) -> None:
    """Raise ForgetfulDatabase unless what is committed survives a crash of the machine."""
    with reading(engine) as connection:
        if connection.dialect.name == "sqlite":
            journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
            synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
            fault = sqlite_fault(journal, synchronous)
        else:
            settings = connection.exec_driver_sql("SELECT name, setting FROM pg_settings WHERE name IN %s", (POSTGRESQL_SETTINGS,))
            fault = postgresql_fault({row.name: row.setting for row in settings})
    if fault:
        raise ForgetfulDatabase(fault)


def sqlite_fault(journal: str, synchronous: int) -> str | None:
    if synchronous < _FULL:
        return "SQLite runs with synchronous below FULL: a power cut can lose acknowledged commands"
    if journal in {"memory", "off"}:
        return f"SQLite runs with journal_mode={journal}: a crash can lose or corrupt the log; keep the database in a file"
    return None


POSTGRESQL_SETTINGS = ("server_version_num", "fsync", "synchronous_commit", "full_page_writes")


def postgresql_fault(settings: Mapping[str, str]) -> str | None:
    version = int(settings["server_version_num"]) // 10_000
    if version < OLDEST_POSTGRESQL:
        return f"PostgreSQL {version} is too old: this needs {OLDEST_POSTGRESQL} or newer"
    # `local` and `remote_write` are not refused: both wait for this server's own disk, and replication is the operator's choice.
    for setting in POSTGRESQL_SETTINGS[1:]:
        if settings[setting] == "off":
            return f"PostgreSQL runs with {setting}=off: a crash can lose acknowledged commands"
    return None


def _postgresql(address: URL) -> Engine:
    engine = create_engine(address, pool_size=20, max_overflow=20, pool_pre_ping=True)

    @event.listens_for(engine, "connect")
    def settle_session(driver: Any, _record: Any) -> None:
        with driver.cursor() as cursor:
            cursor.execute(f"SET TIME ZONE 'UTC'; SET lock_timeout = '{LOCK_SECONDS}s'")
        driver.commit()

    return engine


def _sqlite(address: URL) -> Engine:
    if address.database and address.database != ":memory:" and not address.database.startswith("file:"):
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(address, connect_args={"isolation_level": None, "timeout": LOCK_SECONDS})

    @event.listens_for(engine, "connect")
    def settle_session(driver: Any, _record: Any) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={LOCK_SECONDS * 1000}", "foreign_keys=ON"):
            driver.execute(f"PRAGMA {pragma}")

    # The driver would begin late, with the first write, and then without waiting for other writers: we begin ourselves.
    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITES) else "BEGIN")

    return engine
