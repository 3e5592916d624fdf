"""Lists of people, as librarians upload them and as they are given back. A file is trusted in nothing, and read a little at a time."""

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NoReturn, Self

import msgspec
from starlette.exceptions import HTTPException

from domain.errors import Invalid

COLUMNS = ("email", "registered_account_id", "name")
DELIMITERS = ",;\t"
MOST_ROWS = 200_000
MOST_LINES = 1_000_000
"""Blank ones too: a file of nothing else takes as long to read as any other."""
LONGEST_CELL = 1_000
LONGEST_ROW = 10_000
"""In characters; a physical line of a CSV is no longer either."""
MOST_LINES_OF_A_ROW = 20
ADVICE = 'save it as "CSV UTF-8"'

_CHUNK = 1 << 16
_LONGEST_LINE = 4 * LONGEST_ROW + 2  # in bytes, with its end
_LONGEST_ELEMENT = _CHUNK  # in bytes: a row with three of the longest cells, each character escaped, is shorter


@dataclass(frozen=True, slots=True)
class ListedRow:
    """`line` is where the row begins: the line of a CSV, the element of a JSON array, from 1."""

    line: int
    email: str
    registered_account_id: str | None
    name: str | None


def read_list(file: BinaryIO, media_type: str) -> Iterator[ListedRow]:
    """The rows of a file, from its beginning; Invalid at the first thing that cannot be read for certain."""
    match media_type.partition(";")[0].strip().lower():
        case "text/csv":
            return _csv_rows(file)
        case "application/json":
            return _json_rows(file)
    raise HTTPException(415, "a list is text/csv or application/json")


def count_rows(file: BinaryIO, media_type: str) -> int:
    """Read a whole file before anything is done with it, and go back to its beginning."""
    count = 0
    for _ in read_list(file, media_type):
        count += 1
        if count > MOST_ROWS:
            raise Invalid("list-too-long", f"a list has at most {MOST_ROWS:,} rows; send the rest as another one")
    if not count:
        _refuse_empty()
    file.seek(0)
    return count


def _refuse_empty() -> NoReturn:
    raise Invalid("empty-list", "this list has no rows")


# CSV


def _csv_rows(file: BinaryIO) -> Iterator[ListedRow]:
    lines = _Lines(file)
    header = ""
    while not header.strip():
        lines.begin_row()
        header = next(lines, None) or _refuse_empty()
    delimiter = max(DELIMITERS, key=header.count)
    columns = _columns(lines.number, _next_row(csv.reader([header], strict=True, delimiter=delimiter), lines) or [])
    rows = csv.reader(lines, strict=True, delimiter=delimiter)
    lines.begin_row()
    while (cells := _next_row(rows, lines)) is not None:
        if any(cells):
            yield _csv_row(lines.began, columns, cells)
        lines.begin_row()


class _Lines:
    """The lines of a file, for the CSV reader to take one at a time; it ends where a row does not."""

    def __init__(self, file: BinaryIO) -> None:
        self._raw = _raw_lines(file)
        self.number = 0
        self.began = 1
        self._row_length = 0

    def begin_row(self) -> None:
        self.began = self.number + 1
        self._row_length = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        raw = next(self._raw)
        self.number += 1
        if self.number > MOST_LINES:
            raise Invalid("list-too-long", f"a list has at most {MOST_LINES:,} lines, blank ones included", field=f"lines.{self.number}")
        if self.number - self.began >= MOST_LINES_OF_A_ROW:
            _refuse_line(self.began, f"the row that begins here does not end within {MOST_LINES_OF_A_ROW} lines: is a quote not closed?")
        if len(raw) > _LONGEST_LINE:
            self._refuse_long()
        line = self._decoded(raw)
        self._row_length += len(line.rstrip("\r\n"))
        if self._row_length > LONGEST_ROW:
            self._refuse_long()
        return line

    def _decoded(self, raw: bytes) -> str:
        if self.number == 1:
            if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)):
                _refuse_line(1, f"this file is in UTF-16 or UTF-32: {ADVICE}")
            raw = raw.removeprefix(codecs.BOM_UTF8)
        if b"\0" in raw:
            _refuse_line(self.number, f"there is a NUL character, which no text has: {ADVICE}")
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            _refuse_line(self.number, f"byte {error.start + 1} is not UTF-8: {ADVICE}", error)

    def _refuse_long(self) -> NoReturn:
        if self.number == self.began:
            _refuse_line(self.began, f"it is longer than {LONGEST_ROW:,} characters")
        _refuse_line(self.began, f"the row that begins here is longer than {LONGEST_ROW:,} characters: is a quote not closed?")


