"""Fetching bulk data: by the link of an email, or with a token. Whether it may be had is asked again at each request."""

from dataclasses import asdict
from html import escape
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from api import lens
from api.answers import HolderReleasesShown
from api.delivery import Use, deliver, turn_away
from api.pages import OVER, page
from api.problems import MEDIA_TYPE, problem
from api.service import Service
from api.wiring import Calling
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.itk_subscription_parts import BulkDataLink
from domain.aggregates.itk_subscription_plans import bulk_data_refusal
from domain.catalogue import BulkData, Product
from domain.errors import Invalid, NotFound, Refused
from projections import bulk_data
from projections.gatekeeper import Views

router = APIRouter(tags=["bulk data"])

SHOWN = 520
"""Versions of a product: those of ten years."""
Token = Annotated[str, Query(max_length=500, description="the secret of a token")]


def _described(sentence: str) -> dict[str, Any]:
    return {"description": sentence, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


_BYTES: dict[str, Any] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_NOT_NOW: dict[int | str, dict[str, Any]] = {403: _described("the subscription does not give it at present: says why")}
_OVER_OR_NOT_NOW: dict[int | str, dict[str, Any]] = OVER | {403: {"description": "not at present", "content": OVER[410]["content"]}}
_TOKEN_REFUSED: dict[int | str, dict[str, Any]] = {
    401: {
        "description": "the token does not let its holder see this",
        "content": {"application/json": {"schema": {"type": "object", "required": ["reference", "message", "code"]}}},
    },
    **_NOT_NOW,
}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "the file; HEAD gives the headers alone", "content": _BYTES},
    206: {"description": "the part that Range asks for", "content": _BYTES | {"multipart/byteranges": {"schema": {"type": "string"}}}},
    302: {"description": "an address that works for ten minutes; resume here, not there"},
    304: {"description": "If-None-Match names this file: it has not changed"},
    **_NOT_NOW,
    410: _described("the link is over"),
    412: _described("If-Match names another file"),
    416: _described("the file ends before"),
}


# by a link


def refusal_of(service: Service, state: ITKSubscription, product: str) -> Refused | None:
    """Why a subscription gives no bulk data of a product at this instant, or None."""
    account = service.lifecycle.present(state.account_id).state
    assert isinstance(account, InstitutionalAccount)
    return bulk_data_refusal(state, str(account.status), BulkData(product), service.lifecycle.clock.now())


def _followed(service: Service, token: str) -> tuple[UUID, ITKSubscription, BulkDataLink]:
    """The link, with its subscription as it is now."""
    subscription, id = service.links.verify(token)
    state = service.stream(ITKSubscription, "subscription", subscription).state
    assert isinstance(state, ITKSubscription)
    link = next((each for each in state.links if each.id == id), None)
    if link is None or link.file_name is None:  # or one from before links remembered their file, which nobody was ever sent
        raise Invalid("invalid-link", "this link leads to no download")
    return subscription, state, link


@router.get(
    "/downloads/{token}", response_class=HTMLResponse, responses=OVER | {403: {"description": "not now", "content": OVER[410]["content"]}}
)
def show_download(token: str, service: Calling) -> HTMLResponse:
    """Names the file, its size and checksum, until when it can be fetched, and how. Looking at it does nothing."""
    subscription, state, link = _followed(service, token)
    if service.lifecycle.clock.now() >= link.expires_at:
        return page("This link is over", "It worked for seven days. Ask for a new one.", status=410)
    if refusal := refusal_of(service, state, link.product):
        sentence = (
            f"At present the file cannot be fetched: {refusal.detail}. Until {_instant(link)} this link works again once that is over."
        )
        return page("Not at present", sentence, status=403)
    address = escape(f"{service.download_url(subscription, link.id)}/{link.file_name}")
    name = escape(str(link.file_name))
    return page(
        str(link.file_name),
        f"Bulk data, {link.product}, release {link.release}: {link.bytes:,} bytes, MD5 {link.md5}. Can be fetched until {_instant(link)}.",
        form=f'<p><a href="{address}">Download</a></p>'
        "<p>It is large. Either of these commands goes on where a broken download stopped; give the same one again:</p>"
        f"<pre style=\"overflow-x:auto\">wget -c '{address}'\ncurl -L -C - -O '{address}'</pre>"
        "<p>Compare the checksum at the end:</p>"
        f"<pre style=\"overflow-x:auto\">echo '{link.md5}  {name}' | md5sum -c</pre>",
    )


