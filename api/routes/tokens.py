"""Tokens: issued and rotated for their holder, whom alone the secret reaches; revoked by whoever looks after them."""

from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Query, Request, Response

from api.answers import TokenIssuedShown, TokenShown, TokensShown
from api.auth import Allowed, Caller, Support
from api.bodies import IssueTokenBody, LeakBody, RotateTokenBody
from api.fields import Body
from api.paging import After, Limit, Position, listed
from api.reads import SHOWS_PEOPLE
from api.service import NewToken, Service, answer
from api.wiring import Asking, Calling, Looking, created
from domain.aggregates.api_token import ApiToken
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.application import Outcome
from domain.commands.api_token import IssueToken, ReportLeak, RevokeToken, RotateToken
from domain.errors import NotFound
from domain.values import parse_text
from projections import api_tokens, usage

router = APIRouter(prefix="/v1/tokens", tags=["tokens"])
ask = Asking(ApiToken, "token")

Holder = Annotated[Caller, Depends(Allowed("admin", "platform", "institution"))]
"""Those to whom a secret may be shown: never support."""
Keeper = Annotated[Caller, Depends(Allowed("support", "admin", "platform", "institution"))]
Looker = Annotated[Caller, Depends(Allowed("support", "auditor", "admin", "platform", "institution"))]

SHOWN_ONCE = "the secret was shown once, in the first answer"


def _account_of(service: Service, owner: UUID, caller: Caller) -> UUID:
    """The institution of an owner; NotFound for an owner that is not the caller's."""
    try:
        stream = service.lifecycle.present(owner)
    except NotFound:
        raise NotFound("owner", owner) from None
    state: Any = stream.state
    if not isinstance(state, InstitutionalAccount | InstitutionalUserPlan) or stream.account_id is None:
        raise NotFound("owner", owner)
    if caller.account_id is not None and caller.account_id != stream.account_id:
        raise NotFound("owner", owner)
    if caller.role == "platform" and caller.on_behalf_of != state.registered_account_id:
        raise NotFound("owner", owner)
    return stream.account_id


def _token(service: Service, id: UUID, caller: Caller) -> ApiToken:
    """A token of the caller's: another one's is not found."""
    state = service.stream(ApiToken, "token", id, caller).state
    assert isinstance(state, ApiToken)
    try:
        _account_of(service, state.owner_id, caller)
    except NotFound:
        raise NotFound("token", id) from None
    return state


def _issue(new: NewToken, owner: UUID, account: UUID, label: str, replaces: UUID | None = None) -> IssueToken:
    return IssueToken(
        id=uuid4(),
        account_id=account,
        owner_id=owner,
        label=label,
        digest=new.digest,
        pepper=new.pepper,
        prefix=new.prefix,
        last_four=new.last_four,
        replaces=replaces,
    )


def _with_secret(new: NewToken) -> Any:
    def extra(outcome: Outcome) -> dict[str, Any]:
        return {"secret": None, "note": SHOWN_ONCE} if outcome.repeated else {"secret": new.secret, "note": None}

    return extra


@router.post("", status_code=201, response_model=TokenIssuedShown)
def issue(request: Request, service: Calling, caller: Holder, body: IssueTokenBody) -> Response:
    """Make a token for an institutional account or a user plan. The secret is in this answer and nowhere else."""
    account = _account_of(service, body.owner_id, caller)
    new = service.secrets.new_token()
    command = _issue(new, body.owner_id, account, parse_text(body.label, field="label"))
    return created(request, caller, body, "/v1/tokens", command, extra=_with_secret(new))


@router.get("", response_model=TokensShown, openapi_extra=SHOWS_PEOPLE)
def list_tokens(
    request: Request,
    service: Looking,
    caller: Looker,
    owner_id: UUID | None = None,
    status: Annotated[str | None, Query(pattern="^(active|rotating|expired|revoked)$")] = None,
    after: After = 0,
    limit: Limit = 50,
    position: Position = None,
) -> Response:
    """Tokens in the order in which they were issued. The platform names the owner."""
    service.wait_for(position)
    if owner_id is not None or caller.role == "platform":
        if owner_id is None:
            raise NotFound("owner", "that is not named")
        _account_of(service, owner_id, caller)
    items, following = api_tokens.listed(
        service.lifecycle, service.database, owner=owner_id, account=caller.account_id, status=status, after=after, limit=limit
    )
    return listed(request, items, following)


@router.get("/{id}", response_model=TokenShown, openapi_extra=SHOWS_PEOPLE)
def one_token(id: UUID, service: Looking, caller: Looker) -> Response:
    """A token as it is at this instant, and when it was last used; never its secret."""
    _token(service, id, caller)
    used = None  # of the past nothing of this is kept
    if service.lifecycle.moment is None:
        with service.database.reading() as connection:
            used = usage.last_used(connection, id)
    stream = service.stream(ApiToken, "token", id, caller)
    return answer(stream, service.lifecycle.clock.now(), extra={"last_used_at": used})


@router.post("/{id}/rotate", status_code=201, response_model=TokenIssuedShown)
def rotate(id: UUID, request: Request, service: Calling, caller: Holder, body: RotateTokenBody = RotateTokenBody()) -> Response:
    """Make a token that takes this one's place; this one goes on for the overlap."""
    old = _token(service, id, caller)
    new = service.secrets.new_token()
    successor = _issue(new, old.owner_id, old.account_id, old.label, replaces=id)
    turn = RotateToken(id=id, replaced_by=successor.id, overlap_days=body.overlap_days)
    return created(request, caller, body, "/v1/tokens", turn, successor, extra=_with_secret(new))


@router.post("/{id}/revoke", response_model=TokenShown)
def revoke(id: UUID, request: Request, service: Calling, caller: Keeper, body: Body = Body()) -> Response:
    """Stop a token at once. Done already: the same answer."""
    _token(service, id, caller)
    return ask(request, caller, body, RevokeToken(id=id))


@router.post("/{id}/report-leak", response_model=TokenShown)
def report_leak(id: UUID, request: Request, caller: Support, body: LeakBody = LeakBody()) -> Response:
    """Stop a token that somebody has found in the open, and tell every contact."""
    return ask(request, caller, body, ReportLeak(id=id, where=parse_text(body.where, field="where", max_length=500)))
