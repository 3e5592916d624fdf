"""Webhooks, what waits for each, and which keys of other systems may be told of people."""

import sqlalchemy as sa
from alembic import op

from projections.tables import Instant

revision = "0008"
down_revision = "0007"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("staff", sa.Column("personal", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "webhooks",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("id", sa.Uuid, nullable=False, unique=True),
        sa.Column("url", sa.String, nullable=False),
        sa.Column("topics", sa.String),
        sa.Column("account_id", sa.Uuid),
        sa.Column("personal", sa.Boolean, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("reason", sa.String),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("created_by", sa.String, nullable=False),
        sa.Column("salt", sa.String, nullable=False),
        sa.Column("old_salt", sa.String),
        sa.Column("old_until", Instant),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failing_since", Instant),
        sa.Column("rests_until", Instant),
        sa.Column("delivered", sa.BigInteger, nullable=False),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.Column("last_answer", sa.String),
        sa.Column("last_delivered_at", Instant),
        sa.Column("lease_owner", sa.String),
        sa.Column("lease_until", Instant),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("webhook_id", sa.Uuid, primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("stream_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("topic", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("since", Instant),
        sa.Column("tried_at", Instant),
        sa.Column("not_before", Instant),
        sa.Column("answer", sa.String),
    )
    op.create_index("webhook_deliveries_stream", "webhook_deliveries", ["webhook_id", "status", "stream_id", "position"])
