"""The usage ledger, the counters that limits are held against, refusals, and batches of usage."""

import sqlalchemy as sa
from alembic import op

from projections.tables import Instant

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "usage_counters",
        sa.Column("owner_id", sa.Uuid, primary_key=True),
        sa.Column("product", sa.String, primary_key=True),
        sa.Column("span", sa.String, primary_key=True),
        sa.Column("starts_at", Instant, primary_key=True),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("records", sa.BigInteger, nullable=False),
    )
    op.create_index("usage_counters_started", "usage_counters", ["span", "starts_at"])
    op.create_table(
        "usage_ledger",
        sa.Column("token_id", sa.Uuid, primary_key=True),
        sa.Column("product", sa.String, primary_key=True),
        sa.Column("hour", Instant, primary_key=True),
        sa.Column("reason", sa.String, primary_key=True),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("records", sa.BigInteger, nullable=False),
        sa.Column("last_at", Instant, nullable=False),
    )
    op.create_index("usage_ledger_account", "usage_ledger", ["account_id", "hour"])
    op.create_index("usage_ledger_owner", "usage_ledger", ["owner_id", "hour"])
    op.create_table(
        "access_refusals",
        sa.Column("reference", sa.Uuid, primary_key=True),
        sa.Column("at", Instant, nullable=False),
        sa.Column("product", sa.String, nullable=False),
        sa.Column("token_id", sa.Uuid),
        sa.Column("account_id", sa.Uuid),
        sa.Column("told", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_access_refusals_at", "access_refusals", ["at"])
    op.create_table(
        "usage_batches",
        sa.Column("sender", sa.String, primary_key=True),
        sa.Column("batch_id", sa.String, primary_key=True),
        sa.Column("fingerprint", sa.String, nullable=False),
        sa.Column("at", Instant, nullable=False),
    )
