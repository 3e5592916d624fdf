"""The write path: settle, decide, record; once for each command id, and again when others were faster."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from domain.application import Busy, KeyReused, Lifecycle, VersionMismatch
from domain.clock import FixedClock
from domain.commands.api_token import IssueToken, RevokeToken, RotateToken
from domain.commands.institutional_account import Amend, Convert, Nominate, Suspend
from domain.commands.institutional_user_plan import RequestRenewal, RequestUserPlan
from domain.commands.itk_subscription import (
    ActivateSubscription,
    CancelSubscription,
    OpenSubscription,
    ReinstateSubscription,
    RenewSubscription,
)
from domain.context import ClaimedDomain
from domain.errors import NotFound, Outdated, Refused
from domain.events.base import Metadata
from ops.eventstore.factory import EventStore
from tests.keyring import KEYRING

START = datetime(2027, 3, 1, 12, tzinfo=UTC)
ENDS_AT = datetime(2028, 2, 29, 23, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
NORTH = Metadata(actor="north", role="support")
ACCOUNT, SUBSCRIPTION = UUID(int=1), UUID(int=2)
NOMINATE = Nominate(
    id=ACCOUNT,
    email="library@fu-berlin.de",
    contact_id=UUID(int=9),
    registered_account_id="r1",
    institution="FU",
    time_zone="Europe/Berlin",
    domains=(ClaimedDomain(domain="fu-berlin.de"),),
)
OPEN = OpenSubscription(id=SUBSCRIPTION, account_id=ACCOUNT, starts_on=date(2027, 3, 1))


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


@pytest.fixture
def store(engine: Engine, clock: FixedClock) -> EventStore:
    return EventStore(engine, KEYRING, now=clock.now)


@pytest.fixture
def lifecycle(store: EventStore, clock: FixedClock) -> Iterator[Lifecycle]:
    """With an institution whose subscription is in force."""
    lifecycle = Lifecycle(store, clock)
    for command in (NOMINATE, Convert(id=ACCOUNT), OPEN, ActivateSubscription(id=SUBSCRIPTION)):
        lifecycle.handle(command, metadata=NORTH)
    return lifecycle


def issue(id: UUID | None = None, owner: UUID = ACCOUNT, replaces: UUID | None = None) -> IssueToken:
    id = id or uuid4()
    return IssueToken(
        id=id,
        account_id=ACCOUNT,
        owner_id=owner,
        label="repository",
        digest=id.hex,
        pepper=1,
        prefix="tnr_live_ab12",
        last_four="9xQz",
        replaces=replaces,
    )


def topics(lifecycle: Lifecycle, id: UUID) -> list[str]:
    return [stored.topic for stored in lifecycle.log_reader.read_stream(id)]


class Meddling:
    """A log in which somebody else is quicker: before an append of ours, something else is done, so many times."""

    def __init__(self, log, meddle, times=1):
        self._log = log
        self._meddle = meddle
        self.left = times

    def __getattr__(self, name):
        return getattr(self._log, name)

    def insert_events(self, *arguments, **named):
        if self.left:
            self.left -= 1
            self._meddle()
        return self._log.insert_events(*arguments, **named)


class MeddledStore:
    def __init__(self, store, meddle, times=1):
        self.factory, self.codec = store.factory, store.codec
        self.log = Meddling(store.log, meddle, times)


# others are quicker


def test_who_comes_second_decides_again(lifecycle: Lifecycle, store: EventStore, clock: FixedClock):
    names = (f"FU {number}" for number in count(1))
    meddled = MeddledStore(store, lambda: lifecycle.handle(Amend(id=ACCOUNT, institution=next(names)), metadata=NORTH), times=3)
    outcome = Lifecycle(meddled, clock).handle(Amend(id=ACCOUNT, ror_id="https://ror.org/046ak2485"), metadata=NORTH)
    assert 6 == outcome.stream.version
    assert ("FU 3", "https://ror.org/046ak2485") == (outcome.stream.state.institution, outcome.stream.state.ror_id)


def test_who_comes_second_four_times_is_told_so(lifecycle: Lifecycle, store: EventStore, clock: FixedClock):
    names = (f"FU {number}" for number in count(1))
    meddled = MeddledStore(store, lambda: lifecycle.handle(Amend(id=ACCOUNT, institution=next(names)), metadata=NORTH), times=4)
    with pytest.raises(Busy):
        Lifecycle(meddled, clock).handle(Amend(id=ACCOUNT, ror_id="https://ror.org/046ak2485"), metadata=NORTH)
    assert lifecycle.load(ACCOUNT).state.ror_id is None


def test_what_a_decision_looked_at_must_not_have_changed(lifecycle: Lifecycle, store: EventStore, clock: FixedClock):
    """The account is suspended after it was looked at, and before the token is on record: decided again, and refused."""
    meddled = MeddledStore(store, lambda: lifecycle.handle(Suspend(id=ACCOUNT), metadata=NORTH))
    token = issue()
    with pytest.raises(Refused) as refused:
        Lifecycle(meddled, clock).handle(token, metadata=NORTH)
    assert "account-not-active" == refused.value.slug
    assert [] == topics(lifecycle, token.id)


def test_the_log_refuses_what_was_decided_on_an_old_version(lifecycle: Lifecycle):
    with pytest.raises(Outdated):
        lifecycle.log_reader.insert_events(
            lifecycle.codec.to_stored_events([lifecycle_event(lifecycle)]), requires={ACCOUNT: lifecycle.load(ACCOUNT).version - 1}
        )


def lifecycle_event(lifecycle: Lifecycle):
    """A token that is not on record yet, as it would be appended."""
    from domain.attempt import Pending

    token = issue()
    (event,) = lifecycle.preview(token, metadata=NORTH)
    return Pending(originator_id=token.id, originator_version=1, account_id=ACCOUNT, metadata=NORTH, event=event)


# held by another


def test_a_registered_account_belongs_to_one_account(lifecycle: Lifecycle):
    second = replace(NOMINATE, id=UUID(int=5), domains=())
    with pytest.raises(Refused) as refused:
        lifecycle.handle(second, metadata=NORTH)
    assert ("registered-account-taken", "registered_account_id") == (refused.value.slug, refused.value.field)
    assert str(ACCOUNT) in refused.value.detail


def test_a_domain_is_held_by_one_account(lifecycle: Lifecycle):
    second = replace(NOMINATE, id=UUID(int=5), registered_account_id="r2")
    with pytest.raises(Refused) as refused:
        lifecycle.handle(second, metadata=NORTH)
    assert "domain-taken" == refused.value.slug
    assert str(ACCOUNT) in refused.value.detail
    with pytest.raises(NotFound):
        lifecycle.load(UUID(int=5))


def test_an_account_has_one_subscription_at_a_time(lifecycle: Lifecycle):
    again = replace(OPEN, id=UUID(int=6))
    with pytest.raises(Refused) as refused:
        lifecycle.handle(again, metadata=NORTH)
    assert ("subscription-overlaps", "account_id") == (refused.value.slug, refused.value.field)
    assert str(SUBSCRIPTION) in refused.value.detail
    lifecycle.handle(CancelSubscription(id=SUBSCRIPTION, when="now"), metadata=NORTH)
    assert 1 == lifecycle.handle(again, metadata=NORTH).stream.version


def test_a_subscription_that_ended_unseen_makes_room(lifecycle: Lifecycle, clock: FixedClock):
    """Its end is overdue, and still on nobody's record."""
    clock.instant = ENDS_AT + 365 * DAY
    again = replace(OPEN, id=UUID(int=6), starts_on=date(2029, 3, 1))
    assert 1 == lifecycle.handle(again, metadata=NORTH).stream.version
    assert "subscription.ended" == topics(lifecycle, SUBSCRIPTION)[-1]


