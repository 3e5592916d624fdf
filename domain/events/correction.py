"""What can happen to a correction of the record: the event that is wrong stays as it is, and this stands beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from domain.events.base import Claim, Event, Release


@dataclass(frozen=True, kw_only=True)
class Place:
    """An event on record: where, and what it is called."""

    stream_id: UUID
    version: int
    position: int
    topic: str
    account_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class CorrectionProposed(Event):
    """Somebody says that `wrong` is not what happened, and what would be right: in words, and by the names of its fields."""

    TOPIC = "correction.proposed"
    wrong: Place
    right: str
    fields: Mapping[str, str]
    put_right_by: Place | None
    proposed_by: str

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Claim("correction", f"{self.wrong.stream_id}/{self.wrong.version}"),)


@dataclass(frozen=True, kw_only=True)
class CorrectionApproved(Event):
    """A second person agrees. `put_right_by` is the event by which the state of things was put right, where there is one."""

    TOPIC = "correction.approved"
    put_right_by: Place | None
    proposed_by: str
    approved_by: str

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Release("correction"),)


@dataclass(frozen=True, kw_only=True)
class CorrectionPutRight(Event):
    """The state of things was put right after the approval."""

    TOPIC = "correction.put-right"
    put_right_by: Place


@dataclass(frozen=True, kw_only=True)
class CorrectionDeclined(Event):
    TOPIC = "correction.declined"

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Release("correction"),)


@dataclass(frozen=True, kw_only=True)
class CorrectionWithdrawn(Event):
    TOPIC = "correction.withdrawn"

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Release("correction"),)
