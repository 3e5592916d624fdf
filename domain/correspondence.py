"""Whenever this has happened, write to them; and, when the letter is about to leave: to whom, and is it still wanted?"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from domain.aggregates.api_token import ApiToken
from domain.aggregates.api_token import Status as TokenStatus
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.user_import import UserImport
from domain.events.api_token import TokenExpired, TokenExpiring, TokenIssued, TokenLeaked, TokenRevoked, TokenRotated
from domain.events.base import ERASED, Recorded
from domain.events.institutional_account import (
    AccountNominated,
    AccountReinstated,
    AccountSuspended,
    Contact,
    ContactTransferred,
    ContactTransferRequested,
    ContactUnreachable,
    NominationIncomplete,
    Role,
)
from domain.events.institutional_user_plan import (
    RenewalRefused,
    RenewalRequested,
    UserPlanActivated,
    UserPlanAtRisk,
    UserPlanEnded,
    UserPlanExpired,
    UserPlanExpiring,
    UserPlanInvited,
    UserPlanQuotaReached,
    UserPlanRejected,
    UserPlanRenewed,
    UserPlanRequested,
)
from domain.events.itk_subscription import (
    BulkDataLinkExpiring,
    BulkDataLinkIssued,
    CancellationScheduled,
    CancellationUndone,
    GraceStarted,
    PlansChanged,
    QuotaReached,
    SubscriptionActivated,
    SubscriptionEnded,
    SubscriptionExpiring,
    SubscriptionExtended,
    SubscriptionLapsed,
    SubscriptionReinstated,
    SubscriptionRenewed,
    SubscriptionResumed,
    SubscriptionSuspended,
    UsageStatementMade,
)
from domain.events.onboarding import ContactConfirmationAsked, OnboardingNudged
from domain.events.people import ContactReplacementAsked
from domain.events.user_import import UserImportCompleted
from domain.onboarding import open_steps
from domain.quotas import WHOLE, limit_of, share_reached
from domain.streams import Aggregate

NAMESPACE = UUID("3c9e3f0e-9f53-4a36-8a1f-52c8f4f9d9b7")


class Audience(StrEnum):
    """Whom a letter is for. Who that is, is looked up when it leaves."""

    ADMINISTRATOR = "administrator"
    BILLING = "billing"
    SECURITY = "security"
    EVERYONE = "everyone"  # each contact, by its place among them
    HOLDER = "holder"  # of a user plan, or of a token that belongs to one
    OLD_MAILBOX = "old-mailbox"
    NEW_MAILBOX = "new-mailbox"

    @property
    def passes_on(self) -> bool:
        """Whether the next contact stands in where a mailbox refuses the letter: not for a certain person, nor for one of all."""
        return self in {Audience.ADMINISTRATOR, Audience.BILLING, Audience.SECURITY}


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A template, its facts as they were when it was written, and whom it is for. After `not_after` it is not worth sending."""

    template: str
    audience: Audience
    facts: Mapping[str, Any] = field(default_factory=dict)
    not_after: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Mailbox:
    address: str
    name: str | None = None


class NoRecipient(Exception):
    """There is nobody to write to; says why."""


def email_id(recorded: Recorded, letter: Letter, index: int) -> UUID:
    """The stream of the email: the same however often it is derived, and telling nothing of the address."""
    return uuid5(NAMESPACE, f"{recorded.stream_id}/{recorded.version}/{letter.template}/{letter.audience}/{index}")


def letters(recorded: Recorded, state: Aggregate) -> Iterator[Letter]:
    """What an event gives occasion to write. `state` is its stream's, right after it."""
    match state:
        case InstitutionalAccount():
            yield from _of_account(recorded, state)
        case ITKSubscription():
            yield from _of_subscription(recorded, state)
        case InstitutionalUserPlan():
            yield from _of_user_plan(recorded, state)
        case ApiToken():
            yield from _of_token(recorded, state)
        case UserImport():
            yield from _of_import(recorded, state)


