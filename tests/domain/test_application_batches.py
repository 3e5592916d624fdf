"""Many commands at once: recorded together where that goes, one by one where it does not, and each of them once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from domain.application import Lifecycle
from domain.attempt import SYSTEM
from domain.clock import FixedClock
from domain.commands.institutional_account import Amend, Convert, RetireDomain, Suspend
from domain.commands.institutional_user_plan import AdmitListed, CheckDomain, EndUserPlan, RequestUserPlan, SuspendUserPlan
from domain.commands.itk_subscription import ActivateSubscription, RenewSubscription
from domain.commands.user_import import SettleRows, SubmitUserImport
from domain.errors import NotFound, Outdated, Refused
from domain.events.base import Metadata
from domain.events.user_import import Mode
from domain.listing import JudgedRow, settled
from ops.eventstore.factory import EventStore
from tests.domain.test_application import ACCOUNT, DAY, NOMINATE, NORTH, OPEN, START, SUBSCRIPTION, MeddledStore, topics
from tests.keyring import KEYRING

IMPORT = UUID(int=8)
PEOPLE = [UUID(int=number) for number in range(100, 110)]
ANN, BOB, CARL = PEOPLE[:3]
ROW_METADATA = replace(SYSTEM, correlation_id=IMPORT)
ASK = RequestUserPlan(
    id=ANN,
    account_id=ACCOUNT,
    subscription_id=SUBSCRIPTION,
    registered_account_id=None,
    email=f"person-{ANN.int}@fu-berlin.de",
    name=None,
    person_key=f"key-{ANN.int}",
)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


@pytest.fixture
def store(engine: Engine, clock: FixedClock) -> EventStore:
    return EventStore(engine, KEYRING, now=clock.now)


@pytest.fixture
def lifecycle(store: EventStore, clock: FixedClock) -> Iterator[Lifecycle]:
    """With an institution whose subscription is in force, and a list of ten people."""
    lifecycle = Lifecycle(store, clock)
    submit = SubmitUserImport(
        id=IMPORT, account_id=ACCOUNT, subscription_id=SUBSCRIPTION, mode=Mode.ADD, dry_run=False, rows=10, digest="d"
    )
    for command in (NOMINATE, Convert(id=ACCOUNT), OPEN, ActivateSubscription(id=SUBSCRIPTION), submit):
        lifecycle.handle(command, metadata=NORTH)
    return lifecycle


def admit(person: UUID, domain: str = "fu-berlin.de", key: str | None = None) -> AdmitListed:
    return AdmitListed(
        id=person,
        account_id=ACCOUNT,
        subscription_id=SUBSCRIPTION,
        registered_account_id=None,
        email=f"person-{person.int}@{domain}",
        name=None,
        person_key=key or f"key-{person.int}",
        registered=True,
        import_id=IMPORT,
    )


def once(metadata: Metadata = NORTH) -> Metadata:
    return replace(metadata, command_id=uuid4())


def let_in(lifecycle: Lifecycle, *people: UUID) -> None:
    for person in people:
        lifecycle.handle(admit(person), metadata=NORTH)


def head(lifecycle: Lifecycle) -> int:
    return lifecycle.log_reader.max_notification_id() or 0


class Counting:
    """A log that counts the appends."""

    def __init__(self, store):
        self.factory, self.codec, self.log, self.appends = store.factory, store.codec, self, 0
        self._log = store.log

    def __getattr__(self, name):
        return getattr(self._log, name)

    def insert_events(self, *arguments, **named):
        self.appends += 1
        return self._log.insert_events(*arguments, **named)


# commands that have nothing to do with one another


def test_many_are_asked_in_one_append(lifecycle: Lifecycle, store: EventStore, clock: FixedClock):
    counting = Counting(store)
    told = []
    asked = [(admit(person), once()) for person in PEOPLE]
    assert [None] * 10 == Lifecycle(counting, clock, on_recorded=lambda: told.append(1)).handle_apart(asked)
    assert (1, [1]) == (counting.appends, told)
    assert {"active"} == {lifecycle.load(person).state.status for person in PEOPLE}


def test_nobody_is_asked_nothing(lifecycle: Lifecycle):
    before = head(lifecycle)
    assert [] == lifecycle.handle_apart([])
    assert before == head(lifecycle)


def test_the_refusal_of_one_does_not_stop_the_others(lifecycle: Lifecycle):
    asked = [(admit(ANN), once()), (admit(BOB, "tu-berlin.de"), once()), (EndUserPlan(id=ACCOUNT), once()), (admit(CARL), once())]
    refusals = lifecycle.handle_apart(asked)
    assert [None, "wrong-domain", "not-found", None] == [refusal and refusal.slug for refusal in refusals]
    assert isinstance(refusals[2], NotFound)
    assert [["user-plan.requested", "user-plan.activated"], [], ["user-plan.requested", "user-plan.activated"]] == [
        topics(lifecycle, person) for person in (ANN, BOB, CARL)
    ]


def test_each_happens_once_in_whatever_company_it_is_asked_again(lifecycle: Lifecycle):
    """A page of a reaction that was broken off may come again with other members."""
    let_in(lifecycle, ANN, BOB, CARL)
    ann, bob, carl = ((EndUserPlan(id=person, cause="left"), once()) for person in (ANN, BOB, CARL))
    assert [None, None] == lifecycle.handle_apart([ann, bob])
    before = head(lifecycle)
    assert [None, None] == lifecycle.handle_apart([bob, ann])
    assert before == head(lifecycle)
    lifecycle.handle(replace(ASK, id=BOB, email=f"person-{BOB.int}@fu-berlin.de", person_key=f"key-{BOB.int}"), metadata=NORTH)
    assert [None, None] == lifecycle.handle_apart([carl, bob])
    assert ["ended", "active", "ended"] == [lifecycle.load(person).state.status for person in (ANN, BOB, CARL)]


def test_what_changed_nothing_is_remembered_too(lifecycle: Lifecycle):
    let_in(lifecycle, ANN)
    check = (CheckDomain(id=ANN), once())
    assert [None] == lifecycle.handle_apart([check])
    record = lifecycle.log_reader.find_command(check[1].command_id)
    assert record is not None
    assert (ANN, 2) == (record.stream_id, record.version)


def test_a_refusal_is_not_remembered(lifecycle: Lifecycle):
    asked = (SuspendUserPlan(id=ANN), once())
    (refusal,) = lifecycle.handle_apart([asked])
    assert isinstance(refusal, Refused)
    let_in(lifecycle, ANN)
    assert [None] == lifecycle.handle_apart([asked])
    assert "suspended" == lifecycle.load(ANN).state.status


def test_commands_without_an_id_may_come_again(lifecycle: Lifecycle):
    let_in(lifecycle, ANN, BOB)
    for _ in range(2):
        assert [None, None] == lifecycle.handle_apart([(SuspendUserPlan(id=ANN), SYSTEM), (SuspendUserPlan(id=BOB), SYSTEM)])
    assert 3 == lifecycle.load(ANN).version


def test_two_questions_to_one_stream_are_asked_one_after_the_other(lifecycle: Lifecycle):
    let_in(lifecycle, ANN, BOB)
    asked = [
        (SuspendUserPlan(id=ANN), once()),
        (EndUserPlan(id=ANN), once()),
        (SuspendUserPlan(id=ANN), once()),
        (SuspendUserPlan(id=BOB), once()),
    ]
    assert [None, None, "not-now", None] == [refusal and refusal.slug for refusal in lifecycle.handle_apart(asked)]
    assert ["user-plan.suspended", "user-plan.ended"] == topics(lifecycle, ANN)[2:]
    assert ["user-plan.suspended"] == topics(lifecycle, BOB)[2:]


def test_the_refusals_of_two_commands_on_one_stream_are_kept_apart(lifecycle: Lifecycle):
    let_in(lifecycle, ANN)
    end = (EndUserPlan(id=ANN), once())
    assert [None] == lifecycle.handle_apart([end])
    assert ["not-now", None] == [refusal and refusal.slug for refusal in lifecycle.handle_apart([(SuspendUserPlan(id=ANN), once()), end])]


def test_where_somebody_was_faster_each_is_asked_alone(lifecycle: Lifecycle, store: EventStore, clock: FixedClock):
    """Ann's plan ends after it was looked at: her suspension is refused, and the others are carried out all the same."""
    let_in(lifecycle, ANN, BOB, CARL)
    meddled = MeddledStore(store, lambda: lifecycle.handle(EndUserPlan(id=ANN), metadata=NORTH))
    asked = [(SuspendUserPlan(id=person), once()) for person in (ANN, BOB, CARL)]
    refusals = Lifecycle(meddled, clock).handle_apart(asked)
    assert ["not-now", None, None] == [refusal and refusal.slug for refusal in refusals]
    assert ["ended", "suspended", "suspended"] == [lifecycle.load(person).state.status for person in (ANN, BOB, CARL)]


