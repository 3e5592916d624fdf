"""What happens to an account on its way from the first message to a working institution, beside its standing."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.events.base import Event


class Step(StrEnum):
    """The checklist, in the order in which it is read."""

    NOMINATED = "nominated"
    ADDRESS = "address"
    IP_RANGES = "ip_ranges"
    CONVERTED = "converted"
    DOMAINS = "domains"
    ACTIVATED = "activated"
    FIRST_TOKEN = "first_token"  # noqa: S105 - the name of a step
    FIRST_CALL = "first_call"
    LINK_RESOLVERS = "link_resolvers"
    TEN_USERS = "ten_users"
    PORTFOLIO = "portfolio"
    COMMUNITY = "community"


@dataclass(frozen=True, kw_only=True)
class ContactConfirmationAsked(Event):
    """A mailbox is asked once more to confirm itself, by a link that works until `lapses_at`."""

    TOPIC = "account.contact-confirmation-asked"
    confirmation_id: UUID
    contact_id: UUID
    lapses_at: datetime


@dataclass(frozen=True, kw_only=True)
class PersonalMailboxAccepted(Event):
    """The contact is a person's own mailbox, and stays so: somebody has looked at it."""

    TOPIC = "account.personal-mailbox-accepted"
    contact_id: UUID


@dataclass(frozen=True, kw_only=True)
class OnboardingStepReached(Event):
    """A step that shows on other streams, or in the ledger of usage, was reached at `since`.

    `nudge_days`: with the activation, so many days after it the contact is told of what is still open.
    """

    TOPIC = "account.onboarding-step-reached"
    step: Step
    since: datetime
    nudge_days: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CommunityTold(Event):
    """The institution has told its people. That happens elsewhere: somebody says so here."""

    TOPIC = "account.community-told"


@dataclass(frozen=True, kw_only=True)
class OnboardingNudged(Event):
    """Some days after the activation steps are still open."""

    TOPIC = "account.onboarding-nudged"
    days: int
    open: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class OnboardingNudgeSkipped(Event):
    """A day at which nobody need be told any more."""

    TOPIC = "account.onboarding-nudge-skipped"
    days: int
    why: str
