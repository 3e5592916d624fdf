"""Forgets people: ends what is live of whoever is to be forgotten, waits for who takes their place, and then destroys their keys."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import structlog

from domain.aggregates.api_token import ApiToken
from domain.aggregates.erasure import AGREED, Erasure
from domain.aggregates.institutional_account import LIVE, InstitutionalAccount
from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.application import Lifecycle, VersionMismatch
from domain.attempt import SYSTEM
from domain.calendar import months_after
from domain.commands.api_token import RevokeToken
from domain.commands.base import Command
from domain.commands.institutional_account import RevokeLibrarianKey
from domain.commands.institutional_user_plan import EndUserPlan
from domain.commands.people import AskForReplacement, NoteErasureWaits, RemoveForgottenContact, RequestErasure
from domain.errors import Refused
from domain.events.base import Metadata
from domain.events.institutional_account import Contact
from domain.events.people import Ground
from domain.members import LIVE_TOKENS
from domain.store import People
from domain.streams import Stream
from projections import api_tokens, erasures
from projections.follower import Database, TableFollowers

NAMESPACE = UUID("8f0a3b52-6c1d-4a0e-9f0f-2b7b8f4f1d11")
BATCH = 100
EVERY = 2**62
AGAIN = timedelta(days=1)
"""A plan whose holder is known for another reason is looked at again after so long."""

log = structlog.get_logger()


class Erasures:
    """Every step is a command that does nothing the second time, so whoever comes after a crash goes on where it was."""

    def __init__(self, lifecycle: Lifecycle, database: Database, tables: TableFollowers, people: People) -> None:
        self._lifecycle = lifecycle
        self._database = database
        self._tables = tables
        self._people = people
        self._looked_at: tuple[datetime, UUID | None] | None = None

    def tick(self) -> int:
        """One step of each request, once the tables have reached the log. Returns how many events came of it."""
        if self._tables.position() < (self._lifecycle.log_reader.max_notification_id() or 0):
            return 0
        done = self._by_rule()
        with self._database.reading() as connection:
            waiting = erasures.agreed(connection)
        for id in waiting:
            try:
                done += self._step(id)
            except VersionMismatch:
                continue  # somebody decided otherwise meanwhile: it is looked at anew by the next heartbeat
            except Exception:
                log.exception("erasure_stopped", erasure=str(id))
        return done

    def _step(self, id: UUID) -> int:
        request = self._lifecycle.present(id)
        state = request.state
        if not isinstance(state, Erasure) or state.status not in AGREED:
            return 0
        metadata = Metadata(actor=SYSTEM.actor, role=SYSTEM.role, correlation_id=id)
        streams = [self._lifecycle.present(stream) for stream in self._people.streams_of(state.people)]
        asked = [command for stream in streams for command in self._endings(stream, state.people)]
        if asked:
            return sum(len(self._lifecycle.handle(command, metadata=metadata).events) for command in asked)
        places = [(stream.id, contact) for stream in streams for contact in self._places(stream, state.people)]
        waits: list[UUID] = []
        removed: list[Command] = []
        for account, contact in places:
            if self._is_sole(account, contact) and not state.fell_due:
                waits.append(account)
                removed.append(AskForReplacement(id=account, contact_id=contact.id, request_id=id, until=state.due_at))
            else:
                removed.append(RemoveForgottenContact(id=account, contact_id=contact.id))
        done = sum(len(self._lifecycle.handle(command, metadata=metadata).events) for command in removed)
        if waits or done:
            noted = NoteErasureWaits(id=id, accounts=tuple(sorted(waits)))
            return done + len(self._lifecycle.handle(noted, metadata=metadata).events)
        of_tokens = list(self._of_tokens(streams, state.people))
        besides = [self._lifecycle.present(stream) for stream in self._people.streams_of(of_tokens)]
        seen = {stream.id: stream.version for stream in (*besides, *streams, request)}
        return len(self._lifecycle.forget([*state.people, *of_tokens], id, metadata=metadata, seen=seen).events)

    def _of_tokens(self, streams: Sequence[Stream], people: Sequence[UUID]) -> Iterator[UUID]:
        """Where a token of theirs leaked, and the subjects of letters about it, are sealed for the token."""
        for stream in streams:
            if isinstance(stream.state, ApiToken) and self._is_of(people, stream.state.owner_id):
                person = self._people.find("subject", str(stream.id))
                if person is not None:
                    yield person

    def _endings(self, stream: Stream, people: Sequence[UUID]) -> Iterator[Command]:
        """What ends what is live of them in a stream."""
        match stream.state:
            case InstitutionalUserPlan(status=status) if status not in erasures.OVER and self._is_of(people, stream.id):
                yield EndUserPlan(id=stream.id)
            case InstitutionalUserPlan():
                yield from self._revocations(stream.id)
            case InstitutionalAccount(librarian_keys=keys):
                now = self._lifecycle.clock.now()
                for key in keys:
                    if key.is_live(now) and self._is_of(people, key.id):
                        yield RevokeLibrarianKey(id=stream.id, key_id=key.id)

    def _revocations(self, plan: UUID) -> Iterator[Command]:
        """Of what its end has not revoked yet."""
        with self._database.reading() as connection:
            tokens = api_tokens.live(connection, owner=plan, before=EVERY, after=None, limit=BATCH)
        for token in tokens:
            state = self._lifecycle.present(token).state
            if isinstance(state, ApiToken) and str(state.status) in LIVE_TOKENS:
                yield RevokeToken(id=token)

    def _places(self, stream: Stream, people: Sequence[UUID]) -> Iterator[Contact]:
        """Where they are contacts."""
        if isinstance(stream.state, InstitutionalAccount):
            for contact in stream.state.contacts:
                if self._is_of(people, contact.id) or self._people.find("address", contact.email) in people:
                    yield contact

    def _is_of(self, people: Sequence[UUID], subject: UUID) -> bool:
        return self._people.find("subject", str(subject)) in people

    def _is_sole(self, account: UUID, contact: Contact) -> bool:
        state = self._lifecycle.present(account).state
        if not isinstance(state, InstitutionalAccount) or state.status not in LIVE:
            return False
        return contact in state.administrators and len(state.administrators) == 1

    def _by_rule(self) -> int:
        """Ask that holders of plans be forgotten that were over long ago, and of whom nothing else is live."""
        months, now = self._lifecycle.rules.retention_months, self._lifecycle.clock.now()
        if not months:
            return 0
        began, after = self._looked_at or (now, None)
        if after is None and self._looked_at is not None and now < began + AGAIN:
            return 0
        with self._database.reading() as connection:
            plans = erasures.over_since(connection, months_after(now, -months), after, BATCH)
        self._looked_at = (began if after is not None else now, plans[-1] if len(plans) == BATCH else None)
        return sum(self._asked_by_rule(plan, months) for plan in plans)

    def _asked_by_rule(self, plan: UUID, months: int) -> int:
        person = self._people.find("subject", str(plan))
        if person is None or any(self._is_live(stream, person) for stream in self._people.streams_of([person])):
            return 0
        rule = f"{months} months after the end of the last plan"
        command = RequestErasure(id=uuid5(NAMESPACE, f"{person}/{plan}"), people=(person,), ground=Ground.RETENTION, rule=rule)
        try:
            return len(self._lifecycle.handle(command, metadata=SYSTEM).events)
        except Refused:
            return 0  # somebody has asked for it already

    def _is_live(self, id: UUID, person: UUID) -> bool:
        stream = self._lifecycle.present(id)
        if isinstance(stream.state, InstitutionalUserPlan) and stream.state.status in erasures.OVER:
            since = stream.last_at
            return self._lifecycle.clock.now() < months_after(since, self._lifecycle.rules.retention_months)
        return any(True for _ in self._endings(stream, [person])) or any(True for _ in self._places(stream, [person]))
