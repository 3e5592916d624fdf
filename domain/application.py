"""Load, settle, decide, record. With `store.py` the only file of the domain that knows the eventsourcing library."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import Any
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import InfrastructureFactory, IntegrityError
from eventsourcing.utils import Environment

from domain.attempt import SYSTEM, Attempt, Draft, Judged, Pending
from domain.clock import Clock
from domain.commands.base import Command
from domain.errors import ClaimHeld, DomainError, NotFound, Outdated, Refused
from domain.events.base import Event, Metadata
from domain.events.people import PersonalDataErased
from domain.moment import Moment
from domain.rules import DEFAULT_RULES, Rules
from domain.store import CommandRecord, CommandRepeated, Store, StoredNotification
from domain.streams import Stream, empty_for


class KeyReused(Refused):
    """The same idempotency key came with another request."""

    def __init__(self, field: str = "Idempotency-Key") -> None:
        super().__init__("idempotency-key-reused", "this key was used for another request; use a new one", field=field)


class VersionMismatch(Refused):
    """The caller has seen another version than the present one."""

    def __init__(self, version: int) -> None:
        super().__init__("version-mismatch", f"it is at version {version} by now; read it again", field="If-Match")
        self.version = version


class PreviewOutdated(Refused):
    """What was shown in a preview is not what would happen now."""

    def __init__(self) -> None:
        detail = "the institution has moved on since this was previewed, or something else was asked for; look at a new preview"
        super().__init__("preview-outdated", detail, field="X-Preview")


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
    "correction": ("correction-waits", "version", "correction {holder} of this event waits for a decision"),
    "erasure": ("erasure-open", "id", "an erasure of this person is asked for already, by request {holder}"),
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
        self.moment: Moment | None = None  # of one that reads the past
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
        if known is not None and _forgets(stored):
            known, stored = None, self._store.log.read_stream(id, until=until)
        stream = self._folded(known, stored)
        if stream is not None and until is None:
            self._remember(stream)
        return stream

    def load_many(self, ids: Sequence[UUID]) -> list[Stream]:
        """Those of the streams that there are, read together."""
        return [stream for stream in self._read_many(ids).values() if stream is not None]

    def load_at(self, id: UUID, instant: datetime) -> Stream | None:
        """The stream without what took effect later than an instant, and nothing settled."""
        return self._read_at(id, instant)

    def find(self, id: UUID) -> Stream | None:
        """The stream as recorded; None where there is none."""
        return self._read(id)

    def _read_many(self, ids: Sequence[UUID]) -> dict[UUID, Stream | None]:
        """The streams, read together."""
        with self._cache_lock:
            known = {id: self._cache.get(id) for id in ids}
        news: dict[UUID, list[StoredNotification]] = {id: [] for id in ids}
        for each in self._store.log.read_streams({id: stream.version if stream else 0 for id, stream in known.items()}):
            news[UUID(str(each.originator_id))].append(each)
        for id, stored in news.items():
            if known[id] is not None and _forgets(stored):
                known[id], news[id] = None, self._store.log.read_stream(id)
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
        seen: Mapping[UUID, int] | None = None,
    ) -> Outcome:
        """Carry out commands together, in one append, once per `metadata.command_id`.

        `at`: when it takes effect, if that is past: a consequence takes effect when its cause did, however late it is carried out.

        `if_version`: the version that the caller has seen of the first command's stream; `seen`: of any streams.

        Raises Refused, Invalid, Forbidden or NotFound, VersionMismatch, KeyReused, and Busy when others were faster four times.
        """
        if (record := self._known(metadata)) is not None:
            return self._repeat(record, fingerprint)
        for _ in range(TRIES):
            try:
                return self._attempt(commands, metadata, fingerprint, if_version, at, seen or {})
            except CommandRepeated as twin:
                return self._repeat(twin.record, fingerprint)
            except (IntegrityError, Outdated):
                continue
            except ClaimHeld as held:
                if self.settle(held.holder).events or held.kind == "token-slot":
                    continue  # what it held had fallen due, or another slot may be free
                if (record := self._known(metadata)) is not None:
                    return self._repeat(record, fingerprint)
                raise taken(held) from held
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

    def forget(self, people: Collection[UUID], request_id: UUID, *, metadata: Metadata, seen: Mapping[UUID, int] | None = None) -> Outcome:
        """Destroy the keys of these people: from then on whatever the log tells of them reads as erased.

        `PersonalDataErased` goes into each stream that tells of them, and into that of the request, where there is one; `seen` are the
        versions of all of these by which this was decided. Raises VersionMismatch, and Busy when others were faster four times.
        """
        if (record := self._known(metadata)) is not None:
            return self._repeat(record, "")
        for _ in range(TRIES):
            try:
                return self._attempt_to_forget(tuple(sorted(set(people))), request_id, metadata, seen)
            except CommandRepeated as twin:
                return self._repeat(twin.record, "")
            except (IntegrityError, Outdated):
                continue
        raise Busy

    def _attempt_to_forget(
        self, people: tuple[UUID, ...], request_id: UUID, metadata: Metadata, seen: Mapping[UUID, int] | None
    ) -> Outcome:
        observed_at = self.clock.now()
        attempt = self._attempt_at(observed_at)
        streams = self._read_many([*(set(self._store.log.streams_of(people)) - {request_id}), request_id])
        attempt.take(streams)
        for id, stream in streams.items():
            if seen is not None and stream is not None and seen.get(id) != stream.version:
                raise VersionMismatch(stream.version)
        for stream in streams.values():
            if stream is not None:
                draft = Draft(stream)
                attempt.settle(draft, observed_at, metadata)
                at = max(observed_at, draft.stream.last_at)
                draft.add(PersonalDataErased(at=at, people=people, request_id=request_id), metadata)
                attempt.drafts.append(draft)
        record = _record(attempt.drafts[-1].stream, metadata, "") if attempt.drafts else None
        try:
            return self._append(attempt.drafts, (record,) if record else (), attempt.requires, forgetting=people)
        finally:
            self._drop(streams)

    def _drop(self, ids: Iterable[UUID]) -> None:
        with self._cache_lock:
            for id in ids:
                self._cache.pop(id, None)

    def was_done(self, metadata: Metadata) -> bool:
        """Whether the command of this id is on record."""
        return self._known(metadata) is not None

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
        self,
        commands: Sequence[Command],
        metadata: Metadata,
        fingerprint: str,
        if_version: int | None,
        at: datetime | None,
        seen: Mapping[UUID, int],
    ) -> Outcome:
        attempt = self._attempt_at(self.clock.now(), at)
        for id, version in seen.items():
            if (stream := attempt.read(id)) is not None and stream.version != version:
                raise VersionMismatch(stream.version)
        if if_version is not None:
            first = attempt.read(commands[0].id)
            if (first.version if first else 0) != if_version:
                raise VersionMismatch(first.version if first else 0)
        for command in commands:
            attempt.decide(command, metadata)
        record = _record(attempt.drafts[-1].stream, metadata, fingerprint)
        return self._append(attempt.drafts, (record,) if record else (), {**attempt.requires, **seen})

    def _attempt_to_settle(self, stream: Stream, until: datetime | None) -> Outcome:
        observed_at = self.clock.now()
        attempt, draft = self._attempt_at(observed_at), Draft(stream)
        attempt.settle(draft, min(until or observed_at, observed_at), SYSTEM)
        return self._append([draft], (), attempt.requires)

    def _append(
        self,
        drafts: Sequence[Draft],
        commands: Sequence[CommandRecord],
        requires: Mapping[UUID, int],
        forgetting: Collection[UUID] = (),
    ) -> Outcome:
        pending = [each for draft in drafts for each in draft.pending]
        position = 0
        if pending or commands:
            written = {draft.stream.id for draft in drafts if draft.pending}
            positions = self._store.log.insert_events(
                self.codec.to_stored_events(pending),
                commands=commands,
                requires={stream: version for stream, version in requires.items() if pending and stream not in written},
                claims=[(each.originator_id, claim) for each in pending for claim in each.event.claims()],
                forgetting=forgetting,
            )
            position = max(positions or (), default=0)
        for draft in drafts:
            if draft.pending and not forgetting:
                self._remember(draft.stream)
        if pending:
            self.on_recorded()
        return Outcome(tuple(draft.stream for draft in drafts), tuple(pending), position or self._store.log.max_notification_id() or 0)


def taken(held: ClaimHeld) -> Refused:
    """What is said to whoever would claim what another stream holds."""
    slug, field_name, sentence = _TAKEN[held.kind]
    return Refused(slug, sentence.format(key=held.key, holder=held.holder), field=field_name)


def _forgets(stored: Sequence[StoredNotification]) -> bool:
    """What was folded from events before these tells of somebody who is forgotten by now."""
    return any(each.topic == PersonalDataErased.TOPIC for each in stored)


def _record(shown: Stream, metadata: Metadata, fingerprint: str) -> CommandRecord | None:
    """That a command was carried out, and how the thing was then that its answer shows."""
    if metadata.command_id is None:
        return None
    return CommandRecord(command_id=metadata.command_id, fingerprint=fingerprint, stream_id=shown.id, version=shown.version)
