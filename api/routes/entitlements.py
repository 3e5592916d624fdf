"""Who holds which entitlement, or held it then: since when, until when, who asked for it and who approved it."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Request, Response

from api.answers import Out
from api.auth import Insider, Reader
from api.paging import After, Limit, Position, listed
from api.reads import SHOWS_PEOPLE
from api.wiring import Looking, present
from domain.aggregates.itk_subscription import ITKSubscription
from projections import entitlements

router = APIRouter(prefix="/v1", tags=["entitlements"])

Status = Literal["pending", "active", "grace", "suspended", "lapsed", "ended"]


class EntitlementChange(Out):
    """`actor` is who entered it; `reason` is shown to staff."""

    position: int
    at: datetime
    what: Literal["granted", "withdrawn", "ended", "regained"]
    limit: int | None
    until: datetime | None
    approver: str | None
    requester: str | None
    actor: str
    reason: str | None


class HeldShown(Out):
    """Half-open; `until` is None while no end is known, `approver` for what came with the term. `position` is the event that granted it."""

    name: str
    limit: int | None
    since: datetime
    until: datetime | None
    approver: str | None
    requester: str | None
    granted_at: datetime
    granted_by: str
    position: int


class EntitlementHistoryShown(HeldShown):
    in_force: bool
    history: list[EntitlementChange]


class EntitlementsShown(Out):
    """`gives_access` stands on its own: a suspension takes no entitlement away, but nothing of it can be used."""

    subscription_id: UUID
    status: Status
    gives_access: bool
    entitlements: list[EntitlementHistoryShown]


class HolderShown(HeldShown):
    """`status` and `gives_access` are those of the instant that was asked about."""

    subscription_id: UUID
    account_id: UUID
    institution: str | None
    status: Status
    gives_access: bool


class HoldersShown(Out):
    items: list[HolderShown]
    next: str | None


@router.get("/subscriptions/{id}/entitlements", response_model=EntitlementsShown, openapi_extra=SHOWS_PEOPLE)
def of_subscription(id: UUID, service: Looking, caller: Insider) -> Response:
    """Every entitlement that the subscription has or had: is it in force, who asked, who approved, and what became of it."""
    stream = service.stream(ITKSubscription, "subscription", id, caller)
    shown = entitlements.shown(service.lifecycle, stream, service.lifecycle.clock.now())
    if caller.role == "institution":
        for entry in (entry for each in shown["entitlements"] for entry in each["history"]):
            entry["reason"] = None
    return Response(msgspec.json.encode(shown), media_type="application/json")


@router.get("/entitlements/holders", response_model=HoldersShown, openapi_extra=SHOWS_PEOPLE)
def holders(
    request: Request,
    service: Looking,
    caller: Reader,
    entitlement: Annotated[str, Query(pattern=r"^[a-z_]+(:[a-z_]+)?$", max_length=60, description="such as bulk_data:scholarly")],
    after: After = 0,
    limit: Limit = 50,
    position: Position = None,
) -> Response:
    """Who held an entitlement at an instant, across institutions, in the order in which they came to hold it."""
    service.wait_for(position)
    lifecycle, instant = service.lifecycle, service.lifecycle.clock.now()
    if lifecycle.moment is not None and lifecycle.moment.known_at is None:
        lifecycle = present(request).lifecycle  # when each was over is told by what is known today
    items, following = entitlements.holders(lifecycle, service.database, name=entitlement, instant=instant, after=after, limit=limit)
    return listed(request, items, following)
