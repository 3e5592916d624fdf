"""The allow-list as the guard against bots reads it, and the record of what each of its readers was given, and when.

Own facts: no log can tell them again, so no rebuild touches them, and they are backed up with the log.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, String, Table, Text, insert, select, update

from domain.access import AccountView, SubscriptionView
from domain.allow_list import Institution, allow_list
from domain.application import Lifecycle
from domain.events.itk_subscription import SubscriptionOpened
from domain.store import Selection
from projections import subscriptions
from projections.follower import Database, inserted
from projections.gatekeeper import Gatekeeper
from projections.tables import Instant, facts

Number = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER PRIMARY KEY counts by itself there

served = Table(
    "served_allow_lists",
    facts,
    Column("number", Number, primary_key=True),
    Column("caller", String, nullable=False),
    Column("role", String, nullable=False),
    Column("first_served_at", Instant, nullable=False),
    Column("last_served_at", Instant, nullable=False),
    Column("times", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),  # how many of those times the answer was 304
    Column("first_position", BigInteger, nullable=False),
    Column("last_position", BigInteger, nullable=False),
    Column("digest", String, nullable=False),
    Column("ranges", Integer, nullable=False),
    Index("served_allow_lists_caller", "caller", "role", "number"),
    Index("served_allow_lists_first", "first_served_at"),
)
"""While a caller is given the same list again and again, one row says so."""

contents = Table(
    "served_allow_list_contents",
    facts,
    Column("digest", String, primary_key=True),
    Column("first_served_at", Instant, nullable=False),
    Column("ranges", Text, nullable=False),
)
"""Each list that was ever served, once, as plain text."""

_ONE_AT_A_TIME = 7_311


@dataclass(frozen=True)
class AllowList:
    """`position` is how far the log had been read."""

    ranges: tuple[str, ...]
    position: int
    at: datetime

    @property
    def text(self) -> str:
        """A range a line."""
        return "".join(f"{each}\n" for each in self.ranges)

    @property
    def digest(self) -> str:
        """SHA-256 of the text, so that whoever has kept it can check."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def read(gatekeeper: Gatekeeper, now: datetime) -> AllowList:
    """Who has access at `now`, decided now: what has ended is out, though nobody has recorded it."""
    position, institutions = gatekeeper.institutions(now)
    return AllowList(allow_list(institutions), position, now)


def read_then(lifecycle: Lifecycle, database: Database) -> tuple[str, ...]:
    """Who had access at the moment that the lifecycle is of, decided as it is today."""
    c, institutions = subscriptions.table.c, []
    with database.reading() as connection:
        accounts = connection.scalars(select(c.account_id).distinct().order_by(c.account_id)).all()
    for id in accounts:
        account = lifecycle.as_of(id, lifecycle.clock.now())
        opened = lifecycle.log_reader.read_log(after=0, limit=1_000, only=Selection(account=id, topic=SubscriptionOpened.TOPIC))
        if account is None or not opened:
            continue
        subscription = lifecycle.present(UUID(str(opened[-1].originator_id)))
        state: Any = account.state
        term: Any = subscription.state
        views = AccountView(status=str(state.status)), SubscriptionView(status=str(term.status))
        institutions.append(Institution(account=views[0], subscription=views[1], ip_ranges=state.ip_ranges))
    return allow_list(institutions)


def as_nginx(shown: AllowList) -> str:
    """A file to be included in nginx's `http` block: `$tenure_subscriber` is 1 for an address of the list, else 0."""
    head = f"# {len(shown.ranges)} ranges as of position {shown.position}, read on {shown.at.astimezone(UTC):%Y-%m-%d at %H:%M:%S} UTC\n"
    return f"{head}geo $tenure_subscriber {{\n    default 0;\n{''.join(f'    {each} 1;{chr(10)}' for each in shown.ranges)}}}\n"


# what was served


def record(connection: Connection, shown: AllowList, caller: str, role: str, *, unchanged: bool) -> None:
    """Before it leaves. The connection is a writing one."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})")  # two polls of one caller make no two rows
    digest, c = shown.digest, served.c
    last = connection.execute(
        select(c.number, c.digest, c.last_served_at, c.last_position)
        .where(c.caller == caller, c.role == role)
        .order_by(c.number.desc())
        .limit(1)
    ).one_or_none()
    if last is not None and last.digest == digest:
        once_more = {
            "last_served_at": max(last.last_served_at, shown.at),
            "last_position": max(last.last_position, shown.position),
            "times": c.times + 1,
            "unchanged": c.unchanged + int(unchanged),
        }
        connection.execute(update(served).where(c.number == last.number).values(once_more))
        return
    content = inserted(connection, contents).values(digest=digest, first_served_at=shown.at, ranges=shown.text)
    connection.execute(content.on_conflict_do_nothing())
    row = {
        "caller": caller,
        "role": role,
        "first_served_at": shown.at,
        "last_served_at": shown.at,
        "times": 1,
        "unchanged": int(unchanged),
        "first_position": shown.position,
        "last_position": shown.position,
        "digest": digest,
        "ranges": len(shown.ranges),
    }
    connection.execute(insert(served).values(row))


def listed(
    connection: Connection, *, caller: str | None, before: datetime | None, after: int, limit: int
) -> tuple[Sequence[dict[str, Any]], int | None]:
    """Records of what was served, the latest first, of those that began before an instant; and where the next page begins."""
    c = served.c
    query = select(served).order_by(c.number.desc()).limit(limit + 1)
    if caller is not None:
        query = query.where(c.caller == caller)
    if before is not None:
        query = query.where(c.first_served_at < before)
    if after:
        query = query.where(c.number < after)
    rows = connection.execute(query).all()
    items = [{name: value for name, value in row._asdict().items() if name != "number"} for row in rows[:limit]]
    return items, rows[limit - 1].number if len(rows) > limit else None


def content(connection: Connection, digest: str) -> dict[str, Any] | None:
    """A list that was served, by its digest."""
    row = connection.execute(select(contents).where(contents.c.digest == digest)).one_or_none()
    return {"digest": row.digest, "first_served_at": row.first_served_at, "ranges": row.ranges.splitlines()} if row else None
