"""What a database leaves lying about of rows that are gone: rewrites its tables, its statistics and its write-ahead log."""

from collections.abc import Iterator
from contextlib import closing

from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.exc import DBAPIError

KEPT = frozenset({"events"})
"""Nothing of it is ever gone, and what is personal in it is sealed: it is too large to be written anew for nothing."""
STATISTICS = "pg_catalog.pg_statistic"
MOST_SEGMENTS = 1_000
NOT_ALLOWED = "42501"


def scrub(engine: Engine) -> list[str]:
    """What was deleted is on no page of the database any more. Returns what this role may not do, a sentence each."""
    if engine.dialect.name == "sqlite":
        _sqlite(engine)
        return []
    tables = [name for name in inspect(engine).get_table_names() if name not in KEPT]
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return list(_postgresql(connection, tables))


def _sqlite(engine: Engine) -> None:
    """Deleted bytes are zeroed, but a page that was split may keep some: the file is written anew, and the log ahead of it cut."""
    with closing(engine.raw_connection()) as connection:  # outside of any transaction
        connection.cursor().execute("VACUUM")
        busy, _, _ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise RuntimeError("somebody reads the database: the write-ahead log could not be cut; try again")


def _postgresql(connection: Connection, tables: list[str]) -> Iterator[str]:
    """VACUUM alone leaves the bytes of dead rows on their pages. Samples of columns stand in the statistics, which are made anew last."""
    quoted = connection.dialect.identifier_preparer.quote
    wanted = {quoted(table): "FULL, ANALYZE" for table in sorted(tables)} | {STATISTICS: "FULL"}
    same = [table for table, how in wanted.items() if not _rewritten(connection, table, how)]
    if same:
        yield f"this role may not write anew {', '.join(same)}: name the owner of the database in TENURE_OWNER_DATABASE_URL"
    try:
        _write_ahead(connection)
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) != NOT_ALLOWED:
            raise
        yield (
            "this role may not cut the write-ahead log: as a superuser, run `SELECT pg_switch_wal()` and `CHECKPOINT` "
            "as often as there are files in pg_wal, or name such a role in TENURE_OWNER_DATABASE_URL"
        )


def _rewritten(connection: Connection, table: str, how: str) -> bool:
    """PostgreSQL only warns of what a role may not do. A table that was written anew is in another file."""
    before = _file(connection, table)
    connection.exec_driver_sql(f"VACUUM ({how}) {table}")
    return _file(connection, table) != before


def _file(connection: Connection, table: str) -> int:
    return int(connection.exec_driver_sql(f"SELECT pg_relation_filenode('{table}')").scalar_one())


def _write_ahead(connection: Connection) -> None:
    """Old segments are used again with what stands in them: each is filled once, with next to nothing."""
    connection.exec_driver_sql("CHECKPOINT")
    files = int(connection.exec_driver_sql("SELECT count(*) FROM pg_ls_waldir()").scalar_one())
    for _ in range(min(files, MOST_SEGMENTS) + 1):
        connection.exec_driver_sql("SELECT pg_switch_wal()")
        connection.exec_driver_sql("CHECKPOINT")
