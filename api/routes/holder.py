"""What a token's holder may ask with the token itself: how much is left, and what the records look like."""

from typing import Annotated, Any, get_args

import msgspec
from fastapi import APIRouter, Query, Request, Response

from api import lens, record_schemas
from api.answers import UsageShown
from api.ranges import is_known
from api.record_schemas import RecordKind
from api.wiring import Calling
from domain.access import Access, Usage
from domain.catalogue import Product

router = APIRouter(tags=["holder"])

Token = Annotated[str, Query(max_length=500, description="the secret of a token")]

_PRODUCTS = {f"{product}_api": product for product in Product}


def _usage_of(product: Product) -> Any:
    def usage(service: Calling, token: Token) -> Response:
        standing = service.meter.standing(token, product)
        if not standing.access.allowed:
            return lens.refusal(standing.access, standing.reference, standing.at)
        assert standing.usage is not None
        body = _shown(product, standing.access, standing.usage)
        return Response(msgspec.json.encode(body), 200, lens.headers_of(standing.access, standing.at), "application/json")

    usage.__doc__ = f"How much of the {product} plan's limits is used and left in the present month, and when it begins anew."
    return usage


for name, product in _PRODUCTS.items():
    router.get(f"/subscriptions/{name}/usage", response_model=UsageShown, responses={401: lens.REFUSED[401]}, operation_id=f"usage_{name}")(
        _usage_of(product)
    )


def _schema_of(kind: RecordKind) -> Any:
    def schema(request: Request, service: Calling, token: Token) -> Response:
        standing = service.meter.standing(token, Product(kind))
        if not standing.access.allowed:
            return lens.refusal(standing.access, standing.reference, standing.at)
        tag = record_schemas.etag_of(kind)
        headers = {"ETag": tag} | lens.headers_of(standing.access, standing.at)
        if is_known(request.headers, tag):
            return Response(None, 304, headers)
        return Response(record_schemas.schema_of(kind), 200, headers, record_schemas.MEDIA_TYPE)

    schema.__doc__ = f"What a record of the {kind} API looks like, as a JSON Schema; for a token with access to it."
    return schema


_SCHEMA: dict[int | str, dict[str, Any]] = {
    200: {"description": "the schema", "content": {record_schemas.MEDIA_TYPE: {"schema": {"type": "object"}}}},
    304: {"description": "If-None-Match names this schema: it has not changed"},
    401: lens.REFUSED[401],
}
for kind in get_args(RecordKind):
    router.get(f"/schema/{kind}", response_class=Response, responses=_SCHEMA, operation_id=f"schema_{kind}")(_schema_of(kind))


def _shown(product: Product, access: Access, used: Usage) -> dict[str, Any]:
    limits, left = access.limits, access.remaining
    assert limits is not None
    assert left is not None
    records = None
    if limits.records_per_month is not None and left.records_per_month is not None:
        records = {"limit": limits.records_per_month, "used": used.records, "remaining": left.records_per_month}
    return {
        "product": product,
        "requests_per_month": {"limit": limits.requests_per_month, "used": used.requests, "remaining": left.requests_per_month},
        "requests_per_minute": {
            "limit": limits.requests_per_minute,
            "used": used.requests_this_minute,
            "remaining": left.requests_per_minute,
        },
        "records_per_month": records,
        "records_this_month": used.records,
        "records_per_request": limits.records_per_request,
        "nested_aggregations_per_request": limits.nested_aggregations_per_request,
        "reset_date": used.resets_at,
    }
