"""Reports from the ledger: how often what was called, by product, month, person and token, and what was refused."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, String, case, func, literal, select

from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.itk_subscription_parts import Statement
from domain.calendar import local_date, months_after, start_of_day
from domain.catalogue import Product
from domain.events.itk_subscription import StatedUsage
from projections import api_tokens, user_plans
from projections.usage import ledger
from projections.versions import versions

INSTITUTION = "institution"


class By(StrEnum):
    """What a report is broken down by."""

    PRODUCT = "product"
    MONTH = "month"
    PERSON = "person"
    TOKEN = "token"  # noqa: S105 - the word, not one


@dataclass(frozen=True, kw_only=True)
class Window:
    """Whose usage, and when, half-open; None is no bound. An hour of the ledger belongs to the day in which it begins."""

    account_id: UUID
    owner_id: UUID | None = None
    from_: datetime | None = None
    to: datetime | None = None

    def holds(self) -> list[ColumnElement[bool]]:
        row = ledger.c
        whose = row.account_id == self.account_id if self.owner_id is None else row.token_id.in_(_tokens_of(self.owner_id))
        bounds = (self.from_ is not None and row.hour >= self.from_, self.to is not None and row.hour < self.to)
        return [whose, *(bound for bound in bounds if not isinstance(bound, bool))]


def _tokens_of(owner: UUID) -> Select[tuple[UUID]]:
    """The ledger is kept by token; an index by owner would cost as much as the ledger itself."""
    return select(api_tokens.table.c.id).where(api_tokens.table.c.owner_id == owner)


@dataclass
class Sum:
    requests: int = 0
    records: int = 0
    refused: dict[str, int] = field(default_factory=dict)

    def add(self, reason: str, requests: int, records: int) -> None:
        if reason:
            self.refused[reason] = self.refused.get(reason, 0) + requests
        else:
            self.requests += requests
            self.records += records


@dataclass
class Row(Sum):
    """Of what it is not broken down by, nothing is told."""

    product: str | None = None
    month: str | None = None
    owner_id: UUID | None = None
    token_id: UUID | None = None


def report(connection: Connection, window: Window, by: Iterable[By], zone: str) -> list[Row]:
    """One row for each combination that was used, in order. Months are the calendar's, as it goes in `zone`."""
    asked = set(by)
    columns: dict[By, Callable[[], ColumnElement[Any]]] = {
        By.PRODUCT: lambda: ledger.c.product,
        By.MONTH: lambda: _month(connection, window, zone),
        By.PERSON: lambda: ledger.c.owner_id,
        By.TOKEN: lambda: ledger.c.token_id,
    }
    chosen = [each for each in By if each in asked]
    lines = select(ledger.c.reason, ledger.c.requests, ledger.c.records, *(columns[each]().label(f"by_{each}") for each in chosen))
    inner = lines.where(*window.holds()).subquery()
    keys = [inner.c[f"by_{each}"] for each in chosen]
    query = select(*keys, inner.c.reason, func.sum(inner.c.requests), func.sum(inner.c.records)).group_by(*keys, inner.c.reason)
    rows: dict[tuple[Any, ...], Row] = {}
    for *key, reason, requests, records in connection.execute(query):
        row = rows.get(tuple(key))
        if row is None:
            named = dict(zip(chosen, key, strict=True))
            row = rows[tuple(key)] = Row(
                product=named.get(By.PRODUCT),
                month=named.get(By.MONTH),
                owner_id=named.get(By.PERSON),
                token_id=named.get(By.TOKEN),
            )
        row.add(reason, int(requests), int(records))
    return sorted(rows.values(), key=lambda row: (row.month or "", row.product or "", str(row.owner_id), str(row.token_id)))


def _month(connection: Connection, window: Window, zone: str) -> ColumnElement[Any]:
    """The local month, such as 2027-03, in which an hour begins."""
    first, last = connection.execute(select(func.min(ledger.c.hour), func.max(ledger.c.hour)).where(*window.holds())).one()
    if first is None:
        return literal("", String)
    month = local_date(first, zone).replace(day=1)
    ends: list[tuple[datetime, str]] = []
    while not ends or ends[-1][0] <= last:
        following = months_after(month, 1)
        ends.append((start_of_day(following, zone), f"{month:%Y-%m}"))
        month = following
    return case(*((ledger.c.hour < end, name) for end, name in ends))


def stated(connection: Connection, subscription: ITKSubscription, statement: Statement) -> tuple[tuple[StatedUsage, ...], int]:
    """What a statement of usage says: what was used, by product and month, and by how many people."""
    window = Window(account_id=subscription.account_id, from_=statement.starts_at, to=statement.due_at)
    used = tuple(
        StatedUsage(product=Product(row.product), month=row.month, requests=row.requests, records=row.records)
        for row in report(connection, window, (By.PRODUCT, By.MONTH), subscription.zone)
        if row.product and row.month and row.requests
    )
    return used, people(connection, window)


def summed(rows: Iterable[Sum]) -> Sum:
    total = Sum()
    for row in rows:
        total.requests += row.requests
        total.records += row.records
        for reason, count in row.refused.items():
            total.refused[reason] = total.refused.get(reason, 0) + count
    return total


def names(connection: Connection, rows: Sequence[Row]) -> dict[UUID, str]:
    """What people call an owner, the address of a user plan, and a token, its label."""
    found: dict[UUID, str] = {}
    owners = sorted({row.owner_id for row in rows if row.owner_id is not None}, key=str)
    tokens = sorted({row.token_id for row in rows if row.token_id is not None}, key=str)
    plans, known = user_plans.table.c, api_tokens.table.c
    for some in _pieces(owners):
        found.update({row.id: row.email for row in connection.execute(select(plans.id, plans.email).where(plans.id.in_(some)))})
    for some in _pieces(tokens):
        at = (versions.c.stream_id == known.id) & (versions.c.version == known.version)
        shown = select(known.id, versions.c.shown).join(versions, at).where(known.id.in_(some))
        found.update({row.id: _label(row.shown) for row in connection.execute(shown)})
    return found


def _label(shown: bytes) -> str:
    return str(msgspec.json.decode(shown)["label"])


def _pieces(ids: Sequence[UUID], size: int = 1_000) -> Iterable[Sequence[UUID]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))


def people(connection: Connection, window: Window) -> int:
    """How many people used something: by a user plan of their own."""
    row = ledger.c
    query = select(func.count(row.owner_id.distinct())).where(*window.holds(), row.owner_id != row.account_id, row.reason == "")
    return connection.scalar(query) or 0


# periods


def calendar_year(year: int, zone: str) -> tuple[datetime, datetime]:
    return start_of_day(date(year, 1, 1), zone), start_of_day(date(year + 1, 1, 1), zone)


def academic_year(year: int, first_month: int, zone: str) -> tuple[datetime, datetime]:
    """The one that begins in `year`."""
    return start_of_day(date(year, first_month, 1), zone), start_of_day(date(year + 1, first_month, 1), zone)
