"""Checkpoints of the log, as they were signed."""

import sqlalchemy as sa
from alembic import op

from projections.tables import Instant

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("made_at", Instant, nullable=False),
        sa.Column("vkey", sa.String, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
