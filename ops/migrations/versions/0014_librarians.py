"""The name of a librarian is on the account's record, sealed, and nowhere else."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute(sa.text("UPDATE staff SET name = 'librarian' WHERE role = 'institution'"))
