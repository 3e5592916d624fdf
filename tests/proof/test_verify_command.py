"""`tenure verify` and `tenure checkpoints`, as operators call them; the tree, by many processes and on both databases."""

import json
import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from ops.eventstore.engine import connect, reading, writing
from ops.eventstore.leaf import COLUMNS, as_bytes, as_row, leaves_between, rows_between
from ops.eventstore.schema import events
from ops.verification import verify
from projections.proof import checkpoints
from projections.proof.checkpoints import Forked
from projections.proof.tiles import Tree, tiles
from scheduler.checkpoints import Checkpoints
from tests.databases import take_triggers_away
from tests.processes import called
from tests.proof.logs import OTHER, SIGNER, START, fill

EVENTS = 300


@pytest.fixture
def log(database_url):
    engine = connect(database_url)
    yield engine, fill(engine, EVENTS, checkpoint_every=100)
    engine.dispose()


def call(url, *arguments, folder, **given):
    settings = given | {
        "TENURE_DATABASE_URL": url,
        "TENURE_KEYS_DIRECTORY": str(folder / "keys"),
        "TENURE_CHECKPOINT_ORIGIN": SIGNER.verifier.name,
    }
    done = called(*arguments, settings=settings, folder=folder)
    return done.returncode, done.stdout + done.stderr


def test_the_command_says_whether_the_log_holds(log, database_url, tmp_path):
    engine, held = log
    (tmp_path / "held").write_text(held)

    def tenure(*arguments):
        return call(database_url, *arguments, folder=tmp_path, TENURE_CHECKPOINT_KEY=bytes(range(32)).hex())

    assert (0, f"{SIGNER.verifier}\n") == tenure("checkpoints", "key")
    assert (0, held) == tenure("checkpoints", "latest")
    code, said = tenure("verify")
    assert 0 == code, said
    assert said.startswith("holds: 300 events, 3 checkpoints\nnote: nothing from outside")
    code, said = tenure("verify", "--checkpoint", str(tmp_path / "held"), "--json")
    assert (0, True, 300, 4) == (code, *(json.loads(said)[name] for name in ("holds", "events", "checkpoints")))
    code, said = tenure("verify", "--vkey", str(OTHER.verifier))
    assert (1, True) == (code, "DOES NOT HOLD  checkpoint-not-signed" in said)
    assert 2 == tenure("verify", "--vkey", "nonsense+")[0]
    take_triggers_away(engine)
    with writing(engine) as connection:
        connection.execute(text("UPDATE events SET actor = 'nobody' WHERE position = (SELECT max(position) - 9 FROM events)"))
        position = connection.scalar(text("SELECT max(position) - 9 FROM events"))
    code, said = tenure("verify", "--json")
    findings = {each["what"]: each for each in json.loads(said)["findings"]}
    if position in {row[COLUMNS.index("position")] for row in _rows(engine)}:
        assert 1 == code
        assert (position, {"event-differs", "tree-differs", "root-differs"}) == (findings["event-differs"]["position"], set(findings))
        assert "the first 200 are as they were" in findings["root-differs"]["detail"]


def _rows(engine):
    with reading(engine) as connection:
        return rows_between(connection, 0, 2**62)


def test_the_key_that_is_not_given_is_made_by_the_service_alone(log, database_url, tmp_path):
    code, said = call(database_url, "verify", folder=tmp_path)
    assert (1, True) == (code, "no key is known" in said)
    assert not (tmp_path / "keys" / "checkpoint-key").exists()


def test_both_databases_give_the_same_bytes(sqlite_url, postgresql_url):
    both = []
    for url in (sqlite_url, postgresql_url):
        engine = connect(url)
        note = fill(engine, EVENTS, checkpoint_every=100)
        both.append((note, [as_bytes(as_row(row)) for row in _rows(engine)]))
        engine.dispose()
    assert both[0] == both[1]
    assert EVENTS == len(set(both[0][1]))


def test_no_column_of_an_event_is_without_proof():
    assert sorted(column.name for column in events.columns) == list(COLUMNS)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_change_of_any_column_is_seen(log, column):
    engine, held = log
    take_triggers_away(engine)
    change = {
        "position": "position + 1000000",
        "class_version": "class_version + 1",
        "stream_version": "stream_version + 1000",
        "at": "'2029-01-01T00:00:00.000000Z'",
        "recorded_at": "'2026-01-01T00:00:00.000000Z'",
        "state": "state || state",
    }.get(column, "'0123456789abcdef0123456789abcdef'")
    with engine.connect() as connection:
        transaction = connection.begin_nested() if connection.in_transaction() else connection.begin()
        position = connection.scalar(text("SELECT min(position) FROM events WHERE position > 100"))
        connection.execute(text(f"UPDATE events SET {column} = {change} WHERE position = {position}"))
        verdict = verify(connection, [SIGNER.verifier], [held])
        transaction.rollback()
        found = {each.what: each for each in verdict.findings}
        assert "event-differs" in found
        assert column == "position" or position == found["event-differs"].position
        assert "root-differs" in found


