"""A picture is told by its content, measured before it is decoded, and drawn anew: what else the file held is gone."""

import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from api.pictures import BOX, MAX_PIXELS, redrawn
from domain.errors import Invalid
from tests.hostile import ARCHIVE, SCRIPT, bomb, chunk, claiming, noise, png, saved

MEGABYTE = 1 << 20


def _why_not(data: bytes) -> str:
    with pytest.raises(Invalid) as refused:
        redrawn(data)
    assert (refused.value.slug, refused.value.field) == ("invalid-image", "image")
    return refused.value.detail


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "CMYK", "1", "I;16"])
def test_what_is_drawn_is_a_bare_png(kind, mode):
    if (kind, mode) in {("PNG", "CMYK"), ("JPEG", "RGBA"), ("JPEG", "LA"), ("JPEG", "P"), ("JPEG", "I;16"), ("WEBP", "I;16")}:
        pytest.skip(f"there is no {kind} in {mode}")
    made = redrawn(saved(Image.new(mode, (40, 20)), kind))
    with Image.open(BytesIO(made.png), formats=("PNG",)) as image:
        image.load()
        assert (image.size, (made.width, made.height), image.info) == ((40, 20), (40, 20), {})
        assert image.mode in {"RGB", "RGBA"}


def test_a_large_one_is_made_smaller_and_a_small_one_stays():
    assert [redrawn(png(*size)).width for size in ((1_600, 400), (400, 1_600), (10, 10), (2_000, 2_000))] == [800, 100, 10, 400]
    assert (redrawn(png(2_000, 2_000)).height, BOX) == (400, (800, 400))


def test_see_through_stays_see_through():
    half = Image.new("RGBA", (10, 10), (255, 0, 0, 128))
    with Image.open(BytesIO(redrawn(saved(half, "WEBP", lossless=True)).png)) as image:
        assert image.getpixel((5, 5)) == (255, 0, 0, 128)


def test_a_photograph_is_turned_as_its_camera_says_and_nothing_else_is_kept_of_it():
    photograph, exif = Image.new("RGB", (1_000, 200), "blue"), Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "A camera that tells where it was"
    photograph.paste("red", (0, 0, 500, 200))
    made = redrawn(saved(photograph, "JPEG", exif=exif, comment=b"a comment", icc_profile=b"profile" * 20))
    for left in (b"camera", b"comment", b"profile", b"Exif"):
        assert left not in made.png
    with Image.open(BytesIO(made.png)) as image:
        assert (image.size, image.info) == ((80, 400), {})
        assert image.getpixel((40, 10))[0] > 200
        assert image.getpixel((40, 390))[2] > 200


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("behind", [SCRIPT, ARCHIVE, b"%PDF-1.7" + bytes(99)], ids=["script", "archive", "document"])
def test_of_a_file_that_is_two_things_only_the_picture_is_left(kind, behind):
    made = redrawn(saved(Image.new("RGB", (30, 30), "green"), kind) + behind)
    assert behind not in made.png
    assert made.png.endswith(b"IEND\xaeB`\x82")
    assert redrawn(saved(Image.new("RGB", (30, 30), "green"), kind)).png == made.png


def test_what_stands_between_the_pixels_is_gone():
    from PIL.PngImagePlugin import PngInfo

    said = PngInfo()
    said.add_text("Comment", SCRIPT.decode())
    said.add_itxt("XML:com.adobe.xmp", SCRIPT.decode(), zip=False)
    file = png(pnginfo=said)
    assert file.count(SCRIPT) == 2
    assert SCRIPT not in redrawn(file).png


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "the body is empty; send a PNG, JPEG or WebP picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "this is an SVG, which is a program's text and can run scripts"),
        (b"<?xml version='1.0'?><!-- x -->\n<SVG><script>1</script></SVG>", "this is an SVG"),
        (b"GIF89a<script>alert(1)</script>", "this is a GIF, which may move and carry more than a picture; send a PNG"),
        (b"GIF89a/*" + bytes(30) + b"*/=1;alert(1)", "this is a GIF"),
        (b"\n<!DOCTYPE html><title>x</title>", "this is a web page"),
        (b"<HTML>", "this is a web page"),
        (SCRIPT, "this is a script"),
        (b"%PDF-1.7", "this is a PDF document"),
        (ARCHIVE, "this is a ZIP archive"),
        (b"BM" + bytes(60), "this is a Windows bitmap"),
        (saved(Image.new("RGB", (9, 9)), "TIFF"), "this is a TIFF file"),
        (b"hello", "this is no picture that we know; send a PNG, JPEG or WebP picture"),
        (b"\x89PNG\r\n\x1a\n", "its header is not that of a PNG"),
        (b"\x89PNG\r\n\x1a\n" + bytes(4) + b"IHDR", "its header breaks off"),
        (b"\xff\xd8\xff", "its header breaks off"),
        (b"\xff\xd8\xff\xe0\x00\x04ab<script>", "its header is not that of a JPEG"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8X", "its header breaks off"),
        (b"RIFF\x00\x00\x00\x00WEBPVP9 ", "its header is not that of a WebP"),
        (png()[:60], "it cannot be decoded: the file is damaged or cut short"),
        (claiming(30, 30)["webp, lossless"], "it cannot be decoded"),
        (saved(Image.new("RGB", (300, 300)), "JPEG")[:700], "it cannot be decoded"),
    ],
)
def test_what_is_no_picture(data, sentence):
    assert sentence in _why_not(data)


