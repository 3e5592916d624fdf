"""What a forecast is given beside the states, the ledger of usage and letters that wait; and the letters that it tells of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.itk_subscription_parts import Statement
from domain.commands.itk_subscription import UsageTotal
from domain.correspondence import Audience, Mailbox
from domain.events.itk_subscription import StatedUsage


class Ledger(Protocol):
    """What was counted until now; of what comes nothing is counted."""

    def totals(self, account_id: UUID, starts_at: datetime) -> tuple[UsageTotal, ...]:
        """What was used, by product, in the quota month that began at an instant."""
        ...

    def stated(self, subscription: ITKSubscription, statement: Statement) -> tuple[tuple[StatedUsage, ...], int]:
        """What a statement says: what was used, and by how many people."""
        ...


class Unused:
    """A ledger in which nothing stands."""

    def totals(self, account_id: UUID, starts_at: datetime) -> tuple[UsageTotal, ...]:  # noqa: ARG002 - as a ledger is asked
        return ()

    def stated(self, subscription: ITKSubscription, statement: Statement) -> tuple[tuple[StatedUsage, ...], int]:  # noqa: ARG002
        return (), 0


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A letter that is to leave, once `not_before` is reached."""

    stream_id: UUID
    account_id: UUID | None
    template: str
    audience: Audience
    index: int
    facts: Mapping[str, Any]
    not_after: datetime | None = None
    not_before: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Post:
    """A letter that left, to whom; or why it did not."""

    at: datetime
    letter: Waiting
    mailbox: Mailbox | None = None
    skipped_because: str | None = None
    institution: str | None = None
    time_zone: str = "UTC"
