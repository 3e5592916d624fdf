"""What will happen to an institution if nobody does anything more, or if somebody does this: the deciders, run on a copy of its states."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.aggregates.api_token import ApiToken
from domain.aggregates.institutional_account import LIVE, InstitutionalAccount
from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.itk_subscription_statements import next_statement, statements
from domain.aggregates.itk_subscription_usage import next_to_close
from domain.attempt import SYSTEM, Attempt, Draft, Judged, Pending
from domain.causation import cause as cause_of
from domain.claims import Copied
from domain.commands.base import Command, Deadline
from domain.commands.itk_subscription import CloseUsagePeriod, MakeUsageStatement
from domain.commands.onboarding import NoteOnboardingStep
from domain.correspondence import TOO_LATE, Letter, Mailbox, NoRecipient, copies, letters, mailboxes, recipient, unwanted
from domain.events.base import Metadata, Recorded
from domain.events.onboarding import Step
from domain.foretold import Ledger, Post, Unused, Waiting
from domain.members import belongs
from domain.policies import ForEach, policies
from domain.rules import Rules
from domain.streams import Aggregate, Stream, empty_for
from domain.surroundings import Claims

NOT_YET = ("pending", "ended")


class Forecast:
    """One institution's streams, and a clock that is moved from one instant to the next at which something happens.

    It does what the scheduler does, in the same order: consequences, quota months, statements, deadlines, steps of the onboarding, and,
    when nothing is left at an instant, letters. Not foretold are what a use counts, what somebody does, and what a mail server answers.
    """

    def __init__(
        self,
        streams: Iterable[Stream],
        log: Claims,
        rules: Rules,
        now: datetime,
        *,
        ledger: Ledger | None = None,
        read: Callable[[UUID], Stream | None] = lambda _: None,
        read_at: Callable[[UUID, datetime], Stream | None] = lambda _, __: None,
        unanswered: Iterable[Recorded] = (),
        waiting: Iterable[Waiting] = (),
    ) -> None:
        """`read` and `read_at` give streams of others, and the past; `unanswered` are events that nothing has followed from yet."""
        self.now = now
        self.events: list[Recorded] = []
        self.posts: list[Post] = []
        self._streams = {stream.id: stream for stream in streams}
        self._born = dict.fromkeys(self._streams, 0)
        self._trail: dict[UUID, list[Stream]] = {}
        self._claims = Copied(log)
        self._rules = rules
        self._ledger = ledger or Unused()
        self._elsewhere = read
        self._elsewhere_at = read_at
        self._news = deque((each, 1) for each in unanswered)
        self._waiting = list(waiting)
        self._due: dict[UUID, tuple[Deadline, ...]] = {}
        self._settled: dict[UUID, datetime] = {}
        for id in self._streams:
            self._look(id)

    # what is asked of it

    def ask(self, *commands: Command, metadata: Metadata) -> None:
        """Somebody asks for this now. Raises what the lifecycle would, and ClaimHeld; then nothing has happened."""
        attempt = self._attempt()
        for command in commands:
            attempt.decide(command, metadata)
        self._take(attempt.drafts)

    def drain(self) -> None:
        """All there is to do at this instant."""
        while True:
            while self._news:
                self._react(*self._news.popleft())
            overdue = min((at for at in map(self._due_at, self._streams) if at is not None and at <= self.now), default=None)
            until = overdue or self.now
            done = self._close_months(until) + self._state_usage(until)
            if overdue is not None:
                done += self._settle(overdue)
            done += self._note_steps()
            if not done and not self._news:
                break
        self._send()

    def advance(self, until: datetime) -> None:
        """Let time go by."""
        self.drain()
        while (following := self._next()) is not None and following <= until:
            self.now = following
            self.drain()
        self.now = max(self.now, until)

    def streams(self) -> Iterator[Stream]:
        yield from self._streams.values()

    def subscription_streams(self) -> Iterator[Stream]:
        yield from (stream for stream in self.streams() if isinstance(stream.state, ITKSubscription))

    def deadlines(self) -> set[tuple[UUID, str, datetime]]:
        """What falls due next of everything: (stream, name, instant)."""
        return {(id, each.name, each.due_at) for id, due in self._due.items() for each in due}

    # the clock

    def _next(self) -> datetime | None:
        instants = [each.due_at for due in self._due.values() for each in due]
        for state in self._subscriptions():
            month = next_to_close(state)
            instants += [month.ends_at] if month else []
            instants += [each.due_at for each in statements(state, self._rules.usage_statement_days)]
        instants += [letter.not_before for letter in self._waiting if letter.not_before]
        return min((instant for instant in instants if instant > self.now), default=None)

    def _due_at(self, id: UUID) -> datetime | None:
        """The first deadline of a stream that was not let take effect."""
        settled = self._settled.get(id)
        return min((each.due_at for each in self._due[id] if settled is None or each.due_at > settled), default=None)

    def _look(self, id: UUID) -> None:
        self._due[id] = self._streams[id].state.deadlines(id)
        self._settled.pop(id, None)

    # reading

    def _attempt(self, instant: datetime | None = None) -> Attempt:
        return Attempt(self._claims, self._rules, self._read, self._read_at, self.now, instant)

    def _read(self, id: UUID) -> Stream | None:
        return self._streams.get(id) or self._elsewhere(id)

    def _read_at(self, id: UUID, instant: datetime) -> Stream | None:
        known = [stream for stream in self._trail.get(id, ()) if stream.last_at <= instant]
        return known[-1] if known else self._elsewhere_at(id, instant)

    def _subscriptions(self) -> list[ITKSubscription]:
        return [stream.state for stream in self.subscription_streams() if isinstance(stream.state, ITKSubscription)]

    # what happens

    def _take(self, drafts: Sequence[Draft]) -> int:
        """What was decided has happened. Returns how many events that is."""
        pending = [each for draft in drafts for each in draft.pending]
        for each in pending:
            for claim in each.event.claims():
                self._claims.take(each.originator_id, claim)
        for each in pending:
            self._happen(each)
        return len(pending)

    def _happen(self, pending: Pending) -> None:
        id, event = pending.originator_id, pending.event
        before = self._streams.get(id) or self._elsewhere(id) or Stream(id, empty_for(event))
        stream = Stream(id, before.state.evolve(event), pending.originator_version, event.at)
        position = len(self.events) + 1
        recorded = Recorded(
            position=position,
            stream_id=id,
            version=stream.version,
            account_id=pending.account_id,
            recorded_at=self.now,
            metadata=pending.metadata,
            event=event,
        )
        self._born.setdefault(id, position)
        self._trail.setdefault(id, [] if before.version == 0 else [before]).append(stream)
        self._streams[id] = stream
        self._look(id)
        self.events.append(recorded)
        self._news.append((recorded, position))
        for letter in letters(recorded, stream.state):
            self._waiting.extend(self._written(recorded, letter))

    def _written(self, recorded: Recorded, letter: Letter) -> Iterator[Waiting]:
        account = self._account(recorded.account_id)
        for index in range(copies(letter.audience, *mailboxes(account)) if account else 1):
            yield Waiting(
                stream_id=recorded.stream_id,
                account_id=recorded.account_id,
                template=letter.template,
                audience=letter.audience,
                index=index,
                facts=letter.facts,
                not_after=letter.not_after,
            )

    def _account(self, id: UUID | None) -> InstitutionalAccount | None:
        stream = self._read(id) if id else None
        return stream.state if stream and isinstance(stream.state, InstitutionalAccount) else None

    # what the scheduler does

    def _react(self, recorded: Recorded, place: int) -> None:
        for wish in policies(recorded):
            commands = [wish] if isinstance(wish, Command) else [wish.command(member) for member in self._members(wish, place)]
            metadata = Metadata(
                actor=SYSTEM.actor, role=SYSTEM.role, correlation_id=recorded.metadata.correlation_id, causation_id=cause_of(recorded)
            )
            attempt = self._attempt(recorded.event.at)
            judged: list[Judged] = [attempt.judge(command, metadata) for command in commands]
            if judged:
                self._take(attempt.drafts)

    def _members(self, wish: ForEach, before: int) -> list[UUID]:
        """In the order of their ids; of tokens those that were there before the event."""
        return sorted(
            id
            for id, stream in self._streams.items()
            if belongs(wish, stream.state, self._rules) and (self._born[id] < before or not isinstance(stream.state, ApiToken))
        )

    def _close_months(self, until: datetime) -> int:
        done = 0
        for id, stream in list(self._streams.items()):
            state: Any = stream.state
            while isinstance(state, ITKSubscription) and (month := next_to_close(state)) is not None and month.ends_at <= until:
                totals = self._ledger.totals(state.account_id, month.starts_at)
                done += self._carried_out(CloseUsagePeriod(id=id, period=month.number, totals=totals), month.ends_at)
                state = self._streams[id].state
                if next_to_close(state) == month:
                    break
        return done

    def _state_usage(self, until: datetime) -> int:
        done = 0
        for id, stream in list(self._streams.items()):
            if not isinstance(stream.state, ITKSubscription):
                continue
            statement = next_statement(stream.state, self._rules.usage_statement_days, self.now)
            if statement is not None and statement.due_at <= until:
                used, people = self._ledger.stated(stream.state, statement)
                command = MakeUsageStatement(id=id, number=statement.number, days_left=statement.days_left, used=used, people=people)
                done += self._carried_out(command, statement.due_at)
        return done

    def _settle(self, instant: datetime) -> int:
        """Everything that is due by an instant, each stream by itself."""
        done = 0
        for id in [id for id in self._streams if (at := self._due_at(id)) is not None and at <= instant]:
            attempt, draft = self._attempt(), Draft(self._streams[id])
            attempt.settle(draft, instant, SYSTEM)
            done += self._take([draft])
            self._settled[id] = instant
        return done

    def _note_steps(self) -> int:
        return sum(self._carried_out(command, command.since) for command in list(self._steps()))

    def _steps(self) -> Iterator[NoteOnboardingStep]:
        """Steps of an onboarding that other streams show."""
        for id, stream in self._streams.items():
            account = stream.state
            if not isinstance(account, InstitutionalAccount) or account.status not in LIVE:
                continue
            ours = [each.state for each in self._streams.values() if each.account_id == id]
            since: dict[Step, datetime | None] = {
                Step.ACTIVATED: next(
                    (each.activated_at or self.now for each in ours if isinstance(each, ITKSubscription) and each.status not in NOT_YET),
                    None,
                ),
                Step.FIRST_TOKEN: min(
                    (each.issued_at for each in ours if isinstance(each, ApiToken) and each.owner_id == id), default=None
                ),
                Step.TEN_USERS: self.now if self._active_plans(ours) >= self._rules.onboarding_users else None,
            }
            for step, instant in since.items():
                if instant is not None and step not in account.onboarding.reached:
                    yield NoteOnboardingStep(id=id, step=step, since=instant)

    @staticmethod
    def _active_plans(states: Iterable[Aggregate]) -> int:
        return sum(isinstance(each, InstitutionalUserPlan) and str(each.status) == "active" for each in states)

    def _carried_out(self, command: Command, at: datetime) -> int:
        attempt = self._attempt(at)
        judged = attempt.judge(command, SYSTEM)
        return 0 if judged.refusal else self._take(attempt.drafts)

    def _send(self) -> None:
        ready = [letter for letter in self._waiting if letter.not_before is None or letter.not_before <= self.now]
        self._waiting = [letter for letter in self._waiting if letter not in ready] if len(ready) < len(self._waiting) else []
        self.posts.extend(map(self._posted, ready))

    def _posted(self, letter: Waiting) -> Post:
        account = self._account(letter.account_id)
        mailbox, why = self._mailbox(letter, account)
        return Post(
            at=self.now,
            letter=letter,
            mailbox=mailbox,
            skipped_because=why,
            institution=account.institution if account else None,
            time_zone=(account.time_zone if account else None) or "UTC",
        )

    def _mailbox(self, letter: Waiting, account: InstitutionalAccount | None) -> tuple[Mailbox | None, str | None]:
        """To whom it goes, or why it does not."""
        if letter.not_after is not None and self.now >= letter.not_after:
            return None, TOO_LATE
        about = self._read(letter.stream_id)
        if about and (why := unwanted(letter.template, letter.facts, about.state)) is not None:
            return None, why
        try:
            return recipient(letter.audience, letter.index, letter.facts, account, self._holder(about.state if about else None)), None
        except NoRecipient as nobody:
            return None, str(nobody)

    def _holder(self, state: Aggregate | None) -> InstitutionalUserPlan | None:
        if isinstance(state, ApiToken) and state.owner_id != state.account_id:
            owner = self._read(state.owner_id)
            state = owner.state if owner else None
        return state if isinstance(state, InstitutionalUserPlan) else None
