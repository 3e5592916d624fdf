"""The side of an account that attests: portfolios of works, and the institution's branding beside them."""

from dataclasses import replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from domain.aggregates.institutional_account_state import AccountState
from domain.aggregates.portfolios_state import Attestation
from domain.commands.institutional_account import AccountCommand
from domain.commands.portfolios import AmendAttestation, AttestPortfolio, SetBranding, WithdrawAttestation
from domain.context import Context, SubscriptionFacts
from domain.errors import Invalid, Refused
from domain.events.base import Event
from domain.events.portfolios import AttestationAmended, AttestationWithdrawn, BrandingSet, Portfolio, PortfolioAttested

Entitlement = Literal["attested_portfolios", "branding"]
_SPOKEN: dict[str, str] = {"attested_portfolios": "attested portfolios", "branding": "branding"}


def decide_on_portfolios(account: AccountState, command: AccountCommand, context: Context) -> tuple[Event, ...]:
    """For an account that is nominated, active or suspended. What is attested can always be withdrawn."""
    now = context.now
    match command:
        case AttestPortfolio(portfolio_id=id, portfolio=portfolio, attested_by=who):
            known = account.portfolios.find(id)
            if known is not None and (known.portfolio, known.attested_by) == (portfolio, who):
                return ()
            if known is not None:
                raise Refused("portfolio-known", f"portfolio {id} is attested already; amend it", field="portfolio_id")
            _refuse_unless_included(account, context, "attested_portfolios")
            _check(account, id, portfolio, context)
            return (PortfolioAttested(at=now, portfolio_id=id, portfolio=portfolio, attested_by=who),)
        case AmendAttestation(portfolio_id=id):
            known = _known(account, id)
            portfolio, who = _amended(known.portfolio, command), command.attested_by or known.attested_by
            if known.withdrawn_at is not None:
                raise Refused("attestation-withdrawn", "this attestation was withdrawn; attest the portfolio anew", field="portfolio_id")
            if (portfolio, who) == (known.portfolio, known.attested_by):
                return ()
            _refuse_unless_included(account, context, "attested_portfolios")
            _check(account, id, portfolio, context)
            return (AttestationAmended(at=now, portfolio_id=id, portfolio=portfolio, attested_by=who),)
        case WithdrawAttestation(portfolio_id=id, cause=cause):
            if _known(account, id).withdrawn_at is not None:
                return ()
            days = context.rules.withdrawn_attestation_days
            return (AttestationWithdrawn(at=now, portfolio_id=id, cause=cause, shown_days=days),)
        case SetBranding(description=description, frame_ancestors=origins, image_id=image):
            branding = account.portfolios.branding
            if (branding.description, branding.frame_ancestors, branding.image_id) == (description, origins, image):
                return ()
            _refuse_unless_included(account, context, "branding")
            return (BrandingSet(at=now, description=description, frame_ancestors=origins, image_id=image),)
    raise account.refusal(command)


def why_not(account: AccountState, subscription: SubscriptionFacts | None, entitlement: Entitlement, instant: datetime) -> Refused | None:
    """Why an institution has no attested portfolios, or no branding, at an instant; None where it has."""
    if account.status != "active":
        return Refused("account-not-active", f"the account is {account.status}, not active")
    if subscription is None:
        return Refused("no-access", "the institution has no subscription")
    if not subscription.gives_access:
        return Refused("no-access", f"the subscription is {subscription.status} and gives no access")
    if not subscription.entitled(entitlement, instant):
        return Refused("not-entitled", f"the subscription does not include {_SPOKEN[entitlement]}")
    return None


def _refuse_unless_included(account: AccountState, context: Context, entitlement: Entitlement) -> None:
    if (refusal := why_not(account, context.subscription, entitlement, context.now)) is not None:
        raise refusal


def _known(account: AccountState, id: UUID) -> Attestation:
    known = account.portfolios.find(id)
    if known is None:
        raise Refused("no-such-portfolio", f"the account has attested no portfolio {id}", field="portfolio_id")
    return known


def _amended(portfolio: Portfolio, command: AmendAttestation) -> Portfolio:
    mode = command.mode or portfolio.mode
    kept = portfolio.query if mode == "dynamic" else None
    return replace(
        portfolio,
        name=command.name or portfolio.name,
        kind=command.kind or portfolio.kind,
        address=command.address or portfolio.address,
        statement=command.statement or portfolio.statement,
        mode=mode,
        query=command.query or kept,
        visibility=command.visibility or portfolio.visibility,
    )


def _check(account: AccountState, id: UUID, portfolio: Portfolio, context: Context) -> None:
    if portfolio.mode == "dynamic" and portfolio.query is None:
        raise Invalid("query-missing", "query: a dynamic portfolio holds what a query finds; say which one", field="query")
    if portfolio.mode == "fixed" and portfolio.query is not None:
        raise Invalid("query-not-wanted", "query: a fixed portfolio has none; leave it out, or say mode dynamic", field="query")
    others = [each for each in account.portfolios.live if each.id != id]
    if (same := next((each for each in others if each.portfolio.address == portfolio.address), None)) is not None:
        raise Refused(
            "address-attested", f"address: it is attested already, as portfolio {same.id}; amend or withdraw that one", field="address"
        )
    if len(others) >= context.rules.max_live_attestations:
        raise Refused(
            "too-many-portfolios", f"the account has {len(others)} attested portfolios, the most there can be; withdraw one first"
        )
