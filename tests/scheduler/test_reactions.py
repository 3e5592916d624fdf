"""What an event calls for is asked for once, of everybody whom it concerns, whoever dies on the way."""

from collections import Counter
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import update

from domain.clock import FixedClock
from domain.commands.institutional_account import Close
from domain.commands.itk_subscription import CancelSubscription, ExtendSubscription, RenewSubscription
from domain.events.api_token import TokenRevoked
from domain.events.email_delivery import EmailBounced, EmailSent
from domain.events.institutional_account import AccountClosed
from domain.events.institutional_user_plan import (
    RenewalRequested,
    UserPlanActivated,
    UserPlanEnded,
    UserPlanRenewed,
    UserPlanTermMoved,
)
from domain.rules import DEFAULT_RULES
from projections.follower import followers
from projections.groups import Members
from projections.work import LEASE
from scheduler.reactions import NAME, PAGE, Counts, Reactions
from tests.eventstore.samples import sample
from tests.scheduler.house import (
    DAY,
    ENDS_AT,
    GRACE_ENDS_AT,
    START,
    ask,
    at_once,
    happened,
    house,
    put,
    put_institution,
    set_clock,
    token,
    user_plan,
)

OPENS_AT = ENDS_AT - 30 * DAY


@pytest.fixture
def home(database_url, tmp_path):
    with house(database_url, tmp_path) as home:
        yield home


def react(process, reactions=None):
    reactions = reactions or process.reactions
    while reactions.tick():
        process.tables.catch_up()


def put_waiting(process, number):
    """An institution with people who have asked for a renewal."""
    account, subscription = put_institution(process)
    asked = RenewalRequested(at=OPENS_AT, term=1, opened_at=OPENS_AT)
    plans = [user_plan(account, subscription, f"p{each}") for each in range(number)]
    put(process, account, *((stream, [*events, asked]) for stream, events in plans))
    set_clock(process, OPENS_AT)
    react(process)
    return subscription, [stream for stream, _ in plans]


def reactions_of(process, lifecycle, *, owner="another", real_now=None):
    clock = FixedClock(real_now) if real_now else process.real_clock
    return Reactions(lifecycle, process.database, process.tables, Members(DEFAULT_RULES, process.clock.now), clock, owner)


class Dying:
    """A life cycle that fails at the `count`-th page of commands, as if the process had ended there."""

    def __init__(self, lifecycle, count):
        self.lifecycle, self.left = lifecycle, count

    def __getattr__(self, name):
        return getattr(self.lifecycle, name)

    def handle_apart(self, asked, **named):
        self.left -= 1
        if self.left == 0:
            raise ConnectionError("cut off")
        return self.lifecycle.handle_apart(asked, **named)


# once


def grant_renewals(url, folder, number):
    with house(url, folder) as home:
        process, other = home.process(), home.process()
        subscription, plans = put_waiting(process, number)
        process.reactions.counts = Counts()
        ask(process, RenewSubscription(id=subscription))
        at_once(lambda: react(process), lambda: react(other))
        react(process)
        renewed = happened(process, UserPlanRenewed)
        assert sorted(plans) == sorted(each.stream_id for each in renewed)
        assert number == process.reactions.counts.asked + other.reactions.counts.asked
        assert 1 == len({each.metadata.correlation_id for each in renewed})


def test_five_hundred_people_are_renewed_page_by_page_each_once_by_two_processes(postgresql_url, tmp_path):
    grant_renewals(postgresql_url, tmp_path, 500)


def test_two_processes_on_sqlite_renew_each_once(sqlite_url, tmp_path):
    grant_renewals(sqlite_url, tmp_path, 210)


def test_while_one_is_at_it_the_others_wait_for_its_lease(home):
    process = home.process()
    put_institution(process)
    with process.database.writing() as connection:
        connection.execute(update(followers).where(followers.c.name == NAME).values(lease_owner="dead", lease_until=START + LEASE))
    assert 0 == reactions_of(process, process.lifecycle, real_now=START + LEASE - DAY / 86_400).tick()
    assert 4 == reactions_of(process, process.lifecycle, real_now=START + LEASE).tick()
    assert 4 == process.reactions.position()


def test_who_dies_in_the_middle_is_followed_by_one_who_repeats_without_harm(home):
    process = home.process()
    subscription, plans = put_waiting(process, PAGE + 20)
    ask(process, RenewSubscription(id=subscription))
    before = process.reactions.position()
    with pytest.raises(ConnectionError, match="cut off"):
        reactions_of(process, Dying(process.lifecycle, 2), owner="dying").tick()
    assert PAGE == len(happened(process, UserPlanRenewed))
    assert before == process.reactions.position()
    react(process)
    assert Counter(plans) == Counter(each.stream_id for each in happened(process, UserPlanRenewed))
    assert process.store.log.max_notification_id() == process.reactions.position()


