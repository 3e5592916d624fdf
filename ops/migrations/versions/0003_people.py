"""The lists of people that institutions hand in, and the registered accounts that the platform tells us of."""

import sqlalchemy as sa
from alembic import op

from projections.tables import Instant

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "listed_people",
        sa.Column("import_id", sa.Uuid, primary_key=True),
        sa.Column("row", sa.Integer, primary_key=True),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("email", sa.String, nullable=False),
        sa.Column("folded", sa.String, nullable=False),
        sa.Column("registered_account_id", sa.String),
        sa.Column("name", sa.String),
    )
    op.create_index("listed_people_folded", "listed_people", ["import_id", "folded"])
    op.create_table(
        "registered_accounts",
        sa.Column("email", sa.String, primary_key=True),
        sa.Column("registered_account_id", sa.String, nullable=False),
        sa.Column("told_at", Instant, nullable=False),
    )
    op.create_index("registered_accounts_id", "registered_accounts", ["registered_account_id"])
