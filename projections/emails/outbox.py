"""Every email that there was, is or was not: filled from the log, claimed by the sender, closed by what happened to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Uuid,
    delete,
    func,
    select,
    update,
)

from domain.aggregates.institutional_account import InstitutionalAccount
from domain.correspondence import Audience, Letter, copies, email_id, letters
from domain.correspondence import mailboxes as mailboxes_of
from domain.events.base import Event, Recorded
from domain.events.email_delivery import EmailBounced, EmailSent, EmailSkipped
from projections.follower import Fact, upsert
from projections.tables import Instant, metadata
from projections.work import claim, work_table

emails = Table(
    "emails",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),  # the event's position, and which of its letters
    Column("position", BigInteger, nullable=False),
    Column("stream_id", Uuid, nullable=False),
    Column("account_id", Uuid),
    Column("template", String, nullable=False),
    Column("audience", String, nullable=False),
    Column("index", Integer, nullable=False),
    Column("facts", LargeBinary, nullable=False),
    Column("written_at", Instant, nullable=False),
    Column("not_after", Instant),
    Column("status", String, nullable=False),
    Column("closed_at", Instant),
    Column("to", String),
    Column("subject", String),
    Column("answer", String),
    Index("emails_open", "status", "number"),
    Index("emails_account", "account_id", "number"),
)
mailboxes = Table(
    "mailboxes",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("contacts", Integer, nullable=False),
    Column("billing", Boolean, nullable=False),
)
"""How many contacts an institution has, to whom a letter to everyone goes; and whether one of them is for bills alone."""

email_work = work_table("email_work")

PENDING = "pending"
LETTERS_OF_AN_EVENT = 1_000


@dataclass(frozen=True, kw_only=True)
class Written:
    """A letter in the outbox."""

    id: UUID
    position: int
    stream_id: UUID
    account_id: UUID | None
    template: str
    audience: Audience
    index: int
    facts: Mapping[str, Any]
    written_at: datetime
    not_after: datetime | None
    attempts: int
    since: datetime  # of the first attempt


class Outbox:
    name = "emails"
    tables = (emails, mailboxes)

    def apply(self, facts: Sequence[Fact], connection: Connection) -> None:
        written: dict[UUID, dict[str, Any]] = {}
        done: list[UUID] = []
        for fact in facts:
            recorded, event = fact.recorded, fact.recorded.event
            if isinstance(fact.state, InstitutionalAccount):
                upsert(connection, mailboxes, [_mailboxes(recorded.stream_id, fact.state)])
            closed = became(event)
            if closed is None:
                rows = [row for letter in letters(recorded, fact.state) for row in self._rows(recorded, letter, connection)]
                for ordinal, row in enumerate(rows):
                    written[row["id"]] = row | {"number": recorded.position * LETTERS_OF_AN_EVENT + ordinal}
                continue
            if "status" in closed:
                done.append(recorded.stream_id)
            if recorded.stream_id in written:
                written[recorded.stream_id] |= closed
            else:
                connection.execute(update(emails).where(emails.c.id == recorded.stream_id).values(closed))
        if written:
            connection.execute(emails.insert(), list(written.values()))
        if done:
            connection.execute(delete(email_work).where(email_work.c.id.in_(done)))  # only now can nobody send it again

    def forget(self, facts: Sequence[Fact], connection: Connection) -> None:
        """What letters say, and what became of them; that they are there, to whom of the institution and when, stays as it is."""
        c = emails.c
        became_of: dict[UUID, dict[str, Any]] = {}
        for fact in facts:
            recorded = fact.recorded
            if (closed := became(recorded.event)) is not None:
                became_of.setdefault(recorded.stream_id, {}).update(closed)
                continue
            for letter in letters(recorded, fact.state):
                number = recorded.position * LETTERS_OF_AN_EVENT
                of_it = c.number.between(number, number + LETTERS_OF_AN_EVENT - 1)
                same = (c.template == letter.template, c.audience == letter.audience.value)
                connection.execute(update(emails).where(of_it, *same).values(facts=msgspec.json.encode(letter.facts)))
        for id, closed in became_of.items():
            connection.execute(update(emails).where(c.id == id).values(closed))
        connection.execute(update(email_work).values(answer=None))  # servers write addresses into their answers

    @staticmethod
    def _rows(recorded: Recorded, letter: Letter, connection: Connection) -> list[dict[str, Any]]:
        count = 1
        if letter.audience in {Audience.EVERYONE, Audience.BILLING}:
            known = connection.execute(select(mailboxes).where(mailboxes.c.account_id == recorded.account_id)).one()
            count = copies(letter.audience, known.contacts, known.billing)
        return [
            {
                "id": email_id(recorded, letter, index),
                "position": recorded.position,
                "stream_id": recorded.stream_id,
                "account_id": recorded.account_id,
                "template": letter.template,
                "audience": letter.audience.value,
                "index": index,
                "facts": msgspec.json.encode(letter.facts),
                "written_at": recorded.event.at,
                "not_after": letter.not_after,
                "status": PENDING,
                "closed_at": None,
                "to": None,
                "subject": None,
                "answer": None,
            }
            for index in range(count)
        ]


def became(event: Event) -> dict[str, Any] | None:
    """What an event says of its own letter; None for an event that is not of a letter."""
    match event:
        case EmailSent():
            return {"status": "sent", "to": event.to, "subject": event.subject, "answer": event.answer, "closed_at": event.at}
        case EmailBounced(hard=True, reported=False, role=role) if Audience(role).passes_on:
            return {"to": event.to, "answer": event.answer}  # it goes to the next contact
        case EmailBounced():
            return {"status": "bounced", "to": event.to, "answer": event.answer, "closed_at": event.at}
        case EmailSkipped():
            said = event.why if event.answer is None else f"{event.why}: {event.answer}"
            return {"status": "skipped", "answer": said, "closed_at": event.at} | ({} if event.to is None else {"to": event.to})
    return None


def _mailboxes(account: UUID, state: InstitutionalAccount) -> dict[str, Any]:
    contacts, billing = mailboxes_of(state)
    return {"account_id": account, "contacts": contacts, "billing": billing}


def claim_pending(connection: Connection, *, owner: str, now: datetime, real_now: datetime, limit: int) -> list[Written]:
    """Letters that wait to be sent, the oldest first, leased to `owner`."""
    ids = claim(
        connection,
        emails,
        emails.c.id,
        emails.c.status == PENDING,
        emails.c.number,
        email_work,
        owner=owner,
        now=now,
        real_now=real_now,
        limit=limit,
    )
    rows = connection.execute(
        select(emails, emails.c.index.label("ordinal"), email_work.c.attempts, email_work.c.since)
        .join(email_work, emails.c.id == email_work.c.id)
        .where(emails.c.id.in_(ids))
        .order_by(emails.c.number)
    )
    return [
        Written(
            id=row.id,
            position=row.position,
            stream_id=row.stream_id,
            account_id=row.account_id,
            template=row.template,
            audience=Audience(row.audience),
            index=row.ordinal,
            facts=msgspec.json.decode(row.facts),
            written_at=row.written_at,
            not_after=row.not_after,
            attempts=row.attempts,
            since=row.since,
        )
        for row in rows
    ]


def next_attempt(connection: Connection, after: datetime) -> datetime | None:
    """The first instant after `after` at which a letter is to be tried again."""
    found: datetime | None = connection.scalar(select(func.min(email_work.c.not_before)).where(email_work.c.not_before > after))
    return found


def depth(connection: Connection) -> tuple[int, datetime | None]:
    """How many letters wait, and since when the oldest does."""
    row = connection.execute(
        select(func.count().label("waiting"), func.min(emails.c.written_at).label("oldest")).where(emails.c.status == PENDING)
    ).one()
    return row.waiting, row.oldest


def shown(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "template": row.template,
        "audience": row.audience,
        "account_id": row.account_id,
        "stream_id": row.stream_id,
        "position": row.position,
        "status": row.status,
        "to": row.to,
        "subject": row.subject,
        "written_at": row.written_at,
        "closed_at": row.closed_at,
        "answer": row.answer,
    }


def page(
    connection: Connection,
    *,
    account: UUID | None = None,
    template: str | None = None,
    status: str | None = None,
    after: int = 0,
    limit: int = 50,
) -> tuple[list[dict[str, Any]], int | None]:
    """Emails in the order in which they were written, and where the next page begins."""
    query = select(emails).where(emails.c.number > after).order_by(emails.c.number).limit(limit + 1)
    if account:
        query = query.where(emails.c.account_id == account)
    if template:
        query = query.where(emails.c.template == template)
    if status:
        query = query.where(emails.c.status == status)
    rows = list(connection.execute(query))
    following = rows[limit - 1].number if len(rows) > limit else None
    return [shown(row) for row in rows[:limit]], following


def one(connection: Connection, id: UUID) -> dict[str, Any] | None:
    row = connection.execute(select(emails).where(emails.c.id == id)).one_or_none()
    return shown(row) if row else None
