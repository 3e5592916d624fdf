"""A list of people is read to the last row, or refused with the row that is wrong."""

import codecs
import csv
import json
import tracemalloc
from collections.abc import Iterator
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from api.lists import LONGEST_CELL, LONGEST_ROW, MOST_LINES, MOST_ROWS, ListedRow, count_rows, read_list
from domain.errors import Invalid
from projections.safe_csv import csv_lines, safe_cell

CSV = "text/csv"
JSON = "application/json"
ADA = ListedRow(2, "ada@mit.edu", "registered-ada", "Ada Lovelace")
MEGABYTE = 1 << 20


def rows(content: bytes | str, media_type: str = CSV) -> list[ListedRow]:
    return list(read_list(BytesIO(content.encode() if isinstance(content, str) else content), media_type))


def emails(content: bytes | str, media_type: str = CSV) -> list[tuple[int, str]]:
    return [(row.line, row.email) for row in rows(content, media_type)]


def refusal(content: bytes | str, media_type: str = CSV) -> tuple[str, str]:
    """The field and the sentence with which a file is refused as unreadable."""
    with pytest.raises(Invalid) as caught:
        rows(content, media_type)
    assert caught.value.slug == "invalid-list"
    return caught.value.field or "", caught.value.detail


# CSV


@pytest.mark.parametrize(
    "content",
    [
        "email,registered_account_id,name\nada@mit.edu,registered-ada,Ada Lovelace\n",
        "email;registered_account_id;name\r\nada@mit.edu;registered-ada;Ada Lovelace\r\n",
        "email\tregistered_account_id\tname\rada@mit.edu\tregistered-ada\tAda Lovelace\r",
        " Email , REGISTERED_ACCOUNT_ID,Name\n ada@mit.edu ,\u00a0registered-ada,Ada Lovelace",
        '"email";"registered_account_id";"name"\n"ada@mit.edu";"registered-ada";"Ada Lovelace"\n',
        "name,email,registered_account_id\nAda Lovelace,ada@mit.edu,registered-ada\n",
        "email,registered_account_id,name,,\nada@mit.edu,registered-ada,Ada Lovelace,,\n,,,,\n",
        "email,registered_account_id,name\nada@mit.edu,registered-ada,Ada Lovelace,, \n\n",
    ],
)
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_the_tables_that_spreadsheets_write(mark, content):
    assert [ADA] == rows(mark + content.encode())


def test_only_the_email_is_needed():
    assert [ListedRow(2, "ada@mit.edu", None, None)] == rows("email\nada@mit.edu\n")
    assert [ListedRow(2, "ada@mit.edu", None, None)] == rows("email,name,registered_account_id\nada@mit.edu,, \n")
    assert [ListedRow(2, "", None, "Ada")] == rows("email,name\n,Ada\n")


def test_a_row_is_at_the_line_where_it_begins():
    content = '\n\r\nemail,name\n\na@mit.edu,"A\nof\r\nMIT"\n \n,\nb@mit.edu,"say ""B"", please"\r\n\r\nc@mit.edu,C'
    assert [
        ListedRow(5, "a@mit.edu", None, "A\nof\r\nMIT"),
        ListedRow(10, "b@mit.edu", None, 'say "B", please'),
        ListedRow(12, "c@mit.edu", None, "C"),
    ] == rows(content)


