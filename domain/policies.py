"""Whenever this has happened, that is asked for: of one stream, or of every member of a group."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from domain.commands.api_token import RevokeToken
from domain.commands.base import Command
from domain.commands.institutional_account import MarkContactUnreachable
from domain.commands.institutional_user_plan import EndUserPlan, FollowTerm, GrantWaitingRenewal, GrantWaitingRequest
from domain.commands.itk_subscription import CancelSubscription
from domain.events.base import Recorded
from domain.events.email_delivery import EmailBounced
from domain.events.institutional_account import AccountClosed, NominationRejected, NominationWithdrawn
from domain.events.institutional_user_plan import UserPlanEnded
from domain.events.itk_subscription import (
    RenewalWithdrawn,
    SubscriptionActivated,
    SubscriptionEnded,
    SubscriptionExtended,
    SubscriptionReinstated,
    SubscriptionRenewed,
    TermCorrected,
)


class Group(StrEnum):
    TOKENS_OF_OWNER = "tokens-of-owner"
    TOKENS_OF_ACCOUNT = "tokens-of-account"
    SUBSCRIPTIONS_OF_ACCOUNT = "subscriptions-of-account"
    PLANS_OF_SUBSCRIPTION = "plans-of-subscription"
    PLANS_OF_ACCOUNT = "plans-of-account"


@dataclass(frozen=True)
class ForEach:
    """The same command for each member of a group, as a projection knows them that has reached the event."""

    group: Group
    of: UUID
    command: Callable[[UUID], Command]


def policies(recorded: Recorded) -> Iterator[Command | ForEach]:
    stream, account = recorded.stream_id, recorded.account_id
    match recorded.event:
        case SubscriptionActivated():
            yield ForEach(Group.PLANS_OF_SUBSCRIPTION, stream, lambda plan: GrantWaitingRequest(id=plan))
        case SubscriptionRenewed() | SubscriptionReinstated():
            yield ForEach(Group.PLANS_OF_SUBSCRIPTION, stream, lambda plan: GrantWaitingRenewal(id=plan))
        case SubscriptionExtended() | TermCorrected() | RenewalWithdrawn():
            yield ForEach(Group.PLANS_OF_SUBSCRIPTION, stream, lambda plan: FollowTerm(id=plan))
        case SubscriptionEnded(cause="cancelled"):
            yield ForEach(Group.PLANS_OF_SUBSCRIPTION, stream, lambda plan: EndUserPlan(id=plan, cause="subscription-cancelled"))
            if account:
                yield ForEach(Group.TOKENS_OF_OWNER, account, lambda token: RevokeToken(id=token, cause="subscription-cancelled"))
        case UserPlanEnded(cause=cause):
            yield ForEach(Group.TOKENS_OF_OWNER, stream, lambda token: RevokeToken(id=token, cause=cause))
        case AccountClosed():
            yield ForEach(Group.PLANS_OF_ACCOUNT, stream, lambda plan: EndUserPlan(id=plan, cause="account-closed"))
            yield ForEach(Group.TOKENS_OF_ACCOUNT, stream, lambda token: RevokeToken(id=token, cause="account-closed"))
        case NominationWithdrawn() | NominationRejected():
            yield ForEach(Group.SUBSCRIPTIONS_OF_ACCOUNT, stream, lambda subscription: CancelSubscription(id=subscription, when="now"))
        case EmailBounced(hard=True, account_id=UUID() as of, to=address, role=role) if role != "holder":
            yield MarkContactUnreachable(id=of, address=address, email_id=stream)
