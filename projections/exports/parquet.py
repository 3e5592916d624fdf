"""An export as Parquet, for who asks questions of it with tools of their own. Needs the extra `audit`."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import json

from domain.errors import Refused
from projections.exports.export import Export

COLUMNS = {
    "position": "BIGINT",
    "index": "BIGINT",
    "stream_id": "UUID",
    "version": "INTEGER",
    "topic": "VARCHAR",
    "at": "TIMESTAMPTZ",
    "recorded_at": "TIMESTAMPTZ",
    "account_id": "UUID",
    "actor": "VARCHAR",
    "role": "VARCHAR",
    "on_behalf_of": "VARCHAR",
    "reason": "VARCHAR",
    "command_id": "UUID",
    "correlation_id": "UUID",
    "causation_id": "UUID",
    "data": "VARCHAR",
}
"""`data` is JSON as text; `index` is the event's leaf in the log's tree."""
_ROWS_OF_A_GROUP = 16_384
_CHUNK = 1 << 20
_SETTINGS = (
    "SET autoinstall_known_extensions = false; SET autoload_known_extensions = false; "
    "SET threads = 1; SET memory_limit = '256MB'; SET TimeZone = 'UTC'"
)


def parquet(export: Export, progress: Callable[[int], None]) -> Iterator[bytes]:
    """Refused at once where duckdb is not there. Its end is its index, so a file that was cut is no Parquet file."""
    try:
        import duckdb  # noqa: PLC0415 - an extra, which most installations do without
    except ImportError:
        raise Refused("audit-extra-missing", "Parquet needs an extra: pip install 'tenure[audit]'", field="format") from None
    return _written(export, progress, duckdb.connect)


def _written(export: Export, progress: Callable[[int], None], connect: Callable[[], object]) -> Iterator[bytes]:
    with TemporaryDirectory(prefix="tenure-export-") as folder:
        spool, made = Path(folder, "events.ndjson.gz"), Path(folder, "events.parquet")
        with gzip.open(spool, "wb", 1) as file:
            for page in export.pages():
                for row in page:
                    cells = row.event | {"index": row.index, "data": json.encode(row.event["data"]).decode()}
                    file.write(json.encode({name: cells[name] for name in COLUMNS}) + b"\n")
                progress(len(page))
        told = export.header | {"counts": export.counts, "events": export.counts.total()}
        _convert(
            connect(), spool, made, {name: value if isinstance(value, str) else json.encode(value).decode() for name, value in told.items()}
        )
        spool.unlink()
        with made.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk


def _convert(database: object, spool: Path, made: Path, told: dict[str, str]) -> None:
    columns = ", ".join(f"{_text(name)}: {_text(kind)}" for name, kind in COLUMNS.items())
    beside = ", ".join(f"{_text(name)}: {_text(value)}" for name, value in told.items())
    with database as connection:  # type: ignore[attr-defined]
        connection.execute(f"{_SETTINGS}; SET temp_directory = {_text(str(made.parent))}")
        connection.execute(
            f"COPY (SELECT * FROM read_json({_text(str(spool))}, format = 'newline_delimited', columns = {{{columns}}})) "  # noqa: S608
            f"TO {_text(str(made))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROWS_OF_A_GROUP}, KV_METADATA {{{beside}}})"
        )


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
