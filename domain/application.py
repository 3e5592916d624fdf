"""Load, settle, decide, record. The only file of the domain that knows the eventsourcing library."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from eventsourcing.persistence import Notification, StoredEvent

from domain.events.base import Claim, Event, Metadata, Recorded, Release

NOBODY = Metadata(actor="", role="")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Pending:
    """An event with its place in its stream, not yet in the log."""

    originator_id: UUID
    originator_version: int
    account_id: UUID | None
    metadata: Metadata
    event: Event


@dataclass(frozen=True, kw_only=True)
class StoredRecord(StoredEvent):
    """The library's stored event, with the columns that stand beside the state."""

    class_version: int = 1
    at: datetime | None = None
    account_id: UUID | None = None
    metadata: Metadata = NOBODY


@dataclass(frozen=True, kw_only=True)
class StoredNotification(Notification):
    """The same, read back with its position."""

    class_version: int = 1
    at: datetime | None = None
    account_id: UUID | None = None
    metadata: Metadata = NOBODY
    recorded_at: datetime = EPOCH


@dataclass(frozen=True, kw_only=True)
class CommandRecord:
    """A command that was carried out: where, and what it was (`fingerprint`). `position` is the log's head at that moment."""

    command_id: UUID
    fingerprint: str
    stream_id: UUID
    version: int
    position: int = 0


class CommandRepeated(Exception):
    """The append found the command's id on record already."""

    def __init__(self, record: CommandRecord) -> None:
        super().__init__(str(record.command_id))
        self.record = record


class Log(Protocol):
    """What the application asks of the recorder, beyond the library's own interface."""

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        command: CommandRecord | None = None,
        requires: Mapping[UUID, int] = ...,
        claims: Sequence[tuple[UUID, Claim | Release]] = (),
        **kwargs: Any,
    ) -> Sequence[int] | None:
        """Append in one transaction. Raises IntegrityError (a version is taken), ClaimHeld, Outdated or CommandRepeated."""
        ...

    def read_stream(self, stream_id: UUID, *, after: int = 0, until: int | None = None) -> list[StoredNotification]: ...

    def read_log(self, *, after: int, limit: int) -> list[StoredNotification]: ...

    def max_notification_id(self) -> int | None: ...

    def find_command(self, command_id: UUID) -> CommandRecord | None: ...

    def holder(self, kind: str, key: str) -> UUID | None: ...

    def claims(self, kind: str, low: str, high: str) -> list[tuple[str, UUID]]:
        """The claims of a kind with low <= key < high, in order of their keys (compared as bytes)."""
        ...


class Codec(Protocol):
    def to_recorded(self, stored: StoredNotification) -> Recorded: ...
