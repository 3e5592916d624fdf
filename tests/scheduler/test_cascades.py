"""What happens to an institution reaches everybody there, in several pages, each once, though a process dies within a page."""

from collections import Counter
from dataclasses import replace
from uuid import uuid4

import pytest

from domain.clock import FixedClock
from domain.commands.institutional_account import Close, RetireDomain, Suspend
from domain.commands.itk_subscription import CancelSubscription, ExtendSubscription, RenewSubscription, SuspendSubscription
from domain.commands.user_import import UndoUserImport
from domain.events.institutional_user_plan import (
    RenewalRequested,
    UserPlanAtRisk,
    UserPlanEnded,
    UserPlanExpired,
    UserPlanRenewed,
    UserPlanTermMoved,
)
from domain.events.user_import import Mode, RowOutcome, SettledRow, UserImportCompleted, UserImportRowsSettled, UserImportSubmitted
from domain.rules import DEFAULT_RULES
from projections.groups import Members
from projections.work import LEASE
from scheduler.deadlines import DueDeadlines
from scheduler.reactions import PAGE, Reactions
from tests.scheduler.house import DAY, ENDS_AT, GRACE_ENDS_AT, START, ask, happened, house, put, put_institution, set_clock, user_plan

MANY = 450
OPENS_AT = ENDS_AT - 30 * DAY
RETIRED_AT = START + 90 * DAY


@pytest.fixture
def home(database_url, tmp_path):
    with house(database_url, tmp_path) as home:
        yield home


class Killed(BaseException):
    """The process ends: nothing catches this."""


class Dying:
    """A life cycle that is cut off behind so many commands or streams, be it within a page."""

    def __init__(self, lifecycle, count):
        self.lifecycle, self.left = lifecycle, count

    def __getattr__(self, name):
        return getattr(self.lifecycle, name)

    def handle_apart(self, asked, **named):
        allowed = asked[: self.left]
        self.left -= len(allowed)
        answers = self.lifecycle.handle_apart(allowed, **named)
        if len(allowed) < len(asked):
            raise Killed
        return answers

    def settle(self, stream, until=None):
        if self.left == 0:
            raise Killed
        self.left -= 1
        return self.lifecycle.settle(stream, until)


def put_people(process, *more, at=START, changed=None):
    """An institution with many people, of whom `more` is known."""
    account, subscription = put_institution(process)
    people = [user_plan(account, subscription, f"p{each}") for each in range(MANY)]
    if changed:
        people = [(stream, [replace(events[0], **changed)]) for stream, events in people]
    put(process, account, *((stream, [*events, *more]) for stream, events in people))
    set_clock(process, at)
    pass_over(process)
    return account, subscription, [stream for stream, _ in people]


def pass_over(process):
    while process.reactions.tick():
        process.tables.catch_up()
    process.tables.catch_up()


def dying(process, count):
    lifecycle = Dying(process.lifecycle, count)
    return Reactions(lifecycle, process.database, process.tables, Members(DEFAULT_RULES, process.clock.now), process.real_clock, "dying")


def reaches(home, process, plans, kind):
    """One process dies within its second page; another one, which knows nothing of it, goes on. Returns what happened to each."""
    before = process.reactions.position()
    cut_off = dying(process, PAGE + 130)
    with pytest.raises(Killed):
        while cut_off.tick():
            pass
    assert PAGE + 130 == len(happened(process, kind))
    assert before <= process.reactions.position() < process.store.log.max_notification_id()
    heir = home.process()
    pass_over(heir)
    found = happened(heir, kind)
    assert Counter(plans) == Counter(each.stream_id for each in found)
    assert heir.store.log.max_notification_id() == heir.reactions.position()
    assert 1 == len({each.metadata.causation_id for each in found})
    pass_over(process)
    assert len(found) == len(happened(process, kind))
    return [each.event for each in found]


# asked of everybody


def test_a_renewal_reaches_all_who_wait_for_it(home):
    process = home.process()
    waits = RenewalRequested(at=OPENS_AT, term=1, opened_at=OPENS_AT)
    _, subscription, plans = put_people(process, waits, at=OPENS_AT)
    ask(process, RenewSubscription(id=subscription))
    assert {2} == {event.term for event in reaches(home, process, plans, UserPlanRenewed)}


