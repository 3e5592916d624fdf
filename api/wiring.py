"""How a route reaches the service, and how a command's answer looks."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from api.auth import Caller
from api.fields import Body
from api.service import Service, answer
from domain.application import Outcome
from domain.commands.base import Command


async def _at_hand(request: Request) -> Service:
    """Without a thread of its own, which would take longer than looking."""
    return _service(request)


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def as_of(service: Service, outcome: Outcome) -> datetime:
    """A repetition is answered as it was answered then."""
    return outcome.stream.last_at if outcome.repeated else service.lifecycle.clock.now()


Calling = Annotated[Service, Depends(_at_hand)]


class Asking:
    """A command on one thing: carried out, and answered with the thing as it now is."""

    def __init__(self, kind: type[Any], what: str) -> None:
        self._kind = kind
        self._what = what

    def __call__(self, request: Request, caller: Caller, body: Body | None, *commands: Command) -> Response:
        service = _service(request)
        service.stream(self._kind, self._what, commands[0].id, caller)
        outcome = service.do(request, caller, *commands, reason=body.why if body else None)
        return answer(outcome.stream, as_of(service, outcome), position=outcome.position)


def created(request: Request, caller: Caller, body: Body, path: str, *commands: Command, extra: Any = None) -> Response:
    """A command that makes a thing: 201, with its place."""
    service = _service(request)
    outcome = service.do(request, caller, *commands, reason=body.why)
    given = extra(outcome) if extra else None
    return answer(
        outcome.stream,
        as_of(service, outcome),
        position=outcome.position,
        status=201,
        location=f"{path}/{outcome.stream.id}",
        extra=given,
    )
