"""Events are added and never changed: PostgreSQL gives the application's role no more, and on both databases triggers refuse the rest."""

import subprocess
import sys
from uuid import uuid4

import pytest
from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError

from domain.commands.institutional_account import Nominate
from domain.events.base import Metadata
from ops.assembly import Assembly
from ops.catcher import Catcher
from ops.config import ConfigurationError, Settings
from ops.eventstore.engine import connect, reading, writing
from ops.eventstore.rebuild import rebuild_claims
from ops.eventstore.rights import LIMITED, grant, unprotected
from ops.eventstore.triggers import TRIGGERS
from ops.eventstore.upgrade import upgrade_for
from tests.api.running import LIBRARY, Running
from tests.processes import called
from tests.roles import two_roles

BY_HAND = Metadata(actor="support-north", role="support")
MAY_NOT = "42501"


@pytest.fixture
def roles(postgresql_server):
    with postgresql_server.empty() as url, two_roles(url) as roles:
        yield roles


@pytest.fixture
def upgraded(roles):
    application, owner = connect(roles.application_url), connect(roles.owner_url)
    upgrade_for(application, owner)
    yield application, owner
    application.dispose()
    owner.dispose()


@pytest.fixture
def begun(upgraded):
    """With an event that can be changed, if the database lets one."""
    _one_event(upgraded[0])
    return upgraded


def _one_event(engine):
    with writing(engine) as connection:
        connection.exec_driver_sql(
            "INSERT INTO events (stream_id, stream_version, topic, class_version, state, recorded_at) "
            "VALUES ('6f1d7b5e-1d8a-4c8e-9d6b-0c5d3b0a7e11', 1, 'account.nominated', 1, '', '2027-05-01 12:00:00Z')"
        )


def refused(engine, statement):
    """The code with which the database refuses it."""
    with pytest.raises(DBAPIError) as raised, writing(engine) as connection:
        connection.exec_driver_sql(statement)
    return raised.value.orig.pgcode if hasattr(raised.value.orig, "pgcode") else str(raised.value.orig)


FORBIDDEN = {
    "UPDATE events SET reason = 'another'": "GRANT UPDATE ON events TO {}",
    "UPDATE events SET actor = 'nobody' WHERE false": "GRANT UPDATE (actor) ON events TO {}",
    "DELETE FROM events": "GRANT DELETE ON events TO {}",
    "TRUNCATE events": "GRANT TRUNCATE ON events TO {}",
    "INSERT INTO events (position, stream_id, stream_version, topic, class_version, state, recorded_at) "
    "VALUES (0, gen_random_uuid(), 1, 'a.b', 1, '', now())": "GRANT INSERT ON events TO {}",
    "SELECT setval('events_position_seq', 1)": "GRANT UPDATE ON SEQUENCE events_position_seq TO {}",
    "SELECT nextval('events_position_seq')": "GRANT USAGE ON SEQUENCE events_position_seq TO {}",
    "CREATE TRIGGER mine BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION refuse_to_change_events()": "GRANT TRIGGER ON events TO {}",
    "CREATE TABLE mine (id int)": "GRANT CREATE ON SCHEMA public TO {}",
    "UPDATE commands SET version = 2": "GRANT UPDATE ON commands TO {}",
    "DELETE FROM commands": "GRANT DELETE ON commands TO {}",
    "TRUNCATE commands": "GRANT TRUNCATE ON commands TO {}",
    "UPDATE checkpoints SET note = 'another'": "GRANT UPDATE ON checkpoints TO {}",
    "DELETE FROM checkpoints": "GRANT DELETE ON checkpoints TO {}",
    "UPDATE alembic_version SET version_num = '0001'": "GRANT UPDATE ON alembic_version TO {}",
}
OWNERS_ALONE = (
    f"ALTER TABLE events DISABLE TRIGGER {TRIGGERS[0]}",
    f"DROP TRIGGER {TRIGGERS[0]} ON events",
    "DROP TABLE events",
    "ALTER TABLE events DROP COLUMN reason",
    "ALTER SEQUENCE events_position_seq RESTART",
    "CREATE OR REPLACE FUNCTION refuse_to_change_events() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "ALTER TABLE events OWNER TO CURRENT_USER",
    "SET session_replication_role = replica",
)


@pytest.mark.parametrize("statement", [*FORBIDDEN, *OWNERS_ALONE])
def test_the_applications_role_may_not(begun, statement):
    application, _ = begun
    assert refused(application, statement) == MAY_NOT


@pytest.mark.parametrize(("statement", "widening"), FORBIDDEN.items())
def test_each_refusal_is_the_grants_and_an_upgrade_takes_back_what_was_added(begun, roles, statement, widening):
    """With the right given, the role's word no longer refuses: what still does is the trigger, under another code, or nothing."""
    application, owner = begun
    with writing(owner) as connection:
        connection.exec_driver_sql(widening.format(roles.application))
    with reading(application) as connection:  # and is not kept
        try:
            connection.exec_driver_sql(statement)
        except DBAPIError as error:
            assert error.orig.pgcode != MAY_NOT
            assert "events are only added" in str(error.orig)
    upgrade_for(application, owner)
    assert refused(application, statement) == MAY_NOT


@pytest.mark.parametrize(
    "statement", [each for each in FORBIDDEN if each.startswith(("UPDATE events", "DELETE FROM events", "TRUNCATE events"))]
)
def test_the_trigger_refuses_the_owner_and_the_superuser_too(begun, roles, statement):
    _, owner = begun
    superuser = connect(roles.superuser_url)
    for engine in (owner, superuser):
        assert refused(engine, statement) == "P0001"
    assert refused(superuser, f"SET session_replication_role = replica; {statement}") == "P0001"
    with writing(superuser) as connection:  # who takes the trigger away knows what that means
        connection.exec_driver_sql(f"ALTER TABLE events DISABLE TRIGGER {TRIGGERS[0]}; {statement}")
    superuser.dispose()


