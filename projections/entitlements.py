"""From when to when each entitlement was held, who asked for it and who approved it: of one subscription, and across institutions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Connection, Index, String, Table, Uuid, or_, select

from domain.access import AccountView, SubscriptionView, gives_access
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.itk_subscription_deadlines import LIVE
from domain.aggregates.itk_subscription_parts import HeldEntitlement
from domain.application import Lifecycle
from domain.events.base import Recorded
from domain.events.itk_subscription import EntitlementGranted, EntitlementWithdrawn, SubscriptionActivated
from domain.streams import Stream, empty_for
from projections.follower import Database, Fact, upsert
from projections.tables import Instant, metadata

table = Table(
    "entitlement_spans",
    metadata,
    Column("position", BigInteger, primary_key=True),
    Column("name", String, primary_key=True),
    Column("subscription_id", Uuid, nullable=False, index=True),
    Column("account_id", Uuid, nullable=False),
    Column("limit", BigInteger),
    Column("since", Instant, nullable=False),
    Column("until", Instant),
    Column("ended_at", Instant),
    Column("approver", String),
    Column("requester", String),
    Column("granted_at", Instant, nullable=False),
    Column("granted_by", String, nullable=False),
    Column("granted_position", BigInteger, nullable=False),
    Index("entitlement_spans_name", "name", "position"),
)


@dataclass(frozen=True, kw_only=True)
class Span:
    """Half-open. `until` is what was granted, `ended_at` when it was withdrawn, granted anew, or the subscription was over.

    `position` is the event that it begins with: the grant, or what brought the subscription back.
    """

    position: int
    name: str
    limit: int | None
    since: datetime
    until: datetime | None
    ended_at: datetime | None = None
    approver: str | None
    requester: str | None
    granted_at: datetime
    granted_by: str
    granted_position: int

    @property
    def over_at(self) -> datetime | None:
        return min((each for each in (self.until, self.ended_at) if each is not None), default=None)

    def is_of(self, held: HeldEntitlement | None) -> bool:
        return held is not None and (self.granted_at, self.limit, self.until, self.approver, self.requester) == (
            held.since,
            held.limit,
            held.until,
            held.approver,
            held.requester,
        )


def changes(last: Mapping[str, Span], recorded: Recorded, state: ITKSubscription) -> list[Span]:
    """The spans that an event ends and begins, in this order; `last` is the last one of each name. A suspension ends none."""
    at = recorded.event.at
    live = state.term in LIVE
    held = {each.name: each for each in state.entitlements if live and (each.until is None or at < each.until)}
    ended = [replace(span, ended_at=at) for name, span in last.items() if span.ended_at is None and not span.is_of(held.get(name))]
    over = {span.name for span in ended}
    begun = (each for name, each in held.items() if name in over or name not in last or last[name].ended_at is not None)
    return [*ended, *(_begun(each, last.get(each.name), recorded) for each in begun)]


def _begun(held: HeldEntitlement, before: Span | None, recorded: Recorded) -> Span:
    same = before if before is not None and before.granted_at == held.since < recorded.event.at else None
    return Span(
        position=recorded.position,
        name=held.name,
        limit=held.limit,
        since=recorded.event.at,
        until=held.until,
        approver=held.approver,
        requester=held.requester,
        granted_at=held.since,
        granted_by=same.granted_by if same else recorded.metadata.actor,
        granted_position=same.granted_position if same else recorded.position,
    )


class Spans:
    """Follows the log."""

    name = "entitlement_spans"
    tables = (table,)

    def apply(self, facts: Sequence[Fact], connection: Connection) -> None:
        ours = [(fact.recorded, fact.state) for fact in facts if isinstance(fact.state, ITKSubscription)]
        if not ours:
            return
        subscriptions = {recorded.stream_id for recorded, _ in ours}
        last: dict[UUID, dict[str, Span]] = {id: {} for id in subscriptions}
        known = select(table).where(table.c.subscription_id.in_(subscriptions)).order_by(table.c.position)
        for row in connection.execute(known):
            last[row.subscription_id][row.name] = _span(row)
        rows: dict[tuple[int, str], dict[str, Any]] = {}
        for recorded, state in ours:
            for span in changes(last[recorded.stream_id], recorded, state):
                last[recorded.stream_id][span.name] = span
                of = {"subscription_id": recorded.stream_id, "account_id": state.account_id}
                rows[span.position, span.name] = asdict(span) | of
        upsert(connection, table, list(rows.values()))


def _span(row: Any) -> Span:
    return Span(**{name: getattr(row, name) for name in Span.__dataclass_fields__})


# one subscription


@dataclass(frozen=True)
class Change:
    recorded: Recorded
    spans: tuple[Span, ...]


def told(lifecycle: Lifecycle, subscription: UUID) -> Iterator[Change]:
    """What its own events say of its entitlements, in order."""
    last: dict[str, Span] = {}
    stream: Stream | None = None
    for stored in lifecycle.log_reader.read_stream(subscription):
        recorded = lifecycle.codec.to_recorded(stored)
        before = stream.state if stream else empty_for(recorded.event)
        stream = Stream(subscription, before.evolve(recorded.event), recorded.version, recorded.event.at)
        assert isinstance(stream.state, ITKSubscription)
        if changed := changes(last, recorded, stream.state):
            last |= {span.name: span for span in changed}
            yield Change(recorded, tuple(changed))


def spans_of(lifecycle: Lifecycle, subscription: UUID) -> list[Span]:
    """In the order in which they began."""
    found: dict[tuple[int, str], Span] = {}
    for change in told(lifecycle, subscription):
        found |= {(span.position, span.name): span for span in change.spans}
    return list(found.values())


def shown(lifecycle: Lifecycle, stream: Stream, now: datetime) -> dict[str, Any]:
    """Every entitlement that a subscription ever held, as it is at `now`, with what became of it; `stream` is settled to then."""
    state = stream.state
    assert isinstance(state, ITKSubscription)
    last: dict[str, Span] = {}
    histories: dict[str, list[dict[str, Any]]] = {}
    for change in told(lifecycle, stream.id):
        last |= {span.name: span for span in change.spans}
        for entry in _entries(change):
            histories.setdefault(entry.pop("name"), []).append(entry)
    return {
        "subscription_id": stream.id,
        "status": state.status,
        "gives_access": _has_access(lifecycle, state, now),
        "entitlements": [
            _facts(span, state) | {"in_force": _in_force(span, state, now), "history": histories[name]} for name, span in last.items()
        ],
    }


def _entries(change: Change) -> Iterator[dict[str, Any]]:
    recorded, event = change.recorded, change.recorded.event
    begun = {span.name for span in change.spans if span.ended_at is None}
    for span in change.spans:
        if span.ended_at is not None and (span.name in begun or span.over_at != span.ended_at):
            continue  # granted anew, which is told below; or over by its date, before this event
        if span.ended_at is None:
            what = "granted" if isinstance(event, SubscriptionActivated | EntitlementGranted) else "regained"
            who: Any = span
        else:
            what = "withdrawn" if isinstance(event, EntitlementWithdrawn) else "ended"
            who = event
        yield {
            "name": span.name,
            "position": recorded.position,
            "at": event.at,
            "what": what,
            "limit": span.limit,
            "until": span.until,
            "approver": getattr(who, "approver", None),
            "requester": getattr(who, "requester", None),
            "actor": recorded.metadata.actor,
            "reason": recorded.metadata.reason,
        }


def _facts(span: Span, present: ITKSubscription) -> dict[str, Any]:
    """`until` is when it is over or will be, as far as that is known."""
    over = span.over_at
    if span.ended_at is None and present.term not in LIVE and present.access_ended_at is not None:  # and nobody has recorded it
        over = min(over, present.access_ended_at) if over else present.access_ended_at
    return {
        "name": span.name,
        "limit": span.limit,
        "since": span.since,
        "until": over,
        "approver": span.approver,
        "requester": span.requester,
        "granted_at": span.granted_at,
        "granted_by": span.granted_by,
        "position": span.granted_position,
    }


def _in_force(span: Span, state: ITKSubscription, now: datetime) -> bool:
    return span.ended_at is None and state.term in LIVE and state.entitled(span.name, now)


def _has_access(lifecycle: Lifecycle, state: ITKSubscription, instant: datetime) -> bool:
    account = lifecycle.as_of(state.account_id, instant)
    view = AccountView(status=account.state.status) if account and isinstance(account.state, InstitutionalAccount) else None
    return gives_access(view, SubscriptionView(status=state.status))


# all of them


def holders(
    lifecycle: Lifecycle, database: Database, *, name: str, instant: datetime, after: int, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """Who held an entitlement at an instant, past or present, in the order in which they came to; and where the next page begins."""
    c = table.c
    query = (
        select(table)
        .where(
            c.name == name,
            c.since <= instant,
            or_(c.until.is_(None), c.until > instant),
            or_(c.ended_at.is_(None), c.ended_at > instant),
        )
        .order_by(c.position)
        .limit(limit + 1)
    )
    if lifecycle.moment is not None:
        return _holders_then(lifecycle, database, name, after, limit)
    items: list[dict[str, Any]] = []
    while True:
        with database.reading() as connection:
            rows = list(connection.execute(query.where(c.position > after)))
        for row in rows[:limit]:
            if len(items) == limit:
                return items, after
            after = row.position
            then = lifecycle.as_of(row.subscription_id, instant)
            if then is not None and isinstance(then.state, ITKSubscription) and _in_force_then(_span(row), then.state):
                items.append(_holder(lifecycle, row, then.state, instant))
        if len(rows) <= limit:
            return items, None


def _holders_then(lifecycle: Lifecycle, database: Database, name: str, after: int, limit: int) -> tuple[list[dict[str, Any]], int | None]:
    """The same of the moment that the lifecycle is of: every subscription that ever held it is looked at."""
    instant, found = lifecycle.clock.now(), []
    with database.reading() as connection:
        ever = connection.scalars(select(table.c.subscription_id).where(table.c.name == name).distinct()).all()
    for id in ever:
        then = lifecycle.as_of(id, instant)
        if then is None or not isinstance(then.state, ITKSubscription):
            continue
        for span in spans_of(lifecycle, id):
            over = span.over_at
            began = span.since <= instant and (over is None or over > instant)
            if span.name == name and span.position > after and began and _in_force_then(span, then.state):
                found.append((span, id, then.state))
    found.sort(key=lambda each: each[0].position)
    items = [
        _holder(lifecycle, SimpleNamespace(**asdict(span), subscription_id=id, account_id=state.account_id), state, instant)
        for span, id, state in found[:limit]
    ]
    return items, found[limit - 1][0].position if len(found) > limit else None


def _in_force_then(span: Span, then: ITKSubscription) -> bool:
    """A subscription that was over by then holds nothing, though nobody has recorded its end."""
    return span.ended_at is not None or then.term in LIVE


def _holder(lifecycle: Lifecycle, row: Any, then: ITKSubscription, instant: datetime) -> dict[str, Any]:
    present = lifecycle.present(row.subscription_id).state
    account = lifecycle.load(row.account_id).state
    assert isinstance(present, ITKSubscription)
    assert isinstance(account, InstitutionalAccount)
    return {
        "subscription_id": row.subscription_id,
        "account_id": row.account_id,
        "institution": account.institution,
        **_facts(_span(row), present),
        "status": then.status,
        "gives_access": _has_access(lifecycle, then, instant),
    }
