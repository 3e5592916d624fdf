"""What is coming for an institution as a calendar (RFC 5545): its terms, its tokens and the letters that it gets."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from icalendar import Calendar, Event

NAMESPACE = UUID("6f4f9d2e-0d5d-4c0a-9c44-1d0a6d7c8b21")
REFRESH = timedelta(hours=12)

SAID = {
    "subscription.activated": "The subscription begins",
    "subscription.term-rolled-over": "A new term begins",
    "subscription.grace-started": "The term has ended: grace begins",
    "subscription.lapsed": "The subscription lapses",
    "subscription.ended": "The subscription ends for good",
    "subscription.resumed": "Access comes back",
    "token.expired": "A token of the API expires",
}
"""What of the events to come stands in a calendar; no event of a person."""
INSTITUTION = frozenset({"administrator", "billing", "security"})


def text(institution: str | None, told: Mapping[str, Any]) -> bytes:
    """Of an answer of `futures.foresee`. What has been asked for twice is the same twice, but for the stamp."""
    calendar = Calendar()
    calendar.add("prodid", "-//tenure//calendar//EN")
    calendar.add("version", "2.0")
    calendar.add("name", f"Subscription of {institution or 'the institution'}")
    calendar.add("x-wr-calname", f"Subscription of {institution or 'the institution'}")
    calendar.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    for at, what, key in _entries(told):
        entry = Event()
        entry.add("uid", f"{uuid5(NAMESPACE, key)}")
        entry.add("dtstamp", told["now"])
        entry.add("dtstart", at)
        entry.add("summary", what)
        entry.add("transp", "TRANSPARENT")
        calendar.add_component(entry)
    content: bytes = calendar.to_ical()
    return content


def _entries(told: Mapping[str, Any]) -> Iterator[tuple[datetime, str, str]]:
    for event in told["events"]:
        if (said := SAID.get(event["topic"])) is not None:
            yield event["at"], said, f"{event['stream_id']}/{event['topic']}/{event['at'].isoformat()}"
    for email in told["emails"]:
        if email["audience"] in INSTITUTION:
            key = f"{email['stream_id']}/{email['template']}/{email['audience']}/{email['at'].isoformat()}"
            yield email["at"], f"Letter: {email['subject']}", key
