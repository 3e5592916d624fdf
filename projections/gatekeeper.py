"""What the log says of tokens and of what they stand on, in memory: for a process that must answer at once, and reads no event for it.

A gatekeeper follows the log in every process that answers the gateway. It decides nothing: `domain.access` does, from its views.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hmac import compare_digest
from threading import Lock
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from domain.access import AccountView, PlanView, SubscriptionView, TokenView
from domain.aggregates.base import NO_ID
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.itk_subscription_usage import month_at
from domain.allow_list import Institution
from domain.application import Lifecycle
from domain.calendar import quota_month
from domain.deadlines import next_deadline
from domain.events.api_token import TokenExpired, TokenIssued, TokenRevoked, TokenRotated
from domain.events.base import Recorded
from domain.events.people import PersonalDataErased
from domain.streams import Stream, empty_for, kind_of

BATCH = 5_000
STANDING = {"account", "subscription", "user-plan"}
NO_MONTH = (datetime.max.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


@dataclass(slots=True)
class Token:
    """`since` is the position of what made it what it is."""

    id: UUID
    owner_id: UUID
    account_id: UUID
    digest: bytes
    expires_at: datetime
    revoked_because: str | None
    since: int


@dataclass(slots=True)
class Standing:
    """A stream that access depends on: every version of it with the instant from which it counts, and what last changed its word.

    `month` is the quota month that was last asked about.
    """

    versions: list[Stream]
    instants: list[datetime]
    next_due: datetime | None
    word: Any
    decided: int
    since: datetime
    month: tuple[datetime, datetime] = NO_MONTH

    @property
    def stream(self) -> Stream:
        return self.versions[-1]


@dataclass(frozen=True, slots=True)
class Views:
    """What is known of a token at an instant. `month` is its owner's quota month, half-open; empty where none has begun."""

    token_id: UUID
    owner_id: UUID
    account_id: UUID
    token: TokenView
    account: AccountView | None
    subscription: SubscriptionView | None
    plan: PlanView | None
    subscription_id: UUID | None
    month: tuple[datetime, datetime]


