"""Which quota months of subscriptions are to be closed next, and what was used in those that are."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, ColumnElement, Connection, Integer, String, Table, Uuid, and_, func, or_, select

from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.itk_subscription_statements import statements
from domain.aggregates.itk_subscription_usage import next_to_close
from domain.catalogue import Product
from domain.commands.itk_subscription import UsageTotal
from domain.events.itk_subscription import UsagePeriodAdjusted, UsagePeriodClosed
from projections.follower import Fact, latest, upsert
from projections.tables import Instant, metadata
from projections.usage import Span, counters

open_months = Table(
    "usage_due",
    metadata,
    Column("subscription_id", Uuid, primary_key=True),
    Column("closes_at", Instant, index=True),
    Column("statement_at", Instant, index=True),
)
"""When the next quota month of a subscription ends that is not closed, and when the next statement is due."""
closed_months = Table(
    "closed_usage",
    metadata,
    Column("subscription_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("product", String, primary_key=True),
    Column("account_id", Uuid, nullable=False),
    Column("starts_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False, index=True),
    Column("requests", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
)


class UsagePeriods:
    name = "usage_due"
    tables = (open_months, closed_months)

    def __init__(self, statement_days: tuple[int, ...]) -> None:
        """`statement_days`: so many days before the end of a term a statement of usage is due."""
        self._statement_days = statement_days

    def apply(self, facts: Sequence[Fact], connection: Connection) -> None:
        ours = [fact for fact in facts if isinstance(fact.state, ITKSubscription) and fact.state.quota_runs]
        upsert(connection, open_months, [self._open(fact) for fact in latest(ours)])
        closed = {
            (fact.recorded.stream_id, event.period, event.product): {
                "subscription_id": fact.recorded.stream_id,
                "number": event.period,
                "product": str(event.product),
                "account_id": fact.recorded.account_id,
                "starts_at": event.starts_at,
                "ends_at": event.ends_at,
                "requests": event.requests,
                "records": event.records,
            }
            for fact in ours
            if isinstance(event := fact.recorded.event, UsagePeriodClosed | UsagePeriodAdjusted)
        }
        upsert(connection, closed_months, list(closed.values()))

    def _open(self, fact: Fact) -> dict[str, Any]:
        assert isinstance(fact.state, ITKSubscription)
        month = next_to_close(fact.state)
        return {
            "subscription_id": fact.recorded.stream_id,
            "closes_at": month.ends_at if month else None,
            "statement_at": min((each.due_at for each in statements(fact.state, self._statement_days)), default=None),
        }


def to_close(connection: Connection, until: datetime) -> list[UUID]:
    """Subscriptions of which a quota month ended at `until` or before, in the order of those ends."""
    row = open_months.c
    return list(connection.scalars(select(row.subscription_id).where(row.closes_at <= until).order_by(row.closes_at)))


def to_state(connection: Connection, until: datetime) -> list[UUID]:
    """Subscriptions of which a statement was due at `until` or before."""
    row = open_months.c
    return list(connection.scalars(select(row.subscription_id).where(row.statement_at <= until).order_by(row.statement_at)))


def totals(connection: Connection, owner: UUID, starts_at: datetime) -> tuple[UsageTotal, ...]:
    """What was counted, by product, in the quota month of an owner that began at an instant."""
    row = counters.c
    query = select(row.product, row.requests, row.records).where(
        row.owner_id == owner, row.span == Span.MONTH, row.starts_at == starts_at, row.product.in_(list(Product))
    )
    return tuple(
        UsageTotal(product=Product(product), requests=requests, records=records)
        for product, requests, records in connection.execute(query.order_by(row.product))
    )


def _differ() -> ColumnElement[bool]:
    """What was counted is not what is on record."""
    closed, counted = closed_months.c, counters.c
    same_month = and_(
        counted.owner_id == closed.account_id,
        counted.product == closed.product,
        counted.span == Span.MONTH,
        counted.starts_at == closed.starts_at,
    )
    return and_(same_month, or_(counted.requests != closed.requests, counted.records != closed.records))


def to_adjust(connection: Connection, after: datetime | None, until: datetime) -> list[tuple[UUID, int, UUID, datetime, datetime]]:
    """Months that ended behind `after` and at `until` or before, whose totals changed when they were closed already.

    Each as (subscription, number, account, start, end).
    """
    row = closed_months.c
    query = select(row.subscription_id, row.number, row.account_id, row.starts_at, row.ends_at).distinct()
    query = query.where(row.ends_at <= until, _differ())
    if after is not None:
        query = query.where(row.ends_at > after)
    return [(each[0], each[1], each[2], each[3], each[4]) for each in connection.execute(query.order_by(row.ends_at, row.subscription_id))]


def next_instant(connection: Connection, now: datetime, late: timedelta) -> datetime | None:
    """The first instant after `now` at which a quota month ends, late reports to one count no more, or a statement is due."""
    columns = (open_months.c.closes_at, open_months.c.statement_at)
    due = [connection.scalar(select(func.min(column)).where(column > now)) for column in columns]
    changed = connection.scalar(select(func.min(closed_months.c.ends_at)).where(closed_months.c.ends_at > now - late, _differ()))
    return min((instant for instant in (*due, changed + late if changed else None) if instant is not None), default=None)
