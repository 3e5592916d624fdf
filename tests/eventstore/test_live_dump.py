"""A database is backed up while 8 writers write, restored elsewhere, and nothing that was acknowledged is missing."""

import sqlite3

import pytest
from sqlalchemy.exc import DBAPIError

from ops.eventstore.engine import connect, writing
from ops.eventstore.upgrade import upgrade_for
from ops.verify import Wrong
from tests.databases import postgresql_program
from tests.live import assembly_of, dump, look_at, restore, under_load
from tests.roles import two_roles

needs_pg_dump = pytest.mark.skipif(postgresql_program("pg_dump") is None, reason="pg_dump is not here")
A_WHILE = 60
"""Events that are written before, and after, a copy is made."""


@needs_pg_dump
def test_a_dump_of_postgresql_under_eight_writers(postgresql_server, postgresql_url, tmp_path):
    with under_load(postgresql_url, tmp_path) as load:
        load.wait_for(A_WHILE)
        before = list(load.acknowledged)
        dump(postgresql_url, tmp_path / "live.dump")
        load.wait_for(A_WHILE)
    with postgresql_server.empty() as url:
        restore(tmp_path / "live.dump", url)
        copied = look_at(url, tmp_path, before)
        assert len(before) <= copied.events < len(load.acknowledged)
        assert 0 < copied.proven <= copied.events
        engine = connect(url)
        with pytest.raises(DBAPIError, match="events are only added"), writing(engine) as connection:
            connection.exec_driver_sql("DELETE FROM events")
        engine.dispose()


@needs_pg_dump
def test_a_dump_is_restored_for_two_roles_whatever_roles_it_came_from(postgresql_server, postgresql_url, tmp_path):
    with under_load(postgresql_url, tmp_path, writers=1) as load:
        load.wait_for(3)
    dump(postgresql_url, tmp_path / "one.dump")
    with postgresql_server.empty() as empty, two_roles(empty) as roles:
        restore(tmp_path / "one.dump", roles.owner_url)
        application, owner = connect(roles.application_url), connect(roles.owner_url)
        upgrade_for(application, owner)
        application.dispose()
        owner.dispose()
        look_at(roles.application_url, tmp_path, load.acknowledged)
        assembly = assembly_of(roles.application_url, tmp_path)
        assert assembly.unprotected() is None
        assembly.close()


def vacuum_into(source, copy):
    source.execute("VACUUM INTO ?", [str(copy)])


def backup(source, copy):
    """As `.backup` does it: some pages at a time."""
    target = sqlite3.connect(copy)
    source.backup(target, pages=100)
    target.close()


@pytest.mark.parametrize("way", [vacuum_into, backup])
def test_a_copy_of_sqlite_under_eight_writers(sqlite_url, tmp_path, way):
    copy = tmp_path / "copy.db"
    with under_load(sqlite_url, tmp_path) as load:
        load.wait_for(A_WHILE)
        before = list(load.acknowledged)
        source = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
        way(source, copy)
        source.close()
        load.wait_for(A_WHILE)
    copied = look_at(f"sqlite:///{copy}", tmp_path, before)
    assert len(before) <= copied.events < len(load.acknowledged)
    assert 0 < copied.proven <= copied.events


def test_a_copy_whose_log_was_changed_is_noticed(sqlite_url, tmp_path):
    with under_load(sqlite_url, tmp_path, writers=1) as load:
        load.wait_for(30)
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as connection:
        connection.execute("DROP TRIGGER events_are_not_changed")
        connection.execute("UPDATE events SET actor = 'somebody else' WHERE position = 1")
    connection.close()
    with pytest.raises(Wrong, match="root"):
        look_at(sqlite_url, tmp_path, load.acknowledged)


def test_a_copy_that_lacks_an_event_is_noticed(sqlite_url, tmp_path):
    """The look at a copy sees what it is there to see."""
    with under_load(sqlite_url, tmp_path, writers=1) as load:
        load.wait_for(6)
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as connection:
        connection.execute("DROP TRIGGER events_are_not_deleted")
        connection.execute("DELETE FROM events WHERE position = (SELECT max(position) FROM events)")
    connection.close()
    with pytest.raises(AssertionError, match="acknowledged"):
        look_at(sqlite_url, tmp_path, load.acknowledged)
