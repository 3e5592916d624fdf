"""Events are added and never changed: the database itself refuses it, whoever asks."""

from alembic import op

from ops.eventstore.triggers import keep_events

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    for statement in keep_events(op.get_bind().dialect.name):
        op.execute(statement)
