"""The gatekeeper, which reads no event when it is asked, says of each moment what the events say; and lets in nothing that has ended."""

import os
import tempfile
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from itertools import product as pairs
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, run_state_machine_as_test
from sqlalchemy import event

from domain.access import Access, Question, decide_access
from domain.catalogue import Product
from domain.commands.api_token import RevokeToken, RotateToken
from domain.commands.institutional_account import Suspend
from domain.commands.itk_subscription import CancelSubscription, RenewSubscription, SuspendSubscription
from ops.assembly import Assembly
from ops.catcher import Catcher
from projections.explain import explain
from projections.gatekeeper import Gatekeeper
from tests.databases import SQLiteFiles
from tests.lifetimes import promises
from tests.lifetimes.test_lives import Lives
from tests.lifetimes.worlds import World
from tests.projections.story import (
    ACCOUNT,
    ADAS_TOKEN,
    DAY,
    ENDS_AT,
    GRACE_ENDS_AT,
    MICROSECOND,
    PLAN,
    START,
    SUBSCRIPTION,
    TOKEN,
    WITH_TOKENS,
    done,
    issuing,
)

EXAMPLES = int(os.environ.get("TENURE_EXAMPLES", "0"))
DEAD = timedelta(days=30)
"""For how long no scheduler has run, at the least, when the last probe is made."""
AROUND = (-MICROSECOND, timedelta(0), MICROSECOND)
PROBES_OF_A_STEP = 6


def told(gatekeeper: Gatekeeper, token: UUID, instant: datetime) -> Access:
    """What a call would be told at an instant that is not before anything that was taken up."""
    known = gatekeeper.token_of(token)
    question = Question(product=Product.SCHOLARLY)
    if known is None:
        return decide_access(question, token=None, account=None, subscription=None, plan=None, usage=None, now=instant)
    views = gatekeeper.views(known, instant)
    return decide_access(
        question, token=views.token, account=views.account, subscription=views.subscription, plan=views.plan, usage=None, now=instant
    )


def boundaries(world: World, ids: list[UUID]) -> list[datetime]:
    """Now, and what falls due from now on with nobody doing it, also what follows from that; each with the moments on both sides."""
    now = world.clock.now()
    due = {now, now + DEAD}
    for id in ids:
        if not world.lifecycle.log_reader.read_stream(id):
            continue  # refused in this world
        stream = world.lifecycle.load(id)
        for _ in range(4):  # an end, the grace after it, what lapses then
            following = {deadline.due_at for deadline in stream.state.deadlines(id)} - due
            due |= following
            stream = world.lifecycle.at_instant(stream, max(following, default=now))
    return sorted({max(now, instant + off) for instant, off in pairs(due, AROUND)})


class Gates(Lives):
    """The lives of the lifetimes, and at each step of them what the gatekeeper of each world says."""

    probes = 0

    def the_truth_does_not_wait(self) -> None:
        """It is looked at elsewhere."""

    def what_has_ended_is_refused(self) -> None:
        """The same."""

    @invariant()
    def the_gatekeeper_says_what_the_events_say(self) -> None:
        chance = Random(len(self.asked))
        for world in self.worlds if self.tokens else ():
            every = list(pairs(self.tokens, boundaries(world, self.streams())))
            self.compare(world, chance.sample(every, PROBES_OF_A_STEP))

    def compare(self, world: World, probes: list[tuple[UUID, datetime]]) -> list[tuple[UUID, datetime]]:
        """Those of the probes that are let in."""
        gatekeeper = world.assembly.gatekeeper
        gatekeeper.follow()
        let_in = []
        for token, instant in probes:
            access = told(gatekeeper, token, instant)
            assert explain(world.lifecycle, token, Product.SCHOLARLY, instant) == access, (token, instant)
            if access.allowed:
                let_in.append((token, instant))
        type(self).probes += len(probes)
        return let_in

    def compare_whole_lives(self) -> None:
        """No scheduler has run in the still world. When one has at last, the log tells what had ended at each moment."""
        world = self.still
        instants = boundaries(world, self.streams())
        every = list(pairs(self.tokens, instants))
        let_in = self.compare(world, Random(len(every)).sample(every, min(len(every), 300 if EXAMPLES else 60)))
        fresh = Gatekeeper(world.lifecycle, world.assembly.store.log.head)
        fresh.follow()
        assert [True] * len(let_in) == [told(fresh, *probe).allowed for probe in let_in]
        world.clock.instant = max(instants)
        world.tick()
        log = world.log()
        for token, instant in let_in if len(self.subscriptions) == 1 else ():
            if not self.reacted_to(world, token):
                assert promises.allowed(log, token, instant), (token, instant)

    @staticmethod
    def reacted_to(world: World, token: UUID) -> bool:
        """Whoever was put at risk by a reaction, which was made when a scheduler ran again, was not at risk before."""
        owner = world.lifecycle.load(token).state.owner_id
        return any(stored.topic == "user-plan.at-risk" for stored in world.lifecycle.log_reader.read_stream(owner))


