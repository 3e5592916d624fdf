"""Releases of bulk data, links to them, and who held what."""

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from api.answers import BulkDataAccessShown, BulkDataLinkShown, BulkDataLinksShown, ReleaseShown, ReleasesShown
from api.auth import Admin, Allowed, Caller, Insider
from api.bodies import BulkDataLinkBody, ReleaseBody
from api.fields import Day
from api.paging import After, Limit, listed
from api.reads import SHOWS_PEOPLE
from api.routes.downloads import refusal_of
from api.service import Service
from api.wiring import Calling
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.itk_subscription_parts import BulkDataLink
from domain.calendar import local_date, start_of_day
from domain.catalogue import BulkData
from domain.commands.itk_subscription import IssueBulkDataLink
from domain.errors import NotFound
from projections import bulk_data
from projections.bulk_data import Release
from projections.holdings import holdings

router = APIRouter(tags=["bulk data"])

Issuer = Annotated[Caller, Depends(Allowed("support", "admin", "platform", "institution"))]
Looker = Annotated[Caller, Depends(Allowed("support", "auditor", "admin", "platform", "institution"))]
STAFF = {"support", "auditor", "admin"}
REQUESTS_SHOWN = 50


# releases


@router.post("/v1/bulk-data/releases", status_code=201, response_model=ReleaseShown)
def register_release(service: Calling, caller: Admin, body: ReleaseBody) -> Response:
    """Put a file on record: for ever, for a version never changes. Done already: the same answer."""
    release = Release(
        product=str(body.product),
        version=bulk_data.check_version(body.version),
        records=body.records,
        md5=body.md5,
        bytes=body.bytes,
        file_name=body.file_name,
        location=body.location,
        registered_at=service.lifecycle.clock.now(),
        registered_by=caller.name,
    )
    with service.database.reading() as connection:
        known = bulk_data.find(connection, release.product, release.version)
    if known is None:
        service.bulk_files.check(release.location, release.bytes)
    with service.database.writing() as connection:
        known = bulk_data.register(connection, release)
    headers = {
        "Location": f"/bulk-data/{known.product}/{known.version}",
        "X-Position": str(service.lifecycle.log_reader.max_notification_id() or 0),
    }
    return Response(msgspec.json.encode(_shown(known, caller)), 201, headers, "application/json")


@router.get("/v1/bulk-data/releases", response_model=ReleasesShown)
def list_releases(
    request: Request, service: Calling, caller: Looker, product: BulkData | None = None, after: After = 0, limit: Limit = 50
) -> Response:
    """Releases in the order in which they were registered; for an institution those that it may fetch at present."""
    products = [each for each in BulkData if product in {None, each} and (caller.role in STAFF or _may_fetch(service, caller, each))]
    with service.database.reading() as connection:
        found, following = bulk_data.listed(connection, products, after=after, limit=limit)
    return listed(request, [_shown(each, caller) for each in found], following)


def _may_fetch(service: Service, caller: Caller, product: BulkData) -> bool:
    reader = service.lifecycle.log_reader
    account = caller.account_id
    if caller.role == "platform" and caller.on_behalf_of is not None:
        account = reader.holder("registered-account", caller.on_behalf_of)
    subscription = reader.holder("subscription", str(account)) if account else None
    if subscription is None:
        return False
    state = service.stream(ITKSubscription, "subscription", subscription).state
    assert isinstance(state, ITKSubscription)
    return refusal_of(service, state, product) is None


def _shown(release: Release, caller: Caller) -> dict[str, Any]:
    """Where the file is, is nobody's concern but staff's."""
    hidden = {} if caller.role in STAFF else {"location": None, "registered_by": None}
    return asdict(release) | hidden


# links