def _of_account(recorded: Recorded, state: InstitutionalAccount) -> Iterator[Letter]:
    to = Audience.ADMINISTRATOR
    match recorded.event:
        case AccountNominated(email=email, missing=missing) as event:
            facts: dict[str, Any] = {"email": email, "missing": missing}
            if event.confirm_until is not None:
                facts |= {"confirmation_id": event.contact_id, "lapses_at": event.confirm_until}
            yield Letter(template="account-nominated", audience=to, facts=facts)
        case ContactConfirmationAsked(contact_id=id, confirmation_id=link, lapses_at=end) if (contact := state.contact(id)) is not None:
            asked = {"new_email": contact.email, "confirmation_id": link, "lapses_at": end}
            yield Letter(template="contact-confirm", audience=Audience.NEW_MAILBOX, facts=asked, not_after=end)
        case OnboardingNudged(open=steps):
            yield Letter(template="onboarding-nudge", audience=to, facts={"steps": [str(step) for step in steps]})
        case NominationIncomplete(missing=missing):
            yield Letter(template="nomination-incomplete", audience=to, facts={"missing": missing})
        case AccountSuspended(cause=cause):
            yield Letter(template="account-suspended", audience=to, facts={"cause": cause})
        case AccountReinstated():
            yield Letter(template="account-reinstated", audience=to)
        case ContactUnreachable(address=address):
            yield Letter(template="contact-unreachable", audience=to, facts={"address": address})
        case ContactReplacementAsked(until=until):
            yield Letter(template="contact-replacement-asked", audience=to, facts={"until": until}, not_after=until)
        case ContactTransferRequested() as event:
            end = event.lapses_at
            moved = {"old_email": event.old_email, "new_email": event.email, "lapses_at": end}
            asked = moved | {"transfer_id": event.transfer_id}
            yield Letter(template="contact-transfer-confirm", audience=Audience.NEW_MAILBOX, facts=asked, not_after=end)
            told = moved | {"transferred_at": None}
            yield Letter(template="contact-transferred", audience=Audience.OLD_MAILBOX, facts=told, not_after=end)
        case ContactTransferred() as event:
            moved = {"old_email": event.old_email, "new_email": event.new_contact.email, "transferred_at": event.at, "lapses_at": None}
            for mailbox in (Audience.OLD_MAILBOX, Audience.NEW_MAILBOX):
                yield Letter(template="contact-transferred", audience=mailbox, facts=moved)


def _of_subscription(recorded: Recorded, state: ITKSubscription) -> Iterator[Letter]:
    to = Audience.ADMINISTRATOR
    match recorded.event:
        case SubscriptionActivated() as event:
            facts = {
                "term": event.number,
                "starts_at": event.starts_at,
                "ends_at": event.ends_at,
                "plans": [asdict(plan) for plan in event.plans],
                "entitlements": [asdict(entitlement) for entitlement in event.entitlements],
                "bulk_data": list(event.bulk_data),
            }
            yield Letter(template="subscription-activated", audience=to, facts=facts)
        case SubscriptionRenewed() as event:
            facts = {"term": event.number, "starts_at": event.starts_at, "ends_at": event.ends_at, "paid_until": state.paid_until}
            yield from _both("subscription-renewed", facts)
        case SubscriptionReinstated() as event:
            facts = {"term": event.number, "starts_at": event.starts_at, "ends_at": event.ends_at}
            yield Letter(template="subscription-reinstated", audience=to, facts=facts)
        case SubscriptionExpiring() as event:
            facts = {
                "days_left": event.days_left,
                "ends_at": event.ends_at,
                "announced": event.announced,
                "grace_days": state.grace_days,
            }
            yield from _both("subscription-expiring", facts, not_after=event.ends_at)
        case GraceStarted(grace_ends_at=end):
            facts = {"ends_at": state.ends_at, "grace_ends_at": end, "announced": state.announced is not None}
            yield from _both("subscription-in-grace", facts, not_after=end)
        case SubscriptionLapsed(at=at, ends_for_good_at=until):
            yield Letter(template="subscription-lapsed", audience=to, facts={"lapsed_at": at, "until": until}, not_after=until)
        case SubscriptionEnded(at=at, cause=cause):
            yield Letter(template="subscription-ended", audience=to, facts={"ended_at": at, "cause": cause})
        case SubscriptionSuspended() as event:
            facts = {"until": event.until, "compensated": event.compensate, "cause": event.cause}
            yield Letter(template="subscription-suspended", audience=to, facts=facts, not_after=event.until)
        case SubscriptionResumed():
            yield Letter(template="subscription-resumed", audience=to, facts={"ends_at": state.ends_at, "extended_days": 0})
        case SubscriptionExtended(compensates=True, days=days):
            yield Letter(template="subscription-resumed", audience=to, facts={"ends_at": state.ends_at, "extended_days": days})
        case CancellationScheduled(takes_effect_at=at):
            yield Letter(template="cancellation-scheduled", audience=to, facts={"takes_effect_at": at}, not_after=at)
        case CancellationUndone():
            yield Letter(template="cancellation-undone", audience=to, facts={"ends_at": state.ends_at})
        case PlansChanged(at=at, plans=plans):
            facts = {"takes_effect_at": at, "plans": [asdict(plan) for plan in plans]}
            yield Letter(template="plans-changed", audience=to, facts=facts)
        case BulkDataLinkIssued(link_id=link):
            yield from _of_link("bulk-data-link", state, link)
        case BulkDataLinkExpiring(link_id=link, days_left=days):
            yield from _of_link("bulk-data-link-expiring", state, link, days_left=days)
        case QuotaReached() as event:
            yield _of_quota(event, to)
        case UsageStatementMade() as event:
            facts = {
                "days_left": event.days_left,
                "starts_at": event.starts_at,
                "ends_at": event.ends_at,
                "used": [asdict(each) for each in event.used],
                "people": event.people,
            }
            yield Letter(template="usage-statement", audience=to, facts=facts, not_after=event.ends_at if event.days_left else None)


