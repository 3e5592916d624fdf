"""Makes the statements of usage: what was used in a term, some days before its end and at its end."""

from uuid import UUID

import structlog

from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.itk_subscription_parts import Statement
from domain.aggregates.itk_subscription_statements import next_statement
from domain.application import Lifecycle
from domain.attempt import SYSTEM
from domain.clock import Clock
from domain.commands.itk_subscription import MakeUsageStatement
from projections import deadlines, usage_periods, usage_reports
from projections.follower import Database

log = structlog.get_logger()


class UsageStatements:
    """Looks at how things are; after an outage only the last statement of a term is made."""

    def __init__(self, lifecycle: Lifecycle, database: Database, real_clock: Clock) -> None:
        self._lifecycle = lifecycle
        self._database = database
        self._real_clock = real_clock

    def tick(self) -> int:
        """All that is due until the first deadline that is overdue. Returns how many statements were made."""
        now = self._lifecycle.clock.now()
        with self._database.reading() as connection:
            overdue = deadlines.longest_overdue(connection, now=now, real_now=self._real_clock.now())
            until = min(now, overdue or now)
            subscriptions = usage_periods.to_state(connection, until)
        made = 0
        for id in subscriptions:
            state = self._lifecycle.load(id).state
            assert isinstance(state, ITKSubscription)
            statement = next_statement(state, self._lifecycle.rules.usage_statement_days, now)
            if statement is not None and statement.due_at <= until:
                made += self._make(id, state, statement)
        return made

    def _make(self, id: UUID, state: ITKSubscription, statement: Statement) -> int:
        with self._database.reading() as connection:
            used, people = usage_reports.stated(connection, state, statement)
        command = MakeUsageStatement(id=id, number=statement.number, days_left=statement.days_left, used=used, people=people)
        try:
            return int(bool(self._lifecycle.handle(command, metadata=SYSTEM, at=statement.due_at).events))
        except Exception:
            log.exception("usage_statement_not_made", subscription=str(id))
            return 0
