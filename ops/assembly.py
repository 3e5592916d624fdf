"""Puts the parts together: which object is given which, and nothing else."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine
from sqlalchemy.exc import ArgumentError, ProgrammingError

from api.feed import Feed
from api.meter import Meter
from api.service import Service
from domain.application import Lifecycle
from domain.clock import Clock, SystemClock
from domain.values.receivers import parse_receiver
from ops.bulk_files import BulkFiles
from ops.config import ConfigurationError, Settings
from ops.eventstore.engine import Database, connect, refuse_forgetful
from ops.eventstore.evidence import TreeEvidence
from ops.eventstore.factory import EventStore
from ops.eventstore.leaf import leaves_between
from ops.eventstore.rights import unprotected
from ops.eventstore.scrub import scrub
from ops.eventstore.upgrade import make_derived, upgrade, upgrade_for
from ops.keys import Keys, checkpoint_signer, checkpoint_verifier, load_keys
from ops.leak_reports import verifier
from ops.links import Links
from ops.metrics import Metrics
from ops.secrets import Vault
from ops.staff import StaffKeys
from ops.time_machine import Gate, TimeMachine, VirtualClock
from projections import (
    accounts,
    api_tokens,
    corrections,
    deadlines,
    erasures,
    forgetting,
    onboarding,
    quotas,
    reads,
    subscriptions,
    usage_periods,
    user_imports,
    user_plans,
    webhooks,
)
from projections.announcements.wording import Addresses
from projections.deadlines import Deadlines
from projections.emails import outbox
from projections.emails.compose import Letterhead
from projections.emails.outbox import Outbox
from projections.entitlements import Spans
from projections.exports.export import Evidence
from projections.follower import TableFollowers
from projections.gatekeeper import Gatekeeper
from projections.groups import Members
from projections.proof import checkpoints
from projections.proof.tiles import TreeOfEvents
from projections.versions import Versions
from scheduler.checkpoints import Checkpoints
from scheduler.deadlines import DueDeadlines
from scheduler.erasures import Erasures
from scheduler.imports import UserImports
from scheduler.loop import Following, Heartbeat, Loop
from scheduler.onboarding import OnboardingSteps
from scheduler.outbox import OutboxSender
from scheduler.quotas import Quotas
from scheduler.reactions import Reactions
from scheduler.receivers import Receivers
from scheduler.registrations import Registrations
from scheduler.smtp import SmtpUrl
from scheduler.usage_periods import UsagePeriods
from scheduler.usage_statements import UsageStatements
from scheduler.webhooks import Webhooks

KEEPING_SECONDS = 1.0
MAY_NOT = "42501"
"""What PostgreSQL calls a right that is not there."""
PARTS = ("api", "scheduler", "projector")


class Assembly:
    """One process: everything is made when it is first asked for."""

    def __init__(self, settings: Settings, *, smtp_url: str | None = None, clock: Clock | None = None) -> None:
        """`clock` stands in for the one that the settings name; leases and time-outs keep to real time."""
        self.settings = settings
        self._given_clock = clock
        self._smtp_url = smtp_url or (settings.smtp_url.get_secret_value() if settings.smtp_url else None)
        self.owner = f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:8]}"
        self._wakers: list[Callable[[], None]] = []
        self.real_clock = SystemClock()

    # the database

    @cached_property
    def engine(self) -> Engine:
        return _connected(self.settings.database_url, "TENURE_DATABASE_URL")

    @cached_property
    def database(self) -> Database:
        return Database(self.engine)

    def prepare(self) -> None:
        """Bring the database up to date, refuse one that can forget, and make sure of what else must be there."""
        refuse_forgetful(self.engine)
        if self.settings.db_upgrade == "on":
            self._upgrade()
        try:
            with self.database.writing() as connection:
                make_derived(connection)
        except ProgrammingError as error:
            if getattr(error.orig, "pgcode", None) != MAY_NOT:
                raise
            raise ConfigurationError("tables are missing, and this role may make none: run `tenure db upgrade` as their owner") from None
        if isinstance(self.clock, VirtualClock):
            self.clock.start_at(self.settings.virtual_start)
        self.tables.prepare()
        self.reactions.prepare()

    def _upgrade(self) -> None:
        url = self.settings.owner_database_url
        if url is None:
            upgrade(self.engine)
            return
        owner = _connected(url.get_secret_value(), "TENURE_OWNER_DATABASE_URL")
        if {owner.dialect.name, self.engine.dialect.name} != {"postgresql"}:
            raise ConfigurationError("TENURE_OWNER_DATABASE_URL: only PostgreSQL knows roles; leave it out")
        try:
            upgrade_for(self.engine, owner)
        finally:
            owner.dispose()

    def scrub(self) -> list[str]:
        """Leave nothing of what was deleted on the pages of the database. Returns what the role may not do, a sentence each."""
        self.tables.catch_up()
        url = self.settings.owner_database_url
        if url is None:
            return scrub(self.engine)
        owner = _connected(url.get_secret_value(), "TENURE_OWNER_DATABASE_URL")
        try:
            return scrub(owner)
        finally:
            owner.dispose()

    def unprotected(self) -> str | None:
        """Why the database does not keep this process from changing the log; None where it does."""
        with self.database.reading() as connection:
            return unprotected(connection)

    # the domain

    @cached_property
    def clock(self) -> Clock:
        if self._given_clock is not None:
            return self._given_clock
        return VirtualClock(self.database) if self.settings.is_virtual else self.real_clock

    @cached_property
    def store(self) -> EventStore:
        store = EventStore(self.engine, self.keys.keyring(), now=self.clock.now)
        store.log.on_forget.append(forgetting.clean)
        return store

    @cached_property
    def lifecycle(self) -> Lifecycle:
        return Lifecycle(self.store, self.clock, self.settings.rules(), on_recorded=self._wake)

    def _wake(self) -> None:
        for wake in self._wakers:
            wake()

    # what follows the log

    @cached_property
    def tables(self) -> TableFollowers:
        return TableFollowers(
            self.database,
            self.lifecycle,
            (
                Versions(),
                accounts.projection,
                onboarding.projection,
                subscriptions.projection,
                user_plans.projection,
                user_imports.projection,
                user_imports.Outcomes(),
                api_tokens.projection,
                corrections.projection,
                erasures.projection,
                erasures.PlansOver(),
                Deadlines(),
                usage_periods.UsagePeriods(self.settings.rules().usage_statement_days),
                quotas.Quotas(),
                Spans(),
                Outbox(),
                TreeOfEvents(leaves_between),
            ),
        )

    @cached_property
    def reactions(self) -> Reactions:
        members = Members(self.settings.rules(), self.clock.now)
        return Reactions(self.lifecycle, self.database, self.tables, members, self.real_clock, self.owner)

    @cached_property
    def following(self) -> Following:
        following = Following(self.tables.catch_up, self.settings.poll_seconds)
        self._wakers.append(following.wake)
        return following

    @cached_property
    def keeping(self) -> Following:
        """Keeps the gatekeeper near the log while nobody asks; whoever asks looks for what is new."""
        keeping = Following(self.gatekeeper.follow, KEEPING_SECONDS)
        self._wakers.append(keeping.wake)
        return keeping

    @cached_property
    def feed(self) -> Feed:
        return Feed(lambda: self.store.log.max_notification_id() or 0)

    @cached_property
    def noticing(self) -> Following:
        """Looks for what is new while somebody follows the stream of events."""
        noticing = Following(self.feed.look, self.settings.poll_seconds)
        self._wakers.append(noticing.wake)
        return noticing

    # the scheduler

    @cached_property
    def letterhead(self) -> Letterhead:
        settings = self.settings
        base = settings.public_url.rstrip("/")
        return Letterhead(
            mail_from=settings.mail_from,
            support_address=settings.support_address,
            public_url=settings.public_url,
            confirm_url=lambda account, transfer: f"{base}/confirm/{self.links.sign(account, transfer)}",
            invitation_url=lambda plan: f"{base}/invitations/{self.links.sign(plan, plan)}",
            download_url=self.download_url,
        )

    @cached_property
    def sender(self) -> OutboxSender:
        if self._smtp_url is None:
            raise ConfigurationError("TENURE_SMTP_URL is missing")
        try:
            smtp = SmtpUrl.parse(self._smtp_url)
        except ValueError as error:
            raise ConfigurationError(f"TENURE_SMTP_URL: {error}") from None
        return OutboxSender(
            self.lifecycle,
            self.database,
            self.tables,
            smtp,
            self.letterhead,
            self.real_clock,
            self.owner,
            self.metrics.count_email,
        )

    @cached_property
    def due_deadlines(self) -> DueDeadlines:
        return DueDeadlines(self.lifecycle, self.database, self.real_clock, self.owner)

    @cached_property
    def user_imports(self) -> UserImports:
        def person_key(account: UUID, address: str) -> str:
            return self.keys.derived("person", f"{account}/{address}")

        return UserImports(self.lifecycle, self.database, self.tables, person_key, self.real_clock, self.owner)

    @cached_property
    def registrations(self) -> Registrations:
        return Registrations(self.lifecycle, self.database, self.tables)

    @cached_property
    def usage_periods(self) -> UsagePeriods:
        return UsagePeriods(self.lifecycle, self.database, self.real_clock)

    @cached_property
    def usage_statements(self) -> UsageStatements:
        return UsageStatements(self.lifecycle, self.database, self.real_clock)

    @cached_property
    def quotas(self) -> Quotas:
        return Quotas(self.lifecycle, self.database)

    @cached_property
    def onboarding_steps(self) -> OnboardingSteps:
        return OnboardingSteps(self.lifecycle, self.database, self.tables)

    @cached_property
    def erasures(self) -> Erasures:
        return Erasures(self.lifecycle, self.database, self.tables, self.store.people)

    @cached_property
    def checkpoints(self) -> Checkpoints:
        return Checkpoints(self.database, self.clock, checkpoint_signer(self.settings), self.settings.checkpoint_directory)

    @cached_property
    def webhooks(self) -> Webhooks:
        settings = self.settings
        return Webhooks(
            self.lifecycle,
            self.database,
            Receivers(settings.networks(), settings.webhook_timeout_seconds),
            self.keys.derived,
            settings.public_url,
            self.real_clock,
            self.owner,
            timedelta(seconds=settings.webhook_lease_seconds),
            self.metrics.count_webhook,
        )

    @cached_property
    def delivering(self) -> Following:
        """Webhooks have a thread beside the heartbeat: a receiver that hangs keeps no deadline and no email waiting."""
        delivering = Following(self.webhooks.tick, self.settings.poll_seconds)
        self._wakers.append(delivering.wake)
        return delivering

    def drain(self) -> None:
        """All there is to do at this instant, webhooks included."""
        self.heartbeat.drain()
        while self.webhooks.tick():
            self.heartbeat.drain()

    @cached_property
    def heartbeat(self) -> Heartbeat:
        parts = (
            self.usage_periods,
            self.usage_statements,
            self.due_deadlines,
            self.user_imports,
            self.registrations,
            self.quotas,
            self.onboarding_steps,
            self.sender,
            self.erasures,
            self.checkpoints,
        )
        return Heartbeat(self.tables.catch_up, self.reactions, parts, self.gate.heartbeat)

    @cached_property
    def loop(self) -> Loop:
        return Loop(self.heartbeat, self.settings.heartbeat_seconds)

    @cached_property
    def gate(self) -> Gate:
        return Gate(self.engine)

    @cached_property
    def time_machine(self) -> TimeMachine | None:
        if not isinstance(self.clock, VirtualClock):
            return None
        return TimeMachine(self.clock, self.gate, self.drain, self.database, self.lifecycle)

    # the edge

    @cached_property
    def keys(self) -> Keys:
        return load_keys(self.settings)

    @cached_property
    def links(self) -> Links:
        return Links(self.keys)

    def download_url(self, subscription: UUID, link: UUID) -> str:
        return f"{self.settings.public_url.rstrip('/')}/downloads/{self.links.sign(subscription, link)}"

    @cached_property
    def staff(self) -> StaffKeys:
        return StaffKeys(self.database, self.keys, self.clock, self.lifecycle)

    @cached_property
    def evidence(self) -> Evidence:
        """What proves that an event is in the log."""
        return TreeEvidence(self.database, self._checkpoint_now)

    def _checkpoint_now(self) -> None:
        """Only with the key by which the log is signed: another process may be the one that has it."""
        verifier = checkpoint_verifier(self.settings)
        with self.database.reading() as connection:
            last = checkpoints.latest(connection)
        if verifier is not None and (last is None or last.vkey == str(verifier)):
            self.tables.catch_up()
            self.checkpoints.make_now()

    def note_read(self, by: str, operation: str, asked: Mapping[str, Any]) -> None:
        """Put on the read log what an operator looks at or takes away. What it raises refuses that."""
        read = reads.Read(
            at=self.clock.now(),
            actor=by,
            role="operator",
            operation=operation,
            things=(),
            filter={name: str(value) for name, value in asked.items()},
            request_id=uuid4(),
        )
        with self.database.writing() as connection:
            reads.record(connection, read)

    @cached_property
    def meter(self) -> Meter:
        def digests(secret: str) -> list[bytes]:
            return [bytes.fromhex(self.keys.digest(secret, pepper)) for pepper in self.keys.peppers]

        threads = 1 if self.engine.dialect.name == "sqlite" else 2
        return Meter(self.gatekeeper, self.database, self.clock, digests, threads=threads)

    @cached_property
    def gatekeeper(self) -> Gatekeeper:
        return Gatekeeper(self.lifecycle, self.store.log.head)

    @cached_property
    def metrics(self) -> Metrics:
        return Metrics(self.waiting)

    def waiting(self) -> dict[str, Any]:
        """What the gauges show, as of now."""
        now = self.clock.now()
        with self.database.reading() as connection:
            everything, overdue = deadlines.overdue(connection, now)
            oldest_due = deadlines.oldest_overdue(connection, now)
            depth, oldest = outbox.depth(connection)
            head = self.store.log.head(connection)
            told = webhooks.gauges(connection, head)
            signed = checkpoints.latest(connection)
            not_forgotten = erasures.overdue(connection, now)
        return {
            "webhooks": told,
            "lags": self.tables.lags(),
            "deadlines": everything,
            "overdue": overdue,
            "tenure_deadline_oldest_overdue_seconds": _age(now, oldest_due),
            "tenure_outbox_emails": depth,
            "tenure_outbox_oldest_seconds": _age(now, oldest),
            "tenure_smtp_channel_stopped": int("sender" in self.__dict__ and self.sender.channel_stopped is not None),
            "tenure_reactions_lag_events": (self.store.log.max_notification_id() or 0) - self.reactions.position(),
            "tenure_checkpoint_behind_events": head - (signed.position if signed else 0),
            "tenure_checkpoint_forked": int("checkpoints" in self.__dict__ and self.checkpoints.forked),
            "tenure_erasures_overdue": not_forgotten,
            "tenure_heartbeat_age_seconds": time.monotonic() - self.heartbeat.last_beat if "heartbeat" in self.__dict__ else 0.0,
        }

    def ready(self) -> dict[str, Any]:
        """Can this process do its work? Raises what the database raises."""
        return {"position": self.tables.position(), "head": self.store.log.max_notification_id() or 0}

    def api(self) -> Callable[..., Any]:
        """The ASGI application. Who asks the gateway's question first does not wait until the log is read."""
        self.gatekeeper.follow()
        token, networks = self.settings.metrics_token, self.settings.networks()
        service = Service(
            lifecycle=self.lifecycle,
            database=self.database,
            tables=self.tables,
            secrets=Vault(self.keys),
            links=self.links,
            bulk_files=BulkFiles(self.settings),
            download_url=self.download_url,
            public_url=self.settings.public_url.rstrip("/"),
            addresses=Addresses(sign_up=self.settings.sign_up_url or self.settings.public_url, service=self.settings.public_url),
            find_key=self.staff.find,
            find_digest=self.staff.find_digest,
            add_librarian=self.staff.add_librarian,
            meter=self.meter,
            feed=self.feed,
            event_source=self.settings.public_url,
            check_receiver=lambda url: parse_receiver(url, networks),
            count_command=self.metrics.count_command,
            metrics=self.metrics.text,
            metrics_token=token.get_secret_value() if token else None,
            ready=self.ready,
            evidence=self.evidence,
            people=self.store.people,
            letterhead=self.letterhead.without_secrets(),
            verify_leak_report=verifier(self.settings.leak_report_keys_file),
            advance=self.time_machine.advance if self.time_machine else None,
        )
        from api.app import create_app  # noqa: PLC0415 - most commands of the command line serve nobody

        return create_app(service, self.metrics.observe_request)

    @staticmethod
    def wait_for_signal() -> None:
        """Until SIGINT or SIGTERM."""
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        stop.wait()

    def close(self) -> None:
        if "engine" in self.__dict__:
            self.engine.dispose()


def _age(now: datetime, then: datetime | None) -> float:
    return (now - then).total_seconds() if then else 0.0


def _connected(url: str, setting: str) -> Engine:
    try:
        return connect(url)
    except (ValueError, ArgumentError) as error:
        raise ConfigurationError(f"{setting}: {error}") from None
