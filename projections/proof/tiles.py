"""The tree over the log as it is stored: tiles of 32 hashes each, of which a proof reads a few for each level."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, LargeBinary, Table, select

from projections.follower import Fact, upsert
from projections.proof import merkle
from projections.proof.merkle import HASH_BYTES
from projections.tables import metadata

HEIGHT = 5
WIDTH = 1 << HEIGHT
"""Hashes in a tile: with their positions they are few enough bytes that PostgreSQL keeps them in the row."""
_POSITION_BYTES = 8

tiles = Table(
    "proof_tiles",
    metadata,
    Column("level", Integer, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
    Column("first_position", BigInteger),
    Column("positions", LargeBinary),
    Index("proof_tiles_first_position", "first_position"),
)
"""A tile of level n holds hashes of complete subtrees of 32 ** n leaves; those of level 0 say of which position each leaf is."""


@dataclass
class Tile:
    level: int
    number: int
    hashes: list[bytes] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        return len(self.hashes) == WIDTH

    def joined(self) -> bytes:
        return b"".join(self.hashes)


class Growth:
    """Tiles that grow with each leaf; `begin` gives a level's last tile as it is so far."""

    def __init__(self, begin: Callable[[int], Tile] = lambda level: Tile(level, 0)) -> None:
        self._begin = begin
        self._last: dict[int, Tile] = {}

    def append(self, leaf: bytes) -> Iterator[Tile]:
        """The tiles that are full by this leaf."""
        level, carried = 0, leaf
        while True:
            tile = self._last.get(level) or self._begin(level)
            if tile.is_full:
                tile = Tile(level, tile.number + 1)
            self._last[level] = tile
            tile.hashes.append(carried)
            if not tile.is_full:
                return
            yield tile
            level, carried = level + 1, within(tile.hashes, HEIGHT, 0)

    def unfinished(self) -> Iterator[Tile]:
        """The last tile of each level that grew, where it is not full."""
        yield from (tile for tile in self._last.values() if not tile.is_full)


def within(hashes: Sequence[bytes], height: int, index: int) -> bytes:
    """The hash of a complete subtree inside a tile."""
    level = hashes[index << height : (index + 1) << height]
    while len(level) > 1:
        level = [merkle.node_hash(level[place], level[place + 1]) for place in range(0, len(level), 2)]
    return level[0]


class Tree:
    """The stored tree as one transaction sees it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._read: dict[tuple[int, int], list[bytes]] = {}

    def size(self) -> int:
        last = self.last(0)
        return last.number * WIDTH + len(last.hashes)

    def last(self, level: int) -> Tile:
        """The last tile of a level; an empty one where there is none."""
        columns = select(tiles.c.number, tiles.c.hashes).where(tiles.c.level == level)
        row = self._connection.execute(columns.order_by(tiles.c.number.desc()).limit(1)).one_or_none()
        return Tile(level, row.number, split(row.hashes)) if row else Tile(level, 0)

    def node(self, level: int, index: int) -> bytes:
        tile_level, height = divmod(level, HEIGHT)
        number, place = divmod(index, WIDTH >> height)
        return within(self._tile(tile_level, number), height, place)

    def root(self, size: int) -> bytes:
        return merkle.root(self.node, size)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        return merkle.inclusion(self.node, index, size)

    def consistency(self, old: int, new: int) -> list[bytes]:
        return merkle.consistency(self.node, old, new)

    def index_of(self, position: int) -> int | None:
        """Which leaf the event at a position of the log is; None where there is none."""
        columns = select(tiles.c.number, tiles.c.positions).where(tiles.c.level == 0, tiles.c.first_position <= position)
        row = self._connection.execute(columns.order_by(tiles.c.first_position.desc()).limit(1)).one_or_none()
        if row is None:
            return None
        positions = split_positions(row.positions)
        place = bisect_left(positions, position)
        return row.number * WIDTH + place if place < len(positions) and positions[place] == position else None

    def position_of(self, index: int) -> int:
        """The position of the event that is a leaf."""
        number, place = divmod(index, WIDTH)
        row = self._connection.execute(select(tiles.c.positions).where(tiles.c.level == 0, tiles.c.number == number)).one()
        return split_positions(row.positions)[place]

    def _tile(self, level: int, number: int) -> list[bytes]:
        found = self._read.get((level, number))
        if found is None:
            row = self._connection.execute(select(tiles.c.hashes).where(tiles.c.level == level, tiles.c.number == number)).one()
            found = self._read[level, number] = split(row.hashes)
        return found


class TreeOfEvents:
    """Follows the log: each event is a leaf, in the order of positions."""

    name = "proof"
    tables = (tiles,)

    def __init__(self, read: Callable[[Connection, int, int], Sequence[tuple[int, bytes]]]) -> None:
        """`read` tells positions and leaf hashes of the events behind the first position given, up to the second."""
        self._read = read

    def apply(self, facts: Sequence[Fact], connection: Connection) -> None:
        leaves = self._read(connection, facts[0].recorded.position - 1, facts[-1].recorded.position)
        if [position for position, _ in leaves] != [fact.recorded.position for fact in facts]:
            raise LookupError("the log changed while the tree read it")
        append(connection, leaves)


def append(connection: Connection, leaves: Iterable[tuple[int, bytes]]) -> None:
    """Let the stored tree grow by leaves, each with its position."""
    tree = Tree(connection)
    columns = select(tiles.c.number, tiles.c.positions).where(tiles.c.level == 0).order_by(tiles.c.number.desc()).limit(1)
    last = connection.execute(columns).one_or_none()
    number, positions = (last.number, split_positions(last.positions)) if last else (0, [])
    growth = Growth(tree.last)
    grown: list[Tile] = []
    for position, leaf in leaves:
        positions.append(position)
        grown += growth.append(leaf)
    rows = []
    for tile in (*grown, *growth.unfinished()):
        row = {"level": tile.level, "number": tile.number, "hashes": tile.joined(), "first_position": None, "positions": None}
        if tile.level == 0:
            start = (tile.number - number) * WIDTH
            held = positions[start : start + WIDTH]
            row |= {"first_position": held[0], "positions": join_positions(held)}
        rows.append(row)
    upsert(connection, tiles, rows)


def split(joined: bytes) -> list[bytes]:
    return [joined[start : start + HASH_BYTES] for start in range(0, len(joined), HASH_BYTES)]


def split_positions(joined: bytes) -> list[int]:
    return [int.from_bytes(joined[start : start + _POSITION_BYTES]) for start in range(0, len(joined), _POSITION_BYTES)]


def join_positions(positions: Iterable[int]) -> bytes:
    return b"".join(position.to_bytes(_POSITION_BYTES) for position in positions)
