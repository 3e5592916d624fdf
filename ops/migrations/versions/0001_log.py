"""The log: events, commands, and the claims derived from them."""

import sqlalchemy as sa
from alembic import op

from projections.tables import Instant

revision = "0001"
down_revision = None

position = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("position", position, sa.Identity(always=False), primary_key=True),
        sa.Column("stream_id", sa.Uuid(), nullable=False),
        sa.Column("stream_version", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("class_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("at", Instant()),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("account_id", sa.Uuid()),
        sa.Column("command_id", sa.Uuid()),
        sa.Column("actor", sa.String()),
        sa.Column("role", sa.String()),
        sa.Column("on_behalf_of", sa.String()),
        sa.Column("reason", sa.Text()),
        sa.Column("correlation_id", sa.Uuid()),
        sa.Column("causation_id", sa.Uuid()),
        sa.UniqueConstraint("stream_id", "stream_version", name="events_stream_id_stream_version_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("events_account_id", "events", ["account_id", "position"])
    op.create_index("events_topic", "events", ["topic", "position"])
    op.create_index("events_actor", "events", ["actor", "position"])
    op.create_index("events_recorded_at", "events", ["recorded_at"])
    op.create_table(
        "commands",
        sa.Column("command_id", sa.Uuid(), primary_key=True),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("stream_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", position, nullable=False),
    )
    op.create_table(
        "claims",
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), primary_key=True),
        sa.Column("stream_id", sa.Uuid(), nullable=False),
    )
    op.create_index("claims_stream_id", "claims", ["stream_id"])
