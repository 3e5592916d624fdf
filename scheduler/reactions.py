"""Carries out the policies: reads the log behind a lease, asks for what each event calls for, and moves on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

import structlog
from sqlalchemy import Connection, or_, select, update

from domain.application import Lifecycle
from domain.causation import cause as cause_of
from domain.clock import Clock
from domain.commands.base import Command
from domain.events.base import Metadata, Recorded
from domain.policies import ForEach, policies
from domain.store import Codec, Log
from projections.follower import Database, TableFollowers, begin, followers
from projections.work import LEASE

NAME = "reactions"
BATCH = 200
PAGE = 200
NAMESPACE = UUID("5b8f4c52-7d0e-4c39-9d8e-3f6f2d1c7a10")

log = structlog.get_logger()

Members = Callable[[Connection, ForEach, int, UUID | None, int], list[UUID]]


@dataclass
class Counts:
    asked: int = 0
    refused: int = 0


class Reactions:
    """One process at a time is at it; derived command ids make a repetition harmless."""

    def __init__(
        self, lifecycle: Lifecycle, database: Database, tables: TableFollowers, members: Members, real_clock: Clock, owner: str
    ) -> None:
        self._lifecycle = lifecycle
        self._log: Log = lifecycle.log_reader
        self._codec: Codec = lifecycle.codec
        self._database = database
        self._tables = tables
        self._members = members
        self._real_clock = real_clock
        self._owner = owner
        self.counts = Counts()

    def prepare(self) -> None:
        with self._database.writing() as connection:
            begin(connection, NAME)

    def position(self) -> int:
        with self._database.reading() as connection:
            return connection.scalar(select(followers.c.position).where(followers.c.name == NAME)) or 0

    def tick(self) -> int:
        """React to one batch of events. Returns how many events were passed."""
        if self.position() >= (self._log.max_notification_id() or 0):
            return 0
        start = self._take_lease()
        if start is None:
            return 0
        end = start
        try:
            for stored in self._log.read_log(after=start, limit=BATCH):
                recorded = self._codec.to_recorded(stored)
                for commands in self._commands(recorded):
                    self._ask(commands, recorded)
                end = recorded.position
        finally:
            self._release(end)
        return end - start

    def _commands(self, recorded: Recorded) -> Iterator[list[Command]]:
        """Page by page: what is asked of many is asked of a page of them together."""
        for wish in policies(recorded):
            if isinstance(wish, Command):
                yield [wish]
                continue
            after = None
            while page := self._page(wish, recorded, after):
                yield [wish.command(member) for member in page]
                after = page[-1]

    def _page(self, wish: ForEach, recorded: Recorded, after: UUID | None) -> list[UUID]:
        """The next members, from a projection that has reached the event. A page takes far less than a lease, all of them may take more."""
        self._keep_lease()
        while self._tables.position() < recorded.position:
            self._tables.catch_up()
        with self._database.reading() as connection:
            return self._members(connection, wish, recorded.position, after, PAGE)

    def _ask(self, commands: Sequence[Command], recorded: Recorded) -> None:
        """Each once, however often the event is gone through again: its id derives from the event and from whom it asks."""
        cause = recorded.metadata
        asked = [
            (
                command,
                Metadata(
                    actor="tenure",
                    role="system",
                    command_id=uuid5(NAMESPACE, f"{recorded.stream_id}/{recorded.version}/{type(command).__name__}/{command.id}"),
                    correlation_id=cause.correlation_id,
                    causation_id=cause_of(recorded),
                ),
            )
            for command in commands
        ]
        refusals = self._lifecycle.handle_apart(asked, at=recorded.event.at)
        for (command, _), refusal in zip(asked, refusals, strict=True):
            if refusal is None:
                self.counts.asked += 1
                continue
            self.counts.refused += 1
            log.info(
                "reaction_refused", command=type(command).__name__, stream=str(command.id), position=recorded.position, slug=refusal.slug
            )

    def _take_lease(self) -> int | None:
        now = self._real_clock.now()
        free = or_(followers.c.lease_until.is_(None), followers.c.lease_until <= now, followers.c.lease_owner == self._owner)
        with self._database.writing() as connection:
            position: int | None = connection.scalar(
                update(followers)
                .where(followers.c.name == NAME, free)
                .values(lease_owner=self._owner, lease_until=now + LEASE)
                .returning(followers.c.position)
            )
        return position

    def _keep_lease(self) -> None:
        with self._database.writing() as connection:
            connection.execute(
                update(followers)
                .where(followers.c.name == NAME, followers.c.lease_owner == self._owner)
                .values(lease_until=self._real_clock.now() + LEASE)
            )

    def _release(self, position: int) -> None:
        with self._database.writing() as connection:
            connection.execute(
                update(followers)
                .where(followers.c.name == NAME, followers.c.lease_owner == self._owner, followers.c.position <= position)
                .values(position=position, lease_owner=None, lease_until=None)
            )
