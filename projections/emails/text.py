"""Plain text: what a fact may bring into a letter, how wide a line is, and where it breaks."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from unicodedata import category, combining, east_asian_width

COLUMNS = 72
SUBJECT_NAME = 32
_ITEM = re.compile(r"( *(?:-|\d\.) )?(.*)")
_SECRET = re.compile(r"\b(tnr_[\w-]{4,9})[\w-]{12,}")
_UNBREAKABLE = re.compile(r"https?://|.@.")
_BIDI = {"\u061c", "\u200e", "\u200f", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}
_BREAKS = {"Cc", "Zl", "Zp"}


def cleaned(fact: Any) -> Any:
    """A fact whose strings are one line each, without direction controls, and without anything that looks like a token's secret.

    NUL is nobody's name: a ValueError.
    """
    match fact:
        case str():
            return _clean(fact)
        case Mapping():
            return {key: cleaned(value) for key, value in fact.items()}
        case Sequence():
            return [cleaned(value) for value in fact]
    return fact


def _clean(text: str) -> str:
    if "\0" in text:
        raise ValueError("a fact contains NUL")
    whole = text.encode("utf-8", "replace").decode()
    if whole.isascii() and whole.isprintable():
        return _SECRET.sub(r"\1…", " ".join(whole.split()))
    kept = "".join(" " if category(character) in _BREAKS else character for character in whole if character not in _BIDI)
    return _SECRET.sub(r"\1…", " ".join(kept.split()))


def width(text: str) -> int:
    """Columns of a terminal: an ideograph takes two, a combining mark none."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text)


def clipped(text: str, columns: int = SUBJECT_NAME) -> str:
    """At most so many columns, the last one an ellipsis where something is missing."""
    if width(text) <= columns and len(text) <= 2 * columns:
        return text
    kept = text[: 2 * columns]
    while width(kept) > columns - 1:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"


def wrapped(text: str) -> str:
    """Every line broken at 72 columns, items indented; an address or a link stays whole. No two empty lines in a row."""
    lines: list[str] = []
    for line in text.splitlines():
        lines += _wrap(line.rstrip()) if line.strip() else [""] if lines and lines[-1] else []
    return "\n".join(lines).strip("\n") + "\n"


def _wrap(line: str) -> Iterator[str]:
    found = _ITEM.match(line)
    bullet, rest = (found[1] or "", found[2]) if found else ("", line)
    current, indent = bullet, " " * len(bullet)
    for word in _pieces(rest, COLUMNS - len(bullet)):
        if current == bullet or not current.strip():
            current += word
        elif width(current) + 1 + width(word) <= COLUMNS:
            current += f" {word}"
        else:
            yield current
            current = indent + word
    yield current


def _pieces(text: str, columns: int) -> Iterator[str]:
    for word in text.split():
        if width(word) <= columns or (_UNBREAKABLE.search(word) and len(word) < 500):
            yield word
            continue
        piece = ""
        for character in word:
            if width(piece + character) > columns or len(piece) > 3 * columns:
                yield piece
                piece = ""
            piece += character
        yield piece
