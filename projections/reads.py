"""Who of ours has looked at what names people: written before the answer leaves, and kept beside the log.

Own facts: no event tells of a look. Addresses never stand here; a filter that held one has its keyed hash.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Index, Integer, String, Table, Text, Uuid, delete, insert, select

from projections.tables import Instant, facts

Number = BigInteger().with_variant(Integer, "sqlite")

reads = Table(
    "reads",
    facts,
    Column("number", Number, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("actor", String, nullable=False),
    Column("role", String, nullable=False),
    Column("operation", String, nullable=False),
    Column("filter", Text, nullable=False),  # JSON
    Column("request_id", Uuid, nullable=False),
    Index("reads_at", "at"),
    Index("reads_actor", "actor", "number"),
)
read_things = Table(
    "read_things",
    facts,
    Column("thing", Uuid, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Index("read_things_number", "number"),
)
"""Which streams and persons an answer showed. What was a person's own goes when the person is forgotten; that somebody looked remains."""


@dataclass(frozen=True, kw_only=True)
class Read:
    at: datetime
    actor: str
    role: str
    operation: str
    things: tuple[UUID, ...]
    filter: dict[str, str]
    request_id: UUID


def record(connection: Connection, read: Read) -> None:
    row = {name: value for name, value in vars(read).items() if name != "things"}
    row["filter"] = msgspec.json.encode(read.filter, order="deterministic").decode()
    number = connection.scalar(insert(reads).values(row).returning(reads.c.number))
    if read.things:
        connection.execute(insert(read_things), [{"thing": thing, "number": number} for thing in read.things])


def page(
    connection: Connection,
    *,
    things: Sequence[UUID] | None = None,
    actor: str | None = None,
    from_: datetime | None = None,
    to: datetime | None = None,
    after: int = 0,
    limit: int = 50,
) -> tuple[list[dict[str, Any]], int | None]:
    """Reads in their order, and where the next page begins. `things`: only those that showed any of them."""
    query = select(reads).where(reads.c.number > after).order_by(reads.c.number).limit(limit + 1)
    if things is not None:
        query = query.where(reads.c.number.in_(select(read_things.c.number).where(read_things.c.thing.in_(things))))
    if actor is not None:
        query = query.where(reads.c.actor == actor)
    if from_ is not None:
        query = query.where(reads.c.at >= from_)
    if to is not None:
        query = query.where(reads.c.at < to)
    rows = list(connection.execute(query))
    shown = {row.number: _shown(row) for row in rows[:limit]}
    of_them = select(read_things).where(read_things.c.number.in_(list(shown))).order_by(read_things.c.number, read_things.c.thing)
    for row in connection.execute(of_them):
        shown[row.number]["things"].append(row.thing)
    return list(shown.values()), rows[limit - 1].number if len(rows) > limit else None


def _shown(row: Any) -> dict[str, Any]:
    return {
        "number": row.number,
        "at": row.at,
        "actor": row.actor,
        "role": row.role,
        "operation": row.operation,
        "filter": msgspec.json.decode(row.filter),
        "request_id": row.request_id,
        "things": [],
    }


def blank(connection: Connection, things: Iterable[UUID]) -> None:
    """Whom it was about is not told any more."""
    connection.execute(delete(read_things).where(read_things.c.thing.in_(list(things))))
