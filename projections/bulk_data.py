"""The files of bulk data that there are, and each request for one of them: what was served to whom, or why not.

Own facts: no log can tell them again, so no rebuild touches them, and they are backed up with the log.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, Row, String, Table, UniqueConstraint, Uuid, func, insert, select

from domain.errors import Invalid, Refused
from projections.follower import inserted
from projections.tables import Instant, facts

Number = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER PRIMARY KEY counts by itself there

releases = Table(
    "bulk_data_releases",
    facts,
    Column("number", Number, primary_key=True),
    Column("product", String, nullable=False),
    Column("version", String, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("md5", String, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("file_name", String, nullable=False),
    Column("location", String, nullable=False),
    Column("registered_at", Instant, nullable=False),
    Column("registered_by", String, nullable=False),
    UniqueConstraint("product", "version", name="bulk_data_releases_product_version_key"),
)
downloads = Table(
    "bulk_data_downloads",
    facts,
    Column("number", Number, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("subscription_id", Uuid, nullable=False),
    Column("link_id", Uuid),
    Column("token_id", Uuid),
    Column("product", String, nullable=False),
    Column("version", String, nullable=False),
    Column("method", String, nullable=False),
    Column("first_byte", BigInteger),
    Column("bytes", BigInteger),
    Column("status", Integer, nullable=False),
    Column("answer", String, nullable=False),
    Index("bulk_data_downloads_subscription", "subscription_id", "at"),
    Index("bulk_data_downloads_link", "link_id", "number"),
)


@dataclass(frozen=True, kw_only=True)
class Release:
    """A file as it was registered: immutable. `version` is an ISO year and week, `location` s3://bucket/key or a path in our directory."""

    product: str
    version: str
    records: int
    md5: str  # hex
    bytes: int
    file_name: str
    location: str
    registered_at: datetime
    registered_by: str


@dataclass(frozen=True, kw_only=True)
class Download:
    """One request for a file, by a link or with a token. `first_byte` and `bytes` are what was asked for, None where nothing was given.

    `answer` is served, redirected, or why not.
    """

    at: datetime
    subscription_id: UUID
    link_id: UUID | None = None
    token_id: UUID | None = None
    product: str
    version: str
    method: str
    first_byte: int | None = None
    bytes: int | None = None
    status: int
    answer: str


WHO_AND_WHEN = {"registered_at", "registered_by"}


def check_version(text: str, *, field: str = "version") -> str:
    """`YYYYWW`: a year and a week that it has, as ISO 8601 counts them."""
    sentence = f"a version is a year and its ISO week, such as 202704; {text!r} is not"
    if len(text) != 6 or not text.isascii() or not text.isdigit():
        raise Invalid("invalid-version", sentence, field=field)
    try:
        date.fromisocalendar(int(text[:4]), int(text[4:]), 1)
    except ValueError:
        raise Invalid("invalid-version", sentence, field=field) from None
    return text


def register(connection: Connection, release: Release) -> Release:
    """The release on record. Refused where another file is on record as this version: a version never changes."""
    connection.execute(inserted(connection, releases).values(**vars(release)).on_conflict_do_nothing())
    known = find(connection, release.product, release.version)
    assert known is not None
    differing = [name for name, value in vars(release).items() if name not in WHO_AND_WHEN and getattr(known, name) != value]
    if differing:
        sentence = f"{release.product} {release.version} is on record with other facts ({', '.join(differing)}); a release never changes"
        raise Refused("release-differs", sentence, field=differing[0])
    return known


def find(connection: Connection, product: str, version: str) -> Release | None:
    row = connection.execute(select(releases).where(releases.c.product == product, releases.c.version == version)).one_or_none()
    return _release(row) if row else None


def latest(connection: Connection, product: str, limit: int) -> list[Release]:
    """The last versions of a product, the newest first."""
    rows = connection.execute(select(releases).where(releases.c.product == product).order_by(releases.c.version.desc()).limit(limit))
    return [_release(row) for row in rows]


def listed(connection: Connection, products: Collection[str], *, after: int, limit: int) -> tuple[list[Release], int | None]:
    """Releases in the order in which they were registered, and where the next page begins."""
    c = releases.c
    rows = connection.execute(
        select(releases).where(c.product.in_(list(products)), c.number > after).order_by(c.number).limit(limit + 1)
    ).all()
    return [_release(row) for row in rows[:limit]], rows[limit - 1].number if len(rows) > limit else None


def _release(row: Row[Any]) -> Release:
    facts = row._asdict()
    del facts["number"]
    return Release(**facts)


def record(connection: Connection, download: Download) -> None:
    connection.execute(insert(downloads).values(**vars(download)))


def downloads_of(
    connection: Connection, subscription_id: UUID, starts_at: datetime, ends_at: datetime, *, after: int, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """The requests of a subscription in a span of time, half-open, in their order; and where the next page begins."""
    c = downloads.c
    rows = connection.execute(
        select(downloads)
        .where(c.subscription_id == subscription_id, c.at >= starts_at, c.at < ends_at, c.number > after)
        .order_by(c.number)
        .limit(limit + 1)
    ).all()
    return [_shown(row) for row in rows[:limit]], rows[limit - 1].number if len(rows) > limit else None


def downloads_by_link(connection: Connection, links: Sequence[UUID], most: int) -> dict[UUID, tuple[int, list[dict[str, Any]]]]:
    """Of each link how many requests there were, and the last of them, at most `most`."""
    c = downloads.c
    ranked = (
        select(
            downloads,
            func.row_number().over(partition_by=c.link_id, order_by=c.number.desc()).label("place"),
            func.count().over(partition_by=c.link_id).label("requests"),
        )
        .where(c.link_id.in_(list(links)))
        .subquery()
    )
    found: dict[UUID, tuple[int, list[dict[str, Any]]]] = {}
    for row in connection.execute(select(ranked).where(ranked.c.place <= most).order_by(ranked.c.number)):
        found.setdefault(row.link_id, (row.requests, []))[1].append(_shown(row))
    return found


def _shown(row: Row[Any]) -> dict[str, Any]:
    shown = row._asdict()
    return {name: shown[name] for name in Download.__dataclass_fields__ if name != "subscription_id"}
