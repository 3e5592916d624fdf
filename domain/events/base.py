"""What every event has, and what surrounds it once it is on record."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

ERASED = "[erased]"
"""What stands where something of a person stood whose key is gone."""


@dataclass(frozen=True)
class Personal:
    """Marks a field that tells something of a person: `Annotated[str, personal("contact_id")]`.

    `of` names the field beside it that identifies the person; `stream` says that the stream itself is the person's. `kind` says that
    the text alone tells who it is: an `address` of the mail, or a `registered-account`.
    """

    of: str
    kind: str | None = None


def personal(of: str, kind: str | None = None) -> Personal:
    return Personal(of, kind)


@dataclass(frozen=True)
class Claim:
    """From now on `key` of this `kind` belongs to the stream, and to no other."""

    kind: str
    key: str


@dataclass(frozen=True)
class Release:
    """The stream gives up its claims of this kind and key; None stands for all."""

    kind: str | None = None
    key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened. `at` is when it took effect: aware, UTC, microseconds."""

    TOPIC: ClassVar[str]
    class_version: ClassVar[int] = 1

    at: datetime

    def claims(self) -> tuple[Claim | Release, ...]:
        """What the stream holds alone from now on, and what it gives up."""
        return ()


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """Who asked, as what, for whom, why; and what led to it."""

    actor: str
    role: str
    on_behalf_of: str | None = None
    reason: str | None = None
    command_id: UUID | None = None
    correlation_id: UUID | None = None
    causation_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """An event with its place in the log. `account_id` is the institution that it belongs to."""

    position: int
    stream_id: UUID
    version: int
    account_id: UUID | None
    recorded_at: datetime
    metadata: Metadata
    event: Event
