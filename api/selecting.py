"""Which events of the log a request is about: the same filters wherever the log is read or taken away."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from api.fields import Instant
from domain.store import Selection

Name = Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00]*$")]
Topic = Annotated[
    str | None, Query(max_length=100, pattern=r"^[a-z-]+\.[a-z-]*$", description="a name, or `subscription.` for all of these")
]
Recorded = Annotated[Instant | None, Query(description="bounds the instant of record")]


async def _selected(
    stream: UUID | None = None,
    account: UUID | None = None,
    actor: Name = None,
    role: Name = None,
    topic: Topic = None,
    command: UUID | None = None,
    correlation: UUID | None = None,
    from_: Annotated[Instant | None, Query(alias="from")] = None,
    to: Instant | None = None,
    recorded_from: Recorded = None,
    recorded_to: Recorded = None,
) -> Selection:
    return Selection(
        stream=stream,
        account=account,
        actor=actor,
        role=role,
        topic=topic,
        command=command,
        correlation=correlation,
        from_=from_,
        to=to,
        recorded_from=recorded_from,
        recorded_to=recorded_to,
    )


Selected = Annotated[Selection, Depends(_selected)]
