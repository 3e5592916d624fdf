"""Sends what the outbox holds: finds the recipient, asks once more whether it is still wanted, sends, records what became of it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

import structlog

from domain.aggregates.api_token import ApiToken
from domain.aggregates.email_delivery import EmailDelivery
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.application import Lifecycle
from domain.clock import Clock
from domain.commands.base import Command
from domain.commands.email_delivery import RecordBounced, RecordSent, RecordSkipped
from domain.correspondence import TOO_LATE, Mailbox, NoRecipient, recipient, unwanted
from domain.errors import NotFound
from domain.events.base import Metadata
from projections.emails import outbox
from projections.emails.compose import Letterhead, composed
from projections.emails.outbox import Written, email_work
from projections.follower import Database, TableFollowers
from projections.work import LEASE, give_back
from scheduler.smtp import Accepted, Bounced, ChannelStopped, Rejected, Retry, Sender, SmtpUrl, Verdict

BATCH = 100
BACKOFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4))
CHANNEL_PAUSE = timedelta(minutes=5)
OUTAGE = timedelta(hours=1)
LONGEST_SEND = LEASE / 3
SYSTEM = Metadata(actor="tenure", role="system")

log = structlog.get_logger()


@dataclass(frozen=True)
class _Ready:
    """A letter that is about to leave."""

    written: Written
    mailbox: Mailbox
    message: EmailMessage


class OutboxSender:
    """One batch a tick. Nothing leaves until the outbox has reached the head of the log as it was when the tick began."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        database: Database,
        tables: TableFollowers,
        smtp: SmtpUrl,
        letterhead: Letterhead,
        real_clock: Clock,
        owner: str,
        count: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._lifecycle = lifecycle
        self._database = database
        self._tables = tables
        self._smtp = smtp
        self._letterhead = letterhead
        self._real_clock = real_clock
        self._owner = owner
        self._count = count
        self.channel_stopped: str | None = None
        self._minute = real_clock.now()
        self._in_minute = 0

    def tick(self) -> int:
        """Returns how many letters were dealt with: sent, skipped, bounced, or put off."""
        head = self._lifecycle.log_reader.max_notification_id() or 0
        if self._tables.position() < head:
            return 0
        now = self._lifecycle.clock.now()
        with self._database.reading() as connection:
            waiting, oldest = outbox.depth(connection)
        if not waiting:
            return 0
        allowance = self._allowance(now, oldest)
        if not allowance:
            return 0
        with self._database.writing() as connection:
            claimed = outbox.claim_pending(connection, owner=self._owner, now=now, real_now=self._real_clock.now(), limit=allowance)
        self._in_minute += len(claimed)
        if claimed:
            asyncio.run(self._send_all(claimed, now))
        return len(claimed)

    def _allowance(self, now: datetime, oldest: datetime | None) -> int:
        """After an outage the mail that has piled up leaves slowly."""
        real_now = self._real_clock.now()
        if oldest is None or now - oldest <= OUTAGE:
            return BATCH
        if real_now - self._minute >= timedelta(minutes=1):
            self._minute, self._in_minute = real_now, 0
        return max(0, min(BATCH, self._lifecycle.rules.emails_per_minute_after_outage - self._in_minute))

    async def _send_all(self, claimed: list[Written], now: datetime) -> None:
        self.channel_stopped = None
        started = self._real_clock.now()
        async with Sender(self._smtp) as sender:
            for written in claimed:
                if self._real_clock.now() - started > LEASE / 2:
                    self._put_off(written, now, "others were slow")  # the lease must outlive the sending
                    continue
                if self.channel_stopped is not None:
                    self._put_off(written, now + CHANNEL_PAUSE, self.channel_stopped)
                    continue
                ready = self._prepare(written, now)
                if isinstance(ready, str):
                    self._skip(written, ready)
                    continue
                try:
                    async with asyncio.timeout(LONGEST_SEND.total_seconds()):
                        verdict = await sender.send(ready.message, self._letterhead.mail_from, ready.mailbox.address)
                except TimeoutError:
                    verdict = Retry("", "the mail server took too long")
                self._take(verdict, ready, now)

    def _prepare(self, written: Written, now: datetime) -> _Ready | str:
        """The letter as it is to leave, or why it is not to."""
        if written.not_after is not None and now >= written.not_after:
            return TOO_LATE
        state = self._lifecycle.present(written.stream_id).state
        if (why := unwanted(written.template, written.facts, state)) is not None:
            return why
        account = self._account(written)
        holder = self._holder(state)
        try:
            mailbox = recipient(written.audience, written.index, written.facts, account, holder)
        except NoRecipient as nobody:
            return str(nobody)
        message = composed(
            self._letterhead,
            id=written.id,
            template=written.template,
            facts=written.facts,
            stream_id=written.stream_id,
            account_id=written.account_id,
            account=account,
            mailbox=mailbox,
            date=now,
        )
        return _Ready(written, mailbox, message)

    def _account(self, written: Written) -> InstitutionalAccount | None:
        """The institution, without the mailboxes that have already refused this very letter."""
        if written.account_id is None:
            return None
        state = self._lifecycle.load(written.account_id).state
        assert isinstance(state, InstitutionalAccount)
        if written.attempts == 1:
            return state
        try:
            delivery = self._lifecycle.load(written.id).state
        except NotFound:
            return state
        assert isinstance(delivery, EmailDelivery)
        contacts = (replace(c, reachable=c.reachable and c.email not in delivery.bounced_at) for c in state.contacts)
        return replace(state, contacts=tuple(contacts))

    def _holder(self, state: Any) -> InstitutionalUserPlan | None:
        if isinstance(state, InstitutionalUserPlan):
            return state
        if isinstance(state, ApiToken) and state.owner_id != state.account_id:
            owner = self._lifecycle.load(state.owner_id).state
            return owner if isinstance(owner, InstitutionalUserPlan) else None
        return None

    def _take(self, verdict: Verdict, ready: _Ready, now: datetime) -> None:
        """Record what the server said. The lease on a letter that is done stays until the outbox has learned of it."""
        written, to = ready.written, ready.mailbox.address
        about = self._about(written)
        match verdict:
            case Accepted(answer=answer):
                subject, message_id = str(ready.message["Subject"]), str(ready.message["Message-ID"])
                self._record(RecordSent(**about, to=to, subject=subject, message_id=message_id, answer=answer))
                self._count("sent")
            case Bounced(code=code, answer=answer):
                self._record(RecordBounced(**about, to=to, hard=True, code=str(code), answer=answer))
                self._count("bounced")
                if written.audience.passes_on:
                    self._put_off(written, now, answer)
            case Rejected(code=code, answer=answer):
                self._record(RecordBounced(**about, to=to, hard=False, code=str(code), answer=answer))
                self._count("rejected")
                log.error("email_rejected", email=str(written.id), template=written.template, answer=answer)
            case ChannelStopped(answer=answer, why=why):
                self.channel_stopped = f"{why}: {answer}"
                log.error("smtp_channel_stopped", why=why, answer=answer)
                self._put_off(written, now + CHANNEL_PAUSE, self.channel_stopped)
            case Retry(answer=answer, why=why):
                self._count("retry")
                if now - written.since >= timedelta(days=self._lifecycle.rules.email_retry_days):
                    why = f"the mail server did not take it for {self._lifecycle.rules.email_retry_days} days"
                    self._skip(written, why, to=to, answer=answer)
                else:
                    self._put_off(written, now + BACKOFF[min(written.attempts, len(BACKOFF)) - 1], f"{why}: {answer}")

    def _skip(self, written: Written, why: str, *, to: str | None = None, answer: str | None = None) -> None:
        self._record(RecordSkipped(**self._about(written), why=why, to=to, answer=answer))
        self._count("skipped")

    @staticmethod
    def _about(written: Written) -> dict[str, Any]:
        return {
            "id": written.id,
            "account_id": written.account_id,
            "template": written.template,
            "role": written.audience.value,
            "caused_by": written.stream_id,
            "position": written.position,
        }

    def _record(self, command: Command) -> None:
        self._lifecycle.handle(command, metadata=SYSTEM)

    def _put_off(self, written: Written, until: datetime, answer: str) -> None:
        with self._database.writing() as connection:
            give_back(connection, email_work, written.id, self._owner, not_before=until, answer=answer)
