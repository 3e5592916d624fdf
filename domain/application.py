"""Load, settle, decide, record. The only file of the domain that knows the eventsourcing library."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock
from typing import Any, Protocol
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import InfrastructureFactory, IntegrityError, Notification, StoredEvent
from eventsourcing.utils import Environment

from domain.clock import Clock
from domain.commands.base import Command, Deadline
from domain.context import Context
from domain.deadlines import settle
from domain.errors import ClaimHeld, NotFound, Outdated, Refused
from domain.events.base import Claim, Event, Metadata, Recorded, Release
from domain.rules import DEFAULT_RULES, Rules
from domain.streams import EPOCH, Aggregate, Stream, empty_for
from domain.surroundings import Requires, Surroundings

NOBODY = Metadata(actor="", role="")


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


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which events of the log; None does not select. `from_` and `to` bound the instant of effect, half-open."""

    stream: UUID | None = None
    account: UUID | None = None
    actor: str | None = None
    topic: str | None = None
    from_: datetime | None = None
    to: datetime | None = None


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

    def read_log(self, *, after: int, limit: int, only: Selection | None = None) -> list[StoredNotification]: ...

    def max_notification_id(self) -> int | None: ...

    def find_command(self, command_id: UUID) -> CommandRecord | None: ...

    def holder(self, kind: str, key: str) -> UUID | None: ...

    def claims(self, kind: str, low: str, high: str) -> list[tuple[str, UUID]]:
        """The claims of a kind with low <= key < high, in order of their keys (compared as bytes)."""
        ...


class Codec(Protocol):
    def to_recorded(self, stored: StoredNotification) -> Recorded: ...


class Store(Protocol):
    """What keeps the log; built in `ops`, because it knows a database."""

    @property
    def log(self) -> Log: ...

    @property
    def codec(self) -> Codec: ...

    @property
    def factory(self) -> InfrastructureFactory[Any]: ...


class KeyReused(Refused):
    """The same idempotency key came with another request."""

    def __init__(self) -> None:
        super().__init__("idempotency-key-reused", "this key was used for another request; use a new one", field="Idempotency-Key")


class VersionMismatch(Refused):
    """The caller has seen another version than the present one."""

    def __init__(self, version: int) -> None:
        super().__init__("version-mismatch", f"it is at version {version} by now; read it again", field="If-Match")
        self.version = version


class Busy(Refused):
    """Others changed the same thing each time that we tried."""

    def __init__(self) -> None:
        super().__init__("busy", "others are changing the same thing just now; try again")


@dataclass(frozen=True)
class Outcome:
    """What became of commands: each stream as it is now, what happened, and how far the log is."""

    streams: tuple[Stream, ...]
    events: tuple[Pending, ...]
    position: int
    repeated: bool = False

    @property
    def stream(self) -> Stream:
        """The stream that the answer shows: the last command's."""
        return self.streams[-1]


@dataclass
class _Draft:
    """A stream on its way through settling and deciding."""

    stream: Stream
    pending: list[Pending] = field(default_factory=list)

    def add(self, event: Event, metadata: Metadata) -> None:
        state = self.stream.state.evolve(event)
        self.stream = Stream(self.stream.id, state, self.stream.version + 1, event.at)
        self.pending.append(
            Pending(
                originator_id=self.stream.id,
                originator_version=self.stream.version,
                account_id=self.stream.account_id,
                metadata=metadata,
                event=event,
            )
        )


TRIES = 4
CACHED_STREAMS = 20_000
SYSTEM = Metadata(actor="tenure", role="system")
_TAKEN = {
    "registered-account": ("registered-account-taken", "registered_account_id", "the registered account {key} belongs to account {holder}"),
    "domain": ("domain-taken", "domains", "the domain {key} is held by account {holder}"),
    "subscription": ("subscription-overlaps", "account_id", "the account has subscription {holder}, which has not ended"),
    "person": ("person-known", "email", "this person has user plan {holder} at the institution"),
    "token-digest": ("token-known", "digest", "this secret belongs to token {holder}"),
}


