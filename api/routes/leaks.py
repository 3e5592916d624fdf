"""Reports of secrets that a scanner of code has found in the open: those that are ours are stopped at once.

Source of the shapes: GitHub's pages on its secret scanning partner programme. Not refused here, as it is elsewhere, is a field that is not
known: a report that its sender has put one more field into must stop the tokens all the same.
"""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Header, Request, Response
from starlette.exceptions import HTTPException

from api.answers import Out
from api.auth import Caller
from api.problems import MEDIA_TYPE
from api.service import TOKEN_KIND, Service
from api.wiring import Calling
from domain.commands.api_token import ReportLeak
from domain.errors import Forbidden, Invalid
from domain.values import parse_text

router = APIRouter(prefix="/v1/tokens", tags=["tokens"])

MOST = 1_000
LONGEST_PLACE = 500
SCANNER = Caller("secret-scanning", "scanner")
NOT_SAID = "not said"


class Report(msgspec.Struct):
    """One find: the secret, and where it was."""

    token: str
    type: str = ""
    url: str | None = None
    source: str | None = None


class LeakFeedback(Out):
    """What became of one find. `token_hash` is the SHA-256 of what was sent as its secret, in base64."""

    token_hash: str
    token_type: str
    label: Literal["true_positive", "false_positive"]


_decoder = msgspec.json.Decoder(Annotated[list[Report], msgspec.Meta(max_length=MOST)])
_TEXT = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_FIND = {
    "type": "object",
    "required": ["token"],
    "properties": {"token": _TEXT, "type": _TEXT, "url": _TEXT_OR_NULL, "source": _TEXT_OR_NULL},
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "array", "maxItems": MOST, "items": _FIND}}},
    }
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    403: {
        "description": "the report is not signed with a key that is known here",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    },
}


async def _raw(request: Request) -> bytes:
    return await request.body()


def _signed(
    request: Request,
    service: Calling,
    body: Annotated[bytes, Depends(_raw)],
    key_id: Annotated[str, Header(alias="Github-Public-Key-Identifier")] = "",
    signature: Annotated[str, Header(alias="Github-Public-Key-Signature", description="ECDSA, P-256, SHA-256; DER in base64")] = "",
    newer_key_id: Annotated[str, Header(alias="X-GitHub-Public-Key-Identifier", description="the newer name of the same")] = "",
    newer_signature: Annotated[str, Header(alias="X-GitHub-Public-Key-Signature", description="the newer name of the same")] = "",
) -> bytes:
    """The body, once it is known who sent it. Whatever is wrong, the answer is the same."""
    if service.verify_leak_report is None:
        raise HTTPException(404, "nobody whose reports this installation would believe is known to it")
    if not service.verify_leak_report(newer_key_id or key_id, newer_signature or signature, body):
        raise Forbidden("not-signed", "this is believed only with a signature of the sender that is known here")
    request.state.caller = SCANNER
    return body


def _read(body: bytes) -> list[Report]:
    try:
        reports: list[Report] = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):  # what they say may quote what was sent
        raise Invalid("invalid-request", f"body: this is no list of at most {MOST} finds, each with its token", field="body") from None
    return reports


@router.post("/leaks", response_model=list[LeakFeedback], responses=_RESPONSES, openapi_extra=_BODY)
def report_leaks(request: Request, service: Calling, body: Annotated[bytes, Depends(_signed)]) -> Response:
    """Stop the tokens whose secrets were found in the open, and tell their holders and every contact. Told twice, done once."""
    reports = _read(body)
    service.meter.gatekeeper.follow()
    tokens = [_token_of(service, report) for report in reports]
    commands = [ReportLeak(id=token, where=where) for token, where in _places(reports, tokens).items()]
    if commands:
        service.do(request, SCANNER, *commands)
    answers = [_feedback(report, token) for report, token in zip(reports, tokens, strict=True)]
    return Response(msgspec.json.encode(answers), media_type="application/json")


def _token_of(service: Service, report: Report) -> UUID | None:
    """Ours, also when it is over: that it was found is told then too."""
    if not service.secrets.is_token(report.token):
        return None
    token = service.meter.token(report.token)
    return token.id if token else None


def _places(reports: Sequence[Report], tokens: Sequence[UUID | None]) -> dict[UUID, str]:
    """Of each token the first place that says more than nothing."""
    places: dict[UUID, str] = {}
    for report, token in zip(reports, tokens, strict=True):
        if token is not None and places.get(token, NOT_SAID) == NOT_SAID:
            places[token] = where(report)
    return places


def where(report: Report) -> str:
    """The address, without what may hold secrets; else the kind of place."""
    for text in (*_addresses(report.url or ""), report.source or ""):
        try:
            place = parse_text(text, field="where", max_length=LONGEST_PLACE)
        except Invalid:
            continue
        if not _tells_a_secret(place):
            return place
    return NOT_SAID


def _addresses(url: str) -> Iterator[str]:
    """From the fullest to the barest: no name and password, no query, no fragment in any of them."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme in {"http", "https"} and host:
        site = f"{parts.scheme}://{host}"
        yield site + parts.path
        yield site


def _tells_a_secret(place: str) -> bool:
    while (plain := unquote(place)) != place:
        place = plain
    return f"{TOKEN_KIND}_" in place


def _feedback(report: Report, token: UUID | None) -> dict[str, str]:
    return {
        "token_hash": b64encode(sha256(report.token.encode()).digest()).decode(),
        "token_type": report.type,
        "label": "true_positive" if token else "false_positive",
    }