def test_blank_lines_are_no_row_however_many():
    assert [(102, "a@mit.edu")] == emails(100 * "\n" + "email\na@mit.edu")
    assert [(20_002, "a@mit.edu")] == emails("email" + 20_001 * "\r\n" + "a@mit.edu")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_ends_once_wherever_the_file_is_cut(end):
    for padding in range(3):
        content = "email" + end + "x" * padding + end + ("ada@mit.edu" + end) * 20_000
        assert [(line, "ada@mit.edu") for line in range(3, 20_003)] == emails(content)[-20_000:]


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("domain,email", "'domain'"),
        ("email,,name", "''"),
        ("\ufeffemail", "'\\ufeffemail'"),
        ("ada@mit.edu", "'ada@mit.edu'"),
        ("email|name", "'email|name'"),
        ("email,Email", "email is there twice"),
        ("email,name,name", "name is there twice"),
        ("name", "no column email"),
        (",,", "no column email"),
        ("email,na\u200bme", "'na\\u200bme'"),
    ],
)
def test_an_unknown_header_is_answered_with_the_known_ones(header, named):
    field, sentence = refusal(f"\n{header}\nada@mit.edu\n")
    assert ("lines.2", True) == (field, named in sentence)
    assert sentence.startswith("line 2: ")
    assert "email, registered_account_id, name" in sentence


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-32-be"])
def test_other_encodings_are_refused_with_what_to_do(encoding):
    mark = {"utf-16-be": codecs.BOM_UTF16_BE, "utf-32-be": codecs.BOM_UTF32_BE}.get(encoding, b"")
    field, sentence = refusal(mark + "email\nada@mit.edu\n".encode(encoding))
    assert "lines.1" == field
    assert 'save it as "CSV UTF-8"' in sentence


def test_what_is_not_utf_8_is_refused_with_its_line_and_byte():
    content = "email,name\n" + 5_000 * "ada@mit.edu,Ada\n" + "kurt@mit.edu,G"
    assert ("lines.5002", 'line 5002: byte 15 is not UTF-8: save it as "CSV UTF-8"') == refusal(content.encode() + b"\xf6del\n")
    assert "lines.5002" == refusal(content.encode() + b"\xed\xa0\x80")[0]
    assert "lines.5002" == refusal(content.encode() + b"\xc3")[0]


def test_nul_is_refused_with_its_line():
    assert "lines.3" == refusal("email\nada@mit.edu\nbob@mit.edu\0\n")[0]
    assert "lines.2" == refusal('email,name\nada@mit.edu,"\0"\n')[0]
    assert "NUL" in refusal("email\n\0")[1]


def test_a_row_with_other_cells_than_the_header_is_refused():
    assert ("lines.3", "line 3: this row has 1 cell, but the header has 2") == refusal("email,name\na@mit.edu,A\nb@mit.edu\n")
    assert ("lines.2", "line 2: this row has 3 cells, but the header has 2") == refusal("email,name\na@mit.edu,Lovelace, Ada\n")
    assert ("lines.3", "line 3: this row has 2 cells, but the header has 1") == refusal("email\na@mit.edu,\nx,y")


@pytest.mark.parametrize("column", ["email", "name"])
def test_the_longest_cell(column):
    content = f"name,{column}\n" if column == "email" else f"email,{column}\n"
    assert "é" * LONGEST_CELL == getattr(rows(f"{content}x,{'é' * LONGEST_CELL}\n")[0], column)
    field, sentence = refusal(f"{content}x,{'é' * (LONGEST_CELL + 1)}\n")
    assert (f"lines.2.{column}", f"line 2: the {column} is longer than 1,000 characters") == (field, sentence)
    assert f"lines.2.{column}" == refusal(f"{content}x,{' ' * (LONGEST_CELL + 1)}\n")[0]


def test_the_longest_line():
    """Trailing empty cells are nothing, as long as they are not too many."""
    line = "a@mit.edu" + "," * (LONGEST_ROW - 9)
    assert [(2, "a@mit.edu")] == emails(f"email,\n{line}\n")
    assert "lines.3" == refusal(f"email,\n\n{line},\n")[0]
    assert "lines.1" == refusal("email" + " " * LONGEST_ROW)[0]


def test_a_quoted_cell_may_have_20_lines_and_no_more():
    assert [(2, "a@mit.edu"), (22, "b@mit.edu")] == emails('email,name\na@mit.edu,"' + "\n" * 19 + '"\nb@mit.edu,B\n')
    field, sentence = refusal('email,name\na@mit.edu,"' + "\n" * 20 + '"\nb@mit.edu,B\n')
    assert "lines.2" == field
    assert "quote" in sentence


