"""The list of user plans, and who is to be reached when something happens to their subscription."""

from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Index, String, Uuid, select

from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.application import Lifecycle
from projections.current import Current, current_table, page
from projections.follower import Database
from projections.shapes import user_plan

table = current_table(
    "user_plans",
    Column("subscription_id", Uuid, nullable=False),
    Column("renewal", String, nullable=False),
    Index("user_plans_of_subscription", "subscription_id", "status", "id"),
)
projection = Current(table, InstitutionalUserPlan, lambda state: {"subscription_id": state.subscription_id, "renewal": str(state.renewal)})


def listed(
    lifecycle: Lifecycle, database: Database, *, subscription: UUID | None, account: UUID | None, status: str | None, after: int, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    conditions = [table.c.subscription_id == subscription] if subscription else []
    if account:
        conditions.append(table.c.account_id == account)
    return page(
        table,
        lambda id, version, state, _: user_plan(id, version, state),
        lifecycle,
        database,
        conditions=conditions,
        status=status,
        after=after,
        limit=limit,
    )


OPEN = ("requested", "invited", "active", "suspended", "at_risk")


def open_ones(
    connection: Connection, *, subscription: UUID | None = None, account: UUID | None = None, after: UUID | None, limit: int
) -> list[UUID]:
    """Plans that have not ended, of a subscription or of a whole institution, in the order of their ids."""
    query = select(table.c.id).where(table.c.status.in_(OPEN)).order_by(table.c.id).limit(limit)
    if subscription:
        query = query.where(table.c.subscription_id == subscription)
    if account:
        query = query.where(table.c.account_id == account)
    if after:
        query = query.where(table.c.id > after)
    return list(connection.scalars(query))
