"""Who of ours has looked at what names people; and lists of people, found by an address."""

import sqlalchemy as sa
from alembic import op

from projections.tables import Instant

revision = "0015"
down_revision = "0014"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "reads",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("at", Instant, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("operation", sa.String, nullable=False),
        sa.Column("filter", sa.Text, nullable=False),
        sa.Column("request_id", sa.Uuid, nullable=False),
    )
    op.create_index("reads_at", "reads", ["at"])
    op.create_index("reads_actor", "reads", ["actor", "number"])
    op.create_table(
        "read_things",
        sa.Column("thing", sa.Uuid, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
    )
    op.create_index("read_things_number", "read_things", ["number"])
    op.create_index("listed_people_address", "listed_people", ["folded"])
