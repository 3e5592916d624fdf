"""An export as a stream of bytes, in each of its forms. What was cut short is told by its end, which is missing."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec import json

from projections.exports.export import Digested, Export, Format, Row
from projections.exports.parquet import parquet
from projections.safe_csv import safe_lines
from projections.tables import as_text

Progress = Callable[[int], None]
COLUMNS = (
    "position",
    "stream_id",
    "version",
    "topic",
    "at",
    "recorded_at",
    "account_id",
    "actor",
    "role",
    "on_behalf_of",
    "reason",
    "command_id",
    "correlation_id",
    "causation_id",
    "data",
)
TRAILER = "export.trailer"
"""What stands for a topic in the last line of a CSV."""


def written(export: Export, form: Format, progress: Progress = lambda _: None) -> Iterator[bytes]:
    """`progress` is told after each page how many events it had."""
    match form:
        case Format.NDJSON:
            return ndjson(export, progress)
        case Format.CSV:
            return as_csv(export, progress)
        case Format.PARQUET:
            return parquet(export, progress)


def ndjson(export: Export, progress: Progress) -> Iterator[bytes]:
    """A header, one line an event, a trailer."""
    digested = Digested()
    yield digested(json.encode(export.header) + b"\n")
    for page in export.pages():
        yield digested(b"".join(json.encode(_line(row)) + b"\n" for row in page))
        progress(len(page))
    yield json.encode(export.trailer(digested.hex)) + b"\n"


def _line(row: Row) -> dict[str, Any]:
    proof = {} if row.proof is None else {"proof": [b64encode(each).decode() for each in row.proof]}
    return {"leaf": row.leaf, "index": row.index, **proof, "event": row.event}


def as_csv(export: Export, progress: Progress) -> Iterator[bytes]:
    """One row an event, and a last one that is none: its topic says so, and its data hold the header and the trailer."""
    digested = Digested()
    yield digested(_lines([COLUMNS]))
    for page in export.pages():
        yield digested(_lines([[_cell(row.event[name]) for name in COLUMNS] for row in page]))
        progress(len(page))
    end = {"topic": TRAILER, "data": export.header | export.trailer(digested.hex)}
    yield _lines([[_cell(end.get(name)) for name in COLUMNS]])


def _cell(value: object | None) -> object | None:
    if isinstance(value, datetime):
        return as_text(value)
    return json.encode(value).decode() if isinstance(value, dict | list) else value


def _lines(rows: Sequence[Sequence[object | None]]) -> bytes:
    return "".join(safe_lines(rows)).encode()
