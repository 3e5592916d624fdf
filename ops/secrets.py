"""Secrets that are shown once: 32 random bytes in base62 behind a public id, with a checksum that scanners can verify."""

import secrets
import string
from zlib import crc32

from api.service import TOKEN_KIND, NewToken
from ops.keys import Keys

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_BYTES = 32
LENGTH = 43  # base62 digits of 32 bytes
CHECKSUM = 6  # base62 digits of a CRC32
PUBLIC_ID = 8


def base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def new_secret(kind: str) -> tuple[str, str]:
    """(secret, its public prefix): `tnr_live_` + public id + 32 random bytes + CRC32 of all before it."""
    prefix = f"{kind}_{base62(secrets.randbelow(62**PUBLIC_ID), PUBLIC_ID)}"
    body = prefix + base62(int.from_bytes(secrets.token_bytes(RANDOM_BYTES)), LENGTH)
    return body + base62(crc32(body.encode()), CHECKSUM), prefix


def is_secret(kind: str, text: str) -> bool:
    """Whether a text can be a secret of that kind: its length, and its checksum, which no typing error and no example has right."""
    if len(text) != len(kind) + 1 + PUBLIC_ID + LENGTH + CHECKSUM or not text.startswith(f"{kind}_") or not text.isascii():
        return False
    body = text[:-CHECKSUM]
    return text[-CHECKSUM:] == base62(crc32(body.encode()), CHECKSUM)


class Vault:
    """Makes secrets, and turns them into what may be stored."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def new_token(self) -> NewToken:
        secret, prefix = new_secret(TOKEN_KIND)
        return NewToken(
            secret=secret,
            digest=self._keys.digest(secret, self._keys.pepper),
            pepper=self._keys.pepper,
            prefix=prefix,
            last_four=secret[-4:],
        )

    def is_token(self, text: str) -> bool:
        return is_secret(TOKEN_KIND, text)

    def derived(self, purpose: str, text: str) -> str:
        return self._keys.derived(purpose, text)
