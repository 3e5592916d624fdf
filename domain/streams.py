"""What a stream is: which aggregate, told by the first word of its events' topics or by the family of its commands, and its state."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, Self
from uuid import UUID

from domain.aggregates.api_token import ApiToken
from domain.aggregates.correction import Correction
from domain.aggregates.email_delivery import EmailDelivery
from domain.aggregates.erasure import Erasure
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.user_import import UserImport
from domain.commands.api_token import TokenCommand
from domain.commands.base import Command, Deadline
from domain.commands.correction import CorrectionCommand
from domain.commands.email_delivery import EmailCommand
from domain.commands.institutional_account import AccountCommand
from domain.commands.institutional_user_plan import UserPlanCommand
from domain.commands.itk_subscription import SubscriptionCommand
from domain.commands.people import ErasureCommand
from domain.commands.user_import import UserImportCommand
from domain.context import Context
from domain.events.base import Event


class Aggregate(Protocol):
    """What every aggregate can do."""

    def decide(self, command: Any, context: Context) -> tuple[Event, ...]: ...

    def evolve(self, event: Event) -> Self: ...

    def deadlines(self, stream: UUID) -> tuple[Deadline, ...]: ...


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Stream:
    """A stream as far as it is known: its state after `version` events, the last of which took effect at `last_at`."""

    id: UUID
    state: Aggregate
    version: int = 0
    last_at: datetime = EPOCH

    @property
    def account_id(self) -> UUID | None:
        """The institution that it belongs to; an account belongs to itself."""
        if isinstance(self.state, InstitutionalAccount):
            return self.id
        return getattr(self.state, "account_id", None)


KINDS: dict[str, type[Aggregate]] = {
    "account": InstitutionalAccount,
    "subscription": ITKSubscription,
    "user-plan": InstitutionalUserPlan,
    "token": ApiToken,
    "email": EmailDelivery,
    "user-import": UserImport,
    "correction": Correction,
    "person": Erasure,
}

_FAMILIES: tuple[tuple[type[Command], type[Aggregate]], ...] = (
    (AccountCommand, InstitutionalAccount),
    (SubscriptionCommand, ITKSubscription),
    (UserPlanCommand, InstitutionalUserPlan),
    (TokenCommand, ApiToken),
    (EmailCommand, EmailDelivery),
    (UserImportCommand, UserImport),
    (CorrectionCommand, Correction),
    (ErasureCommand, Erasure),
)


def kind_of(event: Event) -> str:
    return event.TOPIC.partition(".")[0]


def empty_for(asked: Event | Command) -> Aggregate:
    """The state of a stream before its first event."""
    if isinstance(asked, Event):
        return KINDS[kind_of(asked)]()
    return next(aggregate for family, aggregate in _FAMILIES if isinstance(asked, family))()
