"""Attested portfolios: what an institution says of collections of works on the platform, amended and withdrawn."""

from typing import Any
from uuid import UUID, uuid4

import msgspec
from fastapi import APIRouter, Request, Response

from api.answers import PortfolioShown, PortfoliosShown
from api.auth import Caller, Insider, Manager
from api.bodies import AmendAttestationBody, AttestBody
from api.fields import Body
from api.paging import listed
from api.portfolio_pages.pages import snippet
from api.reads import SHOWS_PEOPLE
from api.service import Service
from api.wiring import Calling, Looking
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.aggregates.portfolios_state import Attestation
from domain.application import Outcome
from domain.commands.institutional_account import AccountCommand
from domain.commands.portfolios import AmendAttestation, AttestPortfolio, WithdrawAttestation
from domain.errors import NotFound
from domain.events.portfolios import Portfolio
from domain.portfolios import Surrounding, is_public
from domain.streams import Stream
from domain.values import parse_platform_address, parse_text
from projections import portfolios

router = APIRouter(prefix="/v1/accounts/{id}/portfolios", tags=["portfolios"])

LONGEST_NAME, LONGEST_STATEMENT, LONGEST_QUERY = 200, 2_000, 2_000


@router.post("", status_code=201, response_model=PortfolioShown)
def attest(id: UUID, request: Request, service: Calling, caller: Manager, body: AttestBody) -> Response:
    """Attest the institution's affiliation with the works at an address on the platform. Public, unless `visibility` says internal."""
    service.stream(InstitutionalAccount, "account", id, caller)
    texts = _texts(service, body)
    portfolio = Portfolio(
        name=texts["name"],
        kind=body.kind,
        address=texts["address"],
        statement=texts["statement"],
        mode=body.mode,
        query=texts["query"],
        visibility=body.visibility,
    )
    command = AttestPortfolio(id=id, portfolio_id=uuid4(), portfolio=portfolio, attested_by=texts["attested_by"])
    outcome = service.do(request, caller, command, reason=body.why)
    made = _attested(outcome.stream)[-1]
    return _answer(service, outcome, made.id, status=201, headers={"Location": f"/v1/accounts/{id}/portfolios/{made.id}"})


@router.get("", response_model=PortfoliosShown, openapi_extra=SHOWS_PEOPLE)
def list_portfolios(id: UUID, request: Request, service: Looking, caller: Insider) -> Response:
    """All portfolios of the account in the order in which they were attested, withdrawn ones too, each as it is at this instant."""
    account = service.stream(InstitutionalAccount, "account", id, caller)
    return listed(request, _shown(service, account, *_attested(account)), None)


@router.get("/{portfolio}", response_model=PortfolioShown, openapi_extra=SHOWS_PEOPLE)
def one_portfolio(id: UUID, portfolio: UUID, service: Looking, caller: Insider) -> Response:
    """A portfolio as it is at this instant, with its evidence and the snippet of its widget."""
    account = service.stream(InstitutionalAccount, "account", id, caller)
    return _json(_shown(service, account, _one(account, portfolio))[0])


@router.post("/{portfolio}/amend", response_model=PortfolioShown)
def amend(id: UUID, portfolio: UUID, request: Request, service: Calling, caller: Manager, body: AmendAttestationBody) -> Response:
    """Say it otherwise. What is left out stays; a portfolio that becomes fixed has no query any more."""
    account = service.stream(InstitutionalAccount, "account", id, caller)
    _one(account, portfolio)
    texts = _texts(service, body)
    command = AmendAttestation(id=id, portfolio_id=portfolio, kind=body.kind, mode=body.mode, visibility=body.visibility, **texts)
    return _ask(service, request, caller, body, command, portfolio)


@router.post("/{portfolio}/withdraw", response_model=PortfolioShown)
def withdraw(id: UUID, portfolio: UUID, request: Request, service: Calling, caller: Manager, body: Body = Body()) -> Response:
    """Say it no more, whatever the subscription gives. For a year its page tells of the withdrawal. Done already: the same answer."""
    account = service.stream(InstitutionalAccount, "account", id, caller)
    _one(account, portfolio)
    cause = body.reason.code.value if body.reason else "asked"
    return _ask(service, request, caller, body, WithdrawAttestation(id=id, portfolio_id=portfolio, cause=cause), portfolio)


def _texts(service: Service, body: AttestBody | AmendAttestationBody) -> dict[str, Any]:
    host = service.lifecycle.rules.platform_host
    return {
        "name": _text("name", body.name, LONGEST_NAME),
        "statement": _text("statement", body.statement, LONGEST_STATEMENT),
        "attested_by": _text("attested_by", body.attested_by, LONGEST_NAME),
        "query": _text("query", body.query, LONGEST_QUERY),
        "address": None if body.address is None else parse_platform_address(body.address, host=host),
    }


def _text(field: str, given: str | None, longest: int) -> str | None:
    return None if given is None else parse_text(given, field=field, max_length=longest)


def _ask(service: Service, request: Request, caller: Caller, body: Body, command: AccountCommand, portfolio: UUID) -> Response:
    return _answer(service, service.do(request, caller, command, reason=body.why), portfolio)


def _attested(account: Stream) -> tuple[Attestation, ...]:
    assert isinstance(account.state, InstitutionalAccount)
    return account.state.portfolios.attested


def _one(account: Stream, id: UUID) -> Attestation:
    for each in _attested(account):
        if each.id == id:
            return each
    raise NotFound("portfolio", id)


def _answer(service: Service, outcome: Outcome, portfolio: UUID, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    shown = _shown(service, outcome.stream, _one(outcome.stream, portfolio))[0]
    return _json(shown, status, {"X-Position": str(outcome.position)} | (headers or {}))


def _shown(service: Service, account: Stream, *attested: Attestation) -> list[dict[str, Any]]:
    around = portfolios.surrounding(service.lifecycle, service.database, account)
    events = portfolios.evidence(service.lifecycle, account)
    return [portfolios.shown(account.id, each, around, events) | _public(service, each, around) for each in attested]


def _public(service: Service, attestation: Attestation, around: Surrounding) -> dict[str, Any]:
    if not is_public(attestation, around.instant):
        return {"page": None, "widget": None}
    page = f"{service.public_url}/portfolios/{attestation.id}"
    sites = around.account.portfolios.branding.frame_ancestors
    return {"page": page, "widget": {"snippet": snippet(page, attestation.portfolio.name), "shown_at": list(sites)}}


def _json(shown: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(shown), status, headers, "application/json")
