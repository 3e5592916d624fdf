"""Lists of people: handed in, watched while they are settled, looked at row by row, and taken back."""

from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.answers import ImportRowsShown, UserImportShown, UserImportsShown, UserPlansShown
from api.auth import Allowed, Caller
from api.bodies import ConfirmAbsencesBody
from api.fields import Body
from api.lists import count_rows, read_list
from api.paging import After, Limit, Position, listed
from api.reads import SHOWS_PEOPLE
from api.service import Service, answer
from api.wiring import Asking, Calling, Looking
from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.user_import import UserImport
from domain.commands.user_import import ConfirmAbsences, SubmitUserImport, UndoUserImport
from domain.errors import Refused
from domain.events.user_import import Mode, RowOutcome
from projections import lists, user_imports, user_plans
from projections.safe_csv import csv_lines

router = APIRouter(tags=["user imports"])
ask = Asking(UserImport, "import")

Manager = Annotated[Caller, Depends(Allowed("support", "admin", "institution"))]
Looker = Annotated[Caller, Depends(Allowed("support", "auditor", "admin", "institution"))]
Outcome = Annotated[RowOutcome | None, Query(description="only rows with this outcome")]

_LIST = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": "email,name\nada@uni.example,Ada\n"},
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["rows"],
                    "additionalProperties": False,
                    "properties": {
                        "rows": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["email"],
                                "additionalProperties": False,
                                "properties": {
                                    "email": {"type": "string"},
                                    "registered_account_id": {"type": ["string", "null"]},
                                    "name": {"type": ["string", "null"]},
                                },
                            },
                        }
                    },
                }
            },
        },
    }
}
PAGE_OF_A_FILE = 2_000


@router.post("/v1/subscriptions/{id}/user-imports", status_code=201, response_model=UserImportShown, openapi_extra=_LIST)
def hand_in(
    id: UUID,
    request: Request,
    service: Calling,
    caller: Manager,
    mode: Mode = Mode.ADD,
    dry_run: bool = False,
) -> Response:
    """Hand in a list of addresses, as CSV with a header or as JSON. A dry run tells what would become of each row, and does nothing.

    The file is read whole before anything is stored; its rows are settled in the background. With `mode=reconcile` the list is
    complete: who is absent from it is listed, and put at risk only when that is confirmed.
    """
    account = service.stream(ITKSubscription, "subscription", id, caller).account_id
    assert account is not None
    file, media_type = request.state.upload, request.headers.get("Content-Type", "")
    rows = count_rows(file, media_type)
    digest = service.secrets.derived("list", f"{id}/{request.state.body_digest}")
    import_id = uuid4()
    with service.database.reading() as connection:
        same_as = None if dry_run else user_imports.same_before(connection, id, digest)
    file.seek(0)
    people = lists.numbered((row.line, row.email, row.registered_account_id, row.name) for row in read_list(file, media_type))
    with service.database.writing() as connection:
        lists.store(connection, import_id, people)
    command = SubmitUserImport(
        id=import_id,
        account_id=account,
        subscription_id=id,
        mode=mode,
        dry_run=dry_run,
        rows=rows,
        digest=digest,
        same_as=same_as,
    )
    submitted = None
    try:
        submitted = service.do(request, caller, command)
    finally:
        if submitted is None or submitted.repeated:
            with service.database.writing() as connection:
                lists.drop(connection, import_id)
    shown = submitted.stream
    return answer(
        shown,
        shown.last_at,
        position=submitted.position,
        status=201,
        location=f"/v1/user-imports/{shown.id}",
        extra={"warnings": _warnings(shown.state)},
    )


def _warnings(state: Any) -> list[str]:
    if state.same_as is None:
        return []
    return [f"the same list was handed in before, as import {state.same_as}; each row was judged anew"]


def _mine(service: Service, id: UUID, caller: Caller) -> UserImport:
    state = service.stream(UserImport, "import", id, caller).state
    assert isinstance(state, UserImport)
    return state


