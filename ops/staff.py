"""The keys of those who call us: shown once when they are made, stored as keyed hashes."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

from api.auth import ROLES
from domain.aggregates.institutional_account_state import AccountState, LibrarianKey
from domain.application import Lifecycle
from domain.clock import Clock
from domain.errors import Invalid, NotFound, Refused
from ops.keys import Keys
from ops.secrets import new_secret
from projections import own_facts, webhooks
from projections.follower import Database
from projections.own_facts import StaffKey

LIBRARIAN = "librarian"
"""What stands for the name of a person, which is sealed elsewhere."""


class StaffKeys:
    """Keys are looked up in the database each time: a revoked one stops at once.

    Of librarians' keys only the digest is kept here: whose they are, and until when they are good, the log says.
    """

    def __init__(self, database: Database, keys: Keys, clock: Clock, lifecycle: Lifecycle) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._lifecycle = lifecycle

    def add(self, name: str, role: str, *, expires_at: datetime | None = None, personal: bool = False) -> str:
        """Make a key and return its secret, which is nowhere else."""
        if role not in ROLES:
            raise Invalid("unknown-role", f"{role} is no role; there are {', '.join(ROLES)}", field="role")
        if role == "institution":
            raise Invalid("account-missing", "a key of role institution is bound to one account", field="account")
        if personal and role != "integration":
            raise Invalid("personal-needless", "only keys of role integration are told of people or not", field="personal")
        secret = new_secret("tnk")[0]
        key = replace(self._key(name, role, secret, expires_at), personal=personal)
        with self._database.writing() as connection:
            own_facts.lock_staff(connection)
            if own_facts.staff_named(connection, name) is not None:
                raise Refused("name-taken", f"there is a key named {name}; revoke it first", field="name")
            own_facts.add_staff(connection, key)
        return secret

    def add_librarian(self, account_id: UUID, key: LibrarianKey) -> str:
        """Make the secret of a librarian's key that is on record."""
        secret = new_secret("tnk")[0]
        kept = replace(self._key(LIBRARIAN, "institution", secret, key.expires_at), id=key.id, account_id=account_id)
        with self._database.writing() as connection:
            own_facts.add_staff(connection, kept)
        return secret

    def first_admin(self, secret: str | None) -> str | None:
        """Make sure that somebody can do anything at all: the key of the first admin, or None where there is one already."""
        with self._database.writing() as connection:
            own_facts.lock_staff(connection)
            if own_facts.staff_named(connection, "admin") is not None:
                return None
            made = secret or new_secret("tnk")[0]
            own_facts.add_staff(connection, self._key("admin", "admin", made))
        return made

    def find(self, secret: str) -> StaffKey | None:
        """Whose key it is; None for one that is unknown, revoked or expired."""
        return self._found([self._keys.digest(secret, pepper) for pepper in self._keys.peppers])

    def find_digest(self, digest: str) -> StaffKey | None:
        """The same by what is kept of a secret."""
        return self._found([digest])

    def _found(self, digests: list[str]) -> StaffKey | None:
        with self._database.reading() as connection:
            key = own_facts.staff_by_digests(connection, digests)
        if key is None or key.revoked_at is not None:
            return None
        now = self._clock.now()
        if key.expires_at is not None and key.expires_at <= now:
            return None
        if key.role == "institution":
            on_record = self._on_record(key)
            return replace(key, name=on_record.name) if on_record is not None and on_record.is_live(now) else None
        return key

    def _on_record(self, key: StaffKey) -> LibrarianKey | None:
        if key.account_id is None:
            return None
        try:
            account = self._lifecycle.load(key.account_id).state
        except NotFound:
            return None
        return account.librarian_key(key.id) if isinstance(account, AccountState) else None

    def _key(self, name: str, role: str, secret: str, expires_at: datetime | None = None) -> StaffKey:
        pepper = self._keys.pepper
        return StaffKey(
            id=uuid4(),
            name=name,
            role=role,
            digest=self._keys.digest(secret, pepper),
            pepper=pepper,
            created_at=self._clock.now(),
            expires_at=expires_at,
        )

    def revoke(self, name: str) -> bool:
        """Stop a key that is no librarian's, and what is sent in its name; False where there is no live one of this name."""
        with self._database.writing() as connection:
            revoked = own_facts.revoke_staff(connection, name, self._clock.now())
            if revoked:
                webhooks.disable_of(connection, name, f"the key {name}, which made it, was revoked")
            return revoked

    def all(self) -> list[StaffKey]:
        """In the order in which they were made."""
        with self._database.reading() as connection:
            keys = own_facts.all_staff(connection)
        return [replace(key, name=known.name, revoked_at=known.revoked_at) if (known := self._on_record(key)) else key for key in keys]
