"""The service starts only on a database that keeps what it has acknowledged."""

from threading import Thread

import pytest
from sqlalchemy import create_engine

from ops.eventstore.engine import (
    ForgetfulDatabase,
    connect,
    normalised,
    opening,
    postgresql_fault,
    reading,
    refuse_forgetful,
    sqlite_fault,
    sweeping,
    writing,
)
from projections.follower import LAST_WORDS

SOUND = {"server_version_num": "150004", "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_every_postgresql_address_uses_our_driver(scheme):
    address = normalised(f"{scheme}://ann:secret@db.example/tenure?sslmode=require")
    assert "postgresql+psycopg2" == address.drivername
    assert "secret" == address.password
    assert {"sslmode": "require"} == address.query


def test_another_kind_of_database_is_refused_with_a_sentence():
    with pytest.raises(ValueError, match=r"use postgresql:// or sqlite:///"):
        connect("mysql+pymysql://db.example/tenure")


def test_ours_are_not_forgetful(engine):
    refuse_forgetful(engine)


def test_a_session_that_does_not_wait_for_the_disk_is_refused(postgresql_url):
    engine = connect(postgresql_url)
    with writing(engine) as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {engine.url.database} SET synchronous_commit = off")
    engine.dispose()
    with pytest.raises(ForgetfulDatabase, match="synchronous_commit=off"):
        refuse_forgetful(engine)
    engine.dispose()


@pytest.mark.parametrize("setting", ["fsync", "synchronous_commit", "full_page_writes"])
def test_each_setting_that_forgets_is_named(setting):
    assert f"{setting}=off" in str(postgresql_fault({**SOUND, setting: "off"}))


@pytest.mark.parametrize("value", ["local", "remote_write", "remote_apply"])
def test_what_replicas_do_is_the_operators_choice(value):
    assert postgresql_fault({**SOUND, "synchronous_commit": value}) is None


def test_an_old_server_is_refused():
    assert postgresql_fault(SOUND) is None
    assert "PostgreSQL 14 is too old" in str(postgresql_fault({**SOUND, "server_version_num": "149999"}))


@pytest.mark.parametrize(
    ("journal", "synchronous", "fine"), [("wal", 2, True), ("delete", 3, True), ("wal", 1, False), ("memory", 2, False), ("off", 2, False)]
)
def test_sqlite_must_write_through_to_a_file(journal, synchronous, fine):
    assert fine == (sqlite_fault(journal, synchronous) is None)


def test_sqlite_without_our_settings_is_refused(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/plain.db")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA synchronous = NORMAL")
        connection.rollback()
    with pytest.raises(ForgetfulDatabase, match="FULL"):
        refuse_forgetful(engine)
    engine.dispose()


def test_sqlite_in_memory_is_refused():
    engine = connect("sqlite://")
    with pytest.raises(ForgetfulDatabase, match="memory"):
        refuse_forgetful(engine)
    engine.dispose()


def test_a_failed_transaction_leaves_nothing(engine):
    with pytest.raises(KeyError), writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE things (name varchar)")
        raise KeyError
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE things (name varchar)")


@pytest.mark.parametrize("last", [True, False], ids=["with-last-words", "without"])
def test_a_sweep_is_one_transaction(engine, last):
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE things (name varchar)")
    with sweeping(engine) as connection:
        connection.exec_driver_sql(opening(connection) + "INSERT INTO things VALUES ('one')")
        assert opening(connection) == "", "it has begun"
        with reading(engine) as other:
            assert 0 == other.exec_driver_sql("SELECT count(*) FROM things").scalar_one()
        words = connection.get_execution_options().get(LAST_WORDS, "") if last else ""
        connection.exec_driver_sql("INSERT INTO things VALUES ('two')" + words)
    with reading(engine) as other:
        assert 2 == other.exec_driver_sql("SELECT count(*) FROM things").scalar_one()


def test_a_sweep_that_fails_leaves_nothing_and_the_next_one_begins_anew(engine):
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE things (name varchar)")
    for _ in range(3):
        with pytest.raises(KeyError), sweeping(engine) as connection:
            connection.exec_driver_sql(opening(connection) + "INSERT INTO things VALUES ('one')")
            raise KeyError
    with sweeping(engine) as connection:
        assert 0 == connection.exec_driver_sql(opening(connection) + "SELECT count(*) FROM things").scalar_one()


def test_a_connection_that_the_server_cut_while_it_lay_idle_is_replaced(postgresql_url):
    engine = connect(postgresql_url, idle_seconds=0)
    with reading(engine) as connection:
        cut = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    other = connect(postgresql_url)
    with reading(other) as connection:
        connection.exec_driver_sql("SELECT pg_terminate_backend(%s, 5000)", (cut,))
    with reading(engine) as connection:
        assert cut != connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    engine.dispose()
    other.dispose()


def test_writers_take_turns_while_readers_go_on(engine):
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE counter (value integer)")
        connection.exec_driver_sql("INSERT INTO counter VALUES (0)")

    def add():
        for _ in range(20):
            with writing(engine) as connection:
                connection.exec_driver_sql("UPDATE counter SET value = value + 1")
            with reading(engine) as connection:
                connection.exec_driver_sql("SELECT value FROM counter")

    threads = [Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as connection:
        assert 80 == connection.exec_driver_sql("SELECT value FROM counter").scalar_one()
