"""What was promised, looked up in a log: told without the code that decided it."""

from collections.abc import Iterator
from dataclasses import astuple, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from domain.aggregates.itk_subscription import ITKSubscription
from domain.catalogue import Product
from domain.events.api_token import TokenIssued
from domain.events.base import Recorded
from domain.events.itk_subscription import SubscriptionEnded, SubscriptionExtended, SubscriptionOpened, TermCorrected, UsagePeriodClosed
from domain.streams import empty_for
from tests.lifetimes.worlds import World, by_stream, kinds

MICROSECOND = timedelta(microseconds=1)
BOOKS = {"subscription.usage-period-closed", "subscription.usage-period-adjusted", "subscription.usage-statement-made"}
"""What was used is put on record when somebody looks, and also after the end: it changes nothing that is promised."""
STEPS = {"account.onboarding-step-reached", "account.onboarding-nudged", "account.onboarding-nudge-skipped"}
"""How far an institution has come shows on other streams: it is noted when somebody looks."""
OVER = {"subscription.ended", "subscription.lapsed", "token.expired", "token.revoked", "user-plan.expired", "user-plan.ended"}
LOOKED_AT = 14


def check(log: list[Recorded]) -> None:
    for events in by_stream(log).values():
        assert [each.version for each in events] == list(range(1, len(events) + 1))
        assert all(one.event.at <= other.event.at for one, other in pairwise(events)), "time ran backwards in a stream"
    for _, events in kinds(log, "subscription"):
        _ends_once(events)
        _loses_nothing(events)
    for _, events in kinds(log, "token"):
        ends = [each for each in events if each.event.TOPIC in {"token.expired", "token.revoked"}]
        assert len(ends) <= 1
        assert all(each.event.TOPIC == "token.leaked" for each in events[events.index(ends[0]) + 1 :]) if ends else True
    for _, events in kinds(log, "user-plan"):
        _grants_before_it_takes(events)
    _knows_everyone_once(log)
    for _, events in kinds(log, "email"):
        assert sum(each.event.TOPIC == "email.sent" for each in events) <= 1


def _grants_before_it_takes(events: list[Recorded]) -> None:
    """Nothing expires that nobody had; a risk and an invitation end when they said; and no list brings back who has left."""
    granted, left, risk, invited = False, False, None, None
    for each in events:
        event, topic = each.event, each.event.TOPIC
        if topic == "user-plan.activated":
            assert not (left and event.import_id), "a list brought back who has left"
            granted, left, risk, invited = True, False, None, None
        elif topic in {"user-plan.requested", "user-plan.accepted"}:
            granted, risk, invited = False, None, None
        elif topic == "user-plan.invited":
            assert not granted, "somebody was invited to what they have"
            invited = event.expires_at
        elif topic == "user-plan.at-risk":
            assert granted
            assert risk is None, "at risk twice"
            risk = event.until
        elif topic == "user-plan.reconfirmed":
            assert risk is not None, "confirmed without a risk"
            risk = None
        elif topic == "user-plan.expired":
            assert granted, "a plan expired that nobody had"
            granted, risk = False, None
        elif topic == "user-plan.ended":
            if event.cause == "at-risk":
                assert risk is not None
                assert risk <= event.at, "the risk ended too early"
            if event.cause == "invitation-lapsed":
                assert invited is not None
                assert invited <= event.at, "the invitation lapsed too early"
            granted, risk, invited, left = False, None, None, left or event.cause == "left"


def _knows_everyone_once(log: list[Recorded]) -> None:
    """No two plans are for one address of one institution, at any moment."""
    keys: dict[UUID, tuple[UUID | None, str]] = {}
    holders: dict[tuple[UUID | None, str], UUID] = {}
    for each in log:
        key = getattr(each.event, "person_key", None)
        if key is None:
            continue
        if each.stream_id in keys:
            del holders[keys[each.stream_id]]
        keys[each.stream_id] = (each.account_id, key)
        assert holders.setdefault((each.account_id, key), each.stream_id) == each.stream_id, "one person has two plans"


def _ends_once(events: list[Recorded]) -> None:
    ends = [each for each in events if isinstance(each.event, SubscriptionEnded)]
    assert len(ends) <= 1
    told = [each for each in events if each.event.TOPIC not in BOOKS]
    assert not ends or told[-1] == ends[0], "something happened to a subscription after its end"
    _closes_in_order(events)


