"""The keys of persons: made, wrapped by the key-encryption key in use, and unwrapped; and who somebody is, as a keyed hash."""

import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12  # as NIST SP 800-38D, 8.2, has it for nonces that are drawn at random


class Unsealable(Exception):
    """Something sealed does not open: it was changed, it stands in another's place, or this is not the key."""


class PersonKey:
    """Seals texts and opens them (AES-256-GCM). A text opens only in the place for which it was sealed."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, text: str, place: str) -> str:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return b64encode(nonce + self._cipher.encrypt(nonce, text.encode(), place.encode())).decode()

    def open(self, sealed: str, place: str) -> str:
        try:
            given = b64decode(sealed, validate=True)
            return self._cipher.decrypt(given[:NONCE_BYTES], given[NONCE_BYTES:], place.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise Unsealable(f"what is sealed at {place} does not open with the key of its person") from error


@dataclass(frozen=True, repr=False)
class Wrapped:
    """A person's key as it is stored. `kek` is the version of the key-encryption key."""

    kek: int
    key: bytes


class Keyring:
    """`keks` by version, the highest is the one in use; `derived` makes keyed hashes, as `Keys.derived` does."""

    def __init__(self, keks: Mapping[int, bytes], derived: Callable[[str, str], str]) -> None:
        self._keks = {version: AESGCM(hmac.new(secret, b"person-keys", sha256).digest()) for version, secret in keks.items()}
        self._derived = derived

    @property
    def kek(self) -> int:
        return max(self._keks)

    def handle(self, kind: str, text: str) -> str:
        """By what somebody is found of whom only this is known: an address, a registered account, a subject."""
        return self._derived("handle", f"{kind}/{text}")

    def make(self, person: UUID) -> tuple[PersonKey, Wrapped]:
        key = secrets.token_bytes(KEY_BYTES)
        return PersonKey(key), self._wrapped(person, key)

    def unwrap(self, person: UUID, wrapped: Wrapped) -> PersonKey:
        return PersonKey(self._unwrapped(person, wrapped))

    def rewrap(self, person: UUID, wrapped: Wrapped) -> Wrapped:
        """The same key, wrapped by the key-encryption key in use."""
        return self._wrapped(person, self._unwrapped(person, wrapped))

    def _wrapped(self, person: UUID, key: bytes) -> Wrapped:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return Wrapped(self.kek, nonce + self._keks[self.kek].encrypt(nonce, key, person.bytes))

    def _unwrapped(self, person: UUID, wrapped: Wrapped) -> bytes:
        cipher = self._keks.get(wrapped.kek)
        if cipher is None:
            raise Unsealable(
                f"person {person}: TENURE_KEY_ENCRYPTION_KEY has no version {wrapped.kek}, by which this person's key is wrapped"
            )
        try:
            return cipher.decrypt(wrapped.key[:NONCE_BYTES], wrapped.key[NONCE_BYTES:], person.bytes)
        except InvalidTag as error:
            raise Unsealable(
                f"person {person}: version {wrapped.kek} of TENURE_KEY_ENCRYPTION_KEY does not unwrap this person's key"
            ) from error
