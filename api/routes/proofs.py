"""What proves the log: checkpoints, and that an event is in one, or one grew out of another.

Checkpoints and what leads from one to another are hashes and sizes, for everybody who wants to hold us to them: they need no key.
"""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel
from sqlalchemy import Connection

from api.auth import Reader
from api.paging import LARGEST, After, Limit, listed
from api.wiring import Calling
from domain.errors import Invalid, NotFound
from projections.proof import checkpoints
from projections.proof.checkpoints import Checkpoint
from projections.proof.tiles import Tree

router = APIRouter(tags=["proofs"])

Size = Annotated[int, Query(ge=1, le=LARGEST)]
_NOTE: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}


class CheckpointShown(BaseModel):
    """`root` is base64, `position` the place in the log of the last event covered, `note` what was signed and `vkey` by which key."""

    size: int
    root: str
    position: int
    made_at: datetime
    vkey: str
    note: str


class CheckpointsShown(BaseModel):
    items: list[CheckpointShown]
    next: str | None


class ConsistencyShown(BaseModel):
    """`proof` leads from the one root to the other as RFC 6962, section 2.1.2, says. Hashes are base64."""

    from_size: int
    from_root: str
    to_size: int
    to_root: str
    proof: list[str]


class InclusionShown(BaseModel):
    """`leaf_hash` is SHA-256 of a zero byte and the stored row; `proof` leads from it to the root, as RFC 6962, section 2.1.1, says."""

    position: int
    index: int
    size: int
    root: str
    leaf_hash: str
    proof: list[str]


@router.get("/v1/checkpoints", response_model=CheckpointsShown)
def list_checkpoints(request: Request, service: Calling, after: After = 0, limit: Limit = 50) -> Response:
    """Checkpoints in the order of their sizes, behind size `after`."""
    with service.database.reading() as connection:
        found, following = checkpoints.listed(connection, after=after, limit=limit)
    return listed(request, [_shown(each) for each in found], following)


@router.get("/v1/checkpoints/latest", response_class=PlainTextResponse, responses=_NOTE)
def latest(service: Calling) -> Response:
    """The last checkpoint as it was signed: keep it, and nobody can rewrite what it covers without your seeing it."""
    with service.database.reading() as connection:
        found = checkpoints.latest(connection)
    if found is None:
        raise NotFound("checkpoint", "yet: one is made in every minute in which something happened")
    return PlainTextResponse(found.note)


@router.get("/v1/checkpoints/key", response_class=PlainTextResponse, responses=_NOTE)
def key(service: Calling) -> Response:
    """The public key that signed the last checkpoint. Take it from somebody whom you trust more than this address."""
    with service.database.reading() as connection:
        found = checkpoints.latest(connection)
    if found is None:
        raise NotFound("key", "yet: it comes with the first checkpoint")
    return PlainTextResponse(found.vkey + "\n")


@router.get("/v1/checkpoints/{size}", response_class=PlainTextResponse, responses=_NOTE)
def of_size(size: int, service: Calling) -> Response:
    """The checkpoint that covers so many events, as it was signed."""
    with service.database.reading() as connection:
        found = checkpoints.of_size(connection, size) if 0 <= size <= LARGEST else None
    if found is None:
        raise NotFound("checkpoint of size", str(size))
    return PlainTextResponse(found.note)


@router.get("/v1/proofs/consistency", response_model=ConsistencyShown)
def consistency(
    service: Calling,
    from_: Annotated[Size, Query(alias="from", description="the size of the older checkpoint")],
    to: Annotated[Size | None, Query(description="that of the newer one; the last one without it")] = None,
) -> Response:
    """That the log of one size begins with the log of another, unchanged."""
    with service.database.reading() as connection:
        tree = Tree(connection)
        size = _size(connection, tree, to)
        if from_ > size:
            raise Invalid("invalid-range", f"a log of {size} events does not come after one of {from_}", field="from")
        shown = {
            "from_size": from_,
            "from_root": _text(tree.root(from_)),
            "to_size": size,
            "to_root": _text(tree.root(size)),
            "proof": _texts(tree.consistency(from_, size)),
        }
    return Response(msgspec.json.encode(shown), media_type="application/json")


@router.get("/v1/proofs/inclusion", response_model=InclusionShown)
def inclusion(
    service: Calling,
    caller: Reader,
    position: Annotated[int | None, Query(ge=1, le=LARGEST, description="the event's place in the log")] = None,
    stream: Annotated[UUID | None, Query(description="or its stream, with `version`")] = None,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    size: Annotated[Size | None, Query(description="the size of a checkpoint; the last one without it")] = None,
) -> Response:
    """That an event is in the log of a checkpoint, as it is stored."""
    if (position is None) == (stream is None) or (stream is None) != (version is None):
        raise Invalid("invalid-event", "an event is named by its position, or by its stream and version", field="position")
    if position is None:
        assert stream is not None
        assert version is not None
        stored = service.lifecycle.log_reader.read_stream(stream, after=version - 1, until=version)
        if not stored:
            raise NotFound("event", f"with version {version} of the stream {stream}")
        position = stored[0].id
    with service.database.reading() as connection:
        tree = Tree(connection)
        covered = _size(connection, tree, size)
        index = tree.index_of(position)
        if index is None or index >= covered:
            raise NotFound("event", f"at position {position} in the log of {covered} events")
        shown = {
            "position": position,
            "index": index,
            "size": covered,
            "root": _text(tree.root(covered)),
            "leaf_hash": _text(tree.node(0, index)),
            "proof": _texts(tree.inclusion(index, covered)),
        }
    return Response(msgspec.json.encode(shown), media_type="application/json")


def _size(connection: Connection, tree: Tree, asked: int | None) -> int:
    """The size that was asked for, or that of the last checkpoint."""
    if asked is None:
        last = checkpoints.latest(connection)
        if last is None:
            raise NotFound("checkpoint", "yet: one is made in every minute in which something happened")
        asked = last.size
    if asked > tree.size():
        raise NotFound("log of size", str(asked))
    return asked


def _shown(checkpoint: Checkpoint) -> dict[str, Any]:
    return vars(checkpoint) | {"root": _text(checkpoint.root)}


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _texts(raws: Sequence[bytes]) -> list[str]:
    return [_text(each) for each in raws]
