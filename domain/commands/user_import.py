"""What can be asked of a list of people."""

from dataclasses import dataclass
from uuid import UUID

from domain.commands.base import Command
from domain.events.user_import import Mode, SettledRow


class UserImportCommand(Command):
    pass


@dataclass(frozen=True, kw_only=True)
class SubmitUserImport(UserImportCommand):
    """The list is stored already, under the same id."""

    account_id: UUID
    subscription_id: UUID
    mode: Mode
    dry_run: bool
    rows: int
    digest: str
    same_as: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class SettleRows(UserImportCommand):
    """What became of the next rows."""

    rows: tuple[SettledRow, ...]


@dataclass(frozen=True, kw_only=True)
class CompleteUserImport(UserImportCommand):
    """Every row is settled. `absent` is counted where the list is complete."""

    absent: int | None = None


@dataclass(frozen=True, kw_only=True)
class ConfirmAbsences(UserImportCommand):
    """`absent`: the number that was seen."""

    absent: int


@dataclass(frozen=True, kw_only=True)
class UndoUserImport(UserImportCommand):
    pass