# tokens and their five places


def test_a_sixth_token_is_refused(lifecycle: Lifecycle):
    issued = [lifecycle.handle(issue(), metadata=NORTH).stream for _ in range(5)]
    assert [1, 2, 3, 4, 5] == [token.state.slot for token in issued]
    with pytest.raises(Refused) as refused:
        lifecycle.handle(issue(), metadata=NORTH)
    assert "too-many-tokens" == refused.value.slug
    lifecycle.handle(RevokeToken(id=issued[2].id), metadata=NORTH)
    assert 3 == lifecycle.handle(issue(), metadata=NORTH).stream.state.slot


def test_tokens_that_expired_unseen_make_room(lifecycle: Lifecycle, clock: FixedClock):
    lifecycle.handle(RenewSubscription(id=SUBSCRIPTION), metadata=NORTH)
    for _ in range(5):
        lifecycle.handle(issue(), metadata=NORTH)
    clock.instant = START + 366 * DAY
    assert [1, 2, 3, 4, 5] == [lifecycle.handle(issue(), metadata=NORTH).stream.state.slot for _ in range(5)]
    with pytest.raises(Refused):
        lifecycle.handle(issue(), metadata=NORTH)


def test_sixteen_at_once_get_five_tokens(lifecycle: Lifecycle):
    together = Barrier(16)

    def one(_: int) -> int | None:
        together.wait()
        while True:
            try:
                return lifecycle.handle(issue(), metadata=NORTH).stream.state.slot
            except Busy:
                continue
            except Refused as refused:
                assert "too-many-tokens" == refused.slug
                return None

    with ThreadPoolExecutor(16) as threads:
        slots = list(threads.map(one, range(16)))
    assert [1, 2, 3, 4, 5] == sorted(slot for slot in slots if slot)


