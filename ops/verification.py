"""Verifies the whole log: every row against the tree, the tree against every checkpoint, and what else can be told of an untouched log."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from ops.eventstore.leaf import COLUMNS, POSITION, UnreadableRow, as_bytes, as_row, next_rows
from projections.proof import checkpoints
from projections.proof.checkpoints import Signed
from projections.proof.merkle import EMPTY_ROOT, Frontier, leaf_hash
from projections.proof.notes import BadNote, Head, Verifier
from projections.proof.stored import StoredTiles
from projections.proof.tiles import Growth

BATCH = 2_048
RECORDED_AT = COLUMNS.index("recorded_at")

VERSIONS = """
SELECT position, expected FROM (
    SELECT position, stream_version, row_number() OVER (PARTITION BY stream_id ORDER BY position) AS expected FROM events
) AS numbered WHERE stream_version <> expected ORDER BY position LIMIT 1
"""


@dataclass(frozen=True)
class Finding:
    """Something that does not hold. `index` and `position` are those of the first event that differs, where that can be known."""

    what: str
    detail: str
    index: int | None = None
    position: int | None = None


@dataclass
class Verdict:
    """`size` and `root` are those of the log as it is read now; `checkpoints` counts those that were held against it."""

    size: int = 0
    root: bytes = b""
    position: int = 0
    checkpoints: int = 0
    tree_size: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.findings

    def shown(self) -> dict[str, Any]:
        return {
            "holds": self.holds,
            "events": self.size,
            "root": self.root.hex(),
            "position": self.position,
            "checkpoints": self.checkpoints,
            "tree_size": self.tree_size,
            "findings": [asdict(each) for each in self.findings],
        }


Leaf = Callable[[Sequence[Any]], bytes]


def leaf_of(row: Sequence[Any]) -> bytes:
    """The leaf hash of a stored row. Raises UnreadableRow."""
    return leaf_hash(as_bytes(as_row(row)))


def verify(
    connection: Connection,
    verifiers: Sequence[Verifier],
    held: Sequence[str] = (),
    *,
    progress: Callable[[int], None] = lambda _: None,
    leaf: Leaf = leaf_of,
) -> Verdict:
    """Read the whole log once, in order, as one transaction sees it.

    `verifiers` are the keys that may have signed checkpoints; `held` are notes that somebody kept outside of this database.
    """
    verdict = Verdict()
    to_come = _Expected(connection, verifiers, held, verdict)
    frontier, growth, stored = Frontier(), Growth(), StoredTiles(connection)
    latest: str | None = None
    for row in _rows(connection):
        position = row[POSITION]
        index = frontier.size
        try:
            hashed = leaf(row)
        except UnreadableRow as error:
            verdict.findings.append(Finding("unreadable", f"the event at position {position} cannot be read: {error}", index, position))
            hashed = b"\0" * 32
        if latest is not None and str(row[RECORDED_AT]) < latest:
            _once(verdict, Finding("recorded-before", "an event is recorded before the one in front of it", index, position))
        latest = str(row[RECORDED_AT])
        if told := stored.differs_leaf(index, position, hashed):
            _once(verdict, Finding("event-differs", told, index, position))
        frontier.append(hashed)
        for tile in growth.append(hashed):
            if told := stored.differs(tile):
                _once(verdict, Finding("tree-differs", told, index, position))
        verdict.position = position
        to_come.compare(frontier, position)
        if frontier.size % BATCH == 0:
            progress(position)
    for tile in growth.unfinished():
        if told := stored.differs(tile):
            _once(verdict, Finding("tree-differs", told))
    verdict.size, verdict.root, verdict.tree_size = frontier.size, frontier.root(), stored.size
    if told := stored.beyond(frontier.size):
        _once(verdict, Finding("events-missing", told))
    to_come.end(frontier.size)
    broken = connection.execute(text(VERSIONS)).first()
    if broken is not None:
        said = f"at position {broken.position} stands another than event {broken.expected} of its stream: one is missing, or out of order"
        verdict.findings.append(Finding("versions", said, None, broken.position))
    return verdict


def _once(verdict: Verdict, finding: Finding) -> None:
    """After the first that differs many do: only the first tells something."""
    if all(each.what != finding.what for each in verdict.findings):
        verdict.findings.append(finding)


def _rows(connection: Connection) -> Iterator[Sequence[Any]]:
    after = -(2**63)
    while rows := next_rows(connection, after, BATCH):
        yield from rows
        after = rows[-1][POSITION]


class _Expected:
    """The checkpoints, in the order of their sizes, each compared when the log is read so far."""

    def __init__(self, connection: Connection, verifiers: Sequence[Verifier], held: Sequence[str], verdict: Verdict) -> None:
        self._verdict = verdict
        self._verifiers = verifiers
        self._connection = connection
        heads = [head for head in map(self._of_note, held) if head is not None and not self._is_empty(head)]
        self._outside = sorted(heads, key=lambda head: head.size)
        self._stored = checkpoints.signed(connection)
        self._next = next(self._stored, None)
        self._sound: int = 0
        """How far the log is known to be as it was."""

    def compare(self, frontier: Frontier, position: int) -> None:
        while self._outside and self._outside[0].size <= frontier.size:
            self._judge(self._outside.pop(0), frontier, "the checkpoint that you hold")
        while self._next is not None and self._next.size <= frontier.size:
            stored = self._next
            head = self._of_stored(stored)
            if head is not None and stored.position != position:
                said = f"the checkpoint of size {stored.size} ends at position {stored.position}, the log has that event at {position}"
                _once(self._verdict, Finding("checkpoint-differs", said, stored.size - 1, position))
            if head is not None:
                self._judge(head, frontier, "the stored checkpoint")
            self._next = next(self._stored, None)

    def end(self, size: int) -> None:
        while self._next is not None:
            head = self._of_stored(self._next)
            self._cut(head, size, "a stored checkpoint")
            self._next = next(self._stored, None)
        for head in self._outside:
            self._cut(head, size, "the checkpoint that you hold")

    def _cut(self, head: Head | None, size: int, what: str) -> None:
        if head is not None:
            self._verdict.checkpoints += 1
            said = f"{what} covers {head.size} events, the log has {size}: its end was cut off"
            _once(self._verdict, Finding("events-missing", said, size))

    def _judge(self, head: Head, frontier: Frontier, what: str) -> None:
        self._verdict.checkpoints += 1
        if frontier.root() == head.root:
            self._sound = head.size
            return
        said = f"the first {head.size} events do not have the root that {what} of that size states"
        if self._sound:
            said += f"; the first {self._sound} are as they were"
        _once(self._verdict, Finding("root-differs", said, self._sound))

    def _is_empty(self, head: Head) -> bool:
        """Every log begins with the empty one, which has one root."""
        if head.size == 0 and head.root != EMPTY_ROOT:
            _once(self._verdict, Finding("root-differs", "a checkpoint of size 0 states a root that no empty log has", 0))
        return head.size == 0

    def _of_stored(self, stored: Signed) -> Head | None:
        head = self._of_note(stored.note, f"the stored checkpoint of size {stored.size}")
        if head is not None and (head.size, head.root) != (stored.size, stored.root):
            said = f"the stored checkpoint of size {stored.size} is not what its note says"
            _once(self._verdict, Finding("checkpoint-differs", said))
        return head

    def _of_note(self, note: str, what: str = "the checkpoint that you hold") -> Head | None:
        problem = "no key is known by which it could be judged"
        for verifier in self._verifiers:
            try:
                head = Head.parse(verifier.open(note))
            except BadNote as error:
                problem = str(error)
                continue
            if head.origin != verifier.name:
                problem = f"it is of {head.origin}, and signed by {verifier.name}"
                continue
            return head
        _once(self._verdict, Finding("checkpoint-not-signed", f"{what} does not count: {problem}"))
        return None
