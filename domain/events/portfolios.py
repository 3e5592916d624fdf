"""What an institution attests of collections of works on the platform, and how it shows itself where that is read."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from domain.events.base import Claim, Event, Release, personal

WorksKind = Literal["scholarly", "patents"]
Mode = Literal["fixed", "dynamic"]
Visibility = Literal["public", "internal"]


@dataclass(frozen=True, kw_only=True)
class Portfolio:
    """The works at an address on the platform. A dynamic one holds whatever its `query` finds; what is internal has no public page."""

    name: str
    kind: WorksKind
    address: str
    statement: str
    mode: Mode
    query: str | None
    visibility: Visibility


@dataclass(frozen=True, kw_only=True)
class PortfolioAttested(Event):
    """The institution says that it is affiliated with these works, by somebody who may say so."""

    TOPIC = "account.portfolio-attested"
    portfolio_id: UUID
    portfolio: Portfolio
    attested_by: Annotated[str, personal("portfolio_id")]

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Claim("portfolio", str(self.portfolio_id)),)


@dataclass(frozen=True, kw_only=True)
class AttestationAmended(Event):
    """From now on it reads like this."""

    TOPIC = "account.attestation-amended"
    portfolio_id: UUID
    portfolio: Portfolio
    attested_by: Annotated[str, personal("portfolio_id")]


@dataclass(frozen=True, kw_only=True)
class AttestationWithdrawn(Event):
    """The institution says so no more. For `shown_days` its page tells of the withdrawal."""

    TOPIC = "account.attestation-withdrawn"
    portfolio_id: UUID
    cause: str
    shown_days: int


@dataclass(frozen=True, kw_only=True)
class BrandingSet(Event):
    """How the institution shows itself beside its portfolios.

    `description` is markdown; `frame_ancestors` are the origins of pages that may hold the widget; `image_id` is the picture's digest.
    """

    TOPIC = "account.branding-set"
    description: str
    frame_ancestors: tuple[str, ...]
    image_id: str | None
