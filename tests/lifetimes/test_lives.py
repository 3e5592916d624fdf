"""Whole lives, told by chance, in two worlds: one has a scheduler, the other has none until the very end.

Accounts and subscriptions follow from their own events alone, so both worlds show the same at every moment, and hold the same events in
the end (that it was too late to remind somebody counts as a reminder). User plans and tokens also follow from the subscription, through
reactions that take effect when they are carried out: without a scheduler that is later. Of them it holds that nothing works in the still
world that does not work in the ticking one, and that the institution's tokens are over in both in the end, or in neither.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.application import Outcome
from domain.catalogue import CURRENT, ApiPlan, BulkData, Product
from domain.commands import api_token as tokens
from domain.commands import institutional_account as accounts
from domain.commands import institutional_user_plan as user_plans
from domain.commands import itk_subscription as subscriptions
from domain.commands.base import Command
from domain.context import ClaimedDomain
from domain.errors import DomainError
from ops.catcher import Catcher
from tests.databases import PostgreSQLServer, SQLiteFiles
from tests.lifetimes import promises
from tests.lifetimes.worlds import World, told

START = datetime(2027, 1, 31, 10, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
EXAMPLES = int(os.environ.get("TENURE_EXAMPLES", "0"))
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia")
SCHOOLS = st.sampled_from([0, 0, 0, 1, 2, 3])
LOWER = ApiPlan(product=Product.SCHOLARLY, requests_per_month=1_000, requests_per_minute=5, records_per_request=100)


class Lives(RuleBasedStateMachine):
    """The same commands, under the same ids, at the same instants."""

    urls: Callable[[ExitStack], tuple[str, str]]
    catcher: Catcher

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.catcher.messages.clear()
        one, other = self.urls(self.stack)
        self.ticking = World("ticking", one, START, self.catcher)
        self.still = World("still", other, START, self.catcher)
        self.worlds: tuple[World, ...] = (self.ticking, self.still)
        for world in self.worlds:
            self.stack.callback(world.close)
        self.numbers = iter(range(1, 1_000_000))
        self.asked: list[tuple[UUID, tuple[Command, ...]]] = []
        self.subscription: UUID | None = None
        self.subscriptions: list[UUID] = []
        self.plans: list[UUID] = []
        self.tokens: list[UUID] = []
        self.imports: list[UUID] = []
        self.account = self.new_id()
        self.sound = True

    def teardown(self) -> None:
        try:
            if self.asked and self.sound:
                self.compare_whole_lives()
        finally:
            self.stack.close()

    # telling a life

    def new_id(self) -> UUID:
        return UUID(int=next(self.numbers) << 64 | 1)

    @property
    def now(self) -> datetime:
        return self.still.clock.now()

    def ask(self, *commands: Command, alike: bool = True) -> bool:
        """The same in both worlds. Returns whether it was done in the ticking one. `alike`: both answer the same."""
        command_id = self.new_id()
        self.asked.append((command_id, commands))
        answers = [world.ask(*commands, command_id=command_id) for world in self.worlds]
        if alike:
            self.same(*(_answer(world, answer) for world, answer in zip(self.worlds, answers, strict=True)))
        return not isinstance(answers[0], DomainError)

    def same(self, one: object, other: object) -> None:
        self.sound = self.sound and one == other
        assert one == other

    @initialize(zone=st.sampled_from(ZONES), months=st.sampled_from([1, 3, 12]))
    def nominated(self, zone: str, months: int) -> None:
        nominate = accounts.Nominate(
            id=self.account,
            email="library@mit.edu",
            contact_id=self.new_id(),
            registered_account_id="registered-mit",
            institution="MIT",
            time_zone=zone,
            domains=(ClaimedDomain(domain="mit.edu"),),
        )
        assert self.ask(nominate)
        assert self.ask(accounts.Convert(id=self.account))
        self.open(months=months, days=0)
        self.activate()
        self.issue(for_plan=False, number=0)
        self.request_plan(person=1, school=0)
        self.listed(person=2, school=0, registered=True, again=False)
        self.invite(person=3, school=0)
        self.issue(for_plan=True, number=1)

    # time

    @rule(days=st.integers(0, 45), hours=st.integers(0, 23), ticks=st.integers(0, 3))
    def time_passes(self, days: int, hours: int, ticks: int) -> None:
        self.pass_time(self.now + timedelta(days=days, hours=hours), ticks)

    @rule(days=st.integers(60, 500), ticks=st.integers(0, 3))
    def much_time_passes(self, days: int, ticks: int) -> None:
        self.pass_time(self.now + timedelta(days=days), ticks)

    @rule(
        which=st.integers(0, 40), off=st.sampled_from([-MICROSECOND, timedelta(0), MICROSECOND, timedelta(minutes=1)]), tick=st.booleans()
    )
    def something_falls_due(self, which: int, off: timedelta, tick: bool) -> None:
        coming = [deadline.due_at for id in self.streams() for deadline in self.ticking.lifecycle.present(id).state.deadlines(id)]
        instants = sorted({instant for instant in coming if instant > self.now})
        if instants:
            self.pass_time(max(self.now, instants[which % len(instants)] + off), int(tick))

    def pass_time(self, to: datetime, ticks: int) -> None:
        start = self.now
        for world in self.worlds if to > start else ():
            world.look(self.streams())
        for number in range(1, ticks + 1):
            self.ticking.clock.instant = start + (to - start) * number / ticks
            self.ticking.tick()
        for world in self.worlds:
            world.clock.instant = to

    def streams(self) -> list[UUID]:
        return [self.account, *self.subscriptions, *self.plans, *self.tokens]

    # the account

    @rule(suspend=st.booleans())
    def account_suspended_or_reinstated(self, suspend: bool) -> None:
        self.ask(accounts.Suspend(id=self.account) if suspend else accounts.Reinstate(id=self.account))

    @rule(number=st.integers(1, 3), retire=st.booleans())
    def domains_change(self, number: int, retire: bool) -> None:
        domain = f"school-{number}.edu"
        self.ask(accounts.RetireDomain(id=self.account, domain=domain) if retire else accounts.ClaimDomain(id=self.account, domain=domain))

    # the subscription

    @rule(months=st.sampled_from([1, 3, 12]), days=st.integers(-40, 10))
    def open(self, months: int, days: int) -> None:
        id = self.new_id()
        starts_on = (self.now + timedelta(days=days)).date() - timedelta(days=1)
        opening = subscriptions.OpenSubscription(
            id=id, account_id=self.account, starts_on=starts_on, months=months, bulk_data=(BulkData.SCHOLARLY,)
        )
        if self.ask(opening):
            self.subscription = id
            self.subscriptions.append(id)

    @rule()
    def activate(self) -> None:
        self.ask(subscriptions.ActivateSubscription(id=self.subscription))

    @rule(months=st.sampled_from([1, 1, 3, 12]))
    def renew(self, months: int) -> None:
        self.ask(subscriptions.RenewSubscription(id=self.subscription, months=months))

    @rule()
    def withdraw_renewal(self) -> None:
        self.ask(subscriptions.WithdrawRenewal(id=self.subscription))

    @rule()
    def announce_renewal(self) -> None:
        self.ask(subscriptions.AnnounceRenewal(id=self.subscription, reference="PO 7"))

    @rule(days=st.integers(1, 40))
    def extend(self, days: int) -> None:
        self.ask(subscriptions.ExtendSubscription(id=self.subscription, days=days))

    @rule(days=st.none() | st.integers(1, 60), compensate=st.booleans())
    def suspend(self, days: int | None, compensate: bool) -> None:
        until = self.now + timedelta(days=days) if days else None
        self.ask(subscriptions.SuspendSubscription(id=self.subscription, until=until, compensate=compensate))

    @rule()
    def resume(self) -> None:
        self.ask(subscriptions.ResumeSubscription(id=self.subscription))

    @rule(when=st.sampled_from(["now", "term_end", "term_end"]))
    def cancel(self, when: str) -> None:
        self.ask(subscriptions.CancelSubscription(id=self.subscription, when=when))

    @rule()
    def undo_cancellation(self) -> None:
        self.ask(subscriptions.UndoCancellation(id=self.subscription))

    @rule(mode=st.sampled_from(["contiguous", "fresh"]), months=st.sampled_from([3, 12]))
    def reinstate(self, mode: str, months: int) -> None:
        self.ask(subscriptions.ReinstateSubscription(id=self.subscription, mode=mode, months=months))

    @rule(when=st.sampled_from(["now", "next_reset", "term_end"]), lower=st.booleans())
    def change_plans(self, when: str, lower: bool) -> None:
        plans = (LOWER,) if lower else CURRENT.institution[:1]
        self.ask(subscriptions.ChangePlans(id=self.subscription, plans=plans, when=when))

    @rule()
    def undo_plan_change(self) -> None:
        self.ask(subscriptions.UndoPlanChange(id=self.subscription))

    @rule()
    def bulk_data_link(self) -> None:
        link = subscriptions.IssueBulkDataLink(
            id=self.subscription,
            link_id=self.new_id(),
            product=BulkData.SCHOLARLY,
            release="202701",
            file_name="scholarly-202701.jsonl.gz",
            bytes=160_000_000_000,
            md5="0" * 32,
        )
        self.ask(link)

    # people and tokens: what happens to them follows from the subscription too, so here the worlds may answer differently for a while

    @rule(person=st.integers(1, 4), school=SCHOOLS)
    def request_plan(self, person: int, school: int) -> None:
        self.let_in(person, school, user_plans.RequestUserPlan)

    @rule(person=st.integers(1, 4), school=SCHOOLS, registered=st.sampled_from([True, True, False]), again=st.booleans())
    def listed(self, person: int, school: int, registered: bool, again: bool) -> None:
        if not (again and self.imports):
            self.imports.append(self.new_id())
        self.let_in(person, school, user_plans.AdmitListed, registered=registered, import_id=self.imports[-1])

    @rule(person=st.integers(1, 4), school=SCHOOLS)
    def invite(self, person: int, school: int) -> None:
        self.let_in(person, school, user_plans.InviteUser, registered=True)

    def let_in(self, person: int, school: int, kind: Callable[..., Command], **more: object) -> None:
        email = f"person-{person}@{f'school-{school}' if school else 'mit'}.edu"
        known = [id for id in self.plans if self.plan(id).email == email]
        asking = kind(
            id=known[0] if known else self.new_id(),
            account_id=self.account,
            subscription_id=self.subscription,
            registered_account_id=f"registered-{person}" if more.get("registered", True) else None,
            email=email,
            name=None,
            person_key=email,
            **more,
        )
        if self.ask(asking, alike=False) and not known:
            self.plans.append(asking.id)

    @precondition(lambda self: self.plans)
    @rule(number=st.integers(0, 9), accept=st.sampled_from([True, True, False]))
    def answer_invitation(self, number: int, accept: bool) -> None:
        id = self.plans[number % len(self.plans)]
        self.ask(user_plans.AcceptInvitation(id=id) if accept else user_plans.DeclineInvitation(id=id), alike=False)

    @precondition(lambda self: self.plans)
    @rule(number=st.integers(0, 9), which=st.integers(0, 5), back=st.integers(1, 2))
    def belonging(self, number: int, which: int, back: int) -> None:
        """What others say of a person: the platform, a list, who keeps the domains, who takes a list back."""
        id = self.plans[number % len(self.plans)]
        import_id = self.imports[-min(back, len(self.imports))] if self.imports else self.account
        said = (
            user_plans.TakeUpRegistration(id=id, registered_account_id="registered-late"),
            user_plans.CheckDomain(id=id),
            user_plans.MarkAbsent(id=id, import_id=import_id),
            user_plans.LoseAddress(id=id),
            user_plans.ReconfirmUserPlan(id=id),
            user_plans.UndoListing(id=id, import_id=import_id),
        )
        self.ask(said[which], alike=False)

    @precondition(lambda self: self.plans)
    @rule(number=st.integers(0, 9), person=st.integers(1, 4), school=SCHOOLS)
    def change_address(self, number: int, person: int, school: int) -> None:
        email = f"person-{person}@{f'school-{school}' if school else 'mit'}.edu"
        self.ask(user_plans.ChangeAddress(id=self.plans[number % len(self.plans)], email=email, person_key=email), alike=False)

    def plan(self, id: UUID) -> InstitutionalUserPlan:
        state = self.ticking.lifecycle.load(id).state
        assert isinstance(state, InstitutionalUserPlan)
        return state

    @precondition(lambda self: self.plans)
    @rule(number=st.integers(0, 9))
    def request_renewal(self, number: int) -> None:
        self.ask(user_plans.RequestRenewal(id=self.plans[number % len(self.plans)]), alike=False)

    @precondition(lambda self: self.plans)
    @rule(number=st.integers(0, 9), days=st.integers(0, 60))
    def leave(self, number: int, days: int) -> None:
        at = self.now + timedelta(days=days) if days else None
        self.ask(user_plans.EndUserPlan(id=self.plans[number % len(self.plans)], cause="left", at=at), alike=False)

    @rule(for_plan=st.booleans(), number=st.integers(0, 9))
    def issue(self, for_plan: bool, number: int) -> None:
        owner = self.plans[number % len(self.plans)] if for_plan and self.plans else self.account
        token = self.issuing(owner)
        if self.ask(token, alike=False):
            self.tokens.append(token.id)

    def issuing(self, owner: UUID, replaces: UUID | None = None) -> tokens.IssueToken:
        id = self.new_id()
        return tokens.IssueToken(
            id=id,
            account_id=self.account,
            owner_id=owner,
            label="l",
            digest=id.hex,
            pepper=1,
            prefix="tnr",
            last_four="four",
            replaces=replaces,
        )

    @precondition(lambda self: self.tokens)
    @rule(number=st.integers(0, 9), days=st.integers(0, 30))
    def rotate(self, number: int, days: int) -> None:
        old = self.tokens[number % len(self.tokens)]
        new = self.issuing(self.ticking.lifecycle.load(old).state.owner_id, replaces=old)
        if self.ask(tokens.RotateToken(id=old, replaced_by=new.id, overlap_days=days), new, alike=False):
            self.tokens.append(new.id)

    @precondition(lambda self: self.tokens)
    @rule(number=st.integers(0, 9), leaked=st.booleans())
    def revoke(self, number: int, leaked: bool) -> None:
        id = self.tokens[number % len(self.tokens)]
        self.ask(tokens.ReportLeak(id=id, where="a repository") if leaked else tokens.RevokeToken(id=id), alike=False)

    # once more

    @precondition(lambda self: self.asked)
    @rule(back=st.integers(1, 5))
    def asked_again(self, back: int) -> None:
        """The same command under the same id: the same answer, and nothing happens."""
        command_id, commands = self.asked[-min(back, len(self.asked))]
        for world in self.worlds:
            if world.lifecycle.log_reader.find_command(command_id) is None:
                continue  # it was refused, and may be allowed by now
            head = world.lifecycle.log_reader.max_notification_id()
            answer = world.ask(*commands, command_id=command_id)
            assert not isinstance(answer, DomainError)
            assert answer.repeated
            assert head == world.lifecycle.log_reader.max_notification_id()

    # what holds at every moment

    @invariant()
    def the_truth_does_not_wait(self) -> None:
        for id in (self.account, *self.subscriptions) if self.asked else ():
            self.same(self.ticking.shown(id), self.still.shown(id))

    @invariant()
    def what_has_ended_is_refused(self) -> None:
        """With no scheduler too. What was granted may come later there, as may the revocation of what a new subscription could revive,
        and the end of whoever a reaction put at risk."""
        for token in self.tokens if len(self.subscriptions) == 1 else ():
            if self.known(token) and not self.was_at_risk(token) and self.still.allows(token):
                assert self.ticking.allows(token)

    def was_at_risk(self, token: UUID) -> bool:
        owner = self.ticking.lifecycle.load(token).state.owner_id
        return any(stored.topic == "user-plan.at-risk" for stored in self.ticking.lifecycle.log_reader.read_stream(owner))

    def known(self, token: UUID) -> bool:
        """Whether both worlds issued it."""
        return all(world.lifecycle.log_reader.read_stream(token) for world in self.worlds)

    # what holds in the end

    def compare_whole_lives(self) -> None:
        for world in self.worlds:
            world.tick()
            world.check_the_past()
            log = world.log()
            promises.check(log)
            promises.check_access(log, world)
            promises.check_rebuild(world)
        self.same_events()

    def same_events(self) -> None:
        ends = [promises.living(world.log(), self.account) for world in self.worlds]
        assert ends[0] == ends[1]
        used = [promises.books(world.log()) for world in self.worlds]
        assert used[0] == used[1]
        one, other = ({id: [told(r.event) for r in events] for id, events in promises.told_streams(world.log())} for world in self.worlds)
        for id in one.keys() | other.keys():
            assert one[id] == other[id]


def _answer(world: World, given: Outcome | DomainError) -> tuple[object, ...]:
    if isinstance(given, DomainError):
        return given.slug, given.detail
    stream = given.stream
    events = world.lifecycle.log_reader.read_stream(stream.id)[: stream.version]
    return stream.id, sum(each.topic not in promises.BOOKS | promises.STEPS for each in events)


@pytest.fixture(scope="module")
def catcher() -> Iterator[Catcher]:
    catcher = Catcher()
    catcher.start()
    yield catcher
    catcher.stop()


def live(urls: Callable[[ExitStack], tuple[str, str]], catcher: Catcher, *, examples: int, steps: int) -> None:
    machine = type("LivesOnThisDatabase", (Lives,), {"urls": staticmethod(urls), "catcher": catcher})
    told = settings(
        max_examples=EXAMPLES or examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(machine, settings=told)


def test_lives_on_sqlite(sqlite_files: SQLiteFiles, catcher: Catcher) -> None:
    def urls(stack: ExitStack) -> tuple[str, str]:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        return stack.enter_context(sqlite_files.fresh(folder)), stack.enter_context(sqlite_files.fresh(folder))

    live(urls, catcher, examples=15, steps=25)


def test_lives_on_postgresql(postgresql_server: PostgreSQLServer, catcher: Catcher) -> None:
    def urls(stack: ExitStack) -> tuple[str, str]:
        return stack.enter_context(postgresql_server.fresh()), stack.enter_context(postgresql_server.fresh())

    live(urls, catcher, examples=3, steps=25)
