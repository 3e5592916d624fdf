"""Whenever something has happened, what is asked for, and of whom."""

from dataclasses import replace
from uuid import UUID

import pytest

from domain.commands.api_token import RevokeToken
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
from domain.events import EVENTS
from domain.events.base import Metadata, Recorded
from domain.events.email_delivery import EmailBounced
from domain.events.institutional_account import (
    AccountClosed,
    AccountSuspended,
    DomainClaimed,
    DomainRetired,
    NominationRejected,
    NominationWithdrawn,
)
from domain.events.institutional_user_plan import UserPlanEnded
from domain.events.itk_subscription import (
    RenewalWithdrawn,
    SubscriptionActivated,
    SubscriptionEnded,
    SubscriptionExtended,
    SubscriptionReinstated,
    SubscriptionRenewed,
    SubscriptionSuspended,
    TermCorrected,
)
from domain.events.user_import import UserImportAbsencesConfirmed, UserImportUndone
from domain.policies import ForEach, Group, policies
from tests.eventstore.samples import sample

STREAM, ACCOUNT, MEMBER = UUID(int=1), UUID(int=2), UUID(int=3)

PLANS, TOKENS = Group.PLANS_OF_SUBSCRIPTION, Group.TOKENS_OF_OWNER
LET_IN = (Group.PLANS_WAITING_FOR_ACTIVATION, STREAM, GrantWaitingRequest(id=MEMBER))
GO_ON = (Group.PLANS_TO_RENEW, STREAM, GrantWaitingRenewal(id=MEMBER))
CHECK = (Group.PLANS_OF_ACCOUNT, STREAM, CheckDomain(id=MEMBER))
BOUNCED = replace(sample(EmailBounced), account_id=ACCOUNT, to="library@mit.edu", role="administrator", hard=True)
UNREACHABLE = MarkContactUnreachable(id=ACCOUNT, address="library@mit.edu", email_id=STREAM)

WISHES = {
    SubscriptionActivated: [LET_IN],
    SubscriptionRenewed: [GO_ON],
    SubscriptionReinstated: [GO_ON, LET_IN],
    SubscriptionExtended: [(PLANS, STREAM, FollowTerm(id=MEMBER))],
    TermCorrected: [(PLANS, STREAM, FollowTerm(id=MEMBER))],
    RenewalWithdrawn: [(PLANS, STREAM, FollowTerm(id=MEMBER))],
    SubscriptionEnded: [  # the sample was cancelled
        (PLANS, STREAM, EndUserPlan(id=MEMBER, cause="subscription-cancelled")),
        (TOKENS, ACCOUNT, RevokeToken(id=MEMBER, cause="subscription-cancelled")),
    ],
    DomainClaimed: [CHECK],
    DomainRetired: [CHECK],
    UserImportUndone: [(Group.PLANS_OF_IMPORT, STREAM, UndoListing(id=MEMBER, import_id=STREAM))],
    UserImportAbsencesConfirmed: [(Group.PLANS_ABSENT_FROM_IMPORT, STREAM, MarkAbsent(id=MEMBER, import_id=STREAM))],
    UserPlanEnded: [(TOKENS, STREAM, RevokeToken(id=MEMBER, cause="text 2"))],
    AccountClosed: [
        (Group.PLANS_OF_ACCOUNT, STREAM, EndUserPlan(id=MEMBER, cause="account-closed")),
        (Group.TOKENS_OF_ACCOUNT, STREAM, RevokeToken(id=MEMBER, cause="account-closed")),
    ],
    NominationWithdrawn: [(Group.SUBSCRIPTIONS_OF_ACCOUNT, STREAM, CancelSubscription(id=MEMBER, when="now"))],
    NominationRejected: [(Group.SUBSCRIPTIONS_OF_ACCOUNT, STREAM, CancelSubscription(id=MEMBER, when="now"))],
}


def asked(event, account_id=ACCOUNT):
    recorded = Recorded(
        position=7,
        stream_id=STREAM,
        version=3,
        account_id=account_id,
        recorded_at=event.at,
        metadata=Metadata(actor="ann", role="support"),
        event=event,
    )
    return [(wish.group, wish.of, wish.command(MEMBER)) if isinstance(wish, ForEach) else wish for wish in policies(recorded)]


@pytest.mark.parametrize("kind", [kind for kind in EVENTS if kind is not EmailBounced], ids=lambda kind: kind.TOPIC)
def test_each_event_asks_for_what_follows_from_it_and_for_nothing_else(kind):
    assert WISHES.get(kind, []) == asked(sample(kind))


def test_an_end_by_lapse_leaves_tokens_dormant_and_nobody_waiting():
    ended = EndUserPlan(id=MEMBER, cause="subscription-ended")
    assert [(Group.PLANS_WAITING_FOR_ACTIVATION, STREAM, ended)] == asked(replace(sample(SubscriptionEnded), cause="lapsed"))


def test_a_suspension_is_derived_and_never_handed_down():
    assert [] == asked(sample(SubscriptionSuspended)) == asked(sample(AccountSuspended))


def test_the_end_of_a_plan_revokes_its_tokens_with_its_own_cause():
    left = replace(sample(UserPlanEnded), cause="left")
    assert [(TOKENS, STREAM, RevokeToken(id=MEMBER, cause="left"))] == asked(left)


@pytest.mark.parametrize("role", ["administrator", "billing", "security", "everyone", "old-mailbox", "new-mailbox"])
def test_a_hard_bounce_makes_a_contact_unreachable(role):
    assert [UNREACHABLE] == asked(replace(BOUNCED, role=role))
    assert [UNREACHABLE] == asked(replace(BOUNCED, role=role, reported=True))


def test_a_bounce_says_nothing_of_a_contact_if_it_is_soft_or_a_holders_or_nobodys():
    assert [] == asked(replace(BOUNCED, hard=False))
    assert [] == asked(replace(BOUNCED, role="holder"))
    assert [] == asked(replace(BOUNCED, account_id=None))