def test_what_moves_is_refused():
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    for kind in ("PNG", "WEBP"):
        moving = saved(frames[0], kind, save_all=True, append_images=frames[1:])
        assert "it has more than one picture in it; send a single one that does not move" in _why_not(moving)
    two = saved(frames[0], "MPO", save_all=True, append_images=frames[1:])
    assert two.startswith(b"\xff\xd8\xff")
    assert "more than one picture" in _why_not(two)


def test_ten_thousand_by_ten_thousand_is_refused():
    file = bomb(10_000, 10_000)
    assert len(file) < 100_000
    with pytest.warns(Image.DecompressionBombWarning), Image.open(BytesIO(file)) as image:
        assert image.size == (10_000, 10_000)
    assert _why_not(file) == (
        "image: it is 10,000 x 10,000 pixels, which is 100,000,000; at most 4,000,000 are taken, such as 2,000 x 2,000: it is shown at 800 x 400"
    )


@pytest.mark.parametrize("kind", claiming(9, 9))
def test_the_header_alone_decides_on_the_size(kind):
    assert "it is 16,000 x 16,000 pixels" in _why_not(claiming(16_000, 16_000)[kind])
    assert "it is 2,000 x 2,001 pixels, which is 4,002,000" in _why_not(claiming(2_000, 2_001)[kind])
    assert "cannot be decoded" in _why_not(claiming(2_000, 2_000)[kind])


def test_a_picture_without_pixels():
    assert "this picture has no pixels" in _why_not(claiming(0x4000, 1)["webp, lossy"])
    assert "this picture has no pixels" in _why_not(png()[:16] + bytes(8) + png()[24:])


def test_a_thin_long_one_is_refused():
    assert "it is 40,000 x 1 pixels, which is 40,000; at most 4,000,000 are taken" in _why_not(claiming(40_000, 1)["png"])


def test_a_jpeg_of_thousands_of_layers_is_refused():
    whole = saved(noise(64, 64, "RGB"), "JPEG", progressive=True)
    assert redrawn(whole).width == 64
    scan = whole[whole.index(b"\xff\xda") : whole.index(b"\xff\xda") + 20]
    assert "it comes in more than 100 layers; save it once more as a plain JPEG" in _why_not(whole[:-2] + 3_000 * scan + b"\xff\xd9")


_MEASURED = """
import sys
from api.pictures import redrawn
from domain.errors import Invalid
files = [sys.stdin.buffer.read(int(size)) for size in sys.argv[1:]]
def most():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
before = most()
for file in files:
    try:
        redrawn(file)
    except Invalid:
        pass
print(most() - before)
"""


def _peak(*files: bytes) -> int:
    """By how many bytes the memory of a process grows at most when it is sent these."""
    sizes = [str(len(file)) for file in files]
    done = subprocess.run([sys.executable, "-c", _MEASURED, *sizes], input=b"".join(files), stdout=subprocess.PIPE, check=True)
    return int(done.stdout) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell the peak of a process's memory")
def test_memory_stays_bounded():
    """The large ones cost nothing but their own bytes; the largest that is taken costs a few times its pixels."""
    refused = _peak(bomb(10_000, 10_000), *claiming(16_000, 16_000).values())
    long = zlib.compress(bytes(1_000_000), 9)
    texts = b"".join(chunk(b"zTXt", b"key %d\0\0" % number + long) for number in range(60))
    chatty = _peak(png()[:33] + texts + png()[33:])
    largest = Image.effect_mandelbrot((2_000, 2_000), (-3, -2.5, 2, 2.5), 9).convert("RGBA")
    taken = {kind: _peak(saved(largest.convert(mode), kind)) for kind, mode in (("PNG", "RGBA"), ("JPEG", "CMYK"), ("WEBP", "RGBA"))}
    assert refused < 8 * MEGABYTE
    assert chatty < 8 * MEGABYTE
    assert all(MAX_PIXELS * 4 < peak < 100 * MEGABYTE for peak in taken.values()), taken