def test_a_falsified_tree_and_falsified_checkpoints_are_seen(log):
    engine, _ = log
    changes = (
        "UPDATE proof_tiles SET hashes = (SELECT hashes FROM proof_tiles WHERE level = 1 AND number = 0) WHERE level = 0 AND number = 3",
        "DELETE FROM proof_tiles WHERE level = 1",
        "DELETE FROM proof_tiles WHERE level = 0 AND number = 2",
        "UPDATE proof_tiles SET number = 77 WHERE level = 0 AND number = 2",
        "UPDATE checkpoints SET root = (SELECT root FROM checkpoints WHERE size = 100) WHERE size = 200",
        "UPDATE checkpoints SET note = 'nothing' WHERE size = 200",
        "UPDATE checkpoints SET size = 199 WHERE size = 200",
        "UPDATE checkpoints SET position = position + 1 WHERE size = 200",
    )
    for change in changes:
        with engine.connect() as connection:
            connection.exec_driver_sql(change)
            assert not verify(connection, [SIGNER.verifier]).holds, change
            connection.rollback()
            assert verify(connection, [SIGNER.verifier]).holds


def test_what_does_not_grow_out_of_the_last_checkpoint_is_not_signed(log, tmp_path, logged):
    engine, _ = log
    part = Checkpoints(_database(engine), _Clock(), SIGNER, tmp_path / "published")
    assert 0 == part.tick()
    assert ["000000000100", "000000000200", "000000000300", "latest"] == sorted(p.name for p in (tmp_path / "published").glob("[0l]*"))
    with writing(engine) as connection:
        connection.execute(
            text("UPDATE checkpoints SET root = (SELECT root FROM checkpoints WHERE size = 100), size = 299 WHERE size = 300")
        )
    assert 0 == part.tick()
    assert part.forked
    assert ["critical"] == [line["log_level"] for line in logged if line["event"] == "checkpoint_refused"]
    with pytest.raises(Forked):
        part.make_now()


def _database(engine):
    from ops.eventstore.engine import Database

    return Database(engine)


class _Clock:
    def now(self):
        return START + timedelta(days=400)


def test_of_processes_that_sign_at_once_one_does(log, tmp_path):
    engine, _ = log
    with writing(engine) as connection:
        connection.execute(text("DELETE FROM checkpoints WHERE size > 100"))
    folder = tmp_path / "published"
    made = []
    parts = [Checkpoints(_database(engine), _Clock(), SIGNER, folder) for _ in range(8)]
    threads = [threading.Thread(target=lambda part=part: made.append(part.tick())) for part in parts]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [0] * 7 + [1] == sorted(made)
    with reading(engine) as connection:
        last = checkpoints.latest(connection)
        assert last is not None
        assert [100, 300] == [each.size for each in checkpoints.everything(connection)]
    for part in parts:
        part.tick()
    assert last.note == (folder / "latest").read_text() == (folder / "000000000300").read_text()
    assert not list(folder.glob(".[!l]*")), "nothing half-written is left"


def test_the_tree_is_rebuilt_as_it_was_and_followed_by_many(running):
    account = running.convert(running.nominate())
    threads = [threading.Thread(target=running.catch_up) for _ in range(4)]
    for each in threads:
        each.start()
    running.activate(running.open(account))
    for each in threads:
        each.join()
    running.wait(days=400)
    engine = running.assembly.engine
    with reading(engine) as connection:
        before = connection.execute(tiles.select().order_by(tiles.c.level, tiles.c.number)).all()
        leaves = leaves_between(connection, 0, 2**62)
        assert len(leaves) == Tree(connection).size()
    running.assembly.tables.rebuild()
    with reading(engine) as connection:
        assert before == connection.execute(tiles.select().order_by(tiles.c.level, tiles.c.number)).all()
        verdict = verify(connection, [running.assembly.checkpoints._signer.verifier])
    assert [] == verdict.findings
    assert verdict.checkpoints > 5
