"""Reads on record: what shows personal data to support, an auditor or an admin is written down before it leaves, or does not leave."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec
import structlog
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import TOLD_OF_PEOPLE, Caller
from api.problems import problem
from api.service import Secrets, Service
from domain.values import folded
from projections import reads

MARK = "x-shows-people"
SHOWS_PEOPLE = {MARK: True}
"""What an operation says of itself that shows personal data: `openapi_extra=SHOWS_PEOPLE`."""

PERSONAL_FIELDS = frozenset({"email", "emails", "contacts", "to", "attested_by", "person", "mailbox", "approver", "requester", "data"})
"""Fields of answers in which somebody may be named, whatever they belong to."""
PERSONAL_FIELDS_OF = {"LibrarianKeyShown": frozenset({"name"}), "TokenShown": frozenset({"label"})}
"""And those that name somebody in one answer only."""

FREE_TEXT = frozenset({"q"})
"""Query parameters in which anybody's name may stand: kept as keyed hashes, word by word."""
LONGEST = 200

log = structlog.get_logger()


class _Thing(msgspec.Struct):
    """What an answer shows, by its ids."""

    id: Any = None
    stream_id: Any = None
    user_plan_id: Any = None
    subject: Any = None


class _Answer(_Thing):
    items: list[_Thing] | None = None
    rows: list[_Thing] | None = None


class RecordedReads:
    """Around the application: holds an answer back until it is on record who gets to see what."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        held: Message | None = None
        refused = False

        async def send_on(message: Message) -> None:
            nonlocal held, refused
            if refused:
                return
            if message["type"] == "http.response.start" and _is_read(scope, message["status"]):
                held = message
                return
            if held is not None:
                start, held = held, None
                whole = b"" if message.get("more_body") else message.get("body", b"")
                if not await self._record(scope, whole):
                    refused = True
                    refusal = problem(
                        Request(scope),
                        503,
                        "read-not-recorded",
                        "this read cannot be put on record just now, so nothing is shown; try again",
                        headers={"Retry-After": "2"},
                    )
                    await refusal(scope, receive, send)
                    return
                await send(start)
            await send(message)

        await self._app(scope, receive, send_on)

    async def _record(self, scope: Scope, body: bytes) -> bool:
        try:
            await run_in_threadpool(self._write, scope, body)
        except Exception as error:  # noqa: BLE001 - whatever the reason: what is not on record is not shown
            said = str(getattr(error, "orig", "")).partition("\n")[0]
            log.error("read_not_recorded", error=type(error).__name__, said=said)  # noqa: TRY400 - a stack would show values
            return False
        return True

    def _write(self, scope: Scope, body: bytes) -> None:
        state, caller = scope["state"], scope["state"]["caller"]
        things = dict.fromkeys([*_ids(scope["path_params"].values()), *shown_in(body)])
        read = reads.Read(
            at=self._service.lifecycle.clock.now(),
            actor=caller.name,
            role=caller.role,
            operation=f"{scope['method']} {scope['route'].path}",
            things=tuple(things),
            filter=keyed(QueryParams(scope["query_string"]), self._service.secrets) | state.get("read_filter", {}),
            request_id=state["request_id"],
        )
        with self._service.database.writing() as connection:
            reads.record(connection, read)


def _is_read(scope: Scope, status: int) -> bool:
    caller: Caller | None = scope.get("state", {}).get("caller")
    marked = (getattr(scope.get("route"), "openapi_extra", None) or {}).get(MARK)
    return bool(marked) and status < 400 and caller is not None and caller.role in TOLD_OF_PEOPLE


def shown_in(body: bytes) -> Iterator[UUID]:
    """The ids of what an answer in JSON shows; none of anything else."""
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except msgspec.DecodeError:
        return
    for each in (answer, *(answer.items or ()), *(answer.rows or ())):
        yield from _ids((each.id, each.stream_id, each.user_plan_id, each.subject))


def _ids(values: Any) -> Iterator[UUID]:
    for value in values:
        if isinstance(value, UUID):
            yield value
        elif isinstance(value, str) and len(value) == 36:
            try:
                yield UUID(value)
            except ValueError:
                continue


def keyed(query: QueryParams, secrets: Secrets) -> dict[str, str]:
    """What was asked for, without what names people: an address stands as the same keyed hash as everywhere."""
    return {name: " ".join(_keyed(name, word, secrets) for word in value.split())[:LONGEST] for name, value in query.multi_items()}


def _keyed(name: str, word: str, secrets: Secrets) -> str:
    if "@" in word:
        return handle(word, secrets)
    return f"word:{secrets.derived('read-filter', word.casefold())[:16]}" if name in FREE_TEXT else word


def handle(address: str, secrets: Secrets) -> str:
    return f"address:{secrets.derived('handle', f'address/{folded(address)}')}"
