"""Load, settle, decide, record. The only file of the domain that knows the eventsourcing library."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import Any, Protocol
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import InfrastructureFactory, IntegrityError, Notification, StoredEvent
from eventsourcing.utils import Environment

from domain.attempt import SYSTEM, Attempt, Draft, Judged, Pending
from domain.clock import Clock
from domain.commands.base import Command
from domain.errors import ClaimHeld, DomainError, NotFound, Outdated, Refused
from domain.events.base import Claim, Event, Metadata, Recorded, Release
from domain.rules import DEFAULT_RULES, Rules
from domain.streams import EPOCH, Stream, empty_for

NOBODY = Metadata(actor="", role="")


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
        commands: Sequence[CommandRecord] = (),
        requires: Mapping[UUID, int] = ...,
        claims: Sequence[tuple[UUID, Claim | Release]] = (),
        **kwargs: Any,
    ) -> Sequence[int] | None:
        """Append in one transaction. Raises IntegrityError (a version is taken), ClaimHeld, Outdated or CommandRepeated."""
        ...

    def read_stream(self, stream_id: UUID, *, after: int = 0, until: int | None = None) -> list[StoredNotification]: ...

    def read_streams(self, after: Mapping[UUID, int]) -> list[StoredNotification]:
        """The events of several streams, each behind the version given for it, in the order of their versions."""
        ...

    def read_log(self, *, after: int, limit: int, only: Selection | None = None) -> list[StoredNotification]: ...

    def max_notification_id(self) -> int | None: ...

    def find_command(self, command_id: UUID) -> CommandRecord | None: ...

    def find_commands(self, command_ids: Sequence[UUID]) -> dict[UUID, CommandRecord]: ...

    def holder(self, kind: str, key: str) -> UUID | None: ...

    def holders(self, kind: str, keys: Sequence[str]) -> dict[str, UUID]: ...

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

    def __init__(self, field: str = "Idempotency-Key") -> None:
        super().__init__("idempotency-key-reused", "this key was used for another request; use a new one", field=field)


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


TRIES = 4
CACHED_STREAMS = 20_000
_TAKEN = {
    "registered-account": ("registered-account-taken", "registered_account_id", "the registered account {key} belongs to account {holder}"),
    "domain": ("domain-taken", "domains", "the domain {key} is held by account {holder}"),
    "subscription": ("subscription-overlaps", "account_id", "the account has subscription {holder}, which has not ended"),
    "portfolio": ("portfolio-known", "portfolio_id", "portfolio {key} is another institution's"),
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
        return replace(self._attempt_at(instant).settled(stream, instant), version=stream.version)

    def as_of(self, id: UUID, instant: datetime) -> Stream | None:
        """The stream as it was at an instant that is past, or is now; None where it had not begun."""
        stream = self._read_at(id, instant)
        return self.at_instant(stream, instant) if stream else None

    def settled_with(
        self,
        stream: Stream,
        instant: datetime,
        read: Callable[[UUID], Stream | None],
        read_at: Callable[[UUID, datetime], Stream | None],
    ) -> Stream:
        """A stream at an instant, for one who has the streams around it at hand: no event is read."""
        return Attempt(self._store.log, self.rules, read, read_at, instant).settled(stream, instant)

    def _attempt_at(self, observed_at: datetime, instant: datetime | None = None) -> Attempt:
        return Attempt(self._store.log, self.rules, self._read, self._read_at, observed_at, instant)

    def _read(self, id: UUID, until: int | None = None) -> Stream | None:
        with self._cache_lock:
            known = self._cache.get(id)
        if known is not None and until is not None and known.version > until:
            known = None
        stored = self._store.log.read_stream(id, after=known.version if known else 0, until=until)
        stream = self._folded(known, stored)
        if stream is not None and until is None:
            self._remember(stream)
        return stream

    def _read_many(self, ids: Sequence[UUID]) -> dict[UUID, Stream | None]:
        """The streams, read together."""
        with self._cache_lock:
            known = {id: self._cache.get(id) for id in ids}
        news: dict[UUID, list[StoredNotification]] = {id: [] for id in ids}
        for each in self._store.log.read_streams({id: stream.version if stream else 0 for id, stream in known.items()}):
            news[UUID(str(each.originator_id))].append(each)
        streams = {id: self._folded(known[id], news[id]) for id in news}
        for stream in streams.values():
            if stream is not None:
                self._remember(stream)
        return streams

    def _folded(self, stream: Stream | None, stored: Sequence[StoredNotification]) -> Stream | None:
        for each in stored:
            recorded = self.codec.to_recorded(each)
            before = stream.state if stream else empty_for(recorded.event)
            stream = Stream(recorded.stream_id, before.evolve(recorded.event), recorded.version, recorded.event.at)
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

    def handle_apart(self, asked: Sequence[tuple[Command, Metadata]], *, at: datetime | None = None) -> list[DomainError | None]:
        """Commands that have nothing to do with one another, each once per its own id; the refusal of each, or None.

        They are recorded together where that goes, and one by one where it does not.
        """
        known = self._store.log.find_commands([metadata.command_id for _, metadata in asked if metadata.command_id])
        fresh = [place for place, (_, metadata) in enumerate(asked) if metadata.command_id not in known]
        try:
            answers = self._together([asked[place] for place in fresh], at)
        except (IntegrityError, Outdated, ClaimHeld, CommandRepeated):
            answers = [self._refusal_of(*asked[place], at) for place in fresh]
        refusals = dict(zip(fresh, answers, strict=True))
        return [refusals.get(place) for place in range(len(asked))]

    def _together(self, asked: Sequence[tuple[Command, Metadata]], at: datetime | None) -> list[DomainError | None]:
        if len({command.id for command, _ in asked}) < len(asked):
            raise Outdated("a stream is asked twice: the second question needs the first one's answer")
        attempt = self._attempt_at(self.clock.now(), at)
        attempt.take(self._read_many([command.id for command, _ in asked]))
        judged = [(attempt.judge(command, metadata), metadata) for command, metadata in asked]
        records = [_record(each.stream, metadata, "") for each, metadata in judged if each.refusal is None]
        self._append(attempt.drafts, [record for record in records if record], attempt.requires)
        return [each.refusal for each, _ in judged]

    def _refusal_of(self, command: Command, metadata: Metadata, at: datetime | None) -> DomainError | None:
        try:
            self.handle(command, metadata=metadata, at=at)
        except Busy:
            raise  # that is no answer: it must be asked again
        except DomainError as refusal:
            return refusal
        return None

    def handle_rows(
        self, rows: Sequence[Command], conclude: Callable[[Sequence[Judged]], Command], *, metadata: Metadata, dry_run: bool = False
    ) -> Outcome:
        """What is allowed of many commands, and in the same append what follows from their answers; of a dry run only the latter.

        Raises Outdated where somebody was faster: nothing is recorded then, and the rows are to be looked at again.
        """
        attempt = self._attempt_at(self.clock.now())
        attempt.take(self._read_many([command.id for command in rows]))
        judged = [attempt.judge(command, metadata) for command in rows]
        if dry_run:
            attempt.drafts.clear()
        attempt.decide(conclude(judged), metadata)
        try:
            return self._append(attempt.drafts, (), attempt.requires)
        except (IntegrityError, ClaimHeld) as faster:
            raise Outdated(str(faster)) from faster

    def preview(self, *commands: Command, metadata: Metadata) -> tuple[Event, ...]:
        """What would happen, if it were asked now."""
        attempt = self._attempt_at(self.clock.now())
        for command in commands:
            attempt.decide(command, metadata)
        return tuple(pending.event for draft in attempt.drafts for pending in draft.pending)

    def _known(self, metadata: Metadata) -> CommandRecord | None:
        return self._store.log.find_command(metadata.command_id) if metadata.command_id else None

    def _repeat(self, record: CommandRecord, fingerprint: str) -> Outcome:
        if record.fingerprint != fingerprint:
            raise KeyReused
        return Outcome((self.load(record.stream_id, until=record.version),), (), record.position, repeated=True)

    def _attempt(
        self, commands: Sequence[Command], metadata: Metadata, fingerprint: str, if_version: int | None, at: datetime | None
    ) -> Outcome:
        attempt = self._attempt_at(self.clock.now(), at)
        if if_version is not None:
            first = attempt.read(commands[0].id)
            if (first.version if first else 0) != if_version:
                raise VersionMismatch(first.version if first else 0)
        for command in commands:
            attempt.decide(command, metadata)
        record = _record(attempt.drafts[-1].stream, metadata, fingerprint)
        return self._append(attempt.drafts, (record,) if record else (), attempt.requires)

    def _attempt_to_settle(self, stream: Stream, until: datetime | None) -> Outcome:
        observed_at = self.clock.now()
        attempt, draft = self._attempt_at(observed_at), Draft(stream)
        attempt.settle(draft, min(until or observed_at, observed_at), SYSTEM)
        return self._append([draft], (), attempt.requires)

    def _append(self, drafts: Sequence[Draft], commands: Sequence[CommandRecord], requires: Mapping[UUID, int]) -> Outcome:
        pending = [each for draft in drafts for each in draft.pending]
        position = 0
        if pending or commands:
            written = {draft.stream.id for draft in drafts if draft.pending}
            positions = self._store.log.insert_events(
                [self.mapper.to_stored_event(each) for each in pending],
                commands=commands,
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


def _record(shown: Stream, metadata: Metadata, fingerprint: str) -> CommandRecord | None:
    """That a command was carried out, and how the thing was then that its answer shows."""
    if metadata.command_id is None:
        return None
    return CommandRecord(command_id=metadata.command_id, fingerprint=fingerprint, stream_id=shown.id, version=shown.version)
