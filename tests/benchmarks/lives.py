"""Logs of many short lives: of subscriptions that are opened, activated and renewed, and of people's plans."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from domain.attempt import Pending
from domain.events.base import Metadata
from domain.events.institutional_user_plan import UserPlanActivated, UserPlanRenewed, UserPlanRequested
from domain.events.itk_subscription import SubscriptionActivated, SubscriptionOpened, SubscriptionRenewed
from tests.eventstore.samples import MAY_1, sample

EVENTS_A_LIFE = 10


def people(count: int) -> Iterator[list[Pending]]:
    """Lives of user plans, a hundred at a time: the first event of each tells of a person nobody knew, nine others of nobody."""
    asked, granted, renewed = (sample(kind) for kind in (UserPlanRequested, UserPlanActivated, UserPlanRenewed))
    metadata = Metadata(actor="support-north", role="support", reason="invoice paid")
    for first in range(0, count // EVENTS_A_LIFE, 100):
        yield [
            Pending(
                originator_id=UUID(int=life + 1), originator_version=version, account_id=UUID(int=2**64), metadata=metadata, event=event
            )
            for life in range(first, min(first + 100, count // EVENTS_A_LIFE))
            for version, event in enumerate(
                (_of(asked, life), granted, *(replace(renewed, at=MAY_1 + timedelta(days=number)) for number in range(8))), 1
            )
        ]


def _of(asked: UserPlanRequested, life: int) -> UserPlanRequested:
    account, key = f"lens:{life}", f"{life:064x}"
    return replace(asked, email=f"person-{life}@university.example", name=f"Person {life}", registered_account_id=account, person_key=key)


def subscription_rows(count: int) -> Iterator[dict[str, Any]]:
    """One life after another, with the positions of a log without gaps."""
    encode = msgspec.json.Encoder(order="deterministic").encode
    opened, activated, renewed = (sample(kind) for kind in (SubscriptionOpened, SubscriptionActivated, SubscriptionRenewed))
    for position in range(1, count + 1):
        life, version = divmod(position - 1, EVENTS_A_LIFE)
        event = replace((opened, activated)[version] if version < 2 else renewed, at=MAY_1 + timedelta(seconds=position))
        yield {
            "position": position,
            "stream_id": UUID(int=life + 1),
            "stream_version": version + 1,
            "topic": event.TOPIC,
            "class_version": event.class_version,
            "state": encode(event),
            "at": event.at,
            "recorded_at": event.at,
            "account_id": UUID(int=life + 2**64),
            "command_id": UUID(int=position + 2**65),
            "actor": "support-north",
            "role": "support",
            "on_behalf_of": None,
            "reason": "invoice paid",
            "correlation_id": UUID(int=position + 2**66),
            "causation_id": None,
        }
