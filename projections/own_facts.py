"""What is no lifecycle and no projection: staff keys, the registered accounts that the platform tells us of, the virtual clock.

These tables come by migration and are backed up with the log; no rebuild touches them.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, Column, ColumnElement, Connection, Index, Integer, String, Table, Uuid, false, insert, select, update

from projections.follower import inserted
from projections.tables import Instant, facts

staff = Table(
    "staff",
    facts,
    Column("id", Uuid, primary_key=True),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),
    Column("digest", String, nullable=False, unique=True),
    Column("pepper", Integer, nullable=False),
    Column("account_id", Uuid),
    Column("personal", Boolean, nullable=False, server_default=false()),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
    Index("staff_name", "name"),
)
clock = Table("clock", facts, Column("id", Integer, primary_key=True), Column("instant", Instant, nullable=False))


@dataclass(frozen=True, kw_only=True)
class StaffKey:
    """Of a librarian's key, `id` and `expires_at` are those that the account has on record; the name is there only.

    `personal`: another system's key, which may be told of people.
    """

    id: UUID
    name: str
    role: str
    digest: str
    pepper: int
    created_at: datetime
    account_id: UUID | None = None
    personal: bool = False
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


def lock_staff(connection: Connection) -> None:
    """Whoever else makes a key waits until this transaction is over."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE staff IN SHARE ROW EXCLUSIVE MODE")


def add_staff(connection: Connection, key: StaffKey) -> None:
    connection.execute(insert(staff).values(**vars(key)))


def staff_by_digests(connection: Connection, digests: list[str]) -> StaffKey | None:
    row = connection.execute(select(staff).where(staff.c.digest.in_(digests))).one_or_none()
    return StaffKey(**row._mapping) if row else None  # noqa: SLF001 - the documented way to a mapping


def staff_named(connection: Connection, name: str) -> StaffKey | None:
    row = connection.execute(select(staff).where(*_of_staff(name))).one_or_none()
    return StaffKey(**row._mapping) if row else None  # noqa: SLF001


def all_staff(connection: Connection) -> list[StaffKey]:
    return [StaffKey(**row._mapping) for row in connection.execute(select(staff).order_by(staff.c.created_at))]  # noqa: SLF001


def revoke_staff(connection: Connection, name: str, at: datetime) -> bool:
    return bool(connection.execute(update(staff).where(*_of_staff(name)).values(revoked_at=at)).rowcount)


def _of_staff(name: str) -> tuple[ColumnElement[bool], ...]:
    """A librarian's name is the account's matter, and so is the end of the key: the log tells both."""
    return staff.c.name == name, staff.c.role != "institution", staff.c.revoked_at.is_(None)


def read_clock(connection: Connection) -> datetime | None:
    return connection.scalar(select(clock.c.instant))


def start_clock(connection: Connection, instant: datetime) -> None:
    """Set the clock, unless it, or another process, has set it before."""
    connection.execute(inserted(connection, clock).values(id=1, instant=instant).on_conflict_do_nothing())


def set_clock(connection: Connection, instant: datetime) -> None:
    connection.execute(update(clock).values(instant=instant))
