"""Identifiers that others give out."""

import re

from domain.errors import Invalid

_ROR = re.compile(r"(?:https://ror\.org/)?(0[0-9a-hjkmnp-tv-z]{6}[0-9]{2})")
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_OPAQUE = re.compile(r"[!-~]{1,128}")


def parse_ror_id(text: str, *, field: str = "ror_id") -> str:
    """As a URL. The last two digits check the six before them: ISO/IEC 7064 MOD 97-10 of the number they spell in Crockford's base 32."""
    parts = _ROR.fullmatch(text)
    if parts is None:
        raise Invalid("invalid-ror-id", "a ROR id looks like https://ror.org/02mhbdp94", field=field)
    number = 0
    for character in parts[1][1:7]:
        number = number * 32 + _CROCKFORD.index(character)
    if 98 - number * 100 % 97 != int(parts[1][7:]):
        raise Invalid("invalid-ror-id", "the check digits of this ROR id are wrong: a character is mistyped", field=field)
    return f"https://ror.org/{parts[1]}"


def parse_registered_account_id(text: str, *, field: str = "registered_account_id") -> str:
    """The platform's own, and nothing is read from it."""
    if not _OPAQUE.fullmatch(text):
        raise Invalid("invalid-account-id", "a registered account's id is 1 to 128 printable ASCII characters without a space", field=field)
    return text
