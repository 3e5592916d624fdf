"""How an institution shows itself beside its portfolios: its own words, its picture, and the sites that may hold the widget."""

from typing import Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, HTTPException, Request, Response

from api.answers import BrandingShown, ImageShown
from api.auth import Insider, Manager
from api.bodies import BrandingBody
from api.pictures import redrawn
from api.portfolio_pages.markdown import as_html
from api.service import Service
from api.wiring import Calling, Looking
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.commands.portfolios import SetBranding
from domain.errors import Invalid, Refused
from domain.portfolios import BRANDING
from domain.streams import Stream
from domain.values import parse_origin, parse_paragraphs
from projections import images, portfolios

router = APIRouter(prefix="/v1/accounts/{id}")

LONGEST_DESCRIPTION = 5_000
TAKEN = ("image/png", "image/jpeg", "image/webp")
_PICTURE = {"requestBody": {"required": True, "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in TAKEN}}}


@router.put("/branding", response_model=BrandingShown, tags=["portfolios"])
def set_branding(id: UUID, request: Request, service: Calling, caller: Manager, body: BrandingBody) -> Response:
    """The description (markdown), the https sites whose pages may hold the widget, and a picture that was sent before."""
    service.stream(InstitutionalAccount, "account", id, caller)
    description = parse_paragraphs(body.description, field="description", max_length=LONGEST_DESCRIPTION)
    sites = _sites(body.frame_ancestors)
    if body.image_id is not None:
        with service.database.reading() as connection:
            if images.size_of(connection, body.image_id) is None:
                sentence = f"image_id: there is no picture {body.image_id}; send it to /v1/accounts/{id}/images first"
                raise Invalid("no-such-image", sentence, field="image_id")
    command = SetBranding(id=id, description=description, frame_ancestors=sites, image_id=body.image_id)
    outcome = service.do(request, caller, command, reason=body.why)
    return _json(_shown(service, outcome.stream), headers={"X-Position": str(outcome.position)})


@router.get("/branding", response_model=BrandingShown, tags=["portfolios"])
def branding(id: UUID, service: Looking, caller: Insider) -> Response:
    """As it was last set, and what becomes of the description."""
    return _json(_shown(service, service.stream(InstitutionalAccount, "account", id, caller)))


@router.post("/images", status_code=201, response_model=ImageShown, tags=["images"], openapi_extra=_PICTURE)
def send_image(id: UUID, request: Request, service: Calling, caller: Manager) -> Response:
    """Send a picture as the body: PNG, JPEG or WebP, at most 2 MiB and 4,000,000 pixels. It is drawn anew, at most 800 x 400.

    What it is is told by its content. The same picture again is the same picture.
    """
    account = service.stream(InstitutionalAccount, "account", id, caller)
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() not in TAKEN:
        raise HTTPException(415, f"a picture is {', '.join(TAKEN[:-1])} or {TAKEN[-1]}")
    around = portfolios.surrounding(service.lifecycle, service.database, account)
    if (refusal := around.refusal(BRANDING)) is not None:
        raise refusal
    most = service.lifecycle.rules.max_images
    with service.database.reading() as connection:
        if images.number_of(connection, id) >= most:
            raise Refused("too-many-images", f"the account has sent {most} pictures, the most there can be; use one of them", field="image")
    made = redrawn(request.state.upload.read())
    size = images.Size(width=made.width, height=made.height)
    with service.database.writing() as connection:
        digest = images.store(connection, made.png, size, account_id=id, at=around.instant, by=caller.actor)
    address = f"/portfolios/images/{digest}"
    shown = {
        "id": digest,
        "account_id": id,
        "address": service.public_url + address,
        "media_type": images.MEDIA_TYPE,
        **vars(size),
        "bytes": len(made.png),
    }
    return _json(shown, 201, {"Location": address})


def _sites(given: tuple[str, ...]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    errors: list[tuple[str, str]] = []
    for number, each in enumerate(given):
        try:
            found[parse_origin(each, field=f"frame_ancestors.{number}")] = None
        except Invalid as error:
            errors.append((str(error.field), error.detail))
    if errors:
        field, detail = errors[0]
        raise Invalid("invalid-origin", detail, field=field, errors=tuple(errors))
    return tuple(found)


def _shown(service: Service, account: Stream) -> dict[str, Any]:
    around = portfolios.surrounding(service.lifecycle, service.database, account)
    branding, refusal = around.account.portfolios.branding, around.refusal(BRANDING)
    return {
        "account_id": account.id,
        "description": branding.description,
        "html": str(as_html(branding.description)),
        "frame_ancestors": list(branding.frame_ancestors),
        "image_id": branding.image_id,
        "image": f"{service.public_url}/portfolios/images/{branding.image_id}" if branding.image_id else None,
        "set_at": branding.set_at,
        "why_not_shown": refusal.detail if refusal else None,
    }


def _json(shown: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(shown), status, headers, "application/json")
