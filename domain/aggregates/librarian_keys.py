"""Keys of an account's librarians: named, for a while, revoked at any time, and looked at again when a contact changes hands."""

from datetime import timedelta

from domain.aggregates.institutional_account_state import AccountState, LibrarianKey
from domain.commands.institutional_account import AccountCommand, IssueLibrarianKey, ReviewLibrarianKey, RevokeLibrarianKey
from domain.context import Context
from domain.errors import Invalid, Refused
from domain.events.base import Event
from domain.events.institutional_account import LibrarianKeyIssued, LibrarianKeyReviewed, LibrarianKeyRevoked


def decide_on_librarian_keys(account: AccountState, command: AccountCommand, context: Context) -> tuple[Event, ...]:
    """For an account that is nominated, active or suspended; revoking, for any."""
    now = context.now
    match command:
        case IssueLibrarianKey(key_id=id, name=name):
            known = account.librarian_key(id)
            if known is None:
                return (_issued(account, command, context),)
            if known.name == name:
                return ()
            raise Refused("librarian-key-known", f"the account has another librarian's key {id}", field="key_id")
        case ReviewLibrarianKey(key_id=id):
            key = _known(account, command)
            if not key.is_live(now):
                raise Refused("librarian-key-over", f"the key of {key.name} is over; there is nothing to be reviewed", field="key_id")
            return (LibrarianKeyReviewed(at=now, key_id=id),) if key.unreviewed else ()
        case RevokeLibrarianKey(key_id=id, cause=cause):
            return (LibrarianKeyRevoked(at=now, key_id=id, cause=cause),) if _known(account, command).is_live(now) else ()
    raise account.refusal(command)


def _issued(account: AccountState, command: IssueLibrarianKey, context: Context) -> LibrarianKeyIssued:
    now, rules = context.now, context.rules
    days = rules.librarian_key_days if command.days is None else command.days
    if not 1 <= days <= rules.max_librarian_key_days:
        raise Invalid("days-out-of-range", f"a key is good for 1 to {rules.max_librarian_key_days} days, not {days}", field="days")
    live = [key for key in account.librarian_keys if key.is_live(now)]
    if any(key.name.casefold() == command.name.casefold() for key in live):
        raise Refused("name-taken", f"a librarian of the account has a key by the name {command.name}; revoke it first", field="name")
    if len(live) >= rules.max_live_librarian_keys:
        raise Refused("too-many-librarian-keys", f"the account has {len(live)} live keys of librarians; revoke one first")
    return LibrarianKeyIssued(at=now, key_id=command.key_id, name=command.name, expires_at=now + timedelta(days=days))


def _known(account: AccountState, command: ReviewLibrarianKey | RevokeLibrarianKey) -> LibrarianKey:
    key = account.librarian_key(command.key_id)
    if key is None:
        raise Refused("no-such-librarian-key", f"the account has no librarian's key {command.key_id}", field="key_id")
    return key
