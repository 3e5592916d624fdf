"""The machine room: lags, deadlines, mail and checkpoints, for whoever is asked why something has not arrived."""

from datetime import datetime
from uuid import UUID

import msgspec
from fastapi import APIRouter, Response

from api.answers import Out
from api.auth import Reader, Support
from api.reads import SHOWS_PEOPLE
from api.wiring import Calling
from projections import machine_room

router = APIRouter(prefix="/v1/machine-room", tags=["machine room"])


class FollowerShown(Out):
    name: str
    position: int
    lag: int


class FailingShown(Out):
    stream_id: UUID
    due_at: datetime
    attempts: int
    again_at: datetime | None
    why: str


class DeadlinesShown(Out):
    waiting: int
    overdue: int
    oldest_due_at: datetime | None
    failing: list[FailingShown]


class PutOffShown(Out):
    """`answer` is what the mail server said last, or why it could not be asked."""

    id: UUID
    template: str
    account_id: UUID | None
    attempts: int
    since: datetime
    again_at: datetime
    answer: str | None


class MailShown(Out):
    waiting: int
    oldest_written_at: datetime | None
    bounced: int
    put_off: list[PutOffShown]


class WebhookGauge(Out):
    id: UUID
    lag: int
    dead: int
    disabled: int


class SignedShown(Out):
    """`behind`: how many events no checkpoint covers yet."""

    size: int
    position: int
    made_at: datetime
    behind: int


class MachineRoomShown(Out):
    """`head` is the last position of the log; a follower's `lag` is what it has still to take up."""

    now: datetime
    head: int
    followers: list[FollowerShown]
    deadlines: DeadlinesShown
    mail: MailShown
    webhooks: list[WebhookGauge]
    checkpoint: SignedShown | None
    erasures_overdue: int


class TriedShown(Out):
    letters: int


@router.get("", response_model=MachineRoomShown, openapi_extra=SHOWS_PEOPLE)
def look(service: Calling, caller: Reader) -> Response:
    """How everything runs, as the database knows it, whichever process does it. What mail servers answer may name people."""
    head = service.lifecycle.log_reader.max_notification_id() or 0
    with service.database.reading() as connection:
        told = machine_room.shown(connection, head, service.lifecycle.clock.now())
    return Response(msgspec.json.encode(told), media_type="application/json")


@router.post("/try-mail", response_model=TriedShown)
def try_mail(service: Calling, caller: Support) -> Response:
    """Let letters that were put off be tried at once, now that the mail server is back: nothing waits for its next turn."""
    with service.database.writing() as connection:
        letters = machine_room.try_mail_now(connection)
    return Response(msgspec.json.encode({"letters": letters}), media_type="application/json")
