"""Who has how much a month, and what was told of it: to be compared with what was counted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import BigInteger, Column, Connection, Integer, String, Table, Uuid, and_, case, delete, func, or_, select

from domain.aggregates.institutional_user_plan import InstitutionalUserPlan, Status
from domain.aggregates.itk_subscription import ITKSubscription, TermState
from domain.catalogue import ApiPlan, Product
from domain.commands.base import Command
from domain.commands.institutional_user_plan import NoteUserQuota
from domain.commands.itk_subscription import NoteQuota
from domain.events.institutional_user_plan import UserPlanQuotaReached
from domain.events.itk_subscription import QuotaReached
from domain.quotas import WHOLE, Counted, limit_of
from projections.follower import Fact, latest, upsert
from projections.tables import Instant, metadata
from projections.usage import Span, counters

LONGEST_MONTH = timedelta(days=31)
COUNTED: tuple[Counted, ...] = get_args(Counted)

quotas = Table(
    "quotas",
    metadata,
    Column("stream_id", Uuid, primary_key=True),
    Column("owner_id", Uuid, nullable=False, index=True),
    *(Column(f"{product}_{counted}", BigInteger) for product in Product for counted in COUNTED),
)
"""What the counters of an owner are held against: of a subscription, whose owner is the account, or of a user plan."""
LIMITS = {(product, counted): quotas.c[f"{product}_{counted}"] for product in Product for counted in COUNTED}

told = Table(
    "quotas_told",
    metadata,
    Column("stream_id", Uuid, primary_key=True),
    Column("product", String, primary_key=True),
    Column("counted", String, primary_key=True),
    Column("starts_at", Instant, nullable=False),
    Column("percent", Integer, nullable=False),
)


class Quotas:
    name = "quotas"
    tables = (quotas, told)

    def apply(self, facts: Sequence[Fact], connection: Connection) -> None:
        rows, over = [], []
        for fact in latest(facts):
            match fact.state:
                case ITKSubscription(term=TermState.IN_FORCE | TermState.GRACE) as subscription:
                    rows.append(_row(fact.recorded.stream_id, subscription.account_id, subscription.plans))
                case InstitutionalUserPlan(status=Status.ACTIVE | Status.SUSPENDED | Status.AT_RISK) as person:
                    rows.append(_row(fact.recorded.stream_id, fact.recorded.stream_id, person.plans))
                case ITKSubscription() | InstitutionalUserPlan():
                    over.append(fact.recorded.stream_id)
        upsert(connection, quotas, rows)
        if over:
            connection.execute(delete(quotas).where(quotas.c.stream_id.in_(over)))
        news = {
            (fact.recorded.stream_id, event.product, event.counted): {
                "stream_id": fact.recorded.stream_id,
                "product": str(event.product),
                "counted": event.counted,
                "starts_at": event.starts_at,
                "percent": event.percent,
            }
            for fact in facts
            if isinstance(event := fact.recorded.event, QuotaReached | UserPlanQuotaReached)
        }
        upsert(connection, told, list(news.values()))


def _row(stream: UUID, owner: UUID, plans: tuple[ApiPlan, ...]) -> dict[str, Any]:
    none = {column.name: None for column in LIMITS.values()}
    own = {LIMITS[plan.product, counted].name: limit_of(plan, counted) for plan in plans for counted in COUNTED}
    return {"stream_id": stream, "owner_id": owner} | none | own


@dataclass(frozen=True)
class Untold:
    """A counter that has reached a share of its limit of which nobody was told."""

    stream_id: UUID
    of_institution: bool
    product: Product
    counted: Counted
    used: int
    starts_at: datetime

    def command(self) -> Command:
        kind = NoteQuota if self.of_institution else NoteUserQuota
        return kind(id=self.stream_id, product=self.product, counted=self.counted, used=self.used, starts_at=self.starts_at)


def untold(connection: Connection, now: datetime, percents: Sequence[int]) -> Iterator[Untold]:
    """Of the present months; a counter of the month before may be among them for some days."""
    if not percents:
        return
    lowest = connection.execute(select(*(func.min(column).label(column.name) for column in LIMITS.values()))).one()
    for counted in COUNTED:
        # Most counters lie below every limit that there is: they are passed over before it is asked whose they are.
        near = [
            and_(counters.c.product == str(product), counters.c[counted] * WHOLE >= limit * min(percents))
            for product in Product
            if (limit := getattr(lowest, LIMITS[product, counted].name)) is not None
        ]
        if not near:
            continue
        used = counters.c[counted]
        limit = case(*((counters.c.product == str(product), LIMITS[product, counted]) for product in Product))
        share = case(*((used * WHOLE >= limit * percent, percent) for percent in sorted(percents, reverse=True)), else_=0)
        of_it = and_(told.c.stream_id == quotas.c.stream_id, told.c.product == counters.c.product, told.c.counted == counted)
        news = or_(
            told.c.stream_id.is_(None),
            told.c.starts_at < counters.c.starts_at,
            and_(told.c.starts_at == counters.c.starts_at, told.c.percent < share),
        )
        query = (
            select(quotas.c.stream_id, quotas.c.owner_id, counters.c.product, used.label("used"), counters.c.starts_at)
            .select_from(counters.join(quotas, counters.c.owner_id == quotas.c.owner_id).outerjoin(told, of_it))
            .where(
                counters.c.span == Span.MONTH,
                counters.c.starts_at > now - LONGEST_MONTH,
                counters.c.starts_at <= now,
                or_(*near),
                limit > 0,
                used * WHOLE >= limit * min(percents),
                news,
            )
            .order_by(quotas.c.stream_id, counters.c.product)
        )
        for row in connection.execute(query):
            of_institution = row.owner_id != row.stream_id
            yield Untold(row.stream_id, of_institution, Product(row.product), counted, row.used, row.starts_at)
