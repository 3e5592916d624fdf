"""What an export needs of the tree: of each event the stored row as a leaf has it, its index, and its proof of inclusion."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ops.eventstore.leaf import POSITION, as_row, rows_at
from projections.proof.tiles import Tree


@dataclass(frozen=True)
class Proved:
    """`row` hashes to the leaf of this index; `proof` leads from it to the root of the tree of the size asked for."""

    position: int
    row: dict[str, Any]
    index: int
    proof: list[bytes]


def proved(connection: Connection, positions: Sequence[int], size: int, *, proofs: bool = True) -> list[Proved]:
    """Events at positions, in their order, as the tree of `size` has them. Raises LookupError for one that it does not hold."""
    tree = Tree(connection)
    found = []
    for stored in rows_at(connection, positions):
        position = stored[POSITION]
        index = tree.index_of(position)
        if index is None or index >= size:
            raise LookupError(f"the event at position {position} is not in the log of {size} events")
        found.append(Proved(position, as_row(stored), index, tree.inclusion(index, size) if proofs else []))
    return found
