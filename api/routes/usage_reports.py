"""What an institution and its people have used: for librarians, for people, and for spreadsheets."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse

from api.answers import UsageReportShown
from api.auth import Allowed, Caller, Insider
from api.fields import Day
from api.paging import Position
from api.reads import SHOWS_PEOPLE
from api.routes.user_plans import own_plan
from api.service import Service
from api.wiring import Calling
from domain.access import Code
from domain.aggregates.itk_subscription import ITKSubscription
from domain.calendar import start_of_day
from domain.errors import Invalid
from projections import usage_reports
from projections.safe_csv import csv_lines
from projections.usage_reports import INSTITUTION, By, Row, Window

router = APIRouter(prefix="/v1", tags=["usage"])

Looker = Annotated[Caller, Depends(Allowed("support", "auditor", "admin", "platform", "institution"))]

MOST_ROWS = 20_000
REASONS = [str(code) for code in Code if code is not Code.TOKEN_UNKNOWN]
_PERIOD = re.compile(r"(\d{4})(?:/(\d\d))?")
_COLUMNS = {By.PRODUCT: ["product"], By.MONTH: ["month"], By.PERSON: ["person", "user_plan_id"], By.TOKEN: ["token", "token_id"]}
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}

Period = Annotated[
    str | None,
    Query(
        pattern=r"^(19[7-9]\d|20\d\d|21[0-8]\d)(/\d\d)?$",
        description="a calendar year, 2027, or an academic year, 2027/28; without it and without dates: the current term",
    ),
]
From = Annotated[Day | None, Query(alias="from", description="the first day, as the institution's calendar has it")]
To = Annotated[Day | None, Query(description="the first day that is not in it")]
Breakdown = Annotated[
    str,
    Query(
        pattern=r"^(product|month|person|token)(,(product|month|person|token)){0,3}$",
        description="what it is broken down by, separated by commas: product, month, person, token",
    ),
]
Format = Annotated[Literal["json", "csv"], Query(description="csv is safe to open in a spreadsheet")]


@router.get("/subscriptions/{id}/usage", response_model=UsageReportShown, responses=_CSV, openapi_extra=SHOWS_PEOPLE)
def usage_of_subscription(
    id: UUID,
    service: Calling,
    caller: Insider,
    period: Period = None,
    from_: From = None,
    to: To = None,
    by: Breakdown = "product,month",
    format: Format = "json",
    position: Position = None,
) -> Response:
    """What an institution's own tokens and its people used: of a year, of any days, or of the current term."""
    service.wait_for(position)
    state = service.stream(ITKSubscription, "subscription", id, caller).state
    assert isinstance(state, ITKSubscription)
    asked = _bounds(service, period, from_, to, state.zone)
    term = state.current_term
    if asked == (None, None) and term is not None:
        asked = term.starts_at, term.ends_at
    life = (state.terms[0].starts_at if state.terms else None, state.access_ended_at if str(state.status) == "ended" else None)
    window = Window(account_id=state.account_id, from_=_later(asked[0], life[0]), to=_earlier(asked[1], life[1]))
    return _answer(service, window, asked, state.zone, by, format, f"usage-{id}")


@router.get("/user-plans/{id}/usage", response_model=UsageReportShown, responses=_CSV, openapi_extra=SHOWS_PEOPLE)
def usage_of_person(
    id: UUID,
    service: Calling,
    caller: Looker,
    period: Period = None,
    from_: From = None,
    to: To = None,
    by: Breakdown = "product,month",
    format: Format = "json",
    position: Position = None,
) -> Response:
    """What a person used: of a year, of any days, or all that there is. Dates are those of the institution's calendar."""
    service.wait_for(position)
    plan = own_plan(service, id, caller)
    subscription = service.stream(ITKSubscription, "subscription", plan.subscription_id).state
    assert isinstance(subscription, ITKSubscription)
    asked = _bounds(service, period, from_, to, subscription.zone)
    window = Window(account_id=plan.account_id, owner_id=id, from_=asked[0], to=asked[1])
    return _answer(service, window, asked, subscription.zone, by, format, f"usage-{id}")


Bounds = tuple[datetime | None, datetime | None]


def _bounds(service: Service, period: str | None, from_: Day | None, to: Day | None, zone: str) -> Bounds:
    if period is None:
        if from_ is not None and to is not None and from_ >= to:
            raise Invalid("empty-period", f"{to} does not come after {from_}", field="query.to")
        return (start_of_day(from_, zone) if from_ else None, start_of_day(to, zone) if to else None)
    if from_ is not None or to is not None:
        raise Invalid("period-unclear", "name a period, or the days from and to: not both", field="query.period")
    found = _PERIOD.fullmatch(period)
    assert found is not None
    year = int(found[1])
    if found[2] is None:
        return usage_reports.calendar_year(year, zone)
    if int(found[2]) != (year + 1) % 100:
        raise Invalid("period-unclear", f"an academic year has two years in a row: {year}/{(year + 1) % 100:02}", field="query.period")
    return usage_reports.academic_year(year, service.lifecycle.rules.academic_year_month, zone)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(one, other) if one and other else one or other


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(one, other) if one and other else one or other


def _answer(service: Service, window: Window, asked: Bounds, zone: str, by: str, kind: str, name: str) -> Response:
    chosen = [each for each in By if each in by.split(",")]
    with service.database.reading() as connection:
        rows = usage_reports.report(connection, window, chosen, zone)
        names = usage_reports.names(connection, rows) | {window.account_id: INSTITUTION}
    shown = (_shown(row, names) for row in rows)
    if kind == "csv":
        disposition = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return StreamingResponse(_csv(chosen, shown), media_type="text/csv; charset=utf-8", headers=disposition)
    if len(rows) > MOST_ROWS:
        sentence = f"this report has {len(rows):,} rows: ask for a shorter period, for less of a breakdown, or for format=csv"
        raise Invalid("report-too-long", sentence, field="query.by")
    totals = usage_reports.summed(rows)
    body = {
        "starts_at": asked[0],
        "ends_at": asked[1],
        "time_zone": zone,
        "by": [str(each) for each in chosen],
        "rows": list(shown),
        "totals": {"requests": totals.requests, "records": totals.records, "refused": totals.refused},
    }
    return Response(msgspec.json.encode(body), media_type="application/json")


def _shown(row: Row, names: dict[UUID, str]) -> dict[str, Any]:
    """What the lists do not know yet has no name."""
    person = None if row.owner_id is None else names.get(row.owner_id, "")
    return {
        "product": row.product,
        "month": row.month,
        "person": person,
        "user_plan_id": None if person == INSTITUTION else row.owner_id,
        "token": None if row.token_id is None else names.get(row.token_id, ""),
        "token_id": row.token_id,
        "requests": row.requests,
        "records": row.records,
        "refused": row.refused,
    }


def _csv(chosen: Sequence[By], rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Always the same columns for the same breakdown, each reason a column of its own."""
    keys = [column for each in chosen for column in _COLUMNS[each]]
    header = [*keys, "requests", "records", "refused", *(f"refused_{reason}" for reason in REASONS)]
    cells = (
        [
            *(row[key] for key in keys),
            row["requests"],
            row["records"],
            sum(row["refused"].values()),
            *(row["refused"].get(reason, 0) for reason in REASONS),
        ]
        for row in rows
    )
    return csv_lines(header, cells)
