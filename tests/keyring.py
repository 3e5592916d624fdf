"""A keyring for tests, and people of whom nobody is known yet."""

import hmac
from collections.abc import Collection
from hashlib import sha256

from domain.store import StoredRecord
from ops.eventstore.sealing import Sealing, normal
from ops.keyring import Keyring, PersonKey, Wrapped


def derived(purpose: str, text: str) -> str:
    return hmac.new(b"tests", f"{purpose}/{text}".encode(), sha256).hexdigest()


KEYRING = Keyring({1: b"a key-encryption key of tests"}, derived)


class Strangers:
    """As `People` of an empty database."""

    def handle(self, kind: str, text: str) -> str:
        return KEYRING.handle(kind, normal(kind, text))

    def sealing(self, _: Collection[str]) -> Sealing:
        return Sealing(KEYRING, {}, {})


def keys_made(*records: StoredRecord) -> dict[str, PersonKey]:
    """The keys of those who were new with these records."""
    return {str(id): KEYRING.unwrap(id, Wrapped(*made)) for record in records for id, made in record.sealed.made.items()}