def test_a_row_of_several_lines_is_no_longer_than_one_of_a_single_line():
    field, sentence = refusal('email,name\n\na@mit.edu,"' + 11 * (999 * "x" + "\n") + '"\n')
    assert ("lines.3", True) == (field, "quote" in sentence)


@pytest.mark.parametrize(
    "rest",
    [
        'a@mit.edu,"Ada\n' + 100 * "b@mit.edu,Bob\n",
        'a@mit.edu,"Ada\n' + 'b@mit.edu,"Bob"\n',
        'a@mit.edu,"Ada',
        'a@mit.edu,"Ada" Lovelace\n',
        'a@mit.edu,"',
    ],
)
def test_a_quote_that_is_not_closed_swallows_nothing(rest):
    field, sentence = refusal("email,name\n" + 15 * "x@mit.edu,X\n" + rest)
    assert "lines.17" == field
    assert sentence.startswith("line 17: the row that begins here")


def test_a_header_with_a_quote_that_is_not_closed():
    assert "lines.1" == refusal('"email\nada@mit.edu\n')[0]


# JSON


def test_a_list_in_json():
    content = json.dumps(
        {"rows": [{"email": " ada@mit.edu ", "name": "Ada \U0001f600"}, {"email": "", "registered_account_id": None, "name": " "}]}
    )
    expected = [ListedRow(1, "ada@mit.edu", None, "Ada \U0001f600"), ListedRow(2, "", None, None)]
    assert expected == rows(content, JSON) == rows(codecs.BOM_UTF8 + content.encode(), "application/json; charset=utf-8")
    assert [] == rows('{"rows":[]}', JSON)
    assert [(1, 'a"{}\\')] == emails(' {\t"rows"\r:\n[ { "email" : "a\\"{}\\\\" } ] } \n', JSON)


@pytest.mark.parametrize("name", ["Ada", "\U0001f600" * 500, "x" * LONGEST_CELL])
def test_a_list_in_json_is_read_whole_wherever_it_is_cut(name):
    people = [{"email": f"{number}@mit.edu", "name": name} for number in range(2_000)]
    expected = [ListedRow(number + 1, f"{number}@mit.edu", None, name) for number in range(2_000)]
    for content in (json.dumps({"rows": people}), json.dumps({"rows": people}, indent=3, ensure_ascii=False)):
        assert expected == rows(content, JSON)


