"""What a subscription includes: the limits of its API plans, its entitlements, and links to bulk data."""

from datetime import datetime, timedelta

from domain.aggregates.itk_subscription_deadlines import plans_may_change
from domain.aggregates.itk_subscription_parts import TermState
from domain.aggregates.itk_subscription_state import SubscriptionState
from domain.aggregates.itk_subscription_terms import bulk_data_entitlement
from domain.calendar import quota_month
from domain.catalogue import ApiPlan, BulkData
from domain.commands.itk_subscription import ChangePlans, GrantEntitlement, IssueBulkDataLink, WithdrawEntitlement
from domain.context import Context
from domain.errors import Invalid, Refused
from domain.events.base import Event
from domain.events.itk_subscription import (
    BulkDataLinkIssued,
    EntitlementGranted,
    EntitlementWithdrawn,
    PlanChangeScheduled,
    PlanChangeUndone,
    PlansChanged,
)


def replaced(plans: tuple[ApiPlan, ...], changes: tuple[ApiPlan, ...]) -> tuple[ApiPlan, ...]:
    """All plans, with the limits of the products that `changes` names."""
    by_product = {plan.product: plan for plan in changes}
    return tuple(by_product.get(plan.product, plan) for plan in plans)


def is_upgrade(old: tuple[ApiPlan, ...], new: tuple[ApiPlan, ...]) -> bool:
    """No limit is lower than it was; none at all is the highest."""
    pairs = (pair for before, after in zip(old, new, strict=True) for pair in zip(_limits(before), _limits(after), strict=True))
    return all(after is None or (before is not None and after >= before) for before, after in pairs)


def _limits(plan: ApiPlan) -> tuple[int | None, ...]:
    return (
        plan.requests_per_month,
        plan.requests_per_minute,
        plan.records_per_request,
        plan.nested_aggregations_per_request,
        plan.records_per_month,
    )


def change_plans(state: SubscriptionState, command: ChangePlans, context: Context) -> tuple[Event, ...]:
    """What was used of the month stays used, and the day of reset stays the same."""
    now, scheduled = context.now, state.scheduled_plan_change
    _check_plans(command.plans)
    if scheduled is not None:
        if scheduled.plans == command.plans and command.when in {None, scheduled.when}:
            return ()
        at = scheduled.takes_effect_at.isoformat()
        raise Refused("plan-change-scheduled", f"a change of plans is scheduled for {at}; undo it first", field="plans")
    plans = replaced(state.plans, command.plans)
    if plans == state.plans:
        return ()
    when = command.when or ("now" if is_upgrade(state.plans, plans) else "next_reset")
    if when == "now":
        return (PlansChanged(at=now, plans=plans),)
    if when == "term_end" and state.term is not TermState.IN_FORCE:
        raise Refused("term-is-over", "the term has ended and the subscription is in grace; change now, or at the next reset", field="when")
    takes_effect_at = state.ends_at if when == "term_end" else quota_month(state.quota_anchor or now, now)[2]
    return (PlanChangeScheduled(at=now, plans=command.plans, when=when, takes_effect_at=takes_effect_at, number=state.number),)


def _check_plans(plans: tuple[ApiPlan, ...]) -> None:
    if not plans or len({plan.product for plan in plans}) < len(plans):
        raise Invalid("plans-unclear", "name at least one product, and each only once", field="plans")
    for plan in plans:
        if any(limit is not None and limit < 0 for limit in _limits(plan)):
            raise Invalid("limit-negative", f"a limit of {plan.product} is negative", field="plans")


def apply_plan_change(state: SubscriptionState, context: Context) -> tuple[Event, ...]:
    change = state.scheduled_plan_change
    if change is None or not plans_may_change(state) or context.now < change.takes_effect_at:
        return ()
    return (PlansChanged(at=context.now, plans=replaced(state.plans, change.plans), scheduled=True),)


def undo_plan_change(state: SubscriptionState, context: Context) -> tuple[Event, ...]:
    return (PlanChangeUndone(at=context.now),) if state.scheduled_plan_change else ()


def grant_entitlement(state: SubscriptionState, command: GrantEntitlement, context: Context) -> tuple[Event, ...]:
    now, asked = context.now, command.entitlement
    if command.until is not None and command.until <= now:
        raise Refused("until-not-ahead", f"{command.until.isoformat()} is not in the future", field="until")
    held = next((held for held in state.entitlements if held.name == asked.name), None)
    wanted = (asked.limit, command.until, command.approver, command.requester)
    if held is not None and (held.limit, held.until, held.approver, held.requester) == wanted:
        return ()
    granted = EntitlementGranted(at=now, entitlement=asked, until=command.until, approver=command.approver, requester=command.requester)
    return (granted,)


def withdraw_entitlement(state: SubscriptionState, command: WithdrawEntitlement, context: Context) -> tuple[Event, ...]:
    if all(held.name != command.name for held in state.entitlements):
        return ()
    return (EntitlementWithdrawn(at=context.now, name=command.name, approver=command.approver, requester=command.requester),)


def issue_bulk_data_link(state: SubscriptionState, command: IssueBulkDataLink, context: Context) -> tuple[Event, ...]:
    """A link works for whole times 24 hours, whatever the clocks of the institution do."""
    if any(link.id == command.link_id for link in state.links):
        return ()
    now = context.now
    if refusal := bulk_data_refusal(state, context.account.status if context.account else "unknown", command.product, now):
        raise refusal
    issued = BulkDataLinkIssued(
        at=now,
        link_id=command.link_id,
        product=command.product,
        release=command.release,
        expires_at=now + timedelta(days=context.rules.bulk_data_link_days),
        reminders=context.rules.bulk_data_link_reminders,
        file_name=command.file_name,
        bytes=command.bytes,
        md5=command.md5,
    )
    return (issued,)


def bulk_data_refusal(state: SubscriptionState, account_status: str, product: BulkData, instant: datetime) -> Refused | None:
    """Why no bulk data of a product may be had at an instant, or None: asked when a link is issued, and each time that it is used."""
    if account_status != "active":
        return Refused("account-not-active", f"the account is {account_status}, not active")
    if not state.gives_access:
        return Refused("no-access", f"the subscription is {state.status} and gives no access")
    if not state.entitled(bulk_data_entitlement(product).name, instant):
        return Refused("not-entitled", f"the subscription does not include {product} bulk data", field="product")
    return None
