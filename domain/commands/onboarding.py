"""What can be asked of an account on its way to a working institution."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from domain.commands.institutional_account import AccountCommand
from domain.events.onboarding import Step


@dataclass(frozen=True, kw_only=True)
class AskForConfirmation(AccountCommand):
    confirmation_id: UUID
    contact_id: UUID


@dataclass(frozen=True, kw_only=True)
class ConfirmByLink(AccountCommand):
    """`confirmation_id` is that of the link; `mailbox`: what kind of mailbox its reader says it is."""

    confirmation_id: UUID
    mailbox: Literal["shared", "personal"]


@dataclass(frozen=True, kw_only=True)
class AcceptPersonalMailbox(AccountCommand):
    contact_id: UUID


@dataclass(frozen=True, kw_only=True)
class NoteOnboardingStep(AccountCommand):
    step: Step
    since: datetime


@dataclass(frozen=True, kw_only=True)
class TellCommunity(AccountCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class NudgeOnboarding(AccountCommand):
    days: int
