"""How far an institution has come: which steps of the checklist are done, and since when."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self
from uuid import UUID

from domain.events.base import Event
from domain.events.institutional_account import (
    AccountNominated,
    ContactAmended,
    ContactConfirmed,
    ContactRemoved,
    ContactTransferred,
)
from domain.events.onboarding import (
    CommunityTold,
    ContactConfirmationAsked,
    OnboardingNudged,
    OnboardingNudgeSkipped,
    OnboardingStepReached,
    PersonalMailboxAccepted,
    Step,
)

if TYPE_CHECKING:
    from domain.aggregates.institutional_account_state import AccountState


@dataclass(frozen=True)
class Asked:
    """A link that a contact's mailbox was sent to confirm itself by."""

    confirmation_id: UUID
    contact_id: UUID
    lapses_at: datetime


@dataclass(frozen=True)
class Onboarding:
    """`done`: since when each step is; what was undone is not in it. `reached`: the steps that show elsewhere."""

    done: Mapping[Step, datetime] = field(default_factory=dict)
    reached: Mapping[Step, datetime] = field(default_factory=dict)
    asked: tuple[Asked, ...] = ()
    answered: frozenset[UUID] = frozenset()  # links that were used
    personal: frozenset[UUID] = frozenset()  # contacts that say of themselves that they are a person's own mailbox
    shared: frozenset[UUID] = frozenset()  # contacts that say of themselves that several people read them
    accepted: frozenset[UUID] = frozenset()
    nudge_days: tuple[int, ...] = ()
    nudged: frozenset[int] = frozenset()

    def evolve(self, event: Event, before: "AccountState", account: "AccountState") -> Self:
        """`account` is as it is after the event."""
        if isinstance(event, ContactAmended) and (known := before.contact(event.contact_id)) and known.email != event.email:
            after = self._forgetting(event.contact_id)
        else:
            after = self._evolved(event)
        now = _shown_by(account, after)
        held = {step: after.done[step] for step in after.done if step in now}
        return replace(after, done=held | {step: after.reached.get(step, event.at) for step in now if step not in held})

    def _evolved(self, event: Event) -> Self:
        match event:
            case AccountNominated(contact_id=id, confirm_until=until) if until is not None:
                return replace(self, asked=(Asked(id, id, until),))
            case ContactConfirmationAsked(confirmation_id=link, contact_id=id, lapses_at=until):
                others = tuple(each for each in self.asked if each.contact_id != id)
                return replace(self, asked=(*others, Asked(link, id, until)))
            case ContactConfirmed(contact_id=id, mailbox=mailbox):
                links = {each.confirmation_id for each in self.asked if each.contact_id == id}
                personal = {"personal": self.personal | {id}, "shared": self.personal - {id}}.get(mailbox or "", self.personal)
                shared = {"shared": self.shared | {id}, "personal": self.shared - {id}}.get(mailbox or "", self.shared)
                return replace(self, asked=self._without(id), answered=self.answered | links, personal=personal, shared=shared)
            case ContactRemoved(contact_id=id) | ContactTransferred(contact_id=id):
                return self._forgetting(id)
            case PersonalMailboxAccepted(contact_id=id):
                return replace(self, accepted=self.accepted | {id})
            case OnboardingStepReached(step=step, since=since, nudge_days=days):
                return replace(self, reached={**self.reached, step: since}, nudge_days=days or self.nudge_days)
            case CommunityTold(at=at):
                return replace(self, reached={**self.reached, Step.COMMUNITY: at})
            case OnboardingNudged(days=days):
                return replace(self, nudged=self.nudged | {each for each in self.nudge_days if each <= days})
            case OnboardingNudgeSkipped(days=days):
                return replace(self, nudged=self.nudged | {days})
        return self

    def _forgetting(self, contact: UUID) -> Self:
        """Another mailbox is another matter."""
        return replace(
            self,
            asked=self._without(contact),
            personal=self.personal - {contact},
            shared=self.shared - {contact},
            accepted=self.accepted - {contact},
        )

    def _without(self, contact: UUID) -> tuple[Asked, ...]:
        return tuple(each for each in self.asked if each.contact_id != contact)

    def link(self, confirmation_id: UUID) -> Asked | None:
        return next((each for each in self.asked if each.confirmation_id == confirmation_id), None)

    def nudge_at(self, days: int) -> datetime:
        return self.reached[Step.ACTIVATED] + timedelta(days=days)


def _shown_by(account: "AccountState", onboarding: Onboarding) -> set[Step]:
    """The steps that are done as things stand."""
    main = account.contact(account.main_contact) or next(iter(account.administrators), None)
    confirmed = main is not None and (main.id in onboarding.accepted or (main.verified and main.id not in onboarding.personal))
    standing = {
        Step.NOMINATED: account.nomination is not None,
        Step.ADDRESS: confirmed,
        Step.IP_RANGES: bool(account.ip_ranges),
        Step.CONVERTED: account.converted_at is not None,
        Step.DOMAINS: bool(account.domains),
        Step.LINK_RESOLVERS: bool(account.libkey_id or account.worldcat_registry_id),
        Step.PORTFOLIO: bool(account.portfolios.attested),
    }
    return {step for step, done in standing.items() if done} | set(onboarding.reached)
