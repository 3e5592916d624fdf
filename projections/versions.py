"""Each version of each thing, as it was shown: what lists are made of, at present and "as of" and "known at" a moment that is past."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    FromClause,
    Index,
    Integer,
    LargeBinary,
    ScalarSelect,
    String,
    Table,
    Uuid,
    func,
    insert,
    select,
)

from domain.aggregates.email_delivery import EmailDelivery
from domain.deadlines import next_deadline
from domain.moment import Moment
from projections.follower import Fact, upsert
from projections.shapes import show
from projections.tables import Instant, metadata

versions = Table(
    "versions_2",
    metadata,
    Column("stream_id", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("status", String, nullable=False),
    Column("next_due", Instant),
    Column("shown", LargeBinary, nullable=False),
    Index("versions_2_position", "position"),
)
"""`next_due` is the deadline that comes next after this version."""


class Versions:
    """An email's own stream has no versions to look at: the outbox shows what became of it."""

    name = "versions_2"
    tables = (versions,)

    def apply(self, facts: Sequence[Fact], connection: Connection) -> None:
        if rows := self._rows(facts):
            connection.execute(insert(versions), rows)

    def forget(self, facts: Sequence[Fact], connection: Connection) -> None:
        upsert(connection, versions, self._rows(facts))

    @staticmethod
    def _rows(facts: Sequence[Fact]) -> list[dict[str, Any]]:
        rows = []
        for fact in facts:
            recorded = fact.recorded
            if isinstance(fact.state, EmailDelivery):
                continue
            shown = show(recorded.stream_id, recorded.version, fact.state, recorded.event.at)
            following = next_deadline(fact.state, recorded.stream_id)
            rows.append(
                {
                    "stream_id": recorded.stream_id,
                    "version": recorded.version,
                    "position": recorded.position,
                    "at": recorded.event.at,
                    "recorded_at": recorded.recorded_at,
                    "status": shown["status"],
                    "next_due": following.due_at if following else None,
                    "shown": msgspec.json.encode(shown),
                }
            )
        return rows


def last_version(thing: FromClause, moment: Moment) -> ScalarSelect[int]:
    """The version of each row's thing that is believed at a moment; NULL for what had not begun. `thing` has its id as `id`."""
    each = versions.alias()
    query = select(func.max(each.c.version)).where(each.c.stream_id == thing.c.id, each.c.at <= moment.as_of)
    if moment.known_at is not None:
        query = query.where(each.c.recorded_at <= moment.known_at)
    return query.correlate(thing).scalar_subquery()
