"""What can become of an email. `caused_by` and `position` say which event, of which stream, gave occasion to it."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from domain.events.base import Event, personal


@dataclass(frozen=True, kw_only=True)
class EmailSent(Event):
    """The next server has accepted it: `answer` is its reply."""

    TOPIC = "email.sent"
    account_id: UUID | None
    template: str
    role: str
    to: Annotated[str, personal("stream", "address")]
    subject: Annotated[str, personal("caused_by")]  # of whom it tells, who need not be whom it is sent to
    message_id: str
    answer: Annotated[str, personal("stream")]
    caused_by: UUID
    position: int


@dataclass(frozen=True, kw_only=True)
class EmailBounced(Event):
    """Refused when it was handed over, or `reported` later. A hard one says that the address is of no use."""

    TOPIC = "email.bounced"
    account_id: UUID | None
    template: str
    role: str
    to: Annotated[str, personal("stream", "address")]
    hard: bool
    code: str
    answer: Annotated[str, personal("stream")]
    reported: bool
    caused_by: UUID
    position: int


@dataclass(frozen=True, kw_only=True)
class EmailSkipped(Event):
    """The world moved on, or there is nobody to write to; or the server did not take it for days: `answer` is the last that it said."""

    TOPIC = "email.skipped"
    class_version = 2
    account_id: UUID | None
    template: str
    role: str
    why: str
    caused_by: UUID
    position: int
    to: Annotated[str | None, personal("stream", "address")] = None
    answer: Annotated[str | None, personal("stream")] = None

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state |= {"to": None, "answer": None}
