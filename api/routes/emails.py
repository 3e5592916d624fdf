"""What was written to whom, what left, what did not, and why; and what came back."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Request, Response

from api.answers import EmailShown, EmailsShown, EmailWhole
from api.auth import Insider, Support
from api.bodies import BounceBody
from api.paging import After, Limit, Position, listed
from api.reads import SHOWS_PEOPLE
from api.wiring import Calling, Looking
from domain.aggregates.email_delivery import EmailDelivery
from domain.commands.email_delivery import ReportBounce
from domain.errors import NotFound
from domain.values import parse_text
from projections.emails import letters, outbox
from projections.emails.past import page_then

router = APIRouter(prefix="/v1/emails", tags=["emails"])


@router.get("", response_model=EmailsShown, openapi_extra=SHOWS_PEOPLE)
def list_emails(
    request: Request,
    service: Looking,
    caller: Insider,
    account: UUID | None = None,
    template: Annotated[str | None, Query(max_length=60, pattern="^[a-z-]+$")] = None,
    status: Annotated[str | None, Query(pattern="^(pending|sent|bounced|skipped)$")] = None,
    after: After = 0,
    limit: Limit = 50,
    position: Position = None,
) -> Response:
    """Emails in the order in which they were written: sent, pending, bounced, or skipped and why.

    A librarian sees those of the own account.
    """
    service.wait_for(position)
    if caller.account_id is not None:
        if account not in {None, caller.account_id}:
            raise NotFound("account", str(account))
        account = caller.account_id
    if service.lifecycle.moment is not None:
        of = {"account": account, "template": template, "status": status}
        return listed(request, *page_then(service.lifecycle, service.database, **of, after=after, limit=limit))  # type: ignore[arg-type]
    with service.database.reading() as connection:
        items, following = outbox.page(connection, account=account, template=template, status=status, after=after, limit=limit)
    return listed(request, items, following)


@router.get("/{id}", response_model=EmailWhole, openapi_extra=SHOWS_PEOPLE)
def one(id: UUID, service: Calling, caller: Insider, position: Position = None) -> Response:
    """A letter as it was sent, and what the mail server said; or why it was not."""
    service.wait_for(position)
    found = letters.whole(service.lifecycle, service.database, service.letterhead, id)
    if found is None or (caller.account_id is not None and found["account_id"] != caller.account_id):
        raise NotFound("email", id)
    return Response(msgspec.json.encode(found), media_type="application/json")


@router.post("/bounces", response_model=EmailShown)
def report_bounce(request: Request, service: Calling, caller: Support, body: BounceBody) -> Response:
    """An email came back after it had been accepted. A hard bounce makes the contact unreachable."""
    service.stream(EmailDelivery, "email", body.email_id)
    command = ReportBounce(id=body.email_id, hard=body.hard, code=body.code, answer=parse_text(body.answer, field="answer", max_length=500))
    outcome = service.do(request, caller, command, reason=body.why)
    service.wait_for(outcome.position)
    with service.database.reading() as connection:
        found = outbox.one(connection, body.email_id)
    if found is None:
        raise NotFound("email", body.email_id)
    return _json(found, outcome.position)


def _json(shown: dict[str, Any], position: int) -> Response:
    return Response(msgspec.json.encode(shown), headers={"X-Position": str(position)}, media_type="application/json")
