"""An export is one moment of the log, whole or recognisably cut, in each of its forms."""

import csv
import hashlib
import json
import subprocess
import sys
import tracemalloc
from base64 import b64decode
from contextlib import suppress
from datetime import UTC, datetime
from io import StringIO
from itertools import chain
from uuid import uuid4

import duckdb
import pytest
from sqlalchemy import select

from domain.application import Lifecycle
from domain.attempt import Pending
from domain.clock import SystemClock
from domain.commands.institutional_account import Nominate
from domain.events.base import Metadata
from domain.store import Selection
from ops.eventstore.engine import reading
from ops.eventstore.factory import EventStore
from ops.eventstore.schema import events
from projections.exports.export import NO_EVIDENCE, PAGE, Checkpoint, Format, begin
from projections.exports.leaf import leaf
from projections.exports.writers import TRAILER, written
from tests.keyring import KEYRING

BY_HAND = Metadata(actor="support-north", role="support", reason="=HYPERLINK(1)", correlation_id=uuid4())
NOTE = "log.example/tenure\n2\nAAAA\n\n— log.example/tenure BBBB\n"


class Covered:
    """Evidence of a log without gaps, of which three events are covered."""

    def moment(self, head):
        return (3, Checkpoint(3, NOTE)) if head >= 3 else (head, None)

    def leaves(self, stored):
        return [(each.id - 1, leaf(each)) for each in stored]

    def proofs(self, indexes, size):
        return [[bytes([index, size])] for index in indexes]


@pytest.fixture
def lifecycle(engine):
    return Lifecycle(EventStore(engine, KEYRING), SystemClock())


def nominate(lifecycle, times=1):
    accounts = [uuid4() for _ in range(times)]
    for account in accounts:
        lifecycle.handle(Nominate(id=account, email=f"library@{account}.example", contact_id=uuid4()), metadata=BY_HAND)
    return accounts


def multiply(lifecycle, times):
    """Events that differ from the first one by their streams."""
    log, codec = lifecycle.log_reader, lifecycle.codec
    first = codec.to_recorded(log.read_log(after=0, limit=1)[0])
    for start in range(0, times, 10_000):
        pending = [
            Pending(originator_id=uuid4(), originator_version=1, account_id=None, metadata=first.metadata, event=first.event)
            for _ in range(min(10_000, times - start))
        ]
        log.insert_events(codec.to_stored_events(pending))


def exported(lifecycle, form, only=None, evidence=NO_EVIDENCE):
    return b"".join(written(begin(lifecycle, only or Selection(), evidence, lambda *_: None), form))


def test_ndjson_has_a_header_a_line_for_each_event_and_a_trailer(lifecycle, engine):
    (account,) = nominate(lifecycle)
    text = exported(lifecycle, Format.NDJSON, evidence=Covered())
    header, line, trailer = map(json.loads, text.splitlines())
    assert header == {"tenure": "export/1", "query": {"until": 1}, "checkpoint": None, "count": 1, "newer": 0}
    with reading(engine) as connection:
        row = connection.execute(select(events)).one()
    leaf = line["leaf"]
    assert leaf.keys() == {column.name for column in events.columns}
    assert (b64decode(leaf["state"]), leaf["stream_id"], leaf["reason"], leaf["account_id"]) == (
        row.state,
        str(account),
        "=HYPERLINK(1)",
        str(account),
    )
    assert leaf["at"] == row.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert (line["index"], "proof" in line, line["event"]["topic"]) == (0, False, "account.nominated")
    digest = hashlib.sha256(b"".join(text.splitlines(keepends=True)[:-1])).hexdigest()
    assert trailer == {"counts": {"account.nominated": 1}, "events": 1, "sha256": digest}


def test_a_selection_carries_its_query_its_checkpoint_and_a_proof_of_each_event(lifecycle):
    accounts = nominate(lifecycle, 3)
    for number, account in enumerate(accounts):
        header, line, _ = map(json.loads, exported(lifecycle, Format.NDJSON, Selection(account=account), Covered()).splitlines())
        assert (header["query"], header["checkpoint"]) == ({"account": str(account), "until": 3}, NOTE)
        assert (line["index"], line["proof"]) == (number, [["AAM="], ["AQM="], ["AgM="]][number])


def test_an_export_ends_with_its_checkpoint_and_says_how_much_is_newer(lifecycle):
    nominate(lifecycle, 5)
    header, *lines, trailer = map(json.loads, exported(lifecycle, Format.NDJSON, evidence=Covered()).splitlines())
    assert (header["query"]["until"], header["count"], header["newer"], len(lines), trailer["events"]) == (3, 3, 2, 3, 3)
    assert not any("proof" in line for line in lines)


def test_what_comes_after_the_beginning_is_not_in_it(lifecycle, engine):
    nominate(lifecycle)
    multiply(lifecycle, PAGE + 10)
    export = begin(lifecycle, Selection(), NO_EVIDENCE, lambda *_: None)
    chunks = written(export, Format.NDJSON)
    first = next(chunks)
    nominate(lifecycle, 2)
    *_, trailer = b"".join(chain([first], chunks)).splitlines()
    assert (json.loads(trailer)["events"], export.count, export.head) == (PAGE + 11, PAGE + 11, PAGE + 11)


