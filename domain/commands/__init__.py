"""COMMANDS: all there are."""

from domain.commands import (
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
from domain.commands.base import Command

COMMANDS: tuple[type[Command], ...] = tuple(
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
    if isinstance(each, type) and issubclass(each, Command) and "__dataclass_fields__" in vars(each) and each is not Command
)
