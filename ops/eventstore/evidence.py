"""What proves an export: the newest checkpoint, and of each event the stored row, its leaf and its way to the root."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from sqlalchemy import Connection, func, select

from domain.store import StoredNotification
from ops.eventstore.leaf import as_row, rows_at
from projections.exports.export import Checkpoint, Leaf
from projections.follower import Database
from projections.proof import checkpoints
from projections.proof.checkpoints import Forked
from projections.proof.tiles import WIDTH, Tree, split_positions, tiles

DENSE = 4
"""Events that are on average no further apart than this are looked up together."""
AT_ONCE = 500


class TreeEvidence:
    """The stored tree's. `make_now` signs a checkpoint of all that the tree holds, where this process has the key for it."""

    def __init__(self, database: Database, make_now: Callable[[], object] | None) -> None:
        self._database = database
        self._make_now = make_now

    def moment(self, head: int) -> tuple[int, Checkpoint | None]:
        """Up to the end of the newest checkpoint: one that is made now, or the last one that was."""
        if self._make_now is not None:
            with suppress(Forked):  # what was signed before still says what the log was: who verifies the export sees that it no longer is
                self._make_now()
        with self._database.reading() as connection:
            latest = checkpoints.latest(connection)
        return (latest.position, Checkpoint(latest.size, latest.note)) if latest else (head, None)

    def leaves(self, stored: Sequence[StoredNotification]) -> list[Leaf]:
        """The rows as the database has them, not as they were read for people."""
        positions = [int(each.id) for each in stored]
        with self._database.reading() as connection:
            starts = range(0, len(positions), AT_ONCE)
            rows = [as_row(row) for start in starts for row in rows_at(connection, positions[start : start + AT_ONCE])]
            if [row["position"] for row in rows] != positions:
                raise LookupError("an event is gone that was there a moment ago")
            return list(zip(_indexes(connection, positions), rows, strict=True))

    def proofs(self, indexes: Sequence[int], size: int) -> list[list[bytes]]:
        with self._database.reading() as connection:
            tree = Tree(connection)
            return [tree.inclusion(index, size) for index in indexes]


def _indexes(connection: Connection, positions: Sequence[int]) -> list[int | None]:
    if positions[-1] - positions[0] > DENSE * len(positions):
        tree = Tree(connection)
        return [tree.index_of(position) for position in positions]
    leaves = tiles.c.level == 0
    begin = select(func.max(tiles.c.first_position)).where(leaves, tiles.c.first_position <= positions[0]).scalar_subquery()
    within = leaves, tiles.c.first_position >= func.coalesce(begin, 0), tiles.c.first_position <= positions[-1]
    held: dict[int, int] = {}
    for row in connection.execute(select(tiles.c.number, tiles.c.positions).where(*within)):
        held |= {position: row.number * WIDTH + place for place, position in enumerate(split_positions(row.positions))}
    return [held.get(position) for position in positions]
