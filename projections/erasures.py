"""Requests that somebody be forgotten; and the plans that are over, whose holders are to be forgotten some time after."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Table, Uuid, delete, func, select

from domain.aggregates.erasure import AGREED, OPEN, Erasure
from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.aggregates.institutional_user_plan_state import OUTSIDE, Status
from domain.application import Lifecycle
from domain.events.people import PersonalDataErased
from projections.current import Current, current_table, page
from projections.follower import Database, Fact, upsert
from projections.shapes import erasure
from projections.tables import Instant, metadata

OVER = OUTSIDE - {Status.NEW}

table = current_table("erasures", Column("due_at", Instant, nullable=False))
projection = Current(table, Erasure, lambda state: {"due_at": state.due_at})

over = Table("plans_over", metadata, Column("plan_id", Uuid, primary_key=True), Column("since", Instant, nullable=False, index=True))


class PlansOver:
    """Each plan that is over, since when, until its holder is forgotten or it begins again."""

    name = "plans_over"
    tables = (over,)

    def apply(self, facts: Sequence[Fact], connection: Connection) -> None:
        since: dict[UUID, datetime | None] = {}
        for fact in facts:
            if isinstance(fact.state, InstitutionalUserPlan):
                id, is_over = fact.recorded.stream_id, fact.state.status in OVER
                if not is_over or isinstance(fact.recorded.event, PersonalDataErased):
                    since[id] = None
                elif since.get(id) is None:
                    since[id] = fact.recorded.event.at
        gone = [id for id, at in since.items() if at is None]
        if gone:
            connection.execute(delete(over).where(over.c.plan_id.in_(gone)))
        known = set(connection.scalars(select(over.c.plan_id).where(over.c.plan_id.in_(list(since)))))
        upsert(connection, over, [{"plan_id": id, "since": at} for id, at in since.items() if at is not None and id not in known])


def over_since(connection: Connection, until: datetime, after: UUID | None, limit: int) -> list[UUID]:
    """Plans that were over by an instant, in the order of their ids, from behind one of them on."""
    query = select(over.c.plan_id).where(over.c.since <= until).order_by(over.c.plan_id).limit(limit)
    return list(connection.scalars(query if after is None else query.where(over.c.plan_id > after)))


def agreed(connection: Connection) -> list[UUID]:
    """The requests that are to be carried out."""
    query = select(table.c.id).where(table.c.status.in_([str(each) for each in AGREED])).order_by(table.c.number)
    return list(connection.scalars(query))


def overdue(connection: Connection, instant: datetime) -> int:
    """How many requests should have been carried out by an instant, and are still open."""
    late = select(func.count()).where(table.c.status.in_([str(each) for each in OPEN]), table.c.due_at <= instant)
    return connection.scalar(late) or 0


def listed(
    lifecycle: Lifecycle, database: Database, *, status: str | None, after: int, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """In the order in which they were asked for."""
    return page(table, erasure, lifecycle, database, conditions=[], status=status, after=after, limit=limit)
