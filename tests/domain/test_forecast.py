"""The future, told without a database: what falls due, what follows from it, who is written to, and who is cut off."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.attempt import SYSTEM
from domain.catalogue import Product
from domain.claims import Copied
from domain.commands.api_token import IssueToken, RotateToken
from domain.commands.institutional_account import AddContact, Convert, Nominate, Reinstate, Suspend
from domain.commands.institutional_user_plan import EndUserPlan, RequestUserPlan
from domain.commands.itk_subscription import (
    ActivateSubscription,
    CancelSubscription,
    OpenSubscription,
    RenewSubscription,
    SuspendSubscription,
    UsageTotal,
)
from domain.context import ClaimedDomain
from domain.correspondence import TOO_LATE
from domain.errors import ClaimHeld, Refused
from domain.events.base import Claim, Metadata, Release
from domain.events.institutional_account import Role
from domain.forecast import Forecast
from domain.foretold import Unused, Waiting
from domain.reach import Reach
from domain.rules import DEFAULT_RULES
from domain.streams import Stream

START = datetime(2027, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ENDS = datetime(2028, 3, 1, tzinfo=UTC)
LAPSES = ENDS + 30 * DAY
ACCOUNT, SUBSCRIPTION, TOKEN, ADA, ADAS = (UUID(int=number) for number in range(1, 6))
NORTH = Metadata(actor="support-north", role="support")


class Nobody:
    """A log in which nobody holds anything, but for what is said."""

    def __init__(self, **held: tuple[str, UUID]) -> None:
        self.held = {(kind, key): stream for kind, (key, stream) in held.items()}

    def holder(self, kind: str, key: str) -> UUID | None:
        return self.held.get((kind, key))

    def claims(self, kind: str, low: str, high: str) -> list[tuple[str, UUID]]:
        return sorted((key, stream) for (of, key), stream in self.held.items() if of == kind and low <= key < high)


def empty(now: datetime = START, **more: Any) -> Forecast:
    return Forecast((), Nobody(), DEFAULT_RULES, now, **more)


def nominate(account: UUID = ACCOUNT, domain: str = "fu-berlin.de") -> Nominate:
    return Nominate(
        id=account,
        email=f"library@{domain}",
        contact_id=uuid4(),
        registered_account_id=domain,
        institution="FU",
        time_zone="UTC",
        domains=(ClaimedDomain(domain=domain),),
    )


def issue(id: UUID, owner: UUID, replaces: UUID | None = None) -> IssueToken:
    return IssueToken(
        id=id,
        account_id=ACCOUNT,
        owner_id=owner,
        label="repository",
        digest=id.hex,
        pepper=1,
        prefix="tnr_live_ab12",
        last_four="9xQz",
        replaces=replaces,
    )


def in_force(**more: Any) -> Forecast:
    """An institution in force for a year, with a token of its own, and Ada with a plan and a token."""
    ahead = empty(**more)
    asked = (
        nominate(),
        Convert(id=ACCOUNT),
        OpenSubscription(id=SUBSCRIPTION, account_id=ACCOUNT, starts_on=date(2027, 3, 1)),
        ActivateSubscription(id=SUBSCRIPTION),
        issue(TOKEN, ACCOUNT),
        RequestUserPlan(
            id=ADA,
            account_id=ACCOUNT,
            subscription_id=SUBSCRIPTION,
            registered_account_id="ada",
            email="ada@fu-berlin.de",
            name="Ada",
            person_key="ada",
        ),
        issue(ADAS, ADA),
    )
    for command in asked:
        ahead.ask(command, metadata=NORTH)
        ahead.drain()
    return ahead


def happened(ahead: Forecast, *topics: str) -> list[tuple[str, datetime]]:
    return [(each.event.TOPIC, each.event.at) for each in ahead.events if each.event.TOPIC in topics]


def letters(ahead: Forecast, template: str) -> list[datetime]:
    return [post.at for post in ahead.posts if post.letter.template == template and post.mailbox]


def turns(ahead: Forecast) -> list[tuple[str, datetime, bool, int, int]]:
    return [(each.what, each.at, each.works, each.people, each.tokens) for each in Reach(()).turns(ahead.events)]


# what falls due


def test_a_term_ends_in_grace_and_then_lapses():
    ahead = in_force()
    ahead.advance(LAPSES - timedelta(microseconds=1))
    assert happened(ahead, "subscription.grace-started", "subscription.lapsed") == [("subscription.grace-started", ENDS)]
    ahead.advance(LAPSES)
    assert happened(ahead, "subscription.lapsed", "user-plan.expired") == [("subscription.lapsed", LAPSES), ("user-plan.expired", LAPSES)]
    assert ahead.now == LAPSES


def test_letters_leave_when_they_fall_due_and_are_as_many_as_there_are_mailboxes():
    ahead = in_force()
    assert letters(ahead, "subscription-activated") == [START]
    bursar = AddContact(id=ACCOUNT, contact_id=uuid4(), email="bursar@fu-berlin.de", roles=(Role.BILLING,))
    ahead.ask(bursar, metadata=NORTH)
    ahead.advance(ENDS)
    reminded = letters(ahead, "subscription-expiring")
    assert reminded == [each for days in (90, 60, 30, 14, 7, 1) for each in [ENDS - days * DAY] * 2]
    assert {post.mailbox.address for post in ahead.posts if post.letter.template == "subscription-in-grace" and post.mailbox} == {
        "library@fu-berlin.de",
        "bursar@fu-berlin.de",
    }


def test_what_renews_moves_the_reminders_on():
    ahead = in_force()
    ahead.ask(RenewSubscription(id=SUBSCRIPTION), metadata=NORTH)
    ahead.advance(LAPSES)
    assert letters(ahead, "subscription-expiring") == []
    assert happened(ahead, "subscription.term-rolled-over", "subscription.grace-started") == [("subscription.term-rolled-over", ENDS)]


def test_quota_months_are_closed_with_what_was_counted():
    class Ledger(Unused):
        def totals(self, account_id: UUID, starts_at: datetime) -> tuple[UsageTotal, ...]:
            return (UsageTotal(product=Product.SCHOLARLY, requests=7, records=70),) if starts_at == START else ()

    ahead = in_force(ledger=Ledger())
    ahead.advance(datetime(2027, 5, 1, 12, tzinfo=UTC))
    closed = [each.event for each in ahead.events if each.event.TOPIC == "subscription.usage-period-closed"]
    scholarly = [(each.at, each.requests) for each in closed if each.product is Product.SCHOLARLY]
    assert scholarly == [(datetime(2027, 4, 1, 12, tzinfo=UTC), 7), (datetime(2027, 5, 1, 12, tzinfo=UTC), 0)]


def test_a_statement_of_usage_comes_before_the_end_and_at_it():
    ahead = in_force()
    ahead.advance(ENDS)
    assert happened(ahead, "subscription.usage-statement-made") == [
        ("subscription.usage-statement-made", ENDS - 30 * DAY),
        ("subscription.usage-statement-made", ENDS),
    ]


def test_steps_of_the_onboarding_are_noted_once():
    ahead = in_force()
    ahead.advance(START + DAY)
    steps = [str(each.event.step) for each in ahead.events if each.event.TOPIC == "account.onboarding-step-reached"]
    assert {"activated", "first_token"} <= set(steps)
    assert len(steps) == len(set(steps))


def test_what_is_overdue_takes_effect_at_its_own_instant():
    """The world as it was left, looked at when much is overdue."""
    left = in_force()
    late = Forecast(left.streams(), Nobody(subscription=(str(ACCOUNT), SUBSCRIPTION)), DEFAULT_RULES, LAPSES + 5 * DAY)
    late.drain()
    assert happened(late, "subscription.grace-started", "subscription.lapsed") == [
        ("subscription.grace-started", ENDS),
        ("subscription.lapsed", LAPSES),
    ]
    assert letters(late, "subscription-lapsed") == [LAPSES + 5 * DAY]
    skipped = {post.skipped_because for post in late.posts if post.letter.template == "subscription-in-grace"}
    assert skipped <= {TOO_LATE, "the subscription is lapsed", "the administrator gets it already"}
    assert skipped


# what follows


def test_an_end_by_cancellation_ends_plans_and_revokes_tokens():
    ahead = in_force()
    ahead.ask(CancelSubscription(id=SUBSCRIPTION, when="now"), metadata=NORTH)
    ahead.drain()
    ended = happened(ahead, "subscription.ended", "user-plan.ended", "token.revoked")
    assert [topic for topic, _ in ended] == ["subscription.ended", "user-plan.ended", "token.revoked", "token.revoked"]
    assert letters(ahead, "user-plan-ended") == [START]
    assert letters(ahead, "token-revoked") == [START, START]


def test_the_end_of_a_plan_revokes_the_tokens_of_that_plan_alone():
    ahead = in_force()
    ahead.ask(EndUserPlan(id=ADA, cause="left"), metadata=NORTH)
    ahead.drain()
    assert [each.stream_id for each in ahead.events if each.event.TOPIC == "token.revoked"] == [ADAS]


def test_events_that_nothing_followed_from_yet_are_answered_first():
    left = in_force()
    left.ask(CancelSubscription(id=SUBSCRIPTION, when="now"), metadata=NORTH)
    ended = [each for each in left.events if each.event.TOPIC == "subscription.ended"]
    ahead = Forecast(left.streams(), Nobody(), DEFAULT_RULES, START, unanswered=ended)
    ahead.drain()
    assert {topic for topic, _ in happened(ahead, "user-plan.ended", "token.revoked")} == {"user-plan.ended", "token.revoked"}


def test_letters_that_wait_leave_when_they_may():
    waiting = Waiting(
        stream_id=SUBSCRIPTION,
        account_id=ACCOUNT,
        template="subscription-resumed",
        audience=in_force().posts[0].letter.audience,
        index=0,
        facts={"ends_at": ENDS, "extended_days": 1},
        not_before=START + DAY,
    )
    ahead = Forecast(in_force().streams(), Nobody(), DEFAULT_RULES, START, waiting=(waiting, replace(waiting, not_after=START + DAY)))
    ahead.advance(START + 2 * DAY)
    assert [(post.at, post.skipped_because) for post in ahead.posts if post.letter.template == "subscription-resumed"] == [
        (START + DAY, None),
        (START + DAY, TOO_LATE),
    ]


# what is asked


def test_what_is_refused_has_not_happened():
    ahead = in_force()
    before = len(ahead.events)
    with pytest.raises(Refused):
        ahead.ask(SuspendSubscription(id=SUBSCRIPTION), Reinstate(id=ACCOUNT), Convert(id=ACCOUNT), nominate(), metadata=NORTH)
    assert len(ahead.events) == before


def test_what_another_holds_cannot_be_claimed():
    ahead = Forecast((), Nobody(domain=("fu-berlin.de", UUID(int=77))), DEFAULT_RULES, START)
    with pytest.raises(ClaimHeld) as held:
        ahead.ask(nominate(), metadata=NORTH)
    assert held.value.holder == UUID(int=77)
    assert ahead.events == []


def test_what_is_held_here_is_held():
    ahead = in_force()
    with pytest.raises(ClaimHeld):
        ahead.ask(nominate(UUID(int=78)), metadata=NORTH)


def test_a_claim_that_is_given_up_is_free():
    copied = Copied(Nobody(domain=("a.edu", UUID(int=7))))
    assert copied.holder("domain", "a.edu") == UUID(int=7)
    copied.take(UUID(int=7), Release("domain", "a.edu"))
    assert copied.holder("domain", "a.edu") is None
    assert copied.claims("domain", "a", "z") == []
    copied.take(UUID(int=8), Claim("domain", "a.edu"))
    assert copied.claims("domain", "a", "z") == [("a.edu", UUID(int=8))]
    copied.take(UUID(int=8), Release())
    assert copied.holder("domain", "a.edu") is None


def test_both_tokens_of_a_rotation():
    ahead = in_force()
    new = UUID(int=50)
    ahead.ask(RotateToken(id=TOKEN, replaced_by=new, overlap_days=7), issue(new, ACCOUNT, replaces=TOKEN), metadata=NORTH)
    ahead.advance(START + 7 * DAY)
    assert [(each.stream_id, each.event.at) for each in ahead.events if each.event.TOPIC == "token.expired"] == [(TOKEN, START + 7 * DAY)]


def test_deadlines_are_what_comes_next():
    ahead = in_force()
    assert (SUBSCRIPTION, ENDS) in {(id, at) for id, _, at in ahead.deadlines()}
    assert min(at for _, _, at in ahead.deadlines()) > START


# who is cut off


def test_all_are_cut_off_when_the_subscription_lapses():
    ahead = in_force()
    ahead.advance(LAPSES)
    assert [each for each in turns(ahead) if each[1] > START] == [
        ("token", START + 366 * DAY, False, 0, 1),
        ("token", START + 366 * DAY, False, 0, 1),
        ("institution", LAPSES, False, 1, 0),
    ]


def test_a_suspension_and_its_end():
    ahead = in_force()
    ahead.ask(SuspendSubscription(id=SUBSCRIPTION, until=START + 5 * DAY), metadata=NORTH)
    ahead.advance(START + 6 * DAY)
    assert turns(ahead)[-2:] == [("institution", START, False, 1, 2), ("institution", START + 5 * DAY, True, 1, 2)]


def test_an_account_that_is_suspended_cuts_off_too():
    ahead = in_force()
    ahead.ask(Suspend(id=ACCOUNT), metadata=NORTH)
    ahead.ask(Reinstate(id=ACCOUNT), metadata=NORTH)
    assert [each[0::2] for each in turns(ahead)[-2:]] == [("institution", False, 2), ("institution", True, 2)]


def test_one_person_is_cut_off_alone():
    ahead = in_force()
    ahead.ask(EndUserPlan(id=ADA, cause="left"), metadata=NORTH)
    ahead.drain()
    assert turns(ahead)[-1] == ("user-plan", START, False, 1, 1)


def test_reach_begins_with_what_there_is():
    ahead = in_force()
    reach = Reach([Stream(each.id, each.state, each.version, each.last_at) for each in ahead.streams()])
    known = len(ahead.events)
    ahead.ask(CancelSubscription(id=SUBSCRIPTION, when="now"), metadata=SYSTEM)
    ahead.drain()
    assert [(each.what, each.works, each.people, each.tokens) for each in reach.turns(ahead.events[known:])] == [
        ("institution", False, 1, 2)
    ]
