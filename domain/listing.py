"""What a row of a list asks for, and what became of it."""

from dataclasses import dataclass
from uuid import UUID

from domain.aggregates.institutional_user_plan import InstitutionalUserPlan, Status
from domain.aggregates.institutional_user_plan_state import NOT_REGISTERED
from domain.attempt import Judged
from domain.events.institutional_user_plan import UserPlanActivated, UserPlanRenewed
from domain.events.user_import import RowOutcome, SettledRow

_REFUSALS = {"left-earlier": RowOutcome.LEFT_EARLIER, "wrong-domain": RowOutcome.WRONG_DOMAIN}


@dataclass(frozen=True, kw_only=True)
class JudgedRow:
    """`known`: the person had a user plan, of whatever state, before this row."""

    row: int
    judged: Judged
    known: bool
    dry_run: bool = False


def settled(row: JudgedRow) -> SettledRow:
    """The outcome of a row that was put before the person's user plan."""
    outcome, why = _outcome(row.judged)
    has_plan = row.known or (row.judged.refusal is None and not row.dry_run)
    return SettledRow(row=row.row, outcome=outcome, plan_id=row.judged.command.id if has_plan else None, why=why)


def _outcome(judged: Judged) -> tuple[RowOutcome, str | None]:
    plan = judged.stream.state
    assert isinstance(plan, InstitutionalUserPlan)
    if judged.refusal is not None:
        known = _REFUSALS.get(judged.refusal.slug)
        return (known, None) if known else (RowOutcome.REFUSED, judged.refusal.slug)
    if any(isinstance(event, UserPlanActivated) for event in judged.events):
        return RowOutcome.ACTIVATED, None
    if any(isinstance(event, UserPlanRenewed) for event in judged.events):
        return RowOutcome.RENEWED, None
    if plan.status is not Status.REQUESTED:
        return RowOutcome.ALREADY_ACTIVE, None
    return (RowOutcome.NOT_REGISTERED, None) if plan.doubts == (NOT_REGISTERED,) else (RowOutcome.WAITING, plan.doubts[0])


def duplicate(row: int, same_as: int | None, plan_id: UUID | None = None) -> SettledRow:
    return SettledRow(row=row, outcome=RowOutcome.DUPLICATE, same_as=same_as, plan_id=plan_id)


def invalid(row: int, why: str, plan_id: UUID | None = None) -> SettledRow:
    return SettledRow(row=row, outcome=RowOutcome.INVALID, plan_id=plan_id, why=why)
