"""What the application's role may do in the database, where another role owns the tables; and whether the log is safe from it."""

from sqlalchemy import Connection

from ops.eventstore.schema import events

EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"
_TOLD = ", ".join(column.name for column in events.columns if column.name != "position")  # which only the database itself gives
LIMITED = {
    "alembic_version": "SELECT",
    "events": f"SELECT, INSERT ({_TOLD})",
    "commands": "SELECT, INSERT, UPDATE (fingerprint)",  # which is blanked for who is forgotten
    "checkpoints": "SELECT, INSERT",
}
"""Tables in which something stays as it was written."""

_OURS = """
SELECT c.relkind, quote_ident(c.relname) AS quoted, c.relname AS name,
       EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'i') AS of_identity
FROM pg_class c
WHERE c.relkind IN ('r', 'S') AND c.relnamespace = current_schema()::regnamespace AND pg_has_role(current_user, c.relowner, 'MEMBER')
"""


def grant(connection: Connection, role: str) -> None:
    """Give the role what it needs, and take away whatever else it, or everybody, was given. The connection is the owner's."""
    given = connection.dialect.identifier_preparer.quote(role)
    schema = connection.exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
    connection.exec_driver_sql(f"REVOKE CREATE ON SCHEMA {schema} FROM {given}, PUBLIC")
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {schema} TO {given}")
    for each in connection.exec_driver_sql(_OURS).all():
        if each.relkind == "r":
            connection.exec_driver_sql(f"REVOKE ALL ON {each.quoted} FROM {given}, PUBLIC")
            connection.exec_driver_sql(f"GRANT {LIMITED.get(each.name, EVERYTHING)} ON {each.quoted} TO {given}")
        else:
            connection.exec_driver_sql(f"REVOKE ALL ON SEQUENCE {each.quoted} FROM {given}, PUBLIC")
            if not each.of_identity:  # an insert draws from those of identity columns, such as the position, without any right
                connection.exec_driver_sql(f"GRANT USAGE ON SEQUENCE {each.quoted} TO {given}")


_OPEN = """
SELECT CASE
    WHEN pg_has_role(current_user, c.relowner, 'MEMBER') THEN 'owns the table events, or may become who does'
    WHEN has_any_column_privilege(c.oid, 'UPDATE') THEN 'may update events'
    WHEN has_table_privilege(c.oid, 'DELETE') THEN 'may delete events'
    WHEN has_table_privilege(c.oid, 'TRUNCATE') THEN 'may truncate the table events'
    WHEN has_table_privilege(c.oid, 'TRIGGER') THEN 'may set triggers on the table events'
    WHEN has_column_privilege(c.oid, 'position', 'INSERT') THEN 'may choose the position of an event'
END, current_user FROM pg_class c WHERE c.oid = 'events'::regclass
"""


def unprotected(connection: Connection) -> str | None:
    """Why the database does not keep the application from changing the log, as one sentence; None where it does."""
    if connection.dialect.name == "sqlite":
        return "SQLite knows no roles: who can write to its file can change the log"
    why, role = connection.exec_driver_sql(_OPEN).one()
    return f"the role {role} {why}; TENURE_OWNER_DATABASE_URL gives the tables to another role" if why else None
