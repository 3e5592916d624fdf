"""A list is settled row by row, in order, each row once; and for fourteen days it can be taken back as a whole."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.aggregates.user_import import Status, UserImport
from domain.commands.user_import import CompleteUserImport, ConfirmAbsences, SettleRows, SubmitUserImport, UndoUserImport
from domain.events.user_import import (
    Mode,
    RowOutcome,
    SettledRow,
    UserImportAbsencesConfirmed,
    UserImportCompleted,
    UserImportRowsSettled,
    UserImportSubmitted,
    UserImportUndone,
)
from domain.rules import Rules
from tests.domain.given import given
from tests.domain.user_plan_facts import ACCOUNT, ACCOUNT_FACTS, IN_14_DAYS, IN_TERM_1, KNOWN, MARCH, MICROSECOND, PENDING, SUBSCRIPTION

IMPORT, BEFORE = UUID(int=8), UUID(int=7)
SUBMIT = SubmitUserImport(
    id=IMPORT, account_id=ACCOUNT, subscription_id=SUBSCRIPTION, mode=Mode.ADD, dry_run=False, rows=3, digest="d1", same_as=BEFORE
)
SUBMITTED = UserImportSubmitted(
    at=MARCH,
    account_id=ACCOUNT,
    subscription_id=SUBSCRIPTION,
    mode=Mode.ADD,
    dry_run=False,
    rows=3,
    digest="d1",
    same_as=BEFORE,
    undo_days=14,
)
RECONCILING = replace(SUBMITTED, mode=Mode.RECONCILE)
REHEARSED = replace(SUBMITTED, dry_run=True)
ONE = SettledRow(row=1, outcome=RowOutcome.ACTIVATED)
TWO = SettledRow(row=2, outcome=RowOutcome.ALREADY_ACTIVE)
THREE = SettledRow(row=3, outcome=RowOutcome.ACTIVATED)
TWO_ROWS = UserImportRowsSettled(at=MARCH, rows=(ONE, TWO))
LAST_ROW = UserImportRowsSettled(at=MARCH, rows=(THREE,))
ALL_ROWS = (TWO_ROWS, LAST_ROW)
COMPLETED = UserImportCompleted(at=MARCH, outcomes={"activated": 2, "already_active": 1}, absent=None, undo_until=IN_14_DAYS)
SOME_ABSENT = replace(COMPLETED, absent=4)
UNDONE = UserImportUndone(at=MARCH)
CONFIRMED = UserImportAbsencesConfirmed(at=MARCH, absent=4)
COMPLETE, UNDO, CONFIRM = CompleteUserImport(id=IMPORT), UndoUserImport(id=IMPORT), ConfirmAbsences(id=IMPORT, absent=4)


def settle(*rows):
    return SettleRows(id=IMPORT, rows=rows)


def list_after(*events):
    return given(UserImport(), *events)


# handing it in


def test_a_list_is_handed_in():
    list_after().when(SUBMIT, now=MARCH, **KNOWN).then(SUBMITTED)
    list_after().when(SUBMIT, now=MARCH, rules=Rules(import_undo_days=3), **KNOWN).then(replace(SUBMITTED, undo_days=3))
    state = list_after(SUBMITTED).state
    assert (Status.RUNNING, 3, 0, MARCH, BEFORE, ACCOUNT) == (
        state.status,
        state.rows,
        state.settled,
        state.submitted_at,
        state.same_as,
        state.account_id,
    )
    assert () == state.deadlines(IMPORT)


def test_a_list_may_come_before_the_activation():
    nominated = replace(ACCOUNT_FACTS, status="nominated")
    list_after().when(SUBMIT, now=MARCH, account=nominated, subscription=PENDING).then(SUBMITTED)


@pytest.mark.parametrize("status", ["lapsed", "ended", "suspended"])
def test_no_list_without_a_subscription_that_gives_access(status):
    facts = replace(IN_TERM_1, status=status, gives_access=False)
    list_after().when(SUBMIT, now=MARCH, account=ACCOUNT_FACTS, subscription=facts).then_refused("no-subscription", status)
    list_after().when(SUBMIT, now=MARCH, account=ACCOUNT_FACTS).then_refused("no-subscription")


@pytest.mark.parametrize("status", ["suspended", "closed", "withdrawn", "rejected"])
def test_no_list_at_an_account_that_is_not_active(status):
    account = replace(ACCOUNT_FACTS, status=status)
    list_after().when(SUBMIT, now=MARCH, account=account, subscription=IN_TERM_1).then_refused("account-not-active", status)


@pytest.mark.parametrize("since", [(), (*ALL_ROWS, COMPLETED), (UNDONE,)], ids=["running", "completed", "undone"])
def test_a_list_is_handed_in_once(since):
    list_after(SUBMITTED, *since).when(SUBMIT, now=MARCH, **KNOWN).then_refused("not-now", "cannot submit user import")


# its rows


def test_rows_are_settled_in_order():
    list_after(SUBMITTED).when(settle(ONE, TWO), now=MARCH).then(TWO_ROWS)
    list_after(SUBMITTED, TWO_ROWS).when(settle(THREE), now=MARCH).then(LAST_ROW)
    state = list_after(SUBMITTED, *ALL_ROWS).state
    assert (3, {"activated": 2, "already_active": 1}) == (state.settled, state.outcomes)


@pytest.mark.parametrize("rows", [(), (TWO,), (TWO, ONE), (ONE, ONE), (ONE, THREE), (ONE, TWO, THREE, replace(THREE, row=4))])
def test_no_row_is_settled_out_of_order_nor_one_that_is_not_there(rows):
    list_after(SUBMITTED).when(settle(*rows), now=MARCH).then_refused("rows-out-of-order", "0 of 3")


def test_no_row_is_settled_twice():
    list_after(SUBMITTED, TWO_ROWS).when(settle(ONE, TWO), now=MARCH).then_refused("rows-out-of-order", "2 of 3")
    list_after(SUBMITTED, *ALL_ROWS).when(settle(THREE), now=MARCH).then_refused("rows-out-of-order", "3 of 3")


@pytest.mark.parametrize("before", [(), (SUBMITTED, *ALL_ROWS, COMPLETED), (SUBMITTED, UNDONE)], ids=["new", "completed", "undone"])
def test_rows_are_settled_only_while_the_list_is_running(before):
    list_after(*before).when(settle(ONE), now=MARCH).then_refused("not-now", "settle rows")


def test_a_list_is_completed_when_every_row_is_settled():
    list_after(SUBMITTED, TWO_ROWS).when(COMPLETE, now=MARCH, **KNOWN).then_refused("not-now", "running")
    list_after(SUBMITTED, *ALL_ROWS).when(COMPLETE, now=MARCH, **KNOWN).then(COMPLETED)
    list_after(SUBMITTED, *ALL_ROWS, COMPLETED).when(COMPLETE, now=MARCH, **KNOWN).then_nothing()
    list_after(SUBMITTED, UNDONE).when(COMPLETE, now=MARCH, **KNOWN).then_refused("not-now", "undone")
    state = list_after(SUBMITTED, *ALL_ROWS, COMPLETED).state
    assert (Status.COMPLETED, MARCH, IN_14_DAYS, None) == (state.status, state.completed_at, state.undo_until, state.absent)


def test_a_complete_list_counts_who_is_absent():
    count = CompleteUserImport(id=IMPORT, absent=4)
    list_after(RECONCILING, *ALL_ROWS).when(count, now=MARCH, **KNOWN).then(SOME_ABSENT)


def test_an_empty_list_is_complete_at_once():
    list_after(replace(SUBMITTED, rows=0)).when(COMPLETE, now=MARCH, **KNOWN).then(replace(COMPLETED, outcomes={}))


def test_without_a_zone_the_days_are_counted_in_utc():
    nowhere = replace(ACCOUNT_FACTS, time_zone=None)
    completed = replace(COMPLETED, undo_until=datetime(2027, 3, 17, 10, tzinfo=UTC))
    list_after(SUBMITTED, *ALL_ROWS).when(COMPLETE, now=MARCH, account=nowhere, subscription=IN_TERM_1).then(completed)
    list_after(SUBMITTED, *ALL_ROWS).when(COMPLETE, now=MARCH).then(completed)


# who is absent


def test_the_absent_are_confirmed_by_their_number_once():
    counted = list_after(RECONCILING, *ALL_ROWS, SOME_ABSENT)
    counted.when(CONFIRM, now=MARCH).then(CONFIRMED)
    counted.when(replace(CONFIRM, absent=3), now=MARCH).then_refused("absences-differ", "4 plans")
    list_after(RECONCILING, *ALL_ROWS, SOME_ABSENT, CONFIRMED).when(CONFIRM, now=MARCH).then_nothing()
    assert list_after(RECONCILING, *ALL_ROWS, SOME_ABSENT, CONFIRMED).state.absences_confirmed


@pytest.mark.parametrize("submitted", [SUBMITTED, replace(RECONCILING, dry_run=True)], ids=["add", "dry run"])
def test_only_a_complete_list_in_earnest_tells_who_is_absent(submitted):
    list_after(submitted, *ALL_ROWS, SOME_ABSENT).when(CONFIRM, now=MARCH).then_refused("not-reconciled")


@pytest.mark.parametrize("before", [(), (RECONCILING,), (RECONCILING, *ALL_ROWS, SOME_ABSENT, UNDONE)], ids=["new", "running", "undone"])
def test_nothing_is_confirmed_before_the_list_is_completed_nor_after_it_is_taken_back(before):
    list_after(*before).when(CONFIRM, now=MARCH).then_refused("not-now", "confirm absences")


# taking it back


def test_a_list_can_be_taken_back_until_the_very_moment_its_fourteen_days_are_over():
    completed = list_after(SUBMITTED, *ALL_ROWS, COMPLETED)
    completed.when(UNDO, now=IN_14_DAYS - MICROSECOND).then(replace(UNDONE, at=IN_14_DAYS - MICROSECOND))
    completed.when(UNDO, now=IN_14_DAYS).then_refused("too-late", "14 days, this one until 2027-03-17")


def test_a_list_can_be_taken_back_while_it_is_running():
    list_after(SUBMITTED, TWO_ROWS).when(UNDO, now=MARCH).then(UNDONE)


def test_taking_back_twice_is_taking_back_once():
    list_after(SUBMITTED, UNDONE).when(UNDO, now=MARCH).then_nothing()
    list_after(SUBMITTED, *ALL_ROWS, COMPLETED, UNDONE).when(UNDO, now=IN_14_DAYS).then_nothing()


def test_there_is_nothing_to_take_back_of_a_dry_run():
    list_after(REHEARSED).when(UNDO, now=MARCH).then_refused("not-now", "a dry run, which has done nothing")
    list_after(REHEARSED, *ALL_ROWS, COMPLETED).when(UNDO, now=MARCH).then_refused("not-now", "a dry run")
    list_after().when(UNDO, now=MARCH).then_refused("not-now", "new")


def test_the_confirmed_absences_are_taken_back_with_the_list():
    list_after(RECONCILING, *ALL_ROWS, SOME_ABSENT, CONFIRMED).when(UNDO, now=MARCH).then(UNDONE)
