"""Librarians' keys from the command line: on the account's record, as they are through the API."""

from uuid import UUID, uuid4

from domain.aggregates.institutional_account import InstitutionalAccount
from domain.application import Lifecycle
from domain.commands.institutional_account import IssueLibrarianKey, RevokeLibrarianKey
from domain.errors import NotFound, Refused
from domain.events.base import Metadata
from domain.values import parse_text
from ops.staff import StaffKeys

LONGEST_NAME = 100
OPERATOR = Metadata(actor="tenure staff", role="admin")


def issue(lifecycle: Lifecycle, staff: StaffKeys, account_id: UUID, name: str, days: int | None) -> str:
    """Put a key on record and return its secret. Raises NotFound for an account that there is not."""
    _account(lifecycle, account_id)
    command = IssueLibrarianKey(id=account_id, key_id=uuid4(), name=parse_text(name, field="name", max_length=LONGEST_NAME), days=days)
    lifecycle.handle(command, metadata=OPERATOR)
    key = _account(lifecycle, account_id).librarian_key(command.key_id)
    assert key is not None
    return staff.add_librarian(account_id, key)


def revoke(lifecycle: Lifecycle, staff: StaffKeys, name: str, account_id: UUID | None) -> bool:
    """Stop the live key of a librarian, of whatever account if none is said; False where there is none.

    Raises Refused where librarians of several accounts have the name.
    """
    now = lifecycle.clock.now()
    accounts = [account_id] if account_id else list({key.account_id for key in staff.all() if key.account_id and key.name == name})
    live = [(id, key.id) for id in accounts for key in _account(lifecycle, id).librarian_keys if key.is_live(now) and key.name == name]
    if len(live) > 1:
        raise Refused("name-ambiguous", f"librarians of {len(live)} accounts are named {name}; say which with --account", field="name")
    for id, key_id in live:
        lifecycle.handle(RevokeLibrarianKey(id=id, key_id=key_id), metadata=OPERATOR)
    return bool(live)


def _account(lifecycle: Lifecycle, id: UUID) -> InstitutionalAccount:
    try:
        state = lifecycle.load(id).state
    except NotFound:
        raise NotFound("account", id) from None
    if not isinstance(state, InstitutionalAccount):
        raise NotFound("account", id)
    return state
