"""A list of people that an institution hands in: settled row by row, in order, each row once; and taken back as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from domain.admission import no_subscription, open_account
from domain.aggregates.base import NEVER, NO_ID
from domain.calendar import later_by_days
from domain.commands.base import Deadline
from domain.commands.user_import import (
    CompleteUserImport,
    ConfirmAbsences,
    SettleRows,
    SubmitUserImport,
    UndoUserImport,
    UserImportCommand,
)
from domain.context import Context
from domain.errors import Refused
from domain.events.base import Event
from domain.events.user_import import (
    Mode,
    UserImportAbsencesConfirmed,
    UserImportCompleted,
    UserImportRowsSettled,
    UserImportSubmitted,
    UserImportUndone,
)


class Status(StrEnum):
    NEW = "new"
    RUNNING = "running"
    COMPLETED = "completed"
    UNDONE = "undone"


@dataclass(frozen=True)
class UserImport:
    status: Status = Status.NEW
    account_id: UUID = NO_ID
    subscription_id: UUID = NO_ID
    mode: Mode = Mode.ADD
    dry_run: bool = False
    rows: int = 0
    digest: str = ""
    same_as: UUID | None = None
    submitted_at: datetime = NEVER
    undo_days: int = 0
    settled: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    completed_at: datetime | None = None
    undo_until: datetime | None = None
    absent: int | None = None
    absences_confirmed: bool = False

    def decide(self, command: UserImportCommand, context: Context) -> tuple[Event, ...]:
        now = context.now
        match self.status, command:
            case Status.NEW, SubmitUserImport():
                return self._submit(command, context)
            case Status.RUNNING, SettleRows(rows=rows):
                end = self.settled + len(rows)
                if not rows or end > self.rows or [row.row for row in rows] != list(range(self.settled + 1, end + 1)):
                    raise Refused("rows-out-of-order", f"{self.settled} of {self.rows} rows are settled; the next are to follow in order")
                return (UserImportRowsSettled(at=now, rows=rows),)
            case Status.RUNNING, CompleteUserImport(absent=absent) if self.settled == self.rows:
                zone = (context.account.time_zone if context.account else None) or "UTC"
                until = later_by_days(now, self.undo_days, zone)
                return (UserImportCompleted(at=now, outcomes=self.outcomes, absent=absent, undo_until=until),)
            case Status.COMPLETED, CompleteUserImport():
                return ()
            case Status.COMPLETED, ConfirmAbsences(absent=absent):
                return self._confirm_absences(absent, now)
            case Status.RUNNING | Status.COMPLETED, UndoUserImport() if not self.dry_run:
                if self.undo_until is not None and now >= self.undo_until:
                    raise Refused(
                        "too-late", f"an import can be undone for {self.undo_days} days, this one until {self.undo_until:%Y-%m-%d}"
                    )
                return (UserImportUndone(at=now),)
            case Status.UNDONE, UndoUserImport():
                return ()
        what = "a dry run, which has done nothing" if self.dry_run else self.status
        raise Refused("not-now", f"cannot {command.verb}: the import is {what}")

    def _submit(self, command: SubmitUserImport, context: Context) -> tuple[Event, ...]:
        open_account(context)
        subscription = context.subscription
        if subscription is None or not (subscription.gives_access or subscription.status == "pending"):
            raise no_subscription(subscription)
        return (
            UserImportSubmitted(
                at=context.now,
                account_id=command.account_id,
                subscription_id=command.subscription_id,
                mode=command.mode,
                dry_run=command.dry_run,
                rows=command.rows,
                digest=command.digest,
                same_as=command.same_as,
                undo_days=context.rules.import_undo_days,
            ),
        )

    def _confirm_absences(self, absent: int, now: datetime) -> tuple[Event, ...]:
        if self.mode is not Mode.RECONCILE or self.dry_run:
            raise Refused("not-reconciled", "only a list that was handed in as complete (mode=reconcile), for real, tells who is absent")
        if self.absences_confirmed:
            return ()
        if absent != self.absent:
            raise Refused("absences-differ", f"{self.absent} plans are not on the list; confirm that number", field="absent")
        return (UserImportAbsencesConfirmed(at=now, absent=absent),)

    def deadlines(self, stream: UUID) -> tuple[Deadline, ...]:  # noqa: ARG002 - what every aggregate is asked
        return ()

    def evolve(self, event: Event) -> Self:
        match event:
            case UserImportSubmitted():
                return replace(
                    self,
                    status=Status.RUNNING,
                    account_id=event.account_id,
                    subscription_id=event.subscription_id,
                    mode=event.mode,
                    dry_run=event.dry_run,
                    rows=event.rows,
                    digest=event.digest,
                    same_as=event.same_as,
                    submitted_at=event.at,
                    undo_days=event.undo_days,
                )
            case UserImportRowsSettled(rows=rows):
                outcomes = dict(self.outcomes)
                for row in rows:
                    outcomes[row.outcome.value] = outcomes.get(row.outcome.value, 0) + 1
                return replace(self, settled=self.settled + len(rows), outcomes=outcomes)
            case UserImportCompleted(absent=absent, undo_until=until):
                return replace(self, status=Status.COMPLETED, completed_at=event.at, undo_until=until, absent=absent)
            case UserImportAbsencesConfirmed():
                return replace(self, absences_confirmed=True)
            case UserImportUndone():
                return replace(self, status=Status.UNDONE)
        return self