class Lifecycle(Application[UUID]):
    """The use cases: every command goes in here, and nothing else writes to the log."""

    def __init__(self, store: Store, clock: Clock, rules: Rules = DEFAULT_RULES, on_recorded: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self.log_reader = store.log
        self.codec = store.codec
        self.clock = clock
        self.rules = rules
        self.on_recorded = on_recorded
        self._cache: OrderedDict[UUID, Stream] = OrderedDict()
        self._cache_lock = Lock()
        self._surroundings = Surroundings(store.log, rules, self._read, self._read_at, self._settled)
        super().__init__()

    def construct_env(self, name: str, env: Any = None) -> Environment:  # noqa: ARG002 - the settings come from elsewhere
        return Environment(name, {})

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:  # noqa: ARG002
        return self._store.factory

    # reading

    def load(self, id: UUID, *, until: int | None = None) -> Stream:
        """The stream as recorded, up to version `until`. Raises NotFound for a stream without events."""
        stream = self._read(id, until)
        if stream is None:
            raise NotFound("such thing as", id)
        return stream

    def present(self, id: UUID) -> Stream:
        """The stream as it is at this instant: what is overdue has taken effect, though nothing is recorded."""
        return self.at_instant(self.load(id), self.clock.now())

    def at_instant(self, stream: Stream, instant: datetime) -> Stream:
        return replace(self._settled(stream, instant, {}), version=stream.version)

    def _read(self, id: UUID, until: int | None = None) -> Stream | None:
        with self._cache_lock:
            known = self._cache.get(id)
        if known is not None and until is not None and known.version > until:
            known = None
        stream = known
        for stored in self._store.log.read_stream(id, after=known.version if known else 0, until=until):
            event = self.codec.to_recorded(stored).event
            before = stream.state if stream else empty_for(event)
            stream = Stream(id, before.evolve(event), stored.originator_version, event.at)
        if stream is not None and until is None:
            self._remember(stream)
        return stream

    def _read_at(self, id: UUID, instant: datetime) -> Stream | None:
        """The stream as it was recorded of `instant`: without what took effect later."""
        stream: Stream | None = None
        for stored in self._store.log.read_stream(id):
            event = self.codec.to_recorded(stored).event
            if event.at > instant:
                break
            before = stream.state if stream else empty_for(event)
            stream = Stream(id, before.evolve(event), stored.originator_version, event.at)
        return stream

    def _remember(self, stream: Stream) -> None:
        with self._cache_lock:
            known = self._cache.get(stream.id)
            if known is None or known.version <= stream.version:
                self._cache[stream.id] = stream
                self._cache.move_to_end(stream.id)
            if len(self._cache) > CACHED_STREAMS:
                self._cache.popitem(last=False)

    # writing

    def handle(
        self,
        *commands: Command,
        metadata: Metadata,
        fingerprint: str = "",
        if_version: int | None = None,
        at: datetime | None = None,
    ) -> Outcome:
        """Carry out commands together, in one append, once per `metadata.command_id`.

        `at`: when it takes effect, if that is past: a consequence takes effect when its cause did, however late it is carried out.

        `if_version`: the version that the caller has seen of the first command's stream. Raises Refused, Invalid, Forbidden or NotFound,
        VersionMismatch, KeyReused, and Busy when others were faster four times.
        """
        if (record := self._known(metadata)) is not None:
            return self._repeat(record, fingerprint)
        for _ in range(TRIES):
            try:
                return self._attempt(commands, metadata, fingerprint, if_version, at)
            except CommandRepeated as twin:
                return self._repeat(twin.record, fingerprint)
            except (IntegrityError, Outdated):
                continue
            except ClaimHeld as held:
                if self.settle(held.holder).events or held.kind == "token-slot":
                    continue  # what it held had fallen due, or another slot may be free
                if (record := self._known(metadata)) is not None:
                    return self._repeat(record, fingerprint)
                slug, field_name, sentence = _TAKEN[held.kind]
                raise Refused(slug, sentence.format(key=held.key, holder=held.holder), field=field_name) from held
            except Refused:
                if (record := self._known(metadata)) is not None:  # a twin was faster, and ours came too late to be allowed
                    return self._repeat(record, fingerprint)
                raise
        raise Busy

    def settle(self, id: UUID, until: datetime | None = None) -> Outcome:
        """Record what has fallen due in a stream, by now or by an earlier instant."""
        for _ in range(TRIES):
            try:
                return self._attempt_to_settle(self.load(id), until)
            except (IntegrityError, Outdated):
                continue
        raise Busy

    def preview(self, *commands: Command, metadata: Metadata) -> tuple[Event, ...]:
        """What would happen, if it were asked now."""
        drafts, _ = self._decide(commands, metadata, None, None)
        return tuple(pending.event for draft in drafts for pending in draft.pending)

    def _known(self, metadata: Metadata) -> CommandRecord | None:
        return self._store.log.find_command(metadata.command_id) if metadata.command_id else None

    def _repeat(self, record: CommandRecord, fingerprint: str) -> Outcome:
        if record.fingerprint != fingerprint:
            raise KeyReused
        return Outcome((self.load(record.stream_id, until=record.version),), (), record.position, repeated=True)

    def _attempt(
        self, commands: Sequence[Command], metadata: Metadata, fingerprint: str, if_version: int | None, at: datetime | None
    ) -> Outcome:
        drafts, requires = self._decide(commands, metadata, if_version, at)
        shown = drafts[-1].stream
        command = None
        if metadata.command_id is not None:
            command = CommandRecord(command_id=metadata.command_id, fingerprint=fingerprint, stream_id=shown.id, version=shown.version)
        return self._append(drafts, command, requires)

    def _attempt_to_settle(self, stream: Stream, until: datetime | None) -> Outcome:
        draft, requires = _Draft(stream), Requires()
        observed_at = self.clock.now()
        self._settle(draft, min(until or observed_at, observed_at), observed_at, SYSTEM, requires)
        return self._append([draft], None, requires)

    def _append(self, drafts: Sequence[_Draft], command: CommandRecord | None, requires: Mapping[UUID, int]) -> Outcome:
        pending = [each for draft in drafts for each in draft.pending]
        position = 0
        if pending or command:
            written = {draft.stream.id for draft in drafts if draft.pending}
            positions = self._store.log.insert_events(
                [self.mapper.to_stored_event(each) for each in pending],
                command=command,
                requires={stream: version for stream, version in requires.items() if pending and stream not in written},
                claims=[(each.originator_id, claim) for each in pending for claim in each.event.claims()],
            )
            position = max(positions or (), default=0)
        for draft in drafts:
            if draft.pending:
                self._remember(draft.stream)
        if pending:
            self.on_recorded()
        return Outcome(tuple(draft.stream for draft in drafts), tuple(pending), position or self._store.log.max_notification_id() or 0)

    def _decide(
        self, commands: Sequence[Command], metadata: Metadata, if_version: int | None, at: datetime | None
    ) -> tuple[list[_Draft], Requires]:
        observed_at = self.clock.now()
        instant = observed_at if at is None else min(at, observed_at)
        drafts: list[_Draft] = []
        requires: Requires = {}
        for command in commands:
            stream = self._read(command.id) or Stream(command.id, empty_for(command))
            if type(stream.state) is not type(empty_for(command)):
                raise NotFound("such thing as", command.id)
            if if_version is not None and not drafts and stream.version != if_version:
                raise VersionMismatch(stream.version)
            draft = _Draft(stream)
            self._settle(draft, instant, observed_at, metadata, requires)
            now = max(instant, draft.stream.last_at)
            released = frozenset(
                each.originator_id for other in drafts for each in other.pending if Release("token-slot") in each.event.claims()
            )
            context = self._surroundings.context(draft.stream, command, now, observed_at, metadata, requires, released)
            for event in draft.stream.state.decide(command, context):
                draft.add(event, metadata)
            drafts.append(draft)
        return drafts, requires

    def _settle(self, draft: _Draft, instant: datetime, observed_at: datetime, metadata: Metadata, requires: Requires) -> None:
        stream = draft.stream
        system = replace(SYSTEM, correlation_id=metadata.correlation_id, causation_id=metadata.command_id)

        def context_at(state: Aggregate, deadline: Deadline) -> Context:
            return self._surroundings.context(
                replace(stream, state=state), deadline.command, deadline.due_at, observed_at, system, requires
            )

        _, events = settle(stream.state, stream.id, instant, stream.last_at, context_at)
        for event in events:
            draft.add(event, system)

    def _settled(self, stream: Stream, instant: datetime, requires: Requires) -> Stream:
        draft = _Draft(stream)
        self._settle(draft, instant, instant, SYSTEM, requires)
        return draft.stream
