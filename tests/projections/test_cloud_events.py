"""What other systems are told of each kind of event there is."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.events import EVENTS
from domain.events.base import Metadata, Recorded
from domain.events.email_delivery import EmailSent, EmailSkipped
from domain.events.institutional_account import AccountNominated, ContactAdded
from domain.events.institutional_user_plan import UserPlanRequested
from domain.events.itk_subscription import EntitlementGranted
from projections.cloud_events import cloud_event, event_id
from tests.eventstore.samples import sample

STREAM, ACCOUNT, CAUSE = UUID(int=7), UUID(int=8), UUID(int=9)
AT = datetime(2027, 3, 1, 12, 30, tzinfo=UTC)


def recorded(event):
    metadata = Metadata(actor="Ann Archivist", role="support", reason="other: she asked", correlation_id=CAUSE)
    return Recorded(position=42, stream_id=STREAM, version=3, account_id=ACCOUNT, recorded_at=AT, metadata=metadata, event=event)


def told(event, *, personal=False):
    return cloud_event(recorded(event), "https://tenure.example.edu", personal=personal)


def test_the_envelope():
    event = replace(sample(ContactAdded), at=AT)
    envelope = told(event)
    del envelope["data"]
    assert envelope == {
        "specversion": "1.0",
        "id": f"{STREAM}-3",
        "source": "https://tenure.example.edu",
        "type": "account.contact-added",
        "subject": str(STREAM),
        "time": "2027-03-01T12:30:00.000000Z",
        "recordedtime": "2027-03-01T12:30:00.000000Z",
        "datacontenttype": "application/json",
        "dataversion": 1,
        "sequence": "0000000000000000042",
        "streamversion": 3,
        "accountid": str(ACCOUNT),
        "correlationid": str(CAUSE),
    }
    assert all(name.isalnum() and name.islower() and len(name) <= 20 for name in envelope)
    assert event_id(recorded(event)) == envelope["id"]


@pytest.mark.parametrize("personal", [True, False])
@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.TOPIC)
def test_no_event_tells_a_secret_or_who_asked(kind, personal):
    envelope = told(sample(kind), personal=personal)
    assert "Ann" not in str(envelope)
    assert "she asked" not in str(envelope)
    assert not {"digest", "pepper", "person_key"} & names(envelope["data"])
    assert "at" not in envelope["data"]


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.TOPIC)
def test_without_the_right_to_it_nobody_is_named(kind):
    forbidden = {
        "email",
        "old_email",
        "contact_name",
        "to",
        "subject",
        "answer",
        "approver",
        "proposed_by",
        "approved_by",
        "label",
        "where",
    }
    assert not forbidden & names(told(sample(kind))["data"])


def test_what_names_people_is_cut_out_of_what_is_within():
    event = sample(AccountNominated)
    without, all_of_it = told(event)["data"], told(event, personal=True)["data"]
    assert "email" not in without
    assert [set(each) for each in without["contacts"]] == [{"id", "roles", "verified", "reachable"}] * 2
    assert all_of_it["email"] == event.email
    assert all_of_it["contacts"][0]["name"] == event.contacts[0].name
    assert without["institution"] == event.institution


def test_fields_that_are_personal_and_texts_in_which_somebody_may_be_named():
    assert "name" not in told(sample(UserPlanRequested))["data"]
    assert "name" in told(sample(UserPlanRequested), personal=True)["data"]
    assert "to" not in told(sample(EmailSent))["data"]
    assert "why" not in told(sample(EmailSkipped))["data"]
    assert "approver" not in told(sample(EntitlementGranted))["data"]
    assert "template" in told(sample(EmailSkipped))["data"]


def names(value) -> set[str]:
    if isinstance(value, list):
        return {name for each in value for name in names(each)}
    if isinstance(value, dict):
        return set(value) | {name for each in value.values() for name in names(each)}
    return set()
