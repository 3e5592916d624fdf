"""Why a token may, or may not."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Response

from api.answers import ExplainShown
from api.auth import Reader
from api.fields import Instant
from api.wiring import Looking
from domain.catalogue import Product
from projections.explain import explain as explained

router = APIRouter(prefix="/v1/access", tags=["access"])


@router.get("/explain", response_model=ExplainShown)
def explain(service: Looking, caller: Reader, token_id: UUID, product: Product, at: Instant | None = None) -> Response:
    """Every reason that stands against the token's calls of a product, now or at a past instant, each with the event that decided it."""
    instant = at or service.lifecycle.clock.now()
    access = explained(service.lifecycle, token_id, product, instant)
    shown: dict[str, Any] = {
        "allowed": access.allowed,
        "at": instant,
        "token_id": token_id,
        "product": product,
        "reasons": [asdict(reason) for reason in access.reasons],
        "limits": asdict(access.limits) if access.limits else None,
    }
    return Response(msgspec.json.encode(shown), media_type="application/json")
