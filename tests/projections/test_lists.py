"""Lists tell the truth, though nothing has run since it came to be; and so does the history."""

from uuid import UUID, uuid4

import pytest

from domain.commands.institutional_account import Convert, Suspend
from domain.commands.itk_subscription import RenewSubscription
from domain.events.base import Metadata
from domain.store import Selection
from projections import accounts, api_tokens, history, subscriptions, user_plans
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
    SUBSCRIBED,
    SUBSCRIPTION,
    TOKEN,
    WITH_TOKENS,
    done,
    nomination,
)


def statuses(world, status=None):
    """Of all subscriptions, of those of a status."""
    items, _ = subscriptions.listed(world.lifecycle, world.assembly.database, account=None, status=status, after=0, limit=10)
    return [item["status"] for item in items]


@pytest.mark.parametrize(
    ("instant", "status"),
    [
        (ENDS_AT - MICROSECOND, "active"),
        (ENDS_AT, "grace"),
        (GRACE_ENDS_AT - MICROSECOND, "grace"),
        (GRACE_ENDS_AT, "lapsed"),
        (GRACE_ENDS_AT + 91 * DAY, "ended"),
    ],
)
def test_a_list_is_true_to_the_microsecond_with_the_scheduler_dead(world: World, instant, status):
    done(world, *SUBSCRIBED)
    world.assembly.tables.catch_up()
    world.clock.instant = instant
    assert [status] == statuses(world)
    for each in ("active", "grace", "lapsed", "ended", "pending", "suspended"):
        assert ([status] if each == status else []) == statuses(world, each)
    assert 4 == world.lifecycle.log_reader.max_notification_id(), "a list records nothing"


def test_tokens_and_plans_end_in_their_lists_by_themselves(world: World):
    done(world, *WITH_TOKENS)
    world.assembly.tables.catch_up()
    world.clock.instant = GRACE_ENDS_AT

    def listed(of, **given):
        items, _ = of.listed(world.lifecycle, world.assembly.database, **given, after=0, limit=10)
        return [item["id"] for item in items]

    assert [] == listed(api_tokens, owner=None, account=ACCOUNT, status="active")
    both = [str(TOKEN), str(ADAS_TOKEN)]
    assert both == [str(id) for id in listed(api_tokens, owner=None, account=ACCOUNT, status="expired")]
    assert both[1:] == [str(id) for id in listed(api_tokens, owner=PLAN, account=None, status=None)]
    assert [str(PLAN)] == [str(id) for id in listed(user_plans, subscription=SUBSCRIPTION, account=None, status="expired")]
    assert [] == listed(user_plans, subscription=SUBSCRIPTION, account=None, status="active")


def test_pages_follow_one_another_and_lose_nothing(world: World):
    for number in range(7):
        done(world, nomination(UUID(int=100 + number), f"school-{number}"))
        if number % 2:
            done(world, Convert(id=UUID(int=100 + number)))
    world.assembly.tables.catch_up()

    def walked(status=None, q=None, limit=2):
        after, found = 0, []
        while after is not None:
            items, after = accounts.listed(world.lifecycle, world.assembly.database, q=q, status=status, after=after, limit=limit)
            assert len(items) <= limit
            found += [item["institution"] for item in items]
        return found

    assert [f"SCHOOL-{number}" for number in range(7)] == walked()
    assert ["SCHOOL-1", "SCHOOL-3", "SCHOOL-5"] == walked("active")
    assert ["SCHOOL-0", "SCHOOL-2", "SCHOOL-4", "SCHOOL-6"] == walked("nominated", limit=3)
    assert ["SCHOOL-4"] == walked(q="registered-school-4 library")
    assert [] == walked(q="100%")


# the history


def test_history_is_selected_by_all_that_it_knows(world: World):
    done(world, *SUBSCRIBED, nomination(UUID(int=7), "hu-berlin"))
    world.clock.instant = START + DAY
    south = Metadata(actor="south", role="support", command_id=uuid4(), reason="unpaid")
    world.lifecycle.handle(Suspend(id=ACCOUNT), metadata=south)

    def topics(**given):
        items, following = history.page(world.lifecycle, Selection(**given))
        assert following is None
        return [item["topic"] for item in items]

    everything = ["account.nominated", "account.converted", "subscription.opened", "subscription.activated", "account.nominated"]
    assert [*everything, "account.suspended"] == topics()
    assert ["account.nominated", "account.converted", "account.suspended"] == topics(stream=ACCOUNT)
    assert [*everything[:4], "account.suspended"] == topics(account=ACCOUNT)
    assert ["account.suspended"] == topics(actor="south")
    assert ["account.nominated", "account.nominated"] == topics(topic="account.nominated")
    assert ["account.suspended"] == topics(from_=START + DAY)
    assert everything == topics(to=START + DAY)
    assert [] == topics(account=ACCOUNT, topic="subscription.renewed")


def test_history_comes_in_pages(world: World):
    done(world, *SUBSCRIBED, RenewSubscription(id=SUBSCRIPTION))
    after, found = 0, []
    while after is not None:
        items, after = history.page(world.lifecycle, Selection(), after=after, limit=2)
        found += [item["position"] for item in items]
    assert [1, 2, 3, 4, 5] == found
