"""Who belongs to a group that a policy names, told by the states."""

from domain.aggregates.api_token import ApiToken
from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.aggregates.itk_subscription import ITKSubscription
from domain.policies import ForEach, Group
from domain.rules import Rules
from domain.streams import Aggregate

OPEN_PLANS = ("requested", "invited", "active", "suspended", "at_risk")
GRANTED_PLANS = ("active", "suspended", "at_risk")
LIVE_TOKENS = ("active", "rotating")


def belongs(wish: ForEach, state: Aggregate, rules: Rules) -> bool:
    """Of lists of people nobody: they are told of by rows, not by states."""
    match state, wish.group:
        case ApiToken(), Group.TOKENS_OF_OWNER:
            return state.owner_id == wish.of and state.status in LIVE_TOKENS
        case ApiToken(), Group.TOKENS_OF_ACCOUNT:
            return state.account_id == wish.of and state.status in LIVE_TOKENS
        case InstitutionalUserPlan(), Group.PLANS_OF_SUBSCRIPTION:
            return state.subscription_id == wish.of and state.status in OPEN_PLANS
        case InstitutionalUserPlan(), Group.PLANS_WAITING_FOR_ACTIVATION:
            return state.subscription_id == wish.of and str(state.status) == "requested"
        case InstitutionalUserPlan(), Group.PLANS_TO_RENEW:
            asked = rules.user_plans_follow_renewal or str(state.renewal) == "waiting"
            return state.subscription_id == wish.of and state.status in GRANTED_PLANS and asked
        case InstitutionalUserPlan(), Group.PLANS_OF_ACCOUNT:
            return state.account_id == wish.of and state.status in OPEN_PLANS
        case ITKSubscription(), Group.SUBSCRIPTIONS_OF_ACCOUNT:
            return state.account_id == wish.of and str(state.status) != "ended"
    return False