def test_a_rotation_is_one_append(lifecycle: Lifecycle):
    old = lifecycle.handle(issue(), metadata=NORTH).stream
    new = issue(replaces=old.id)
    outcome = lifecycle.handle(RotateToken(id=old.id, replaced_by=new.id), new, metadata=NORTH)
    assert ["token.rotated", "token.issued"] == [pending.event.TOPIC for pending in outcome.events]
    assert (new.id, old.state.slot) == (outcome.stream.id, outcome.stream.state.slot)
    assert ["rotating", "active"] == [lifecycle.load(id).state.status for id in (old.id, new.id)]


def test_a_rotation_that_is_refused_changes_neither_token(lifecycle: Lifecycle, store: EventStore, clock: FixedClock):
    old = lifecycle.handle(issue(), metadata=NORTH).stream
    new = issue(replaces=old.id)
    meddled = MeddledStore(store, lambda: lifecycle.handle(Suspend(id=ACCOUNT), metadata=NORTH))
    with pytest.raises(Refused):
        Lifecycle(meddled, clock).handle(RotateToken(id=old.id, replaced_by=new.id), new, metadata=NORTH)
    assert ["token.issued"] == topics(lifecycle, old.id)
    assert [] == topics(lifecycle, new.id)


def test_five_tokens_can_be_rotated(lifecycle: Lifecycle):
    """A rotation needs no sixth place: the new token takes the old one's."""
    issued = [lifecycle.handle(issue(), metadata=NORTH).stream for _ in range(5)]
    new = issue(replaces=issued[3].id)
    assert 4 == lifecycle.handle(RotateToken(id=issued[3].id, replaced_by=new.id), new, metadata=NORTH).stream.state.slot


# once


