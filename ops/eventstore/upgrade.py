"""Brings the tables of the log and of our own facts up to date, by the migrations that come with the package."""

from importlib.resources import as_file, files

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from ops.eventstore.engine import writing

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
