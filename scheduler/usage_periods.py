"""Closes the quota months of institutions: each at the instant at which it ended, in order, however late that is done."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog

from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.itk_subscription_usage import next_to_close
from domain.application import Lifecycle
from domain.attempt import SYSTEM
from domain.clock import Clock
from domain.commands.itk_subscription import AdjustUsagePeriod, CloseUsagePeriod
from projections import deadlines, usage_periods
from projections.follower import Database

UNDER_WAY = timedelta(minutes=10)
"""What was decided before an instant may be committed so much after it."""

log = structlog.get_logger()


class UsagePeriods:
    """Looks at how things are, so that no month can be missed: what is on record is compared with what was counted."""

    def __init__(self, lifecycle: Lifecycle, database: Database, real_clock: Clock) -> None:
        self._lifecycle = lifecycle
        self._database = database
        self._real_clock = real_clock
        self._compared: datetime | None = None
        """Months that ended until then were compared before, in this process."""

    def tick(self) -> int:
        """All that is due until the first deadline that is overdue. Returns how many months were closed or adjusted.

        A month is closed before what fell due later takes effect, also after an outage.
        """
        now, late = self._lifecycle.clock.now(), timedelta(hours=self._lifecycle.rules.late_usage_hours)
        with self._database.reading() as connection:
            overdue = deadlines.longest_overdue(connection, now=now, real_now=self._real_clock.now())
            until = min(now, overdue or now)
            to_close = usage_periods.to_close(connection, until)
            to_adjust = usage_periods.to_adjust(connection, self._compared, until - late)
        done = sum(self._close(subscription, until) for subscription in to_close)
        done += sum(self._adjust(*month, late) for month in to_adjust)
        if not to_adjust:
            self._compared = until - late - UNDER_WAY
        return done

    def _close(self, id: UUID, until: datetime) -> int:
        """Every month of a subscription that is over, one after the other."""
        closed = 0
        state = self._lifecycle.load(id).state
        assert isinstance(state, ITKSubscription)
        while (month := next_to_close(state)) is not None and month.ends_at <= until:
            with self._database.reading() as connection:
                totals = usage_periods.totals(connection, state.account_id, month.starts_at)
            try:
                outcome = self._lifecycle.handle(
                    CloseUsagePeriod(id=id, period=month.number, totals=totals), metadata=SYSTEM, at=month.ends_at
                )
            except Exception:
                log.exception("usage_period_not_closed", subscription=str(id), period=month.number)
                break
            state = outcome.stream.state
            assert isinstance(state, ITKSubscription)
            if next_to_close(state) == month:
                break
            closed += 1
        return closed

    def _adjust(self, id: UUID, number: int, account: UUID, starts_at: datetime, ends_at: datetime, late: timedelta) -> int:
        with self._database.reading() as connection:
            totals = usage_periods.totals(connection, account, starts_at)
        try:
            outcome = self._lifecycle.handle(AdjustUsagePeriod(id=id, period=number, totals=totals), metadata=SYSTEM, at=ends_at + late)
        except Exception:
            log.exception("usage_period_not_adjusted", subscription=str(id), period=number)
            return 0
        return int(bool(outcome.events))
