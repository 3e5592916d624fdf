"""How far each institution has come, those that wait longest first; and what shows elsewhere of a step that is not noted yet."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Column, ColumnElement, Connection, Index, Integer, String, and_, func, or_, select

from domain.aggregates.institutional_account import LIVE, InstitutionalAccount
from domain.application import Lifecycle
from domain.events.onboarding import Step
from domain.onboarding import CHECKLIST, checklist, longest_waiting
from projections import api_tokens, subscriptions, usage, user_plans
from projections.current import Current, current_table
from projections.follower import Database
from projections.tables import Instant

ELSEWHERE = (Step.ACTIVATED, Step.FIRST_TOKEN, Step.FIRST_CALL, Step.TEN_USERS)
"""The steps that other streams show, or the ledger of usage."""
NOT_YET = ("pending", "ended")
BATCH = 100
PAGE = 500

table = current_table(
    "onboarding",
    Column("institution", String),
    Column("done", Integer, nullable=False),
    Column("waiting_step", String),
    Column("waiting_since", Instant),
    *(Column(str(step), Boolean, nullable=False) for step in ELSEWHERE),
    Index("onboarding_waiting", "waiting_since", "number"),
)


def _columns(state: InstitutionalAccount) -> dict[str, Any]:
    waiting = longest_waiting(state) if state.status in LIVE else None
    return {
        "institution": state.institution,
        "done": len(state.onboarding.done),
        "waiting_step": str(waiting.step) if waiting else None,
        "waiting_since": waiting.waiting_since if waiting else None,
        **{str(step): step in state.onboarding.reached for step in ELSEWHERE},
    }


projection = Current(table, InstitutionalAccount, _columns)


def shown(id: UUID, state: InstitutionalAccount) -> dict[str, Any]:
    """The checklist of one institution."""
    steps = checklist(state)
    waiting = longest_waiting(state)
    return {
        "account_id": id,
        "institution": state.institution,
        "done": sum(each.done_at is not None for each in steps),
        "of": len(steps),
        "waiting_step": waiting.step if waiting else None,
        "waiting_since": waiting.waiting_since if waiting else None,
        "steps": [
            {
                "step": each.step,
                "title": each.item.title,
                "who": each.item.who,
                "what": each.item.what,
                "optional": each.item.optional,
                "done_at": each.done_at,
                "waiting_since": each.waiting_since,
            }
            for each in steps
        ],
    }


def lines(shown: Mapping[str, Any]) -> Iterator[str]:
    """A checklist to be read in a terminal; from `shown`, or from the API's answer."""
    yield f"{shown['institution'] or 'An institution without a name'}: {shown['done']} of {shown['of']} steps done"
    for step in shown["steps"]:
        if step["done_at"]:
            mark, told = "x", f"since {str(step['done_at'])[:10]}"
        elif step["waiting_since"]:
            mark, told = " ", f"waits since {str(step['waiting_since'])[:10]}: {step['what']}"
        else:
            mark, told = "-", "not yet"
        optional = " (optional)" if step["optional"] else ""
        yield f"  [{mark}] {step['title'] + optional:<27} {step['who']:<11}  {told}"


def listed(database: Database, *, now: datetime, waiting_days: int, after: str, limit: int) -> tuple[list[dict[str, Any]], str | None]:
    """Institutions in which something waits, the longest first. Raises ValueError for an `after` that is none of ours."""
    c = table.c
    query = select(table).where(c.waiting_since <= now - timedelta(days=waiting_days)).order_by(c.waiting_since, c.number).limit(limit + 1)
    if after:
        since, _, number = after.partition("/")
        instant, place = datetime.fromisoformat(since), int(number)
        query = query.where(or_(c.waiting_since > instant, and_(c.waiting_since == instant, c.number > place)))
    with database.reading() as connection:
        rows = list(connection.execute(query))
    items = [_item(row.id, row, row.waiting_since, now) for row in rows[:limit]]
    following = f"{rows[limit - 1].waiting_since.isoformat()}/{rows[limit - 1].number}" if len(rows) > limit else None
    return items, following


