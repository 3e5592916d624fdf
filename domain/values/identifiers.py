"""Names that others gave: time zones, ROR ids, and accounts of the platform."""

import re
from functools import cache
from zoneinfo import available_timezones

from domain.errors import Invalid

NOT_A_PLACE = frozenset({"Factory", "localtime", "posixrules"})
ROR = re.compile(r"(?:(?:https?://)?ror\.org/)?(0[a-hj-km-np-tv-z0-9]{6})([0-9]{2})")
CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
ACCOUNT_ID = re.compile(r"[\x21-\x7e]{1,128}")


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones() - NOT_A_PLACE)


def parse_time_zone(name: str, *, field: str = "time_zone") -> str:
    """A zone of the tz database, in its own spelling."""
    if name not in _time_zones():
        raise Invalid(
            "invalid-time-zone", f"{field}: there is no such zone in the tz database; one is named like Europe/Zurich", field=field
        )
    return name


def parse_ror_id(text: str, *, field: str = "ror_id") -> str:
    """The id as a URL, its last two digits checked (ISO 7064, mod 97-10)."""
    parts = ROR.fullmatch(text.lower())
    if parts is None:
        raise Invalid("invalid-ror-id", f"{field}: a ROR id is written like https://ror.org/042nb2s44", field=field)
    number = 0
    for digit in parts[1]:
        number = number * 32 + CROCKFORD.index(digit)
    if 98 - number * 100 % 97 != int(parts[2]):
        raise Invalid("invalid-ror-id", f"{field}: the last two digits do not fit the rest, so something is mistyped", field=field)
    return f"https://ror.org/{parts[1]}{parts[2]}"


def parse_registered_account_id(text: str, *, field: str = "registered_account_id") -> str:
    """As the platform writes it: it is not ours to change."""
    if not ACCOUNT_ID.fullmatch(text):
        raise Invalid("invalid-registered-account-id", f"{field}: 1 to 128 printable ASCII characters without spaces", field=field)
    return text
