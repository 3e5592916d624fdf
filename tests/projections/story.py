"""One institution, its subscription, a person and a token, for tests of what follows the log."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

from domain.application import Outcome
from domain.commands.api_token import IssueToken
from domain.commands.base import Command
from domain.commands.institutional_account import Convert, Nominate
from domain.commands.institutional_user_plan import RequestUserPlan
from domain.commands.itk_subscription import ActivateSubscription, OpenSubscription
from domain.context import ClaimedDomain
from ops.catcher import Catcher
from tests.lifetimes.worlds import World

START = datetime(2027, 3, 1, 12, tzinfo=UTC)
ENDS_AT = datetime(2028, 2, 29, 23, tzinfo=UTC)
GRACE_ENDS_AT = datetime(2028, 3, 30, 22, tzinfo=UTC)
DAY, MICROSECOND = timedelta(days=1), timedelta(microseconds=1)
ACCOUNT, SUBSCRIPTION, PLAN, TOKEN, ADAS_TOKEN = (UUID(int=number) for number in range(1, 6))


def nomination(id: UUID = ACCOUNT, name: str = "fu-berlin") -> Nominate:
    return Nominate(
        id=id,
        email=f"library@{name}.de",
        contact_id=uuid4(),
        registered_account_id=f"registered-{name}",
        institution=name.upper(),
        time_zone="Europe/Berlin",
        domains=(ClaimedDomain(domain=f"{name}.de"),),
    )


def issuing(id: UUID, owner: UUID = ACCOUNT) -> IssueToken:
    return IssueToken(id=id, account_id=ACCOUNT, owner_id=owner, label="l", digest=id.hex, pepper=1, prefix="tnr", last_four="four")


SUBSCRIBED: tuple[Command, ...] = (
    nomination(),
    Convert(id=ACCOUNT),
    OpenSubscription(id=SUBSCRIPTION, account_id=ACCOUNT, starts_on=date(2027, 3, 1)),
    ActivateSubscription(id=SUBSCRIPTION),
)
WITH_TOKENS: tuple[Command, ...] = (
    *SUBSCRIBED,
    issuing(TOKEN),
    RequestUserPlan(
        id=PLAN,
        account_id=ACCOUNT,
        subscription_id=SUBSCRIPTION,
        registered_account_id="ada",
        email="ada@fu-berlin.de",
        name="Ada",
        person_key="ada",
    ),
    issuing(ADAS_TOKEN, PLAN),
)


def done(world: World, *commands: Command) -> Outcome:
    """One after the other, each in an append of its own; the last one's outcome."""
    for command in commands:
        outcome = world.ask(command, command_id=uuid4())
        if isinstance(outcome, Exception):
            raise outcome
    assert isinstance(outcome, Outcome)
    return outcome


@contextmanager
def world_on(database_url: str, catcher: Catcher, start: datetime = START) -> Iterator[World]:
    catcher.messages.clear()
    world = World("story", database_url, start, catcher)
    yield world
    world.close()
