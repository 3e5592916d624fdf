"""Who belongs to a group that a policy names, page by page."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select

from domain.members import GRANTED_PLANS
from domain.policies import ForEach, Group
from domain.rules import Rules
from projections import api_tokens, subscriptions, user_plans


@dataclass(frozen=True)
class Members:
    """Up to `limit` members behind `after`, in the order of their ids. Who came after the event at `position` is not concerned by it."""

    rules: Rules
    now: Callable[[], datetime]

    def __call__(self, connection: Connection, wish: ForEach, position: int, after: UUID | None, limit: int) -> list[UUID]:
        match wish.group:
            case Group.TOKENS_OF_OWNER:
                return api_tokens.live(connection, owner=wish.of, before=position, after=after, limit=limit)
            case Group.TOKENS_OF_ACCOUNT:
                return api_tokens.live(connection, account=wish.of, before=position, after=after, limit=limit)
            case Group.PLANS_OF_SUBSCRIPTION:
                return user_plans.open_ones(connection, subscription=wish.of, after=after, limit=limit)
            case Group.PLANS_WAITING_FOR_ACTIVATION:
                return user_plans.open_ones(connection, subscription=wish.of, statuses=("requested",), after=after, limit=limit)
            case Group.PLANS_TO_RENEW:
                asked = None if self.rules.user_plans_follow_renewal else "waiting"
                return user_plans.open_ones(
                    connection, subscription=wish.of, statuses=GRANTED_PLANS, renewal=asked, after=after, limit=limit
                )
            case Group.PLANS_OF_ACCOUNT:
                return user_plans.open_ones(connection, account=wish.of, after=after, limit=limit)
            case Group.PLANS_OF_IMPORT:
                return user_plans.touched_by(connection, wish.of, after=after, limit=limit)
            case Group.PLANS_ABSENT_FROM_IMPORT:
                return user_plans.absent_ids(connection, wish.of, self.now(), after=after, limit=limit)
            case Group.SUBSCRIPTIONS_OF_ACCOUNT:
                table = subscriptions.table
                query = select(table.c.id).where(table.c.account_id == wish.of, table.c.status != "ended").order_by(table.c.id).limit(limit)
                return list(connection.scalars(query.where(table.c.id > after) if after else query))
