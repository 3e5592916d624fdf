"""A correction of the record: stated by one, approved by another. What was recorded stays; what was wrong about it is told beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self, get_args, get_type_hints
from uuid import UUID

from domain.aggregates.base import NEVER, NO_ID
from domain.commands.base import Deadline
from domain.commands.correction import (
    ApproveCorrection,
    CorrectionCommand,
    DeclineCorrection,
    ProposeCorrection,
    WithdrawCorrection,
)
from domain.context import Context
from domain.errors import Forbidden, Invalid, Refused
from domain.events import EVENTS
from domain.events.base import Event, Personal
from domain.events.correction import (
    CorrectionApproved,
    CorrectionDeclined,
    CorrectionProposed,
    CorrectionPutRight,
    CorrectionWithdrawn,
    Place,
)
from domain.values import parse_text

MOST_FIELDS = 20
MOST_CHARACTERS = 500
NOWHERE = Place(stream_id=NO_ID, version=0, position=0, topic="")


class Status(StrEnum):
    NEW = "new"
    PROPOSED = "proposed"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Correction:
    status: Status = Status.NEW
    wrong: Place = NOWHERE
    right: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    put_right_by: Place | None = None
    proposed_by: str = ""
    proposed_at: datetime = NEVER
    approved_by: str | None = None
    decided_at: datetime | None = None

    @property
    def account_id(self) -> UUID | None:
        """It belongs to the institution of the event that it corrects."""
        return self.wrong.account_id

    def decide(self, command: CorrectionCommand, context: Context) -> tuple[Event, ...]:
        now = context.now
        match self.status, command:
            case Status.NEW, ProposeCorrection():
                return (_proposed(command, context),)
            case Status.PROPOSED, ApproveCorrection(put_right_by=by):
                _admin_only(context)
                if self.proposed_by == context.actor:
                    raise Refused("four-eyes", "a correction is approved by somebody other than the one who proposed it")
                by = _checked(by, self.wrong) or self.put_right_by
                return (CorrectionApproved(at=now, put_right_by=by, proposed_by=self.proposed_by, approved_by=context.actor),)
            case Status.APPROVED, ApproveCorrection(put_right_by=by):
                _admin_only(context)
                if by is None or by == self.put_right_by:
                    return ()
                if self.put_right_by is None:
                    return (CorrectionPutRight(at=now, put_right_by=_checked(by, self.wrong) or by),)
                sentence = f"the event at position {self.put_right_by.position} put it right already"
                raise Refused("put-right-already", sentence, field="put_right_by")
            case Status.PROPOSED, DeclineCorrection():
                _admin_only(context)
                return (CorrectionDeclined(at=now),)
            case Status.PROPOSED, WithdrawCorrection():
                if context.role != "admin" and self.proposed_by != context.actor:
                    raise Forbidden("not-the-proposers", "a correction is withdrawn by the one who proposed it, or by an admin")
                return (CorrectionWithdrawn(at=now),)
            case (Status.DECLINED, DeclineCorrection()) | (Status.WITHDRAWN, WithdrawCorrection()):
                return ()
        raise Refused("not-now", f"cannot {command.verb}: it is {self.status}")

    def deadlines(self, stream: UUID) -> tuple[Deadline, ...]:  # noqa: ARG002 - what every aggregate is asked
        return ()

    def evolve(self, event: Event) -> Self:
        match event:
            case CorrectionProposed():
                return replace(
                    self,
                    status=Status.PROPOSED,
                    wrong=event.wrong,
                    right=event.right,
                    fields=event.fields,
                    put_right_by=event.put_right_by,
                    proposed_by=event.proposed_by,
                    proposed_at=event.at,
                )
            case CorrectionApproved(put_right_by=by, approved_by=approver, at=at):
                return replace(self, status=Status.APPROVED, put_right_by=by, approved_by=approver, decided_at=at)
            case CorrectionPutRight(put_right_by=by):
                return replace(self, put_right_by=by)
            case CorrectionDeclined(at=at):
                return replace(self, status=Status.DECLINED, decided_at=at)
            case CorrectionWithdrawn(at=at):
                return replace(self, status=Status.WITHDRAWN, decided_at=at)
        return self


def _proposed(command: ProposeCorrection, context: Context) -> CorrectionProposed:
    if context.role not in {"support", "admin"}:
        raise Forbidden("role-not-allowed", "support or an admin proposes a correction")
    if len(command.fields) > MOST_FIELDS:
        raise Invalid("too-many-fields", f"a correction names at most {MOST_FIELDS} fields; this one {len(command.fields)}", field="fields")
    _check_names(command.wrong.topic, command.fields)
    return CorrectionProposed(
        at=context.now,
        wrong=command.wrong,
        right=parse_text(command.right, field="right", max_length=MOST_CHARACTERS),
        fields={name: parse_text(value, field=f"fields.{name}") for name, value in sorted(command.fields.items())},
        put_right_by=_checked(command.put_right_by, command.wrong),
        proposed_by=context.actor,
    )


def _check_names(topic: str, given: Mapping[str, str]) -> None:
    kind = next((each for each in EVENTS if each.TOPIC == topic), None)
    hints = get_type_hints(kind, include_extras=True) if kind else {}
    known = sorted(each.name for each in fields(kind)) if kind else []
    for name in given:
        if name not in known:
            raise Invalid("unknown-field", f"{topic} has no field {name[:50]!r}; it has {', '.join(known)}", field="fields")
        if _is_personal(hints[name]):
            sentence = f"{name} is personal, and a correction is kept for ever: say in words what is wrong with it, without naming anybody"
            raise Invalid("personal-field", sentence, field=f"fields.{name}")


def _is_personal(hint: Any) -> bool:
    if any(isinstance(each, Personal) for each in getattr(hint, "__metadata__", ())):
        return True
    inner = get_type_hints(hint, include_extras=True).values() if hasattr(hint, "__dataclass_fields__") else ()
    return any(_is_personal(each) for each in (*get_args(hint), *inner))


def _checked(by: Place | None, wrong: Place) -> Place | None:
    """What put it right came later, and concerns the same institution."""
    if by is None:
        return None
    if by.position <= wrong.position:
        sentence = f"position {by.position} is not after what was recorded wrongly, at {wrong.position}: it cannot have put that right"
        raise Refused("before-what-was-wrong", sentence, field="put_right_by")
    if by.account_id != wrong.account_id:
        raise Refused("another-institution", f"the event at position {by.position} concerns another institution", field="put_right_by")
    return by


def _admin_only(context: Context) -> None:
    if context.role != "admin":
        raise Forbidden("admin-only", "only an admin decides on a correction")
