"""What is coming for an institution: what is on record of it, handed to the forecast, and what the forecast says, as data."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, func, or_, select

from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.itk_subscription_parts import Statement
from domain.application import Lifecycle
from domain.calendar import months_after
from domain.commands.itk_subscription import RenewSubscription, UsageTotal, WithdrawRenewal
from domain.correspondence import Audience
from domain.errors import Refused
from domain.events.base import Metadata, Recorded
from domain.events.itk_subscription import StatedUsage
from domain.forecast import Forecast
from domain.foretold import Post, Waiting
from domain.members import LIVE_TOKENS, OPEN_PLANS
from domain.reach import Reach, Turn
from domain.store import Selection
from projections import api_tokens, subscriptions, usage_periods, usage_reports, user_plans
from projections.emails.outbox import PENDING, email_work, emails
from projections.emails.render import subject_of
from projections.follower import Database, followers
from projections.sentences import done, sentence

FARTHEST_MONTHS = 18
MOST_PEOPLE = 2_000
"""Of so many user plans the future is told, the first that came; an answer says of how many there are."""
REACTIONS = "reactions"
UNANSWERED = 1_000
IN_GRACE = timedelta(days=1)
"""So long after the end of the term somebody renews in grace."""
SOMEBODY = Metadata(actor="somebody", role="support")
LISTED = 1_000


class Scenario(StrEnum):
    """What is taken for granted: nothing, or what staff do about the next end of a term."""

    AS_IS = "as-is"
    RENEW_TODAY = "renew-today"
    RENEW_IN_GRACE = "renew-in-grace"
    LET_LAPSE = "let-lapse"


@dataclass(frozen=True)
class Counted:
    """What the ledger says now; of months that have not begun, nothing."""

    database: Database
    now: datetime

    def totals(self, account_id: UUID, starts_at: datetime) -> tuple[UsageTotal, ...]:
        if starts_at > self.now:
            return ()
        with self.database.reading() as connection:
            return usage_periods.totals(connection, account_id, starts_at)

    def stated(self, subscription: ITKSubscription, statement: Statement) -> tuple[tuple[StatedUsage, ...], int]:
        if statement.starts_at > self.now:
            return (), 0
        with self.database.reading() as connection:
            return usage_reports.stated(connection, subscription, statement)


def forecast(lifecycle: Lifecycle, database: Database, account: UUID) -> tuple[Forecast, int]:
    """An institution as it is, ready to be moved on; and how many people with open plans are left out of it."""
    now = lifecycle.clock.now()
    with database.reading() as connection:
        ids, left_out = _streams(connection, account)
        reacted: int = connection.scalar(select(followers.c.position).where(followers.c.name == REACTIONS)) or 0
        letters = list(_waiting(connection, account))
    unanswered = lifecycle.log_reader.read_log(after=reacted, limit=UNANSWERED, only=Selection(account=account))
    made = Forecast(
        lifecycle.load_many(ids),
        lifecycle.log_reader,
        lifecycle.rules,
        now,
        ledger=Counted(database, now),
        read=lifecycle.find,
        read_at=lifecycle.load_at,
        unanswered=map(lifecycle.codec.to_recorded, unanswered),
        waiting=letters,
    )
    return made, left_out


def _streams(connection: Connection, account: UUID) -> tuple[list[UUID], int]:
    tokens, plans, terms = api_tokens.table.c, user_plans.table.c, subscriptions.table.c
    is_open = (plans.account_id == account) & or_(plans.status.in_(OPEN_PLANS), plans.next_due.is_not(None))
    people = list(connection.scalars(select(plans.id).where(is_open).order_by(plans.number)))
    left_out = set(people[MOST_PEOPLE:])
    first = select(func.min(tokens.number)).where(tokens.owner_id == account)  # a step of the onboarding, even if it is over
    matters = tokens.status.in_(LIVE_TOKENS) | (tokens.number == first.scalar_subquery())
    of_tokens = select(tokens.id, tokens.owner_id).where(tokens.account_id == account, matters)
    found = [row.id for row in connection.execute(of_tokens.order_by(tokens.number)) if row.owner_id not in left_out]
    held = list(connection.scalars(select(terms.id).where(terms.account_id == account).order_by(terms.number)))
    return [account, *held, *people[:MOST_PEOPLE], *found], len(left_out)


def _waiting(connection: Connection, account: UUID) -> Iterator[Waiting]:
    """What the outbox holds for the institution and its people."""
    query = select(emails, emails.c.index.label("ordinal"), email_work.c.not_before).outerjoin(email_work, emails.c.id == email_work.c.id)
    for row in connection.execute(query.where(emails.c.account_id == account, emails.c.status == PENDING).order_by(emails.c.number)):
        yield Waiting(
            stream_id=row.stream_id,
            account_id=row.account_id,
            template=row.template,
            audience=Audience(row.audience),
            index=row.ordinal,
            facts=msgspec.json.decode(row.facts),
            not_after=row.not_after,
            not_before=row.not_before,
        )


# what staff could do


def foresee(
    lifecycle: Lifecycle,
    database: Database,
    account: UUID,
    *,
    until: datetime,
    scenario: Scenario = Scenario.AS_IS,
    public_url: str,
) -> dict[str, Any]:
    """What happens until an instant, at most 18 months from now. Raises Refused for what cannot be assumed."""
    ahead, left_out = forecast(lifecycle, database, account)
    now, reach = ahead.now, Reach(ahead.streams())
    _play(ahead, scenario, until)
    turns = list(reach.turns(ahead.events))
    sent = [post for post in ahead.posts if post.mailbox is not None]
    return {
        "account_id": account,
        "scenario": str(scenario),
        "now": now,
        "until": until,
        "events": [as_data(each) for each in ahead.events[:LISTED]],
        "emails": [letter(each, public_url) for each in sent[:LISTED]],
        "turns": [turn(each) for each in turns[:LISTED]],
        "totals": {"events": len(ahead.events), "emails": len(sent), "turns": len(turns)},
        "people_left_out": left_out,
    }


def farthest(now: datetime) -> datetime:
    """How far the future is told."""
    return months_after(now, FARTHEST_MONTHS)


def as_data(recorded: Recorded) -> dict[str, Any]:
    event = recorded.event
    return {"topic": event.TOPIC, "at": event.at, "stream_id": recorded.stream_id, "sentence": sentence(recorded)}


def letter(post: Post, public_url: str) -> dict[str, Any]:
    written = post.letter
    facts = {**written.facts, "institution": post.institution}
    return {
        "template": written.template,
        "audience": str(written.audience),
        "to": post.mailbox.address if post.mailbox else None,
        "subject": subject_of(written.template, facts, public_url=public_url, time_zone=post.time_zone),
        "at": post.at,
        "stream_id": written.stream_id,
    }


def turn(turned: Turn) -> dict[str, Any]:
    told = {name: value for name, value in vars(turned).items() if name != "cause"}
    return told | {"because": done(turned.cause.event)}


def _play(ahead: Forecast, scenario: Scenario, until: datetime) -> None:
    ahead.drain()
    match scenario:
        case Scenario.RENEW_TODAY:
            ahead.ask(RenewSubscription(id=_held(ahead)[0]), metadata=SOMEBODY)
        case Scenario.RENEW_IN_GRACE:
            in_grace = _held(ahead)[1].paid_until + IN_GRACE
            if in_grace <= until:
                ahead.advance(in_grace)
                ahead.ask(RenewSubscription(id=_held(ahead)[0]), metadata=SOMEBODY)
        case Scenario.LET_LAPSE:
            id, state = _held(ahead)
            for _ in range(len(state.terms) - state.number):
                ahead.ask(WithdrawRenewal(id=id), metadata=SOMEBODY)
    ahead.advance(until)


def _held(ahead: Forecast) -> tuple[UUID, ITKSubscription]:
    """The subscription that has not ended."""
    for stream in ahead.streams():
        if isinstance(stream.state, ITKSubscription) and str(stream.state.status) != "ended":
            return stream.id, stream.state
    raise Refused("no-subscription", "the institution has no subscription to think this through with", field="query.scenario")
