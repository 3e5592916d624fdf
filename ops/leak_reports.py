"""Whose reports of leaked secrets are believed: the public keys of a scanner of code, and whether one of them signed a report.

The file has the shape that GitHub answers with at `/meta/public_keys/secret_scanning`, and is read once, at the start. Every key in it
counts, the current one or not: while keys are changed, both sign. Source: GitHub's pages on its secret scanning partner programme.
"""

from base64 import b64decode
from binascii import Error
from collections.abc import Callable
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from ops.config import ConfigurationError

SETTING = "TENURE_LEAK_REPORT_KEYS_FILE"


class PublicKey(msgspec.Struct):
    key_identifier: str
    key: str
    is_current: bool = True


class PublicKeys(msgspec.Struct):
    public_keys: list[PublicKey]


def verifier(path: Path | None) -> Callable[[str, str, bytes], bool] | None:
    """Tells of (the identifier of a key, a signature in base64, what was signed) whether it is right; None where no file is named."""
    if path is None:
        return None
    try:
        given = msgspec.json.decode(path.read_bytes(), type=PublicKeys).public_keys
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{SETTING}: {error}") from None
    if not given:
        raise ConfigurationError(f"{SETTING}: there is no key in it, so that no report could ever be believed")
    keys = {each.key_identifier: _loaded(each) for each in given}

    def verify(key_id: str, signature: str, body: bytes) -> bool:
        key = keys.get(key_id)
        if key is None:
            return False
        try:
            key.verify(b64decode(signature, validate=True), body, ECDSA(SHA256()))
        except (InvalidSignature, Error, ValueError):
            return False
        return True

    return verify


def _loaded(given: PublicKey) -> EllipticCurvePublicKey:
    try:
        key = load_pem_public_key(given.key.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigurationError(f"{SETTING}: the key {given.key_identifier} is no public key in PEM") from None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise ConfigurationError(f"{SETTING}: the key {given.key_identifier} is not of the curve P-256")
    return key