def test_an_export_that_was_cut_has_no_trailer(lifecycle):
    nominate(lifecycle, 2)
    whole = exported(lifecycle, Format.NDJSON)
    for end in range(len(whole) - 1):
        last = whole[:end].splitlines()[-1:] or [b"{}"]
        with suppress(ValueError):
            assert "sha256" not in json.loads(last[0])


def test_csv_is_safe_to_open_and_its_last_row_tells_what_it_is(lifecycle):
    nominate(lifecycle, 3)
    text = exported(lifecycle, Format.CSV, evidence=Covered()).decode()
    first, second, _, last = csv.DictReader(StringIO(text, newline=""))
    assert (first["position"], second["position"], last["position"]) == ("1", "2", "")
    assert first["reason"] == "'=HYPERLINK(1)"
    assert first["at"].endswith("Z")
    assert json.loads(first["data"])["email"].startswith("library@")
    assert last["topic"] == TRAILER
    told = json.loads(last["data"])
    assert (told["checkpoint"], told["query"], told["count"], told["events"], told["counts"]) == (
        NOTE,
        {"until": 3},
        3,
        3,
        {"account.nominated": 3},
    )
    assert told["sha256"] == hashlib.sha256(text[: text.index(f",,,{TRAILER}")].encode()).hexdigest()


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_is_a_formula(lifecycle, begins):
    lifecycle.handle(
        Nominate(id=uuid4(), email="library@a.example", contact_id=uuid4()), metadata=Metadata(actor=f"{begins}1+1", role="support")
    )
    row, _ = csv.DictReader(StringIO(exported(lifecycle, Format.CSV).decode(), newline=""))
    assert row["actor"] == f"'{begins}1+1"


def test_parquet_has_types_and_says_what_it_is(lifecycle, tmp_path):
    (account,) = nominate(lifecycle)
    multiply(lifecycle, 2)
    path = tmp_path / "it's.parquet"
    path.write_bytes(exported(lifecycle, Format.PARQUET, Selection(topic="account.nominated"), Covered()))
    with duckdb.connect() as connection:
        types = dict(
            connection.execute("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet(?))", [str(path)]).fetchall()
        )
        rows = connection.execute('SELECT "position", "index", stream_id, reason FROM read_parquet(?) ORDER BY 1', [str(path)]).fetchall()
        beside = connection.execute("SELECT key, value FROM parquet_kv_metadata(?)", [str(path)]).fetchall()
    assert (types["position"], types["stream_id"], types["at"], types["data"]) == ("BIGINT", "UUID", "TIMESTAMP WITH TIME ZONE", "VARCHAR")
    assert [(position, index) for position, index, *_ in rows] == [(1, 0), (2, 1), (3, 2)]
    assert rows[0][2:] == (account, "=HYPERLINK(1)")
    told = {key.decode(): value.decode() for key, value in beside}
    assert (told["tenure"], told["checkpoint"], json.loads(told["query"]), json.loads(told["counts"])) == (
        "export/1",
        NOTE,
        {"topic": "account.nominated", "until": 3},
        {"account.nominated": 3},
    )


@pytest.mark.parametrize("form", Format)
def test_nothing_is_something(lifecycle, form):
    assert exported(lifecycle, form)
    nominate(lifecycle)
    assert exported(lifecycle, form, Selection(stream=uuid4()))


def test_without_the_extra_it_is_named():
    program = (
        "import sys; sys.modules['duckdb'] = None\n"
        "from projections.exports.parquet import parquet\n"
        "try: parquet(None, print)\n"
        "except Exception as error: print(error.slug, error.detail)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "audit-extra-missing Parquet needs an extra: pip install 'tenure[audit]'\n"


def test_who_asks_is_on_record_before_anything_is_read(lifecycle):
    nominate(lifecycle)
    noted = []
    begin(lifecycle, Selection(actor="support-north"), NO_EVIDENCE, lambda *given: noted.append(given))
    assert noted == [({"actor": "support-north", "until": 1}, 1)]

    def refuse(*_):
        raise OSError("the read log is full")

    with pytest.raises(OSError, match="read log"):
        begin(lifecycle, Selection(), NO_EVIDENCE, refuse)


@pytest.mark.parametrize("form", [Format.NDJSON, Format.CSV])
def test_memory_does_not_grow_with_the_log(lifecycle, engine, form):
    nominate(lifecycle)

    def peak():
        export = begin(lifecycle, Selection(), NO_EVIDENCE, lambda *_: None)
        tracemalloc.start()
        for _ in written(export, form):
            pass
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    multiply(lifecycle, 3 * PAGE)
    few = peak()
    multiply(lifecycle, 12 * PAGE)
    assert peak() < 1.2 * few


def test_the_moment_is_told_in_utc(lifecycle):
    nominate(lifecycle)
    _, line, _ = map(json.loads, exported(lifecycle, Format.NDJSON).splitlines())
    assert datetime.fromisoformat(line["leaf"]["recorded_at"]).tzinfo == UTC
