"""An institution's subscription: a run of terms, beside which a hold and an intention to end stand on their own."""

from dataclasses import dataclass
from uuid import UUID

from domain.aggregates import itk_subscription_corrections as corrections
from domain.aggregates import itk_subscription_deadlines as waiting
from domain.aggregates import itk_subscription_holds as holds
from domain.aggregates import itk_subscription_plans as plans
from domain.aggregates import itk_subscription_statements as statements
from domain.aggregates import itk_subscription_terms as terms
from domain.aggregates import itk_subscription_usage as usage
from domain.aggregates.itk_subscription_parts import Hold, Intent, Status, TermState
from domain.aggregates.itk_subscription_state import SubscriptionState
from domain.commands.base import Deadline
from domain.commands.itk_subscription import (
    ActivateSubscription,
    AdjustUsagePeriod,
    AnnounceRenewal,
    ApplyPlanChange,
    ApproveTermCorrection,
    CancelSubscription,
    ChangePlans,
    CloseUsagePeriod,
    DeclineTermCorrection,
    EndGrace,
    EndLapse,
    EndTerm,
    ExtendSubscription,
    GrantEntitlement,
    IssueBulkDataLink,
    MakeUsageStatement,
    NoteQuota,
    OpenSubscription,
    ProposeTermCorrection,
    ReinstateSubscription,
    RemindOfBulkDataLink,
    RemindOfEnd,
    RenewSubscription,
    ResumeSubscription,
    SubscriptionCommand,
    SuspendSubscription,
    UndoCancellation,
    UndoPlanChange,
    WithdrawEntitlement,
    WithdrawRenewal,
)
from domain.context import Context, SubscriptionFacts, TermFacts
from domain.errors import Refused
from domain.events.base import Event
from domain.events.itk_subscription import Term

__all__ = ["Hold", "ITKSubscription", "Intent", "Status", "TermState"]


@dataclass(frozen=True)
class ITKSubscription(SubscriptionState):
    def decide(self, command: SubscriptionCommand, context: Context) -> tuple[Event, ...]:
        match self.term, command:
            case TermState.NEW, OpenSubscription():
                return terms.open_subscription(command, context)
            case TermState.NEW, _:
                pass
            case TermState.PENDING, ActivateSubscription():
                return terms.activate(self, command, context)
            case TermState.IN_FORCE, ActivateSubscription(starts_on=day) if day in {None, self.starts_on}:
                return ()
            case TermState.IN_FORCE | TermState.GRACE, RenewSubscription():
                return terms.renew(self, command, context)
            case TermState.IN_FORCE, WithdrawRenewal():
                return terms.withdraw_renewal(self, context)
            case TermState.IN_FORCE | TermState.GRACE, AnnounceRenewal():
                return terms.announce_renewal(self, command, context)
            case TermState.LAPSED, ReinstateSubscription():
                return terms.reinstate(self, command, context)
            case TermState.IN_FORCE | TermState.GRACE, ExtendSubscription():
                return terms.extend(self, command, context)
            case TermState.IN_FORCE | TermState.GRACE, SuspendSubscription():
                return holds.suspend(self, command, context)
            case TermState.IN_FORCE | TermState.GRACE, ResumeSubscription():
                return holds.resume(self, context.now)
            case TermState.PENDING | TermState.IN_FORCE | TermState.GRACE, CancelSubscription():
                return holds.cancel(self, command, context)
            case TermState.ENDED, CancelSubscription() if self.ended_because == "cancelled":
                return ()
            case TermState.IN_FORCE, UndoCancellation():
                return holds.undo_cancellation(self, context)
            case _, ProposeTermCorrection():
                return corrections.propose(self, command, context)
            case _, ApproveTermCorrection():
                return corrections.approve(self, context)
            case _, DeclineTermCorrection():
                return corrections.decline(self, context)
            case TermState.IN_FORCE | TermState.GRACE, ChangePlans():
                return plans.change_plans(self, command, context)
            case TermState.IN_FORCE | TermState.GRACE, UndoPlanChange():
                return plans.undo_plan_change(self, context)
            case TermState.IN_FORCE | TermState.GRACE, GrantEntitlement():
                return plans.grant_entitlement(self, command, context)
            case TermState.IN_FORCE | TermState.GRACE, WithdrawEntitlement():
                return plans.withdraw_entitlement(self, command, context)
            case TermState.IN_FORCE | TermState.GRACE, IssueBulkDataLink():
                return plans.issue_bulk_data_link(self, command, context)
            case _, CloseUsagePeriod():
                return usage.close_usage_period(self, command, context)
            case _, AdjustUsagePeriod():
                return usage.adjust_usage_period(self, command, context)
            case _, MakeUsageStatement():
                return statements.make_statement(self, command, context)
            case TermState.IN_FORCE | TermState.GRACE, NoteQuota():
                return usage.note_quota(self, command, context)
            case _, NoteQuota():
                return ()
            case _, ApplyPlanChange():
                return plans.apply_plan_change(self, context)
            case _, RemindOfEnd(days_left=days):
                return waiting.remind_of_end(self, days, context)
            case _, RemindOfBulkDataLink():
                return waiting.remind_of_link(self, command, context)
            case _, EndTerm() | EndGrace() | EndLapse():
                return terms.run_out(self, command, context)
        raise Refused("not-now", f"cannot {command.verb}: the subscription is {self.status}")

    def deadlines(self, stream: UUID) -> tuple[Deadline, ...]:
        return tuple(waiting.deadlines(self, stream))

    def facts(self, stream: UUID) -> SubscriptionFacts:
        return SubscriptionFacts(
            id=stream,
            account_id=self.account_id,
            status=self.status,
            gives_access=self.gives_access,
            term=_facts(self.current_term) if self.current_term else None,
            terms=tuple(map(_facts, self.terms)),
            grace_days=self.grace_days,
            time_zone=self.zone,
            ended_because=self.ended_because,
            entitlements=tuple((held.name, held.until) for held in self.entitlements),
        )


def _facts(term: Term) -> TermFacts:
    return TermFacts(number=term.number, starts_at=term.starts_at, ends_at=term.ends_at)
