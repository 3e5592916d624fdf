"""How a route reaches the service, and how a command's answer looks."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response

from api.auth import Caller
from api.fields import Body, Instant
from api.service import Service, answer
from domain.application import Outcome
from domain.commands.base import Command
from domain.errors import Invalid
from domain.moment import Moment
from domain.past import back_to


async def _at_hand(request: Request) -> Service:
    """Without a thread of its own, which would take longer than looking."""
    return present(request)


def present(request: Request) -> Service:
    """The service of the present, whatever the request asks of the past; in a preview one that writes nothing."""
    service: Service = request.app.state.service
    return service if getattr(request.state, "rehearsal", None) is None else service.rehearsing()


def as_of(service: Service, outcome: Outcome) -> datetime:
    """A repetition is answered as it was answered then."""
    return outcome.stream.last_at if outcome.repeated else service.lifecycle.clock.now()


Calling = Annotated[Service, Depends(_at_hand)]


async def _at_moment(
    request: Request,
    as_of: Annotated[Instant | None, Query(description="an instant of effect: as things were then; now without it")] = None,
    known_at: Annotated[
        Instant | None, Query(description="an instant of record: only what had been recorded by then; everything without it")
    ] = None,
) -> Service:
    """What reads, reads the past where it is asked to. The answer carries no version that a change could refer to."""
    service = present(request)
    if as_of is None and known_at is None:
        return service
    now = service.lifecycle.clock.now()
    latest = now if known_at is None else known_at
    effective = latest if as_of is None else as_of
    if latest > now:
        raise Invalid("invalid-request", f"known_at: {latest.isoformat()} is not past yet", field="query.known_at")
    if effective > latest:
        of = "not past yet" if known_at is None else "later than known_at"
        raise Invalid("invalid-request", f"as_of: {effective.isoformat()} is {of}; what comes is not known", field="query.as_of")
    moment = request.state.moment = Moment(effective, known_at)
    return replace(service, lifecycle=back_to(service.lifecycle, moment))


Looking = Annotated[Service, Depends(_at_moment)]
"""For what reads things that have versions: at present, or `?as_of=` and `?known_at=`."""


class Asking:
    """A command on one thing: carried out, and answered with the thing as it now is."""

    def __init__(self, kind: type[Any], what: str) -> None:
        self._kind = kind
        self._what = what

    def __call__(self, request: Request, caller: Caller, body: Body | None, *commands: Command) -> Response:
        service = present(request)
        service.stream(self._kind, self._what, commands[0].id, caller)
        outcome = service.do(request, caller, *commands, reason=body.why if body else None)
        return answer(outcome.stream, as_of(service, outcome), position=outcome.position)


def created(request: Request, caller: Caller, body: Body, path: str, *commands: Command, extra: Any = None) -> Response:
    """A command that makes a thing: 201, with its place."""
    service = present(request)
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
