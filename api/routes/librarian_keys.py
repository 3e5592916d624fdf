"""Keys of librarians: each is one person's, bound to one account, good for a while, and looked at again when a contact changes hands."""

from typing import Any
from uuid import UUID, uuid4

import msgspec
from fastapi import APIRouter, Request, Response

from api.answers import LibrarianKeyIssuedShown, LibrarianKeyShown, LibrarianKeysShown
from api.auth import Caller, Insider, Support
from api.bodies import IssueLibrarianKeyBody
from api.fields import Body
from api.paging import listed
from api.reads import SHOWS_PEOPLE
from api.service import Service
from api.wiring import Calling, Looking, as_of
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.aggregates.institutional_account_state import LibrarianKey
from domain.application import Outcome
from domain.commands.institutional_account import AccountCommand, IssueLibrarianKey, ReviewLibrarianKey, RevokeLibrarianKey
from domain.errors import NotFound
from domain.streams import Stream
from domain.values import parse_text
from projections.shapes import librarian_key

router = APIRouter(prefix="/v1/accounts/{id}/librarian-keys", tags=["librarian keys"])

LONGEST_NAME = 100
SHOWN_ONCE = "the secret was shown once, in the first answer; if it did not arrive, revoke this key and issue another"


@router.post("", status_code=201, response_model=LibrarianKeyIssuedShown)
def issue(id: UUID, request: Request, service: Calling, caller: Support, body: IssueLibrarianKeyBody) -> Response:
    """Make a key for one librarian, good for a year unless `days` says less. The secret is in this answer and nowhere else."""
    service.stream(InstitutionalAccount, "account", id, caller)
    name = parse_text(body.name, field="name", max_length=LONGEST_NAME)
    outcome = service.do(request, caller, IssueLibrarianKey(id=id, key_id=uuid4(), name=name, days=body.days), reason=body.why)
    key = _keys(outcome.stream)[-1]
    secret = None if outcome.repeated else service.add_librarian(id, key)
    shown = _shown(service, outcome, key) | {"secret": secret, "note": None if secret else SHOWN_ONCE}
    return _answer(shown, outcome, status=201, headers={"Location": f"/v1/accounts/{id}/librarian-keys/{key.id}"})


@router.get("", response_model=LibrarianKeysShown, openapi_extra=SHOWS_PEOPLE)
def list_keys(id: UUID, request: Request, service: Looking, caller: Insider) -> Response:
    """All keys of the account's librarians, in the order in which they were issued; never a secret."""
    now = service.lifecycle.clock.now()
    keys = _keys(service.stream(InstitutionalAccount, "account", id, caller))
    return listed(request, [librarian_key(id, key, now) for key in keys], None)


@router.get("/{key_id}", response_model=LibrarianKeyShown, openapi_extra=SHOWS_PEOPLE)
def one_key(id: UUID, key_id: UUID, service: Looking, caller: Insider) -> Response:
    """A librarian's key as it is at this instant; never its secret."""
    key = _key(service.stream(InstitutionalAccount, "account", id, caller), key_id)
    return _json(librarian_key(id, key, service.lifecycle.clock.now()))


@router.post("/{key_id}/revoke", response_model=LibrarianKeyShown)
def revoke(id: UUID, key_id: UUID, request: Request, service: Calling, caller: Support, body: Body = Body()) -> Response:
    """Stop a key at once. Done already: the same answer."""
    cause = body.reason.code.value if body.reason else "asked"
    return _ask(service, request, caller, body, RevokeLibrarianKey(id=id, key_id=key_id, cause=cause), key_id)


@router.post("/{key_id}/review", response_model=LibrarianKeyShown)
def review(id: UUID, key_id: UUID, request: Request, service: Calling, caller: Support, body: Body = Body()) -> Response:
    """The librarian is to keep the key, though a contact of the account has changed hands."""
    return _ask(service, request, caller, body, ReviewLibrarianKey(id=id, key_id=key_id), key_id)


def _ask(service: Service, request: Request, caller: Caller, body: Body, command: AccountCommand, key_id: UUID) -> Response:
    _key(service.stream(InstitutionalAccount, "account", command.id, caller), key_id)
    outcome = service.do(request, caller, command, reason=body.why)
    return _answer(_shown(service, outcome, _key(outcome.stream, key_id)), outcome)


def _keys(stream: Stream) -> tuple[LibrarianKey, ...]:
    assert isinstance(stream.state, InstitutionalAccount)
    return stream.state.librarian_keys


def _key(stream: Stream, id: UUID) -> LibrarianKey:
    for key in _keys(stream):
        if key.id == id:
            return key
    raise NotFound("librarian's key", id)


def _shown(service: Service, outcome: Outcome, key: LibrarianKey) -> dict[str, Any]:
    return librarian_key(outcome.stream.id, key, as_of(service, outcome))


def _answer(shown: dict[str, Any], outcome: Outcome, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return _json(shown, status, {"X-Position": str(outcome.position)} | (headers or {}))


def _json(shown: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(shown), status, headers, "application/json")
