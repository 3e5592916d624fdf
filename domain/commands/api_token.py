"""What can be asked of a token."""

from dataclasses import dataclass
from uuid import UUID

from domain.commands.base import Command


class TokenCommand(Command):
    pass


@dataclass(frozen=True, kw_only=True)
class IssueToken(TokenCommand):
    """The secret is made, and its digest computed, where the command is; it never comes here."""

    account_id: UUID
    owner_id: UUID
    label: str
    digest: str
    pepper: int
    prefix: str
    last_four: str
    replaces: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class RotateToken(TokenCommand):
    """The old token's side of a rotation; the new one is issued in the same append."""

    replaced_by: UUID
    overlap_days: int = 7


@dataclass(frozen=True, kw_only=True)
class RevokeToken(TokenCommand):
    cause: str = "asked"


@dataclass(frozen=True, kw_only=True)
class ReportLeak(TokenCommand):
    where: str


@dataclass(frozen=True, kw_only=True)
class RemindOfToken(TokenCommand):
    days_left: int


@dataclass(frozen=True, kw_only=True)
class ExpireToken(TokenCommand):
    pass