def test_where_what_was_looked_at_has_changed_each_is_asked_alone(lifecycle: Lifecycle, store: EventStore, clock: FixedClock):
    let_in(lifecycle, ANN)
    meddled = MeddledStore(store, lambda: lifecycle.handle(Suspend(id=ACCOUNT), metadata=NORTH))
    refusals = Lifecycle(meddled, clock).handle_apart([(admit(BOB), once()), (SuspendUserPlan(id=ANN), once())])
    assert ["account-not-active", None] == [refusal and refusal.slug for refusal in refusals]
    assert [] == topics(lifecycle, BOB)


def test_where_one_of_them_is_on_record_meanwhile_it_happens_once(lifecycle: Lifecycle, store: EventStore, clock: FixedClock):
    let_in(lifecycle, ANN, BOB)
    twin = (SuspendUserPlan(id=ANN), once())
    meddled = MeddledStore(store, lambda: lifecycle.handle_apart([twin]))
    assert [None, None] == Lifecycle(meddled, clock).handle_apart([twin, (SuspendUserPlan(id=BOB), once())])
    assert (["user-plan.suspended"], ["user-plan.suspended"]) == (topics(lifecycle, ANN)[2:], topics(lifecycle, BOB)[2:])


def test_who_is_held_by_another_stream_is_refused_alone(lifecycle: Lifecycle):
    let_in(lifecycle, ANN)
    refusals = lifecycle.handle_apart([(admit(BOB, key=f"key-{ANN.int}"), once()), (admit(CARL), once())])
    assert ["person-known", None] == [refusal and refusal.slug for refusal in refusals]
    assert "active" == lifecycle.load(CARL).state.status


