"""What can be asked about an institution's attested portfolios."""

from dataclasses import dataclass
from uuid import UUID

from domain.commands.institutional_account import AccountCommand
from domain.events.portfolios import Mode, Portfolio, Visibility, WorksKind


@dataclass(frozen=True, kw_only=True)
class AttestPortfolio(AccountCommand):
    portfolio_id: UUID
    portfolio: Portfolio
    attested_by: str


@dataclass(frozen=True, kw_only=True)
class AmendAttestation(AccountCommand):
    """None leaves as it is. A query is for a dynamic portfolio alone: it goes where the portfolio becomes fixed."""

    portfolio_id: UUID
    name: str | None = None
    kind: WorksKind | None = None
    address: str | None = None
    statement: str | None = None
    attested_by: str | None = None
    mode: Mode | None = None
    query: str | None = None
    visibility: Visibility | None = None


@dataclass(frozen=True, kw_only=True)
class WithdrawAttestation(AccountCommand):
    portfolio_id: UUID
    cause: str = "asked"


@dataclass(frozen=True, kw_only=True)
class SetBranding(AccountCommand):
    description: str
    frame_ancestors: tuple[str, ...]
    image_id: str | None