def _subscription(service: Service, id: UUID, caller: Caller) -> ITKSubscription:
    """A subscription of the caller's: of another institution, or of another account that the platform acts for, it is not found."""
    state = service.stream(ITKSubscription, "subscription", id, caller).state
    assert isinstance(state, ITKSubscription)
    if caller.role == "platform":
        account = service.stream(InstitutionalAccount, "account", state.account_id).state
        assert isinstance(account, InstitutionalAccount)
        if account.registered_account_id != caller.on_behalf_of:
            raise NotFound("subscription", id)
    return state


@router.post("/v1/subscriptions/{id}/bulk-data-links", status_code=201, response_model=BulkDataLinkShown)
def issue_link(id: UUID, request: Request, service: Calling, caller: Issuer, body: BulkDataLinkBody) -> Response:
    """A link to a file, for 7 times 24 hours; an email tells it to the administrator. Asked for again, it is a new one."""
    _subscription(service, id, caller)
    version = bulk_data.check_version(body.release, field="release")
    with service.database.reading() as connection:
        release = bulk_data.find(connection, body.product, version)
    if release is None:
        raise NotFound("release", f"{version} of {body.product}")
    command = IssueBulkDataLink(
        id=id,
        link_id=uuid4(),
        product=body.product,
        release=version,
        file_name=release.file_name,
        bytes=release.bytes,
        md5=release.md5,
    )
    outcome = service.do(request, caller, command, reason=body.why)
    state = outcome.stream.state
    assert isinstance(state, ITKSubscription)
    link = state.links[-1]  # also of a repetition, which shows the subscription as it was then
    headers = {"Location": f"/downloads/{service.links.sign(id, link.id)}", "X-Position": str(outcome.position)}
    return Response(msgspec.json.encode(_link(service, id, link, caller)), 201, headers, "application/json")


@router.get("/v1/subscriptions/{id}/bulk-data-links", response_model=BulkDataLinksShown)
def list_links(id: UUID, request: Request, service: Calling, caller: Looker, after: After = 0, limit: Limit = 50) -> Response:
    """Links in the order in which they were issued, each with how often it was asked for the file, and the last 50 times."""
    links = _subscription(service, id, caller).links
    page = links[after : after + limit]
    with service.database.reading() as connection:
        asked = bulk_data.downloads_by_link(connection, [link.id for link in page], REQUESTS_SHOWN)
    items = []
    for link in page:
        requests, last = asked.get(link.id, (0, []))
        items.append(_link(service, id, link, caller) | {"requests": requests, "downloads": last})
    return listed(request, items, after + limit if after + limit < len(links) else None)


def _link(service: Service, subscription: UUID, link: BulkDataLink, caller: Caller) -> dict[str, Any]:
    """Whoever knows the address can have the file, so an auditor, who only looks, is not told it."""
    return {
        "id": link.id,
        "subscription_id": subscription,
        "product": link.product,
        "release": link.release,
        "file_name": link.file_name,
        "bytes": link.bytes,
        "md5": link.md5,
        "issued_at": link.issued_at,
        "expires_at": link.expires_at,
        "url": None if caller.role == "auditor" else service.download_url(subscription, link.id),
    }


# who held it


@router.get("/v1/subscriptions/{id}/bulk-data-access", response_model=BulkDataAccessShown, openapi_extra=SHOWS_PEOPLE)
def access_on(id: UUID, service: Calling, caller: Insider, on: Day | None = None, after: After = 0, limit: Limit = 50) -> Response:
    """What of bulk data the institution held on a day of its own calendar (today), since when, who approved it; and what was fetched."""
    state = _subscription(service, id, caller)
    day = on or local_date(service.lifecycle.clock.now(), state.zone)
    starts_at, ends_at = start_of_day(day, state.zone), start_of_day(day + timedelta(days=1), state.zone)
    with service.database.reading() as connection:
        fetched, following = bulk_data.downloads_of(connection, id, starts_at, ends_at, after=after, limit=limit)
    shown = {
        "subscription_id": id,
        "on": day,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "held": holdings(service.lifecycle, id, starts_at, ends_at),
        "downloads": fetched,
        "next": None if following is None else str(following),
    }
    return Response(msgspec.json.encode(shown), media_type="application/json")