@dataclass
class Gatekeeper:
    """`head`: the last position of the log, seen from a transaction."""

    lifecycle: Lifecycle
    head: Callable[[Connection], int]
    position: int = 0
    _tokens: dict[bytes, Token] = field(default_factory=dict)
    _by_id: dict[UUID, Token] = field(default_factory=dict)
    _standings: dict[UUID, Standing] = field(default_factory=dict)
    _subscriptions: dict[UUID, UUID] = field(default_factory=dict)
    """The last subscription that each account opened."""
    _settled: dict[UUID, tuple[int, datetime, datetime | None, Stream]] = field(default_factory=dict)
    _following: Lock = field(default_factory=Lock)

    def __len__(self) -> int:
        return len(self._tokens)

    def follow(self) -> int:
        """Take up what is new in the log. Returns how many events that was."""
        taken = 0
        with self._following:
            while stored := self.lifecycle.log_reader.read_log(after=self.position, limit=BATCH):
                for each in stored:
                    if each.topic.partition(".")[0] in {"token", *STANDING}:
                        self._take(self.lifecycle.codec.to_recorded(each))
                    elif each.topic == PersonalDataErased.TOPIC:
                        self._forget(UUID(str(each.originator_id)), each.originator_version)
                    self.position = each.id
                taken += len(stored)
        return taken

    def keep_up(self, connection: Connection) -> None:
        """Take up what is new; where nothing is, for the price of one question in a transaction that is under way."""
        if self.head(connection) > self.position:
            self.follow()

    def _take(self, recorded: Recorded) -> None:
        event = recorded.event
        if kind_of(event) in STANDING:
            self._stand(recorded)
            return
        match event:
            case TokenIssued():
                digest = bytes.fromhex(event.digest)
                token = Token(recorded.stream_id, event.owner_id, event.account_id, digest, event.expires_at, None, recorded.position)
                self._tokens[digest] = self._by_id[token.id] = token
            case TokenRotated(expires_at=end):
                token = self._by_id[recorded.stream_id]
                token.expires_at, token.since = end, recorded.position
            case TokenExpired():
                self._by_id[recorded.stream_id].since = recorded.position
            case TokenRevoked(cause=cause):
                token = self._by_id[recorded.stream_id]
                token.revoked_because, token.since = cause, recorded.position

    def _forget(self, id: UUID, version: int) -> None:
        """Nothing of somebody who is forgotten stays in memory."""
        if self._standings.pop(id, None) is not None:
            self._settled.pop(id, None)
            for stored in self.lifecycle.log_reader.read_stream(id, until=version):
                self._stand(self.lifecycle.codec.to_recorded(stored))

    def _stand(self, recorded: Recorded) -> None:
        id, event = recorded.stream_id, recorded.event
        known = self._standings.get(id)
        before = known.stream.state if known else empty_for(event)
        stream = Stream(id, before.evolve(event), recorded.version, event.at)
        following = next_deadline(stream.state, id)
        next_due, word = following.due_at if following else None, _word(stream.state)
        if known is None:
            self._standings[id] = Standing([stream], [event.at], next_due, word, recorded.position, event.at)
            if isinstance(stream.state, ITKSubscription):
                self._subscriptions[stream.state.account_id] = id
            return
        if isinstance(stream.state, InstitutionalUserPlan):  # nobody else's decision looks back at it
            known.versions, known.instants = [stream], [event.at]
        else:
            known.versions.append(stream)
            known.instants.append(event.at)
        known.next_due, known.month = next_due, NO_MONTH
        if word != known.word:
            known.word, known.decided, known.since = word, recorded.position, event.at

    # asking

    def token(self, digest: bytes) -> Token | None:
        found = self._tokens.get(digest)
        return found if found is not None and compare_digest(found.digest, digest) else None

    def token_of(self, id: UUID) -> Token | None:
        return self._by_id.get(id)

    def month_of(self, token: Token, instant: datetime) -> tuple[datetime, datetime] | None:
        """The quota month of the token's owner in which an instant lies, also a past one; None where none was counted then."""
        owner = self._read(token.owner_id if token.owner_id != token.account_id else self._subscriptions.get(token.account_id, NO_ID))
        match owner.state if owner else None:
            case ITKSubscription() as subscription:
                month = month_at(subscription, instant)
                return (month.starts_at, month.ends_at) if month else None
            case InstitutionalUserPlan() as plan if plan.granted_at <= instant:
                _, starts_at, ends_at = quota_month(plan.granted_at, instant)
                return starts_at, ends_at
        return None

    def views(self, token: Token, now: datetime) -> Views:
        """Everything settled to `now`: what has ended is ended, though nobody has recorded it."""
        account = self._at(token.account_id, now)
        subscription_id: UUID | None
        plan: PlanView | None = None
        month = (now, now)
        if token.owner_id == token.account_id:
            subscription_id = self._subscriptions.get(token.account_id)
            subscription = self._at(subscription_id, now)
            if subscription is not None:
                state = subscription[0]
                assert isinstance(state, ITKSubscription)
                plan = PlanView(plans=state.plans, position=subscription[1])
                month = self._month(subscription_id, state.quota_anchor, now)
        else:
            person = self._at(token.owner_id, now)
            subscription, subscription_id = None, None
            if person is not None:
                owner = person[0]
                assert isinstance(owner, InstitutionalUserPlan)
                plan = PlanView(plans=owner.plans, status=owner.status, until=owner.until, position=person[1])
                month, subscription_id = self._month(token.owner_id, owner.granted_at, now), owner.subscription_id
                subscription = self._at(subscription_id, now)
        return Views(
            token_id=token.id,
            owner_id=token.owner_id,
            account_id=token.account_id,
            token=TokenView(expires_at=token.expires_at, revoked_because=token.revoked_because, position=token.since),
            account=_account_view(account),
            subscription=_subscription_view(subscription),
            plan=plan,
            subscription_id=subscription_id,
            month=month,
        )

    def institutions(self, now: datetime) -> tuple[int, list[Institution]]:
        """How far the log was read, and every institution that ever subscribed, settled to `now`."""
        self.follow()
        with self._following:
            found = []
            for account_id, subscription_id in self._subscriptions.items():
                account = self._at(account_id, now)
                subscription = self._at(subscription_id, now)
                ranges = account[0].ip_ranges if account else ()
                views = _account_view(account), _subscription_view(subscription)
                found.append(Institution(account=views[0], subscription=views[1], ip_ranges=ranges))
            return self.position, found

    def _month(self, id: UUID | None, anchor: datetime | None, now: datetime) -> tuple[datetime, datetime]:
        """Of an owner whose count begins at `anchor`; looked up until it is over."""
        known = self._standings.get(id) if id else None
        if known is None or anchor is None or anchor > now:
            return now, now
        if not known.month[0] <= now < known.month[1]:
            _, *bounds = quota_month(anchor, now)
            known.month = (bounds[0], bounds[1])
        return known.month

    def _at(self, id: UUID | None, now: datetime) -> tuple[Any, int, datetime] | None:
        """The state at `now`, the position that decided it, and since when it has been so."""
        known = self._standings.get(id) if id else None
        if known is None or id is None:
            return None
        if known.next_due is None or now < known.next_due:
            return known.stream.state, known.decided, known.since
        settled = self._settle(id, known, now)
        since = settled.last_at if _word(settled.state) != known.word else known.since
        return settled.state, known.decided, since

    def _settle(self, id: UUID, known: Standing, now: datetime) -> Stream:
        """Overdue, and nobody has recorded it yet. Kept until the next thing falls due, or anything is recorded."""
        kept = self._settled.get(id)
        if kept is not None:
            position, from_, until, stream = kept
            if position == self.position and from_ <= now and (until is None or now < until):
                return stream
        position = self.position
        settled = self.lifecycle.settled_with(known.stream, now, self._read, self._read_at)
        following = next_deadline(settled.state, id)
        self._settled[id] = (position, now, following.due_at if following else None, settled)
        return settled

    def _read(self, id: UUID) -> Stream | None:
        known = self._standings.get(id)
        return known.stream if known else None

    def _read_at(self, id: UUID, instant: datetime) -> Stream | None:
        known = self._standings.get(id)
        if known is None:
            return None
        place = bisect_right(known.instants, instant)
        return known.versions[place - 1] if place else None


def _account_view(known: tuple[Any, int, datetime] | None) -> AccountView | None:
    return AccountView(status=str(known[0].status), position=known[1]) if known else None


def _subscription_view(known: tuple[Any, int, datetime] | None) -> SubscriptionView | None:
    return SubscriptionView(status=str(known[0].status), since=known[2], position=known[1]) if known else None


def _word(state: Any) -> Any:
    """What of a state access asks for."""
    match state:
        case InstitutionalUserPlan():
            return state.status, state.until
        case InstitutionalAccount() | ITKSubscription():
            return state.status
    raise TypeError(f"access does not depend on {type(state).__name__}")
