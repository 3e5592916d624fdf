"""Whom a reaction reaches: those who were there when it happened, and nobody who came later."""

from datetime import date
from uuid import UUID

import pytest

from domain.commands.institutional_user_plan import EndUserPlan, RequestUserPlan
from domain.commands.itk_subscription import ActivateSubscription, CancelSubscription, OpenSubscription
from domain.errors import Refused
from tests.lifetimes.worlds import World
from tests.projections.story import ACCOUNT, ADAS_TOKEN, PLAN, SUBSCRIPTION, TOKEN, WITH_TOKENS, done, issuing

NEW, NEXT = UUID(int=50), UUID(int=51)


def test_a_cancellation_does_not_revoke_the_tokens_of_the_next_subscription(world: World):
    """All of it before the scheduler has looked."""
    done(world, *WITH_TOKENS, CancelSubscription(id=SUBSCRIPTION, when="now"))
    done(world, OpenSubscription(id=NEXT, account_id=ACCOUNT, starts_on=date(2027, 3, 1)), ActivateSubscription(id=NEXT), issuing(NEW))
    world.tick()
    assert ["revoked", "active"] == [world.shown(id)["status"] for id in (TOKEN, NEW)]
    assert world.allows(NEW)


def test_leaving_does_not_revoke_the_tokens_of_who_is_back(world: World):
    done(world, *WITH_TOKENS, EndUserPlan(id=PLAN, cause="left"))
    again = next(command for command in WITH_TOKENS if isinstance(command, RequestUserPlan))
    done(world, again, issuing(NEW, PLAN))
    world.tick()
    assert ["revoked", "active"] == [world.shown(id)["status"] for id in (ADAS_TOKEN, NEW)]


def test_no_token_for_a_plan_whose_subscription_has_ended(world: World):
    """Nothing has told the plan yet."""
    done(world, *WITH_TOKENS, CancelSubscription(id=SUBSCRIPTION, when="now"))
    with pytest.raises(Refused) as refused:
        done(world, issuing(NEW, PLAN))
    assert "plan-not-active" == refused.value.slug