def _item(account: UUID, row: Any, waiting_since: datetime, now: datetime) -> dict[str, Any]:
    return {
        "account_id": account,
        "institution": row.institution,
        "status": row.status,
        "done": row.done,
        "of": len(CHECKLIST),
        "waiting_step": row.waiting_step,
        "title": CHECKLIST[Step(row.waiting_step)].title,
        "who": CHECKLIST[Step(row.waiting_step)].who,
        "waiting_since": waiting_since,
        "waiting_days": (now - waiting_since).days,
    }


def listed_then(
    lifecycle: Lifecycle, database: Database, *, waiting_days: int, after: str, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """The same at the moment that the lifecycle is of: every institution is looked at."""
    now, place = lifecycle.clock.now(), (datetime.min.replace(tzinfo=UTC), 0)
    if after:
        since, _, number = after.partition("/")
        place = datetime.fromisoformat(since), int(number)
    with database.reading() as connection:
        numbers = {row.id: row.number for row in connection.execute(select(table.c.id, table.c.number))}
    found: list[tuple[datetime, int, UUID, Any]] = []
    for id, number in numbers.items():
        then = lifecycle.as_of(id, now)
        if then is None:
            continue
        assert isinstance(then.state, InstitutionalAccount)
        columns = _columns(then.state) | {"status": str(then.state.status)}
        waiting_since = columns["waiting_since"]
        if waiting_since is not None and waiting_since <= now - timedelta(days=waiting_days) and (waiting_since, number) > place:
            found.append((waiting_since, number, id, SimpleNamespace(**columns)))
    found.sort(key=lambda each: each[:2])
    items = [_item(id, row, waiting_since, now) for waiting_since, _, id, row in found[:limit]]
    following = f"{found[limit - 1][0].isoformat()}/{found[limit - 1][1]}" if len(found) > limit else None
    return items, following


def everybody(database: Database, now: datetime, waiting_days: int) -> Iterator[dict[str, Any]]:
    """Every page of `listed`."""
    following: str | None = ""
    while following is not None:
        items, following = listed(database, now=now, waiting_days=waiting_days, after=following, limit=PAGE)
        yield from items


def reached(connection: Connection, users: int) -> Iterator[tuple[UUID, Step, UUID | datetime | None]]:
    """(account, step, what shows it) of steps that are reached and not noted: a stream's id, an instant, or nothing more exact."""
    c = table.c
    for step, other, condition in (
        (Step.ACTIVATED, subscriptions.table.c, subscriptions.table.c.status.not_in(NOT_YET)),
        (Step.FIRST_TOKEN, api_tokens.table.c, api_tokens.table.c.owner_id == c.id),
    ):
        first = select(c.id, func.min(other.number)).join_from(table, other.id.table, other.account_id == c.id)
        found = connection.execute(first.where(_lacks(step), condition).group_by(c.id).limit(BATCH)).all()
        places = connection.execute(select(other.number, other.id).where(other.number.in_([number for _, number in found])))
        by_place = {row.number: row.id for row in places}
        for account, number in found:
            yield account, step, by_place[number]
    ledger = usage.ledger.c
    called = select(c.id, func.min(ledger.last_at)).join_from(table, usage.ledger, ledger.account_id == c.id)
    for account, instant in connection.execute(
        called.where(_lacks(Step.FIRST_CALL), c.first_token, ledger.reason == "").group_by(c.id).limit(BATCH)
    ):
        yield account, Step.FIRST_CALL, instant
    plans = user_plans.table.c
    some = select(c.id).join_from(table, user_plans.table, plans.account_id == c.id)
    for account in connection.scalars(
        some.where(_lacks(Step.TEN_USERS), plans.status == "active").group_by(c.id).having(func.count() >= users).limit(BATCH)
    ):
        yield account, Step.TEN_USERS, None


def _lacks(step: Step) -> ColumnElement[bool]:
    return and_(~table.c[str(step)], table.c.status.in_([str(each) for each in LIVE]))
