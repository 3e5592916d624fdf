"""What can be put on record about an email."""

from dataclasses import dataclass
from uuid import UUID

from domain.commands.base import Command


class EmailCommand(Command):
    pass


@dataclass(frozen=True, kw_only=True)
class RecordSent(EmailCommand):
    """`answer` is the reply of the server that accepted it."""

    account_id: UUID | None
    template: str
    role: str
    to: str
    subject: str
    message_id: str
    answer: str
    caused_by: UUID
    position: int


@dataclass(frozen=True, kw_only=True)
class RecordBounced(EmailCommand):
    """The server refused this recipient when it was handed over; `code` is its SMTP or enhanced status code."""

    account_id: UUID | None
    template: str
    role: str
    to: str
    hard: bool
    code: str
    answer: str
    caused_by: UUID
    position: int


@dataclass(frozen=True, kw_only=True)
class RecordSkipped(EmailCommand):
    """`to` and `answer` where a server was asked to take it, and did not."""

    account_id: UUID | None
    template: str
    role: str
    why: str
    caused_by: UUID
    position: int
    to: str | None = None
    answer: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReportBounce(EmailCommand):
    """It came back after it had been accepted."""

    hard: bool
    code: str
    answer: str
