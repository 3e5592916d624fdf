"""Every event reads as a sentence, and none says what is not to be said."""

import re
from dataclasses import fields, replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.events import EVENTS
from domain.events.base import Event, Metadata, Recorded
from domain.events.itk_subscription import SubscriptionActivated, SubscriptionRenewed
from projections.sentences import WORDS, done, sentence
from tests.eventstore.samples import sample

SECRET = ("digest", "pepper", "person_key", "message_id", "md5", "image_id")
SUPPORT = Metadata(actor="support-north", role="support", reason="invoice paid")


def recorded(event: Event, metadata: Metadata = SUPPORT) -> Recorded:
    return Recorded(position=1, stream_id=UUID(int=1), version=1, account_id=None, recorded_at=event.at, metadata=metadata, event=event)


def test_no_event_is_without_words() -> None:
    assert set(WORDS) == set(EVENTS)


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.TOPIC)
def test_a_sentence_is_one_and_tells_no_secret(kind: type[Event]) -> None:
    event = sample(kind)
    told = done(event)
    assert re.fullmatch(r"[a-z][^\n]+", told), told
    assert not re.search(r"[{}]|object at|UUID\(|datetime|None|\['", told), told
    for field in fields(event):
        if field.name in SECRET:
            assert not re.search(rf"{re.escape(str(getattr(event, field.name)))}\b", told.replace("text 1", "")), told


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.TOPIC)
def test_what_may_be_missing_is_not_spoken_of(kind: type[Event]) -> None:
    event = sample(kind)
    optional = {field.name: None for field in fields(event) if "None" in str(field.type) or "Optional" in str(field.type)}
    assert not re.search(r"[{}]|None", done(replace(event, **optional)))


def test_who_and_why() -> None:
    at = datetime(2027, 2, 1, tzinfo=UTC)
    renewed = SubscriptionRenewed(at=at, number=2, starts_at=at, ends_at=datetime(2028, 3, 1, tzinfo=UTC), months=12, reference=None)
    assert sentence(recorded(renewed)) == "support-north renewed the subscription to 2028-03-01: invoice paid"
    assert sentence(recorded(renewed, Metadata(actor="x", role="system"))) == "tenure renewed the subscription to 2028-03-01"


def test_days_are_local_where_the_event_has_its_zone() -> None:
    begun = datetime(2027, 1, 31, 23, tzinfo=UTC)
    event = replace(sample(SubscriptionActivated), time_zone="Europe/Berlin", starts_on=begun.date(), ends_at=begun)
    assert done(event).endswith("to 2027-02-01")
    assert done(replace(event, time_zone="UTC")).endswith("to 2027-01-31")
