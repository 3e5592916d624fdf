"""What streams hold alone: what an append changes about it, and making the table anew from the events."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

from domain.errors import ClaimHeld
from domain.events.base import Claim, Release

Key = tuple[str, str]
Change = tuple[UUID, Claim | Release]


class Holdings:
    """Who claims what and has not released it, event by event. Within an append that may be two streams, after it never."""

    def __init__(self) -> None:
        self._claimants: defaultdict[Key, dict[UUID, None]] = defaultdict(dict)
        self._claimed: defaultdict[UUID, set[Key]] = defaultdict(set)

    @property
    def holders(self) -> dict[Key, UUID]:
        return {held: next(iter(streams)) for held, streams in self._claimants.items()}

    def apply(self, stream: UUID, change: Claim | Release) -> None:
        match change:
            case Claim(kind, key):
                self._claimants[kind, key][stream] = None
                self._claimed[stream].add((kind, key))
            case Release(kind, key):
                for held in [held for held in self._claimed[stream] if _matches(held, kind, key)]:
                    del self._claimants[held][stream]
                    if not self._claimants[held]:
                        del self._claimants[held]
                    self._claimed[stream].discard(held)


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