def _closes_in_order(events: list[Recorded]) -> None:
    """Each quota month once, for every product, as soon as it is over and not before."""
    closed = [each.event for each in events if isinstance(each.event, UsagePeriodClosed)]
    numbers = [event.period for event in closed]
    assert numbers == [number for number in range(len(closed) // len(Product)) for _ in Product]
    assert all(event.ends_at <= event.at for event in closed)
    for one, other in pairwise(closed):
        assert one.ends_at <= other.starts_at or one.period == other.period


def _loses_nothing(events: list[Recorded]) -> None:
    """Each term begins where the one before ends, unless it began anew after a lapse; and no instant once paid for is taken back."""
    state = ITKSubscription()
    fresh: set[int] = set()
    for each in events:
        event = each.event
        before, state = state, state.evolve(event)
        if getattr(event, "mode", None) == "fresh":
            fresh.add(state.number)
        for one, other in pairwise(state.terms):
            assert one.ends_at == other.starts_at or (other.number in fresh and one.ends_at <= other.starts_at)
            assert other.number == one.number + 1
        for term in state.terms:
            assert term.starts_at < term.ends_at
        if isinstance(event, SubscriptionExtended):
            assert state.ends_at > before.ends_at
            assert state.paid_until >= before.paid_until
            assert [term.starts_at for term in state.terms[: before.number]] == [term.starts_at for term in before.terms[: before.number]]
        elif event.TOPIC not in {"subscription.renewal-withdrawn", "subscription.activated"} and not isinstance(event, TermCorrected):
            assert before.terms == state.terms[: len(before.terms)]
        if event.TOPIC == "subscription.ended" and event.cause == "cancelled":
            continue
        if event.TOPIC in {"subscription.lapsed", "subscription.grace-started"}:
            assert state.paid_until <= event.at, "the time that was paid for was not over"


def instants(log: list[Recorded]) -> list[datetime]:
    """The last ends of something in a log, and the moments on both sides of each."""
    ends = [each.event.at for each in log if each.event.TOPIC in OVER]
    ends += [each.event.expires_at for each in log if isinstance(each.event, TokenIssued)]
    last = sorted(set(ends))[-LOOKED_AT:]
    return [end + off for end in last for off in (-MICROSECOND, timedelta(0), MICROSECOND)]


def allowed(log: list[Recorded], token: UUID, instant: datetime) -> bool:
    """May it call, told from what is on record up to an instant: nothing may be overdue then."""
    states: dict[UUID, Any] = {}
    opened: dict[UUID, UUID] = {}
    for each in log:
        if each.event.at > instant:
            continue
        states[each.stream_id] = states.get(each.stream_id, empty_for(each.event)).evolve(each.event)
        if isinstance(each.event, SubscriptionOpened):
            opened[each.event.account_id] = each.stream_id
    held = states.get(token)
    if held is None or held.status not in {"active", "rotating"} or held.expires_at <= instant:
        return False
    if states[held.account_id].status != "active":
        return False
    if held.owner_id == held.account_id:
        return held.account_id in opened and bool(states[opened[held.account_id]].gives_access)
    plan = states[held.owner_id]
    return plan.status in {"active", "at_risk"} and plan.until > instant and bool(states[plan.subscription_id].gives_access)


def check_access(log: list[Recorded], world: World) -> None:
    """What is explained of an instant is what the log says of it, to the microsecond. The scheduler has done its work."""
    issued = [id for id, _ in kinds(log, "token")][-4:]
    now = world.clock.now()
    for instant in instants(log):
        for token in issued:
            if instant <= now:
                assert allowed(log, token, instant) == world.allows(token, instant), (token, instant)


def check_rebuild(world: World) -> None:
    """Everything derived is what it was after being thrown away and made anew, and nobody is written to twice."""
    followed, letters, head = world.tables(), world.letters(), world.lifecycle.log_reader.max_notification_id()
    assert max(letters.values(), default=1) == 1
    world.assembly.tables.rebuild()
    rebuilt = world.tables()
    for name, rows in followed.items():
        assert rows == rebuilt[name], name
    world.tick()
    assert letters == world.letters()
    assert head == world.lifecycle.log_reader.max_notification_id()


def living(log: list[Recorded], owner: UUID) -> set[UUID]:
    """An owner's tokens that are not over."""
    return {
        id
        for id, events in kinds(log, "token")
        if isinstance(first := events[0].event, TokenIssued) and first.owner_id == owner
        if not {"token.expired", "token.revoked"} & {each.event.TOPIC for each in events}
    }


def told_streams(log: list[Recorded]) -> Iterator[tuple[UUID, list[Recorded]]]:
    """The streams on which no other stream has an effect, without what is put on record only when somebody looks."""
    for kind in ("account", "subscription"):
        for id, events in kinds(log, kind):
            yield id, [each for each in events if each.event.TOPIC not in BOOKS | STEPS]


def books(log: list[Recorded]) -> set[tuple[Any, ...]]:
    """What was used of each product in each quota month, whenever it was put on record."""
    closed = (each for each in log if isinstance(each.event, UsagePeriodClosed))
    return {(each.stream_id, *astuple(replace(each.event, at=each.event.ends_at))) for each in closed}
