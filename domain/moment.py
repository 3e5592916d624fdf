"""What is asked of the past: an instant of effect, and an instant of record."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Moment:
    """What did we believe at `known_at` about `as_of`?

    Only events that were recorded by `known_at` and took effect by `as_of` count, both instants included; without `known_at`, everything
    on record counts. What they make is then settled up to `as_of`: a deadline that was overdue has taken effect, though nobody had recorded
    it, and what it looks at around it is read by the same moment. A stream is believed up to its last event that counts.
    """

    as_of: datetime
    known_at: datetime | None = None

    def counts(self, at: datetime | None, recorded_at: datetime) -> bool:
        return (at is None or at <= self.as_of) and (self.known_at is None or recorded_at <= self.known_at)
