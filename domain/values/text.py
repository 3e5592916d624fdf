"""Names and other short texts that will stand in letters, tables and logs."""

import unicodedata

from domain.errors import Invalid

MAX_MARKS = 4  # no writing system stacks more on one letter
REFUSED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
JOINERS = frozenset("\u200c\u200d")  # the zero-width non-joiner and joiner, which Persian and Indic spelling need
VIRAMA = 9
INVISIBLE = frozenset(  # what Unicode calls default ignorable, or draws as nothing, outside the refused categories
    chr(code)
    for first, last in (
        (0x034F, 0x034F),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x2800, 0x2800),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFFA0, 0xFFA0),
        (0xE0100, 0xE01EF),
    )
    for code in range(first, last + 1)
)


def parse_text(text: str, *, field: str, max_length: int = 200) -> str:
    """One line in NFC, every run of spaces one plain space; at most `max_length` code points and four bytes for each."""
    too_long = Invalid("invalid-text", f"{field} is longer than {max_length} characters", field=field)
    if len(text) > 10 * max_length:  # before it is normalised, which is slow for endless marks
        raise too_long
    _refuse_hidden(text, field)
    plain = unicodedata.normalize("NFC", text)
    plain = " ".join("".join(" " if unicodedata.category(letter) == "Zs" else letter for letter in plain).split(" ")).strip()
    plain = " ".join(word for word in plain.split(" ") if word)
    if not any(unicodedata.category(letter)[0] not in "ZM" for letter in plain):
        raise Invalid("invalid-text", f"{field} is empty", field=field)
    if len(plain) > max_length or len(plain.encode()) > 4 * max_length:
        raise too_long
    _refuse_piled_marks(plain, field)
    return plain


def _refuse_hidden(text: str, field: str) -> None:
    for index, letter in enumerate(text):
        if letter in JOINERS and _joins(text, index):
            continue
        if unicodedata.category(letter) in REFUSED or letter in INVISIBLE:
            raise Invalid(
                "invalid-text", f"{field} has the character U+{ord(letter):04X}, which cannot be seen or does not belong", field=field
            )


def _joins(text: str, index: int) -> bool:
    """As in RFC 5892: after a virama, or between two letters of a script that is written joined."""
    before, after = text[index - 1 : index], text[index + 1 : index + 2]
    if before and unicodedata.combining(before) == VIRAMA:
        return True
    return bool(before and after) and unicodedata.bidirectional(before) == "AL" == unicodedata.bidirectional(after)


def _refuse_piled_marks(text: str, field: str) -> None:
    run = 0
    for letter in text:
        run = run + 1 if unicodedata.category(letter)[0] == "M" else 0
        if run > MAX_MARKS:
            raise Invalid("invalid-text", f"{field} has more than {MAX_MARKS} combining marks in a row", field=field)
