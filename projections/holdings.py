"""Who held bulk data on a day, and who approved it: told by the events, as they took effect."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.itk_subscription_deadlines import LIVE
from domain.application import Lifecycle
from projections.entitlements import Span, spans_of

PREFIX = "bulk_data:"


@dataclass(frozen=True, kw_only=True)
class Holding:
    """Half-open; `until` is None while no end is known. `approver` is None for what came with the subscription.

    `granted_by` is who entered it, `position` the event that says so.
    """

    product: str
    since: datetime
    until: datetime | None
    approver: str | None
    granted_by: str
    position: int


def holdings(lifecycle: Lifecycle, subscription: UUID, starts_at: datetime, ends_at: datetime) -> list[dict[str, Any]]:
    """What of bulk data a subscription included at some instant of a span of time, half-open. A suspension takes nothing out of it."""
    found = [_holding(span) for span in spans_of(lifecycle, subscription) if span.name.startswith(PREFIX)]
    at_start = lifecycle.as_of(subscription, starts_at)
    if at_start is not None and isinstance(at_start.state, ITKSubscription) and at_start.state.term not in LIVE:
        # Ended before the span of time began, though nobody has recorded it.
        found = [each for each in found if each.until is not None or each.since > starts_at]
    fitting = (each for each in found if each.since < ends_at and (each.until is None or each.until > starts_at))
    return [asdict(each) for each in sorted(fitting, key=lambda each: (each.since, each.product))]


def _holding(span: Span) -> Holding:
    return Holding(
        product=span.name.removeprefix(PREFIX),
        since=span.since,
        until=span.over_at,
        approver=span.approver,
        granted_by=span.granted_by,
        position=span.granted_position,
    )
