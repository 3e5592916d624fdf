"""A picture that somebody sent, made into one of ours: told by its content, measured before it is decoded, drawn anew as a bare PNG.

Nothing of the file is kept but how it looks: no metadata, no colour profile, nothing that stands before, between or behind the pixels.
One is decoded at a time, so that many cannot fill the memory together.
"""

import struct
from dataclasses import dataclass
from io import BytesIO
from threading import Lock
from typing import NoReturn

from PIL import Image, ImageFile

from domain.errors import Invalid

MAX_PIXELS = 4_000_000
MAX_SIDE = 10_000
BOX = (800, 400)
MOST_SCANS = 100
"""A progressive JPEG comes in ten or so; each of thousands would cost a walk over all pixels."""
ASKED = "send a PNG, JPEG or WebP picture"
_HEAD = 1_024
_ONE_AT_A_TIME = Lock()

ORIENTATION = 0x0112
"""Where cameras write how the picture is to be turned; the pixels are turned, as what says so is not kept."""
LYING = frozenset({5, 6, 7, 8})
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
"""The parts of a PNG that say how it looks."""

_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "a GIF, which may move and carry more than a picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"BM", "a Windows bitmap"),
    (b"II*\x00", "a TIFF file"),
    (b"MM\x00*", "a TIFF file"),
)
_MARKUP: tuple[tuple[bytes, str], ...] = (
    (b"<svg", "an SVG, which is a program's text and can run scripts"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<script", "a script"),
    (b"<?xml", "an XML document"),
)


@dataclass(frozen=True)
class Picture:
    """A PNG without metadata, at most 800 x 400."""

    png: bytes
    width: int
    height: int


def redrawn(data: bytes) -> Picture:
    """The picture in a file. Raises Invalid where it is none, of another kind, too large, or more than one."""
    kind = _kind(data)
    width, height = _measured(kind, data)
    if not width or not height:
        _refuse("this picture has no pixels; " + ASKED)
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        said = f"it is {width:,} x {height:,} pixels, which is {width * height:,}"
        _refuse(f"{said}; at most {MAX_PIXELS:,} are taken, such as 2,000 x 2,000: it is shown at {BOX[0]} x {BOX[1]}")
    with _ONE_AT_A_TIME:
        return _drawn(kind, data)


def _kind(data: bytes) -> str:
    if not data:
        _refuse(f"the body is empty; {ASKED}")
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    for signature, name in _FOREIGN:
        if data.startswith(signature):
            _refuse(f"this is {name}; {ASKED}")
    head = data[:_HEAD].lower()
    for mark, name in _MARKUP:
        if mark in head:
            _refuse(f"this is {name}; {ASKED}")
    return _refuse(f"this is no picture that we know; {ASKED}")


def _measured(kind: str, data: bytes) -> tuple[int, int]:
    """Width and height as the header says. The library is not asked: for a WebP it would make room for all pixels first."""
    try:
        match kind:
            case "PNG":
                return _of_png(data)
            case "WEBP":
                return _of_webp(data)
        return _of_jpeg(data)
    except (struct.error, IndexError):
        _refuse(f"its header breaks off; {ASKED}")


def _of_png(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR":
        _refuse(f"its header is not that of a PNG; {ASKED}")
    at = 8
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"acTL":
            _refuse_moving()
        if name in {b"IDAT", b"IEND"}:
            break
        at += 12 + length
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _of_webp(data: bytes) -> tuple[int, int]:
    match data[12:16]:
        case b"VP8X":
            if data[20] & 0x02:
                _refuse_moving()
            return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
        case b"VP8L":
            bits = struct.unpack_from("<I", data, 21)[0]
            return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
    return _refuse(f"its header is not that of a WebP; {ASKED}")


def _of_jpeg(data: bytes) -> tuple[int, int]:
    if data.count(b"\xff\xda") > MOST_SCANS:
        _refuse(f"it comes in more than {MOST_SCANS} layers; save it once more as a plain JPEG, or {ASKED}")
    at = 2
    while True:
        if data[at] != 0xFF:
            _refuse(f"its header is not that of a JPEG; {ASKED}")
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
        elif 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        else:
            at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])


def _drawn(kind: str, data: bytes) -> Picture:
    try:
        with Image.open(BytesIO(_without_remarks(data) if kind == "PNG" else data), formats=(kind,)) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                _refuse(f"its header says two sizes; {ASKED}")
            if getattr(opened, "n_frames", 1) != 1:
                _refuse_moving()
            return _redrawn(opened)
    except (Invalid, MemoryError):
        raise
    except Exception as error:  # what a broken file makes the library raise is not to be listed
        raise Invalid("invalid-image", f"image: it cannot be decoded: the file is damaged or cut short; {ASKED}", field="image") from error


def _without_remarks(data: bytes) -> bytes:
    """The library unpacks the texts of a PNG, up to 64 MiB of them, before anybody asks for them."""
    kept, at = [data[:8]], 8
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name in _NEEDED:
            kept.append(data[at : at + 12 + length])
        at += 12 + length
    return b"".join(kept)


def _redrawn(opened: ImageFile.ImageFile) -> Picture:
    opened.load()
    see_through = "transparency" in opened.info or opened.mode in {"RGBA", "LA", "PA", "RGBa", "La"}
    mode = "RGBA" if see_through else "RGB"
    drawn: Image.Image = opened if opened.mode == mode else opened.convert(mode)
    turned = opened.getexif().get(ORIENTATION)
    drawn.thumbnail(BOX if turned not in LYING else BOX[::-1], Image.Resampling.LANCZOS)
    if turned in _TURNS:
        drawn = drawn.transpose(_TURNS[turned])
    bare = Image.frombytes(drawn.mode, drawn.size, drawn.tobytes())
    out = BytesIO()
    bare.save(out, "PNG", optimize=True)
    return Picture(out.getvalue(), *bare.size)


def _refuse_moving() -> NoReturn:
    _refuse("it has more than one picture in it; send a single one that does not move")


def _refuse(why: str) -> NoReturn:
    raise Invalid("invalid-image", f"image: {why}", field="image")
