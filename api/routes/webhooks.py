"""Webhooks: addresses of other systems that are told of events, signed as Standard Webhooks has it."""

import re
from base64 import b64encode
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import msgspec
from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from api.auth import Allowed, Caller
from api.fields import Flag, Short
from api.paging import LARGEST, After, Limit, listed
from api.service import Service
from api.wiring import Calling
from domain.errors import Forbidden, Invalid, NotFound, Refused
from domain.events import EVENTS
from projections import webhooks
from projections.webhooks import ACTIVE, DEAD, DISABLED, PAUSED, REMOVED, WAITING, Delivery, Webhook

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

Listener = Annotated[Caller, Depends(Allowed("integration", "auditor", "admin"))]
Keeper = Annotated[Caller, Depends(Allowed("integration", "admin"))]
Position = Annotated[int, Field(strict=True, ge=1, le=LARGEST)]
EventId = Annotated[str, Path(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-[1-9][0-9]{0,8}$", description="the event's id")]
TOPICS = frozenset(each.TOPIC for each in EVENTS)
SHOWN_ONCE = "the secret is shown this once; if it is lost, rotate it"
_ID = re.compile(r"(.{36})-(\d+)")


class WebhookBody(BaseModel):
    """`topics`: names of events, or what they begin with (`account`); else all. Without `from_position` only what is new."""

    model_config = ConfigDict(extra="forbid")
    url: Annotated[str, Field(max_length=2_000)]
    topics: Annotated[list[Short], Field(min_length=1, max_length=100)] | None = None
    account: UUID | None = None
    personal: Flag = False
    from_position: Position | None = None


class RotateBody(BaseModel):
    """For so many hours both secrets sign; 0 where the old one is known to others."""

    model_config = ConfigDict(extra="forbid")
    overlap_hours: Annotated[int, Field(strict=True, ge=0, le=168)] = 24


class ReplayBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    from_position: Position


class WebhookShown(BaseModel):
    """`position`: up to there each event was taken, waits, or is a dead letter. `behind`: how many events it has yet to take."""

    id: UUID
    url: str
    topics: list[str] | None
    account_id: UUID | None
    personal: bool
    status: Literal["active", "paused", "disabled", "removed"]
    reason: str | None
    created_at: datetime
    created_by: str
    position: int
    behind: int
    waiting: int
    dead_letters: int
    delivered: int
    failed: int
    failing_since: datetime | None
    rests_until: datetime | None
    last_delivered_at: datetime | None
    last_answer: str | None
    old_secret_until: datetime | None


class WebhookMadeShown(WebhookShown):
    secret: str
    note: str


class WebhooksShown(BaseModel):
    items: list[WebhookShown]
    next: str | None


class DeadLetterShown(BaseModel):
    """An event that the receiver did not take for days while it took others. `waiting` again once somebody retries it."""

    event_id: str
    position: int
    topic: str
    stream_id: UUID
    stream_version: int
    status: Literal["waiting", "dead"]
    attempts: int
    first_tried_at: datetime | None
    last_tried_at: datetime | None
    last_answer: str | None


class DeadLettersShown(BaseModel):
    items: list[DeadLetterShown]
    next: str | None


@router.post("", status_code=201, response_model=WebhookMadeShown)
def make(service: Calling, caller: Keeper, body: WebhookBody) -> Response:
    """Tell an address of events from now on, or from a position of the log. The secret that signs is in this answer and nowhere else."""
    if body.personal and not caller.personal:
        raise Forbidden("personal-not-allowed", "this key may not be told of people; an admin can make one that may", field="personal")
    webhook = Webhook(
        id=uuid4(),
        url=service.check_receiver(body.url),
        topics=_topics(body.topics),
        account_id=body.account,
        personal=body.personal,
        created_at=service.lifecycle.clock.now(),
        created_by=caller.name,
        salt=token_hex(16),
        position=_before(service, body.from_position),
    )
    with service.database.writing() as connection:
        webhooks.add(connection, webhook)
        shown = _shown(service, connection, webhook) | _secret(service, webhook)
    return _json(shown, 201, {"Location": f"/v1/webhooks/{webhook.id}"})


@router.get("", response_model=WebhooksShown)
def list_webhooks(request: Request, service: Calling, caller: Listener, after: After = 0, limit: Limit = 50) -> Response:
    """Webhooks in the order in which they were made: all for staff, its own for another system's key. Never a secret."""
    own = caller.name if caller.role == "integration" else None
    with service.database.reading() as connection:
        found, following = webhooks.listed(connection, created_by=own, after=after, limit=limit)
        return listed(request, [_shown(service, connection, each) for each in found], following)


@router.get("/{id}", response_model=WebhookShown)
def one(id: UUID, service: Calling, caller: Listener) -> Response:
    """A webhook, how far it is, and what its receiver answered last."""
    with service.database.reading() as connection:
        return _json(_shown(service, connection, _own(connection, caller, id)))


@router.post("/{id}/rotate-secret", response_model=WebhookMadeShown)
def rotate_secret(id: UUID, service: Calling, caller: Keeper, body: RotateBody = RotateBody()) -> Response:
    """A new secret. For `overlap_hours` what is sent carries signatures by both, so that the receiver can change over without a gap."""
    until = service.lifecycle.clock.now() + timedelta(hours=body.overlap_hours)
    with service.database.writing() as connection:
        webhook = _alive(_own(connection, caller, id))
        old = webhook.salt if body.overlap_hours else None
        webhooks.change(connection, id, salt=token_hex(16), old_salt=old, old_until=until if old else None)
        changed = _own(connection, caller, id)
        return _json(_shown(service, connection, changed) | _secret(service, changed))


@router.post("/{id}/pause", response_model=WebhookShown)
def pause(id: UUID, service: Calling, caller: Keeper) -> Response:
    """Send nothing until it is resumed; nothing is lost meanwhile. What is on its way may still arrive."""
    with service.database.writing() as connection:
        if _alive(_own(connection, caller, id)).status == ACTIVE:
            webhooks.change(connection, id, status=PAUSED, reason=f"paused by {caller.name}")
        return _json(_shown(service, connection, _own(connection, caller, id)))


@router.post("/{id}/resume", response_model=WebhookShown)
def resume(id: UUID, service: Calling, caller: Keeper) -> Response:
    """Go on where it stopped, at once, whether somebody paused it or its receiver failed for too long."""
    with service.database.writing() as connection:
        if _alive(_own(connection, caller, id)).status in {PAUSED, DISABLED} or _own(connection, caller, id).rests_until:
            webhooks.change(connection, id, status=ACTIVE, reason=None, failures=0, failing_since=None, rests_until=None)
        return _json(_shown(service, connection, _own(connection, caller, id)))


@router.post("/{id}/replay", response_model=WebhookShown)
def replay(id: UUID, service: Calling, caller: Keeper, body: ReplayBody) -> Response:
    """Send again everything from a position of the log on, under the same ids."""
    position = _before(service, body.from_position) + 1
    with service.database.writing() as connection:
        _alive(_own(connection, caller, id))
        webhooks.replay(connection, id, position)
        return _json(_shown(service, connection, _own(connection, caller, id)))


@router.post("/{id}/remove", response_model=WebhookShown)
def remove(id: UUID, service: Calling, caller: Keeper) -> Response:
    """Send nothing there any more, for good. That there was such a webhook stays on record."""
    with service.database.writing() as connection:
        _own(connection, caller, id)
        webhooks.remove(connection, id)
        return _json(_shown(service, connection, _own(connection, caller, id)))


@router.get("/{id}/dead-letters", response_model=DeadLettersShown)
def dead_letters(id: UUID, request: Request, service: Calling, caller: Listener, after: After = 0, limit: Limit = 50) -> Response:
    """Events that were given up, each with the receiver's last answer. Later ones of the same stream were sent without it."""
    with service.database.reading() as connection:
        _own(connection, caller, id)
        found, following = webhooks.dead_letters(connection, id, after=after, limit=limit)
    return listed(request, [_letter(each) for each in found], following)


@router.post("/{id}/dead-letters/{event}/retry", response_model=DeadLetterShown)
def retry(id: UUID, event: EventId, service: Calling, caller: Keeper) -> Response:
    """Try a dead letter again. Until it is taken, what is new of its stream waits behind it."""
    parts = _ID.fullmatch(event)
    assert parts is not None
    with service.database.writing() as connection:
        _alive(_own(connection, caller, id))
        letter = webhooks.retry(connection, id, UUID(parts[1]), int(parts[2]))
    if letter is None:
        raise NotFound("dead letter", event)
    return _json(_letter(letter))


def _own(connection: Connection, caller: Caller, id: UUID) -> Webhook:
    webhook = webhooks.one(connection, id)
    if webhook is None or (caller.role == "integration" and webhook.created_by != caller.name):
        raise NotFound("webhook", id)
    return webhook


def _alive(webhook: Webhook) -> Webhook:
    if webhook.status == REMOVED:
        raise Refused("webhook-removed", "this webhook was removed for good; make a new one")
    return webhook


def _topics(given: list[str] | None) -> tuple[str, ...] | None:
    for number, each in enumerate(given or ()):
        if not any(each == topic or topic.startswith(f"{each}.") for topic in TOPICS):
            raise Invalid(
                "unknown-topic",
                f"no event is named {each!r}, and no name begins so; right would be account or account.nominated",
                field=f"topics.{number}",
            )
    return None if given is None else tuple(dict.fromkeys(given))


def _before(service: Service, position: int | None) -> int:
    """The last position that is not to be sent; by default the last there is."""
    head = service.lifecycle.log_reader.max_notification_id() or 0
    if position is None:
        return head
    if position > head + 1:
        raise Invalid("position-ahead", f"the log ends at position {head}; say at most {head + 1}", field="from_position")
    return position - 1


def _secret(service: Service, webhook: Webhook) -> dict[str, Any]:
    key = webhooks.secret(service.secrets.derived, webhook.id, webhook.salt)
    return {"secret": f"whsec_{b64encode(key).decode()}", "note": SHOWN_ONCE}


def _shown(service: Service, connection: Connection, webhook: Webhook) -> dict[str, Any]:
    counts = webhooks.counted(connection, [webhook.id])
    waiting = counts.get((webhook.id, WAITING), 0)
    head = service.lifecycle.log_reader.max_notification_id() or 0
    overlap = webhook.old_until if webhook.old_until and webhook.old_until > service.lifecycle.clock.now() else None
    names = (
        "id", "url", "topics", "account_id", "personal", "status", "reason", "created_at", "created_by", "position", "delivered", "failed",
        "failing_since", "rests_until", "last_delivered_at", "last_answer",
    )  # fmt: skip
    return {name: getattr(webhook, name) for name in names} | {
        "behind": 0 if webhook.status == REMOVED else max(0, head - webhook.position) + waiting,
        "waiting": waiting,
        "dead_letters": counts.get((webhook.id, DEAD), 0),
        "old_secret_until": overlap,
    }


def _letter(delivery: Delivery) -> dict[str, Any]:
    return {
        "event_id": f"{delivery.stream_id}-{delivery.version}",
        "position": delivery.position,
        "topic": delivery.topic,
        "stream_id": delivery.stream_id,
        "stream_version": delivery.version,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "first_tried_at": delivery.since,
        "last_tried_at": delivery.tried_at,
        "last_answer": delivery.answer,
    }


def _json(shown: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(shown), status, headers, "application/json")