def _of_quota(event: QuotaReached | UserPlanQuotaReached, to: Audience) -> Letter:
    """Of no use once the next month has begun."""
    facts = {
        "product": str(event.product),
        "counted": event.counted,
        "limit": event.limit,
        "used": event.used,
        "resets_at": event.resets_at,
        "own": to is Audience.HOLDER,
    }
    if event.percent >= WHOLE:
        return Letter(template="quota-used", audience=to, facts=facts, not_after=event.resets_at)
    return Letter(template="quota-nearly-used", audience=to, facts=facts | {"percent": event.percent}, not_after=event.resets_at)


def _of_link(template: str, state: ITKSubscription, id: UUID, **also: Any) -> Iterator[Letter]:
    """Of a link from before its file was remembered nothing can be told."""
    link = next((link for link in state.links if link.id == id and link.file_name is not None), None)
    if link is not None:
        facts = {
            "link_id": link.id,
            "product": str(link.product),
            "release": link.release,
            "file_name": link.file_name,
            "bytes": link.bytes,
            "md5": link.md5,
            "expires_at": link.expires_at,
        }
        yield Letter(template=template, audience=Audience.ADMINISTRATOR, facts=facts | also, not_after=link.expires_at)


def _both(template: str, facts: Mapping[str, Any], not_after: datetime | None = None) -> Iterator[Letter]:
    """What the librarian and the one who pays are both to know."""
    for audience in (Audience.ADMINISTRATOR, Audience.BILLING):
        yield Letter(template=template, audience=audience, facts=facts, not_after=not_after)


def _of_user_plan(recorded: Recorded, state: InstitutionalUserPlan) -> Iterator[Letter]:
    to, email = Audience.HOLDER, {"email": state.email}
    match recorded.event:
        case UserPlanRequested(doubts=doubts, import_id=listed) if state.under_review or (doubts and not listed):
            yield Letter(template="user-plan-under-review", audience=to, facts=email)
        case UserPlanInvited(expires_at=end, registered=registered):
            invited = email | {"expires_at": end, "registered": registered, "plan_id": recorded.stream_id}
            yield Letter(template="user-plan-invited", audience=to, facts=invited, not_after=end)
        case UserPlanActivated(until=until, plans=plans):
            facts = email | {"until": until, "plans": [asdict(plan) for plan in plans]}
            yield Letter(template="user-plan-activated", audience=to, facts=facts)
        case UserPlanRejected(why=why):
            facts = email | {"cause": why, "renewal": False, "until": None}
            yield Letter(template="user-plan-rejected", audience=to, facts=facts)
        case RenewalRefused(why=why):
            facts = email | {"cause": why, "renewal": True, "until": state.until}
            yield Letter(template="user-plan-rejected", audience=to, facts=facts)
        case UserPlanAtRisk(why=why, until=until):
            yield Letter(template="user-plan-at-risk", audience=to, facts=email | {"why": why, "until": until}, not_after=until)
        case UserPlanExpiring(days_left=days, until=until):
            yield Letter(template="user-plan-expiring", audience=to, facts=email | {"days_left": days, "until": until}, not_after=until)
        case RenewalRequested():
            yield Letter(template="user-plan-renewal-waiting", audience=to, facts=email | {"until": state.until}, not_after=state.until)
        case UserPlanRenewed(until=until):
            yield Letter(template="user-plan-renewed", audience=to, facts=email | {"until": until})
        case UserPlanQuotaReached() as event:
            yield _of_quota(event, to)
        case UserPlanExpired():
            yield Letter(template="user-plan-expired", audience=to, facts=email | {"until": state.until})
        case UserPlanEnded(at=at, cause=cause) if state.term:  # an invitation or a request that came to nothing took nothing away
            yield Letter(template="user-plan-ended", audience=to, facts=email | {"ended_at": at, "cause": cause})


