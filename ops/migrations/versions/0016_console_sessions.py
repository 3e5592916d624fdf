"""Who is signed in to the console."""

import sqlalchemy as sa
from alembic import op

from projections.tables import Instant

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "console_sessions",
        sa.Column("handle", sa.String, primary_key=True),
        sa.Column("key_digest", sa.String, nullable=False),
        sa.Column("made_at", Instant, nullable=False),
        sa.Column("seen_at", Instant, nullable=False),
    )
    op.create_index("ix_console_sessions_key_digest", "console_sessions", ["key_digest"])
