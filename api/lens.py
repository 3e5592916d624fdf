"""How the platform's public API speaks to those who call it: its headers, and its two error bodies.

Source: LIFECYCLE.md, section 7, after the platform's public documentation; ours says besides which limit it is, and when it resets.
"""

from datetime import UTC, datetime
from math import ceil
from typing import Any, Literal
from uuid import UUID

import msgspec
from fastapi import Response
from pydantic import BaseModel

from domain.access import Access, Code

LIMITS = frozenset({Code.QUOTA_MONTH, Code.QUOTA_RECORDS, Code.RATE_MINUTE, Code.TOO_MANY_RECORDS, Code.TOO_MANY_NESTED_AGGREGATIONS})


class RefusedShown(BaseModel):
    """What a holder is told; `reference` finds it again at support."""

    reference: UUID
    message: str
    code: Literal[401, 429]


REFUSED: dict[int | str, dict[str, Any]] = {
    401: {"model": RefusedShown, "description": "the token does not let its holder do this"},
    429: {"model": RefusedShown, "description": "a limit is reached; the message says which, and when it begins anew"},
}


def code_of(access: Access) -> int:
    """429 where only limits stand against the call, 401 for everything else: also for a good token without a plan."""
    over = {reason.code for reason in access.reasons} <= LIMITS
    return 429 if over else 401


def headers_of(access: Access, now: datetime) -> dict[str, str]:
    """What remains, and when it begins anew."""
    headers: dict[str, str] = {}
    if left := access.remaining:
        headers["x-rate-limit-remaining-request-per-minute"] = str(left.requests_per_minute)
        headers["x-rate-limit-remaining-request-per-month"] = str(left.requests_per_month)
        if left.records_per_month is not None:
            headers["x-rate-limit-remaining-record-per-month"] = str(left.records_per_month)
        headers["x-rate-limit-reset-date"] = f"{left.resets_at.astimezone(UTC):%Y-%m-%d}"
    if access.retry_at is not None:
        milliseconds = max(0, ceil((access.retry_at - now).total_seconds() * 1000))
        headers["x-rate-limit-retry-after-seconds"] = str(ceil(milliseconds / 1000))
        headers["x-rate-limit-retry-after-millis"] = str(milliseconds)
        headers["Retry-After"] = str(ceil(milliseconds / 1000))
    return headers


def refusal(access: Access, reference: UUID | None, now: datetime) -> Response:
    """{reference, message, code}: the message names every reason in order."""
    code = code_of(access)
    body = {"reference": reference, "message": "; ".join(reason.detail for reason in access.reasons), "code": code}
    return Response(msgspec.json.encode(body), code, headers_of(access, now), "application/json")
