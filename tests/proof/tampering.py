"""Ways to tamper with a log of SQLite behind the service's back: each is done for real in a transaction, judged, and rolled back."""

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, delete
from sqlalchemy.exc import IntegrityError

from ops.eventstore.engine import connect, writing
from ops.eventstore.leaf import COLUMNS, POSITION, rows_between
from ops.verification import Verdict, leaf_of, verify
from projections.proof.checkpoints import checkpoints
from projections.proof.notes import Signer
from projections.proof.tiles import append, tiles
from tests.databases import take_triggers_away
from tests.proof.logs import OTHER, SIGNER, fill, grow

CHECKPOINT_EVERY = 500
TEXTS = [name for name in COLUMNS if name not in {"position", "stream_version", "class_version"}]
BY_OUTSIDE_ALONE = ("cut tail", "full rewrite")


class Remembered:
    """Leaf hashes of rows that were hashed before. Every row is read, and looked up by all that was read of it."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], bytes] = {}

    def __call__(self, row: Sequence[Any]) -> bytes:
        key = tuple(row)
        found = self._known.get(key)
        if found is None:
            found = leaf_of(row)
            if len(self._known) < 100_000:
                self._known[key] = found
        return found


class Tampering:
    """A log of `events` events, and every way to falsify it."""

    def __init__(self, url: str, events: int, seed: int) -> None:
        self.engine: Engine = connect(url)
        self.held = fill(self.engine, events, checkpoint_every=CHECKPOINT_EVERY)
        take_triggers_away(self.engine)
        self.leaf = Remembered()
        self.random = Random(seed)
        self.judged: Counter[str] = Counter()
        self.missed: list[str] = []
        with self.engine.connect() as connection:
            self.positions = [row[POSITION] for row in rows_between(connection, 0, 2**62)]
        self.ways: dict[str, Callable[[Connection], None]] = {
            "bit flip": self.flip,
            "delete": self.remove,
            "swap": self.swap,
            "insert": self.insert,
            "cut tail": self.cut,
            "re-chained rewrite": self.rechain,
            "key-less rewrite": lambda connection: self.rewrite(connection, OTHER),
            "full rewrite": lambda connection: self.rewrite(connection, SIGNER),
        }

    def verify(self, connection: Connection, *held: str) -> Verdict:
        return verify(connection, [SIGNER.verifier], held, leaf=self.leaf)

    def clean(self) -> Verdict:
        with self.engine.connect() as connection:
            return self.verify(connection, self.held)

    def once(self, way: str, *, blind: bool = False) -> None:
        """Tamper and judge. `blind`: make sure, too, that what only a checkpoint from outside can tell is not told without one."""
        with writing(self.engine) as connection:
            while True:
                try:
                    with connection.begin_nested():
                        self.ways[way](connection)
                    break
                except IntegrityError:
                    continue  # the database itself refuses it: another one
            verdict = self.verify(connection, *([self.held] if way in BY_OUTSIDE_ALONE else []))
            self.judged[way] += 1
            if verdict.holds:
                self.missed.append(way)
            if blind and way in BY_OUTSIDE_ALONE and not self.verify(connection).holds:
                self.missed.append(f"{way} was seen without a checkpoint from outside")
            connection.rollback()

    # the ways

    def any_position(self) -> int:
        return self.random.choice(self.positions)

    def flip(self, connection: Connection) -> None:
        """One bit of one value of one event."""
        position = self.any_position()
        column = self.random.choice(COLUMNS)
        kind, value = connection.exec_driver_sql(
            f"SELECT typeof({column}), CASE WHEN typeof({column}) = 'integer' THEN {column} ELSE CAST({column} AS BLOB) END"
            f" FROM events WHERE position = {position}"
        ).one()
        if kind == "null":
            connection.exec_driver_sql(f"UPDATE events SET {column} = '' WHERE position = ?", (position,))
        elif kind == "integer":
            flipped = value ^ 1 << self.random.randrange(31)
            connection.exec_driver_sql(f"UPDATE events SET {column} = ? WHERE position = ?", (flipped, position))
        else:
            raw = bytearray(value)
            raw[self.random.randrange(len(raw))] ^= 1 << self.random.randrange(8)
            given = "?" if kind == "blob" else "CAST(? AS TEXT)"
            connection.exec_driver_sql(f"UPDATE events SET {column} = {given} WHERE position = ?", (bytes(raw), position))

    def remove(self, connection: Connection) -> None:
        connection.exec_driver_sql("DELETE FROM events WHERE position = ?", (self.any_position(),))

    def swap(self, connection: Connection) -> None:
        one, other = self.random.sample(self.positions, 2)
        for old, new in ((one, -1), (other, one), (-1, other)):
            connection.exec_driver_sql("UPDATE events SET position = ? WHERE position = ?", (new, old))

    def insert(self, connection: Connection) -> None:
        """An event that never was, where the log has a gap; or in front of everything."""
        taken = set(self.positions)
        free = [each for each in range(self.positions[0] - 1, self.positions[-1]) if each not in taken]
        names = [name for name in COLUMNS if name not in {"position", "stream_id", "stream_version"}]
        columns = ", ".join(names)
        connection.exec_driver_sql(
            f"INSERT INTO events (position, stream_id, stream_version, {columns}) SELECT ?, ?, 1, {columns} FROM events WHERE position = ?",
            (self.random.choice(free), UUID(int=self.random.getrandbits(128)).hex, self.any_position()),
        )

    def cut(self, connection: Connection) -> None:
        """The end of the log, of the tree and of the checkpoints: what is left is whole."""
        kept = self.random.randrange(1, len(self.positions))
        connection.exec_driver_sql("DELETE FROM events WHERE position > ?", (self.positions[kept - 1],))
        connection.execute(delete(checkpoints).where(checkpoints.c.size > kept))
        self.regrow(connection)

    def rechain(self, connection: Connection) -> None:
        """An event is changed or removed, and the tree made anew over what there is then."""
        self.alter(connection)
        self.regrow(connection)

    def rewrite(self, connection: Connection, signer: Signer) -> None:
        """An event is changed or removed; the tree and all checkpoints are made anew, and signed."""
        self.alter(connection, plausible=True)
        grow(connection, signer, CHECKPOINT_EVERY, self.leaves)

    def alter(self, connection: Connection, *, plausible: bool = False) -> None:
        position = self.any_position()
        if not plausible and self.random.random() < 0.5:
            connection.exec_driver_sql("DELETE FROM events WHERE position = ?", (position,))
        else:
            forged = b'{"forged":%d}' % self.random.getrandbits(64)
            connection.exec_driver_sql("UPDATE events SET state = ? WHERE position = ?", (forged, position))

    def regrow(self, connection: Connection) -> None:
        connection.execute(delete(tiles))
        append(connection, self.leaves(connection, -(2**62), 2**62))

    def leaves(self, connection: Connection, after: int, until: int) -> list[tuple[int, bytes]]:
        return [(row[POSITION], self.leaf(row)) for row in rows_between(connection, after, until)]
