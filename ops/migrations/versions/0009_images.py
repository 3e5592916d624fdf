"""Pictures of institutions, by their digest."""

import sqlalchemy as sa
from alembic import op

from projections.tables import Instant

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "images",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("png", sa.LargeBinary, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("stored_at", Instant, nullable=False),
        sa.Column("stored_by", sa.String, nullable=False),
    )
    op.create_index("ix_images_account_id", "images", ["account_id"])
