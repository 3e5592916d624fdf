"""An institution's attested portfolios as they are at this instant, each with the events that are its evidence."""

from collections import defaultdict
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import select

from domain.aggregates.institutional_account import InstitutionalAccount
from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.portfolios_state import Attestation
from domain.application import Lifecycle
from domain.events.itk_subscription import SubscriptionOpened
from domain.events.portfolios import AttestationAmended, AttestationWithdrawn, PortfolioAttested
from domain.portfolios import Surrounding, standing
from domain.store import Selection
from domain.streams import Stream
from projections import subscriptions
from projections.follower import Database

Evidence = dict[UUID, list[dict[str, Any]]]
TOPICS = frozenset({PortfolioAttested.TOPIC, AttestationAmended.TOPIC, AttestationWithdrawn.TOPIC})


def holder(lifecycle: Lifecycle, portfolio: UUID) -> UUID | None:
    """The account that has attested a portfolio, and is not closed."""
    return lifecycle.log_reader.holder("portfolio", str(portfolio))


def surrounding(lifecycle: Lifecycle, database: Database, account: Stream) -> Surrounding:
    """With the subscription that the account has, or else the last one that it had."""
    assert isinstance(account.state, InstitutionalAccount)
    subscription = lifecycle.log_reader.holder("subscription", str(account.id))
    if subscription is None and lifecycle.moment is not None:
        opened = lifecycle.log_reader.read_log(after=0, limit=1_000, only=Selection(account=account.id, topic=SubscriptionOpened.TOPIC))
        subscription = UUID(str(opened[-1].originator_id)) if opened else None
    elif subscription is None:
        c = subscriptions.table.c
        with database.reading() as connection:
            subscription = connection.scalar(select(c.id).where(c.account_id == account.id).order_by(c.number.desc()).limit(1))
    state = lifecycle.present(subscription).state if subscription else None
    assert state is None or isinstance(state, ITKSubscription)
    return Surrounding(account=account.state, subscription_id=subscription, subscription=state, instant=lifecycle.clock.now())


def evidence(lifecycle: Lifecycle, account: Stream) -> Evidence:
    """The events on record of each portfolio, in their order."""
    found: Evidence = defaultdict(list)
    for stored in lifecycle.log_reader.read_stream(account.id, until=account.version):
        if stored.topic in TOPICS:
            recorded = lifecycle.codec.to_recorded(stored)
            event = recorded.event
            assert isinstance(event, PortfolioAttested | AttestationAmended | AttestationWithdrawn)
            shown = {"event": event.TOPIC, "position": recorded.position, "version": recorded.version, "at": event.at}
            found[event.portfolio_id].append(shown)
    return found


def shown(account_id: UUID, attestation: Attestation, around: Surrounding, events: Evidence) -> dict[str, Any]:
    now = standing(attestation, around)
    return {
        "id": attestation.id,
        "account_id": account_id,
        **asdict(attestation.portfolio),
        "attested_by": attestation.attested_by,
        "status": now.status,
        "why": now.why,
        "since": now.since,
        "attested_at": attestation.attested_at,
        "amended_at": attestation.amended_at,
        "withdrawn_at": attestation.withdrawn_at,
        "evidence": events[attestation.id],
    }
