"""Tables as CSV that is safe to open in a spreadsheet."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[object | None]]) -> Iterator[str]:
    """A table as RFC 4180 has it, one row at a time."""
    return safe_lines(chain([header], rows))


def safe_lines(rows: Iterable[Sequence[object | None]]) -> Iterator[str]:
    writer = csv.writer(_Returned())
    for row in rows:
        yield writer.writerow(["" if cell is None else safe_cell(str(cell)) for cell in row])


def safe_cell(text: str) -> str:
    """A text that a spreadsheet would take for a formula is marked as text."""
    return f"'{text}" if text.startswith(FORMULA) or text.lstrip().startswith(FORMULA) else text


class _Returned:
    """A file of which the CSV writer gives back each line."""

    def write(self, line: str) -> str:
        return line
