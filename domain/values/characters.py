"""Which characters no input may have, looked for before anything is parsed."""

import unicodedata

from domain.errors import Invalid

BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

CONTROLS = frozenset({"Cc", "Zl", "Zp"})


def refuse_controls(text: str, slug: str, *, field: str) -> None:
    """Also a line or paragraph separator, which some programs take for a line's end."""
    for position, character in enumerate(text, 1):
        if character in BIDI_CONTROLS or unicodedata.category(character) in CONTROLS:
            raise Invalid(slug, f"character {position} is a control character (U+{ord(character):04X})", field=field)


def refuse_longer(text: str, most: int, slug: str, *, field: str) -> None:
    if len(text) > most:
        raise Invalid(slug, f"it has {len(text)} characters; {most} are the most", field=field)