def test_what_is_refused_is_counted_and_passed(home):
    process = home.process()
    account, subscription = put_institution(process)
    person = user_plan(account, subscription)
    letter = uuid4()
    sent = replace(sample(EmailSent), at=START, account_id=account)
    bounced = replace(sample(EmailBounced), at=START, account_id=account, role="administrator", to="library@uni.example", reported=True)
    put(process, account, person)
    ask(process, CancelSubscription(id=subscription, when="now"))
    ask(process, Close(id=account))
    put(process, account, (letter, [sent, bounced]))  # a closed account has no contact to be marked
    react(process)
    assert 1 == process.reactions.counts.refused
    assert process.store.log.max_notification_id() == process.reactions.position()
    assert [person[0]] == [each.stream_id for each in happened(process, UserPlanEnded)]


def test_a_page_renews_the_lease(home):
    process = home.process()
    put_waiting(process, 1)
    reactions = reactions_of(process, process.lifecycle, real_now=START)
    assert reactions._take_lease() is not None
    reactions._real_clock.instant += LEASE / 2
    reactions._keep_lease()
    assert reactions_of(process, process.lifecycle, owner="other", real_now=START + LEASE)._take_lease() is None
    assert reactions_of(process, process.lifecycle, owner="other", real_now=START + LEASE * 1.5)._take_lease() is not None


def test_events_that_call_for_nothing_are_passed(home):
    process = home.process()
    account, _ = put_institution(process)
    put(process, account, *(token(account, account, slot=slot) for slot in range(10)))
    react(process)
    assert (14, 0, 0) == (process.reactions.position(), process.reactions.counts.asked, process.reactions.counts.refused)


# whom it reaches


def test_a_cancellation_reaches_the_plans_and_the_tokens(home):
    process = home.process()
    account, subscription = put_institution(process)
    person = user_plan(account, subscription)
    own, hers = token(account, account), token(person[0], account)
    put(process, account, person, own, hers)
    ask(process, CancelSubscription(id=subscription, when="now"))
    react(process)
    assert [(person[0], "subscription-cancelled")] == [(e.stream_id, e.event.cause) for e in happened(process, UserPlanEnded)]
    revoked = {each.stream_id: each.event.cause for each in happened(process, TokenRevoked)}
    assert {own[0]: "subscription-cancelled", hers[0]: "subscription-cancelled"} == revoked
    cause = happened(process, TokenRevoked)[0].metadata
    assert ("tenure", "system") == (cause.actor, cause.role)


def test_the_closure_of_an_account_reaches_everything_that_still_lives(home):
    process = home.process()
    account, subscription = put_institution(process)
    stream, (requested, _) = user_plan(account, subscription)
    own = token(account, account, expires_at=START + 900 * DAY)
    put(process, account, (stream, [replace(requested, doubts=("shared-domain",))]), own)
    set_clock(process, GRACE_ENDS_AT)
    react(process)
    assert [] == happened(process, TokenRevoked)  # a lapse leaves them dormant
    ask(process, Close(id=account))
    react(process)
    assert 1 == len(happened(process, AccountClosed))
    assert [(stream, "account-closed")] == [(each.stream_id, each.event.cause) for each in happened(process, UserPlanEnded)]
    assert [(own[0], "account-closed")] == [(each.stream_id, each.event.cause) for each in happened(process, TokenRevoked)]


def test_an_extension_moves_the_plans_with_it(home):
    process = home.process()
    account, subscription = put_institution(process)
    people = [user_plan(account, subscription, f"p{each}") for each in range(3)]
    elsewhere, another = put_institution(process, name="other")
    put(process, account, *people)
    put(process, elsewhere, user_plan(elsewhere, another, "zoe"))
    ask(process, ExtendSubscription(id=subscription, days=10))
    react(process)
    moved = happened(process, UserPlanTermMoved)
    assert sorted(stream for stream, _ in people) == sorted(each.stream_id for each in moved)
    assert {(1, GRACE_ENDS_AT + 10 * DAY)} == {(each.event.term, each.event.until) for each in moved}


def test_an_activation_lets_in_who_waited_only_for_it(home):
    process = home.process()
    account, subscription = put_institution(process)
    stream, (requested, _) = user_plan(account, subscription)
    other, (doubted, _) = user_plan(account, subscription, "bob")
    pending = [replace(requested, doubts=("subscription-pending",))]
    put(process, account, (stream, pending), (other, [replace(doubted, doubts=("shared-domain", "subscription-pending"))]))
    react(process)
    (activated,) = happened(process, UserPlanActivated)
    assert (stream, GRACE_ENDS_AT) == (activated.stream_id, activated.event.until)
