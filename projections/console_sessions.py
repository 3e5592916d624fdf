"""Who is signed in to the console: own facts, of which the browser has the one secret and the table its keyed hash."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, String, Table, delete, insert, or_, select, update

from projections.tables import Instant, facts

console_sessions = Table(
    "console_sessions",
    facts,
    Column("handle", String, primary_key=True),
    Column("key_digest", String, nullable=False, index=True),
    Column("made_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
)

LONGEST = timedelta(hours=12)
IDLE = timedelta(hours=1)
NOTED = timedelta(minutes=1)
"""That somebody was there is written down no more often."""


@dataclass(frozen=True)
class Session:
    """`key_digest` is that of the key with which somebody signed in."""

    handle: str
    key_digest: str
    made_at: datetime
    seen_at: datetime


def begin(connection: Connection, session: Session) -> None:
    """A new one; those that are over go."""
    c = console_sessions.c
    over = or_(c.made_at <= session.made_at - LONGEST, c.seen_at <= session.made_at - IDLE)
    connection.execute(delete(console_sessions).where(over))
    connection.execute(insert(console_sessions).values(**vars(session)))


def find(connection: Connection, handle: str, now: datetime) -> Session | None:
    """None for one that is over: after twelve hours, or an hour in which nobody was there."""
    row = connection.execute(select(console_sessions).where(console_sessions.c.handle == handle)).one_or_none()
    if row is None or now >= row.made_at + LONGEST or now >= row.seen_at + IDLE:
        return None
    return Session(row.handle, row.key_digest, row.made_at, row.seen_at)


def seen(connection: Connection, handle: str, now: datetime) -> None:
    connection.execute(update(console_sessions).where(console_sessions.c.handle == handle).values(seen_at=now))


def end(connection: Connection, handle: str) -> None:
    connection.execute(delete(console_sessions).where(console_sessions.c.handle == handle))