def test_a_command_happens_once(lifecycle: Lifecycle):
    once = replace(NORTH, command_id=uuid4())
    first = lifecycle.handle(RenewSubscription(id=SUBSCRIPTION), metadata=once, fingerprint="f")
    lifecycle.handle(RenewSubscription(id=SUBSCRIPTION), metadata=NORTH)
    again = lifecycle.handle(RenewSubscription(id=SUBSCRIPTION), metadata=once, fingerprint="f")
    assert again.repeated
    assert () == again.events
    assert first.stream == again.stream
    assert first.position == again.position
    with pytest.raises(KeyReused):
        lifecycle.handle(RenewSubscription(id=SUBSCRIPTION, months=1), metadata=once, fingerprint="g")


def test_a_command_that_changed_nothing_is_remembered_too(lifecycle: Lifecycle):
    once = replace(NORTH, command_id=uuid4())
    assert () == lifecycle.handle(Convert(id=ACCOUNT), metadata=once).events
    lifecycle.handle(Suspend(id=ACCOUNT), metadata=NORTH)
    again = lifecycle.handle(Convert(id=ACCOUNT), metadata=once)
    assert again.repeated
    assert "active" == again.stream.state.status


def test_a_refusal_is_not_remembered(lifecycle: Lifecycle):
    once = replace(NORTH, command_id=uuid4())
    again = replace(OPEN, id=UUID(int=6))
    with pytest.raises(Refused):
        lifecycle.handle(again, metadata=once)
    lifecycle.handle(CancelSubscription(id=SUBSCRIPTION, when="now"), metadata=NORTH)
    assert not lifecycle.handle(again, metadata=once).repeated


def test_twins_get_one_answer(lifecycle: Lifecycle):
    once, together = replace(NORTH, command_id=uuid4()), Barrier(8)

    def twin(_: int):
        together.wait()
        return lifecycle.handle(RenewSubscription(id=SUBSCRIPTION), metadata=once)

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(twin, range(8)))
    assert 1 == sum(not outcome.repeated for outcome in outcomes)
    assert {3} == {outcome.stream.version for outcome in outcomes}
    assert 3 == lifecycle.load(SUBSCRIPTION).version


def test_a_version_that_was_not_seen(lifecycle: Lifecycle):
    with pytest.raises(VersionMismatch) as mismatch:
        lifecycle.handle(RenewSubscription(id=SUBSCRIPTION), metadata=NORTH, if_version=1)
    assert 2 == mismatch.value.version
    assert 3 == lifecycle.handle(RenewSubscription(id=SUBSCRIPTION), metadata=NORTH, if_version=2).stream.version


def test_a_preview_stores_nothing(lifecycle: Lifecycle):
    head = lifecycle.log_reader.max_notification_id()
    (event,) = lifecycle.preview(RenewSubscription(id=SUBSCRIPTION), metadata=NORTH)
    assert "subscription.renewed" == event.TOPIC
    assert head == lifecycle.log_reader.max_notification_id()
    assert 2 == lifecycle.load(SUBSCRIPTION).version


# time


def test_time_never_runs_backwards_in_a_stream(lifecycle: Lifecycle, clock: FixedClock):
    clock.instant = START - DAY
    (pending,) = lifecycle.handle(RenewSubscription(id=SUBSCRIPTION), metadata=NORTH).events
    assert START == pending.event.at


def test_a_renewal_a_minute_after_the_end_finds_grace(lifecycle: Lifecycle, clock: FixedClock):
    """No scheduler ran: what was overdue takes effect first, each at its own instant, in the same append."""
    clock.instant = ENDS_AT + MINUTE
    outcome = lifecycle.handle(RenewSubscription(id=SUBSCRIPTION), metadata=NORTH)
    happened = [(pending.event.TOPIC, pending.event.at) for pending in outcome.events]
    assert 6 * ["subscription.reminder-skipped"] == [topic for topic, _ in happened[:6]]
    assert [ENDS_AT - days * DAY for days in (90, 60, 30, 14, 7, 1)] == [at for _, at in happened[:6]]
    assert [("subscription.grace-started", ENDS_AT), ("subscription.renewed", ENDS_AT + MINUTE)] == happened[6:]
    assert ["system", "support"] == [pending.metadata.role for pending in outcome.events[-2:]]
    assert ENDS_AT == outcome.stream.state.terms[1].starts_at
    assert "active" == outcome.stream.state.status


