"""One try at carrying out commands: what was read for it, each stream once; what was decided; and on which condition it may be recorded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from domain.commands.base import Command, Deadline
from domain.context import Context
from domain.deadlines import settle
from domain.errors import DomainError, NotFound
from domain.events.base import Event, Metadata, Release
from domain.rules import Rules
from domain.streams import Aggregate, Stream, empty_for
from domain.surroundings import Claims, Requires, Surroundings

_FREED = Release("token-slot")
SYSTEM = Metadata(actor="tenure", role="system")


@dataclass(frozen=True, kw_only=True)
class Pending:
    """An event with its place in its stream, not yet in the log."""

    originator_id: UUID
    originator_version: int
    account_id: UUID | None
    metadata: Metadata
    event: Event


@dataclass
class Draft:
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


@dataclass(frozen=True)
class Judged:
    """What became of one of several commands: how its stream is then and what happened to it, or why not."""

    command: Command
    stream: Stream
    events: tuple[Event, ...] = ()
    refusal: DomainError | None = None


class Attempt:
    """`read` gives a stream as recorded, `read_at` as of an instant; `instant` is the one to decide at, `observed_at` the present."""

    def __init__(
        self,
        log: Claims,
        rules: Rules,
        read: Callable[[UUID], Stream | None],
        read_at: Callable[[UUID, datetime], Stream | None],
        observed_at: datetime,
        instant: datetime | None = None,
    ) -> None:
        self.observed_at = observed_at
        self.instant = observed_at if instant is None else min(instant, observed_at)
        self.drafts: list[Draft] = []
        self.requires: Requires = {}
        self._released: set[UUID] = set()
        """Tokens that give up their slot in this attempt, for another one."""
        self._load = read
        self._known: dict[UUID, Stream | None] = {}
        self._as_of: dict[tuple[UUID, datetime], Stream] = {}
        self._surroundings = Surroundings(log, rules, self.read, read_at, self.settled)

    def read(self, id: UUID) -> Stream | None:
        if id not in self._known:
            self._known[id] = self._load(id)
        return self._known[id]

    def take(self, streams: Mapping[UUID, Stream | None]) -> None:
        """Streams that were read together."""
        self._known.update(streams)

    def decide(self, command: Command, metadata: Metadata) -> Draft:
        """What has fallen due by then, and what the command makes happen. Raises DomainError."""
        draft = self._decided(command, metadata)
        self.drafts.append(draft)
        if any(_FREED in each.event.claims() for each in draft.pending):
            self._released.add(draft.stream.id)
        return draft

    def judge(self, command: Command, metadata: Metadata) -> Judged:
        """The same, where a refusal of one is no refusal of the others."""
        try:
            draft = self.decide(command, metadata)
        except DomainError as refusal:
            return Judged(command, self.read(command.id) or Stream(command.id, empty_for(command)), refusal=refusal)
        return Judged(command, draft.stream, tuple(each.event for each in draft.pending))

    def _decided(self, command: Command, metadata: Metadata) -> Draft:
        stream = self.read(command.id) or Stream(command.id, empty_for(command))
        if type(stream.state) is not type(empty_for(command)):
            raise NotFound("such thing as", command.id)
        draft = Draft(stream)
        self.settle(draft, self.instant, metadata)
        now = max(self.instant, draft.stream.last_at)
        context = self._surroundings.context(
            draft.stream, command, now, self.observed_at, metadata, self.requires, frozenset(self._released)
        )
        for event in draft.stream.state.decide(command, context):
            draft.add(event, metadata)
        return draft

    def settle(self, draft: Draft, instant: datetime, metadata: Metadata) -> None:
        """Let what is due by `instant` take effect."""
        stream = draft.stream
        system = replace(SYSTEM, correlation_id=metadata.correlation_id, causation_id=metadata.command_id)

        def context_at(state: Aggregate, deadline: Deadline) -> Context:
            due = replace(stream, state=state)
            return self._surroundings.context(due, deadline.command, deadline.due_at, self.observed_at, system, self.requires)

        _, events = settle(stream.state, stream.id, instant, stream.last_at, context_at)
        for event in events:
            draft.add(event, system)

    def settled(self, stream: Stream, instant: datetime) -> Stream:
        """A stream as it was, or is, at an instant, though nothing of that need be on record."""
        known = self._as_of.get((stream.id, instant))
        if known is None:
            draft = Draft(stream)
            self.settle(draft, instant, SYSTEM)
            known = self._as_of[stream.id, instant] = draft.stream
        return known
