"""The keys of those who call us: shown once when they are made, stored as keyed hashes."""

from datetime import datetime
from uuid import UUID, uuid4

from api.auth import ROLES
from domain.clock import Clock
from domain.errors import Invalid, Refused
from ops.keys import Keys
from ops.secrets import new_secret
from projections import own_facts
from projections.follower import Database
from projections.own_facts import StaffKey


class StaffKeys:
    """Keys are looked up in the database each time: a revoked one stops at once."""

    def __init__(self, database: Database, keys: Keys, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock

    def add(self, name: str, role: str, *, account_id: UUID | None = None, expires_at: datetime | None = None) -> str:
        """Make a key and return its secret, which is nowhere else."""
        if role not in ROLES:
            raise Invalid("unknown-role", f"{role} is no role; there are {', '.join(ROLES)}", field="role")
        if role == "institution" and account_id is None:
            raise Invalid("account-missing", "a key of role institution is bound to one account", field="account")
        secret = new_secret("tnk")[0]
        key = self._key(name, role, secret, account_id, expires_at)
        with self._database.writing() as connection:
            own_facts.lock_staff(connection)
            if own_facts.staff_named(connection, name) is not None:
                raise Refused("name-taken", f"there is a key named {name}; revoke it first", field="name")
            own_facts.add_staff(connection, key)
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
        digests = [self._keys.digest(secret, pepper) for pepper in self._keys.peppers]
        with self._database.reading() as connection:
            key = own_facts.staff_by_digests(connection, digests)
        if key is None or key.revoked_at is not None:
            return None
        if key.expires_at is not None and key.expires_at <= self._clock.now():
            return None
        return key

    def _key(self, name: str, role: str, secret: str, account_id: UUID | None = None, expires_at: datetime | None = None) -> StaffKey:
        pepper = self._keys.pepper
        return StaffKey(
            id=uuid4(),
            name=name,
            role=role,
            digest=self._keys.digest(secret, pepper),
            pepper=pepper,
            account_id=account_id,
            created_at=self._clock.now(),
            expires_at=expires_at,
        )

    def revoke(self, name: str) -> bool:
        with self._database.writing() as connection:
            return own_facts.revoke_staff(connection, name, self._clock.now())

    def all(self) -> list[StaffKey]:
        with self._database.reading() as connection:
            return own_facts.all_staff(connection)
