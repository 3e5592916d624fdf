"""Who holds what, where something happens on a copy of the world."""

from uuid import UUID

from domain.errors import ClaimHeld
from domain.events.base import Claim, Release
from domain.surroundings import Claims


class Copied:
    """Who holds what: as in the log, but for what has happened here since."""

    def __init__(self, log: Claims) -> None:
        self._log = log
        self._held: dict[tuple[str, str], UUID | None] = {}
        self._freed: list[tuple[UUID, Release]] = []

    def holder(self, kind: str, key: str) -> UUID | None:
        if (kind, key) in self._held:
            return self._held[kind, key]
        held = self._log.holder(kind, key)
        return None if held is None or self._is_freed(held, kind, key) else held

    def claims(self, kind: str, low: str, high: str) -> list[tuple[str, UUID]]:
        held: dict[str, UUID | None] = {
            key: stream for key, stream in self._log.claims(kind, low, high) if not self._is_freed(stream, kind, key)
        }
        held |= {key: stream for (of, key), stream in self._held.items() if of == kind and low <= key < high}
        return sorted((key, stream) for key, stream in held.items() if stream is not None)

    def take(self, stream: UUID, claim: Claim | Release) -> None:
        """Raises ClaimHeld."""
        if isinstance(claim, Claim):
            held = self.holder(claim.kind, claim.key)
            if held not in {None, stream}:
                assert held is not None
                raise ClaimHeld(claim.kind, claim.key, held)
            self._held[claim.kind, claim.key] = stream
            return
        self._freed.append((stream, claim))
        for (kind, key), held in self._held.items():
            if held == stream and _frees(claim, kind, key):
                self._held[kind, key] = None

    def _is_freed(self, stream: UUID, kind: str, key: str) -> bool:
        return any(of == stream and _frees(release, kind, key) for of, release in self._freed)


def _frees(release: Release, kind: str, key: str) -> bool:
    return release.kind in {None, kind} and release.key in {None, key}
