"""A person's own API plans at an institution: granted for a term of its subscription, and renewed only for those who ask."""

from dataclasses import dataclass
from uuid import UUID

from domain.aggregates import institutional_user_plan_entry as entry
from domain.aggregates import institutional_user_plan_leaving as leaving
from domain.aggregates import institutional_user_plan_terms as terms
from domain.aggregates.base import rungs
from domain.aggregates.institutional_user_plan_state import GRANTED, OUTSIDE, PENDING, Renewal, Status, UserPlanState
from domain.commands.base import Deadline
from domain.commands.institutional_user_plan import (
    AcceptInvitation,
    AdmitListed,
    ApproveUserPlan,
    ChangeAddress,
    CheckDomain,
    DeclineInvitation,
    EndAtRisk,
    EndUserPlan,
    EndUserPlanAsScheduled,
    ExpireUserPlan,
    FollowTerm,
    GrantWaitingRenewal,
    GrantWaitingRequest,
    InviteUser,
    LapseInvitation,
    LoseAddress,
    MarkAbsent,
    NoteUserQuota,
    ReconfirmUserPlan,
    RejectUserPlan,
    RemindOfUserPlan,
    RequestRenewal,
    RequestUserPlan,
    ResumeUserPlan,
    SuspendUserPlan,
    TakeUpRegistration,
    UndoListing,
    UserPlanCommand,
)
from domain.context import Context, UserPlanFacts
from domain.errors import Refused
from domain.events.base import Event
from domain.events.institutional_user_plan import UserPlanEnded, UserPlanRejected, UserPlanSuspended

__all__ = ["InstitutionalUserPlan", "Renewal", "Status"]


@dataclass(frozen=True)
class InstitutionalUserPlan(UserPlanState):
    def decide(self, command: UserPlanCommand, context: Context) -> tuple[Event, ...]:
        now = context.now
        match self.status, command:
            # being let in
            case Status.REQUESTED | Status.ACTIVE, RequestUserPlan(subscription_id=same) if same == self.subscription_id:
                return entry.ask_again(self, command, context)
            case status, RequestUserPlan() if status in OUTSIDE | {Status.REQUESTED, Status.INVITED, Status.ACTIVE}:
                return entry.request(self, command, context)
            case _, AdmitListed():
                return entry.admit_listed(self, command, context)
            case _, InviteUser():
                return entry.invite(self, command, context)
            case Status.INVITED, AcceptInvitation():
                return entry.accept(self, command, context)
            case Status.REQUESTED | Status.ACTIVE, AcceptInvitation():
                return ()
            case Status.INVITED, DeclineInvitation():
                return (UserPlanEnded(at=now, cause="declined"),)
            case Status.ENDED, DeclineInvitation() if self.ended_because == "declined":
                return ()
            case Status.INVITED, LapseInvitation():
                lapsed = self.invitation_ends_at is not None and now >= self.invitation_ends_at
                return (UserPlanEnded(at=now, cause="invitation-lapsed"),) if lapsed else ()
            case _, LapseInvitation():
                return ()
            case Status.REQUESTED | Status.AT_RISK, ApproveUserPlan():
                return (entry.approve(self, command, context),)
            case Status.ACTIVE, ApproveUserPlan():
                return ()
            case Status.REQUESTED, RejectUserPlan(why=why):
                return (UserPlanRejected(at=now, why=why),)
            case Status.REJECTED, RejectUserPlan():
                return ()
            case Status.REQUESTED, GrantWaitingRequest() if self.doubts == (PENDING,):
                return entry.let_in(self, context)
            case _, TakeUpRegistration():
                return entry.take_up(self, command, context)
            # until when
            case Status.ACTIVE, RequestRenewal():
                return terms.request_renewal(self, context)
            case status, GrantWaitingRenewal() if status in GRANTED:
                return terms.go_on(self, context)
            case status, FollowTerm() if status in GRANTED:
                return terms.follow(self, context)
            case status, ExpireUserPlan() if status in GRANTED:
                return terms.expire(self, context)
            case status, RemindOfUserPlan(days_left=days) if status in GRANTED:
                return terms.remind(self, days, context)
            case status, NoteUserQuota():
                return terms.note_quota(self, command, context) if status in GRANTED else ()
            # belonging no more
            case _, CheckDomain():
                return leaving.check_domain(self, context)
            case _, MarkAbsent(import_id=import_id):
                return leaving.mark_absent(self, import_id, context)
            case _, LoseAddress():
                return leaving.lose_address(self, context)
            case status, ChangeAddress() if status in GRANTED | {Status.REQUESTED, Status.INVITED}:
                return leaving.change_address(self, command, context)
            case Status.ACTIVE | Status.AT_RISK, ReconfirmUserPlan():
                return leaving.reconfirm(self, context)
            case _, EndAtRisk():
                return leaving.end_at_risk(self, context)
            case _, UndoListing():
                return leaving.undo_listing(self, command, context)
            case Status.ACTIVE | Status.AT_RISK, SuspendUserPlan(cause=cause):
                return (UserPlanSuspended(at=now, cause=cause),)
            case Status.SUSPENDED, ResumeUserPlan():
                return leaving.resume(self, context)
            case (Status.SUSPENDED, SuspendUserPlan()) | (Status.ACTIVE, ResumeUserPlan()) | (Status.ENDED, EndUserPlan()):
                return ()
            case status, EndUserPlan() if status is not Status.NEW:
                return leaving.end(self, command, context)
            case _, EndUserPlanAsScheduled():
                if self.ends_at is None or now < self.ends_at:
                    return ()
                return (UserPlanEnded(at=now, cause=self.end_cause),)
            case _, GrantWaitingRenewal() | GrantWaitingRequest() | FollowTerm() | ExpireUserPlan() | RemindOfUserPlan():
                return ()  # there is no plan that it would concern
        raise Refused("not-now", f"cannot {command.verb}: the user plan is {self.status.replace('_', ' ')}")

    def facts(self, stream: UUID) -> UserPlanFacts:
        return UserPlanFacts(id=stream, account_id=self.account_id, subscription_id=self.subscription_id, status=self.status)

    def deadlines(self, stream: UUID) -> tuple[Deadline, ...]:
        deadlines: list[Deadline] = []
        if self.ends_at is not None:
            deadlines.append(Deadline("end", self.ends_at, EndUserPlanAsScheduled(id=stream)))
        if self.status is Status.INVITED and self.invitation_ends_at is not None:
            deadlines.append(Deadline("lapse", self.invitation_ends_at, LapseInvitation(id=stream)))
        if self.risk is not None:
            deadlines.append(Deadline("risk", self.risk.until, EndAtRisk(id=stream)))
        if self.status in GRANTED:
            deadlines.extend(
                Deadline(f"remind-{days}", due, RemindOfUserPlan(id=stream, days_left=days))
                for days, due in rungs(self.reminders, self.until, self.until_set_at)
                if days not in self.reminded
            )
            deadlines.append(Deadline("expire", self.until, ExpireUserPlan(id=stream)))
        return tuple(deadlines)