@router.get("/v1/subscriptions/{id}/user-imports", response_model=UserImportsShown)
def list_imports(
    id: UUID, request: Request, service: Looking, caller: Looker, after: After = 0, limit: Limit = 50, position: Position = None
) -> Response:
    """The lists of an institution in the order in which they came."""
    service.wait_for(position)
    service.stream(ITKSubscription, "subscription", id, caller)
    items, following = user_imports.listed(service.lifecycle, service.database, subscription=id, after=after, limit=limit)
    return listed(request, items, following)


@router.get("/v1/user-imports/{id}", response_model=UserImportShown)
def one_import(id: UUID, service: Looking, caller: Looker) -> Response:
    """How far a list is, and how many rows had which outcome."""
    stream = service.stream(UserImport, "import", id, caller)
    return answer(stream, service.lifecycle.clock.now(), extra={"warnings": _warnings(stream.state)})


@router.get("/v1/user-imports/{id}/rows", response_model=ImportRowsShown, openapi_extra=SHOWS_PEOPLE)
def list_rows(
    id: UUID,
    request: Request,
    service: Looking,
    caller: Looker,
    outcome: Outcome = None,
    after: After = 0,
    limit: Limit = 50,
    position: Position = None,
) -> Response:
    """What became of each row, in the order of the file."""
    service.wait_for(position)
    settled = _mine(service, id, caller).settled
    with service.database.reading() as connection:
        items = list(user_imports.rows_of(connection, id, outcome=outcome, after=after, upto=settled, limit=limit + 1))
    return listed(request, items[:limit], items[limit - 1]["row"] if len(items) > limit else None)


@router.get(
    "/v1/user-imports/{id}/rows.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
    openapi_extra=SHOWS_PEOPLE,
)
def rows_as_csv(id: UUID, service: Looking, caller: Looker, outcome: Outcome = None, position: Position = None) -> Response:
    """The same as a file that is safe to open in a spreadsheet."""
    service.wait_for(position)
    settled = _mine(service, id, caller).settled
    header = ("line", "email", "outcome", "reason")

    def rows() -> Iterator[list[Any]]:
        after = 0
        while True:
            with service.database.reading() as connection:
                some = list(user_imports.rows_of(connection, id, outcome=outcome, after=after, upto=settled, limit=PAGE_OF_A_FILE))
            yield from ([row[name] for name in header] for row in some)
            if len(some) < PAGE_OF_A_FILE:
                return
            after = some[-1]["row"]

    disposition = {"Content-Disposition": f'attachment; filename="outcomes-{id}.csv"'}
    return StreamingResponse(csv_lines(header, rows()), media_type="text/csv; charset=utf-8", headers=disposition)


@router.get("/v1/user-imports/{id}/absent", response_model=UserPlansShown, openapi_extra=SHOWS_PEOPLE)
def list_absent(
    id: UUID, request: Request, service: Calling, caller: Looker, after: After = 0, limit: Limit = 50, position: Position = None
) -> Response:
    """Who has a plan and is not on a list that was handed in as complete."""
    service.wait_for(position)
    state = _mine(service, id, caller)
    if state.absent is None:
        raise Refused("not-reconciled", "only a list that was handed in with mode=reconcile, and is settled, tells who is absent")
    items, following = user_plans.absent(service.lifecycle, service.database, id, after=after, limit=limit)
    return listed(request, items, following)


@router.post("/v1/user-imports/{id}/confirm-absences", response_model=UserImportShown)
def confirm_absences(id: UUID, request: Request, caller: Manager, body: ConfirmAbsencesBody) -> Response:
    """Say that whoever is absent has left, as it seems: they are told, and have 14 days to be confirmed."""
    return ask(request, caller, body, ConfirmAbsences(id=id, absent=body.absent))


@router.post("/v1/user-imports/{id}/undo", response_model=UserImportShown)
def undo(id: UUID, request: Request, caller: Manager, body: Body = Body()) -> Response:
    """Take back what the list did, within 14 days: plans it granted end, terms it renewed go back, nobody is at risk by it."""
    return ask(request, caller, body, UndoUserImport(id=id))