def _of_import(recorded: Recorded, state: UserImport) -> Iterator[Letter]:
    """A dry run is looked at by who asked for it."""
    match recorded.event:
        case UserImportCompleted(at=at, outcomes=outcomes, absent=absent, undo_until=undo_until) if not state.dry_run:
            facts = {
                "rows": state.rows,
                "outcomes": dict(outcomes),
                "mode": str(state.mode),
                "submitted_at": state.submitted_at,
                "completed_at": at,
                "absent": absent,
                "undo_until": undo_until,
            }
            yield Letter(template="user-import-report", audience=Audience.ADMINISTRATOR, facts=facts)


def _of_token(recorded: Recorded, state: ApiToken) -> Iterator[Letter]:
    to = Audience.ADMINISTRATOR if state.owner_id == state.account_id else Audience.HOLDER
    token = {"label": state.label, "prefix": state.prefix, "last_four": state.last_four}
    match recorded.event:
        case TokenIssued(expires_at=end):
            yield Letter(template="token-issued", audience=to, facts=token | {"expires_at": end})
        case TokenRotated(expires_at=end):
            yield Letter(template="token-rotated", audience=to, facts=token | {"overlap_ends_at": end})
        case TokenExpiring(expires_at=end, days_left=days):
            yield Letter(template="token-expiring", audience=to, facts=token | {"expires_at": end, "days_left": days}, not_after=end)
        case TokenExpired():
            yield Letter(template="token-expired", audience=to, facts=token | {"expires_at": state.expires_at})
        case TokenRevoked(at=at, cause=cause) if cause != "leaked":
            yield Letter(template="token-revoked", audience=to, facts=token | {"revoked_at": at, "cause": cause})
        case TokenLeaked(at=at, where=where):
            facts = token | {"revoked_at": at, "where": where}
            yield Letter(template="token-leaked", audience=Audience.EVERYONE, facts=facts)
            if to is Audience.HOLDER:
                yield Letter(template="token-leaked", audience=to, facts=facts)


def mailboxes(account: InstitutionalAccount) -> tuple[int, bool]:
    """How many contacts an institution has, to whom a letter to everyone goes; and whether one of them is for bills alone."""
    billing = any(Role.BILLING in contact.roles and Role.ADMINISTRATOR not in contact.roles for contact in account.contacts)
    return len(account.contacts), billing


def copies(audience: Audience, contacts: int, billing: bool) -> int:
    """How often a letter is written, for an institution with these mailboxes."""
    match audience:
        case Audience.EVERYONE:
            return contacts
        case Audience.BILLING:
            return int(billing)
    return 1


# when a letter is about to leave

TOO_LATE = "it came too late to be of use"
"""Said of one whose `not_after` is reached."""


def recipient(
    audience: Audience, index: int, facts: Mapping[str, Any], account: InstitutionalAccount | None, holder: InstitutionalUserPlan | None
) -> Mailbox:
    """Whose mailbox it goes to, as things are now. `holder` is the user plan that is written to, or that owns the token."""
    mailbox = _recipient(audience, index, facts, account, holder)
    if mailbox.address == ERASED:
        raise NoRecipient("what was known of whom it was for has been erased")
    return mailbox


def _recipient(
    audience: Audience, index: int, facts: Mapping[str, Any], account: InstitutionalAccount | None, holder: InstitutionalUserPlan | None
) -> Mailbox:
    match audience:
        case Audience.OLD_MAILBOX:
            return Mailbox(address=str(facts["old_email"]))
        case Audience.NEW_MAILBOX:
            return Mailbox(address=str(facts["new_email"]))
        case Audience.HOLDER:
            if holder is None:
                raise NoRecipient("there is no user plan to write to")
            return Mailbox(address=holder.email, name=holder.name)
    if account is None:
        raise NoRecipient("there is no account to write to")
    if audience is Audience.EVERYONE:
        if index >= len(account.contacts):
            raise NoRecipient("there are fewer contacts by now")
        if not account.contacts[index].reachable:
            raise NoRecipient("this contact cannot be reached")
        return _mailbox(account.contacts[index])
    main = account.recipient(Role.ADMINISTRATOR)
    contact = account.recipient(Role(audience.value))
    if contact is None:
        raise NoRecipient("no contact of the institution can be reached")
    if audience in {Audience.BILLING, Audience.SECURITY} and contact == main:
        raise NoRecipient("the administrator gets it already")
    return _mailbox(contact)


def _mailbox(contact: Contact) -> Mailbox:
    return Mailbox(address=contact.email, name=contact.name)


