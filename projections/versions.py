"""Each version of each thing, as it was shown: what "as of" and "known at" read."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Column, Connection, Index, Integer, LargeBinary, Table, Uuid, insert

from domain.aggregates.email_delivery import EmailDelivery
from projections.follower import Fact
from projections.shapes import show
from projections.tables import Instant, metadata

versions = Table(
    "versions",
    metadata,
    Column("stream_id", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("shown", LargeBinary, nullable=False),
    Index("versions_at", "stream_id", "at"),
    Index("versions_recorded_at", "stream_id", "recorded_at"),
)


class Versions:
    """An email's own stream has no versions to look at: the outbox shows what became of it."""

    name = "versions"
    tables = (versions,)

    def apply(self, facts: Sequence[Fact], connection: Connection) -> None:
        rows = [
            {
                "stream_id": fact.recorded.stream_id,
                "version": fact.recorded.version,
                "at": fact.recorded.event.at,
                "recorded_at": fact.recorded.recorded_at,
                "shown": msgspec.json.encode(show(fact.recorded.stream_id, fact.recorded.version, fact.state, fact.recorded.event.at)),
            }
            for fact in facts
            if not isinstance(fact.state, EmailDelivery)
        ]
        if rows:
            connection.execute(insert(versions), rows)
