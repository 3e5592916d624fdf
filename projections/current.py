"""The present of one kind of thing: a row each, to be listed by; and the page of such a list, true at this instant."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, Column, ColumnElement, Connection, Index, Integer, String, Table, Uuid, or_, select

from domain.application import Lifecycle
from domain.deadlines import next_deadline
from projections.follower import Database, Fact, latest, upsert
from projections.tables import Instant, metadata
from projections.versions import last_version, versions


def current_table(name: str, *columns: Column[Any] | Index) -> Table:
    """`number` is the position of the thing's first event, which lists go by; `next_due` its next deadline."""
    return Table(
        name,
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("number", BigInteger, nullable=False, unique=True),
        Column("version", Integer, nullable=False),
        Column("account_id", Uuid, index=True),
        Column("status", String, nullable=False),
        Column("next_due", Instant, index=True),
        *columns,
        Index(f"{name}_status", "status", "number"),
    )


@dataclass(frozen=True)
class Current:
    """Keeps the row of each thing of one kind."""

    table: Table
    kind: type[Any]
    columns: Callable[[Any], Mapping[str, Any]]

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def tables(self) -> tuple[Table, ...]:
        return (self.table,)

    def apply(self, facts: Sequence[Fact], connection: Connection) -> None:
        ours = [fact for fact in facts if isinstance(fact.state, self.kind)]
        if not ours:
            return
        born = {fact.recorded.stream_id: fact.recorded.position for fact in ours if fact.recorded.version == 1}
        older = [fact.recorded.stream_id for fact in latest(ours) if fact.recorded.stream_id not in born]
        if older:
            known = select(self.table.c.id, self.table.c.number).where(self.table.c.id.in_(older))
            born |= {row.id: row.number for row in connection.execute(known)}
        upsert(connection, self.table, [self._row(fact, born[fact.recorded.stream_id]) for fact in latest(ours)])

    def _row(self, fact: Fact, number: int) -> dict[str, Any]:
        id = fact.recorded.stream_id
        state: Any = fact.state
        following = next_deadline(state, id)
        return {
            "id": id,
            "number": number,
            "version": fact.recorded.version,
            "account_id": fact.recorded.account_id,
            "status": str(state.status),
            "next_due": following.due_at if following else None,
            **self.columns(state),
        }


Page = tuple[list[dict[str, Any]], int | None]


def page(
    table: Table,
    show: Callable[[UUID, int, Any, datetime], dict[str, Any]],
    lifecycle: Lifecycle,
    database: Database,
    *,
    conditions: Sequence[ColumnElement[bool]],
    status: str | None,
    after: int,
    limit: int,
    refresh: Callable[[dict[str, Any], datetime], dict[str, Any]] = lambda shown, _: shown,
    changing: Sequence[ColumnElement[bool]] = (),
    matches: Callable[[dict[str, Any]], bool] = lambda _: True,
) -> Page:
    """A page of things as they are now, or as they were at the moment that the lifecycle is of; and where the next one begins.

    What is overdue is settled here, without being recorded: a list tells the truth though the scheduler is dead. `changing` are conditions
    on what can be otherwise at another time; of the past, `matches` says the same of a thing as it was shown then.
    """
    now = lifecycle.clock.now()
    query = select(table.c.id, table.c.number, versions.c.next_due, versions.c.shown).select_from(table).where(*conditions)
    if lifecycle.moment is None:
        query = query.join(versions, (versions.c.stream_id == table.c.id) & (versions.c.version == table.c.version)).where(*changing)
    else:
        then = last_version(table, lifecycle.moment)
        query = query.join(versions, (versions.c.stream_id == table.c.id) & (versions.c.version == then))
    query = query.order_by(table.c.number).limit(limit + 1)
    if status is not None:
        of = table if lifecycle.moment is None else versions
        query = query.where(or_(of.c.status == status, of.c.next_due <= now))
    items: list[dict[str, Any]] = []
    while True:
        with database.reading() as connection:
            rows = list(connection.execute(query.where(table.c.number > after)))
        for row in rows[:limit]:
            if len(items) == limit:
                return items, after
            if row.next_due is not None and row.next_due <= now:
                stream = lifecycle.present(row.id)
                shown = show(stream.id, stream.version, stream.state, now)
            else:
                shown = refresh(msgspec.json.decode(row.shown), now)
            after = row.number
            if (status is None or shown["status"] == status) and (lifecycle.moment is None or matches(shown)):
                items.append(shown)
        if len(rows) <= limit:
            return items, None
