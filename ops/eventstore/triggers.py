"""The triggers that keep events as they are, in the words of each database."""

TRIGGERS = ("events_are_not_changed", "events_are_not_deleted", "events_are_not_replaced")
"""On SQLite one for each way; on PostgreSQL the first one stands for all."""

# ruff: noqa: S608 - what is put together are constants of this file

_REFUSAL = "events are only added, never changed or deleted"

_POSTGRESQL = (
    f"""
    CREATE FUNCTION refuse_to_change_events() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '{_REFUSAL}: % is refused', lower(TG_OP)
        USING HINT = 'What is recorded wrongly is put right by a correction, which is an event of its own.';
    END $$
    """,
    f"""
    CREATE TRIGGER {TRIGGERS[0]} BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_events()
    """,
    # Also in a session that says of itself that it is a replica.
    f"ALTER TABLE events ENABLE ALWAYS TRIGGER {TRIGGERS[0]}",
)
_SQLITE = (
    f"CREATE TRIGGER {TRIGGERS[0]} BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END",
    f"CREATE TRIGGER {TRIGGERS[1]} BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END",
    # INSERT OR REPLACE deletes what is in its way, and tells no trigger of the deletion.
    f"""
    CREATE TRIGGER {TRIGGERS[2]} BEFORE INSERT ON events
    WHEN EXISTS (SELECT 1 FROM events WHERE position = NEW.position)
      OR EXISTS (SELECT 1 FROM events WHERE stream_id = NEW.stream_id AND stream_version = NEW.stream_version)
    BEGIN SELECT RAISE(ABORT, 'this place of the log, or of its stream, is taken: {_REFUSAL}'); END
    """,
)


def keep_events(dialect: str) -> tuple[str, ...]:
    """The statements that make them."""
    return _SQLITE if dialect == "sqlite" else _POSTGRESQL
