"""A QR code as one path of an SVG, quiet zone included."""

import segno

QUIET = 4
"""Modules around a code that stay empty: ISO/IEC 18004 asks for four."""


def code_size(text: str) -> int:
    """Modules from edge to edge."""
    return int(_code(text).symbol_size(border=QUIET)[0])


def code_path(text: str) -> str:
    """Each run of dark modules of a row is a rectangle of height 1."""
    runs = []
    for y, row in enumerate(_code(text).matrix_iter(border=QUIET)):
        modules, x = [*map(bool, row), False], 0
        while x < len(modules):
            end = modules.index(False, x)
            if end > x:
                runs.append(f"M{x} {y}h{end - x}v1h-{end - x}z")
            x = end + 1
    return "".join(runs)


def _code(text: str) -> segno.QRCode:
    return segno.make(text, error="m", micro=False)
