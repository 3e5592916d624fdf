"""What becomes of a correction of the record, in words."""

from collections.abc import Mapping

from domain.events import correction as events
from domain.events.base import Event
from projections.sentences.base import Words

WORDS: Mapping[type[Event], Words] = {
    events.CorrectionProposed: lambda event: f"proposed to correct {event.wrong.topic} at position {event.wrong.position}: {{right}}",
    events.CorrectionApproved: lambda event: (
        "approved the correction that {proposed_by} had proposed"
        + (f", put right at position {event.put_right_by.position}" if event.put_right_by else "")
    ),
    events.CorrectionPutRight: lambda event: f"noted that what was corrected is put right at position {event.put_right_by.position}",
    events.CorrectionDeclined: "declined the correction",
    events.CorrectionWithdrawn: "withdrew the correction",
}
