"""The stored tree beside one that is computed anew: where the two differ first."""

from typing import Any

from sqlalchemy import Connection, func, select

from projections.proof.tiles import HEIGHT, WIDTH, Tile, Tree, split, split_positions, tiles

AHEAD = 64
"""Tiles read at once."""


class StoredTiles:
    """Read along with the log, some tiles at a time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.size = Tree(connection).size()
        self._read: dict[int, dict[int, Any]] = {}
        self._leaves: tuple[int, list[bytes], list[int]] = (-1, [], [])
        self._counted: dict[int, int] = {}

    def differs_leaf(self, index: int, position: int, hashed: bytes) -> str | None:
        if index >= self.size:
            return None
        number, place = divmod(index, WIDTH)
        if self._leaves[0] != number:
            row = self._row(0, number)
            self._leaves = (
                (number, split(row.hashes), split_positions(row.positions if isinstance(row.positions, bytes) else b""))
                if row
                else (number, [], [])
            )
        _, hashes, positions = self._leaves
        if place >= len(hashes) or place >= len(positions):
            return f"the stored tree has no leaf {index}"
        if positions[place] != position:
            return f"leaf {index} was the event at position {positions[place]}; the log has the one at {position} there"
        if hashes[place] != hashed:
            return f"the event at position {position} is not the one that the stored tree has"
        return None

    def differs(self, tile: Tile) -> str | None:
        """What of a tile is otherwise than it is stored, as far as the stored tree goes."""
        expected = min(len(tile.hashes), (self.size >> _shift(tile.level)) - tile.number * WIDTH)
        if expected <= 0:
            return None
        row = self._row(tile.level, tile.number)
        if row is None:
            return f"the stored tree lacks tile {tile.number} of level {tile.level}"
        if row.hashes != b"".join(tile.hashes[:expected]):
            return f"tile {tile.number} of level {tile.level} of the stored tree is not what the log gives"
        return None

    def beyond(self, size: int) -> str | None:
        if self.size > size:
            return f"the stored tree has {self.size} events, the log {size}: its end was cut off"
        rows = self._connection.execute(select(tiles.c.level, func.count()).group_by(tiles.c.level))
        for level, count in rows:
            hashes = self.size >> _shift(level)
            if count != -(-hashes // WIDTH):
                return f"the stored tree has {count} tiles of level {level}, which are not those of {self.size} events"
        return None

    def _row(self, level: int, number: int) -> Any:
        ahead = self._read.get(level, {})
        if number not in ahead:
            c = tiles.c
            wanted = select(c.number, c.hashes, c.positions).where(c.level == level, c.number >= number, c.number < number + AHEAD)
            ahead = self._read[level] = {row.number: row for row in self._connection.execute(wanted)}
        return ahead.get(number)


def _shift(level: int) -> int:
    return HEIGHT * level