@pytest.mark.parametrize(
    ("row", "field", "said"),
    [
        ({"email": 7}, "rows.2.email", "row 2: the email is a number, but must be a text"),
        ({"email": None}, "rows.2.email", "row 2: the email is null, but must be a text"),
        ({"email": ["a"]}, "rows.2.email", "row 2: the email is a list, but must be a text"),
        ({"email": "a", "name": False}, "rows.2.name", "row 2: the name is true or false, but must be a text"),
        ({"name": "Ada"}, "rows.2.email", "row 2: the email is missing"),
        ({"email": "a", "domain": "mit.edu"}, "rows.2", "row 2: there is no field 'domain'"),
        ({"email": "a", "plan": {}}, "rows.2", "row 2: it is not an object of texts"),
        ({"email": {"email": "a"}}, "rows.2", "row 2: it is not an object of texts"),
        ("ada@mit.edu", "rows.2", "row 2: it is not an object of texts"),
        (None, "rows.2", "row 2: it is not an object of texts"),
        ({"email": "a\0"}, "rows.2.email", "row 2: the email has a NUL character"),
        ({"email": "a", "name": "x" * (LONGEST_CELL + 1)}, "rows.2.name", "row 2: the name is longer than 1,000 characters"),
        ({"email": "a", "name": "x" * MEGABYTE}, "rows.2", "row 2: it is not an object of texts, or is not whole"),
    ],
)
def test_a_wrong_row_of_json_is_named(row, field, said):
    found, sentence = refusal(json.dumps({"rows": [{"email": "a"}, row, {"email": "b"}]}), JSON)
    assert (field, said) == (found, sentence[: len(said)])


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ("", ""),
        ("{", ""),
        ("[]", ""),
        ("null", ""),
        ('{"row": []}', ""),
        ('{"rows": {}}', ""),
        ('{"rows": null}', ""),
        ('{"mode": "add", "rows": []}', ""),
        ('{"rows": []', ""),
        ('{"rows": [], "mode": "add"}', ""),
        ('{"rows": []} {}', ""),
        ('{"rows": []}' + " " * MEGABYTE + "x", ""),
        (" " * MEGABYTE + '{"rows": []}', ""),
        ('{"rows": [,]}', "rows.1"),
        ('{"rows": [{"email": "a"},]}', "rows.2"),
        ('{"rows": [{"email": "a"} {"email": "b"}]}', "rows.1"),
        ('{"rows": [{"email": "a"}', "rows.1"),
        ('{"rows": [{"email": "a"', "rows.1"),
        ('{"rows": [{"email": "a}]}', "rows.1"),
        ('{"rows": [{"email": "a",}]}', "rows.1"),
        ('{"rows": [{"email": "\\ud800"}]}', "rows.1"),
        ('{"rows": [{"email": "a\nb"}]}', "rows.1"),
        ('{"rows": [{"email": "\\x"}]}', "rows.1"),
        (b'{"rows": [{"email": "\xff"}]}', "rows.1"),
        (b'{"rows": [{"email": "\xed\xa0\x80"}]}', "rows.1"),
        ('{"rows": ' + "[" * MEGABYTE, "rows.1"),
        ('{"rows": [' + '{"email":' * MEGABYTE, "rows.1"),
        ('{"rows": [{"email": "a", "x": ' + "[" * 50_000 + "]" * 50_000, "rows.1"),
        ('{"rows": [{"email": ' + "[" * 30_000 + "]" * 30_000 + "}]}", "rows.1.email"),
        ('{"rows": [{"x": ' + "[" * 30_000 + "]" * 30_000 + "}]}", "rows.1"),
        (codecs.BOM_UTF16_LE + '{"rows": []}'.encode("utf-16-le"), ""),
    ],
)
def test_what_is_no_list_in_json(content, field):
    found, sentence = refusal(content, JSON)
    assert field == found
    assert "msgspec" not in sentence


# both


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/vnd.ms-excel", "multipart/form-data; boundary=x", "csv"])
def test_another_kind_of_file_is_refused_before_it_is_looked_at(media_type):
    with pytest.raises(HTTPException) as caught:
        read_list(BytesIO(), media_type)
    assert (415, "a list is text/csv or application/json") == (caught.value.status_code, caught.value.detail)


def test_media_types_are_spelt_in_many_ways():
    assert [(2, "a@mit.edu")] == emails("email\na@mit.edu\n", "Text/CSV ; charset=UTF-8; header=present")


def test_a_file_is_counted_and_then_read_again():
    file = BytesIO(b"email\na@mit.edu\n\nb@mit.edu\n")
    assert 2 == count_rows(file, CSV)
    assert 0 == file.tell()
    assert [2, 4] == [row.line for row in read_list(file, CSV)]
    assert 1 == count_rows(BytesIO(b'{"rows": [{"email": "a@mit.edu"}]}'), JSON)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [(b"", CSV), (b"\n\r\n \n", CSV), (codecs.BOM_UTF8, CSV), (b"email\n", CSV), (b"email,name\n,\n", CSV), (b'{"rows": []}', JSON)],
)
def test_a_list_without_rows_is_refused(content, media_type):
    with pytest.raises(Invalid) as caught:
        count_rows(BytesIO(content), media_type)
    assert ("empty-list", "this list has no rows") == (caught.value.slug, caught.value.detail)


