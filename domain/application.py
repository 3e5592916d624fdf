"""Load, settle, decide, record. The only file of the domain that knows the eventsourcing library."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network, summarize_address_range
from threading import Lock
from typing import Any, Protocol
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import InfrastructureFactory, IntegrityError, Notification, StoredEvent
from eventsourcing.utils import Environment

from domain.aggregates.api_token import ApiToken
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.aggregates.itk_subscription import ITKSubscription
from domain.clock import Clock
from domain.commands.api_token import IssueToken
from domain.commands.base import Command, Deadline
from domain.commands.institutional_account import ClaimDomain, Close, Nominate, SetIpRanges
from domain.commands.itk_subscription import DEADLINE_COMMANDS
from domain.context import Context, Overlap
from domain.deadlines import settle
from domain.errors import ClaimHeld, NotFound, Outdated, Refused
from domain.events.base import Claim, Event, Metadata, Recorded, Release
from domain.rules import DEFAULT_RULES, Rules
from domain.streams import Aggregate, empty_for

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
class Stream:
    """A stream as far as it is known: its state after `version` events, the last of which took effect at `last_at`."""

    id: UUID
    state: Aggregate
    version: int = 0
    last_at: datetime = EPOCH

    @property
    def account_id(self) -> UUID | None:
        """The institution that it belongs to; an account belongs to itself."""
        if isinstance(self.state, InstitutionalAccount):
            return self.id
        return getattr(self.state, "account_id", None)


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
        draft = _Draft(stream)
        self._settle(draft, instant, SYSTEM, {})
        return replace(draft.stream, version=stream.version)

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

    def _remember(self, stream: Stream) -> None:
        with self._cache_lock:
            known = self._cache.get(stream.id)
            if known is None or known.version <= stream.version:
                self._cache[stream.id] = stream
                self._cache.move_to_end(stream.id)
            if len(self._cache) > CACHED_STREAMS:
                self._cache.popitem(last=False)

    # writing

    def handle(self, *commands: Command, metadata: Metadata, fingerprint: str = "", if_version: int | None = None) -> Outcome:
        """Carry out commands together, in one append, once per `metadata.command_id`.

        `if_version`: the version that the caller has seen of the first command's stream. Raises Refused, Invalid, Forbidden or NotFound,
        VersionMismatch, KeyReused, and Busy when others were faster four times.
        """
        if (record := self._known(metadata)) is not None:
            return self._repeat(record, fingerprint)
        for _ in range(TRIES):
            try:
                return self._attempt(commands, metadata, fingerprint, if_version)
            except CommandRepeated as twin:
                return self._repeat(twin.record, fingerprint)
            except (IntegrityError, Outdated):
                continue
            except ClaimHeld as held:
                if held.kind == "token-slot":
                    continue
                if (record := self._known(metadata)) is not None:
                    return self._repeat(record, fingerprint)
                slug, field_name, sentence = _TAKEN[held.kind]
                raise Refused(slug, sentence.format(key=held.key, holder=held.holder), field=field_name) from held
            except Refused:
                if (record := self._known(metadata)) is not None:  # a twin was faster, and ours came too late to be allowed
                    return self._repeat(record, fingerprint)
                raise
        raise Busy

    def settle(self, id: UUID) -> Outcome:
        """Record what has fallen due in a stream."""
        for _ in range(TRIES):
            try:
                return self._attempt_to_settle(self.load(id))
            except (IntegrityError, Outdated):
                continue
        raise Busy

    def preview(self, *commands: Command, metadata: Metadata) -> tuple[Event, ...]:
        """What would happen, if it were asked now."""
        drafts, _ = self._decide(commands, metadata, None)
        return tuple(pending.event for draft in drafts for pending in draft.pending)

    def _known(self, metadata: Metadata) -> CommandRecord | None:
        return self._store.log.find_command(metadata.command_id) if metadata.command_id else None

    def _repeat(self, record: CommandRecord, fingerprint: str) -> Outcome:
        if record.fingerprint != fingerprint:
            raise KeyReused
        return Outcome((self.load(record.stream_id, until=record.version),), (), record.position, repeated=True)

    def _attempt(self, commands: Sequence[Command], metadata: Metadata, fingerprint: str, if_version: int | None) -> Outcome:
        drafts, requires = self._decide(commands, metadata, if_version)
        shown = drafts[-1].stream
        command = None
        if metadata.command_id is not None:
            command = CommandRecord(command_id=metadata.command_id, fingerprint=fingerprint, stream_id=shown.id, version=shown.version)
        return self._append(drafts, command, requires)

    def _attempt_to_settle(self, stream: Stream) -> Outcome:
        draft, requires = _Draft(stream), dict[UUID, int]()
        self._settle(draft, self.clock.now(), SYSTEM, requires)
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

    def _decide(self, commands: Sequence[Command], metadata: Metadata, if_version: int | None) -> tuple[list[_Draft], dict[UUID, int]]:
        clock_now = self.clock.now()
        drafts: list[_Draft] = []
        requires: dict[UUID, int] = {}
        for command in commands:
            stream = self._read(command.id) or Stream(command.id, empty_for(command))
            if type(stream.state) is not type(empty_for(command)):
                raise NotFound("such thing as", command.id)
            if if_version is not None and not drafts and stream.version != if_version:
                raise VersionMismatch(stream.version)
            draft = _Draft(stream)
            self._settle(draft, clock_now, metadata, requires)
            now = max(clock_now, draft.stream.last_at)
            released = frozenset(
                each.originator_id for other in drafts for each in other.pending if Release("token-slot") in each.event.claims()
            )
            context = self._context(draft.stream, command, now, clock_now, metadata, requires, released)
            for event in draft.stream.state.decide(command, context):
                draft.add(event, metadata)
            drafts.append(draft)
        return drafts, requires

    def _settle(self, draft: _Draft, instant: datetime, metadata: Metadata, requires: dict[UUID, int]) -> None:
        stream = draft.stream
        system = replace(SYSTEM, correlation_id=metadata.correlation_id, causation_id=metadata.command_id)

        def context_at(state: Aggregate, deadline: Deadline) -> Context:
            return self._context(replace(stream, state=state), deadline.command, deadline.due_at, instant, system, requires)

        _, events = settle(stream.state, stream.id, instant, stream.last_at, context_at)
        for event in events:
            draft.add(event, system)

    # what a decision may look at

    def _context(
        self,
        stream: Stream,
        command: Command,
        now: datetime,
        observed_at: datetime,
        metadata: Metadata,
        requires: dict[UUID, int],
        released: frozenset[UUID] = frozenset(),
    ) -> Context:
        context = Context(now=now, observed_at=max(now, observed_at), role=metadata.role, actor=metadata.actor, rules=self.rules)
        match stream.state:
            case InstitutionalAccount():
                return self._context_of_account(stream, command, context, requires)
            case ITKSubscription() as subscription:
                if isinstance(command, DEADLINE_COMMANDS):
                    return context
                account_id = getattr(command, "account_id", None) or subscription.account_id
                context = self._with_account(context, account_id, requires)
                return self._with_subscription_of(context, account_id, requires) if stream.version == 0 else context
            case InstitutionalUserPlan() as plan:
                context = self._with_account(context, getattr(command, "account_id", None) or plan.account_id, requires)
                return self._with_subscription(context, getattr(command, "subscription_id", None) or plan.subscription_id, requires)
            case ApiToken() if isinstance(command, IssueToken):
                return self._context_of_issue(command, context, requires, released)
        return context

    def _context_of_account(self, stream: Stream, command: Command, context: Context, requires: dict[UUID, int]) -> Context:
        match command:
            case Close():
                return self._with_subscription_of(context, stream.id, requires)
            case ClaimDomain(domain=domain, shared=True):
                held = self._store.log.holder("domain-consent", f"{domain}/{stream.id}") is not None
                return replace(context, consented_domains=frozenset({domain} if held else ()))
            case Nominate(ip_ranges=ranges) | SetIpRanges(ip_ranges=ranges):
                return replace(context, overlaps=tuple(self._overlaps(stream.id, ranges)))
        return context

    def _context_of_issue(self, command: IssueToken, context: Context, requires: dict[UUID, int], released: frozenset[UUID]) -> Context:
        context = self._with_account(context, command.account_id, requires)
        if command.owner_id == command.account_id:
            context = self._with_subscription_of(context, command.account_id, requires)
        else:
            plan = self._settled(command.owner_id, context, requires)
            if plan is not None and isinstance(plan.state, InstitutionalUserPlan):
                context = replace(context, user_plan=plan.state.facts(plan.id))
        slots = self._store.log.claims("token-slot", f"{command.owner_id}/", f"{command.owner_id}0")
        return replace(context, taken_slots=frozenset(int(key.partition("/")[2]) for key, token in slots if token not in released))

    def _with_account(self, context: Context, id: UUID, requires: dict[UUID, int]) -> Context:
        account = self._settled(id, context, requires)
        if account is None or not isinstance(account.state, InstitutionalAccount):
            return context
        return replace(context, account=account.state.facts(id))

    def _with_subscription(self, context: Context, id: UUID, requires: dict[UUID, int]) -> Context:
        subscription = self._settled(id, context, requires)
        if subscription is None or not isinstance(subscription.state, ITKSubscription):
            return context
        return replace(context, subscription=subscription.state.facts(id))

    def _with_subscription_of(self, context: Context, account_id: UUID, requires: dict[UUID, int]) -> Context:
        held = self._store.log.holder("subscription", str(account_id))
        return self._with_subscription(context, held, requires) if held else context

    def _settled(self, id: UUID, context: Context, requires: dict[UUID, int]) -> Stream | None:
        """A related stream at the instant of the decision; its version becomes a condition of the append."""
        stream = self._read(id)
        if stream is None:
            return None
        requires[id] = stream.version
        draft = _Draft(stream)
        self._settle(draft, context.now, SYSTEM, requires)
        return draft.stream

    def _overlaps(self, account_id: UUID, ranges: Sequence[str]) -> list[Overlap]:
        return [
            Overlap(range=str(other), account_id=holder)
            for asked in map(ip_network, ranges)
            for key, holder in self._store.log.claims("ip-range", f"{asked.version}:", f"{asked.version}:{int(asked[-1]):032x}:~")
            if holder != account_id and (other := _range_of(key)) is not None and other.overlaps(asked)
        ]


def _range_of(key: str) -> IPv4Network | IPv6Network:
    version, first, last, _ = key.split(":")
    if version == "4":
        return next(summarize_address_range(IPv4Address(int(first, 16)), IPv4Address(int(last, 16))))
    return next(summarize_address_range(IPv6Address(int(first, 16)), IPv6Address(int(last, 16))))
