"""Who held bulk data on a day, and who approved it: told by the events, as they took effect."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.aggregates.itk_subscription_deadlines import LIVE
from domain.aggregates.itk_subscription_parts import HeldEntitlement
from domain.application import Lifecycle
from domain.events.base import Recorded
from domain.events.itk_subscription import EntitlementGranted, SubscriptionActivated
from domain.streams import Stream, empty_for

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
    over: list[Holding] = []
    open_: dict[str, Holding] = {}
    granted: dict[str, Recorded] = {}
    held: Mapping[str, HeldEntitlement] = {}
    stream: Stream | None = None
    at_start: Stream | None = None
    for stored in lifecycle.log_reader.read_stream(subscription):
        recorded = lifecycle.codec.to_recorded(stored)
        event = recorded.event
        before = stream.state if stream else empty_for(event)
        stream = Stream(subscription, before.evolve(event), recorded.version, event.at)
        at_start = stream if event.at <= starts_at else at_start
        granted |= dict.fromkeys(_names_granted(event), recorded)
        now_held = _held(stream.state)
        over += [_ended(open_.pop(name), event.at) for name in held if now_held.get(name) != held[name]]
        open_ |= {name: _holding(each, granted[name], event.at) for name, each in now_held.items() if held.get(name) != each}
        held = now_held
    settled = lifecycle.at_instant(at_start, starts_at).state if at_start else None
    if settled is not None and not _held(settled):  # ended before the span began, though nobody has recorded it
        open_ = {name: holding for name, holding in open_.items() if holding.since > starts_at}
    fitting = (each for each in (*over, *open_.values()) if each.since < ends_at and (each.until is None or each.until > starts_at))
    return [asdict(each) for each in sorted(fitting, key=lambda each: (each.since, each.product))]


def _held(state: Any) -> dict[str, HeldEntitlement]:
    return {each.name: each for each in state.entitlements if each.name.startswith(PREFIX)} if state.term in LIVE else {}


def _names_granted(event: Any) -> list[str]:
    match event:
        case SubscriptionActivated(entitlements=entitlements):
            return [each.name for each in entitlements]
        case EntitlementGranted(entitlement=entitlement):
            return [entitlement.name]
    return []


def _holding(held: HeldEntitlement, granted: Recorded, since: datetime) -> Holding:
    return Holding(
        product=held.name.removeprefix(PREFIX),
        since=since,
        until=held.until,
        approver=held.approver,
        granted_by=granted.metadata.actor,
        position=granted.position,
    )


def _ended(holding: Holding, at: datetime) -> Holding:
    until = at if holding.until is None else min(at, holding.until)
    return Holding(**{**asdict(holding), "until": until})
