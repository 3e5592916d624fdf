"""Staff keys and the virtual clock."""

import sqlalchemy as sa
from alembic import op

from projections.tables import Instant

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "staff",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False, unique=True),
        sa.Column("pepper", sa.Integer, nullable=False),
        sa.Column("account_id", sa.Uuid),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("expires_at", Instant),
        sa.Column("revoked_at", Instant),
    )
    op.create_index("staff_name", "staff", ["name"])
    op.create_table("clock", sa.Column("id", sa.Integer, primary_key=True), sa.Column("instant", Instant, nullable=False))
