"""How much of a quota month is used up, and whether somebody is still to be told of it: each share of each limit once a month."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.calendar import quota_month
from domain.catalogue import ApiPlan, Product

Counted = Literal["requests", "records"]
WHOLE = 100


@dataclass(frozen=True, kw_only=True)
class Told:
    """The largest share of a limit (in per cent) that was told of in the month that began at `starts_at`."""

    product: Product
    counted: Counted
    starts_at: datetime
    percent: int


@dataclass(frozen=True, kw_only=True)
class Reached:
    """`used` of `limit` is `percent` or more of it."""

    product: Product
    counted: Counted
    percent: int
    limit: int
    used: int
    starts_at: datetime
    resets_at: datetime

    @property
    def told(self) -> Told:
        return Told(product=self.product, counted=self.counted, starts_at=self.starts_at, percent=self.percent)


def limit_of(plan: ApiPlan, counted: Counted) -> int | None:
    """Per month; None where there is none."""
    return plan.requests_per_month if counted == "requests" else plan.records_per_month


def share_reached(used: int, limit: int | None, percents: Iterable[int]) -> int | None:
    """The largest of the shares that is reached. A limit of nothing is never used up."""
    if not limit:
        return None
    return max((percent for percent in percents if used * WHOLE >= percent * limit), default=None)


def newly_reached(
    plans: Iterable[ApiPlan],
    anchor: datetime | None,
    told: Iterable[Told],
    *,
    product: Product,
    counted: Counted,
    used: int,
    starts_at: datetime,
    now: datetime,
    percents: Iterable[int],
) -> Reached | None:
    """What is to be told of a counter of the month that began at `starts_at`: nothing once the month is over, nor a second time."""
    plan = next((plan for plan in plans if plan.product == product), None)
    if plan is None or anchor is None or anchor > now:
        return None
    _, present, resets_at = quota_month(anchor, now)
    limit = limit_of(plan, counted)
    percent = share_reached(used, limit, percents)
    if present != starts_at or limit is None or percent is None:
        return None
    if any(each.percent >= percent for each in told if (each.product, each.counted, each.starts_at) == (product, counted, starts_at)):
        return None
    return Reached(product=product, counted=counted, percent=percent, limit=limit, used=used, starts_at=starts_at, resets_at=resets_at)


def with_told(told: tuple[Told, ...], news: Told) -> tuple[Told, ...]:
    """Only the last of each limit is kept."""
    return (*(each for each in told if (each.product, each.counted) != (news.product, news.counted)), news)
