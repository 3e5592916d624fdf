"""What several aggregates count with."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

NEVER = datetime.max.replace(tzinfo=UTC)
NO_ID = UUID(int=0)


def rungs(reminders: Iterable[int], target: datetime, set_at: datetime) -> tuple[tuple[int, datetime], ...]:
    """(days before, instant) of each reminder of `target`, without those that lay before the event that set it."""
    return tuple((days, due) for days in reminders if (due := target - timedelta(days=days)) >= set_at)


def next_rung_due(reminders: Iterable[int], days: int, target: datetime, instant: datetime) -> int | None:
    """The latest rung after the one at `days` that is due at `instant` as well, in days before `target`; else None."""
    due = [other for other in reminders if other < days and target - timedelta(days=other) <= instant]
    return min(due, default=None)
