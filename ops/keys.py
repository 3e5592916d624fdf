"""The service's own keys: from the settings, or made once in a folder that only its owner can read."""

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from ops.config import ConfigurationError, Settings

MINIMUM_BYTES = 16


@dataclass(frozen=True, repr=False)
class Keys:
    """`peppers` by version, the highest is the one in use; `master` is the key that other keys derive from."""

    peppers: dict[int, bytes]
    master: bytes

    @property
    def pepper(self) -> int:
        return max(self.peppers)

    def digest(self, secret: str, pepper: int) -> str:
        """HMAC-SHA-256 of a token's or a staff key's secret, hex."""
        return hmac.new(self.peppers[pepper], secret.encode(), hashlib.sha256).hexdigest()

    def derived(self, purpose: str, text: str) -> str:
        """A keyed hash for one purpose: of an address, of a request, of a link."""
        key = hmac.new(self.master, purpose.encode(), hashlib.sha256).digest()
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def load_keys(settings: Settings) -> Keys:
    """TENURE_TOKEN_PEPPERS is `1:secret,2:secret`; TENURE_KEY_ENCRYPTION_KEY any text of 16 characters or more."""
    if settings.token_peppers is not None:
        peppers = _parse(settings.token_peppers.get_secret_value())
    else:
        peppers = {1: _made_once(settings.keys_directory / "token-pepper-1")}
    given = settings.key_encryption_key
    master = given.get_secret_value().encode() if given else _made_once(settings.keys_directory / "key-encryption-key")
    if len(master) < MINIMUM_BYTES:
        raise ConfigurationError(f"TENURE_KEY_ENCRYPTION_KEY needs at least {MINIMUM_BYTES} characters")
    return Keys(peppers, master)


def _parse(text: str) -> dict[int, bytes]:
    peppers = {}
    for part in text.split(","):
        version, _, secret = part.strip().partition(":")
        if not version.isdigit() or len(secret) < MINIMUM_BYTES:
            raise ConfigurationError(
                f"TENURE_TOKEN_PEPPERS is a list such as 1:secret,2:secret, each secret of at least {MINIMUM_BYTES} characters"
            )
        peppers[int(version)] = secret.encode()
    return peppers


def _made_once(path: Path) -> bytes:
    """The secret in the file, made where there is none: whole or not there at all, for processes that start together."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}-") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_text().strip().encode()
