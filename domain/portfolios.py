"""Whether an attestation is in force, and whether the public sees it: told at reading, so that a lapse and a renewal need no event."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from domain.aggregates.institutional_account_state import AccountState
from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.portfolios import Entitlement, why_not
from domain.aggregates.portfolios_state import Attestation
from domain.errors import Refused

ATTESTED: Entitlement = "attested_portfolios"
BRANDING: Entitlement = "branding"


@dataclass(frozen=True, kw_only=True)
class Surrounding:
    """What an institution's attestations hang on, as it is at an instant."""

    account: AccountState
    subscription_id: UUID | None
    subscription: ITKSubscription | None
    instant: datetime

    def refusal(self, entitlement: Entitlement) -> Refused | None:
        facts = self.subscription.facts(self.subscription_id) if self.subscription and self.subscription_id else None
        return why_not(self.account, facts, entitlement, self.instant)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """`why` says what stands against it; `since` is when it came to be so, where that is known."""

    status: Literal["in_force", "not_in_force", "withdrawn"]
    why: str | None = None
    since: datetime | None = None


def standing(attestation: Attestation, around: Surrounding) -> Standing:
    if attestation.withdrawn_at is not None:
        return Standing(status="withdrawn", why="the institution withdrew it", since=attestation.withdrawn_at)
    if (refusal := around.refusal(ATTESTED)) is not None:
        return Standing(status="not_in_force", why=refusal.detail, since=_over_since(around))
    return Standing(status="in_force")


def _over_since(around: Surrounding) -> datetime | None:
    subscription = around.subscription
    if around.account.status != "active" or subscription is None:
        return None
    if subscription.suspension is not None:
        return subscription.suspension.since
    if not subscription.gives_access:
        return subscription.access_ended_at
    return next((held.until for held in subscription.entitlements if held.name == ATTESTED), None)


def is_public(attestation: Attestation, instant: datetime) -> bool:
    """A withdrawn one is shown as withdrawn for a while."""
    over = attestation.withdrawn_at
    return attestation.portfolio.visibility == "public" and (over is None or instant < over + timedelta(days=attestation.shown_days))
