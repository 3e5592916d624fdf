"""What an institution tells its people once its Toolkit is active: whom it is for, what they get, until when, and whom they ask."""

from dataclasses import dataclass
from datetime import date, datetime

from domain.aggregates.institutional_account_state import AccountState
from domain.aggregates.itk_subscription_parts import Status
from domain.aggregates.itk_subscription_state import SubscriptionState
from domain.calendar import MICROSECOND, local_date
from domain.catalogue import ApiPlan
from domain.context import ClaimedDomain
from domain.errors import Refused


@dataclass(frozen=True, kw_only=True)
class CommunityFacts:
    """`last_day` is None where the plans are not promised any day: the term is over, and what there is left is grace."""

    institution: str
    domains: tuple[ClaimedDomain, ...]
    plans: tuple[ApiPlan, ...]
    last_day: date | None
    mailbox: str | None
    link_outs: bool


def community_facts(
    account: AccountState, subscription: SubscriptionState | None, plans: tuple[ApiPlan, ...], now: datetime
) -> CommunityFacts:
    """Of an account as it is now. `plans` are those that each person gets. Refused while there is nothing to announce."""
    if account.status != "active":
        raise Refused("nothing-to-announce", f"the account is {account.status}: there is something to announce while it is active")
    if subscription is None:
        raise Refused("nothing-to-announce", "the account has no subscription: there is something to announce once it is active")
    if not subscription.gives_access:
        raise Refused(
            "nothing-to-announce", f"the subscription is {subscription.status}: there is something to announce while it gives access"
        )
    in_term = subscription.status is Status.ACTIVE
    return CommunityFacts(
        institution=account.institution or account.email,
        domains=tuple(each for each in account.domains if each.retires_at is None),
        plans=plans,
        last_day=local_date(subscription.ends_at - MICROSECOND, subscription.zone) if in_term else None,
        mailbox=shared_mailbox(account),
        link_outs=bool(account.libkey_id or account.worldcat_registry_id) and subscription.entitled("link_outs", now),
    )


def shared_mailbox(account: AccountState) -> str | None:
    """Whom anybody may be told to write to: a mailbox that has confirmed itself as a shared one, the account's own before others."""
    main = account.contact(account.main_contact)
    contacts = (*((main,) if main else ()), *account.administrators)
    return next((each.email for each in contacts if each.id in account.onboarding.shared and each.reachable), None)
