"""The service's own keys: from the settings, or made once in a folder that only its owner can read."""

import hashlib
import hmac
import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from ops.config import ConfigurationError, Settings
from ops.keyring import Keyring
from projections.proof.notes import Signer, Verifier

MINIMUM_BYTES = 16
CHECKPOINT_KEY = "checkpoint-key"


@dataclass(frozen=True, repr=False)
class Keys:
    """`peppers` and `keks` by version, the highest is the one in use: for secrets, and for the keys of persons."""

    peppers: dict[int, bytes]
    keks: dict[int, bytes]

    @property
    def master(self) -> bytes:
        """From which the keys of keyed hashes derive: the first one, for ever."""
        return self.keks[min(self.keks)]

    @property
    def pepper(self) -> int:
        return max(self.peppers)

    def digest(self, secret: str, pepper: int) -> str:
        """HMAC-SHA-256 of a token's or a staff key's secret, hex."""
        return hmac.new(self.peppers[pepper], secret.encode(), hashlib.sha256).hexdigest()

    def keyring(self) -> Keyring:
        return Keyring(self.keks, self.derived)

    def derived(self, purpose: str, text: str) -> str:
        """A keyed hash for one purpose: of an address, of a request, of a link."""
        key = hmac.new(self.master, purpose.encode(), hashlib.sha256).digest()
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def load_keys(settings: Settings) -> Keys:
    """TENURE_TOKEN_PEPPERS is `1:secret,2:secret`; so is TENURE_KEY_ENCRYPTION_KEY, or any text of 16 characters or more."""
    if settings.token_peppers is not None:
        peppers = _parse("TENURE_TOKEN_PEPPERS", settings.token_peppers.get_secret_value())
    else:
        peppers = {1: _made_once(settings.keys_directory / "token-pepper-1")}
    given = settings.key_encryption_key
    written = given.get_secret_value() if given else _made_once(settings.keys_directory / "key-encryption-key").decode()
    if re.match(r"[0-9]+:", written):
        return Keys(peppers, _parse("TENURE_KEY_ENCRYPTION_KEY", written))
    if len(written) < MINIMUM_BYTES:
        raise ConfigurationError(f"TENURE_KEY_ENCRYPTION_KEY needs at least {MINIMUM_BYTES} characters")
    return Keys(peppers, {1: written.encode()})


def _parse(setting: str, text: str) -> dict[int, bytes]:
    peppers = {}
    for part in text.split(","):
        version, _, secret = part.strip().partition(":")
        if not version.isdigit() or len(secret) < MINIMUM_BYTES:
            raise ConfigurationError(f"{setting} is a list such as 1:secret,2:secret, each secret of at least {MINIMUM_BYTES} characters")
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


def checkpoint_signer(settings: Settings) -> Signer:
    """Who signs checkpoints. TENURE_CHECKPOINT_KEY is 64 hex digits; without it a key is made once."""
    given = settings.checkpoint_key
    written = given.get_secret_value().strip().encode() if given else _made_once(settings.keys_directory / CHECKPOINT_KEY)
    return _signer(settings, written)


def checkpoint_verifier(settings: Settings) -> Verifier | None:
    """Whose checkpoints are ours, where this process knows it; no key is made."""
    path = settings.keys_directory / CHECKPOINT_KEY
    return checkpoint_signer(settings).verifier if settings.checkpoint_key or path.exists() else None


def _signer(settings: Settings, written: bytes) -> Signer:
    if not re.fullmatch(rb"[0-9a-fA-F]{64}", written):
        raise ConfigurationError("TENURE_CHECKPOINT_KEY is 64 hex digits, such as `openssl rand -hex 32` makes")
    try:
        return Signer(settings.origin, bytes.fromhex(written.decode()))
    except ValueError as error:
        raise ConfigurationError(f"TENURE_CHECKPOINT_ORIGIN: {error}") from None
