"""Limits, entitlements and links change with what is asked; use and the day of reset do not."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.itk_subscription_plans import bulk_data_refusal, is_upgrade
from domain.catalogue import CURRENT, ApiPlan, BulkData, Entitlement, Product
from domain.commands.itk_subscription import (
    ApplyPlanChange,
    ChangePlans,
    GrantEntitlement,
    IssueBulkDataLink,
    UndoPlanChange,
    WithdrawEntitlement,
)
from domain.events.itk_subscription import (
    BulkDataLinkIssued,
    EntitlementGranted,
    EntitlementWithdrawn,
    PlanChangeScheduled,
    PlanChangeUndone,
    PlansChanged,
    SubscriptionExtended,
    Term,
)
from tests.domain.given import given
from tests.domain.subscription_facts import (
    COMPENSATED,
    DAY,
    ENDS_AT,
    GRACE,
    GRACE_ENDS_AT,
    IN_FORCE,
    JUNE,
    LIVE,
    MARCH_1,
    MICROSECOND,
    OVER,
    PENDING,
    STARTS_AT,
    SUBSCRIPTION,
    SUSPENDED,
    due,
    state_after,
    utc,
)

SCHOLARLY = CURRENT.institution[0]
OTHERS = CURRENT.institution[1:]
MORE, LESS = replace(SCHOLARLY, requests_per_month=60_000), replace(SCHOLARLY, requests_per_month=40_000)
MORE_BUT_SLOWER = replace(MORE, requests_per_minute=19)
RESET = utc(2027, 7, 1, 12)
UPGRADE, DOWNGRADE = ChangePlans(id=SUBSCRIPTION, plans=(MORE,)), ChangePlans(id=SUBSCRIPTION, plans=(LESS,))
UPGRADED = PlansChanged(at=JUNE + DAY, plans=(MORE, *OTHERS))
SCHEDULED = PlanChangeScheduled(at=JUNE + DAY, plans=(LESS,), when="next_reset", takes_effect_at=RESET, number=1)
AT_END = replace(SCHEDULED, when="term_end", takes_effect_at=ENDS_AT)
UNDO, APPLY = UndoPlanChange(id=SUBSCRIPTION), ApplyPlanChange(id=SUBSCRIPTION)
PATENT_DATA = Entitlement(name="bulk_data:patent")
GRANT = GrantEntitlement(id=SUBSCRIPTION, entitlement=PATENT_DATA, approver="ann", until=JUNE + 30 * DAY)
GRANTED = EntitlementGranted(at=JUNE, entitlement=PATENT_DATA, until=JUNE + 30 * DAY, approver="ann")
ISSUE = IssueBulkDataLink(
    id=SUBSCRIPTION,
    link_id=UUID(int=7),
    product=BulkData.SCHOLARLY,
    release="202721",
    file_name="scholarly-202721.jsonl.gz",
    bytes=160_000_000_000,
    md5="9e107d9d372bb6826bd81d3542a419d6",
)
ISSUED = BulkDataLinkIssued(
    at=JUNE,
    link_id=UUID(int=7),
    product=BulkData.SCHOLARLY,
    release="202721",
    expires_at=JUNE + timedelta(hours=168),
    reminders=(1,),
    file_name="scholarly-202721.jsonl.gz",
    bytes=160_000_000_000,
    md5="9e107d9d372bb6826bd81d3542a419d6",
)


def subscription(*events):
    return given(ITKSubscription(), *events)


# plans


def test_an_upgrade_is_now_and_anything_less_at_the_next_reset():
    subscription(*IN_FORCE).when(UPGRADE, now=JUNE + DAY).then(UPGRADED)
    subscription(*IN_FORCE).when(DOWNGRADE, now=JUNE + DAY).then(SCHEDULED)
    mixed = replace(UPGRADE, plans=(MORE_BUT_SLOWER,))
    subscription(*IN_FORCE).when(mixed, now=JUNE + DAY).then(replace(SCHEDULED, plans=(MORE_BUT_SLOWER,)))
    subscription(*GRACE).when(UPGRADE, now=ENDS_AT).then(replace(UPGRADED, at=ENDS_AT))


def test_an_upgrade_lowers_no_limit():
    unlimited = replace(SCHOLARLY, records_per_request=None)
    capped = replace(SCHOLARLY, records_per_month=1_000_000)
    assert is_upgrade((SCHOLARLY,), (SCHOLARLY,))
    assert is_upgrade((SCHOLARLY,), (unlimited,))
    assert not is_upgrade((unlimited,), (SCHOLARLY,))
    assert not is_upgrade((SCHOLARLY,), (capped,))
    assert is_upgrade((capped,), (SCHOLARLY,))


def test_people_may_choose_when():
    subscription(*IN_FORCE).when(replace(DOWNGRADE, when="now"), now=JUNE).then(PlansChanged(at=JUNE, plans=(LESS, *OTHERS)))
    subscription(*IN_FORCE).when(replace(DOWNGRADE, when="term_end"), now=JUNE + DAY).then(AT_END)
    later = replace(UPGRADE, when="next_reset")
    subscription(*IN_FORCE).when(later, now=JUNE + DAY).then(replace(SCHEDULED, plans=(MORE,)))


def test_the_next_reset_lies_after_now():
    subscription(*IN_FORCE).when(DOWNGRADE, now=RESET - MICROSECOND).then(replace(SCHEDULED, at=RESET - MICROSECOND))
    subscription(*IN_FORCE).when(DOWNGRADE, now=RESET).then(replace(SCHEDULED, at=RESET, takes_effect_at=utc(2027, 8, 1, 12)))


def test_changing_twice():
    subscription(*IN_FORCE, UPGRADED).when(UPGRADE, now=JUNE + DAY).then_nothing()
    waiting = subscription(*IN_FORCE, SCHEDULED)
    waiting.when(DOWNGRADE, now=JUNE + DAY).then_nothing()
    waiting.when(UPGRADE, now=JUNE + DAY).then_refused("plan-change-scheduled", "undo it first")
    waiting.when(replace(DOWNGRADE, when="now"), now=JUNE + DAY).then_refused("plan-change-scheduled")


@pytest.mark.parametrize("events", [PENDING, OVER])
def test_only_what_gives_access_changes_plans(events):
    subscription(*events).when(UPGRADE, now=GRACE_ENDS_AT).then_refused("not-now", "change plans")
    subscription(*events).when(UNDO, now=GRACE_ENDS_AT).then_refused("not-now")


def test_in_grace_there_is_no_end_of_the_term_to_wait_for():
    subscription(*GRACE).when(replace(UPGRADE, when="term_end"), now=ENDS_AT).then_refused("term-is-over")


@pytest.mark.parametrize("plans", [(), (MORE, LESS)])
def test_each_product_is_named_once(plans):
    subscription(*IN_FORCE).when(replace(UPGRADE, plans=plans), now=JUNE).then_refused("plans-unclear")


def test_no_limit_is_negative():
    negative = ApiPlan(product=Product.PATENT, requests_per_month=-1, requests_per_minute=1)
    subscription(*IN_FORCE).when(replace(UPGRADE, plans=(negative,)), now=JUNE).then_refused("limit-negative", "patent")


def test_a_scheduled_change_takes_effect_at_the_very_moment_and_once():
    waiting = subscription(*IN_FORCE, SCHEDULED)
    changed = PlansChanged(at=RESET, plans=(LESS, *OTHERS), scheduled=True)
    assert RESET == due(waiting.state)["plan-change"]
    waiting.when(APPLY, now=RESET - MICROSECOND).then_nothing()
    waiting.when(APPLY, now=RESET).then(changed)
    subscription(*IN_FORCE, SCHEDULED, changed).when(APPLY, now=RESET).then_nothing()
    state = state_after(*IN_FORCE, SCHEDULED, changed)
    assert ((LESS, *OTHERS), MARCH_1, None) == (state.plans, state.quota_anchor, state.scheduled_plan_change)


def test_undoing_a_change_of_plans():
    undone = PlanChangeUndone(at=RESET - MICROSECOND)
    subscription(*IN_FORCE, SCHEDULED).when(UNDO, now=undone.at).then(undone)
    subscription(*IN_FORCE, SCHEDULED, undone).when(UNDO, now=undone.at).then_nothing()
    assert "plan-change" not in due(state_after(*IN_FORCE, SCHEDULED, undone))


def test_a_change_at_the_end_of_the_term_moves_with_it():
    extended = SubscriptionExtended(
        at=JUNE + 2 * DAY,
        number=1,
        days=1,
        terms=(Term(number=1, starts_at=STARTS_AT, ends_at=ENDS_AT + DAY, months=12, anchor_on=ENDS_AT.date() + 2 * DAY, anchor_months=0),),
        grace_ends_at=GRACE_ENDS_AT + DAY,
    )
    assert ENDS_AT + DAY == due(state_after(*IN_FORCE, AT_END, extended))["plan-change"]
    assert RESET == due(state_after(*IN_FORCE, SCHEDULED, extended))["plan-change"]


def test_while_the_clock_is_stopped_the_end_of_the_term_does_not_come():
    held = replace(COMPENSATED, at=JUNE + 2 * DAY)
    assert "plan-change" not in due(state_after(*IN_FORCE, AT_END, held))
    subscription(*IN_FORCE, AT_END, held).when(APPLY, now=ENDS_AT).then_nothing()
    assert "plan-change" in due(state_after(*IN_FORCE, SCHEDULED, held))


# entitlements


def test_granting_and_withdrawing_mid_term():
    subscription(*IN_FORCE).when(GRANT, now=JUNE).then(GRANTED)
    withdrawn = EntitlementWithdrawn(at=JUNE + DAY, name="bulk_data:patent")
    withdraw = WithdrawEntitlement(id=SUBSCRIPTION, name="bulk_data:patent")
    subscription(*IN_FORCE, GRANTED).when(withdraw, now=JUNE + DAY).then(withdrawn)
    subscription(*IN_FORCE, GRANTED, withdrawn).when(withdraw, now=JUNE + DAY).then_nothing()
    assert not state_after(*IN_FORCE, GRANTED, withdrawn).entitled("bulk_data:patent", JUNE + DAY)


def test_who_asked_and_who_approved_are_on_record():
    subscription(*IN_FORCE).when(replace(GRANT, requester="bea"), now=JUNE).then(asked := replace(GRANTED, requester="bea"))
    (held,) = (each for each in state_after(*IN_FORCE, asked).entitlements if each.name == "bulk_data:patent")
    assert ("ann", "bea") == (held.approver, held.requester)
    withdraw = WithdrawEntitlement(id=SUBSCRIPTION, name="bulk_data:patent", approver="ann", requester="cleo")
    withdrawn = EntitlementWithdrawn(at=JUNE, name="bulk_data:patent", approver="ann", requester="cleo")
    subscription(*IN_FORCE, asked).when(withdraw, now=JUNE).then(withdrawn)
    subscription(*IN_FORCE, GRANTED).when(replace(GRANT, requester="bea"), now=JUNE).then(asked)


def test_granting_twice_is_granting_once_and_other_terms_replace_the_old_ones():
    subscription(*IN_FORCE, GRANTED).when(GRANT, now=JUNE).then_nothing()
    for_good = replace(GRANT, until=None)
    replaced = replace(GRANTED, until=None)
    subscription(*IN_FORCE, GRANTED).when(for_good, now=JUNE).then(replaced)
    state = state_after(*IN_FORCE, GRANTED, replaced)
    assert [None] == [held.until for held in state.entitlements if held.name == "bulk_data:patent"]


def test_an_entitlement_is_held_until_the_very_moment():
    state = state_after(*IN_FORCE, GRANTED)
    assert state.entitled("bulk_data:patent", GRANTED.until - MICROSECOND)
    assert not state.entitled("bulk_data:patent", GRANTED.until)
    assert state.entitled("bulk_data:scholarly", GRANTED.until)
    subscription(*IN_FORCE).when(GRANT, now=GRANTED.until).then_refused("until-not-ahead")


@pytest.mark.parametrize("events", [PENDING, OVER])
def test_only_what_gives_access_has_its_entitlements_changed(events):
    subscription(*events).when(GRANT, now=JUNE).then_refused("not-now")
    subscription(*events).when(WithdrawEntitlement(id=SUBSCRIPTION, name="branding"), now=JUNE).then_refused("not-now")


def test_who_granted_what_stays_known():
    held = {each.name: each for each in state_after(*IN_FORCE, GRANTED).entitlements}
    assert ("ann", JUNE) == (held["bulk_data:patent"].approver, held["bulk_data:patent"].since)
    assert (None, 100_000, MARCH_1) == (held["collections"].approver, held["collections"].limit, held["collections"].since)


# links to bulk data


def test_a_link_works_for_exactly_seven_days():
    subscription(*IN_FORCE).when(ISSUE, now=JUNE, account=LIVE).then(ISSUED)
    over_summer_time = utc(2028, 3, 25, 12)
    issued = subscription(*GRACE).when(ISSUE, now=over_summer_time, account=LIVE).events[0]
    assert timedelta(hours=168) == issued.expires_at - over_summer_time


def test_the_same_link_is_issued_once():
    subscription(*IN_FORCE, ISSUED).when(ISSUE, now=JUNE, account=LIVE).then_nothing()


def test_a_link_needs_access_and_the_entitlement():
    subscription(*IN_FORCE, SUSPENDED).when(ISSUE, now=JUNE, account=LIVE).then_refused("no-access", "suspended")
    subscription(*IN_FORCE).when(ISSUE, now=JUNE, account=replace(LIVE, status="suspended")).then_refused("account-not-active")
    subscription(*OVER).when(ISSUE, now=GRACE_ENDS_AT, account=LIVE).then_refused("not-now")
    patent = replace(ISSUE, product=BulkData.PATENT)
    subscription(*IN_FORCE).when(patent, now=JUNE, account=LIVE).then_refused("not-entitled", "patent")
    entitled = subscription(*IN_FORCE, GRANTED)
    assert entitled.when(patent, now=GRANTED.until - MICROSECOND, account=LIVE).events
    entitled.when(patent, now=GRANTED.until, account=LIVE).then_refused("not-entitled")


def test_a_link_remembers_the_file_as_it_was_registered_then():
    (link,) = state_after(*IN_FORCE, ISSUED).links
    assert (ISSUED.file_name, ISSUED.bytes, ISSUED.md5) == (link.file_name, link.bytes, link.md5)


def test_what_refuses_a_link_refuses_its_use():
    ask = bulk_data_refusal
    assert None is ask(state_after(*IN_FORCE, ISSUED), "active", BulkData.SCHOLARLY, JUNE)
    assert "no-access" == ask(state_after(*IN_FORCE, ISSUED, SUSPENDED), "active", BulkData.SCHOLARLY, JUNE).slug
    assert "account-not-active" == ask(state_after(*IN_FORCE, ISSUED), "suspended", BulkData.SCHOLARLY, JUNE).slug
    granted = state_after(*IN_FORCE, GRANTED)
    assert None is ask(granted, "active", BulkData.PATENT, GRANTED.until - MICROSECOND)
    assert "not-entitled" == ask(granted, "active", BulkData.PATENT, GRANTED.until).slug