def unwanted(template: str, facts: Mapping[str, Any], state: Aggregate) -> str | None:
    """Why a letter need not leave any more, or None. `state` is that of the stream it is about, as it is now."""
    match state, template:
        case ITKSubscription(), "subscription-expiring" | "subscription-in-grace" | "subscription-lapsed":
            return _overtaken(template, facts, state)
        case ITKSubscription() | InstitutionalUserPlan(), "quota-nearly-used" | "quota-used":
            return _limits_raised(facts, state)
        case ITKSubscription(), "cancellation-scheduled" if str(state.intent) == "none" and str(state.status) != "ended":
            return "the cancellation was undone"
        case ITKSubscription(), "subscription-suspended" if str(state.hold) == "none":
            return "access is back"
        case ITKSubscription(), "bulk-data-link" | "bulk-data-link-expiring":
            return _link_overtaken(template, facts, state)
        case ITKSubscription(), "subscription-resumed" if facts["extended_days"] == 0 and _is_later(state.ends_at, facts["ends_at"]):
            return "the letter that names the days given back follows"
        case ApiToken(status=TokenStatus.EXPIRED | TokenStatus.REVOKED | TokenStatus.ROTATING), "token-expiring":
            return f"the token is {state.status}"
        case InstitutionalUserPlan(), "user-plan-expiring" if _is_later(state.until, facts["until"]) or str(state.status) != "active":
            return "the plan goes on" if str(state.status) == "active" else f"the plan is {state.status}"
        case InstitutionalUserPlan(), "user-plan-renewal-waiting" if str(state.renewal) != "waiting":
            return "it does not wait any more"
        case InstitutionalUserPlan(), "user-plan-invited" if str(state.status) != "invited":
            return "the invitation has been answered"
        case InstitutionalUserPlan(), "user-plan-at-risk" if state.risk is None:
            return "the plan is not at risk any more"
        case InstitutionalUserPlan(), "user-plan-under-review" if str(state.status) != "requested":
            return "the request has been decided"
        case InstitutionalAccount(), "nomination-incomplete" if not state.missing or str(state.status) != "nominated":
            return "nothing is missing any more"
        case InstitutionalAccount(), "contact-confirm" if state.onboarding.link(UUID(str(facts["confirmation_id"]))) is None:
            return "the mailbox has confirmed itself, has changed, or was sent a newer link"
        case InstitutionalAccount(), "onboarding-nudge" if not set(facts["steps"]) & set(open_steps(state)):
            return "every step is done"
        case InstitutionalAccount(), "account-suspended" if str(state.status) != "suspended":
            return f"the account is {state.status}"
        case InstitutionalAccount(), "contact-transfer-confirm" if not _pending(state, facts["transfer_id"]):
            return "the transfer is over"
    return None


def _overtaken(template: str, facts: Mapping[str, Any], state: ITKSubscription) -> str | None:
    status = str(state.status)
    match template:
        case "subscription-expiring" if _is_later(state.paid_until, facts["ends_at"]):
            return "the subscription was renewed"
        case "subscription-expiring" if status not in {"active", "suspended"}:
            return f"the subscription is {status}"
        case "subscription-expiring" if str(state.intent) == "cancel_at_end":
            return "the subscription was cancelled"
        case "subscription-in-grace" if status != "grace":
            return f"the subscription is {status}"
        case "subscription-lapsed" if status != "lapsed":
            return f"the subscription is {status}"
    return None


def _link_overtaken(template: str, facts: Mapping[str, Any], state: ITKSubscription) -> str | None:
    """A suspension is no reason: the link works again after it."""
    if str(state.status) in {"lapsed", "ended"}:
        return f"the subscription is {state.status}"
    if all(held.name != f"bulk_data:{facts['product']}" for held in state.entitlements):
        return "the subscription does not include it any more"
    links = [str(link.id) for link in state.links if (str(link.product), link.release) == (facts["product"], facts["release"])]
    if template == "bulk-data-link-expiring" and links[-1:] != [str(facts["link_id"])]:
        return "a newer link leads to the same file"
    return None


def _limits_raised(facts: Mapping[str, Any], state: ITKSubscription | InstitutionalUserPlan) -> str | None:
    limits = (limit_of(plan, facts["counted"]) for plan in state.plans if plan.product == facts["product"])
    reached = any(share_reached(facts["used"], limit, (facts.get("percent", WHOLE),)) for limit in limits)
    return None if reached else "the limit was raised"


def _pending(state: InstitutionalAccount, transfer: str | UUID) -> bool:
    return state.pending_transfer is not None and str(state.pending_transfer.transfer_id) == str(transfer)


def _is_later(now: datetime, then: str | datetime) -> bool:
    return now > (datetime.fromisoformat(then) if isinstance(then, str) else then)
