"""The tables of the log. Migrations make and change them; a test compares the two."""

from sqlalchemy import BigInteger, Column, Identity, Index, Integer, LargeBinary, MetaData, String, Table, Text, UniqueConstraint, Uuid

from projections.tables import Instant

log = MetaData()

Position = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER PRIMARY KEY counts by itself there
Key = Text().with_variant(Text(collation="C"), "postgresql")  # compared as bytes, as on SQLite

events = Table(
    "events",
    log,
    Column("position", Position, Identity(always=False), primary_key=True),
    Column("stream_id", Uuid, nullable=False),
    Column("stream_version", Integer, nullable=False),
    Column("topic", String, nullable=False),
    Column("class_version", Integer, nullable=False),
    Column("state", LargeBinary, nullable=False),
    Column("at", Instant),
    Column("recorded_at", Instant, nullable=False),
    Column("account_id", Uuid),
    Column("command_id", Uuid),
    Column("actor", String),
    Column("role", String),
    Column("on_behalf_of", String),
    Column("reason", Text),
    Column("correlation_id", Uuid),
    Column("causation_id", Uuid),
    UniqueConstraint("stream_id", "stream_version", name="events_stream_id_stream_version_key"),
    Index("events_account_id", "account_id", "position"),
    Index("events_topic", "topic", "position"),
    Index("events_actor", "actor", "position"),
    Index("events_recorded_at", "recorded_at"),
    Index("events_role", "role", "position"),
    Index("events_command_id", "command_id", "position"),
    Index("events_correlation_id", "correlation_id", "position"),
    Index("events_causation_id", "causation_id", "position"),
    Index("events_at", "at", "position"),
    sqlite_autoincrement=True,
)

commands = Table(
    "commands",
    log,
    Column("command_id", Uuid, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("stream_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("position", Position, nullable=False),
)
"""Every command that was carried out, for ever, also when it changed nothing."""

claims = Table(
    "claims",
    log,
    Column("kind", String, primary_key=True),
    Column("key", Key, primary_key=True),
    Column("stream_id", Uuid, nullable=False),
    Index("claims_stream_id", "stream_id"),
)
"""Derived from the events, in the transaction that appends them."""

person_keys = Table(
    "person_keys",
    log,
    Column("id", Uuid, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("kek", Integer, nullable=False),
    Column("made_at", Instant, nullable=False),
)
"""The key of each person, wrapped. Whose row is gone is erased, for ever."""

person_handles = Table(
    "person_handles",
    log,
    Column("handle", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("person_id", Uuid, nullable=False),
    Index("person_handles_person_id", "person_id"),
)
"""Keyed hashes by which somebody is found: of an address, of a registered account, of a contact's or a plan's id."""

sealed_in = Table(
    "sealed_in",
    log,
    Column("person_id", Uuid, primary_key=True),
    Column("stream_id", Uuid, primary_key=True),
)
"""In which streams something of a person is sealed."""
