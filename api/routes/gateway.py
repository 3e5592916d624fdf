"""What the gateway asks for every call, and what support finds of the refused ones."""

import re
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.types import Scope

from api import lens, problems
from api.answers import CheckShown, RefusalShown
from api.auth import AllowedQuickly, Caller, Reader
from api.meter import Answer
from api.service import Service
from api.wiring import Calling
from domain.access import Question
from domain.catalogue import Product
from domain.errors import Invalid, NotFound
from projections import usage

router = APIRouter(prefix="/v1/access", tags=["gateway"])

_allowed = AllowedQuickly("gateway")
Gateway = Annotated[Caller, Depends(_allowed)]

Amount = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """One call that somebody makes with a token. `cost` is how many requests it counts for."""

    token: Annotated[str, msgspec.Meta(max_length=500)]
    product: Product
    records: Amount | None = None
    nested_aggregations: Amount | None = None
    cost: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1


_decoder = msgspec.json.Decoder(Asked)
_NAMED = re.compile(r"Object (?:missing required|contains unknown) field `(.*)`", re.DOTALL)
_LARGEST = {"type": "integer", "minimum": 0, "maximum": 1_000_000_000}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["token", "product"],
                    "additionalProperties": False,
                    "properties": {
                        "token": {"type": "string", "maxLength": 500},
                        "product": {"type": "string", "enum": [str(product) for product in Product]},
                        "records": {"anyOf": [_LARGEST, {"type": "null"}]},
                        "nested_aggregations": {"anyOf": [_LARGEST, {"type": "null"}]},
                        "cost": {"type": "integer", "minimum": 1, "maximum": 1_000_000, "default": 1},
                    },
                }
            }
        },
    }
}


def asked(body: bytes) -> Asked:
    try:
        return _decoder.decode(body)
    except msgspec.MsgspecError as error:
        sentence, _, path = str(error).partition(" - at `$.")
        named = _NAMED.search(sentence)
        field = path.rstrip("`") or (named[1] if named else "")
        where = f"body.{field}" if field else "body"
        if field == "product":  # what stands there in its place may be anything, a secret too
            sentence = f"one of {', '.join(Product)}"
        raise Invalid("invalid-request", f"{where}: {sentence}", field=where) from None
    except UnicodeDecodeError:
        raise Invalid("invalid-request", "body: this is not JSON in UTF-8", field="body") from None


@router.post("/check", response_model=CheckShown, responses=lens.REFUSED, openapi_extra=_BODY)
async def check(
    request: Request,
    service: Calling,
    caller: Gateway,
    style: Annotated[Literal["tenure", "lens"], Query(description="lens: as the platform tells its holders")] = "tenure",
) -> Response:
    """May this token do this? An allowed call is counted before it is answered; a refused one has every reason and a reference."""
    answer = await decided(service, await request.body())
    if style == "lens":
        if not answer.access.allowed:
            return lens.refusal(answer.access, answer.reference, answer.at)
        return Response(msgspec.json.encode(shown(answer)), 200, lens.headers_of(answer.access, answer.at), "application/json")
    return Response(msgspec.json.encode(shown(answer)), media_type="application/json")


async def decided(service: Service, body: bytes) -> Answer:
    call = asked(body)
    question = Question(product=call.product, records=call.records, nested_aggregations=call.nested_aggregations, cost=call.cost)
    return await service.meter.ask(call.token, question)


class Shortcut:
    """`/v1/access/check` asked plainly, with a key that was looked up just now: the framework would take longer than all else.

    Whatever is not so plain goes the way of every route, to the same answer.
    """

    path = "/v1/access/check"

    def __init__(self, service: Service) -> None:
        self._service = service

    def takes(self, scope: Scope) -> Caller | None:
        """Who asks, if it may be answered here."""
        if scope["path"] != self.path or scope["method"] != "POST" or scope["query_string"]:
            return None
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        return _allowed.at_once(self._service, given[0]) if len(given) == 1 else None

    async def answer(self, scope: Scope, body: bytes) -> Response:
        try:
            answer = await decided(self._service, body)
        except Exception as error:  # noqa: BLE001 - as the framework does it for the other routes
            return await problems.answer(Request(scope), error)
        return Response(msgspec.json.encode(shown(answer)), media_type="application/json")


def shown(answer: Answer) -> dict[str, Any]:
    access = answer.access
    return {
        "allowed": access.allowed,
        "reasons": [{"code": each.code, "detail": each.detail, "position": each.position} for each in access.reasons],
        "limits": {**vars(access.limits), "remaining": access.remaining} if access.limits else None,
        "retry_at": access.retry_at,
        "reference": answer.reference,
    }


@router.get("/refusals/{reference}", response_model=RefusalShown)
def refusal(reference: UUID, service: Calling, caller: Reader) -> Response:
    """Why a call was refused, by the reference that its caller was given; kept for 90 days."""
    with service.database.reading() as connection:
        found = usage.refusal(connection, reference, service.lifecycle.clock.now())
    if found is None:
        raise NotFound("refusal", reference)
    return Response(msgspec.json.encode(found), media_type="application/json")
