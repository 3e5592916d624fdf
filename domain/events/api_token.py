"""What can happen to a token. The secret itself is never among it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from domain.events.base import Claim, Event, Release, personal


@dataclass(frozen=True, kw_only=True)
class TokenIssued(Event):
    """`owner_id` is an institutional account or a user plan; `slot` is one of the places for live tokens that an owner has."""

    TOPIC = "token.issued"
    account_id: UUID
    owner_id: UUID
    label: Annotated[str, personal("owner_id")]
    digest: str  # HMAC-SHA-256 of the secret, hex
    pepper: int  # the version of the key of that HMAC
    prefix: str
    last_four: str
    expires_at: datetime
    slot: int
    reminders: tuple[int, ...]  # days before the end
    replaces: UUID | None = None

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Claim("token-slot", f"{self.owner_id}/{self.slot}"), Claim("token-digest", self.digest))


@dataclass(frozen=True, kw_only=True)
class TokenRotated(Event):
    """Another token takes this one's place; this one still works until `expires_at`."""

    TOPIC = "token.rotated"
    replaced_by: UUID
    expires_at: datetime

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Release("token-slot"),)


@dataclass(frozen=True, kw_only=True)
class TokenExpiring(Event):
    """One rung of the reminder ladder was reached."""

    TOPIC = "token.expiring"
    days_left: int
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class TokenReminderSkipped(Event):
    """A rung that nobody is to be told of any more."""

    TOPIC = "token.reminder-skipped"
    days_left: int
    expires_at: datetime
    why: str


@dataclass(frozen=True, kw_only=True)
class TokenExpired(Event):
    TOPIC = "token.expired"

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Release(),)


@dataclass(frozen=True, kw_only=True)
class TokenRevoked(Event):
    TOPIC = "token.revoked"
    cause: str  # asked, leaked, left, account-closed, subscription-cancelled

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Release(),)


@dataclass(frozen=True, kw_only=True)
class TokenLeaked(Event):
    """Somebody found the secret where it should not be; `where` as they said it."""

    TOPIC = "token.leaked"
    where: Annotated[str, personal("stream")]
