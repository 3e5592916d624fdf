"""Names and other short texts of people, in every script, without what only misleads."""

import unicodedata

import idna

from domain.errors import Invalid
from domain.values.characters import refuse_controls

MOST_MARKS = 4
"""Marks on one letter after NFC. Pointed Hebrew and stacked Tibetan need three or four."""

JOINERS = frozenset("\u200c\u200d")
"""Scripts such as Persian and Sinhala cannot be written without them, so they are held to the rules that IDNA has for them."""

INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | {
    chr(code) for first, last in ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF)) for code in range(first, last + 1)
}
"""Letters, marks and symbols by their category that show nothing."""

REFUSED = {
    "Cf": "shows nothing",
    "Cs": "is half of one",
    "Co": "means nothing to others",
    "Cn": "is not assigned",
}


def parse_text(text: str, *, field: str, max_length: int = 200) -> str:
    """NFC, with single spaces. `max_length` counts code points; in UTF-8 it takes at most three times as many bytes."""
    if len(text) > 10 * max_length:  # before any work on it: NFC of a megabyte of marks is slow
        raise Invalid("invalid-text", f"it has {len(text)} characters; {max_length} are the most", field=field)
    refuse_controls(text, "invalid-text", field=field)
    parsed = " ".join(unicodedata.normalize("NFC", text).split())
    if not parsed:
        raise Invalid("invalid-text", "it is empty", field=field)
    _check_characters(parsed, field)
    size = len(parsed.encode())
    if len(parsed) > max_length or size > 3 * max_length:
        most = f"{max_length} and {3 * max_length} are the most"
        raise Invalid("invalid-text", f"it has {len(parsed)} characters and {size} bytes; {most}", field=field)
    return parsed


def parse_paragraphs(text: str, *, field: str, max_length: int) -> str:
    """NFC, with its lines as they are, the line's end always LF, and tabs as spaces. It may be empty."""
    if len(text) > 10 * max_length:
        raise Invalid("invalid-text", f"it has {len(text)} characters; {max_length} are the most", field=field)
    lines = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")).split("\n")
    for number, line in enumerate(lines, 1):
        try:
            refuse_controls(line, "invalid-text", field=field)
            _check_characters(line, field)
        except Invalid as error:
            raise Invalid("invalid-text", f"{field}: line {number}: {error.detail}", field=field) from error
    parsed = "\n".join(line.rstrip() for line in lines).strip("\n")
    size = len(parsed.encode())
    if len(parsed) > max_length or size > 3 * max_length:
        most = f"{max_length} and {3 * max_length} are the most"
        raise Invalid("invalid-text", f"{field}: it has {len(parsed)} characters and {size} bytes; {most}", field=field)
    return parsed


def _check_characters(text: str, field: str) -> None:
    marks = MOST_MARKS  # none may come first
    for position, character in enumerate(text):
        category = unicodedata.category(character)
        if character in JOINERS:
            if not _joins(text, position):
                raise _wrong(position, character, "shows nothing here", field)
        elif category in REFUSED:
            raise _wrong(position, character, REFUSED[category], field)
        elif character in INVISIBLE:
            raise _wrong(position, character, "shows nothing", field)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if marks > MOST_MARKS:
            raise _wrong(position, character, "is a mark on no letter, or one too many on it", field)


def _joins(text: str, position: int) -> bool:
    try:
        return idna.valid_contextj(text, position)
    except ValueError:  # the letter before it has no name in Unicode's tables
        return False


def _wrong(position: int, character: str, why: str, field: str) -> Invalid:
    return Invalid("invalid-text", f"character {position + 1} (U+{ord(character):04X}) {why}", field=field)
