"""The ledger loses an index that nobody asks by; on SQLite counters and ledger lie in the order of their keys, in one tree and not in two."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.drop_index("usage_ledger_owner", "usage_ledger")
    if op.get_bind().dialect.name != "sqlite":
        return
    for table in ("usage_counters", "usage_ledger"):
        with op.batch_alter_table(table, recreate="always", table_kwargs={"sqlite_with_rowid": False}):
            pass
