"""The lists of people that institutions handed in: how far each is, and what became of each row."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Column, Connection, Index, Integer, String, Table, Uuid, insert, select

from domain.aggregates.user_import import UserImport
from domain.application import Lifecycle
from domain.errors import Invalid
from domain.events.user_import import RowOutcome, UserImportRowsSettled
from domain.values import parse_email
from projections import lists
from projections.current import Current, current_table, page
from projections.follower import Database, Fact
from projections.shapes import user_import
from projections.tables import Instant, metadata
from projections.work import work_table

table = current_table(
    "user_imports",
    Column("subscription_id", Uuid, nullable=False),
    Column("digest", String, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("submitted_at", Instant, nullable=False),
    Index("user_imports_same", "subscription_id", "digest"),
)
projection = Current(
    table,
    UserImport,
    lambda state: {
        "subscription_id": state.subscription_id,
        "digest": state.digest,
        "dry_run": state.dry_run,
        "submitted_at": state.submitted_at,
    },
)
outcomes = Table(
    "user_import_outcomes",
    metadata,
    Column("import_id", Uuid, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("outcome", String, nullable=False),
    Column("plan_id", Uuid),
    Column("why", String),
    Column("same_as", Integer),
    Index("user_import_outcomes_plan", "import_id", "plan_id"),
)
work = work_table("user_import_work")

DID_SOMETHING = tuple(str(each) for each in (RowOutcome.ACTIVATED, RowOutcome.RENEWED, RowOutcome.WAITING, RowOutcome.NOT_REGISTERED))


class Outcomes:
    name = "user_import_outcomes"
    tables = (outcomes,)

    def apply(self, facts: Sequence[Fact], connection: Connection) -> None:
        rows = [
            {
                "import_id": fact.recorded.stream_id,
                "row": each.row,
                "outcome": each.outcome.value,
                "plan_id": each.plan_id,
                "why": each.why,
                "same_as": each.same_as,
            }
            for fact in facts
            if isinstance(fact.recorded.event, UserImportRowsSettled)
            for each in fact.recorded.event.rows
        ]
        if rows:
            connection.execute(insert(outcomes), rows)


def listed(
    lifecycle: Lifecycle, database: Database, *, subscription: UUID, after: int, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    return page(
        table,
        lambda id, version, state, _: user_import(id, version, state),
        lifecycle,
        database,
        conditions=[table.c.subscription_id == subscription],
        status=None,
        after=after,
        limit=limit,
    )


def same_before(connection: Connection, subscription: UUID, digest: str) -> UUID | None:
    """The latest import of the same list, for real and not taken back."""
    found: UUID | None = connection.scalar(
        select(table.c.id)
        .where(table.c.subscription_id == subscription, table.c.digest == digest, ~table.c.dry_run, table.c.status != "undone")
        .order_by(table.c.number.desc())
        .limit(1)
    )
    return found


def rows_of(connection: Connection, import_id: UUID, *, outcome: str | None, after: int, upto: int, limit: int) -> Iterator[dict[str, Any]]:
    """What became of each row behind row `after`, as far as row `upto`, with the row as it came."""
    people = lists.listed_people.c
    query = (
        select(outcomes, people.line, people.email, people.name)
        .join(lists.listed_people, (people.import_id == outcomes.c.import_id) & (people.row == outcomes.c.row))
        .where(outcomes.c.import_id == import_id, outcomes.c.row > after, outcomes.c.row <= upto)
        .order_by(outcomes.c.row)
        .limit(limit)
    )
    if outcome:
        query = query.where(outcomes.c.outcome == outcome)
    for each in connection.execute(query):
        yield {
            "row": each.row,
            "line": each.line,
            "email": each.email,
            "name": each.name,
            "outcome": each.outcome,
            "reason": reason(each.outcome, each.why, each.same_as, each.email),
            "user_plan_id": each.plan_id,
        }


_REASONS = {
    RowOutcome.ALREADY_ACTIVE: "has a plan for the present term already",
    RowOutcome.LEFT_EARLIER: "has left the institution; only an own request or an invitation brings a plan back",
    RowOutcome.NOT_REGISTERED: "no account on the platform has this address; the plan begins when one does",
    "shared-domain": "another institution has this domain too: each person is approved by hand",
    "subscription-pending": "the plan begins with the subscription",
    "rejected-before": "was rejected before, and waits for a review",
    "wrong-domain": "asked before from a domain that does not fit, and waits for a review",
}


def reason(outcome: str, why: str | None, same_as: int | None, email: str) -> str | None:
    """The code of a settled row, as a sentence. None where the outcome says it all."""
    if outcome == RowOutcome.DUPLICATE:
        return f"the same address as in line {same_as}" if same_as else "the same person as in an earlier line"
    if outcome == RowOutcome.INVALID:
        return _what_is_wrong(email) or "the name or the account's id cannot be read"
    if outcome == RowOutcome.WRONG_DOMAIN:
        return f"{email.rpartition('@')[2]} is not an email domain of the institution"
    return _REASONS.get(why or outcome, why)


def _what_is_wrong(email: str) -> str | None:
    try:
        parse_email(email)
    except Invalid as error:
        return error.detail
    return None
