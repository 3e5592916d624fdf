"""Every command as a form: filled in, previewed, and confirmed by what the preview showed."""

import re
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.console import forms, site
from api.console.door import PageProblem, Signed, Visitor, own_path
from api.console.forms import Operation
from api.service import Rehearsal

router = APIRouter()

OF_ACCOUNT = (
    "amend", "convert", "withdraw", "reject", "suspend", "reinstate", "close", "domains", "contacts", "contact-transfers",
    "replace-registered-account", "ip-ranges", "link-resolvers", "librarian-keys", "onboarding/community-told",
)  # fmt: skip
OF_SUBSCRIPTION = (
    "activate", "renew", "withdraw-renewal", "announce-renewal", "reinstate", "extend", "correct-term", "change-plans", "undo-plan-change",
    "suspend", "resume", "cancel", "undo-cancellation", "invitations", "entitlements",
)  # fmt: skip
OF_PLAN = ("approve", "reject", "request-renewal", "accept", "decline", "reconfirm", "suspend", "resume", "end", "change-address")
OF_TOKEN = ("rotate", "revoke", "report-leak")
_COMMAND = re.compile(r"/v1/(accounts|subscriptions|user-plans|tokens)(/[A-Za-z0-9.-]+)*")


def candidates(account: UUID | str, subscription: UUID | str | None) -> list[str]:
    """Where something might be done to an institution and its subscription."""
    paths = [f"/v1/accounts/{account}/{what}" for what in OF_ACCOUNT]
    if subscription is None:
        return [*paths, "/v1/subscriptions"]
    return [*paths, *(f"/v1/subscriptions/{subscription}/{what}" for what in OF_SUBSCRIPTION), "/v1/tokens"]


async def offered(visitor: Visitor, paths: list[str]) -> list[tuple[Operation, str]]:
    """Of these commands those that this visitor may give, and that would do something now; each with its path."""
    contract, found = visitor.request.app.openapi(), []
    for path in paths:
        operation = forms.operation(contract, path)
        if operation is None or visitor.key.role not in operation.roles:
            continue
        if any(field.required for field in operation.fields) or await _would_do(visitor, operation, path):
            found.append((operation, path))
    return found


async def _would_do(visitor: Visitor, operation: Operation, path: str) -> bool:
    rehearsal = Rehearsal(briefly=True)
    await visitor.post(path, {}, method=operation.method, state={"rehearsal": rehearsal})
    return rehearsal.told is not None and rehearsal.told["events"] > 0


def _found(visitor: Visitor, path: str) -> Operation:
    operation = forms.operation(visitor.request.app.openapi(), path) if _COMMAND.fullmatch(path) else None
    if operation is None:
        raise PageProblem(404, "there is no such command")
    if visitor.key.role not in operation.roles:
        raise PageProblem(403, f"this is for {', '.join(sorted(operation.roles))}")
    return operation


@router.get("/do")
async def ask(request: Request, visitor: Signed, path: Annotated[str, Query(max_length=300)], back: str = "/console") -> Response:
    """The form of one command. Other parameters stand in its fields already."""
    operation = _found(visitor, path)
    fields = tuple(
        field if field.name not in request.query_params else forms.typed((field,), request.query_params)[0] for field in operation.fields
    )
    return _form(visitor, operation, path, back, fields, {})


@router.post("/do")
async def do(request: Request, visitor: Signed) -> Response:
    form = {name: str(value) for name, value in (await request.form()).items()}
    path, back = form.get("path", ""), form.get("back", "/console")
    operation = _found(visitor, path)
    fields = forms.typed(operation.fields, form)
    if form.get("step") == "confirm":
        return await _confirmed(visitor, operation, path, back, fields, form)
    if form.get("step") == "change":
        return _form(visitor, operation, path, back, fields, form)
    body = forms.body_of(fields, form)
    answer = await visitor.post("/v1/previews", {"path": path, "method": operation.method, "body": body})
    told = answer.told
    if answer.status >= 400 and not told["type"].endswith(":no-preview"):
        return _form(visitor, operation, path, back, fields, form, told)
    preview = told if answer.status == 200 else None
    facts: dict[str, Any] = {"operation": operation, "path": path, "back": own_path(back), "form": form, "nonce": str(uuid4())}
    return site.page("preview.html", visitor, preview=preview, fields=fields, **facts)


async def _confirmed(
    visitor: Visitor, operation: Operation, path: str, back: str, fields: tuple[forms.Field, ...], form: dict[str, str]
) -> Response:
    headers = {"idempotency-key": f"console-{form.get('nonce', '')}"}
    if form.get("digest"):
        headers["x-preview"] = form["digest"]
    answer = await visitor.post(path, forms.body_of(fields, form), method=operation.method, headers=headers)
    if answer.status >= 400:
        return _form(visitor, operation, path, back, fields, form, answer.told)
    told: Any = answer.told or {}
    if told.get("secret"):
        return site.page("secret.html", visitor, secret=told["secret"], what=operation.name, back=own_path(back))
    target = own_path(back)
    seen = urlencode({"done": operation.name, "position": answer.headers.get("x-position", "")})
    return RedirectResponse(f"{target}{'&' if '?' in target else '?'}{seen}", 303)


def _form(
    visitor: Visitor,
    operation: Operation,
    path: str,
    back: str,
    fields: tuple[forms.Field, ...],
    form: dict[str, str],
    problem: dict[str, Any] | None = None,
) -> Response:
    """With what was typed, and the error at the field that it names."""
    facts: dict[str, Any] = {
        "operation": operation,
        "path": path,
        "back": own_path(back),
        "fields": fields,
        "codes": forms.reason_codes(visitor.request.app.openapi()),
        "code": form.get("reason.code", ""),
        "text": form.get("reason.text", ""),
        "problem": problem,
        "wrong": forms.field_of(problem, fields) if problem else None,
    }
    return site.page("form.html", visitor, http_status=problem["status"] if problem else 200, **facts)
