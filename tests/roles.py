"""Roles of a database for tests: one that owns it, one that the application connects as; neither a superuser, as the test server's own is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import create_engine

from ops.eventstore.engine import normalised


@dataclass(frozen=True)
class Roles:
    superuser_url: str
    owner_url: str
    application_url: str
    application: str


@contextmanager
def two_roles(url: str) -> Iterator[Roles]:
    """For an empty database, which the owner is given. Afterwards both roles are gone with all that they own."""
    address = normalised(url)
    owner, application = f"{address.database}_owner", f"{address.database}_app"
    admin = create_engine(address, isolation_level="AUTOCOMMIT")
    try:
        with admin.connect() as connection:
            for name in (owner, application):
                connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN PASSWORD 'of-a-test' NOSUPERUSER NOINHERIT")
            connection.exec_driver_sql(f"ALTER DATABASE {address.database} OWNER TO {owner}")

        def as_role(name: str) -> str:
            return address.set(username=name, password="of-a-test").render_as_string(hide_password=False)

        yield Roles(url, as_role(owner), as_role(application), application)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IN ('{owner}', '{application}')"
            )
            for name in (application, owner):
                connection.exec_driver_sql(f"REASSIGN OWNED BY {name} TO CURRENT_USER; DROP OWNED BY {name}; DROP ROLE {name}")
        admin.dispose()
