"""What streams hold alone: what an append changes about it, and making the table anew from the events."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

from domain.errors import ClaimHeld
from domain.events.base import Claim, Release

Key = tuple[str, str]
Change = tuple[UUID, Claim | Release]


class Holdings:
    """Who holds what, kept in memory. A later claim takes over: the log has checked it when it was appended."""

    def __init__(self) -> None:
        self.holders: dict[Key, UUID] = {}
        self._held: defaultdict[UUID, set[Key]] = defaultdict(set)

    def apply(self, stream: UUID, change: Claim | Release) -> None:
        match change:
            case Claim(kind, key):
                self._drop((kind, key))
                self.holders[kind, key] = stream
                self._held[stream].add((kind, key))
            case Release(kind, key):
                for held in [held for held in self._held[stream] if _matches(held, kind, key)]:
                    self._drop(held)

    def _drop(self, held: Key) -> None:
        holder = self.holders.pop(held, None)
        if holder is not None:
            self._held[holder].discard(held)


def net_effect(changes: Iterable[Change]) -> tuple[Sequence[tuple[UUID, Release]], dict[Key, UUID]]:
    """What one append gives up, and what it holds in the end: a claim that its own stream releases later is not among it.

    What is given up counts first, so that a stream can hand something on to another in one append, whichever comes first.
    Raises ClaimHeld when two of the streams would hold the same.
    """
    releases: list[tuple[UUID, Release]] = []
    wanted: defaultdict[UUID, dict[Key, None]] = defaultdict(dict)
    for stream, change in changes:
        match change:
            case Claim(kind, key):
                wanted[stream][kind, key] = None
            case Release(kind, key):
                releases.append((stream, change))
                wanted[stream] = {held: None for held in wanted[stream] if not _matches(held, kind, key)}
    holders: dict[Key, UUID] = {}
    for stream, held_by_it in wanted.items():
        for held in held_by_it:
            if holders.setdefault(held, stream) != stream:
                raise ClaimHeld(*held, holder=holders[held])
    return releases, holders


def _matches(held: Key, kind: str | None, key: str | None) -> bool:
    return (kind is None or kind == held[0]) and (key is None or key == held[1])
