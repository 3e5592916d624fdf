"""Notes the steps of an onboarding that show elsewhere: looks at how things are, so that none can be missed."""

from datetime import datetime
from uuid import UUID

import structlog

from domain.aggregates.api_token import ApiToken
from domain.aggregates.itk_subscription import ITKSubscription
from domain.application import Lifecycle
from domain.attempt import SYSTEM
from domain.commands.onboarding import NoteOnboardingStep
from projections import onboarding
from projections.follower import Database, TableFollowers

log = structlog.get_logger()


class OnboardingSteps:
    """What was noted is not asked for again, whichever process notes it."""

    def __init__(self, lifecycle: Lifecycle, database: Database, tables: TableFollowers) -> None:
        self._lifecycle = lifecycle
        self._database = database
        self._tables = tables

    def tick(self) -> int:
        """One batch of each step, once the tables have reached the log. Returns how many steps were noted."""
        if self._tables.position() < (self._lifecycle.log_reader.max_notification_id() or 0):
            return 0
        with self._database.reading() as connection:
            found = list(onboarding.reached(connection, self._lifecycle.rules.onboarding_users))
        asked = [NoteOnboardingStep(id=account, step=step, since=self._since(shows)) for account, step, shows in found]
        done = 0
        for command in asked:
            try:
                done += bool(self._lifecycle.handle(command, metadata=SYSTEM, at=command.since).events)
            except Exception:
                log.exception("onboarding_step_not_noted", account=str(command.id), step=str(command.step))
        return done

    def _since(self, shows: UUID | datetime | None) -> datetime:
        """When the step was reached: as the stream has it that shows it, or now."""
        now = self._lifecycle.clock.now()
        if isinstance(shows, UUID):
            state = self._lifecycle.load(shows).state
            if isinstance(state, ITKSubscription):
                return state.activated_at or now
            if isinstance(state, ApiToken):
                return state.issued_at
        return shows if isinstance(shows, datetime) else now
