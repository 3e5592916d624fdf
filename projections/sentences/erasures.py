"""How somebody comes to be forgotten, in words."""

from collections.abc import Mapping

from domain.events import people as events
from domain.events.base import Event
from projections.sentences.base import Words, count

WORDS: Mapping[type[Event], Words] = {
    events.ErasureRequested: "asked that a person be forgotten by {due_at} ({ground})",
    events.ErasureConfirmed: lambda event: "agreed that the person be forgotten" + (", by the rule {rule}" if event.rule else ""),
    events.ErasureWaits: lambda event: (
        f"waits until the person's place is taken at {count(len(event.accounts), 'institution')}" if event.accounts else "waits no longer"
    ),
    events.ErasureFellDue: "noted that the time to forget the person is over",
    events.ErasureWithdrawn: "took back that the person be forgotten ({cause})",
    events.ErasureRefused: "refused that the person be forgotten ({cause})",
    events.ContactReplacementAsked: "asked for somebody to take a contact's place until {until}",
}
