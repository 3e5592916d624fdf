"""What the public sees of an attested portfolio, without a key: its page, its widget, and the institution's picture."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Response
from fastapi.responses import HTMLResponse

from api.portfolio_pages import pages
from api.portfolio_pages.markdown import as_html
from api.service import Service
from api.wiring import Calling
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.errors import NotFound
from domain.portfolios import BRANDING, Surrounding, is_public, standing
from projections import images, portfolios

router = APIRouter(prefix="/portfolios", tags=["portfolio pages"])

Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="the picture's SHA-256")]
_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"description": "the picture", "content": {images.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get("/{id}", response_class=HTMLResponse)
def show_page(id: UUID, service: Calling) -> Response:
    """The attestation, whether it is in force, and its evidence. Only what is public, and not long withdrawn, has one."""
    return pages.page(_viewed(service, id)[0])


@router.get("/{id}/widget", response_class=HTMLResponse)
def show_widget(id: UUID, service: Calling) -> Response:
    """The same in small, for the sites that the institution has named."""
    view, around = _viewed(service, id)
    return pages.widget(view, around.account.portfolios.branding.frame_ancestors, f"{service.public_url}/portfolios/{id}")


@router.get("/images/{digest}", response_class=Response, responses=_PICTURE)
def show_image(digest: Digest, service: Calling) -> Response:
    """An institution's picture. It never changes."""
    with service.database.reading() as connection:
        png = images.read(connection, digest)
    if png is None:
        raise NotFound("picture", digest)
    return pages.picture(png, images.MEDIA_TYPE)


def _viewed(service: Service, id: UUID) -> tuple[pages.View, Surrounding]:
    account = portfolios.holder(service.lifecycle, id)
    if account is None:
        raise NotFound("portfolio", id)
    stream = service.stream(InstitutionalAccount, "portfolio", account)
    around = portfolios.surrounding(service.lifecycle, service.database, stream)
    attestation = around.account.portfolios.find(id)
    if attestation is None or not is_public(attestation, around.instant):
        raise NotFound("portfolio", id)
    now = standing(attestation, around)
    branded = now.status != "withdrawn" and around.refusal(BRANDING) is None
    branding = around.account.portfolios.branding
    view = pages.View(
        id=id,
        institution=around.account.institution or "",
        portfolio=attestation.portfolio,
        attested_by=attestation.attested_by,
        attested_at=attestation.attested_at,
        status=now.status,
        since=now.since,
        evidence=portfolios.evidence(service.lifecycle, stream)[id],
        image=_picture(service, branding.image_id) if branded else None,
        description=as_html(branding.description if branded else ""),
        time_zone=around.account.time_zone or "UTC",
    )
    return view, around


def _picture(service: Service, digest: str | None) -> pages.PictureShown | None:
    if digest is None:
        return None
    with service.database.reading() as connection:
        size = images.size_of(connection, digest)
    return pages.PictureShown(id=digest, **vars(size)) if size else None
