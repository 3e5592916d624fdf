"""Which address has which account on the platform, as far as the platform tells us: a table that it keeps, and no projection."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Column, Connection, Index, String, Table, delete, select

from projections.follower import upsert
from projections.tables import Instant, facts

registered_accounts = Table(
    "registered_accounts",
    facts,
    Column("email", String, primary_key=True),  # folded
    Column("registered_account_id", String, nullable=False),
    Column("told_at", Instant, nullable=False),
    Index("registered_accounts_id", "registered_account_id"),
)


def tell(connection: Connection, accounts: Mapping[str, Sequence[str]], at: datetime) -> None:
    """The folded addresses of accounts, each account whole: what it had before and has no more is forgotten."""
    table = registered_accounts.c
    connection.execute(delete(registered_accounts).where(table.registered_account_id.in_(list(accounts))))
    rows = {email: {"email": email, "registered_account_id": id, "told_at": at} for id, emails in accounts.items() for email in emails}
    upsert(connection, registered_accounts, list(rows.values()))


def accounts_of(connection: Connection, emails: Iterable[str]) -> dict[str, str]:
    """The registered account of each folded address that has one."""
    table = registered_accounts.c
    rows = connection.execute(select(table.email, table.registered_account_id).where(table.email.in_(list(emails))))
    return {row.email: row.registered_account_id for row in rows}
