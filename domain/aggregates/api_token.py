"""A token: issued, shown once, good for one calendar year."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self
from uuid import UUID

from domain.aggregates.base import NEVER, NO_ID, next_rung_due, rungs
from domain.calendar import one_year_after
from domain.commands.api_token import ExpireToken, IssueToken, RemindOfToken, ReportLeak, RevokeToken, RotateToken, TokenCommand
from domain.commands.base import Deadline
from domain.context import Context
from domain.errors import Refused
from domain.events.api_token import (
    TokenExpired,
    TokenExpiring,
    TokenIssued,
    TokenLeaked,
    TokenReminderSkipped,
    TokenRevoked,
    TokenRotated,
)
from domain.events.base import Event


class Status(StrEnum):
    NEW = "new"
    ACTIVE = "active"
    ROTATING = "rotating"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True)
class ApiToken:
    status: Status = Status.NEW
    account_id: UUID = NO_ID
    owner_id: UUID = NO_ID
    label: str = ""
    digest: str = ""
    pepper: int = 0
    prefix: str = ""
    last_four: str = ""
    issued_at: datetime = NEVER
    expires_at: datetime = NEVER
    end_set_at: datetime = NEVER
    slot: int = 0
    reminders: tuple[int, ...] = ()
    reminded: frozenset[int] = frozenset()
    replaced_by: UUID | None = None
    revoked_because: str | None = None
    leaked: bool = False

    def decide(self, command: TokenCommand, context: Context) -> tuple[Event, ...]:
        now = context.now
        match self.status, command:
            case Status.NEW, IssueToken():
                return (self._issue(command, context),)
            case Status.ACTIVE, RotateToken(overlap_days=days, replaced_by=other):
                if not 0 <= days <= context.rules.max_overlap_days:
                    raise Refused(
                        "overlap-too-long",
                        f"the old token can go on for 0 to {context.rules.max_overlap_days} days, not {days}",
                        field="overlap_days",
                    )
                return (TokenRotated(at=now, replaced_by=other, expires_at=min(self.expires_at, now + timedelta(days=days))),)
            case Status.ROTATING, RotateToken(replaced_by=other) if other == self.replaced_by:
                return ()
            case Status.ACTIVE | Status.ROTATING, ReportLeak(where=where):
                return (TokenLeaked(at=now, where=where), TokenRevoked(at=now, cause="leaked"))
            case Status.EXPIRED | Status.REVOKED, ReportLeak(where=where):
                return () if self.leaked else (TokenLeaked(at=now, where=where),)
            case Status.ACTIVE | Status.ROTATING, RevokeToken(cause=cause):
                return (TokenRevoked(at=now, cause=cause),)
            case Status.ACTIVE | Status.ROTATING, ExpireToken():
                return (TokenExpired(at=now),) if now >= self.expires_at else ()
            case Status.ACTIVE, RemindOfToken(days_left=days):
                return self._remind(days, context)
            case (Status.EXPIRED | Status.REVOKED, ExpireToken() | RevokeToken()) | (_, RemindOfToken()):
                return ()  # asked twice, done once
        raise Refused("not-now", f"cannot {command.verb}: the token is {self.status}")

    def _issue(self, command: IssueToken, context: Context) -> TokenIssued:
        rules = context.rules
        free = [slot for slot in range(1, rules.max_live_tokens + 1) if slot not in context.taken_slots]
        if not free:
            raise Refused("too-many-tokens", f"the owner has {rules.max_live_tokens} live tokens; revoke one first")
        account, subscription, plan = context.account, context.subscription, context.user_plan
        if account is None or account.status != "active":
            raise Refused("account-not-active", f"the owner's account is {account.status if account else 'unknown'}, not active")
        if command.owner_id == command.account_id:
            if subscription is None or subscription.status not in {"active", "grace"}:
                standing = subscription.status if subscription else "missing"
                raise Refused("no-subscription", f"the account's subscription is {standing}; a token needs one in force or in grace")
        elif plan is None or plan.status != "active":
            raise Refused("plan-not-active", f"the user plan is {plan.status if plan else 'unknown'}, not active")
        elif subscription is not None and subscription.status == "ended":  # the plan's own end may still be on its way
            raise Refused("plan-not-active", "the subscription that the user plan belongs to has ended")
        return TokenIssued(
            at=context.now,
            account_id=command.account_id,
            owner_id=command.owner_id,
            label=command.label,
            digest=command.digest,
            pepper=command.pepper,
            prefix=command.prefix,
            last_four=command.last_four,
            expires_at=one_year_after(context.now),
            slot=free[0],
            reminders=rules.token_reminders,
            replaces=command.replaces,
        )

    def _remind(self, days: int, context: Context) -> tuple[Event, ...]:
        if days in self.reminded or days not in self.reminders:
            return ()
        if context.observed_at >= self.expires_at:
            return (TokenReminderSkipped(at=context.now, days_left=days, expires_at=self.expires_at, why="it had ended by then"),)
        if later := next_rung_due(self.reminders, days, self.expires_at, context.observed_at):
            why = f"the reminder {later} days before was due too"
            return (TokenReminderSkipped(at=context.now, days_left=days, expires_at=self.expires_at, why=why),)
        return (TokenExpiring(at=context.now, days_left=days, expires_at=self.expires_at),)

    def deadlines(self, stream: UUID) -> tuple[Deadline, ...]:
        if self.status not in {Status.ACTIVE, Status.ROTATING}:
            return ()
        end = Deadline("expire", self.expires_at, ExpireToken(id=stream))
        if self.status is Status.ROTATING:
            return (end,)
        reminders = (
            Deadline(f"remind-{days}", due, RemindOfToken(id=stream, days_left=days))
            for days, due in rungs(self.reminders, self.expires_at, self.end_set_at)
            if days not in self.reminded
        )
        return (*reminders, end)

    def evolve(self, event: Event) -> Self:
        match event:
            case TokenIssued():
                return replace(
                    self,
                    status=Status.ACTIVE,
                    account_id=event.account_id,
                    owner_id=event.owner_id,
                    label=event.label,
                    digest=event.digest,
                    pepper=event.pepper,
                    prefix=event.prefix,
                    last_four=event.last_four,
                    issued_at=event.at,
                    expires_at=event.expires_at,
                    end_set_at=event.at,
                    slot=event.slot,
                    reminders=event.reminders,
                )
            case TokenRotated(expires_at=end, replaced_by=other):
                return replace(self, status=Status.ROTATING, expires_at=end, replaced_by=other)
            case TokenExpiring(days_left=days) | TokenReminderSkipped(days_left=days):
                return replace(self, reminded=self.reminded | {days})
            case TokenLeaked():
                return replace(self, leaked=True)
            case TokenExpired():
                return replace(self, status=Status.EXPIRED)
            case TokenRevoked(cause=cause):
                return replace(self, status=Status.REVOKED, revoked_because=cause)
        return self
