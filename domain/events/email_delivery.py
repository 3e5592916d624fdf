"""What can become of an email. `caused_by` and `position` say which event, of which stream, gave occasion to it."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from domain.events.base import Event, personal


@dataclass(frozen=True, kw_only=True)
class EmailSent(Event):
    """The next server has accepted it: `answer` is its reply."""

    TOPIC = "email.sent"
    account_id: UUID | None
    template: str
    role: str
    to: Annotated[str, personal("stream")]
    subject: str
    message_id: str
    answer: str
    caused_by: UUID
    position: int


@dataclass(frozen=True, kw_only=True)
class EmailBounced(Event):
    """Refused when it was handed over, or `reported` later. A hard one says that the address is of no use."""

    TOPIC = "email.bounced"
    account_id: UUID | None
    template: str
    role: str
    to: Annotated[str, personal("stream")]
    hard: bool
    code: str
    answer: str
    reported: bool
    caused_by: UUID
    position: int


@dataclass(frozen=True, kw_only=True)
class EmailSkipped(Event):
    """The world moved on, or there is nobody to write to."""

    TOPIC = "email.skipped"
    account_id: UUID | None
    template: str
    role: str
    why: str
    caused_by: UUID
    position: int
