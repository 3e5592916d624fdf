"""What a command would do, before it is confirmed: the same deciders, on a copy of the states, up to the letters that leave at once."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.application import Lifecycle, taken
from domain.commands.base import Command
from domain.errors import ClaimHeld
from domain.events.base import Metadata
from domain.forecast import Forecast
from domain.reach import Reach
from projections import futures
from projections.follower import Database

SHOWN = 200


@dataclass(frozen=True)
class Rehearsed:
    """`told` is the preview as data; `digest` names it and the state of the world that it was made in."""

    told: dict[str, Any]
    digest: str
    versions: dict[UUID, int]
    """Of the streams that it was decided by: the institution's own, and those of the commands."""


def rehearse(
    lifecycle: Lifecycle, database: Database, commands: Sequence[Command], metadata: Metadata, public_url: str, asked: str
) -> Rehearsed:
    """`asked` is what was asked for, as a text that is the same each time. Raises what the lifecycle would."""
    account = _account(lifecycle, commands)
    ahead, left_out = futures.forecast(lifecycle, database, account)
    versions = {stream.id: stream.version for stream in ahead.streams()}  # as recorded
    ahead.drain()
    happened, posted, due = len(ahead.events), len(ahead.posts), ahead.deadlines()
    reach = Reach(ahead.streams())
    try:
        ahead.ask(*commands, metadata=metadata)
    except ClaimHeld as held:
        raise taken(held) from held
    ahead.drain()
    events, posts, due_then = ahead.events[happened:], ahead.posts[posted:], ahead.deadlines()
    told: dict[str, Any] = {
        "events": [futures.as_data(each) for each in events[:SHOWN]],
        "emails": [futures.letter(each, public_url) for each in posts[:SHOWN] if each.mailbox],
        "deadlines": [
            *(_deadline(*each, "set") for each in sorted(due_then - due, key=_by_time)),
            *(_deadline(*each, "dropped") for each in sorted(due - due_then, key=_by_time)),
        ][:SHOWN],
        "turns": [futures.turn(each) for each in reach.turns(events)][:SHOWN],
        "people": _people(ahead, happened),
        "totals": {"events": len(events), "emails": sum(each.mailbox is not None for each in posts)},
        "people_left_out": left_out,
    }
    said = [asked, metadata.actor, *sorted(f"{id} {version}" for id, version in versions.items())]
    said += [each.event.TOPIC for each in events]  # not what they say: ids and secrets are made anew each time
    said += [f"{each.letter.template} {each.letter.audience} {each.mailbox}" for each in posts]
    digest = hashlib.sha256("\n".join(said).encode()).hexdigest()
    decided_by = {account, *(command.id for command in commands), *(each.id for each in ahead.subscription_streams())}
    return Rehearsed(told | {"digest": digest}, digest, {id: versions[id] for id in decided_by if id in versions})


def _account(lifecycle: Lifecycle, commands: Sequence[Command]) -> UUID:
    """The institution that the commands concern; a nomination is one itself."""
    for command in commands:
        stream = lifecycle.find(command.id)
        found = stream.account_id if stream else getattr(command, "account_id", None)
        if found is not None:
            return found
    return commands[0].id


def _people(ahead: Forecast, happened: int) -> int:
    """How many user plans something happens to."""
    return len({each.stream_id for each in ahead.events[happened:] if each.event.TOPIC.startswith("user-plan.")})


def _deadline(stream: UUID, name: str, at: datetime, change: str) -> dict[str, Any]:
    return {"stream_id": stream, "name": name, "due_at": at, "change": change}


def _by_time(deadline: tuple[UUID, str, datetime]) -> tuple[datetime, str, str]:
    stream, name, at = deadline
    return at, name, str(stream)
