"""What of the allow-list was served to whom, and when."""

import sqlalchemy as sa
from alembic import op

from projections.tables import Instant

revision = "0007"
down_revision = "0006"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "served_allow_lists",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("caller", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("first_served_at", Instant, nullable=False),
        sa.Column("last_served_at", Instant, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("unchanged", sa.Integer, nullable=False),
        sa.Column("first_position", sa.BigInteger, nullable=False),
        sa.Column("last_position", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("ranges", sa.Integer, nullable=False),
    )
    op.create_index("served_allow_lists_caller", "served_allow_lists", ["caller", "role", "number"])
    op.create_index("served_allow_lists_first", "served_allow_lists", ["first_served_at"])
    op.create_table(
        "served_allow_list_contents",
        sa.Column("digest", sa.String, primary_key=True),
        sa.Column("first_served_at", Instant, nullable=False),
        sa.Column("ranges", sa.Text, nullable=False),
    )
