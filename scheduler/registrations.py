"""Compares what the platform says of addresses with what plans wait for: looks at how things are, so that no change can be missed."""

import structlog

from domain.application import Lifecycle
from domain.attempt import SYSTEM
from domain.commands.base import Command
from domain.commands.institutional_user_plan import LoseAddress, TakeUpRegistration
from projections import user_plans
from projections.follower import Database, TableFollowers

BATCH = 200

log = structlog.get_logger()


class Registrations:
    """Whoever stands on a list and has an account now is let in; whose account has lost the address is at risk."""

    def __init__(self, lifecycle: Lifecycle, database: Database, tables: TableFollowers) -> None:
        self._lifecycle = lifecycle
        self._database = database
        self._tables = tables

    def tick(self) -> int:
        """One batch, once the tables have reached the log. Returns how many plans were dealt with."""
        if not self._lifecycle.rules.registered_accounts_known:
            return 0
        if self._tables.position() < (self._lifecycle.log_reader.max_notification_id() or 0):
            return 0
        with self._database.reading() as connection:
            registered = user_plans.newly_registered(connection, BATCH)
            lost = user_plans.without_address(connection, BATCH)
        commands: list[Command] = [TakeUpRegistration(id=plan, registered_account_id=account) for plan, account in registered]
        commands += [LoseAddress(id=plan) for plan in lost]
        if not commands:
            return 0
        refusals = self._lifecycle.handle_apart([(command, SYSTEM) for command in commands])
        for command, refusal in zip(commands, refusals, strict=True):
            if refusal is not None:
                log.warning("registration_refused", stream=str(command.id), slug=refusal.slug)
        return len(commands) - sum(refusal is not None for refusal in refusals)
