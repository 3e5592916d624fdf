"""Settles the lists that were handed in: some rows at a time, what they do and that they are done in one append."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import structlog

from domain.aggregates.user_import import Status, UserImport
from domain.application import Lifecycle
from domain.attempt import SYSTEM, Judged
from domain.clock import Clock
from domain.commands.institutional_user_plan import AdmitListed
from domain.commands.user_import import CompleteUserImport, SettleRows
from domain.errors import Invalid, Outdated, Refused
from domain.events.base import Metadata
from domain.events.user_import import Mode, SettledRow
from domain.listing import JudgedRow, duplicate, invalid, settled
from domain.values import folded, parse_email, parse_registered_account_id, parse_text
from projections import lists, registrations, user_imports, user_plans
from projections.follower import Database, TableFollowers
from projections.lists import ListedPerson
from projections.work import claim, finish, give_back

ROWS = 250
"""Rows of one append: few enough that nobody waits long for the log meanwhile."""
APPENDS_OF_A_TICK = 10
TRIES = 5
LEASE = timedelta(seconds=10)
"""Short: it only spares two processes the same work, and a list must not wait long for one that has died."""
RETRY = timedelta(minutes=10)

log = structlog.get_logger()


class UserImports:
    """One process at a time is at a list; should two be, the log lets each row happen once."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        database: Database,
        tables: TableFollowers,
        person_key: Callable[[UUID, str], str],
        real_clock: Clock,
        owner: str,
    ) -> None:
        """`person_key` is the keyed hash of an institution and a folded address."""
        self._lifecycle = lifecycle
        self._database = database
        self._tables = tables
        self._person_key = person_key
        self._real_clock = real_clock
        self._owner = owner

    def tick(self) -> int:
        """Settle some rows of the list that came first. Returns how many."""
        with self._database.writing() as connection:
            claimed = claim(
                connection,
                user_imports.table,
                user_imports.table.c.id,
                user_imports.table.c.status == Status.RUNNING,
                user_imports.table.c.number,
                user_imports.work,
                owner=self._owner,
                now=self._lifecycle.clock.now(),
                real_now=self._real_clock.now(),
                limit=1,
                lease=LEASE,
            )
        return sum(self._work_on(import_id) for import_id in claimed)

    def _work_on(self, import_id: UUID) -> int:
        try:
            done = sum(self._settle_some(import_id) for _ in range(APPENDS_OF_A_TICK))
        except Exception as error:
            log.exception("import_failed", stream=str(import_id))
            later = self._lifecycle.clock.now() + RETRY
            with self._database.writing() as connection:
                give_back(connection, user_imports.work, import_id, self._owner, not_before=later, answer=str(error))
            return 1  # there may be others
        with self._database.writing() as connection:
            finish(connection, user_imports.work, [import_id], self._owner)
        return done

    def _settle_some(self, import_id: UUID) -> int:
        """The next rows of a list, or its completion; 0 where nothing is left to do."""
        for _ in range(TRIES):
            stream = self._lifecycle.load(import_id)
            state = stream.state
            assert isinstance(state, UserImport)
            if state.status is not Status.RUNNING:
                return 0
            try:
                return self._settle(import_id, state) if state.settled < state.rows else self._complete(import_id, state)
            except Outdated:
                continue  # somebody got a plan, or the institution changed, just now
            except Refused:
                if self._lifecycle.load(import_id).version == stream.version:
                    raise
        log.warning("import_waits", stream=str(import_id), why="others change the same people")
        return 0

    def _settle(self, import_id: UUID, state: UserImport) -> int:
        with self._database.reading() as connection:
            people = lists.read(connection, import_id, after=state.settled, limit=ROWS)
            first = lists.first_lines(connection, import_id, [person.email for person in people])
        done: dict[int, SettledRow] = {}
        asked: list[tuple[int, AdmitListed]] = []
        for person in people:
            row, line = first[person.email.lower()]
            if row < person.row:
                done[person.row] = duplicate(person.row, line)
                continue
            try:
                asked.append((person.row, self._command(import_id, state, person)))
            except Invalid as error:
                done[person.row] = invalid(person.row, error.slug, self._plan_of(state.account_id, person.email))
        commands, known = self._with_what_is_known(asked, done)

        def conclude(judged: Sequence[Judged]) -> SettleRows:
            for (row, _), answer in zip(commands, judged, strict=True):
                done[row] = settled(JudgedRow(row=row, judged=answer, known=answer.command.id in known, dry_run=state.dry_run))
            return SettleRows(id=import_id, rows=tuple(done[person.row] for person in people))

        metadata = Metadata(actor=SYSTEM.actor, role=SYSTEM.role, correlation_id=import_id)
        self._lifecycle.handle_rows([command for _, command in commands], conclude, metadata=metadata, dry_run=state.dry_run)
        return len(people)

    def _command(self, import_id: UUID, state: UserImport, person: ListedPerson) -> AdmitListed:
        """What a row asks for. Raises Invalid."""
        email = parse_email(person.email, field="email")
        account = person.registered_account_id
        return AdmitListed(
            id=uuid4(),
            account_id=state.account_id,
            subscription_id=state.subscription_id,
            registered_account_id=parse_registered_account_id(account) if account else None,
            email=email,
            name=parse_text(person.name, field="name") if person.name else None,
            person_key=self._person_key(state.account_id, folded(email)),
            registered=True,
            import_id=import_id,
        )

    def _plan_of(self, account_id: UUID, address: str) -> UUID | None:
        """Of somebody whose row cannot be read, though the address can: who stands on a list is not absent from it."""
        try:
            email = parse_email(address)
        except Invalid:
            return None
        return self._lifecycle.log_reader.holder("person", self._person_key(account_id, folded(email)))

    def _with_what_is_known(
        self, asked: Sequence[tuple[int, AdmitListed]], done: dict[int, SettledRow]
    ) -> tuple[list[tuple[int, AdmitListed]], set[UUID]]:
        """Each command for the stream that the person has at the institution, and with the account of the address.

        Who is named twice among these rows, in two spellings of one address, is `done` as a duplicate.
        """
        holders = self._lifecycle.log_reader.holders("person", [command.person_key for _, command in asked])
        accounts: dict[str, str] = {}
        if knows := self._lifecycle.rules.registered_accounts_known:
            with self._database.reading() as connection:
                accounts = registrations.accounts_of(connection, [folded(command.email) for _, command in asked])
        commands: dict[str, tuple[int, AdmitListed]] = {}
        for row, command in asked:
            if command.person_key in commands:
                done[row] = duplicate(row, None)
                continue
            account = accounts.get(folded(command.email)) if knows else command.registered_account_id
            commands[command.person_key] = (
                row,
                replace(
                    command,
                    id=holders.get(command.person_key, command.id),
                    registered_account_id=account,
                    registered=not knows or account is not None,
                ),
            )
        return list(commands.values()), set(holders.values())

    def _complete(self, import_id: UUID, state: UserImport) -> int:
        absent = None
        if state.mode is Mode.RECONCILE:
            self._tables.catch_up()
            with self._database.reading() as connection:
                absent = user_plans.count_absent(connection, import_id, self._lifecycle.clock.now())
        metadata = Metadata(actor=SYSTEM.actor, role=SYSTEM.role, correlation_id=import_id)
        self._lifecycle.handle(CompleteUserImport(id=import_id, absent=absent), metadata=metadata)
        return 1
