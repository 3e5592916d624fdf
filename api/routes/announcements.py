"""The announcement kit: what an institution needs to tell its people, filled with its own facts."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from api.answers import Out
from api.auth import Caller, Insider
from api.problems import MEDIA_TYPE
from api.reads import SHOWS_PEOPLE
from api.service import Service
from api.wiring import Calling
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.aggregates.itk_subscription import ITKSubscription
from domain.announcement import CommunityFacts, community_facts
from domain.catalogue import CURRENT
from domain.events.onboarding import Step
from projections.announcements.poster import POLICY, poster
from projections.announcements.text import GUIDE_POLICY, announcement, guide, subject

router = APIRouter(prefix="/v1/accounts/{id}/announcement-kit", tags=["announcements"])


class ToldShown(Out):
    """How to say that the community was told."""

    method: str
    path: str


class AnnouncementKitShown(Out):
    """`text` is ready to be mailed under `subject`; the guide is a page to print or to put on the web, the poster is A4."""

    account_id: UUID
    institution: str
    domains: list[str]
    last_day: str | None
    mailbox: str | None
    sign_up: str
    subject: str
    text: str
    text_path: str
    guide_path: str
    poster_path: str
    told: bool
    tell: ToldShown


_PROBLEM = {"schema": {"$ref": "#/components/schemas/Problem"}}


def _answers(media_type: str | None = None) -> dict[int | str, dict[str, Any]]:
    refused: dict[int | str, dict[str, Any]] = {
        409: {"description": "there is nothing to announce at present: says why", "content": {MEDIA_TYPE: _PROBLEM}}
    }
    return refused | ({200: {"content": {media_type: {"schema": {"type": "string"}}}}} if media_type else {})


def _headers(policy: str, name: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
        "Content-Disposition": f'inline; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }


def _facts(service: Service, id: UUID, caller: Caller) -> tuple[InstitutionalAccount, CommunityFacts]:
    """Of the subscription that the account has now; Refused while there is none to tell of."""
    account = service.stream(InstitutionalAccount, "account", id, caller).state
    assert isinstance(account, InstitutionalAccount)
    held = service.lifecycle.log_reader.holder("subscription", str(id))
    subscription = service.stream(ITKSubscription, "subscription", held).state if held else None
    assert subscription is None or isinstance(subscription, ITKSubscription)
    return account, community_facts(account, subscription, CURRENT.user, service.lifecycle.clock.now())


@router.get("", responses=_answers(), openapi_extra=SHOWS_PEOPLE)
def announcement_kit(id: UUID, service: Calling, caller: Insider) -> AnnouncementKitShown:
    """Everything to tell the community with; when that is done, `tell` is how to say so."""
    account, facts = _facts(service, id, caller)
    here = f"/v1/accounts/{id}"
    return AnnouncementKitShown(
        account_id=id,
        institution=facts.institution,
        domains=[each.domain for each in facts.domains],
        last_day=facts.last_day.isoformat() if facts.last_day else None,
        mailbox=facts.mailbox,
        sign_up=service.addresses.sign_up,
        subject=subject(facts),
        text=announcement(facts, service.addresses),
        text_path=f"{here}/announcement-kit/text",
        guide_path=f"{here}/announcement-kit/guide",
        poster_path=f"{here}/announcement-kit/poster.svg",
        told=Step.COMMUNITY in account.onboarding.done,
        tell=ToldShown(method="POST", path=f"{here}/onboarding/community-told"),
    )


@router.get("/text", response_class=PlainTextResponse, responses=_answers("text/plain"), openapi_extra=SHOWS_PEOPLE)
def announcement_text(id: UUID, service: Calling, caller: Insider) -> Response:
    """The announcement, ready to be mailed: plain text, its subject in the first line."""
    _, facts = _facts(service, id, caller)
    text = f"Subject: {subject(facts)}\n\n{announcement(facts, service.addresses)}"
    return PlainTextResponse(text, headers=_headers(POLICY, "announcement.txt"))


@router.get("/guide", response_class=HTMLResponse, responses=_answers("text/html"), openapi_extra=SHOWS_PEOPLE)
def announcement_guide(id: UUID, service: Calling, caller: Insider) -> Response:
    """A guide for the institution's people, to be printed or to be put on the institution's own pages. It loads and runs nothing."""
    _, facts = _facts(service, id, caller)
    return HTMLResponse(guide(facts, service.addresses), headers=_headers(GUIDE_POLICY, "guide.html"))


@router.get("/poster.svg", response_class=Response, responses=_answers("image/svg+xml"), openapi_extra=SHOWS_PEOPLE)
def announcement_poster(id: UUID, service: Calling, caller: Insider) -> Response:
    """A poster on A4 with a QR code: opened in a browser it prints as it is."""
    _, facts = _facts(service, id, caller)
    return Response(poster(facts, service.addresses), headers=_headers(POLICY, "poster.svg"), media_type="image/svg+xml")
