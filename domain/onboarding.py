"""The checklist of an institution's onboarding: who does each step, what there is to do, and since when it waits."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.aggregates.institutional_account_state import AccountState
from domain.events.onboarding import Step

Who = Literal["institution", "support"]


@dataclass(frozen=True)
class Item:
    """A step as it is defined. It waits from the instant at which all that it `needs` is done."""

    title: str
    who: Who
    what: str
    needs: tuple[Step, ...] = ()
    optional: bool = False


CHECKLIST: dict[Step, Item] = {
    Step.NOMINATED: Item("Nominated", "institution", "Nominate the mailbox that is to become the institutional account."),
    Step.ADDRESS: Item(
        "Mailbox confirmed",
        "institution",
        "Open the link that we sent to the mailbox, and say whether it is a shared one. Ask us for a new link if it has lapsed.",
        (Step.NOMINATED,),
    ),
    Step.IP_RANGES: Item(
        "IP ranges given",
        "institution",
        "Send the IP ranges of your networks, so that no robot check stands in your people's way.",
        (Step.NOMINATED,),
        optional=True,
    ),
    Step.CONVERTED: Item("Account converted", "support", "Complete what the nomination lacks, and convert the account.", (Step.NOMINATED,)),
    Step.DOMAINS: Item(
        "Email domains claimed",
        "institution",
        "Name the domains of your email addresses: by them your people are known.",
        (Step.NOMINATED,),
    ),
    Step.ACTIVATED: Item("Toolkit activated", "support", "Open the subscription and activate it.", (Step.CONVERTED,)),
    Step.FIRST_TOKEN: Item(
        "First API token", "institution", "Make a token for the API in the account settings, under Subscriptions.", (Step.ACTIVATED,)
    ),
    Step.FIRST_CALL: Item("First call", "institution", "Call the API once with a token, to see that it works.", (Step.FIRST_TOKEN,)),
    Step.LINK_RESOLVERS: Item(
        "Link resolvers set", "institution", "Send your LibKey or WorldCat registry id, for links to the full text.", (Step.ACTIVATED,)
    ),
    Step.TEN_USERS: Item(
        "First users",
        "institution",
        "Invite your people or hand in a list, until the first ten have plans of their own.",
        (Step.ACTIVATED, Step.DOMAINS),
    ),
    Step.PORTFOLIO: Item("First attested portfolio", "institution", "Attest a portfolio of your institution's works.", (Step.ACTIVATED,)),
    Step.COMMUNITY: Item(
        "Community told",
        "institution",
        "Tell your people, with the announcement kit, and let us know that you did.",
        (Step.ACTIVATED,),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A step of one institution. `waiting_since` is None where it is done, or where something must be done before it."""

    step: Step
    item: Item
    done_at: datetime | None
    waiting_since: datetime | None


def checklist(account: AccountState) -> tuple[Progress, ...]:
    """Every step, in the order of the list."""
    done = account.onboarding.done
    return tuple(
        Progress(step=step, item=item, done_at=done.get(step), waiting_since=None if step in done else _ready_at(account, item))
        for step, item in CHECKLIST.items()
    )


def _ready_at(account: AccountState, item: Item) -> datetime | None:
    done = account.onboarding.done
    if not all(each in done for each in item.needs):
        return None
    return max((done[each] for each in item.needs), default=None)


def open_steps(account: AccountState) -> tuple[Step, ...]:
    """What is still to be done; what is optional is not asked for."""
    return tuple(step for step, item in CHECKLIST.items() if not item.optional and step not in account.onboarding.done)


def longest_waiting(account: AccountState) -> Progress | None:
    """Where an institution is stuck: of the steps that could be done, the one that has waited longest."""
    waiting = [each for each in checklist(account) if each.waiting_since is not None and not each.item.optional]
    return min(waiting, key=lambda each: each.waiting_since or account.nominated_at, default=None)
