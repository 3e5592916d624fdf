"""What the log knows of one person: where, and, for the person themself, word for word."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from domain.aggregates.api_token import ApiToken
from domain.aggregates.email_delivery import EmailDelivery
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.application import Lifecycle
from domain.store import People, StoredNotification
from domain.streams import Stream

KINDS: tuple[tuple[type[Any], str], ...] = (
    (InstitutionalAccount, "account"),
    (InstitutionalUserPlan, "user-plan"),
    (ApiToken, "token"),
    (EmailDelivery, "email"),
)


def places(lifecycle: Lifecycle, people: People, person: UUID) -> Iterator[dict[str, Any]]:
    """The streams in which something of a person is sealed, each as it is at this instant."""
    for id in people.streams_of([person]):
        stream = lifecycle.present(id)
        yield {"kind": _kind(stream), "id": id, "account_id": stream.account_id, "status": str(getattr(stream.state, "status", "")) or None}


def export(lifecycle: Lifecycle, people: People, person: UUID) -> Iterator[dict[str, Any]]:
    """Every event that tells something of a person: what happened, and the person's own texts by the paths of their fields.

    Of others who stand in the same event nothing is told.
    """
    for id in people.streams_of([person]):
        for stored in lifecycle.log_reader.read_stream(id):
            texts = lifecycle.codec.told_of(stored, person)
            if texts:
                yield _told(stored, texts)


def _told(stored: StoredNotification, texts: dict[str, str]) -> dict[str, Any]:
    return {
        "position": stored.id,
        "stream_id": stored.originator_id,
        "version": stored.originator_version,
        "topic": stored.topic,
        "at": stored.at,
        "recorded_at": stored.recorded_at,
        "account_id": stored.account_id,
        "data": texts,
    }


def _kind(stream: Stream) -> str:
    return next((name for kind, name in KINDS if isinstance(stream.state, kind)), "other")
