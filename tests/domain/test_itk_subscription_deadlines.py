"""Reminders lead to the end of what is paid for, once each, and the latest only."""

from dataclasses import replace
from uuid import UUID

import pytest

from domain.aggregates.itk_subscription import ITKSubscription
from domain.catalogue import BulkData
from domain.commands.itk_subscription import RemindOfBulkDataLink, RemindOfEnd
from domain.events.itk_subscription import (
    BulkDataLinkExpiring,
    BulkDataLinkIssued,
    BulkDataLinkReminderSkipped,
    RenewalAnnounced,
    RenewalWithdrawn,
    SubscriptionExpiring,
    SubscriptionReminderSkipped,
)
from tests.domain.given import given
from tests.domain.subscription_facts import (
    ACTIVATED,
    CANCELLED,
    COMPENSATED,
    DAY,
    ENDS_AT,
    FOR_GOOD_AT,
    GONE,
    GRACE,
    GRACE_ENDS_AT,
    IN_FORCE,
    JUNE,
    MICROSECOND,
    OPENED,
    OVER,
    PENDING,
    RENEWED,
    SECOND_END,
    SUBSCRIPTION,
    due,
    state_after,
)

RUNGS = (90, 60, 30, 14, 7, 1)
LINK = UUID(int=7)
ISSUED = BulkDataLinkIssued(at=JUNE, link_id=LINK, product=BulkData.SCHOLARLY, release="2027-05", expires_at=JUNE + 7 * DAY, reminders=(1,))


def subscription(*events):
    return given(ITKSubscription(), *events)


def remind(days):
    return RemindOfEnd(id=SUBSCRIPTION, days_left=days)


def expiring(days, end=ENDS_AT):
    return SubscriptionExpiring(at=end - days * DAY, days_left=days, ends_at=end, announced=False)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((), {}),
        (PENDING, {}),
        (IN_FORCE, {f"remind-{days}": ENDS_AT - days * DAY for days in RUNGS} | {"term-end": ENDS_AT}),
        ((*IN_FORCE, RENEWED), {f"remind-{days}": SECOND_END - days * DAY for days in RUNGS} | {"term-end": ENDS_AT}),
        (GRACE, {"grace-end": GRACE_ENDS_AT}),
        (OVER, {"lapse-end": FOR_GOOD_AT}),
        (GONE, {}),
    ],
)
def test_what_each_state_waits_for(events, expected):
    assert expected == due(state_after(*events))


def test_a_reminder_goes_out_at_its_rung_once():
    at = ENDS_AT - 14 * DAY
    subscription(*IN_FORCE).when(remind(14), now=at - MICROSECOND).then_nothing()
    subscription(*IN_FORCE).when(remind(14), now=at).then(expiring(14))
    subscription(*IN_FORCE, expiring(14)).when(remind(14), now=at).then_nothing()
    subscription(*IN_FORCE).when(remind(13), now=at).then_nothing()
    assert "remind-14" not in due(state_after(*IN_FORCE, expiring(14)))


def test_an_announced_renewal_changes_the_tone():
    announced = RenewalAnnounced(at=JUNE, reference="PO 4711", expected_by=None)
    subscription(*IN_FORCE, announced).when(remind(7), now=ENDS_AT - 7 * DAY).then(replace(expiring(7), announced=True))


@pytest.mark.parametrize("events", [(*IN_FORCE, CANCELLED), (*IN_FORCE, COMPENSATED), GRACE, OVER, GONE])
def test_who_is_not_reminded(events):
    subscription(*events).when(remind(1), now=ENDS_AT - DAY).then_nothing()


def test_after_downtime_only_the_latest_rung_goes_out():
    at = ENDS_AT - 14 * DAY
    active = subscription(*IN_FORCE)
    active.when(remind(14), now=at, observed_at=ENDS_AT - 7 * DAY - MICROSECOND).then(expiring(14))
    skipped = SubscriptionReminderSkipped(at=at, days_left=14, ends_at=ENDS_AT, why="the reminder 7 days before was due too")
    active.when(remind(14), now=at, observed_at=ENDS_AT - 7 * DAY).then(skipped)
    over = replace(skipped, days_left=1, at=ENDS_AT - DAY, why="it had ended by then")
    active.when(remind(1), now=ENDS_AT - DAY, observed_at=ENDS_AT).then(over)
    subscription(*IN_FORCE, skipped).when(remind(14), now=at).then_nothing()


def test_rungs_before_the_event_that_set_the_end_are_not_created():
    at_the_rung = replace(ACTIVATED, at=ENDS_AT - 30 * DAY)
    assert {"remind-30", "remind-14", "remind-7", "remind-1", "term-end"} == set(due(state_after(OPENED, at_the_rung)))
    just_after = replace(at_the_rung, at=at_the_rung.at + MICROSECOND)
    assert "remind-30" not in due(state_after(OPENED, just_after))


def test_a_renewal_starts_the_ladder_again_and_its_withdrawal_repeats_no_rung():
    renewed = replace(RENEWED, at=ENDS_AT - 60 * DAY)
    state = state_after(*IN_FORCE, expiring(90), expiring(60), renewed)
    assert SECOND_END - 90 * DAY == due(state)["remind-90"]
    back = state.evolve(RenewalWithdrawn(at=renewed.at, number=2))
    assert {"remind-30", "remind-14", "remind-7", "remind-1", "term-end"} == set(due(back))


def test_a_link_is_reminded_of_a_day_before_once():
    command = RemindOfBulkDataLink(id=SUBSCRIPTION, link_id=LINK, days_left=1)
    at = ISSUED.expires_at - DAY
    expected = BulkDataLinkExpiring(
        at=at, link_id=LINK, product=BulkData.SCHOLARLY, release="2027-05", days_left=1, expires_at=ISSUED.expires_at
    )
    assert at == due(state_after(*IN_FORCE, ISSUED))[f"link-{LINK}-remind-1"]
    subscription(*IN_FORCE, ISSUED).when(command, now=at - MICROSECOND).then_nothing()
    subscription(*IN_FORCE, ISSUED).when(command, now=at).then(expected)
    subscription(*IN_FORCE, ISSUED, expected).when(command, now=at).then_nothing()
    subscription(*IN_FORCE).when(command, now=at).then_nothing()
    assert f"link-{LINK}-remind-1" not in due(state_after(*IN_FORCE, ISSUED, expected))


def test_a_link_that_has_expired_is_not_reminded_of():
    command = RemindOfBulkDataLink(id=SUBSCRIPTION, link_id=LINK, days_left=1)
    at = ISSUED.expires_at - DAY
    subscription(*IN_FORCE, ISSUED).when(command, now=at, observed_at=ISSUED.expires_at).then(
        BulkDataLinkReminderSkipped(at=at, link_id=LINK, days_left=1, expires_at=ISSUED.expires_at, why="it had ended by then")
    )


def test_of_two_reminders_of_a_link_only_the_latest_goes_out():
    issued = replace(ISSUED, reminders=(3, 1))
    command = RemindOfBulkDataLink(id=SUBSCRIPTION, link_id=LINK, days_left=3)
    at = issued.expires_at - 3 * DAY
    skipped = BulkDataLinkReminderSkipped(
        at=at, link_id=LINK, days_left=3, expires_at=issued.expires_at, why="the reminder 1 days before was due too"
    )
    subscription(*IN_FORCE, issued).when(command, now=at, observed_at=issued.expires_at - DAY).then(skipped)
    assert {f"link-{LINK}-remind-1"} == {name for name in due(state_after(*IN_FORCE, issued, skipped)) if name.startswith("link")}
