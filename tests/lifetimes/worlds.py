"""A world: the whole service on a database of its own, with a clock that stands until it is set."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select

from domain.application import Lifecycle, Outcome
from domain.catalogue import Product
from domain.clock import FixedClock
from domain.commands.base import Command
from domain.errors import DomainError
from domain.events.base import Event, Metadata, Recorded
from domain.moment import Moment
from domain.past import back_to
from ops.assembly import Assembly
from ops.catcher import Catcher
from ops.config import Settings
from projections import accounts, api_tokens, subscriptions, user_plans
from projections.explain import explain
from projections.shapes import show
from projections.tables import metadata as derived

NO_PROJECTION = {"followers", "due_work", "email_work"}
SENT_OR_NOT = {"subscription.expiring", "subscription.reminder-skipped", "token.expiring", "token.reminder-skipped"} | {
    "user-plan.expiring",
    "user-plan.reminder-skipped",
    "subscription.bulk-data-link-expiring",
    "subscription.bulk-data-link-reminder-skipped",
}


class World:
    def __init__(self, name: str, database_url: str, start: datetime, catcher: Catcher) -> None:
        self.name = name
        self.clock = FixedClock(start)
        self.catcher = catcher
        settings = Settings(
            database_url=database_url, db_upgrade="off", mail_from=f"tenure@{name}.example.edu", public_url="https://tenure.example.edu"
        )
        self.assembly = Assembly(settings, smtp_url=catcher.url, clock=self.clock)
        self.assembly.prepare()
        self.lifecycle = self.assembly.lifecycle
        self.seen: dict[datetime, tuple[tuple[dict[UUID, Any], list[Any]], int]] = {}

    def close(self) -> None:
        self.assembly.close()

    def ask(self, *commands: Command, command_id: UUID, role: str = "admin", actor: str = "north") -> Outcome | DomainError:
        try:
            return self.lifecycle.handle(*commands, metadata=Metadata(actor=actor, role=role, command_id=command_id))
        except DomainError as refused:
            return refused

    def tick(self) -> None:
        """The scheduler does all there is to do at this instant."""
        self.assembly.heartbeat.drain()

    # what there is

    def log(self) -> list[Recorded]:
        read, recorded = self.lifecycle.log_reader, []
        after = 0
        while page := read.read_log(after=after, limit=1_000):
            recorded.extend(map(self.lifecycle.codec.to_recorded, page))
            after = page[-1].id
        return recorded

    def shown(self, id: UUID) -> dict[str, Any]:
        """A thing as it is at this instant, whatever is recorded of it."""
        stream = self.lifecycle.present(id)
        return show(stream.id, 0, stream.state, self.clock.now())

    def look(self, ids: list[UUID]) -> None:
        """Remember how everything is at this instant, by itself and in the lists, and what is on record."""
        self.assembly.tables.catch_up()
        self.seen[self.clock.now()] = self._everything(self.lifecycle, ids), self.lifecycle.log_reader.max_notification_id() or 0

    def check_the_past(self) -> None:
        """At each instant that was looked at, everything was as it is said to have been, by what was on record then."""
        self.assembly.tables.catch_up()
        for instant, ((things, lists), position) in self.seen.items():
            moment = Moment(instant, known_at=instant)
            past = back_to(self.lifecycle, moment)
            assert self._everything(past, list(things)) == (things, lists), f"not what it was at {instant}"
            counted = past.log_reader.read_log(after=0, limit=100_000)
            assert [each.id for each in counted if each.id > position] == [], "known before it was recorded"

    def _everything(self, lifecycle: Lifecycle, ids: list[UUID]) -> tuple[dict[UUID, Any], list[Any]]:
        database = self.assembly.database
        page: dict[str, Any] = {"after": 0, "limit": 500, "status": None}
        now = lifecycle.clock.now()
        found = {id: lifecycle.as_of(id, now) for id in ids}
        things = {id: stream and show(id, stream.version, stream.state, now) for id, stream in found.items()}
        lists = [
            accounts.listed(lifecycle, database, q=None, **page),
            subscriptions.listed(lifecycle, database, account=None, **page),
            user_plans.listed(lifecycle, database, **page),
            user_plans.listed(lifecycle, database, renewal="waiting", **page),
            api_tokens.listed(lifecycle, database, owner=None, account=None, **page),
        ]
        return things, [msgspec.to_builtins(each) for each in lists]

    def allows(self, token: UUID, instant: datetime | None = None) -> bool:
        return explain(self.lifecycle, token, Product.SCHOLARLY, instant or self.clock.now()).allowed

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every derived table, except what is handed out under a lease."""
        with self.assembly.database.reading() as connection:
            return {
                table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
                for table in derived.sorted_tables
                if table.name not in NO_PROJECTION
            }

    def letters(self) -> Counter[str]:
        """How often each letter arrived, by its Message-ID."""
        domain = f"@{self.name}.example.edu>"
        ids = (caught.message["Message-ID"] for caught in self.catcher.messages)
        return Counter(str(id) for id in ids if str(id).endswith(domain))


def told(event: Event) -> tuple[Any, ...]:
    """An event, as far as it does not matter whether somebody was reminded or it was too late to remind them."""
    if event.TOPIC in SENT_OR_NOT:
        kind = event.TOPIC.rsplit(".")[0]
        target = next(getattr(event, name) for name in ("link_id", "ends_at", "expires_at", "until") if hasattr(event, name))
        return (f"{kind}: rung reached", event.at, target, getattr(event, "days_left"))  # noqa: B009
    return (event.TOPIC, event.at, event)


def by_stream(log: list[Recorded]) -> dict[UUID, list[Recorded]]:
    streams: dict[UUID, list[Recorded]] = {}
    for recorded in log:
        streams.setdefault(recorded.stream_id, []).append(recorded)
    return streams


def kinds(log: list[Recorded], kind: str) -> Iterator[tuple[UUID, list[Recorded]]]:
    """The streams of one kind, with their events."""
    for id, events in by_stream(log).items():
        if events[0].event.TOPIC.startswith(f"{kind}."):
            yield id, events
