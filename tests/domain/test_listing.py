"""What is said of a row follows from what it did, or why it did nothing."""

from dataclasses import replace
from uuid import UUID

import pytest

from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.attempt import Judged
from domain.context import Context
from domain.errors import DomainError, NotFound
from domain.events.institutional_user_plan import UserPlanEnded, UserPlanRejected
from domain.events.user_import import RowOutcome, SettledRow
from domain.listing import JudgedRow, duplicate, invalid, settled
from domain.streams import Stream
from tests.domain.user_plan_facts import (
    ABSENT,
    ACCOUNT_FACTS,
    ACTIVATED,
    ADMIT,
    ADMITTED,
    DOMAIN_LOST,
    IN_REVIEW,
    IN_TERM_1,
    INVITED,
    KNOWN,
    KNOWN_RENEWED,
    LEFT,
    LISTED,
    MARCH,
    NOT_REGISTERED,
    PENDING,
    PLAN,
    REQUESTED,
    SHARED,
    STOPPED,
    plan_after,
)

UNKNOWN = replace(ADMIT, registered=False, registered_account_id=None)
BEFORE_ACTIVATION = {"account": ACCOUNT_FACTS, "subscription": PENDING}
IN_A_SHARED_DOMAIN = {"account": SHARED, "subscription": IN_TERM_1}
WITHOUT_DOMAIN = {"account": DOMAIN_LOST, "subscription": IN_TERM_1}


def row(*before, command=ADMIT, dry_run=False, **context):
    """What the third row of a list comes to, for a person of whom `before` is known."""
    state = plan_after(*before).state
    stream = Stream(PLAN, state, len(before))
    try:
        events = state.decide(command, Context(now=MARCH, observed_at=MARCH, **context))
        judged = Judged(command, replace(stream, state=plan_after(*before, *events).state), events)
    except DomainError as refusal:
        judged = Judged(command, stream, refusal=refusal)
    return settled(JudgedRow(row=3, judged=judged, known=bool(before), dry_run=dry_run))


@pytest.mark.parametrize(
    ("before", "command", "context", "outcome", "why"),
    [
        ((), ADMIT, KNOWN, "activated", None),
        ((INVITED,), ADMIT, KNOWN, "activated", None),
        ((REQUESTED, ACTIVATED, UserPlanEnded(at=MARCH, cause="asked")), ADMIT, KNOWN, "activated", None),
        ((LISTED, ADMITTED), ADMIT, KNOWN, "already_active", None),
        ((REQUESTED, ACTIVATED, STOPPED), ADMIT, KNOWN, "already_active", None),
        ((REQUESTED, ACTIVATED, ABSENT), ADMIT, KNOWN, "already_active", None),
        ((REQUESTED, ACTIVATED), ADMIT, KNOWN_RENEWED, "renewed", None),
        ((REQUESTED, ACTIVATED, ABSENT), ADMIT, KNOWN_RENEWED, "renewed", None),
        ((), UNKNOWN, KNOWN, "not_registered", None),
        ((NOT_REGISTERED,), UNKNOWN, KNOWN, "not_registered", None),
        ((NOT_REGISTERED,), ADMIT, KNOWN, "activated", None),
        ((), ADMIT, BEFORE_ACTIVATION, "waiting", "subscription-pending"),
        ((), ADMIT, IN_A_SHARED_DOMAIN, "waiting", "shared-domain"),
        ((), UNKNOWN, IN_A_SHARED_DOMAIN, "waiting", "shared-domain"),
        ((IN_REVIEW,), ADMIT, KNOWN, "waiting", "shared-domain"),
        ((IN_REVIEW, UserPlanRejected(at=MARCH, why="x")), ADMIT, KNOWN, "waiting", "rejected-before"),
        ((NOT_REGISTERED,), ADMIT, IN_A_SHARED_DOMAIN, "waiting", "shared-domain"),
        ((REQUESTED, ACTIVATED, LEFT), ADMIT, KNOWN, "left_earlier", None),
        ((REQUESTED, ACTIVATED), ADMIT, WITHOUT_DOMAIN, "wrong_domain", None),
        ((REQUESTED, ACTIVATED), ADMIT, {"account": ACCOUNT_FACTS}, "refused", "no-subscription"),
        ((REQUESTED, ACTIVATED), ADMIT, {}, "refused", "account-not-active"),
    ],
)
def test_what_became_of_a_row(before, command, context, outcome, why):
    expected = SettledRow(row=3, outcome=RowOutcome(outcome), plan_id=PLAN, why=why)
    assert expected == row(*before, command=command, **context)


def test_a_row_that_is_refused_names_a_plan_only_where_there_is_one():
    assert SettledRow(row=3, outcome=RowOutcome.WRONG_DOMAIN) == row(**WITHOUT_DOMAIN)


def test_a_dry_run_names_no_plan_that_it_would_have_made():
    assert SettledRow(row=3, outcome=RowOutcome.ACTIVATED) == row(dry_run=True, **KNOWN)
    assert SettledRow(row=3, outcome=RowOutcome.ALREADY_ACTIVE, plan_id=PLAN) == row(REQUESTED, ACTIVATED, dry_run=True, **KNOWN)


def test_any_other_refusal_is_told_by_its_code():
    judged = Judged(ADMIT, Stream(PLAN, InstitutionalUserPlan()), refusal=NotFound("such thing as", PLAN))
    refused = SettledRow(row=3, outcome=RowOutcome.REFUSED, why="not-found")
    assert refused == settled(JudgedRow(row=3, judged=judged, known=False))


def test_rows_that_come_before_nobody():
    other = UUID(int=5)
    assert SettledRow(row=9, outcome=RowOutcome.DUPLICATE, same_as=4) == duplicate(9, 4)
    assert SettledRow(row=9, outcome=RowOutcome.DUPLICATE, plan_id=other) == duplicate(9, None, other)
    assert SettledRow(row=9, outcome=RowOutcome.INVALID, why="invalid-email") == invalid(9, "invalid-email")
