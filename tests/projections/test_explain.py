"""Why a token may or may not call, at any instant: now, in the past, and at each end to the microsecond."""

from datetime import date
from uuid import UUID

import pytest

from domain.catalogue import Product
from domain.commands.api_token import RevokeToken
from domain.commands.institutional_account import Convert, Reinstate, Suspend
from domain.commands.itk_subscription import (
    OpenSubscription,
    ReinstateSubscription,
    RenewSubscription,
    ResumeSubscription,
    SuspendSubscription,
)
from projections.explain import explain
from tests.lifetimes.worlds import World
from tests.projections.story import (
    ACCOUNT,
    ADAS_TOKEN,
    DAY,
    ENDS_AT,
    GRACE_ENDS_AT,
    MICROSECOND,
    START,
    SUBSCRIPTION,
    TOKEN,
    WITH_TOKENS,
    done,
    issuing,
    nomination,
)

TOKEN_ENDS_AT = START.replace(year=2028)
JUNE = START + 100 * DAY


def why_not(world, instant, token=TOKEN):
    access = explain(world.lifecycle, token, Product.SCHOLARLY, instant)
    codes = [str(reason.code) for reason in access.reasons]
    assert access.allowed == (not codes)
    return codes


def test_before_it_was_issued_a_token_is_unknown(world: World):
    done(world, *WITH_TOKENS)
    assert ["token_unknown"] == why_not(world, START - MICROSECOND)
    assert [] == why_not(world, START)
    assert [] == why_not(world, START, ADAS_TOKEN)


@pytest.mark.parametrize("token", [TOKEN, ADAS_TOKEN])
@pytest.mark.parametrize("recorded", [True, False])
def test_a_token_ends_to_the_microsecond(world: World, token, recorded):
    """Whether its end is on record, or nothing has run since."""
    done(world, *WITH_TOKENS, RenewSubscription(id=SUBSCRIPTION))
    if recorded:
        world.clock.instant = TOKEN_ENDS_AT + DAY
        world.tick()
    assert [] == why_not(world, TOKEN_ENDS_AT - MICROSECOND, token)
    assert ["token_expired"] == why_not(world, TOKEN_ENDS_AT, token)


@pytest.mark.parametrize("recorded", [True, False])
def test_access_ends_with_grace(world: World, recorded):
    done(world, *WITH_TOKENS)
    world.clock.instant = ENDS_AT - 2 * DAY
    late = issuing(UUID(int=50))
    done(world, late)
    world.clock.instant = GRACE_ENDS_AT + DAY
    if recorded:
        world.tick()
    assert [] == why_not(world, ENDS_AT, late.id)
    assert [] == why_not(world, GRACE_ENDS_AT - MICROSECOND, late.id)
    assert ["subscription_lapsed"] == why_not(world, GRACE_ENDS_AT, late.id)
    assert ["token_expired", "plan_expired", "subscription_lapsed"] == why_not(world, GRACE_ENDS_AT, ADAS_TOKEN)


def test_a_reinstatement_does_not_rewrite_the_gap(world: World):
    done(world, *WITH_TOKENS)
    world.clock.instant = ENDS_AT - 2 * DAY
    late = issuing(UUID(int=50))
    done(world, late)
    back = GRACE_ENDS_AT + 5 * DAY
    world.clock.instant = back
    done(world, ReinstateSubscription(id=SUBSCRIPTION, mode="contiguous"))
    assert [] == why_not(world, GRACE_ENDS_AT - MICROSECOND, late.id)
    assert ["subscription_lapsed"] == why_not(world, GRACE_ENDS_AT, late.id)
    assert ["subscription_lapsed"] == why_not(world, back - MICROSECOND, late.id)
    assert [] == why_not(world, back, late.id)


def test_a_hold_shuts_both_kinds_of_token_out_while_it_lasts(world: World):
    done(world, *WITH_TOKENS)
    world.clock.instant = JUNE
    done(world, SuspendSubscription(id=SUBSCRIPTION))
    world.clock.instant = JUNE + DAY
    done(world, ResumeSubscription(id=SUBSCRIPTION))
    for token in (TOKEN, ADAS_TOKEN):
        assert [] == why_not(world, JUNE - MICROSECOND, token)
        assert ["subscription_suspended"] == why_not(world, JUNE, token)
        assert ["subscription_suspended"] == why_not(world, JUNE + DAY - MICROSECOND, token)
        assert [] == why_not(world, JUNE + DAY, token)


def test_a_hold_with_an_end_ends_though_nobody_resumes_it(world: World):
    done(world, *WITH_TOKENS)
    world.clock.instant = JUNE
    done(world, SuspendSubscription(id=SUBSCRIPTION, until=JUNE + DAY))
    assert ["subscription_suspended"] == why_not(world, JUNE + DAY - MICROSECOND)
    assert [] == why_not(world, JUNE + DAY)


def test_a_suspended_account_shuts_everybody_out(world: World):
    done(world, *WITH_TOKENS)
    world.clock.instant = JUNE
    done(world, Suspend(id=ACCOUNT))
    world.clock.instant = JUNE + DAY
    done(world, Reinstate(id=ACCOUNT))
    for token in (TOKEN, ADAS_TOKEN):
        assert [] == why_not(world, JUNE - MICROSECOND, token)
        assert ["account_suspended"] == why_not(world, JUNE, token)
        assert [] == why_not(world, JUNE + DAY, token)


def test_each_reason_names_the_event_that_decided_it(world: World):
    done(world, *WITH_TOKENS)
    world.clock.instant = JUNE
    held = done(world, SuspendSubscription(id=SUBSCRIPTION)).position
    shut = done(world, Suspend(id=ACCOUNT)).position
    gone = done(world, RevokeToken(id=TOKEN)).position
    reasons = explain(world.lifecycle, TOKEN, Product.SCHOLARLY, JUNE).reasons
    expected = [("token_revoked", gone), ("subscription_suspended", held), ("account_suspended", shut)]
    assert expected == [(str(reason.code), reason.position) for reason in reasons]
    assert [] == why_not(world, JUNE - MICROSECOND)


def test_the_next_subscription_gives_access_when_it_is_activated_and_not_before(world: World):
    """The token outlives the first subscription, which lapsed for good; the next one waits for its activation."""
    done(world, *WITH_TOKENS)
    world.clock.instant = ENDS_AT - 2 * DAY
    late = issuing(UUID(int=50))
    done(world, late)
    world.clock.instant = again = GRACE_ENDS_AT + 100 * DAY
    done(world, OpenSubscription(id=UUID(int=51), account_id=ACCOUNT, starts_on=date(2028, 7, 1), follows=SUBSCRIPTION))
    assert ["subscription_lapsed"] == why_not(world, again - MICROSECOND, late.id)
    assert "subscription_pending" in why_not(world, again, late.id)


def test_anothers_misfortune_is_not_ours(world: World):
    done(world, *WITH_TOKENS)
    other = UUID(int=60)
    done(world, nomination(other, "hu-berlin"), Convert(id=other), Suspend(id=other))
    assert [] == why_not(world, START)
