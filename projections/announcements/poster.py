"""The announcement as a poster on A4: an SVG that needs no font of its own, whatever the institution is called."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple
from unicodedata import combining, east_asian_width

from domain.announcement import CommunityFacts
from projections.announcements import wording as ours
from projections.announcements.code import code_path, code_size
from projections.announcements.wording import Addresses
from projections.emails import wording
from projections.emails.text import cleaned, clipped

WIDTH, HEIGHT = 2100, 2970
"""Tenths of a millimetre."""
POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'"
_MARGIN, _LEADING = 160, 1.22
_BLUE, _INK, _SOFT = "#0b4a8f", "#16222e", "#4a5763"
_FONTS = "'Segoe UI', 'Helvetica Neue', Helvetica, Arial, 'Noto Sans', sans-serif"
_NARROW, _BROAD = frozenset(" .,:;'|!()[]-/fijltrI"), frozenset("mwMW@%&")
_CODE = 640


class Lines(NamedTuple):
    size: int
    lines: list[str]

    @property
    def height(self) -> float:
        return self.size * _LEADING * len(self.lines)


def poster(facts: CommunityFacts, addresses: Addresses) -> str:
    return "".join(_drawn(facts, addresses))


def _drawn(facts: CommunityFacts, addresses: Addresses) -> Iterator[str]:
    name, across = cleaned(facts.institution), WIDTH - 2 * _MARGIN
    yield f'<svg xmlns="http://www.w3.org/2000/svg" width="210mm" height="297mm" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="{_FONTS}">'
    yield f"<title>{escape(cleaned(ours.subject(facts)))}</title>"
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/><rect width="{WIDTH}" height="1130" fill="{_BLUE}"/>'
    heading = fitted(name, across, (110, 92, 76, 64, 54), most=3)
    yield _written(heading, _MARGIN, 165, fill="#ffffff", weight=400)
    yield _written(Lines(176, ["An API plan", "of your own"]), _MARGIN, 590, fill="#ffffff", weight=700)
    yield _written(Lines(62, ["For scholarly works and patents, at no cost to you."]), _MARGIN, 1000, fill="#dbe9fa", weight=400)
    yield from _steps(facts, across)
    yield from _code(addresses)
    yield from _particulars(facts, _MARGIN + _CODE + 100, across - _CODE - 100)
    yield "</svg>"


def _steps(facts: CommunityFacts, across: int) -> Iterator[str]:
    named = ours.either(ours.domains(facts, 3))
    address = f"Your address there: {cleaned(named)}" if named else "With your address at the institution"
    steps = (
        ("Register on the platform", address),
        ("Ask for your plan", "Account settings, Subscriptions"),
        ("Create an API token", "One token for all four APIs, shown once"),
    )
    top, middle = 1270, _MARGIN + 62
    for number, (title, detail) in enumerate(steps, 1):
        yield f'<circle cx="{middle}" cy="{top - 8}" r="62" fill="{_BLUE}"/>'
        yield f'<text x="{middle}" y="{top + 18}" font-size="76" font-weight="700" fill="#ffffff" text-anchor="middle">{number}</text>'
        yield _written(Lines(74, [title]), _MARGIN + 180, top - 8, fill=_INK, weight=700)
        yield _written(fitted(detail, across - 180, (52, 46, 40, 34), most=2), _MARGIN + 180, top + 70, fill=_SOFT, weight=400)
        top += 272


def _code(addresses: Addresses) -> Iterator[str]:
    scale, left, top = _CODE / code_size(addresses.sign_up), _MARGIN - 40, 2080
    yield f'<g transform="translate({left} {top}) scale({scale:.4f})" shape-rendering="crispEdges">'
    yield f'<path d="{code_path(addresses.sign_up)}" fill="#000000"/></g>'
    address = fitted(ours.shown_address(addresses.sign_up), WIDTH - 2 * _MARGIN, (54, 46, 38, 30), most=2)
    yield _written(address, _MARGIN, top + _CODE + 60, fill=_BLUE, weight=700)


def _particulars(facts: CommunityFacts, left: int, across: int) -> Iterator[str]:
    told = [f"{wording.product(plan.product)}: {wording.count(plan.requests_per_month)} requests" for plan in facts.plans]
    told += ["Links to the full text"] if facts.link_outs else []
    told += [f"Until {day}"] if (day := ours.last_day(facts)) else []
    told.append(f"Questions? {cleaned(facts.mailbox)}" if facts.mailbox else "Questions? Ask the library.")
    yield _written(Lines(46, ["Yours every month"]), left, 2145, fill=_INK, weight=700)
    top = 2225.0
    for each in told:
        lines = fitted(each, across, (42, 38, 34, 30), most=2 if each == told[-1] else 1)
        yield _written(lines, left, top, fill=_INK, weight=400)
        top += lines.height + 22


def _written(lines: Lines, left: float, top: float, *, fill: str, weight: int) -> str:
    """`top` is the middle of the first line's height, more or less."""
    first = top + lines.size * 0.35
    return "".join(
        f'<text x="{left}" y="{first + number * lines.size * _LEADING:.1f}" font-size="{lines.size}" font-weight="{weight}"'
        f' fill="{fill}" unicode-bidi="plaintext">{escape(line)}</text>'
        for number, line in enumerate(lines.lines)
    )


def fitted(text: str, across: float, sizes: Sequence[int], most: int) -> Lines:
    """In the largest of the sizes in which it has so many lines at most; in the smallest, what is too much is left out."""
    for size in sizes:
        lines = _broken(text, across / size)
        if len(lines) <= most:
            return Lines(size, lines)
    last = clipped(f"{lines[most - 1]} {lines[most]}", columns=max(4, int(across / sizes[-1])))
    return Lines(sizes[-1], [*lines[: most - 1], _cut(last, across / sizes[-1])])


def _broken(text: str, ems: float) -> list[str]:
    lines = [""]
    for word in text.split():
        longer, rest = f"{lines[-1]} {word}".strip(), word
        if _ems(longer) <= ems:
            lines[-1] = longer
            continue
        while _ems(rest) > ems:
            lines.append(_cut(rest, ems, mark=""))
            rest = rest[len(lines[-1]) :]
        lines.append(rest)
    return [line for line in lines if line]


def _cut(text: str, ems: float, mark: str = "…") -> str:
    if _ems(text) <= ems:
        return text
    kept = text
    while len(kept) > 1 and _ems(kept + mark) > ems:
        kept = kept[:-1]
    return kept.rstrip() + mark


def _ems(text: str) -> float:
    """How wide a line is at most, in its own size, in whichever of the usual fonts."""
    return sum(_em(each) for each in text)


def _em(character: str) -> float:
    if combining(character):
        return 0
    if east_asian_width(character) in "WF":
        return 1.02
    if character in _NARROW:
        return 0.42
    if character in _BROAD:
        return 1.0
    return 0.64 if character.isascii() and not character.isupper() else 0.78


__all__ = ["POLICY", "fitted", "poster"]
