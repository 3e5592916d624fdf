"""Names as they come in: nothing that hides, nothing without end."""

import unicodedata
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.values import parse_text


def refused(text: str, **limits: int) -> Invalid:
    with pytest.raises(Invalid) as raised:
        parse_text(text, field="institution", **limits)
    assert ("invalid-text", "institution") == (raised.value.slug, raised.value.field)
    return raised.value


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("X\nBcc: e", id="row 13: a header"),
        pytest.param("X\r\nBcc: e", id="row 13: a header, as it is sent"),
        pytest.param("X\n", id="row 13: a line's end"),
        pytest.param("M\x00T", id="row 13: NUL"),
        pytest.param("M\tT", id="row 13: a tab"),
        pytest.param("M\x1b[2JT", id="row 13: an escape of a terminal"),
        pytest.param("M\x9b2JT", id="row 13: the same in one character"),
        pytest.param("M\x85T", id="row 13: a next line"),
        pytest.param("M\u2028T", id="row 13: a line separator"),
        pytest.param("M\u2029T", id="row 13: a paragraph separator"),
        *(pytest.param(f"M{chr(code)}T", id=f"row 32: bidi control {code:04X}") for code in (0x061C, 0x200E, 0x200F, 0x2067)),
        *(pytest.param(f"M{chr(code)}T", id=f"row 32: bidi control {code:04X}") for code in range(0x202A, 0x202F)),
        *(pytest.param(f"M{chr(code)}T", id=f"row 32: zero width {code:04X}") for code in (0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD)),
        *(pytest.param(f"M{chr(code)}T", id=f"row 32: invisible {code:04X}") for code in (0x034F, 0x115F, 0x2800, 0x3164, 0xFE0F, 0xE0041)),
        pytest.param("M\ud800T", id="row 32: half a character"),
        pytest.param("M\ue000T", id="row 32: a private character"),
        pytest.param("M\uffffT", id="row 32: no character"),
        pytest.param("MI" + 5 * "\u0316" + "T", id="row 32: five marks on a letter"),
        pytest.param("\u0316MIT", id="row 32: a mark on nothing"),
        pytest.param("M" + "\u0301" * 1_000_000, id="row 32: a million marks"),
        pytest.param("M" * 201, id="row 32: too long"),
        pytest.param("", id="nothing"),
        pytest.param(" \u00a0\u3000", id="spaces"),
    ],
)
def test_what_is_no_name(text):
    refused(text)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        pytest.param("  MIT\u00a0 Libraries ", "MIT Libraries", id="row 32: one plain space between words"),
        pytest.param("Universite\u0301 de Gene\u0300ve", "Université de Genève", id="row 32: NFC"),
        pytest.param("\u212bbo Akademi", "\u00c5bo Akademi", id="row 32: one letter for one letter"),
        pytest.param("دانشگاه تهران", "دانشگاه تهران", id="a script from right to left"),
        pytest.param("کتابخانه\u200cها", "کتابخانه\u200cها", id="a non-joiner, as Persian needs it"),
        pytest.param("ශ්\u200dරී ලංකා", "ශ්\u200dරී ලංකා", id="a joiner, as Sinhala needs it"),
        pytest.param("ベトナム 国立大学", "ベトナム 国立大学", id="letters of two widths"),
        pytest.param("Đại học Quốc gia", "Đại học Quốc gia", id="stacked accents"),
        pytest.param("M" + 4 * "\u0316", "M" + 4 * "\u0316", id="four marks on a letter"),
        pytest.param("=HYPERLINK(1)", "=HYPERLINK(1)", id="what only a spreadsheet minds"),
        pytest.param("<b>O'Neil & Söhne</b>", "<b>O'Neil & Söhne</b>", id="what only HTML minds"),
    ],
)
def test_what_a_name_becomes(text, parsed):
    assert parsed == parse_text(text, field="institution")


def test_lengths_at_their_bounds():
    assert 200 * "é" == parse_text(200 * "e\u0301", field="institution")
    assert 200 * "東" == parse_text(200 * "東", field="institution")
    assert 150 * "𠀀" == parse_text(150 * "𠀀", field="institution")
    assert "604 bytes" in refused(151 * "𠀀").detail
    assert "MIT" == parse_text(" MIT ", field="institution", max_length=3)
    refused("MITS", max_length=3)
    assert "200" in refused("M" * 201).detail


@given(st.text(max_size=60) | st.text("e\u0301\u0316 \u200cش\u00a0\u0dca\u200d\u1100\u1161", max_size=30))
@example(" \u0301")
@example("e \u0301")
def test_a_parsed_name_is_its_own_normal_form_and_fits_a_header(text):
    try:
        parsed = parse_text(text, field="institution")
    except Invalid:
        return
    assert parsed == parse_text(parsed, field="institution")
    assert unicodedata.is_normalized("NFC", parsed)
    assert parsed == parsed.strip() != ""
    assert 1 == len(parsed.splitlines())
    message = EmailMessage(policy=SMTP)
    message["Subject"] = parsed
    assert ["Subject"] == message.keys()
    assert b"\r\n\r\n" in message.as_bytes()