REFUSED_BY_SQLITE = (
    "UPDATE events SET reason = 'another'",
    "DELETE FROM events",
    "INSERT OR REPLACE INTO events SELECT * FROM events",
    """
    INSERT OR REPLACE INTO events (stream_id, stream_version, topic, class_version, state, recorded_at)
    SELECT stream_id, stream_version, 'another', 1, x'', recorded_at FROM events
    """,
    """
    INSERT OR REPLACE INTO events (position, stream_id, stream_version, topic, class_version, state, recorded_at)
    SELECT position, 'ffffffffffffffffffffffffffffffff', stream_version, topic, 1, x'', recorded_at FROM events
    """,
    "INSERT INTO events SELECT * FROM events WHERE true ON CONFLICT DO UPDATE SET reason = 'another'",
)


@pytest.mark.parametrize("statement", REFUSED_BY_SQLITE)
def test_sqlite_refuses_it_too(sqlite_url, statement):
    engine = connect(sqlite_url)
    _one_event(engine)
    with reading(engine) as connection:
        before = connection.exec_driver_sql("SELECT * FROM events").all()
    assert "events are only added" in refused(engine, statement)
    with reading(engine) as connection:
        assert before == connection.exec_driver_sql("SELECT * FROM events").all()
    engine.dispose()


def test_the_whole_service_lives_as_the_applications_role(upgraded, roles, tmp_path):
    """From a nomination to lapse and rebuild, with letters, in tables that belong to another role."""
    catcher = Catcher()
    catcher.start()
    running = Running(roles.application_url, tmp_path, catcher)
    try:
        assert running.assembly.unprotected() is None
        account, subscription = running.subscribed()
        running.issue(account)
        running.request_plan(subscription)
        running.wait(days=360)
        assert "grace" == running.support.get(f"/v1/subscriptions/{subscription['id']}").json()["status"]
        assert [LIBRARY] == running.letters("subscription-in-grace")
        assert running.assembly.checkpoints.make_now() is not None
        rebuild_claims(running.assembly.store.log, running.assembly.store.codec)
        assert running.assembly.tables.rebuild() == running.assembly.tables.position() > 0
    finally:
        running.assembly.close()
        catcher.stop()


def test_the_upgrade_is_the_owners_and_the_service_needs_no_more_than_its_own_role(roles, tmp_path):
    settings = {
        "TENURE_DATABASE_URL": roles.application_url,
        "TENURE_KEYS_DIRECTORY": str(tmp_path / "keys"),
        "TENURE_LOG_LEVEL": "error",
    }

    def tenure(*arguments, **given):
        return called(*arguments, settings=settings | given, folder=tmp_path)

    early = tenure("staff", "list", TENURE_DB_UPGRADE="off")
    assert (3, "tenure: tables are missing, and this role may make none: run `tenure db upgrade` as their owner\n") == (
        early.returncode,
        early.stderr,
    )
    assert tenure("db", "upgrade", TENURE_OWNER_DATABASE_URL=roles.owner_url).returncode == 0
    made = tenure("staff", "add", "anna", "--role", "auditor", TENURE_DB_UPGRADE="off")
    assert made.returncode == 0, made.stderr


def test_where_there_is_one_role_everything_runs_and_it_is_said(postgresql_url, sqlite_url, tmp_path):
    for number, url in enumerate((postgresql_url, sqlite_url)):
        assembly = Assembly(Settings(database_url=url, keys_directory=tmp_path / str(number)))
        assembly.prepare()
        assembly.lifecycle.handle(Nominate(id=uuid4(), email="library@mit.edu", contact_id=uuid4()), metadata=BY_HAND)
        assert ["owns the table events" in str(assembly.unprotected()), "SQLite knows no roles" in str(assembly.unprotected())] == [
            not number,
            bool(number),
        ]
        assembly.close()


def test_roles_are_only_of_postgresql(sqlite_url, tmp_path):
    assembly = Assembly(Settings(database_url=sqlite_url, owner_database_url=sqlite_url, keys_directory=tmp_path))
    with pytest.raises(ConfigurationError, match="only PostgreSQL knows roles"):
        assembly.prepare()


def test_what_makes_the_log_unsafe_is_named(upgraded, roles):
    application, owner = upgraded
    for widening, named in {
        "GRANT UPDATE (actor) ON events TO {}": "may update events",
        "GRANT DELETE ON events TO {}": "may delete events",
        "GRANT TRUNCATE ON events TO {}": "may truncate",
        "GRANT TRIGGER ON events TO {}": "may set triggers",
        "GRANT INSERT ON events TO {}": "may choose the position",
    }.items():
        with reading(application) as connection:
            assert unprotected(connection) is None
        with writing(owner) as connection:
            connection.exec_driver_sql(widening.format(roles.application))
        with reading(application) as connection:
            assert named in unprotected(connection)
        with writing(owner) as connection:
            grant(connection, roles.application)


def test_the_upgrade_knows_every_derived_table():
    """The command line that upgrades must have seen each module with a table: the application's role can make none later."""
    program = (
        "import importlib, pkgutil, ops.cli, projections; from projections.tables import metadata; before = set(metadata.tables);"
        "[importlib.import_module(each.name) for each in pkgutil.walk_packages(projections.__path__, 'projections.')];"
        "print(sorted(set(metadata.tables) - before))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "[]\n" == done.stdout


def test_what_is_limited_is_there(postgresql_url):
    engine = connect(postgresql_url)
    assert LIMITED.keys() <= set(inspect(engine).get_table_names())
    engine.dispose()