def test_a_list_has_200_000_rows_at_most():
    assert MOST_ROWS == count_rows(BytesIO(b"email\n" + b"a\n" * MOST_ROWS), CSV)
    with pytest.raises(Invalid) as caught:
        count_rows(BytesIO(b"email\n" + b"a\n" * MOST_ROWS + b'a\n"and then nonsense'), CSV)
    assert ("list-too-long", True) == (caught.value.slug, "200,000" in caught.value.detail)
    with pytest.raises(Invalid, match="200,000"):
        count_rows(BytesIO(b'{"rows": [' + b'{"email":"a"},' * MOST_ROWS + b'{"email":"a"}]}'), JSON)


def test_a_list_has_a_million_lines_at_most():
    assert 1 == count_rows(BytesIO(b"email\na@mit.edu\n" + b"\n" * (MOST_LINES - 2)), CSV)
    with pytest.raises(Invalid) as caught:
        count_rows(BytesIO(b"email\na@mit.edu\n" + b"\r" * 32 * MEGABYTE), CSV)
    assert ("list-too-long", "lines.1000001") == (caught.value.slug, caught.value.field)


def unclosed() -> Iterator[bytes]:
    yield b"email,name\n" + 15 * b"a@mit.edu,A\n" + b'b@mit.edu,"B\n'
    yield from 20 * [b"c@mit.edu,C\n" * (MEGABYTE // 12)]


def one_cell() -> Iterator[bytes]:
    yield b"email,name\na@mit.edu,"
    yield from 20 * [b"x" * MEGABYTE]


def one_quoted_cell() -> Iterator[bytes]:
    yield b'email,name\na@mit.edu,"'
    yield from 20 * [b"x" * MEGABYTE]
    yield b'"\n'


def nul_at_the_end() -> Iterator[bytes]:
    line = b"a@mit.edu," + 989 * b" " + b"\n"
    yield b"email,name\n"
    yield from 20 * [line * 1_000]
    yield b"b@mit.edu,\0"


def one_element() -> Iterator[bytes]:
    yield b'{"rows": [{"email": "a"}, {"email": "'
    yield from 20 * [b"x" * MEGABYTE]


def numbers() -> Iterator[bytes]:
    yield b'{"rows": ['
    yield from 20 * [b"1," * (MEGABYTE // 2)]


def empty_objects() -> Iterator[bytes]:
    yield b'{"rows": [{"email": "a"}'
    yield from 20 * [b" " * MEGABYTE]
    yield b",1]}"


@pytest.mark.parametrize(
    ("parts", "media_type", "field"),
    [
        (unclosed, CSV, "lines.17"),
        (one_cell, CSV, "lines.2"),
        (one_quoted_cell, CSV, "lines.2"),
        (nul_at_the_end, CSV, "lines.20002"),
        (one_element, JSON, "rows.2"),
        (numbers, JSON, "rows.1"),
        (empty_objects, JSON, "rows.1"),
    ],
)
def test_a_hostile_file_of_20_megabytes_is_refused_in_a_few(tmp_path: Path, parts, media_type, field):
    path = tmp_path / "list"
    with path.open("wb") as file:
        file.writelines(parts())
    assert path.stat().st_size > 19 * MEGABYTE
    with path.open("rb") as file:
        tracemalloc.start()
        try:
            with pytest.raises(Invalid) as caught:
                count_rows(file, media_type)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert field == caught.value.field
    assert peak < 8 * MEGABYTE


def like_csv() -> st.SearchStrategy[bytes]:
    parts = [
        b'"',
        b'""',
        b",",
        b";",
        b"\t",
        b"\r",
        b"\n",
        b"\r\n",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"a@mit.edu",
        b"=1",
        b" ",
        b"\\",
        b"x" * 1_001,
    ]
    header = st.sampled_from([b"", b"email\n", b"email,name\n", b"\xef\xbb\xbfemail;name\r", b'"email"\tname,\r\n'])
    return st.tuples(header, st.lists(st.sampled_from(parts) | st.binary(max_size=4), max_size=40).map(b"".join)).map(b"".join)


def like_json() -> st.SearchStrategy[bytes]:
    parts = [
        b'"',
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\\",
        b"\\u0000",
        b"\\ud800",
        b'"email"',
        b'"name"',
        b'{"email":"a"}',
        b'{"rows":[',
        b"null",
        b"1e999",
        b"\xff",
        b" ",
    ]
    opening = st.sampled_from([b"", b'{"rows":[', b'{"rows":[{"email":', b'{"rows":[{"email":"a","name":'])
    return st.tuples(opening, st.lists(st.sampled_from(parts) | st.binary(max_size=4), max_size=20).map(b"".join)).map(b"".join)


@given(content=st.binary(max_size=300) | like_csv() | like_json(), media_type=st.sampled_from([CSV, JSON]))
@example(content=b'email\n"' + b"\n" * 40, media_type=CSV)
@example(content=b'{"rows":[' + b'{"":' * 20_000, media_type=JSON)
def test_no_bytes_whatever_raise_anything_but_a_refusal(content, media_type):
    try:
        count = count_rows(BytesIO(content), media_type)
    except Invalid as refused:
        assert refused.slug in {"invalid-list", "empty-list"}
        assert "\0" not in refused.detail
    else:
        found = rows(content, media_type)
        assert count == len(found) == len({row.line for row in found})
        assert not any("\0" in text for row in found for text in (row.email, row.registered_account_id or "", row.name or ""))


# what goes out


@pytest.mark.parametrize(
    "text", ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\u00a0@x", "\t", "\r", "\n"]
)
def test_what_a_spreadsheet_would_carry_out_is_marked_as_text(text):
    assert f"'{text}" == safe_cell(text)


@pytest.mark.parametrize("text", ["", "ada@mit.edu", "a=1", "'=1", " x", "1-2", "O'Hara"])
def test_any_other_text_stays_as_it_is(text):
    assert text == safe_cell(text)


def test_a_formula_is_taken_as_it_is_given():
    assert '=HYPERLINK("http://x")' == rows('email,name\na@mit.edu,"=HYPERLINK(""http://x"")"\n')[0].name


def test_a_table_is_written_as_rfc_4180_has_it():
    lines = list(csv_lines(["line", "email", "=name"], [[2, "a@mit.edu", 'say "A", please'], (3, None, "=1+1"), (-4, "two\nlines", "")]))
    assert ["line,email,'=name\r\n", '2,a@mit.edu,"say ""A"", please"\r\n', "3,,'=1+1\r\n", '\'-4,"two\nlines",\r\n'] == lines


def test_a_table_is_written_as_it_is_read():
    """Nothing of it is held back, or made before it is asked for."""
    asked = []

    def endless() -> Iterator[list[int]]:
        while True:
            asked.append(len(asked))
            yield [len(asked)]

    lines = csv_lines(["n"], endless())
    assert ["n\r\n", "1\r\n", "2\r\n"] == [next(lines) for _ in range(3)]
    assert [0, 1] == asked


texts = st.text(
    st.sampled_from("a=+-@\t\r\n \"',;é\u00a0\U0001f600") | st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6
)


@given(st.lists(st.lists(st.none() | texts, min_size=2, max_size=2)))
def test_what_is_written_is_read_back(table):
    written = "".join(csv_lines(["a", "b"], table))
    expected = [["" if cell is None else safe_cell(cell) for cell in row] for row in [["a", "b"], *table]]
    assert expected == list(csv.reader(StringIO(written, newline=""), strict=True))


@given(st.lists(st.tuples(texts, texts, texts), max_size=20))
def test_what_is_written_is_a_list_that_can_be_handed_in(people):
    content = "".join(csv_lines(["email", "registered_account_id", "name"], people))
    safe = [[safe_cell(text).strip() for text in person] for person in people]
    expected = [(email, id or None, name or None) for email, id, name in safe if email or id or name]
    assert expected == [(row.email, row.registered_account_id, row.name) for row in rows(content)]