def _raw_lines(file: BinaryIO) -> Iterator[bytes]:
    """Each with its end: LF, CR LF or CR. One that is much too long comes cut."""
    file.seek(0)
    rest = b""
    while chunk := file.read(_CHUNK):
        # The last one is kept back even where it looks whole: of CR LF, the chunk may hold only the CR.
        *whole, rest = (rest + chunk).splitlines(keepends=True)
        yield from whole
        if len(rest) > _LONGEST_LINE:
            break
    if rest:
        yield rest


def _next_row(rows: Iterator[list[str]], lines: _Lines) -> list[str] | None:
    try:
        cells = next(rows, None)
    except csv.Error as error:
        _refuse_line(lines.began, f"the row that begins here is not CSV ({error}): is a quote missing, or one too many?", error)
    return cells and [cell if len(cell) > LONGEST_CELL else cell.strip() for cell in cells]


def _columns(line: int, header: Sequence[str]) -> tuple[str, ...]:
    columns = [name.strip().lower() for name in header]
    while columns and not columns[-1]:
        columns.pop()
    known = f"the columns of a list are {', '.join(COLUMNS)}"
    for at, column in enumerate(columns):
        if column not in COLUMNS:
            _refuse_line(line, f"there is no column {header[at].strip()[:50]!r}; {known}")
        if column in columns[:at]:
            _refuse_line(line, f"the column {column} is there twice; {known}")
    if "email" not in columns:
        _refuse_line(line, f"the header has no column email; {known}")
    return tuple(columns)


def _csv_row(line: int, columns: Sequence[str], cells: Sequence[str]) -> ListedRow:
    if len(cells) < len(columns) or any(cells[len(columns) :]):
        _refuse_line(line, f"this row has {_counted(len(cells), 'cell')}, but the header has {len(columns)}")
    found = dict(zip(columns, cells, strict=False))
    for column, cell in found.items():
        if len(cell) > LONGEST_CELL:
            _refuse_line(line, f"the {column} is longer than {LONGEST_CELL:,} characters", column=column)
    return ListedRow(line, found["email"], found.get("registered_account_id") or None, found.get("name") or None)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _refuse_line(line: int, why: str, cause: Exception | None = None, *, column: str | None = None) -> NoReturn:
    raise Invalid("invalid-list", f"line {line}: {why}", field=f"lines.{line}" + (f".{column}" if column else "")) from cause


# JSON


class _Element(msgspec.Struct, forbid_unknown_fields=True):
    email: str
    registered_account_id: str | None = None
    name: str | None = None


_OPENING = re.compile(rb'(?:\xef\xbb\xbf)?[ \t\r\n]*\{[ \t\r\n]*"rows"[ \t\r\n]*:[ \t\r\n]*\[')
_CLOSING = re.compile(rb"[ \t\r\n]*\]")
_FLAT_OBJECT = re.compile(rb'[ \t\r\n]*(\{(?:[^"{}]++|"(?:[^"\\]++|\\.)*+")*+\})', re.DOTALL)
_NEXT = re.compile(rb"[ \t\r\n]*([,\]])")
_END = re.compile(rb"[ \t\r\n]*\}[ \t\r\n]*")
_SHAPE = 'a list is {"rows": [{"email": …, "registered_account_id": …, "name": …}, …]}, where only email is required'
_WRONG_TYPE = re.compile(r"Expected `.*`, got `(\w+)` - at `\$\.(\w+)`")
_WRONG_FIELD = re.compile(r"Object (missing required|contains unknown) field `(.*)`", re.DOTALL)
_TYPES = {"int": "a number", "float": "a number", "bool": "true or false", "array": "a list", "object": "an object", "null": "null"}
_element = msgspec.json.Decoder(_Element)