def _instant(link: BulkDataLink) -> str:
    return f"{link.expires_at:%Y-%m-%d %H:%M} UTC"


@router.get("/downloads/{token}/{file_name}", response_class=Response, responses=_FILE)
@router.head("/downloads/{token}/{file_name}", include_in_schema=False)
def download(token: str, file_name: str, request: Request, service: Calling) -> Response:
    """The file of a link, or the part of it that Range asks for, so that a download that broke off can go on."""
    subscription, state, link = _followed(service, token)
    if file_name != link.file_name:
        raise NotFound("file", file_name)
    use = Use(subscription_id=subscription, link_id=link.id, product=str(link.product), version=link.release, until=link.expires_at)
    if service.lifecycle.clock.now() >= link.expires_at:
        over = Refused("link-expired", f"this link was over at {link.expires_at.isoformat()}; ask for a new one")
        return turn_away(service, request, use, 410, over)
    if refusal := refusal_of(service, state, link.product):
        return turn_away(service, request, use, 403, refusal)
    return deliver(service, request, use, _release(service, link.product, link.release))


def _release(service: Service, product: str, version: str) -> bulk_data.Release:
    with service.database.reading() as connection:
        release = bulk_data.find(connection, product, version)
    if release is None:
        raise NotFound("release", f"{version} of {product}")
    return release


# with a token


def _proven(service: Service, token: str, product: BulkData) -> Views | Response:
    """What the token stands on, or the answer that says why it stands on nothing."""
    standing = service.meter.standing(token, Product(product))
    if not standing.access.allowed or standing.views is None:
        return lens.refusal(standing.access, standing.reference, standing.at)
    return standing.views


def _entitled(service: Service, views: Views, product: BulkData) -> tuple[UUID, Refused | None]:
    assert views.subscription_id is not None
    state = service.stream(ITKSubscription, "subscription", views.subscription_id).state
    assert isinstance(state, ITKSubscription)
    return views.subscription_id, refusal_of(service, state, product)


@router.get("/bulk-data/{product}", response_model=HolderReleasesShown, responses=_TOKEN_REFUSED)
def holders_releases(product: BulkData, request: Request, service: Calling, token: Token) -> Response:
    """The releases that the token's institution may fetch, the newest first."""
    views = _proven(service, token, product)
    if isinstance(views, Response):
        return views
    _, refusal = _entitled(service, views, product)
    if refusal:
        return problem(request, 403, refusal.slug, refusal.detail)
    with service.database.reading() as connection:
        found = bulk_data.latest(connection, product, SHOWN)
    shown = [{name: value for name, value in asdict(each).items() if name not in {"location", "registered_by"}} for each in found]
    return Response(msgspec.json.encode({"product": product, "releases": shown}), media_type="application/json")


@router.get("/bulk-data/{product}/{version}", response_class=Response, responses=_TOKEN_REFUSED | _FILE)
@router.head("/bulk-data/{product}/{version}", include_in_schema=False)
def fetch_release(product: BulkData, version: str, request: Request, service: Calling, token: Token) -> Response:
    """The file of a release, for the token's institution; Range as with a link."""
    views = _proven(service, token, product)
    if isinstance(views, Response):
        return views
    subscription, refusal = _entitled(service, views, product)
    use = Use(subscription_id=subscription, token_id=views.token_id, product=str(product), version=version)
    if refusal:
        return turn_away(service, request, use, 403, refusal)
    return deliver(service, request, use, _release(service, product, version))
