"""A log of any size for tests of the proof, with its tree and its checkpoints, made in bulk."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from sqlalchemy import Connection, Engine, delete, insert

from ops.eventstore.engine import writing
from ops.eventstore.leaf import leaves_between
from ops.eventstore.schema import events
from projections.proof import checkpoints
from projections.proof.notes import Signer
from projections.proof.tiles import append, tiles
from projections.tables import metadata

ORIGIN = "tenure.example.edu/log"
SIGNER = Signer(ORIGIN, bytes(range(32)))
OTHER = Signer(ORIGIN, bytes(32))
START = datetime(2027, 1, 31, 10, tzinfo=UTC)
BATCH = 1_000


def rows(count: int, seed: int = 7, gap: int = 3) -> Iterator[dict]:
    """Rows as the service writes them, of streams of many lengths; between positions there may be gaps of up to `gap`."""
    random = Random(seed)
    streams: dict[UUID, int] = {}
    open_streams: list[UUID] = []
    position, at = 0, START
    for number in range(count):
        position += 1 + (random.randrange(gap) if gap else 0)
        at += timedelta(microseconds=random.randrange(10**8))
        if not open_streams or random.random() < 0.15:
            open_streams.append(UUID(int=random.getrandbits(128), version=4))
        stream = random.choice(open_streams[-50:])
        streams[stream] = version = streams.get(stream, 0) + 1
        state = {"at": at.isoformat().replace("+00:00", "Z"), "confirm_until": None, "email": f"library-{number}@northfield.example"}
        yield {
            "position": position,
            "stream_id": stream,
            "stream_version": version,
            "topic": random.choice(("account.contact-confirmed", "subscription.renewed", "token.issued", "user-plan.activated")),
            "class_version": random.choice((1, 2)),
            "state": json.dumps(state, separators=(",", ":"), sort_keys=True).encode(),
            "at": at,
            "recorded_at": at,
            "account_id": UUID(int=random.getrandbits(100)) if random.random() < 0.9 else None,
            "command_id": UUID(int=random.getrandbits(100)) if random.random() < 0.5 else None,
            "actor": random.choice(("support-north", "müller", "system")),
            "role": random.choice(("support", "admin", "system")),
            "on_behalf_of": random.choice((None, "registered-ada")),
            "reason": random.choice((None, 'invoice "4711"\npaid')),
            "correlation_id": UUID(int=random.getrandbits(100)),
            "causation_id": None,
        }


def fill(engine: Engine, count: int, *, seed: int = 7, checkpoint_every: int = 500, gap: int = 3) -> str:
    """Events, tree and checkpoints; the last checkpoint."""
    metadata.create_all(engine, tables=[tiles], checkfirst=True)
    with writing(engine) as connection:
        batch: list[dict] = []
        for row in rows(count, seed, gap):
            batch.append(row)
            if len(batch) == BATCH:
                connection.execute(insert(events), batch)
                batch = []
        if batch:
            connection.execute(insert(events), batch)
        grow(connection, SIGNER, checkpoint_every)
        last = checkpoints.latest(connection)
    assert last is not None
    return last.note


def grow(connection: Connection, signer: Signer, checkpoint_every: int, read=leaves_between) -> None:
    """The tree anew, and checkpoints of it, from the events as they are."""
    connection.execute(delete(tiles))
    connection.execute(delete(checkpoints.checkpoints))
    leaves = read(connection, -(2**62), 2**62)
    for number, start in enumerate(range(0, len(leaves), checkpoint_every)):
        append(connection, leaves[start : start + checkpoint_every])
        checkpoints.make(connection, signer, START + timedelta(days=200, minutes=number))
