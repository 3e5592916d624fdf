"""What can be asked of a correction. Whoever asks has looked up the events that it names: what is recorded in a place never changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.commands.base import Command
from domain.events.correction import Place


class CorrectionCommand(Command):
    pass


@dataclass(frozen=True, kw_only=True)
class ProposeCorrection(CorrectionCommand):
    wrong: Place
    right: str
    fields: Mapping[str, str] = field(default_factory=dict)
    put_right_by: Place | None = None


@dataclass(frozen=True, kw_only=True)
class ApproveCorrection(CorrectionCommand):
    put_right_by: Place | None = None


@dataclass(frozen=True, kw_only=True)
class DeclineCorrection(CorrectionCommand):
    pass


@dataclass(frozen=True, kw_only=True)
class WithdrawCorrection(CorrectionCommand):
    pass