def test_a_renewal_after_grace_is_refused_though_no_scheduler_ran(lifecycle: Lifecycle, clock: FixedClock):
    clock.instant = ENDS_AT + 31 * DAY
    with pytest.raises(Refused) as refused:
        lifecycle.handle(RenewSubscription(id=SUBSCRIPTION), metadata=NORTH)
    assert "not-now" == refused.value.slug
    assert 2 == lifecycle.load(SUBSCRIPTION).version, "a refusal stores nothing"
    assert "lapsed" == lifecycle.present(SUBSCRIPTION).state.status


def test_settling_twice_is_settling_once(lifecycle: Lifecycle, clock: FixedClock):
    clock.instant = ENDS_AT
    assert 7 == len(lifecycle.settle(SUBSCRIPTION).events)
    assert () == lifecycle.settle(SUBSCRIPTION).events


def test_what_is_not_there_is_not_found(lifecycle: Lifecycle):
    for command in (RenewSubscription(id=ACCOUNT), RevokeToken(id=SUBSCRIPTION)):
        with pytest.raises(NotFound):
            lifecycle.handle(command, metadata=NORTH)


# late, but as if in time


def test_a_consequence_takes_effect_when_its_cause_did(lifecycle: Lifecycle, clock: FixedClock):
    token = issue()
    lifecycle.handle(token, metadata=NORTH)
    clock.instant = START + 60 * DAY
    outcome = lifecycle.handle(RevokeToken(id=token.id), metadata=NORTH, at=START + 30 * DAY)
    assert [START + 30 * DAY] == [pending.event.at for pending in outcome.events]


def test_a_consequence_lets_nothing_fall_due_that_was_due_later(lifecycle: Lifecycle, clock: FixedClock):
    token = issue()
    lifecycle.handle(token, metadata=NORTH)
    clock.instant = START + 400 * DAY
    lifecycle.handle(RevokeToken(id=token.id), metadata=NORTH, at=START + 30 * DAY)
    assert ["token.issued", "token.revoked"] == topics(lifecycle, token.id)


def test_settling_stops_at_the_instant_that_is_asked_for(lifecycle: Lifecycle, clock: FixedClock):
    clock.instant = ENDS_AT + 400 * DAY
    lifecycle.settle(SUBSCRIPTION, until=ENDS_AT)
    assert "grace" == lifecycle.load(SUBSCRIPTION).state.status
    lifecycle.settle(SUBSCRIPTION)
    assert "ended" == lifecycle.load(SUBSCRIPTION).state.status


def test_what_is_settled_late_does_not_know_what_came_after_it_was_due(lifecycle: Lifecycle, clock: FixedClock):
    """A plan was due to end with its subscription's grace; that the subscription was reinstated a week later came too late for it."""
    plan = RequestUserPlan(
        id=uuid4(),
        account_id=ACCOUNT,
        subscription_id=SUBSCRIPTION,
        registered_account_id="u1",
        email="ada@fu-berlin.de",
        name=None,
        person_key="k1",
    )
    lifecycle.handle(plan, metadata=NORTH)
    until = lifecycle.load(plan.id).state.until
    clock.instant = ENDS_AT - DAY
    lifecycle.handle(RequestRenewal(id=plan.id), metadata=NORTH)
    clock.instant = until + 7 * DAY
    lifecycle.handle(ReinstateSubscription(id=SUBSCRIPTION, mode="contiguous"), metadata=NORTH)
    clock.instant = until + 8 * DAY
    lifecycle.settle(plan.id)
    assert "user-plan.expired" == topics(lifecycle, plan.id)[-1]
    assert until == lifecycle.load(plan.id).last_at
