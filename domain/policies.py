"""Whenever this has happened, that is asked for: of one stream, or of every member of a group."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from domain.commands.api_token import RevokeToken
from domain.commands.base import Command
from domain.commands.institutional_account import MarkContactUnreachable
from domain.commands.institutional_user_plan import (
    CheckDomain,
    EndUserPlan,
    FollowTerm,
    GrantWaitingRenewal,
    GrantWaitingRequest,
    MarkAbsent,
    UndoListing,
)
from domain.commands.itk_subscription import CancelSubscription
from domain.events.base import Recorded
from domain.events.email_delivery import EmailBounced
from domain.events.institutional_account import AccountClosed, DomainClaimed, DomainRetired, NominationRejected, NominationWithdrawn
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
from domain.events.user_import import UserImportAbsencesConfirmed, UserImportUndone


class Group(StrEnum):
    TOKENS_OF_OWNER = "tokens-of-owner"
    TOKENS_OF_ACCOUNT = "tokens-of-account"
    SUBSCRIPTIONS_OF_ACCOUNT = "subscriptions-of-account"
    PLANS_OF_SUBSCRIPTION = "plans-of-subscription"
    PLANS_WAITING_FOR_ACTIVATION = "plans-waiting-for-activation"
    PLANS_TO_RENEW = "plans-to-renew"
    PLANS_OF_ACCOUNT = "plans-of-account"
    PLANS_OF_IMPORT = "plans-of-import"
    PLANS_ABSENT_FROM_IMPORT = "plans-absent-from-import"


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
            yield ForEach(Group.PLANS_WAITING_FOR_ACTIVATION, stream, lambda plan: GrantWaitingRequest(id=plan))
        case SubscriptionRenewed():
            yield ForEach(Group.PLANS_TO_RENEW, stream, lambda plan: GrantWaitingRenewal(id=plan))
        case SubscriptionReinstated():
            yield ForEach(Group.PLANS_TO_RENEW, stream, lambda plan: GrantWaitingRenewal(id=plan))
            yield ForEach(Group.PLANS_WAITING_FOR_ACTIVATION, stream, lambda plan: GrantWaitingRequest(id=plan))
        case SubscriptionExtended() | TermCorrected() | RenewalWithdrawn():
            yield ForEach(Group.PLANS_OF_SUBSCRIPTION, stream, lambda plan: FollowTerm(id=plan))
        case SubscriptionEnded(cause="cancelled"):
            yield ForEach(Group.PLANS_OF_SUBSCRIPTION, stream, lambda plan: EndUserPlan(id=plan, cause="subscription-cancelled"))
            if account:
                yield ForEach(Group.TOKENS_OF_OWNER, account, lambda token: RevokeToken(id=token, cause="subscription-cancelled"))
        case SubscriptionEnded():
            waiting = Group.PLANS_WAITING_FOR_ACTIVATION  # whoever asked, and waits for what will not come
            yield ForEach(waiting, stream, lambda plan: EndUserPlan(id=plan, cause="subscription-ended"))
        case UserPlanEnded(cause=cause):
            yield ForEach(Group.TOKENS_OF_OWNER, stream, lambda token: RevokeToken(id=token, cause=cause))
        case DomainRetired() | DomainClaimed():
            yield ForEach(Group.PLANS_OF_ACCOUNT, stream, lambda plan: CheckDomain(id=plan))
        case UserImportUndone():
            yield ForEach(Group.PLANS_OF_IMPORT, stream, lambda plan: UndoListing(id=plan, import_id=stream))
        case UserImportAbsencesConfirmed():
            yield ForEach(Group.PLANS_ABSENT_FROM_IMPORT, stream, lambda plan: MarkAbsent(id=plan, import_id=stream))
        case AccountClosed():
            yield ForEach(Group.PLANS_OF_ACCOUNT, stream, lambda plan: EndUserPlan(id=plan, cause="account-closed"))
            yield ForEach(Group.TOKENS_OF_ACCOUNT, stream, lambda token: RevokeToken(id=token, cause="account-closed"))
        case NominationWithdrawn() | NominationRejected():
            yield ForEach(Group.SUBSCRIPTIONS_OF_ACCOUNT, stream, lambda subscription: CancelSubscription(id=subscription, when="now"))
        case EmailBounced(hard=True, account_id=UUID() as of, to=address, role=role) if role != "holder":
            yield MarkContactUnreachable(id=of, address=address, email_id=stream)
