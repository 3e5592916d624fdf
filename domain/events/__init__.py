"""EVENTS: all there are."""

from domain.events import (
    api_token,
    correction,
    email_delivery,
    institutional_account,
    institutional_user_plan,
    itk_subscription,
    onboarding,
    people,
    portfolios,
    user_import,
)
from domain.events.base import Event

EVENTS: tuple[type[Event], ...] = tuple(
    each
    for module in (
        api_token,
        correction,
        email_delivery,
        institutional_account,
        institutional_user_plan,
        itk_subscription,
        onboarding,
        people,
        portfolios,
        user_import,
    )
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, Event) and "TOPIC" in vars(each)
)
