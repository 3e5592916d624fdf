"""An export: one moment of the log, read page by page, with what it was asked for, its checkpoint and its counts."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from domain.application import Lifecycle
from domain.store import Selection, StoredNotification
from projections import history
from projections.actors import Actors
from projections.exports.leaf import leaf

FORM = "export/1"
PAGE = 1_000
Query = dict[str, Any]


class Format(StrEnum):
    NDJSON = "ndjson"
    CSV = "csv"
    PARQUET = "parquet"


MEDIA_TYPES = {
    Format.NDJSON: "application/x-ndjson",
    Format.CSV: "text/csv; charset=utf-8",
    Format.PARQUET: "application/vnd.apache.parquet",
}


@dataclass(frozen=True)
class Checkpoint:
    """What was published of the log: how many events it covers, and the signed note itself."""

    size: int
    note: str


Leaf = tuple[int | None, dict[str, Any]]
"""The index of an event in the log's tree, counted from 0, where there is a tree; and its stored row."""


class Evidence(Protocol):
    """What proves that an event is in the log."""

    def moment(self, head: int) -> tuple[int, Checkpoint | None]:
        """The last position, at most `head`, up to which a checkpoint covers the log, and that checkpoint; `head` where there is none."""
        ...

    def leaves(self, stored: Sequence[StoredNotification]) -> list[Leaf]:
        """The leaf of each event."""
        ...

    def proofs(self, indexes: Sequence[int], size: int) -> list[list[bytes]]:
        """The hashes that lead from each leaf to the root of a tree of that size."""
        ...


class NoEvidence:
    """There is no tree: nothing is proven, and it is said."""

    def moment(self, head: int) -> tuple[int, Checkpoint | None]:
        return head, None

    def leaves(self, stored: Sequence[StoredNotification]) -> list[Leaf]:
        return [(None, leaf(each)) for each in stored]

    def proofs(self, indexes: Sequence[int], size: int) -> list[list[bytes]]:  # noqa: ARG002 - what every evidence is asked
        return [[] for _ in indexes]


NO_EVIDENCE = NoEvidence()


@dataclass(frozen=True)
class Row:
    """An event: as it is stored, with its place and its proof, and as people read it."""

    leaf: dict[str, Any]
    index: int | None
    proof: list[bytes] | None
    event: dict[str, Any]


@dataclass(frozen=True)
class Export:
    """Of the log as it was when it began: what is recorded later is not in it.

    With a checkpoint it ends where that one does, so that all of it is proven; `newer` events were on record behind that already.
    """

    lifecycle: Lifecycle
    only: Selection
    evidence: Evidence
    head: int
    count: int
    checkpoint: Checkpoint | None
    newer: int
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def query(self) -> Query:
        """What was asked for, as a caller writes it, and the position up to which the log is looked at."""
        return self.only.asked | {"until": self.head}

    @property
    def is_whole(self) -> bool:
        """Whether it holds every event up to its head: then the tree can be built from it, and no event needs a proof of its own."""
        return self.only == Selection()

    @property
    def header(self) -> dict[str, Any]:
        return {
            "tenure": FORM,
            "query": self.query,
            "checkpoint": self.checkpoint.note if self.checkpoint else None,
            "count": self.count,
            "newer": self.newer,
        }

    def trailer(self, digest: str) -> dict[str, Any]:
        return {"counts": dict(sorted(self.counts.items())), "events": self.counts.total(), "sha256": digest}

    def pages(self) -> Iterator[list[Row]]:
        after = 0
        while after < self.head:
            stored = self.lifecycle.log_reader.read_log(after=after, limit=PAGE, only=self.only)
            within = [each for each in stored if each.id <= self.head]
            if within:
                self.counts.update(each.topic for each in within)
                yield list(self._rows(within))
            if len(stored) < PAGE or len(within) < len(stored):
                return
            after = stored[-1].id

    def _rows(self, stored: Sequence[StoredNotification]) -> Iterator[Row]:
        actors = Actors(self.lifecycle)
        leaves = self.evidence.leaves(stored)
        proofs = self._proofs([index for index, _ in leaves if index is not None])
        for each, (index, row) in zip(stored, leaves, strict=True):
            event = history.as_data(self.lifecycle.codec.to_recorded(each), actors)
            yield Row(row, index, proofs.get(index) if index is not None else None, event)

    def _proofs(self, indexes: Sequence[int]) -> dict[int, list[bytes]]:
        if self.is_whole or self.checkpoint is None:
            return {}
        return dict(zip(indexes, self.evidence.proofs(indexes, self.checkpoint.size), strict=True))


OnRecord = Callable[[Query, int], None]
"""Is told what is about to be read and how many events that are; what it raises refuses the export."""


def begin(lifecycle: Lifecycle, only: Selection, evidence: Evidence, on_record: OnRecord) -> Export:
    """Fix the moment. Nothing is read before who asks for what is on record."""
    latest = lifecycle.log_reader.max_notification_id() or 0
    head, checkpoint = evidence.moment(latest)
    count = lifecycle.log_reader.count_log(until=head, only=only)
    newer = lifecycle.log_reader.count_log(until=latest, only=only) - count if head < latest else 0
    export = Export(lifecycle, only, evidence, head, count, checkpoint, newer)
    on_record(export.query, count)
    return export


class Digested:
    """What was written so far, as its digest."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def __call__(self, chunk: bytes) -> bytes:
        self._digest.update(chunk)
        return chunk

    @property
    def hex(self) -> str:
        return self._digest.hexdigest()
