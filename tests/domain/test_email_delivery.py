"""An email leaves once, and what became of it is on record."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.aggregates.email_delivery import EmailDelivery, Status
from domain.commands.email_delivery import RecordBounced, RecordSent, RecordSkipped, ReportBounce
from domain.events.email_delivery import EmailBounced, EmailSent, EmailSkipped
from tests.domain.given import given

EMAIL, ACCOUNT, SUBSCRIPTION = UUID(int=1), UUID(int=2), UUID(int=3)
MAY_1 = datetime(2027, 5, 1, 12, tzinfo=UTC)
LATER = MAY_1 + timedelta(days=1)
LETTER = {"account_id": ACCOUNT, "template": "subscription-expiring", "role": "administrator", "caused_by": SUBSCRIPTION, "position": 71}
LEFT = {"to": "library@mit.edu", "subject": "30 days left", "message_id": "<e1@tenure>", "answer": "250 2.0.0 queued"}
NO_SUCH_USER = {"hard": True, "code": "5.1.1", "answer": "550 5.1.1 no such user"}

SEND, SENT = RecordSent(id=EMAIL, **LETTER, **LEFT), EmailSent(at=MAY_1, **LETTER, **LEFT)
BOUNCE = RecordBounced(id=EMAIL, **LETTER, to="library@mit.edu", **NO_SUCH_USER)
BOUNCED = EmailBounced(at=MAY_1, **LETTER, to="library@mit.edu", **NO_SUCH_USER, reported=False)
SKIP, SKIPPED = RecordSkipped(id=EMAIL, **LETTER, why="renewed"), EmailSkipped(at=MAY_1, **LETTER, why="renewed")
REPORT = ReportBounce(id=EMAIL, **NO_SUCH_USER)
RETURNED = replace(BOUNCED, at=LATER, reported=True)


def test_an_email_is_sent_once():
    given(EmailDelivery()).when(SEND, now=MAY_1).then(SENT)
    given(EmailDelivery(), SENT).when(SEND, now=LATER).then_nothing()
    given(EmailDelivery(), SENT).when(replace(SEND, to="office@mit.edu"), now=LATER).then_nothing()


def test_what_is_not_sent_says_why():
    given(EmailDelivery()).when(SKIP, now=MAY_1).then(SKIPPED)
    given(EmailDelivery(), SKIPPED).when(SKIP, now=LATER).then_nothing()
    given(EmailDelivery(), SENT).when(SKIP, now=LATER).then_nothing()
    given(EmailDelivery(), BOUNCED).when(SKIP, now=LATER).then(replace(SKIPPED, at=LATER))
    put_off = {"to": "library@mit.edu", "answer": "451 4.3.0 later"}
    given(EmailDelivery()).when(replace(SKIP, **put_off), now=MAY_1).then(replace(SKIPPED, **put_off))


def test_what_left_is_on_record_though_another_sender_skipped_it():
    given(EmailDelivery(), SKIPPED).when(SEND, now=MAY_1).then(SENT)
    given(EmailDelivery(), SKIPPED).when(BOUNCE, now=MAY_1).then_nothing()


def test_an_address_that_refuses_is_not_tried_again_but_the_next_contact_is():
    given(EmailDelivery()).when(BOUNCE, now=MAY_1).then(BOUNCED)
    bounced = given(EmailDelivery(), BOUNCED)
    bounced.when(BOUNCE, now=LATER).then_nothing()
    bounced.when(SEND, now=LATER).then_refused("bounced-before")
    bounced.when(replace(SEND, to="office@mit.edu"), now=LATER).then(replace(SENT, at=LATER, to="office@mit.edu"))
    bounced.when(replace(BOUNCE, to="office@mit.edu"), now=LATER).then(replace(BOUNCED, at=LATER, to="office@mit.edu"))
    given(EmailDelivery(), SENT).when(BOUNCE, now=LATER).then_nothing()


def test_a_bounce_that_is_reported_after_it_was_sent():
    given(EmailDelivery(), SENT).when(REPORT, now=LATER).then(RETURNED)
    given(EmailDelivery(), SENT, RETURNED).when(REPORT, now=LATER).then_nothing()
    given(EmailDelivery(), SENT, RETURNED).when(SEND, now=LATER).then_nothing()
    given(EmailDelivery(), BOUNCED).when(REPORT, now=LATER).then_nothing()


def test_a_soft_report_does_not_hide_a_hard_one():
    soft = replace(RETURNED, hard=False, code="4.2.2", answer="mailbox full")
    given(EmailDelivery(), SENT).when(ReportBounce(id=EMAIL, hard=False, code="4.2.2", answer="mailbox full"), now=LATER).then(soft)
    given(EmailDelivery(), SENT, soft).when(REPORT, now=LATER).then(RETURNED)


@pytest.mark.parametrize("before", [(), (SKIPPED,)])
def test_what_never_left_cannot_come_back(before):
    given(EmailDelivery(), *before).when(REPORT, now=LATER).then_refused("not-now", "report bounce")


def test_what_is_known_of_it():
    state = given(EmailDelivery(), SENT, RETURNED).state
    assert (Status.RETURNED, ACCOUNT, "library@mit.edu", MAY_1, True) == (
        state.status,
        state.account_id,
        state.to,
        state.sent_at,
        state.hard,
    )
    assert () == state.deadlines(EMAIL)
