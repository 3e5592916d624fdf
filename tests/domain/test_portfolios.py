"""An institution attests portfolios while its subscription includes that; whether they are in force is told at reading."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest

from domain.aggregates.portfolios_state import Branding
from domain.commands.portfolios import AmendAttestation, AttestPortfolio, SetBranding, WithdrawAttestation
from domain.events.base import Claim
from domain.events.itk_subscription import EntitlementGranted, EntitlementWithdrawn, SubscriptionReinstated
from domain.events.onboarding import Step
from domain.events.portfolios import AttestationAmended, AttestationWithdrawn, BrandingSet, Portfolio, PortfolioAttested
from domain.onboarding import checklist, open_steps
from domain.portfolios import Standing, Surrounding, is_public, standing
from domain.rules import Rules
from tests.domain.account_facts import ACCOUNT, DEAD, JUNE, MAY_1, MAY_2, MICROSECOND, STANDINGS, account
from tests.domain.account_facts import SUSPENDED as ACCOUNT_SUSPENDED
from tests.domain.subscription_facts import (
    ENDED,
    FOR_GOOD_AT,
    GONE,
    GRACE,
    GRACE_ENDS_AT,
    IN_FORCE,
    OVER,
    PENDING,
    SECOND_END,
    SUBSCRIPTION,
    SUSPENDED,
    state_after,
)

DAY = timedelta(days=1)
ONE, TWO = UUID(int=81), UUID(int=82)
ADDRESS = "https://www.lens.org/lens/search/scholar/list?collectionId=1"
WORKS = Portfolio(
    name="Works of 2026",
    kind="scholarly",
    address=ADDRESS,
    statement="These works were written here.",
    mode="fixed",
    query=None,
    visibility="public",
)
QUERIED = replace(WORKS, mode="dynamic", query="affiliation:MIT")
ATTEST = AttestPortfolio(id=ACCOUNT, portfolio_id=ONE, portfolio=WORKS, attested_by="The director of the library")
ATTESTED = PortfolioAttested(at=MAY_2, portfolio_id=ONE, portfolio=WORKS, attested_by="The director of the library")
AMEND = AmendAttestation(id=ACCOUNT, portfolio_id=ONE, name="Works of 2026 and 2027")
AMENDED = AttestationAmended(
    at=JUNE,
    portfolio_id=ONE,
    portfolio=replace(WORKS, name="Works of 2026 and 2027"),
    attested_by="The director of the library",
)
WITHDRAW = WithdrawAttestation(id=ACCOUNT, portfolio_id=ONE)
WITHDRAWN = AttestationWithdrawn(at=JUNE, portfolio_id=ONE, cause="asked", shown_days=365)
BRAND = SetBranding(id=ACCOUNT, description="We are *here*.", frame_ancestors=("https://library.mit.edu",), image_id="ab" * 32)
BRANDED = BrandingSet(at=JUNE, description="We are *here*.", frame_ancestors=("https://library.mit.edu",), image_id="ab" * 32)
REINSTATED = SubscriptionReinstated(
    at=GRACE_ENDS_AT + DAY,
    number=2,
    starts_at=GRACE_ENDS_AT + DAY,
    ends_at=SECOND_END,
    months=12,
    anchor_on=date(2028, 3, 31),
    anchor_months=12,
    quota_anchor=GRACE_ENDS_AT + DAY,
    mode="fresh",
)
NOT_INCLUDED = EntitlementWithdrawn(at=JUNE, name="attested_portfolios")
UNTIL_JUNE = EntitlementGranted(
    at=MAY_2,
    entitlement=next(each for each in IN_FORCE[1].entitlements if each.name == "attested_portfolios"),
    until=JUNE,
    approver="The director",
)


def facts(*events):
    return state_after(*events).facts(SUBSCRIPTION)


ACCESS = facts(*IN_FORCE)


def shown(*events, instant=JUNE, of=("active", ATTESTED)):
    """How the first portfolio of an account stands, with a subscription to which that has happened."""
    state = account(*of).state
    around = Surrounding(
        account=state,
        subscription_id=SUBSCRIPTION if events else None,
        subscription=state_after(*events) if events else None,
        instant=instant,
    )
    return standing(state.portfolios.attested[0], around)


def test_a_portfolio_is_attested_while_the_subscription_includes_it():
    account("active").when(ATTEST, now=MAY_2, subscription=ACCESS).then(ATTESTED)
    account("active").when(ATTEST, now=MAY_2, subscription=facts(*GRACE)).then(ATTESTED)


def test_the_portfolio_is_found_by_its_id():
    assert ATTESTED.claims() == (Claim("portfolio", str(ONE)),)


def test_attested_twice_is_attested_once():
    once = account("active", ATTESTED)
    once.when(ATTEST, now=JUNE).then_nothing()
    once.when(replace(ATTEST, attested_by="Somebody else"), now=JUNE, subscription=ACCESS).then_refused("portfolio-known", "amend it")


@pytest.mark.parametrize(
    ("subscription", "slug", "sentence"),
    [
        (None, "no-access", "the institution has no subscription"),
        (facts(*PENDING), "no-access", "the subscription is pending and gives no access"),
        (facts(*IN_FORCE, SUSPENDED), "no-access", "the subscription is suspended and gives no access"),
        (facts(*OVER), "no-access", "the subscription is lapsed and gives no access"),
        (facts(*IN_FORCE, NOT_INCLUDED), "not-entitled", "the subscription does not include attested portfolios"),
    ],
)
@pytest.mark.parametrize("command", [ATTEST, AMEND])
def test_without_the_entitlement_nothing_is_attested_or_amended(command, subscription, slug, sentence):
    events = (ATTESTED,) if command is AMEND else ()
    account("active", *events).when(command, now=JUNE, subscription=subscription).then_refused(slug, sentence)


def test_an_entitlement_ends_at_its_very_instant():
    until = facts(*IN_FORCE, UNTIL_JUNE)
    account("active").when(ATTEST, now=JUNE - MICROSECOND, subscription=until).then(replace(ATTESTED, at=JUNE - MICROSECOND))
    account("active").when(ATTEST, now=JUNE, subscription=until).then_refused("not-entitled")


@pytest.mark.parametrize("standing", [each for each in STANDINGS if each != "active"])
def test_only_an_active_account_attests(standing):
    slug = "not-now" if standing in DEAD else "account-not-active"
    account(standing).when(ATTEST, now=JUNE, subscription=ACCESS).then_refused(slug, standing)


def test_an_address_is_attested_once_at_a_time():
    again = replace(ATTEST, portfolio_id=TWO)
    account("active", ATTESTED).when(again, now=JUNE, subscription=ACCESS).then_refused("address-attested", str(ONE))
    account("active", ATTESTED, WITHDRAWN).when(again, now=JUNE, subscription=ACCESS).then(replace(ATTESTED, at=JUNE, portfolio_id=TWO))


def test_there_is_a_most_of_them():
    another = replace(ATTEST, portfolio_id=TWO, portfolio=replace(WORKS, address=ADDRESS + "2"))
    full = account("active", ATTESTED).when(another, now=JUNE, subscription=ACCESS, rules=Rules(max_live_attestations=1))
    full.then_refused("too-many-portfolios", "withdraw one first")


def test_a_query_goes_with_a_dynamic_portfolio():
    attest = replace(ATTEST, portfolio=replace(WORKS, mode="dynamic"))
    account("active").when(attest, now=JUNE, subscription=ACCESS).then_refused("query-missing", "query: a dynamic portfolio holds what")
    attest = replace(ATTEST, portfolio=replace(WORKS, query="q"))
    account("active").when(attest, now=JUNE, subscription=ACCESS).then_refused("query-not-wanted", "query: a fixed portfolio has none")
    attest = replace(ATTEST, portfolio=QUERIED)
    account("active").when(attest, now=MAY_2, subscription=ACCESS).then(replace(ATTESTED, portfolio=QUERIED))


def test_what_is_amended_is_said_anew_and_the_rest_stays():
    account("active", ATTESTED).when(AMEND, now=JUNE, subscription=ACCESS).then(AMENDED)
    account("active", ATTESTED, AMENDED).when(AMEND, now=JUNE).then_nothing()
    (after,) = account("active", ATTESTED, AMENDED).state.portfolios.attested
    assert (after.portfolio.name, after.portfolio.address, after.attested_at, after.amended_at) == (AMEND.name, ADDRESS, MAY_2, JUNE)


def test_a_portfolio_that_becomes_fixed_has_no_query():
    fixed = replace(AMENDED, portfolio=WORKS)
    account("active", replace(ATTESTED, portfolio=QUERIED)).when(
        AmendAttestation(id=ACCOUNT, portfolio_id=ONE, mode="fixed"), now=JUNE, subscription=ACCESS
    ).then(fixed)


def test_what_there_is_not_can_be_neither_amended_nor_withdrawn():
    for command in (AMEND, WITHDRAW):
        account("active").when(command, now=JUNE, subscription=ACCESS).then_refused("no-such-portfolio", str(ONE))


@pytest.mark.parametrize("standing", ["active", "suspended"])
def test_it_can_always_be_withdrawn(standing):
    account(standing, ATTESTED).when(WITHDRAW, now=JUNE).then(WITHDRAWN)
    account(standing, ATTESTED, WITHDRAWN).when(WITHDRAW, now=JUNE).then_nothing()


def test_a_withdrawn_one_is_not_amended():
    account("active", ATTESTED, WITHDRAWN).when(AMEND, now=JUNE, subscription=ACCESS).then_refused("attestation-withdrawn", "anew")


def test_branding_is_an_entitlement_of_its_own():
    account("active").when(BRAND, now=JUNE, subscription=ACCESS).then(BRANDED)
    without = facts(*IN_FORCE, replace(NOT_INCLUDED, name="branding"))
    account("active").when(BRAND, now=JUNE, subscription=without).then_refused("not-entitled", "does not include branding")
    account("active", BRANDED).when(BRAND, now=JUNE).then_nothing()
    nothing = SetBranding(id=ACCOUNT, description="", frame_ancestors=(), image_id=None)
    account("active").when(nothing, now=JUNE).then_nothing()
    assert account("active", BRANDED).state.portfolios.branding == Branding(
        description=BRAND.description, frame_ancestors=BRAND.frame_ancestors, image_id=BRAND.image_id, set_at=JUNE
    )


# whether it is in force


def test_it_is_in_force_while_the_subscription_gives_access():
    assert shown(*IN_FORCE) == shown(*GRACE) == Standing(status="in_force")


def test_a_lapse_takes_it_out_of_force_and_a_reinstatement_brings_it_back():
    why = "the subscription is lapsed and gives no access"
    assert shown(*OVER, instant=GRACE_ENDS_AT) == Standing(status="not_in_force", why=why, since=GRACE_ENDS_AT)
    assert shown(*OVER, REINSTATED, instant=GRACE_ENDS_AT + DAY) == Standing(status="in_force")
    assert shown(*GONE, instant=ENDED.at).since == GRACE_ENDS_AT < FOR_GOOD_AT


@pytest.mark.parametrize(
    ("events", "of", "why", "since"),
    [
        ((), ("active",), "the institution has no subscription", None),
        ((*IN_FORCE, SUSPENDED), ("active",), "the subscription is suspended and gives no access", SUSPENDED.at),
        ((*IN_FORCE, NOT_INCLUDED), ("active",), "the subscription does not include attested portfolios", None),
        ((*IN_FORCE, UNTIL_JUNE), ("active",), "the subscription does not include attested portfolios", JUNE),
        (IN_FORCE, ("active", ACCOUNT_SUSPENDED), "the account is suspended, not active", None),
    ],
)
def test_why_it_is_not_in_force_and_since_when(events, of, why, since):
    assert shown(*events, of=(*of, ATTESTED)) == Standing(status="not_in_force", why=why, since=since)


def test_what_is_withdrawn_stays_so_whatever_the_subscription_does():
    withdrawn = Standing(status="withdrawn", why="the institution withdrew it", since=JUNE)
    assert withdrawn == shown(*IN_FORCE, of=("active", ATTESTED, WITHDRAWN)) == shown(*OVER, of=("active", ATTESTED, WITHDRAWN))


def test_what_the_public_sees():
    def seen(*events, instant=JUNE):
        return is_public(account("active", *events).state.portfolios.attested[0], instant)

    internal = replace(ATTESTED, portfolio=replace(WORKS, visibility="internal"))
    assert (seen(ATTESTED), seen(internal)) == (True, False)
    assert seen(ATTESTED, WITHDRAWN, instant=JUNE + 365 * DAY - MICROSECOND)
    assert not seen(ATTESTED, WITHDRAWN, instant=JUNE + 365 * DAY)


# the checklist


def test_the_step_of_the_checklist_is_done_with_the_first_one_and_stays_done():
    assert Step.PORTFOLIO in open_steps(account("active").state)
    for events in ((ATTESTED,), (ATTESTED, WITHDRAWN), (ATTESTED, replace(ATTESTED, at=JUNE, portfolio_id=TWO))):
        state = account("active", *events).state
        assert Step.PORTFOLIO not in open_steps(state)
        assert next(each.done_at for each in checklist(state) if each.step is Step.PORTFOLIO) == MAY_2
    assert MAY_1 < MAY_2
