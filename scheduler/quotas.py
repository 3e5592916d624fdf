"""Notes when much of a quota month is used up, so that whoever uses it is told: looks at the counters, so that nothing can be missed."""

import structlog

from domain.application import Lifecycle
from domain.attempt import SYSTEM
from domain.errors import DomainError
from projections import quotas
from projections.follower import Database

log = structlog.get_logger()


class Quotas:
    """Each share of a limit is noted once a month, by the stream itself."""

    def __init__(self, lifecycle: Lifecycle, database: Database) -> None:
        self._lifecycle = lifecycle
        self._database = database

    def tick(self) -> int:
        """All that has been reached by now. Returns how often something was noted."""
        with self._database.reading() as connection:
            reached = list(quotas.untold(connection, self._lifecycle.clock.now(), self._lifecycle.rules.quota_percents))
        noted = 0
        for each in reached:
            try:
                noted += bool(self._lifecycle.handle(each.command(), metadata=SYSTEM).events)
            except DomainError as refusal:
                log.warning("quota_not_noted", stream=str(each.stream_id), slug=refusal.slug)
        return noted
