"""The side of an account that leads from a nomination to a working institution: confirmations, what was reached, nudges."""

from datetime import timedelta
from uuid import UUID

from domain.aggregates.institutional_account_state import AccountState
from domain.commands.base import Deadline
from domain.commands.institutional_account import AccountCommand
from domain.commands.onboarding import (
    AcceptPersonalMailbox,
    AskForConfirmation,
    ConfirmByLink,
    NoteOnboardingStep,
    NudgeOnboarding,
    TellCommunity,
)
from domain.context import Context
from domain.errors import Refused
from domain.events.base import Event
from domain.events.institutional_account import Contact, ContactConfirmed
from domain.events.onboarding import (
    CommunityTold,
    ContactConfirmationAsked,
    OnboardingNudged,
    OnboardingNudgeSkipped,
    OnboardingStepReached,
    PersonalMailboxAccepted,
    Step,
)
from domain.onboarding import open_steps

TOO_LATE = timedelta(days=14)
"""A nudge that comes later than that is of no use: nobody who was activated long before there were any is to be told now."""


def decide_on_onboarding(account: AccountState, command: AccountCommand, context: Context) -> tuple[Event, ...]:
    """For an account that is nominated, active or suspended."""
    now, onboarding = context.now, account.onboarding
    match command:
        case AskForConfirmation(confirmation_id=link, contact_id=id):
            contact = _known(account, id)
            if link in onboarding.answered or onboarding.link(link) is not None:
                return ()
            if contact.verified:
                raise Refused("contact-confirmed", "this mailbox has confirmed itself already", field="contact_id")
            until = now + timedelta(days=context.rules.contact_confirmation_days)
            return (ContactConfirmationAsked(at=now, confirmation_id=link, contact_id=id, lapses_at=until),)
        case ConfirmByLink(confirmation_id=link) if link in onboarding.answered:
            return ()
        case ConfirmByLink(confirmation_id=link, mailbox=mailbox):
            asked = onboarding.link(link)
            if asked is None or now >= asked.lapses_at:
                raise Refused("confirmation-over", "this link has lapsed, or a newer one was sent; ask support for another one")
            return (ContactConfirmed(at=now, contact_id=asked.contact_id, mailbox=mailbox),)
        case AcceptPersonalMailbox(contact_id=id):
            _known(account, id)
            return () if id in onboarding.accepted else (PersonalMailboxAccepted(at=now, contact_id=id),)
        case NoteOnboardingStep(step=step, since=since):
            if step in onboarding.reached:
                return ()
            days = context.rules.onboarding_nudges if step is Step.ACTIVATED else ()
            return (OnboardingStepReached(at=now, step=step, since=since, nudge_days=days),)
        case TellCommunity():
            if Step.ACTIVATED not in onboarding.reached:
                raise Refused(
                    "nothing-to-tell", "the community is told once the subscription is active; there is nothing to announce before"
                )
            return () if Step.COMMUNITY in onboarding.reached else (CommunityTold(at=now),)
        case NudgeOnboarding(days=days):
            return _nudge(account, days, context)
    raise account.refusal(command)


def _nudge(account: AccountState, days: int, context: Context) -> tuple[Event, ...]:
    now, onboarding = context.now, account.onboarding
    if Step.ACTIVATED not in onboarding.reached or days not in onboarding.nudge_days or days in onboarding.nudged:
        return ()
    if now < onboarding.nudge_at(days):
        return ()
    if (why := _why_not(account, days, context)) is not None:
        return (OnboardingNudgeSkipped(at=now, days=days, why=why),)
    return (OnboardingNudged(at=now, days=days, open=open_steps(account)),)


def _why_not(account: AccountState, days: int, context: Context) -> str | None:
    onboarding, subscription = account.onboarding, context.subscription
    later = [other for other in onboarding.nudge_days if other > days and onboarding.nudge_at(other) <= context.observed_at]
    if later:
        return f"the one after {max(later)} days was due too"
    if context.observed_at - onboarding.nudge_at(days) > TOO_LATE:
        return f"it was due on {onboarding.nudge_at(days):%Y-%m-%d}, more than {TOO_LATE.days} days before"
    if not open_steps(account):
        return "every step is done"
    if account.status != "active":
        return f"the account is {account.status}"
    if subscription is None or not subscription.gives_access:
        return f"the subscription is {subscription.status}" if subscription else "the account has no subscription"
    return None


def _known(account: AccountState, id: UUID) -> Contact:
    contact = account.contact(id)
    if contact is None:
        raise Refused("no-such-contact", f"the account has no contact {id}", field="contact_id")
    return contact


def nudges(account: AccountState, stream: UUID) -> tuple[Deadline, ...]:
    onboarding = account.onboarding
    return tuple(
        Deadline(f"nudge-{days}", onboarding.nudge_at(days), NudgeOnboarding(id=stream, days=days))
        for days in onboarding.nudge_days
        if days not in onboarding.nudged
    )
