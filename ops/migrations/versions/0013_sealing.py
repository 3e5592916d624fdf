"""The keys of persons, by what persons are found, and in which streams something of them is sealed."""

import sqlalchemy as sa
from alembic import op

from projections.tables import Instant

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "person_keys",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("kek", sa.Integer, nullable=False),
        sa.Column("made_at", Instant, nullable=False),
    )
    op.create_table(
        "person_handles",
        sa.Column("handle", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
    )
    op.create_index("person_handles_person_id", "person_handles", ["person_id"])
    op.create_table(
        "sealed_in",
        sa.Column("person_id", sa.Uuid, primary_key=True),
        sa.Column("stream_id", sa.Uuid, primary_key=True),
    )
