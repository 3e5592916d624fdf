"""Facts of one subscription in Berlin, with fixed times, for all tests of subscriptions."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from domain.aggregates.itk_subscription import ITKSubscription
from domain.catalogue import CURRENT, BulkData, Entitlement
from domain.context import AccountFacts, Context
from domain.events.itk_subscription import (
    CancellationScheduled,
    GraceStarted,
    SubscriptionActivated,
    SubscriptionEnded,
    SubscriptionLapsed,
    SubscriptionOpened,
    SubscriptionRenewed,
    SubscriptionSuspended,
)

SUBSCRIPTION, ACCOUNT, OLD = UUID(int=1), UUID(int=2), UUID(int=3)
MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)


def utc(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


FEBRUARY = utc(2027, 2, 1, 9)
STARTS_ON = date(2027, 3, 1)
STARTS_AT = utc(2027, 2, 28, 23)
MARCH_1 = utc(2027, 3, 1, 12)
JUNE = utc(2027, 6, 1, 12)
ENDS_AT = utc(2028, 2, 29, 23)
GRACE_ENDS_AT = utc(2028, 3, 30, 22)  # thirty local days, over the change to summer time
FOR_GOOD_AT = utc(2028, 6, 28, 22)
SECOND_END = utc(2029, 2, 28, 23)
THIRD_END = utc(2030, 2, 28, 23)
REMINDERS = (90, 60, 30, 14, 7, 1)

NOMINATED = AccountFacts(id=ACCOUNT, status="nominated", institution="FU", registered_account_id="r1", time_zone="Europe/Berlin")
LIVE = AccountFacts(id=ACCOUNT, status="active", institution="FU", registered_account_id="r1", time_zone="Europe/Berlin")

OPENED = SubscriptionOpened(
    at=FEBRUARY,
    account_id=ACCOUNT,
    starts_on=STARTS_ON,
    months=12,
    time_zone="Europe/Berlin",
    starts_at=STARTS_AT,
    ends_at=ENDS_AT,
    grace_days=30,
    reinstatement_days=90,
    reminders=REMINDERS,
    bulk_data=(BulkData.SCHOLARLY,),
    catalogue="2024-04",
)
ACTIVATED = SubscriptionActivated(
    at=MARCH_1,
    number=1,
    starts_on=STARTS_ON,
    time_zone="Europe/Berlin",
    starts_at=STARTS_AT,
    ends_at=ENDS_AT,
    quota_anchor=MARCH_1,
    plans=CURRENT.institution,
    catalogue="2024-04",
    entitlements=(*CURRENT.entitlements, Entitlement(name="bulk_data:scholarly")),
    bulk_data=(BulkData.SCHOLARLY,),
)
RENEWED = SubscriptionRenewed(at=JUNE, number=2, starts_at=ENDS_AT, ends_at=SECOND_END, months=12)
RENEWED_AGAIN = SubscriptionRenewed(at=JUNE, number=3, starts_at=SECOND_END, ends_at=THIRD_END, months=12)
IN_GRACE = GraceStarted(at=ENDS_AT, grace_ends_at=GRACE_ENDS_AT)
LAPSED = SubscriptionLapsed(at=GRACE_ENDS_AT, ends_for_good_at=FOR_GOOD_AT)
CANCELLED = CancellationScheduled(at=JUNE, takes_effect_at=ENDS_AT)
SUSPENDED = SubscriptionSuspended(at=JUNE, until=None, compensate=False, cause="asked")
COMPENSATED = SubscriptionSuspended(at=JUNE, until=None, compensate=True, cause="asked")
ENDED = SubscriptionEnded(at=FOR_GOOD_AT, cause="lapsed")

PENDING = (OPENED,)
IN_FORCE = (OPENED, ACTIVATED)
GRACE = (*IN_FORCE, IN_GRACE)
OVER = (*GRACE, LAPSED)
GONE = (*OVER, ENDED)


def state_after(*events):
    state = ITKSubscription()
    for event in events:
        state = state.evolve(event)
    return state


def due(state):
    """Each deadline's name and instant."""
    return {deadline.name: deadline.due_at for deadline in state.deadlines(SUBSCRIPTION)}


def live_through(state, until, last_at=FEBRUARY):
    """What happens up to `until` if nobody does anything, each deadline carried out at its own instant."""
    happened = []
    while pending := [d for d in state.deadlines(SUBSCRIPTION) if d.due_at <= until]:
        deadline = min(pending, key=lambda d: d.due_at)
        at = max(deadline.due_at, last_at)
        events = state.decide(deadline.command, Context(now=at, observed_at=at))
        assert events, f"{deadline} came to nothing"
        for event in events:
            state = state.evolve(event)
            happened.append(event)
        last_at = at
    return state, tuple(happened)