def test_a_consequence_takes_effect_when_its_cause_did(lifecycle: Lifecycle, clock: FixedClock):
    let_in(lifecycle, ANN, BOB)
    clock.instant = START + 3 * DAY
    asked = [(SuspendUserPlan(id=person), once()) for person in (ANN, BOB)]
    assert [None, None] == lifecycle.handle_apart(asked, at=START + DAY)
    assert [START + DAY] * 2 == [lifecycle.load(person).last_at for person in (ANN, BOB)]


def test_what_is_overdue_takes_effect_first(lifecycle: Lifecycle, clock: FixedClock):
    let_in(lifecycle, ANN, BOB)
    lifecycle.handle(EndUserPlan(id=ANN, cause="left", at=START + DAY), metadata=NORTH)
    clock.instant = START + 2 * DAY
    refusals = lifecycle.handle_apart([(SuspendUserPlan(id=person), once()) for person in (ANN, BOB)])
    assert ["not-now", None] == [refusal and refusal.slug for refusal in refusals]
    lifecycle.handle_apart([(CheckDomain(id=person), once()) for person in (ANN, BOB)])
    assert ("user-plan.ended", START + DAY) == (topics(lifecycle, ANN)[-1], lifecycle.load(ANN).last_at)


# the rows of a list


def conclude(judged):
    rows = tuple(settled(JudgedRow(row=number, judged=each, known=False)) for number, each in enumerate(judged, 1))
    return SettleRows(id=IMPORT, rows=rows)


def test_rows_and_what_became_of_them_are_one_append(lifecycle: Lifecycle, store: EventStore, clock: FixedClock):
    counting = Counting(store)
    rows = [admit(ANN), admit(BOB, "tu-berlin.de"), admit(CARL)]
    outcome = Lifecycle(counting, clock).handle_rows(rows, conclude, metadata=ROW_METADATA)
    assert 1 == counting.appends
    assert [*2 * ["user-plan.requested", "user-plan.activated"], "user-import.rows-settled"] == [
        pending.event.TOPIC for pending in outcome.events
    ]
    assert {IMPORT} == {pending.metadata.correlation_id for pending in outcome.events}
    assert ["activated", "wrong_domain", "activated"] == [row.outcome for row in outcome.events[-1].event.rows]
    assert (IMPORT, 3) == (outcome.stream.id, outcome.stream.state.settled)
    assert head(lifecycle) == outcome.position


