"""What a token's holder may ask with the token itself: how much is left, and what the records look like."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response

from api import lens
from api.answers import UsageShown
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
