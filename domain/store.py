"""What the application asks of whatever keeps the log, and in which form: records, what selects them, and whom they tell of."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from eventsourcing.persistence import InfrastructureFactory, Notification, StoredEvent

from domain.attempt import Pending
from domain.events.base import Claim, Metadata, Recorded, Release
from domain.streams import EPOCH

NOBODY = Metadata(actor="", role="")


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """By whose keys something of a record is sealed; and of people who are new with it, their keys and what they are found by."""

    people: frozenset[UUID] = frozenset()
    made: Mapping[UUID, tuple[int, bytes]] = field(default_factory=dict)
    """The version of the key-encryption key, and the wrapped key."""
    handles: Mapping[str, tuple[str, UUID]] = field(default_factory=dict)
    """Of each keyed hash its kind, and whose it is."""


OPEN = Sealed()


class People(Protocol):
    """Whom the log knows; built in `ops`, because it knows the keys."""

    def find(self, kind: str, text: str) -> UUID | None:
        """Whose `address`, `registered-account` or `subject` (the id of a contact, a plan, a librarian's key, an email) this is."""
        ...

    def exists(self, person: UUID) -> bool: ...

    def streams_of(self, people: Collection[UUID]) -> list[UUID]: ...


@dataclass(frozen=True)
class Forgotten:
    """Who is forgotten, the streams that told of them, and by what they were found."""

    people: frozenset[UUID]
    streams: frozenset[UUID]
    handles: frozenset[str]
    texts: frozenset[str]
    """What was known of them: addresses, names, registered accounts."""


@dataclass(frozen=True, kw_only=True)
class StoredRecord(StoredEvent):
    """The library's stored event, with the columns that stand beside the state."""

    class_version: int = 1
    at: datetime | None = None
    account_id: UUID | None = None
    metadata: Metadata = NOBODY
    sealed: Sealed = OPEN


@dataclass(frozen=True, kw_only=True)
class StoredNotification(Notification):
    """The same, read back with its position."""

    class_version: int = 1
    at: datetime | None = None
    account_id: UUID | None = None
    metadata: Metadata = NOBODY
    recorded_at: datetime = EPOCH
    keys: Mapping[str, Any] | None = None
    """The keys of the people in it, as of this reading; who is not among them is forgotten. None: they were not read."""


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


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which events of the log; None does not select. A `topic` that ends with a full stop selects all that begin with it.

    `from_` and `to` bound the instant of effect, `recorded_from` and `recorded_to` that of record, each half-open.
    """

    stream: UUID | None = None
    account: UUID | None = None
    actor: str | None = None
    topic: str | None = None
    from_: datetime | None = None
    to: datetime | None = None
    role: str | None = None
    command: UUID | None = None
    correlation: UUID | None = None
    causation: UUID | None = None
    recorded_from: datetime | None = None
    recorded_to: datetime | None = None

    @property
    def asked(self) -> dict[str, Any]:
        """What selects, as a caller writes it."""
        return {name.rstrip("_"): value for name, value in vars(self).items() if value is not None}


class Log(Protocol):
    """What the application asks of the recorder, beyond the library's own interface."""

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        commands: Sequence[CommandRecord] = (),
        requires: Mapping[UUID, int] = ...,
        claims: Sequence[tuple[UUID, Claim | Release]] = (),
        forgetting: Collection[UUID] = (),
        **kwargs: Any,
    ) -> Sequence[int] | None:
        """Append in one transaction; with it the keys of people are destroyed who are to be forgotten.

        Raises IntegrityError (a version is taken), ClaimHeld, Outdated or CommandRepeated.
        """
        ...

    def read_stream(self, stream_id: UUID, *, after: int = 0, until: int | None = None) -> list[StoredNotification]: ...

    def read_streams(self, after: Mapping[UUID, int]) -> list[StoredNotification]:
        """The events of several streams, each behind the version given for it, in the order of their versions."""
        ...

    def read_log(self, *, after: int, limit: int, only: Selection | None = None) -> list[StoredNotification]: ...

    def count_log(self, *, until: int, only: Selection | None = None) -> int: ...

    def max_notification_id(self) -> int | None: ...

    def find_command(self, command_id: UUID) -> CommandRecord | None: ...

    def find_commands(self, command_ids: Sequence[UUID]) -> dict[UUID, CommandRecord]: ...

    def streams_of(self, people: Collection[UUID]) -> list[UUID]:
        """In which something of these people is sealed."""
        ...

    def holder(self, kind: str, key: str) -> UUID | None: ...

    def holders(self, kind: str, keys: Sequence[str]) -> dict[str, UUID]: ...

    def claims(self, kind: str, low: str, high: str) -> list[tuple[str, UUID]]:
        """The claims of a kind with low <= key < high, in order of their keys (compared as bytes)."""
        ...


class Codec(Protocol):
    def to_stored_events(self, pending: Sequence[Pending]) -> list[StoredRecord]: ...

    def to_recorded(self, stored: StoredNotification) -> Recorded: ...

    def told_of(self, stored: StoredNotification, person: UUID) -> dict[str, str]:
        """What of an event is personal and of this person, by the paths of the fields."""
        ...


class Store(Protocol):
    """What keeps the log; built in `ops`, because it knows a database."""

    @property
    def log(self) -> Log: ...

    @property
    def codec(self) -> Codec: ...

    @property
    def factory(self) -> InfrastructureFactory[Any]: ...