@pytest.mark.parametrize(
    "meddle",
    [
        lambda lifecycle: let_in(lifecycle, BOB),
        lambda lifecycle: lifecycle.handle(admit(UUID(int=77), key=f"key-{BOB.int}"), metadata=NORTH),
        lambda lifecycle: lifecycle.handle(RenewSubscription(id=SUBSCRIPTION), metadata=NORTH),
        lambda lifecycle: lifecycle.handle(Amend(id=ACCOUNT, institution="Freie Universität"), metadata=NORTH),
        lambda lifecycle: lifecycle.handle_rows([admit(ANN)], conclude, metadata=ROW_METADATA),
    ],
    ids=["one of them has a plan", "one of them is known elsewhere", "renewed", "amended", "another process settles"],
)
def test_where_somebody_was_faster_nothing_of_the_rows_is_recorded(lifecycle: Lifecycle, store: EventStore, clock: FixedClock, meddle):
    meddled = Lifecycle(MeddledStore(store, lambda: meddle(lifecycle)), clock)
    rows = [admit(BOB), admit(CARL)]
    with pytest.raises(Outdated):
        meddled.handle_rows(rows, conclude, metadata=ROW_METADATA)
    assert [] == topics(lifecycle, CARL)
    assert lifecycle.load(IMPORT).state.settled < 2
    if lifecycle.load(IMPORT).state.settled == 0:  # otherwise those rows are settled
        holder = lifecycle.log_reader.holder("person", rows[0].person_key)
        meddled.handle_rows([replace(rows[0], id=holder or BOB), rows[1]], conclude, metadata=ROW_METADATA)
        assert 2 == lifecycle.load(IMPORT).state.settled


def test_one_stream_is_not_asked_twice_among_the_rows(lifecycle: Lifecycle):
    with pytest.raises(Outdated):
        lifecycle.handle_rows([admit(ANN), admit(ANN)], conclude, metadata=ROW_METADATA)
    assert [] == topics(lifecycle, ANN)


def test_rows_whose_conclusion_is_refused_are_not_recorded(lifecycle: Lifecycle):
    lifecycle.handle_rows([admit(ANN)], conclude, metadata=ROW_METADATA)
    before = head(lifecycle)
    with pytest.raises(Refused) as refused:
        lifecycle.handle_rows([admit(BOB)], conclude, metadata=ROW_METADATA)
    assert "rows-out-of-order" == refused.value.slug
    assert before == head(lifecycle)


def test_a_dry_run_records_only_what_would_become_of_the_rows(lifecycle: Lifecycle):
    rows = [admit(ANN), admit(BOB, "tu-berlin.de")]
    outcome = lifecycle.handle_rows(rows, conclude, metadata=ROW_METADATA, dry_run=True)
    assert ["user-import.rows-settled"] == [pending.event.TOPIC for pending in outcome.events]
    assert {"activated": 1, "wrong_domain": 1} == outcome.stream.state.outcomes
    assert ([], []) == (topics(lifecycle, ANN), topics(lifecycle, BOB))
    assert lifecycle.log_reader.holder("person", f"key-{ANN.int}") is None


def test_a_row_sees_what_was_overdue(lifecycle: Lifecycle, clock: FixedClock):
    """The domain was retired by the time that the rows are looked at, though nobody has put that on record."""
    lifecycle.handle(RetireDomain(id=ACCOUNT, domain="fu-berlin.de"), metadata=NORTH)
    clock.instant = START + timedelta(days=91)
    outcome = lifecycle.handle_rows([admit(ANN)], conclude, metadata=ROW_METADATA)
    assert {"wrong_domain": 1} == outcome.stream.state.outcomes


def test_a_persons_overdue_end_takes_effect_before_the_row(lifecycle: Lifecycle, clock: FixedClock):
    let_in(lifecycle, ANN)
    lifecycle.handle(EndUserPlan(id=ANN, cause="asked", at=START + DAY), metadata=NORTH)
    clock.instant = START + 2 * DAY
    outcome = lifecycle.handle_rows([admit(ANN)], conclude, metadata=ROW_METADATA)
    assert ["user-plan.ended", "user-plan.requested", "user-plan.activated"] == topics(lifecycle, ANN)[-3:]
    assert [START + DAY, START + 2 * DAY] == [pending.event.at for pending in outcome.events[:2]]
    assert {"activated": 1} == outcome.stream.state.outcomes