def test_it_says_what_the_events_say_at_each_boundary_of_each_life(sqlite_files: SQLiteFiles, catcher: Catcher):
    def urls(stack: ExitStack) -> tuple[str, str]:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        return stack.enter_context(sqlite_files.fresh(folder)), stack.enter_context(sqlite_files.fresh(folder))

    machine = type("GatesHere", (Gates,), {"urls": staticmethod(urls), "catcher": catcher})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES or 4,
            stateful_step_count=50 if EXAMPLES else 8,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
    assert machine.probes > (10_000 if EXAMPLES >= 50 else 200)


# by hand, on both databases


@pytest.fixture
def gatekeeper(world: World) -> Gatekeeper:
    done(world, *WITH_TOKENS)
    world.assembly.gatekeeper.follow()
    return world.assembly.gatekeeper


def agreed(world: World, gatekeeper: Gatekeeper, instant: datetime, token: UUID = TOKEN) -> list[str]:
    """The codes, which are the same wherever one asks: here, in a process that has just started, and in the log."""
    gatekeeper.follow()
    fresh = Gatekeeper(world.lifecycle, world.assembly.store.log.head)
    fresh.follow()
    access = told(gatekeeper, token, instant)
    assert access == told(fresh, token, instant) == explain(world.lifecycle, token, Product.SCHOLARLY, instant)
    return [str(reason.code) for reason in access.reasons]


@pytest.mark.parametrize("ticks", [True, False])
def test_each_end_is_one_to_the_microsecond(world: World, gatekeeper: Gatekeeper, ticks):
    """Whether anybody records it or not."""
    late = UUID(int=50)
    expected = {
        START.replace(year=2028): (TOKEN, "token_expired"),
        GRACE_ENDS_AT: (late, "subscription_lapsed"),
    }
    world.clock.instant = ENDS_AT - 2 * DAY
    done(world, issuing(late))
    for instant, (token, code) in expected.items():
        assert code not in agreed(world, gatekeeper, instant - MICROSECOND, token)
        assert code in agreed(world, gatekeeper, instant, token)
        world.clock.instant = instant
        if ticks:
            world.tick()
        assert code in agreed(world, gatekeeper, instant, token)
        assert code in agreed(world, gatekeeper, instant + MICROSECOND, token)
    assert ["token_expired", "plan_expired", "subscription_lapsed"] == agreed(world, gatekeeper, GRACE_ENDS_AT, ADAS_TOKEN)


def test_it_reads_nothing_when_it_is_asked(world: World, gatekeeper: Gatekeeper):
    """Not even where everything is overdue, and nobody has recorded it."""
    done(world, SuspendSubscription(id=SUBSCRIPTION, until=START + DAY), RenewSubscription(id=SUBSCRIPTION))
    gatekeeper.follow()
    asked: list[str] = []
    event.listen(world.assembly.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    for instant in (START, START + 2 * DAY, ENDS_AT, GRACE_ENDS_AT + DEAD, GRACE_ENDS_AT + 20 * DEAD):
        for token in (TOKEN, ADAS_TOKEN):
            told(gatekeeper, token, instant)
    assert [] == asked


def test_what_another_process_records_is_known_at_the_next_look(world: World):
    done(world, *WITH_TOKENS)
    with closing(Assembly(world.assembly.settings, smtp_url=world.catcher.url, clock=world.clock)) as process:
        other = process.gatekeeper
        for command, code in (
            (SuspendSubscription(id=SUBSCRIPTION), "subscription_suspended"),
            (Suspend(id=ACCOUNT), "account_suspended"),
            (RevokeToken(id=TOKEN), "token_revoked"),
        ):
            assert code not in agreed(world, other, START)
            done(world, command)
            assert code in agreed(world, other, START)


def test_a_rotated_token_ends_by_its_rotation(world: World, gatekeeper: Gatekeeper):
    new = issuing(UUID(int=50))
    world.clock.instant = START + DAY
    rotated = done(world, RotateToken(id=TOKEN, replaced_by=new.id, overlap_days=2)).position
    end = START + 3 * DAY
    assert [] == agreed(world, gatekeeper, end - MICROSECOND)
    assert ["token_expired"] == agreed(world, gatekeeper, end)
    assert rotated == told(gatekeeper, TOKEN, end).reasons[0].position


def test_a_cancellation_that_is_due_shuts_out_though_nobody_carries_it_out(world: World, gatekeeper: Gatekeeper):
    done(world, CancelSubscription(id=SUBSCRIPTION, when="term_end"), RevokeToken(id=ADAS_TOKEN))
    world.clock.instant = ENDS_AT - DAY
    late = issuing(UUID(int=50), PLAN)
    done(world, late)
    assert [] == agreed(world, gatekeeper, ENDS_AT - MICROSECOND, late.id)
    assert "subscription_lapsed" in agreed(world, gatekeeper, ENDS_AT, late.id)
