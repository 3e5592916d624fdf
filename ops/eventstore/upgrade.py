"""Brings the tables up to date: those of the log and of our own facts by migrations, the derived ones as far as they are missing."""

from importlib.resources import as_file, files

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, inspect

from ops.eventstore.engine import reading, writing
from ops.eventstore.rights import grant
from projections import tables

UPGRADE_LOCK = 0x74656E757265_01


def upgrade(engine: Engine) -> None:
    """Run every migration that is missing, in one transaction. Processes that start together do it one after the other."""
    with as_file(files("ops") / "migrations") as folder, writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            # Another process may be busy with a long migration: wait for it, however long it takes.
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({UPGRADE_LOCK})")
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def make_derived(connection: Connection) -> None:
    """The derived tables that are missing. Processes that start together make them once."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7310)")
    there = set(inspect(connection).get_table_names())  # one look, instead of one for each table
    missing = [table for table in tables.metadata.sorted_tables if table.name not in there]
    tables.metadata.create_all(connection, tables=missing, checkfirst=False)


def upgrade_for(application: Engine, owner: Engine) -> None:
    """Upgrade as the role that owns the tables, and let the application's role do what it needs, and no more."""
    upgrade(owner)
    with reading(application) as connection:
        role = str(connection.exec_driver_sql("SELECT current_user").scalar_one())
    with writing(owner) as connection:
        make_derived(connection)
        if role != connection.exec_driver_sql("SELECT current_user").scalar_one():
            grant(connection, role)
