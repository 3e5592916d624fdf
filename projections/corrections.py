"""Corrections of the record: the list of them, and which stand beside an event."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, Integer, String, Uuid, select

from domain.aggregates.correction import Correction
from domain.application import Lifecycle
from domain.errors import Invalid
from domain.events.correction import Place
from domain.store import StoredNotification
from projections.current import Current, current_table, page
from projections.follower import Database
from projections.shapes import correction

table = current_table(
    "corrections",
    Column("wrong_stream", Uuid, nullable=False),
    Column("wrong_version", Integer, nullable=False),
    Column("put_right_by", BigInteger),
    Column("proposed_by", String, nullable=False),
    Index("corrections_wrong", "wrong_stream", "wrong_version"),
)
projection = Current(
    table,
    Correction,
    lambda state: {
        "wrong_stream": state.wrong.stream_id,
        "wrong_version": state.wrong.version,
        "put_right_by": state.put_right_by.position if state.put_right_by else None,
        "proposed_by": state.proposed_by,
    },
)


def listed(
    lifecycle: Lifecycle, database: Database, *, stream: UUID | None, status: str | None, after: int, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """In the order in which they were proposed. `stream` is the one of which an event was recorded wrongly."""
    return page(
        table,
        lambda id, version, state, _: correction(id, version, state),
        lifecycle,
        database,
        conditions=[table.c.wrong_stream == stream] if stream else [],
        status=status,
        after=after,
        limit=limit,
    )


def beside(database: Database, items: Sequence[dict[str, Any]]) -> None:
    """Add to each event of the history its `corrections`: which, how far it is, where it is on record, and what put things right."""
    c = table.c
    query = select(c.id, c.status, c.number, c.wrong_stream, c.wrong_version, c.put_right_by).order_by(c.number)
    found: dict[tuple[UUID, int], list[dict[str, Any]]] = {}
    with database.reading() as connection:
        for row in connection.execute(query.where(c.wrong_stream.in_({item["stream_id"] for item in items}))):
            told = {"id": row.id, "status": row.status, "position": row.number, "put_right_by": row.put_right_by}
            found.setdefault((row.wrong_stream, row.wrong_version), []).append(told)
    for item in items:
        item["corrections"] = found.get((item["stream_id"], item["version"]), [])


def place_of(lifecycle: Lifecycle, stream: UUID, version: int) -> Place:
    """The event that is said to be wrong. Invalid where there is none."""
    found = lifecycle.log_reader.read_stream(stream, after=version - 1, until=version)
    if not found:
        raise Invalid("no-such-event", f"stream {stream} has no event of version {version}", field="version")
    return _place(found[0])


def place_at(lifecycle: Lifecycle, position: int) -> Place:
    """The event that is said to have put things right. Invalid where there is none."""
    found = lifecycle.log_reader.read_log(after=position - 1, limit=1)
    if not found or found[0].id != position:
        raise Invalid("no-such-event", f"there is no event at position {position}", field="put_right_by")
    return _place(found[0])


def _place(stored: StoredNotification) -> Place:
    return Place(
        stream_id=UUID(str(stored.originator_id)),
        version=stored.originator_version,
        position=stored.id,
        topic=stored.topic,
        account_id=stored.account_id,
    )
