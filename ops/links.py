"""Links that confirm something: signed, so that nobody can make one, and telling nothing to who reads it."""

import base64
import hmac
import re
from uuid import UUID

from domain.errors import Invalid
from ops.keys import Keys

_SIGNATURE = 16
_IDS = 32
_VALUE = re.compile(r"[A-Za-z0-9_-]{64}")
"""48 bytes without padding: each link has one spelling."""


class Links:
    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def sign(self, stream: UUID, what: UUID) -> str:
        """The value of a link, to a thing and what of it is to be confirmed: both ids and a keyed hash of them, in URL-safe base64."""
        ids = stream.bytes + what.bytes
        return base64.urlsafe_b64encode(ids + self._signature(ids)).decode()

    def verify(self, value: str) -> tuple[UUID, UUID]:
        """(stream, what) of a link that is ours; Invalid for any other."""
        raw = base64.urlsafe_b64decode(value) if _VALUE.fullmatch(value) else bytes(_IDS + _SIGNATURE)
        ids, signature = raw[:_IDS], raw[_IDS:]
        if not hmac.compare_digest(signature, self._signature(ids)):
            raise Invalid("invalid-link", "this link is not complete; open it from the email again")
        return UUID(bytes=ids[:16]), UUID(bytes=ids[16:])

    def _signature(self, ids: bytes) -> bytes:
        return bytes.fromhex(self._keys.derived("confirm", ids.hex()))[:_SIGNATURE]
