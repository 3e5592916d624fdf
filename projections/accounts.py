"""The list of accounts, and the search in it."""

from typing import Any
from uuid import UUID

from sqlalchemy import Column, String

from domain.aggregates.institutional_account import InstitutionalAccount
from domain.application import Lifecycle
from projections.current import Current, current_table, page
from projections.follower import Database
from projections.shapes import account

table = current_table("accounts", Column("searched", String, nullable=False))


def _searched(state: InstitutionalAccount) -> str:
    """Everything that an account is looked for by, in one line."""
    found = [
        state.institution,
        state.registered_account_id,
        state.ror_id,
        *(contact.email for contact in state.contacts),
        *(domain.domain for domain in state.domains),
    ]
    return " ".join(text for text in found if text).casefold()


projection = Current(table, InstitutionalAccount, lambda state: {"searched": _searched(state)})


def listed(
    lifecycle: Lifecycle, database: Database, *, only: UUID | None = None, q: str | None, status: str | None, after: int, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    words = (q or "").casefold().split()
    return page(
        table,
        lambda id, version, state, _: account(id, version, state),
        lifecycle,
        database,
        conditions=[] if only is None else [table.c.id == only],
        changing=[table.c.searched.contains(word, autoescape=True) for word in words],
        matches=lambda shown: all(word in _searched_of(shown) for word in words),
        status=status,
        after=after,
        limit=limit,
    )


def _searched_of(shown: dict[str, Any]) -> str:
    """The same line, of an account as it was shown."""
    found = [
        shown["institution"],
        shown["registered_account_id"],
        shown["ror_id"],
        *(contact["email"] for contact in shown["contacts"]),
        *(domain["domain"] for domain in shown["domains"]),
    ]
    return " ".join(text for text in found if text).casefold()
