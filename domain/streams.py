"""Which aggregate a stream is: told by the first word of its events' topics, and by the family of its commands."""

from typing import Any, Protocol, Self
from uuid import UUID

from domain.aggregates.api_token import ApiToken
from domain.aggregates.email_delivery import EmailDelivery
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.aggregates.itk_subscription import ITKSubscription
from domain.commands.api_token import TokenCommand
from domain.commands.base import Command, Deadline
from domain.commands.email_delivery import EmailCommand
from domain.commands.institutional_account import AccountCommand
from domain.commands.institutional_user_plan import UserPlanCommand
from domain.commands.itk_subscription import SubscriptionCommand
from domain.context import Context
from domain.events.base import Event


class Aggregate(Protocol):
    """What every aggregate can do."""

    def decide(self, command: Any, context: Context) -> tuple[Event, ...]: ...

    def evolve(self, event: Event) -> Self: ...

    def deadlines(self, stream: UUID) -> tuple[Deadline, ...]: ...


KINDS: dict[str, type[Aggregate]] = {
    "account": InstitutionalAccount,
    "subscription": ITKSubscription,
    "user-plan": InstitutionalUserPlan,
    "token": ApiToken,
    "email": EmailDelivery,
}

_FAMILIES: tuple[tuple[type[Command], type[Aggregate]], ...] = (
    (AccountCommand, InstitutionalAccount),
    (SubscriptionCommand, ITKSubscription),
    (UserPlanCommand, InstitutionalUserPlan),
    (TokenCommand, ApiToken),
    (EmailCommand, EmailDelivery),
)


def kind_of(event: Event) -> str:
    return event.TOPIC.partition(".")[0]


def empty_for(asked: Event | Command) -> Aggregate:
    """The state of a stream before its first event."""
    if isinstance(asked, Event):
        return KINDS[kind_of(asked)]()
    return next(aggregate for family, aggregate in _FAMILIES if isinstance(asked, family))()
