"""What can be asked about people being forgotten: of the request itself, and of the accounts that it concerns."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.commands.base import Command
from domain.commands.institutional_account import AccountCommand
from domain.events.people import Ground


class ErasureCommand(Command):
    pass


@dataclass(frozen=True, kw_only=True)
class RequestErasure(ErasureCommand):
    """`people` are the ids of one person. `rule`: what was laid down before and stands for the second admin; only for the system."""

    people: tuple[UUID, ...]
    ground: Ground
    rule: str | None = None


@dataclass(frozen=True, kw_only=True)
class ConfirmErasure(ErasureCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class WithdrawErasure(ErasureCommand):
    cause: str = "asked"


@dataclass(frozen=True, kw_only=True)
class RefuseErasure(ErasureCommand):
    cause: str = "other"


@dataclass(frozen=True, kw_only=True)
class NoteErasureWaits(ErasureCommand):
    accounts: tuple[UUID, ...]


@dataclass(frozen=True, kw_only=True)
class NoteErasureDue(ErasureCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class AskForReplacement(AccountCommand):
    """`contact_id` is to be forgotten, by the request `request_id`."""

    contact_id: UUID
    request_id: UUID
    until: datetime


@dataclass(frozen=True, kw_only=True)
class RemoveForgottenContact(AccountCommand):
    """Whoever else there is, or is not."""

    contact_id: UUID
