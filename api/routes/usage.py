"""What tokens were used for, as a gateway reports it that decides by itself."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from api.answers import UsageTakenShown
from api.auth import Allowed, Caller
from api.fields import Instant
from api.service import Service
from api.wiring import Calling
from domain.access import Code
from domain.application import KeyReused
from domain.catalogue import Product
from domain.errors import Invalid
from projections import usage_batches
from projections.gatekeeper import Token
from projections.usage_batches import AHEAD, OLDEST, Line

router = APIRouter(prefix="/v1/usage", tags=["gateway"])

Gateway = Annotated[Caller, Depends(Allowed("gateway"))]

Amount = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]
MOST_ENTRIES = 5_000
MOST_NAMED = 20


class UsageEntry(BaseModel):
    """A token (by its id, or by its secret) and a product, about an instant; `refused` counts what was not let through, by reason."""

    model_config = ConfigDict(extra="forbid")
    token_id: UUID | None = None
    token: Annotated[str, Field(max_length=500)] | None = None
    product: Product
    at: Instant
    requests: Amount
    records: Amount = 0
    refused: dict[Code, Amount] = {}


class UsageBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    batch_id: Annotated[str, Field(pattern="^[!-~]{1,255}$")]
    entries: Annotated[list[UsageEntry], Field(min_length=1, max_length=MOST_ENTRIES)]


@router.post("", response_model=UsageTakenShown)
def report(service: Calling, caller: Gateway, body: UsageBody) -> Response:
    """Take in a batch of usage, whole or not at all: once per `batch_id` of the key that sends it.

    It is counted though it may lie beyond a limit: it has happened. An instant is not ahead, and no older than 35 days. What comes later
    than 48 hours after its quota month is in the reports, but that month's totals stand. Where a token is not known, nothing of the batch
    is taken in: the answer names the entries; without them, the batch can be sent again under the same id.
    """
    fingerprint = service.secrets.derived("usage-batch", body.model_dump_json())
    now = service.lifecycle.clock.now()
    with service.database.reading() as connection:
        known = usage_batches.known(connection, caller.name, body.batch_id)
    if known is None:
        lines = _lines(service, body.entries, now)
        with service.database.writing() as connection:
            known = usage_batches.begin(connection, caller.name, body.batch_id, fingerprint, now)
            if known is None:
                usage_batches.take_in(connection, lines)
    before, taken_at = known or (fingerprint, now)
    if before != fingerprint:
        raise KeyReused(field="batch_id")
    shown = {
        "batch_id": body.batch_id,
        "taken_at": taken_at,
        "entries": len(body.entries),
        "requests": sum(entry.requests for entry in body.entries),
        "records": sum(entry.records for entry in body.entries),
        "refused": sum(sum(entry.refused.values()) for entry in body.entries),
    }
    return Response(msgspec.json.encode(shown), media_type="application/json")


def _lines(service: Service, entries: list[UsageEntry], now: datetime) -> list[Line]:
    gatekeeper = service.meter.gatekeeper
    gatekeeper.follow()
    tokens = [_token(service, number, entry) for number, entry in enumerate(entries)]
    unknown = [number for number, token in enumerate(tokens) if token is None]
    if unknown:
        named = ", ".join(map(str, unknown[:MOST_NAMED])) + (", …" if len(unknown) > MOST_NAMED else "")
        sentence = f"there is no such token in entries {named} (from 0): nothing was taken in; send the batch without them"
        raise Invalid("unknown-token", sentence, field=f"entries.{unknown[0]}")
    late = timedelta(hours=service.lifecycle.rules.late_usage_hours)
    lines = []
    for number, (entry, token) in enumerate(zip(entries, tokens, strict=True)):
        assert token is not None
        _check(number, entry, now)
        month = gatekeeper.month_of(token, entry.at)
        line = Line(
            token_id=token.id,
            owner_id=token.owner_id,
            account_id=token.account_id,
            product=str(entry.product),
            at=entry.at,
            month=month[0] if month and now < month[1] + late else None,
            requests=entry.requests,
            records=entry.records,
            refused=tuple((str(code), count) for code, count in sorted(entry.refused.items()) if count),
        )
        lines.append(line)
    return lines


def _token(service: Service, number: int, entry: UsageEntry) -> Token | None:
    if entry.token_id is not None and entry.token is None:
        return service.meter.gatekeeper.token_of(entry.token_id)
    if entry.token is not None and entry.token_id is None:
        return service.meter.token(entry.token)
    raise Invalid("token-unclear", f"entry {number} names its token by token_id or by token: one of them", field=f"entries.{number}")


def _check(number: int, entry: UsageEntry, now: datetime) -> None:
    if entry.at > now + AHEAD:
        raise Invalid("usage-ahead", f"{entry.at.isoformat()} is not yet", field=f"entries.{number}.at")
    if entry.at < now - OLDEST:
        raise Invalid("usage-too-old", f"{entry.at.isoformat()} is more than {OLDEST.days} days ago", field=f"entries.{number}.at")
    if not entry.requests and (entry.records or not any(entry.refused.values())):
        raise Invalid("nothing-used", "an entry without requests says how many were refused, and nothing else", field=f"entries.{number}")
