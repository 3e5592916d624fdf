"""The list of tokens."""

from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Uuid, select

from domain.aggregates.api_token import ApiToken
from domain.application import Lifecycle
from domain.members import LIVE_TOKENS
from projections.current import Current, current_table, page
from projections.follower import Database
from projections.shapes import token

table = current_table("api_tokens", Column("owner_id", Uuid, nullable=False, index=True))
projection = Current(table, ApiToken, lambda state: {"owner_id": state.owner_id})


def listed(
    lifecycle: Lifecycle, database: Database, *, owner: UUID | None, account: UUID | None, status: str | None, after: int, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    conditions = [table.c.owner_id == owner] if owner else []
    if account:
        conditions.append(table.c.account_id == account)
    return page(
        table,
        lambda id, version, state, _: token(id, version, state),
        lifecycle,
        database,
        conditions=conditions,
        status=status,
        after=after,
        limit=limit,
    )


def live(
    connection: Connection, *, owner: UUID | None = None, account: UUID | None = None, before: int, after: UUID | None, limit: int
) -> list[UUID]:
    """Tokens issued before a position that may still work, of an owner or of a whole institution, in the order of their ids."""
    query = select(table.c.id).where(table.c.status.in_(LIVE_TOKENS), table.c.number < before).order_by(table.c.id).limit(limit)
    if owner:
        query = query.where(table.c.owner_id == owner)
    if account:
        query = query.where(table.c.account_id == account)
    if after:
        query = query.where(table.c.id > after)
    return list(connection.scalars(query))
