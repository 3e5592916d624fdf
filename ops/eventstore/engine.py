"""Engines for both databases, their transactions, and the refusal of a database that can forget."""

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from projections.follower import LAST_WORDS

LOCK_SECONDS = 10
SWEEPERS = 2
IDLE_SECONDS = 1.0
OLDEST_POSTGRESQL = 15
_WRITES = "tenure_writes"
_FULL = 2  # SQLite's number for synchronous=FULL; 3 is EXTRA

_write_locks: WeakKeyDictionary[Engine, Lock] = WeakKeyDictionary()
_sweepers: WeakKeyDictionary[Engine, Engine] = WeakKeyDictionary()
_making_sweepers = Lock()


class ForgetfulDatabase(Exception):
    """The database may lose what it has acknowledged, so the service does not start on it."""


@dataclass(frozen=True)
class Database:
    """An engine with its kinds of transaction."""

    engine: Engine

    def reading(self) -> AbstractContextManager[Connection]:
        return reading(self.engine)

    def writing(self) -> AbstractContextManager[Connection]:
        return writing(self.engine)

    def sweeping(self) -> AbstractContextManager[Connection]:
        return sweeping(self.engine)


def normalised(url: str) -> URL:
    """`postgresql://` and `postgres://` with the driver that we use: SQLAlchemy's own default is another one."""
    scheme, separator, rest = url.partition("://")
    if scheme in {"postgres", "postgresql"}:
        scheme = "postgresql+psycopg2"
    return make_url(scheme + separator + rest)


def connect(url: str, *, idle_seconds: float = IDLE_SECONDS) -> Engine:
    """An engine for a `postgresql://` or `sqlite:///` address. Opens no connection yet.

    A connection to a server that lay idle for longer is asked whether it still stands before it is used again.
    """
    address = normalised(url)
    match address.get_backend_name():
        case "postgresql":
            return _postgresql(address, idle_seconds)
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
def sweeping(engine: Engine) -> Iterator[Connection]:
    """`writing` where each round trip counts: the first statement goes out with `opening` before it, the last with its LAST_WORDS."""
    if engine.dialect.name == "sqlite":
        with writing(engine) as connection:
            yield connection
        return
    with _sweeper(engine).connect().execution_options(**{LAST_WORDS: "; COMMIT"}) as connection:
        try:
            yield connection
            if _begun(connection):
                connection.exec_driver_sql("COMMIT")
        except BaseException:
            connection.invalidate()  # with its session the server drops what it began
            raise


def _sweeper(engine: Engine) -> Engine:
    """Connections on which the driver begins nothing by itself: to switch one to and fro would take round trips too."""
    with _making_sweepers:
        if engine not in _sweepers:
            made = _sweepers[engine] = _postgresql(engine.url, IDLE_SECONDS, isolation_level="AUTOCOMMIT", pool_size=SWEEPERS)
            event.listen(engine, "engine_disposed", lambda _: made.dispose())
        return _sweepers[engine]


def opening(connection: Connection) -> str:
    """What begins the transaction of a sweep, in one text with its first statement; nothing in any other transaction."""
    return "BEGIN; " if LAST_WORDS in connection.get_execution_options() and not _begun(connection) else ""


def _begun(connection: Connection) -> bool:
    driver: Any = connection.connection.dbapi_connection
    return bool(driver.info.transaction_status)  # as the driver knows it: nobody is asked


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


def _postgresql(address: URL, idle_seconds: float, *, pool_size: int = 20, **given: Any) -> Engine:
    engine = create_engine(address, pool_size=pool_size, max_overflow=20, **given)

    @event.listens_for(engine, "connect")
    def settle_session(driver: Any, _record: Any) -> None:
        with driver.cursor() as cursor:
            cursor.execute(f"SET TIME ZONE 'UTC'; SET lock_timeout = '{LOCK_SECONDS}s'")
        driver.commit()

    @event.listens_for(engine, "checkin")
    def lay_down(_driver: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def look_before_use(driver: Any, record: Any, _fairy: Any) -> None:
        """SQLAlchemy would ask each time: a round trip for each transaction."""
        idle_since = record.info.pop("idle_since", None)
        if idle_since is None or time.monotonic() - idle_since < idle_seconds:
            return
        try:
            engine.dialect.do_ping(driver)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    return engine


def _sqlite(address: URL) -> Engine:
    if address.database and address.database != ":memory:" and not address.database.startswith("file:"):
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(address, connect_args={"isolation_level": None, "timeout": LOCK_SECONDS})

    @event.listens_for(engine, "connect")
    def settle_session(driver: Any, _record: Any) -> None:
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"busy_timeout={LOCK_SECONDS * 1000}",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            driver.execute(f"PRAGMA {pragma}")

    # The driver would begin late, with the first write, and then without waiting for other writers: we begin ourselves.
    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITES) else "BEGIN")

    return engine
