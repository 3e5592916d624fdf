"""The list of subscriptions."""

from typing import Any
from uuid import UUID

from domain.aggregates.itk_subscription import ITKSubscription
from domain.application import Lifecycle
from projections.current import Current, current_table, page
from projections.follower import Database
from projections.shapes import refreshed, subscription

table = current_table("subscriptions")
projection = Current(table, ITKSubscription, lambda _: {})


def listed(
    lifecycle: Lifecycle, database: Database, *, account: UUID | None, status: str | None, after: int, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    conditions = [table.c.account_id == account] if account else []
    return page(table, subscription, lifecycle, database, conditions=conditions, status=status, after=after, limit=limit, refresh=refreshed)