def _json_rows(file: BinaryIO) -> Iterator[ListedRow]:
    window = _Window(file)
    if window.take(_OPENING) is None:
        raise Invalid("invalid-list", f"this is not a list: {_SHAPE}")
    row = 0
    following = b"]" if window.take(_CLOSING) else b","
    while following == b",":
        row += 1
        element = window.take(_FLAT_OBJECT)
        if element is None:
            _refuse_row(row, f"it is not an object of texts, or is not whole; {_SHAPE}")
        yield _json_row(row, element[1])
        after = window.take(_NEXT)
        if after is None:
            _refuse_row(row, "neither a comma nor the end of the rows comes after it")
        following = after[1]
    if window.take(_END) is None or window.more():
        raise Invalid("invalid-list", f"something else comes after the rows; {_SHAPE}")


class _Window:
    """A look at a file through a small part of it."""

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        self._file = file
        self._seen = b""
        self._at = 0

    def take(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """What comes next, if it is like that and not much too long."""
        found = pattern.match(self._seen, self._at)
        while found is None and len(self._seen) - self._at < _LONGEST_ELEMENT and (more := self._file.read(_CHUNK)):
            self._seen = self._seen[self._at :] + more
            self._at = 0
            found = pattern.match(self._seen)
        if found:
            self._at = found.end()
        return found

    def more(self) -> bool:
        """Whether anything but white space is left."""
        rest = self._seen[self._at :]
        while not rest.strip(b" \t\r\n"):
            rest = self._file.read(_CHUNK)
            if not rest:
                return False
        return True


def _json_row(row: int, element: bytes) -> ListedRow:
    try:
        decoded = _element.decode(element)
    except msgspec.ValidationError as error:
        _refuse_element(row, error)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        _refuse_row(row, f"it is not JSON in UTF-8 ({error})", error)
    return ListedRow(
        row,
        _text(row, "email", decoded.email),
        _text(row, "registered_account_id", decoded.registered_account_id or "") or None,
        _text(row, "name", decoded.name or "") or None,
    )


def _text(row: int, name: str, text: str) -> str:
    if "\0" in text:
        _refuse_row(row, f"the {name} has a NUL character, which no text has", name=name)
    if len(text) > LONGEST_CELL:
        _refuse_row(row, f"the {name} is longer than {LONGEST_CELL:,} characters", name=name)
    return text.strip()


def _refuse_element(row: int, error: msgspec.ValidationError) -> NoReturn:
    if wrong := _WRONG_TYPE.fullmatch(str(error)):
        kind, name = wrong.groups()
        _refuse_row(row, f"the {name} is {_TYPES.get(kind, kind)}, but must be a text", error, name=name)
    if wrong := _WRONG_FIELD.match(str(error)):
        what, name = wrong.groups()
        if what == "contains unknown":
            _refuse_row(row, f"there is no field {name[:50]!r}; {_SHAPE}", error)
        _refuse_row(row, f"the {name} is missing", error, name=name)
    _refuse_row(row, f"it is not like that: {_SHAPE}", error)


def _refuse_row(row: int, why: str, cause: Exception | None = None, *, name: str | None = None) -> NoReturn:
    raise Invalid("invalid-list", f"row {row}: {why}", field=f"rows.{row}" + (f".{name}" if name else "")) from cause