def test_a_cancellation_ends_everybody(home):
    process = home.process()
    _, subscription, plans = put_people(process)
    ask(process, CancelSubscription(id=subscription, when="now"))
    assert {"subscription-cancelled"} == {event.cause for event in reaches(home, process, plans, UserPlanEnded)}


def test_an_extension_moves_everybody(home):
    process = home.process()
    _, subscription, plans = put_people(process)
    ask(process, ExtendSubscription(id=subscription, days=10))
    assert {GRACE_ENDS_AT + 10 * DAY} == {event.until for event in reaches(home, process, plans, UserPlanTermMoved)}


def test_a_domain_that_is_retired_puts_everybody_at_risk(home):
    process = home.process()
    account, _, plans = put_people(process)
    ask(process, RetireDomain(id=account, domain="uni.example"))
    set_clock(process, RETIRED_AT)
    process.lifecycle.settle(account)
    events = reaches(home, process, plans, UserPlanAtRisk)
    assert {("domain-retired", RETIRED_AT, RETIRED_AT + 14 * DAY)} == {(event.why, event.at, event.until) for event in events}


def test_a_closure_ends_all_who_still_waited_for_a_review(home):
    process = home.process()
    account, _, plans = put_people(process, at=GRACE_ENDS_AT, changed={"doubts": ("shared-domain",)})
    ask(process, Close(id=account))
    assert {"account-closed"} == {event.cause for event in reaches(home, process, plans, UserPlanEnded)}


def test_a_list_that_is_taken_back_ends_all_whom_it_let_in(home):
    process = home.process()
    listing = uuid4()
    account, subscription = put_institution(process)
    people = [user_plan(account, subscription, f"p{each}", import_id=listing) for each in range(MANY)]
    submitted = UserImportSubmitted(
        at=START,
        account_id=account,
        subscription_id=subscription,
        mode=Mode.ADD,
        dry_run=False,
        rows=MANY,
        digest="d",
        same_as=None,
        undo_days=14,
    )
    rows = tuple(SettledRow(row=row, outcome=RowOutcome.ACTIVATED, plan_id=stream) for row, (stream, _) in enumerate(people, 1))
    completed = UserImportCompleted(at=START, outcomes={"activated": MANY}, absent=None, undo_until=START + 14 * DAY)
    put(process, account, *people, (listing, [submitted, UserImportRowsSettled(at=START, rows=rows), completed]))
    pass_over(process)
    ask(process, UndoUserImport(id=listing))
    plans = [stream for stream, _ in people]
    assert {"undone"} == {event.cause for event in reaches(home, process, plans, UserPlanEnded)}


def test_a_suspension_is_not_written_to_anybody(home):
    """Whoever asks for access sees it on the subscription and on the account."""
    process = home.process()
    account, subscription, plans = put_people(process)
    head = process.store.log.max_notification_id()
    ask(process, SuspendSubscription(id=subscription))
    ask(process, Suspend(id=account))
    pass_over(process)
    assert {account, subscription} == {each.stream_id for each in happened(process, after=head)}
    assert "active" == process.lifecycle.present(plans[-1]).state.status


# due for everybody


def test_a_lapse_ends_everybody_at_the_same_instant(home):
    """Nothing is asked of them: each plan has an end of its own."""
    process = home.process()
    _, subscription, plans = put_people(process, at=GRACE_ENDS_AT + DAY)

    dead = DueDeadlines(Dying(process.lifecycle, 230), process.database, FixedClock(START), "dead")
    with pytest.raises(Killed):
        while dead.tick():
            pass_over(process)
    pass_over(process)
    cut_off = len(happened(process, UserPlanExpired))
    assert 200 < cut_off < 230  # the subscription's own deadlines come first
    heir = DueDeadlines(home.process().lifecycle, process.database, FixedClock(START + LEASE), "heir")
    while heir.tick():
        pass_over(process)
    found = happened(process, UserPlanExpired)
    assert Counter(plans) == Counter(each.stream_id for each in found)
    assert {GRACE_ENDS_AT} == {each.event.at for each in found}
    assert "lapsed" == process.lifecycle.present(subscription).state.status
