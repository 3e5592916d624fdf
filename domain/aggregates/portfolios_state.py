"""The portfolios that an institution has attested, and its branding, as events left them."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from domain.events.base import Event
from domain.events.portfolios import AttestationAmended, AttestationWithdrawn, BrandingSet, Portfolio, PortfolioAttested


@dataclass(frozen=True, kw_only=True)
class Attestation:
    """What holds of one portfolio. Whether it is in force is told at reading: it hangs on the subscription."""

    id: UUID
    portfolio: Portfolio
    attested_by: str
    attested_at: datetime
    amended_at: datetime | None = None
    withdrawn_at: datetime | None = None
    shown_days: int = 0


@dataclass(frozen=True, kw_only=True)
class Branding:
    """As of `set_at`; before that there is nothing."""

    description: str = ""
    frame_ancestors: tuple[str, ...] = ()
    image_id: str | None = None
    set_at: datetime | None = None


@dataclass(frozen=True)
class Portfolios:
    """In the order in which they were attested, withdrawn ones too."""

    attested: tuple[Attestation, ...] = ()
    branding: Branding = Branding()

    @property
    def live(self) -> tuple[Attestation, ...]:
        return tuple(each for each in self.attested if each.withdrawn_at is None)

    def find(self, id: UUID) -> Attestation | None:
        return next((each for each in self.attested if each.id == id), None)

    def evolve(self, event: Event) -> Self:
        match event:
            case PortfolioAttested(at=at, portfolio_id=id, portfolio=portfolio, attested_by=who):
                new = Attestation(id=id, portfolio=portfolio, attested_by=who, attested_at=at)
                return replace(self, attested=(*self.attested, new))
            case AttestationAmended(at=at, portfolio_id=id, portfolio=portfolio, attested_by=who):
                return self._with(id, portfolio=portfolio, attested_by=who, amended_at=at)
            case AttestationWithdrawn(at=at, portfolio_id=id, shown_days=days):
                return self._with(id, withdrawn_at=at, shown_days=days)
            case BrandingSet(at=at):
                branding = Branding(
                    description=event.description, frame_ancestors=event.frame_ancestors, image_id=event.image_id, set_at=at
                )
                return replace(self, branding=branding)
        return self

    def _with(self, id: UUID, **changes: object) -> Self:
        attested = tuple(replace(each, **changes) if each.id == id else each for each in self.attested)  # type: ignore[arg-type]
        return replace(self, attested=attested)
