"""`ops/verify.py` alone: an export of the log, and of a part of it, holds; nothing that was changed in one does."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ops import verify
from ops.eventstore.engine import connect, reading
from projections.proof import checkpoints
from projections.proof.tiles import Tree
from tests.proof.exports import export, sealed
from tests.proof.logs import OTHER, SIGNER, fill

VERIFY = Path(verify.__file__)
VKEY = str(SIGNER.verifier)
EVENTS = 130


@pytest.fixture
def log(database_url):
    engine = connect(database_url)
    yield engine, fill(engine, EVENTS, checkpoint_every=50)
    engine.dispose()


def older(engine) -> str:
    with reading(engine) as connection:
        found = checkpoints.of_size(connection, 100)
    assert found is not None
    return found.note


def test_the_whole_log_holds_against_its_own_checkpoint_and_an_older_one(log):
    engine, last = log
    lines = export(engine, last, EVENTS)
    for held in (None, last, older(engine)):
        found = verify.verify_export(lines, VKEY, held)
        assert ("log", EVENTS) == (found["kind"], found["events"])


def test_a_selection_holds_and_against_an_older_checkpoint_by_consistency(log):
    engine, last = log
    lines = export(engine, last, EVENTS, every=7)
    assert "selection" == verify.verify_export(lines, VKEY, last)["kind"]
    with pytest.raises(verify.Wrong, match="from=100&to=130"):
        verify.verify_export(lines, VKEY, older(engine))
    with reading(engine) as connection:
        proof = [verify.base64.b64encode(each).decode() for each in Tree(connection).consistency(100, EVENTS)]
    assert 19 == verify.verify_export(lines, VKEY, older(engine), {"proof": proof})["events"]
    with pytest.raises(verify.Wrong, match="rewritten"):
        verify.verify_export(lines, VKEY, older(engine), {"proof": proof[::-1]})


@pytest.mark.parametrize("every", [1, 7], ids=["log", "selection"])
def test_a_changed_export_does_not_hold_though_its_trailer_fits(log, every):
    engine, last = log
    lines = export(engine, last, EVENTS, every=every)[:-1]

    def changed(number, change):
        line = json.loads(lines[number])
        change(line)
        return [*lines[:number], json.dumps(line).encode() + b"\n", *lines[number + 1 :]]

    def refused(told, pattern=".", key=VKEY, held=None):
        with pytest.raises(verify.Wrong, match=pattern):
            verify.verify_export(sealed(told, len(told) - 1), key, held)

    for column in ("actor", "at", "position", "recorded_at", "state", "stream_version", "topic"):
        refused(changed(5, lambda line, column=column: line["leaf"].update({column: "AAAA"})))
    refused(changed(5, lambda line: line["leaf"].pop("reason")))
    refused(changed(5, lambda line: line["event"].update(topic="another")), "shown with topic")
    refused(changed(5, lambda line: line["event"]["data"].update(email="another")), "shown with email")
    refused(changed(5, lambda line: line.update(index=line["index"] + 1)))
    refused([*lines[:5], lines[6], lines[5], *lines[7:]], "order|missing")
    refused(changed(0, lambda line: line.update(checkpoint=older(engine))))
    refused(changed(0, lambda line: line.update(checkpoint=line["checkpoint"].replace("\n130\n", "\n131\n"))), "does not fit")
    refused(changed(0, lambda line: line.update(tenure="export/2")), "header")
    refused(lines, key=str(OTHER.verifier))
    forked = OTHER.sign("tenure.example.edu/log\n130\n" + "A" * 43 + "=\n")
    refused(lines, held=forked)
    refused(lines, "different roots", held=SIGNER.sign("tenure.example.edu/log\n130\n" + "A" * 43 + "=\n"))
    if every == 1:
        refused(lines[:-3], "covers 130")
        refused([*lines[:5], *lines[6:]], "missing")


def test_an_export_whose_end_or_line_is_missing_does_not_hold(log):
    engine, last = log
    lines = export(engine, last, EVENTS, every=7)
    for told in (lines[:-1], lines[:1], [], [*lines[:4], *lines[5:]], [b"not json\n", *lines], [*lines, lines[3]]):
        with pytest.raises(verify.Wrong):
            verify.verify_export(told, VKEY)


def test_what_no_proof_covers_is_held_by_the_trailer(log):
    """The query that was asked, and what a person reads beside the row."""
    engine, last = log
    lines = export(engine, last, EVENTS, every=7)
    asked = lines[0].replace(b"token.issued", b"token.revoked")
    assert asked != lines[0]
    with pytest.raises(verify.Wrong, match="trailer"):
        verify.verify_export([asked, *lines[1:]], VKEY)


def test_it_runs_alone_and_says_what_it_found(log, tmp_path):
    """In a process that knows no module of ours, from another folder."""
    engine, last = log
    lines = export(engine, last, EVENTS)
    alone = tmp_path / "verify.py"
    alone.write_text(VERIFY.read_text())
    (tmp_path / "log.ndjson").write_bytes(b"".join(lines))
    (tmp_path / "checkpoint").write_text(last)
    (tmp_path / "vkey").write_text(VKEY + "\n")

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(alone), *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    code, said = run("log.ndjson", "--checkpoint", "checkpoint", "--vkey", "vkey")
    assert (0, "holds: 130 events, the whole log; checkpoint of tenure.example.edu/log, size 130\n") == (code, said)
    (tmp_path / "cut.ndjson").write_bytes(b"".join(sealed(lines[:-3], EVENTS - 2)))
    code, said = run("cut.ndjson", "--checkpoint", "checkpoint", "--vkey", VKEY)
    assert 1 == code
    assert said.startswith("DOES NOT HOLD: ")
    assert 2 == run("nowhere.ndjson", "--vkey", VKEY)[0]
    assert 2 == run("log.ndjson")[0]
