"""One email, and what became of it: what left is a fact, and leaves once."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from domain.aggregates.base import NO_ID
from domain.commands.base import Deadline
from domain.commands.email_delivery import EmailCommand, RecordBounced, RecordSent, RecordSkipped, ReportBounce
from domain.context import Context
from domain.errors import Refused
from domain.events.base import Event
from domain.events.email_delivery import EmailBounced, EmailSent, EmailSkipped


class Status(StrEnum):
    NEW = "new"
    SENT = "sent"
    BOUNCED = "bounced"  # when it was handed over: it never left, and may go to somebody else
    RETURNED = "returned"  # accepted, and reported as undeliverable later
    SKIPPED = "skipped"


@dataclass(frozen=True)
class EmailDelivery:
    status: Status = Status.NEW
    account_id: UUID | None = None
    template: str = ""
    role: str = ""
    to: str = ""
    subject: str = ""
    message_id: str = ""
    sent_at: datetime | None = None
    answer: str = ""
    hard: bool = False
    bounced_at: frozenset[str] = frozenset()
    """The addresses that refused it."""
    skipped_because: str | None = None
    caused_by: UUID = NO_ID
    position: int = 0

    def decide(self, command: EmailCommand, context: Context) -> tuple[Event, ...]:
        match self.status, command:
            case Status.NEW | Status.BOUNCED | Status.SKIPPED, RecordSent(to=to):
                # Skipped here and sent there at the same time: that it left is the truth.
                if to in self.bounced_at:
                    raise Refused("bounced-before", "this address refused the email; it can go to another one", field="to")
                return (_sent(command, context),)
            case Status.NEW | Status.BOUNCED, RecordBounced(to=to):
                return () if to in self.bounced_at else (_bounced(command, context),)
            case Status.NEW | Status.BOUNCED, RecordSkipped():
                return (_skipped(command, context),)
            case Status.SENT, ReportBounce():
                return (self._returned(command, context),)
            case Status.RETURNED, ReportBounce(hard=hard):
                return (self._returned(command, context),) if hard and not self.hard else ()
            case (
                (Status.SENT | Status.RETURNED, RecordSent() | RecordBounced() | RecordSkipped())
                | (Status.SKIPPED, RecordBounced() | RecordSkipped())
                | (Status.BOUNCED, ReportBounce())
            ):
                return ()
        raise Refused("not-now", f"cannot {command.verb}: the email is {self.status}")

    def _returned(self, command: ReportBounce, context: Context) -> EmailBounced:
        return EmailBounced(
            at=context.now,
            account_id=self.account_id,
            template=self.template,
            role=self.role,
            to=self.to,
            hard=command.hard,
            code=command.code,
            answer=command.answer,
            reported=True,
            caused_by=self.caused_by,
            position=self.position,
        )

    def deadlines(self, stream: UUID) -> tuple[Deadline, ...]:
        """None: when it is tried again is the outbox's business."""
        del stream
        return ()

    def evolve(self, event: Event) -> Self:
        match event:
            case EmailSent() | EmailBounced() | EmailSkipped():
                known = replace(
                    self,
                    account_id=event.account_id,
                    template=event.template,
                    role=event.role,
                    caused_by=event.caused_by,
                    position=event.position,
                )
            case _:
                return self
        match event:
            case EmailSent(to=to, answer=answer):
                return replace(
                    known,
                    status=Status.SENT,
                    to=to,
                    subject=event.subject,
                    message_id=event.message_id,
                    sent_at=event.at,
                    answer=answer,
                    hard=False,
                    skipped_because=None,
                )
            case EmailBounced(reported=True, hard=hard, answer=answer):
                return replace(known, status=Status.RETURNED, hard=hard, answer=answer)
            case EmailBounced(to=to, hard=hard, answer=answer):
                return replace(known, status=Status.BOUNCED, to=to, hard=hard, answer=answer, bounced_at=self.bounced_at | {to})
            case EmailSkipped(why=why):
                return replace(known, status=Status.SKIPPED, skipped_because=why)


def _sent(command: RecordSent, context: Context) -> EmailSent:
    return EmailSent(
        at=context.now,
        account_id=command.account_id,
        template=command.template,
        role=command.role,
        to=command.to,
        subject=command.subject,
        message_id=command.message_id,
        answer=command.answer,
        caused_by=command.caused_by,
        position=command.position,
    )


def _bounced(command: RecordBounced, context: Context) -> EmailBounced:
    return EmailBounced(
        at=context.now,
        account_id=command.account_id,
        template=command.template,
        role=command.role,
        to=command.to,
        hard=command.hard,
        code=command.code,
        answer=command.answer,
        reported=False,
        caused_by=command.caused_by,
        position=command.position,
    )


def _skipped(command: RecordSkipped, context: Context) -> EmailSkipped:
    return EmailSkipped(
        at=context.now,
        account_id=command.account_id,
        template=command.template,
        role=command.role,
        why=command.why,
        caused_by=command.caused_by,
        position=command.position,
        to=command.to,
        answer=command.answer,
    )
