"""What the access function is told of a token's surroundings at an instant, past or present, read from the events."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.access import Access, AccountView, PlanView, Question, SubscriptionView, TokenView, decide_access
from domain.aggregates.api_token import ApiToken
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.application import Lifecycle
from domain.catalogue import Product
from domain.events.itk_subscription import SubscriptionOpened
from domain.store import Selection
from domain.streams import Stream, empty_for


@dataclass(frozen=True)
class _Then:
    """A stream as it was at an instant, and the position of the event that made a fact of it what it was."""

    stream: Stream
    decided: int | None
    since: datetime | None


def explain(lifecycle: Lifecycle, token_id: UUID, product: Product, instant: datetime) -> Access:
    """Why the token may or may not call the product at `instant`. Quotas are not asked about: they are the meter's."""
    question = Question(product=product)
    token = _at(lifecycle, token_id, instant, lambda state: state.status)
    if token is None or not isinstance(token.stream.state, ApiToken):
        return decide_access(question, token=None, account=None, subscription=None, plan=None, usage=None, now=instant)
    holder = token.stream.state
    account = _at(lifecycle, holder.account_id, instant, lambda state: state.status)
    plan: PlanView | None = None
    if holder.owner_id == holder.account_id:
        subscription = _subscription_of(lifecycle, holder.account_id, instant)
        if subscription is not None:
            plan = PlanView(plans=subscription.stream.state.plans, position=subscription.decided)  # type: ignore[attr-defined]
    else:
        person = _at(lifecycle, holder.owner_id, instant, lambda state: (state.status, state.until))
        subscription = None
        if person is not None and isinstance(person.stream.state, InstitutionalUserPlan):
            state = person.stream.state
            plan = PlanView(plans=state.plans, status=state.status, until=state.until, position=person.decided)
            subscription = _at(lifecycle, state.subscription_id, instant, lambda state: state.status)
    return decide_access(
        question,
        token=TokenView(expires_at=holder.expires_at, revoked_because=holder.revoked_because, position=token.decided),
        account=AccountView(status=str(account.stream.state.status), position=account.decided)
        if account is not None and isinstance(account.stream.state, InstitutionalAccount)
        else None,
        subscription=SubscriptionView(
            status=str(subscription.stream.state.status),  # type: ignore[attr-defined]
            since=subscription.since,
            position=subscription.decided,
        )
        if subscription is not None
        else None,
        plan=plan,
        usage=None,
        now=instant,
    )


def _at(lifecycle: Lifecycle, id: UUID, instant: datetime, fact: Callable[[Any], Any]) -> _Then | None:
    """The stream after the events that had taken effect at `instant`, settled to it."""
    stream: Stream | None = None
    known: Any = None
    decided: int | None = None
    since: datetime | None = None
    for stored in lifecycle.log_reader.read_stream(id):
        event = lifecycle.codec.to_recorded(stored).event
        if event.at > instant:
            break
        before = stream.state if stream else empty_for(event)
        stream = Stream(id, before.evolve(event), stored.originator_version, event.at)
        if fact(stream.state) != known:
            known, decided, since = fact(stream.state), stored.id, event.at
    if stream is None:
        return None
    settled = lifecycle.at_instant(stream, instant)
    if fact(settled.state) != known:
        since = settled.last_at
    return _Then(settled, decided, since)


def _subscription_of(lifecycle: Lifecycle, account_id: UUID, instant: datetime) -> _Then | None:
    """The last subscription that the account had opened by then."""
    opened = lifecycle.log_reader.read_log(after=0, limit=1_000, only=Selection(account=account_id, topic=SubscriptionOpened.TOPIC))
    before = [stored for stored in opened if stored.at is not None and stored.at <= instant]
    return _at(lifecycle, UUID(str(before[-1].originator_id)), instant, lambda state: state.status) if before else None
