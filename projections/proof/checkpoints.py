"""Checkpoints that were signed: own facts, which no rebuild touches and which whoever kept one can hold against us.

One for each size, so that no two of different roots can be signed for it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Connection, LargeBinary, String, Table, Text, insert, select

from projections.proof.notes import Head, Signer
from projections.proof.tiles import Tree
from projections.tables import Instant, facts

CHECKPOINT_LOCK = 0x74656E757265_02
checkpoints = Table(
    "checkpoints",
    facts,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("vkey", String, nullable=False),
    Column("note", Text, nullable=False),
)


@dataclass(frozen=True)
class Checkpoint:
    """`position` is that of the last event that it covers, `vkey` the key that signed it, `note` what was signed."""

    size: int
    root: bytes
    position: int
    made_at: datetime
    vkey: str
    note: str


class Forked(Exception):
    """The tree is not one that grew out of the last checkpoint; nothing is signed."""


def take_turn(connection: Connection) -> None:
    """Whoever else makes a checkpoint waits until this transaction is over; on SQLite one writes at a time as it is.

    The table itself cannot be locked: the application's role may only add to it.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({CHECKPOINT_LOCK})")


def make(
    connection: Connection, signer: Signer, now: datetime, *, is_due: Callable[[Checkpoint], bool] = lambda _: True
) -> Checkpoint | None:
    """A checkpoint of the tree as it is, unless it has one, or the last one says that none is due. Raises Forked."""
    take_turn(connection)
    tree = Tree(connection)
    size, last = tree.size(), latest(connection)
    if size == 0 or (last is not None and (last.size == size or not is_due(last))):
        return None
    if last is not None and (last.size > size or tree.root(last.size) != last.root):
        raise Forked(f"the tree of {size} events does not begin with the {last.size} events that the last checkpoint covers")
    head = Head(signer.verifier.name, size, tree.root(size))
    made = Checkpoint(size, head.root, tree.position_of(size - 1), now, str(signer.verifier), signer.sign(str(head)))
    connection.execute(insert(checkpoints).values(**vars(made)))
    return made


def latest(connection: Connection) -> Checkpoint | None:
    row = connection.execute(select(checkpoints).order_by(checkpoints.c.size.desc()).limit(1)).one_or_none()
    return Checkpoint(*row) if row else None


def of_size(connection: Connection, size: int) -> Checkpoint | None:
    row = connection.execute(select(checkpoints).where(checkpoints.c.size == size)).one_or_none()
    return Checkpoint(*row) if row else None


def listed(connection: Connection, *, after: int = 0, limit: int = 50) -> tuple[list[Checkpoint], int | None]:
    """Checkpoints in the order of their sizes, and where the next page begins."""
    rows = connection.execute(select(checkpoints).where(checkpoints.c.size > after).order_by(checkpoints.c.size).limit(limit + 1)).all()
    found = [Checkpoint(*row) for row in rows[:limit]]
    return found, found[-1].size if len(rows) > limit else None


def everything(connection: Connection, *, after: int = -1, batch: int = 500) -> Iterator[Checkpoint]:
    following: int | None = after
    while following is not None:
        page, following = listed(connection, after=following, limit=batch)
        yield from page


class Signed(NamedTuple):
    """What a verification reads of a checkpoint."""

    size: int
    root: bytes
    position: int
    note: str


def signed(connection: Connection, *, batch: int = 500) -> Iterator[Signed]:
    c = checkpoints.c
    after = -1
    while rows := connection.execute(select(c.size, c.root, c.position, c.note).where(c.size > after).order_by(c.size).limit(batch)).all():
        yield from (Signed(*row) for row in rows)
        after = rows[-1].size
