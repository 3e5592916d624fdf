"""Exports verified by the file that imports nothing of ours, as an auditor would: by the checkpoint that was kept, offline."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from domain.store import Selection
from ops.eventstore.engine import writing
from projections.exports.export import begin
from projections.exports.writers import ndjson
from projections.proof import checkpoints
from tests.api.running import Running, done
from tests.databases import take_triggers_away

VERIFY = Path(__file__).parents[2] / "ops" / "verify.py"
WHY = {"code": "correction"}


@pytest.fixture
def lived(running: Running) -> Running:
    """Two institutions with a subscription, a token and a correction each; a checkpoint of some of it, and more behind that."""
    for account in (running.convert(running.nominate()), running.another()):
        running.subscribed(account)
        running.issue(account)
        body = {"stream": account["id"], "version": 1, "right": "nominated by the office", "reason": WHY}
        done(running.support.post("/v1/corrections", json=body), 201)
    running.settle()
    return running


class Auditor:
    """Keeps a checkpoint and the key, and runs the program on what was sent."""

    def __init__(self, running: Running, folder: Path) -> None:
        self._folder = folder
        client = running.client("auditor")
        self.get = client.get
        self.vkey = client.get("/v1/checkpoints/key").text.strip()
        (folder / "kept").write_text(client.get("/v1/checkpoints/latest").text)

    def verify(self, export: bytes, *given: str) -> subprocess.CompletedProcess[str]:
        path = self._folder / "export.ndjson"
        path.write_bytes(export)
        return subprocess.run(
            [sys.executable, "-I", str(VERIFY), str(path), "--vkey", self.vkey, *given], capture_output=True, text=True, check=False
        )

    @property
    def kept(self) -> tuple[str, str]:
        return "--checkpoint", str(self._folder / "kept")


def test_the_whole_log_holds_against_a_checkpoint_that_was_kept(lived: Running, tmp_path):
    auditor = Auditor(lived, tmp_path)
    lived.another("eth-two")
    export = auditor.get("/v1/history/export").content
    verified = auditor.verify(export, *auditor.kept)
    assert verified.returncode == 0, verified.stderr
    header = json.loads(export.splitlines()[0])
    assert header["newer"] == 0  # the process that exports may sign: its checkpoint covers what there is
    assert f"holds: {header['count']} events, the whole log" in verified.stdout


@pytest.mark.parametrize("query", ["topic=account.nominated", "topic=correction.proposed", "actor=admin", "account={}"])
def test_each_event_of_a_selection_is_proven(lived: Running, tmp_path, query):
    auditor = Auditor(lived, tmp_path)
    account = done(lived.support.get("/v1/accounts"))["items"][0]["id"]
    export = auditor.get(f"/v1/history/export?{query.format(account)}").content
    verified = auditor.verify(export)
    assert verified.returncode == 0, verified.stderr
    count = json.loads(export.splitlines()[0])["count"]
    assert f"holds: {count} events, a selection" in verified.stdout
    assert count > 0


def test_what_was_changed_on_its_way_does_not_hold(lived: Running, tmp_path):
    auditor = Auditor(lived, tmp_path)
    lines = auditor.get("/v1/history/export").content.splitlines(keepends=True)
    for tampered in (lines[:3] + lines[4:], lines[:-1], [*lines[:2], lines[3], lines[2], *lines[4:]], lines[:1] + lines[2:]):
        assert auditor.verify(b"".join(tampered), *auditor.kept).returncode == 1


def test_an_event_that_was_changed_in_the_database_does_not_hold(lived: Running, tmp_path):
    auditor = Auditor(lived, tmp_path)
    take_triggers_away(lived.assembly.engine)
    with writing(lived.assembly.engine) as connection:
        connection.exec_driver_sql("UPDATE events SET actor = 'somebody else' WHERE position = 3")
    verified = auditor.verify(auditor.get("/v1/history/export").content)
    assert verified.returncode == 1
    assert "do not have the root" in verified.stderr


def test_without_the_key_an_export_ends_with_the_last_checkpoint(lived: Running, tmp_path):
    auditor = Auditor(lived, tmp_path)
    with lived.assembly.database.reading() as connection:
        last = checkpoints.latest(connection)
    lived.another("eth-two")
    lived.catch_up()
    for key in (tmp_path / "keys").glob("checkpoint*"):
        key.unlink()
    export = begin(lived.assembly.lifecycle, Selection(), lived.assembly.evidence, lambda *_: None)
    assert (export.count, export.head, export.newer > 0) == (last.size, last.position, True)
    verified = auditor.verify(b"".join(ndjson(export, lambda _: None)), *auditor.kept)
    assert verified.returncode == 0, verified.stderr


def test_a_log_with_positions_left_out_is_numbered_by_its_leaves(lived: Running, tmp_path):
    """On PostgreSQL a refused append leaves a gap."""
    body = {"email": "x@y.example", "registered_account_id": "registered-mit", "institution": "X", "time_zone": "Europe/Rome"}
    for _ in range(3):
        lived.support.post("/v1/accounts", json=body)
    lived.another("eth-two")
    auditor = Auditor(lived, tmp_path)
    assert auditor.verify(auditor.get("/v1/history/export").content).returncode == 0
