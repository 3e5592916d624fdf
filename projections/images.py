"""The pictures that institutions show beside their portfolios, each under the digest of its bytes: never changed, never deleted.

Own facts: no log can tell them again, so no rebuild touches them, and they are backed up with the log.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Connection, Integer, LargeBinary, String, Table, Uuid, func, select

from projections.follower import inserted
from projections.tables import Instant, facts

MEDIA_TYPE = "image/png"

images = Table(
    "images",
    facts,
    Column("digest", String(64), primary_key=True),
    Column("account_id", Uuid, nullable=False, index=True),
    Column("png", LargeBinary, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("stored_at", Instant, nullable=False),
    Column("stored_by", String, nullable=False),
)


@dataclass(frozen=True, kw_only=True)
class Size:
    width: int
    height: int


def digest_of(png: bytes) -> str:
    """SHA-256, in hex."""
    return hashlib.sha256(png).hexdigest()


def store(connection: Connection, png: bytes, size: Size, *, account_id: UUID, at: datetime, by: str) -> str:
    """The digest under which it can be had from now on. Who stores it first is on record; the same picture again changes nothing."""
    digest = digest_of(png)
    row = {"digest": digest, "account_id": account_id, "png": png, "stored_at": at, "stored_by": by, **vars(size)}
    connection.execute(inserted(connection, images).values(row).on_conflict_do_nothing())
    return digest


def size_of(connection: Connection, digest: str) -> Size | None:
    row = connection.execute(select(images.c.width, images.c.height).where(images.c.digest == digest)).one_or_none()
    return Size(width=row.width, height=row.height) if row else None


def read(connection: Connection, digest: str) -> bytes | None:
    found: bytes | None = connection.scalar(select(images.c.png).where(images.c.digest == digest))
    return found


def number_of(connection: Connection, account_id: UUID) -> int:
    return connection.scalar(select(func.count()).where(images.c.account_id == account_id)) or 0
