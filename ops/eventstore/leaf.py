"""An event as a leaf of the tree: its stored row, every column, in one form of bytes on both databases."""

import re
from binascii import b2a_base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from sqlalchemy import Connection

from projections.proof.merkle import leaf_hash

COLUMNS = (
    "account_id",
    "actor",
    "at",
    "causation_id",
    "class_version",
    "command_id",
    "correlation_id",
    "on_behalf_of",
    "position",
    "reason",
    "recorded_at",
    "role",
    "state",
    "stream_id",
    "stream_version",
    "topic",
)
"""All of them, in the order of their names, as the leaf has them."""

IDS = {"account_id", "causation_id", "command_id", "correlation_id", "stream_id"}
INSTANTS = {"at", "recorded_at"}
NUMBERS = {"class_version", "position", "stream_version"}
POSITION = COLUMNS.index("position")
STATE = COLUMNS.index("state")

_HEX = re.compile(r"[0-9a-f]{32}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_TEXTS = tuple(place for place, name in enumerate(COLUMNS) if name not in IDS | INSTANTS | NUMBERS | {"state"})
_IDS = tuple(COLUMNS.index(name) for name in sorted(IDS))
_INSTANTS = tuple(COLUMNS.index(name) for name in sorted(INSTANTS))
_NUMBERS = tuple(COLUMNS.index(name) for name in sorted(NUMBERS))
_encode = msgspec.json.Encoder().encode


class UnreadableRow(ValueError):
    """A row that this service cannot have written."""


def rows_between(connection: Connection, after: int, until: int) -> list[Sequence[Any]]:
    """The stored rows behind one position, up to another, as the database has them: nothing is read leniently."""
    return _read(connection, f"position > {int(after)} AND position <= {int(until)} ORDER BY position")


def next_rows(connection: Connection, after: int, limit: int) -> list[Sequence[Any]]:
    return _read(connection, f"position > {int(after)} ORDER BY position LIMIT {int(limit)}")


def rows_at(connection: Connection, positions: Sequence[int]) -> list[Sequence[Any]]:
    """Those of the positions at which there is an event, in their order."""
    return _read(connection, f"position IN ({', '.join(str(int(each)) for each in positions)}) ORDER BY position") if positions else []


def leaves_between(connection: Connection, after: int, until: int) -> list[tuple[int, bytes]]:
    """Positions and leaf hashes."""
    return [(row[POSITION], leaf_hash(as_bytes(as_row(row)))) for row in rows_between(connection, after, until)]


def as_row(stored: Sequence[Any]) -> dict[str, Any]:
    """A stored row as a leaf and an export have it: ids and instants as text, the state as base64. Raises UnreadableRow."""
    values = list(stored)
    state = values[STATE]
    if not isinstance(state, bytes | memoryview):
        raise UnreadableRow("the state is no bytes")
    values[STATE] = b2a_base64(state, newline=False).decode()
    for place in _NUMBERS:
        if type(values[place]) is not int:
            raise UnreadableRow(f"{COLUMNS[place]} is no whole number")
    for place in _TEXTS:
        if not (values[place] is None or type(values[place]) is str):
            raise UnreadableRow(f"{COLUMNS[place]} is no text")
    for place in _INSTANTS:
        if not (values[place] is None or (type(values[place]) is str and _INSTANT.fullmatch(values[place]))):
            raise UnreadableRow(f"{COLUMNS[place]} is no instant")
    for place in _IDS:
        values[place] = _id(values[place], COLUMNS[place])
    return dict(zip(COLUMNS, values, strict=True))


def as_bytes(row: dict[str, Any]) -> bytes:
    """The leaf: JSON in UTF-8, keys in order, no white space. Raises UnreadableRow."""
    try:
        return _encode(row)
    except UnicodeEncodeError:
        raise UnreadableRow("a text is not UTF-8") from None


def _id(value: Any, column: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and _HEX.fullmatch(value):
        return f"{value[:8]}-{value[8:12]}-{value[12:16]}-{value[16:20]}-{value[20:]}"
    raise UnreadableRow(f"{column} is no id")


def _read(connection: Connection, condition: str) -> list[Sequence[Any]]:
    postgresql = connection.dialect.name == "postgresql"
    columns = ", ".join(_column(name) if postgresql else name for name in COLUMNS)
    statement = f"SELECT {columns} FROM events WHERE {condition}"  # noqa: S608 - names of this file, and whole numbers
    if postgresql:
        return list(connection.exec_driver_sql(statement))
    with _as_stored(connection):
        return list(connection.exec_driver_sql(statement))


def _column(name: str) -> str:
    if name in IDS:
        return f"encode(uuid_send({name}), 'hex')"
    if name in INSTANTS:
        return f"""to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    return name


@contextmanager
def _as_stored(connection: Connection) -> Iterator[None]:
    """SQLite's driver would refuse a whole page of rows for one byte that is not UTF-8, and not say which."""
    driver: Any = connection.connection.driver_connection
    before = driver.text_factory
    driver.text_factory = lambda text: text.decode(errors="surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = before
