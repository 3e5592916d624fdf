"""The releases of bulk data, and what was served of them to whom."""

import sqlalchemy as sa
from alembic import op

from projections.tables import Instant

revision = "0005"
down_revision = "0004"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "bulk_data_releases",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("product", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("records", sa.BigInteger, nullable=False),
        sa.Column("md5", sa.String, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("file_name", sa.String, nullable=False),
        sa.Column("location", sa.String, nullable=False),
        sa.Column("registered_at", Instant, nullable=False),
        sa.Column("registered_by", sa.String, nullable=False),
        sa.UniqueConstraint("product", "version", name="bulk_data_releases_product_version_key"),
    )
    op.create_table(
        "bulk_data_downloads",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("at", Instant, nullable=False),
        sa.Column("subscription_id", sa.Uuid, nullable=False),
        sa.Column("link_id", sa.Uuid),
        sa.Column("token_id", sa.Uuid),
        sa.Column("product", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("method", sa.String, nullable=False),
        sa.Column("first_byte", sa.BigInteger),
        sa.Column("bytes", sa.BigInteger),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("answer", sa.String, nullable=False),
    )
    op.create_index("bulk_data_downloads_subscription", "bulk_data_downloads", ["subscription_id", "at"])
    op.create_index("bulk_data_downloads_link", "bulk_data_downloads", ["link_id", "number"])
