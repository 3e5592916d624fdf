"""An export as `ops/verify.py` reads it, of a log made in bulk."""

import base64
import hashlib
import json

from sqlalchemy import Engine

from ops.eventstore.engine import reading
from ops.eventstore.leaf import POSITION, rows_between
from ops.eventstore.proved import proved


def export(engine: Engine, checkpoint: str, size: int, *, every: int = 1) -> list[bytes]:
    """Lines: of the whole log, or of each `every`th event with its proof."""
    with reading(engine) as connection:
        positions = [row[POSITION] for row in rows_between(connection, 0, 2**62)][:size][::every]
        found = proved(connection, positions, size, proofs=every > 1)
    header = {"tenure": "export/1", "query": {} if every == 1 else {"topic": "token.issued"}, "checkpoint": checkpoint, "count": None}
    lines = [header]
    for each in found:
        line = {"leaf": each.row, "index": each.index, "event": {"position": each.position, "topic": each.row["topic"]}}
        if every > 1:
            line["proof"] = [base64.b64encode(part).decode() for part in each.proof]
        line["event"]["data"] = {"email": json.loads(base64.b64decode(each.row["state"]))["email"]}
        lines.append(line)
    written = [json.dumps(line).encode() + b"\n" for line in lines]
    return sealed(written, len(found))


def sealed(lines: list[bytes], events: int) -> list[bytes]:
    """With the trailer that fits them."""
    trailer = {"counts": {}, "events": events, "sha256": hashlib.sha256(b"".join(lines)).hexdigest()}
    return [*lines, json.dumps(trailer).encode() + b"\n"]
