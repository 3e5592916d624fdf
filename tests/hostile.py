"""Pictures and texts that mean harm, or only look like it."""

import struct
import zlib
from io import BytesIO

from PIL import Image

SCRIPT = b"<script>window.ran = 1; document.title = 'ran'</script>"
ARCHIVE = b"PK\x03\x04" + b"a.html" * 20 + b"PK\x05\x06" + bytes(18)

DESCRIPTION = """\
<script>window.ran = 1; console.log("ran")</script>
<svg onload="window.ran = 1"><img src=x onerror="window.ran = 1; fetch('https://evil.example/')">

[one](javascript:window.ran=1) [two](JaVaScRiPt:window.ran=1) [three](java&#x0A;script:window.ran=1)
[four](data:text/html;base64,PHNjcmlwdD53aW5kb3cucmFuPTE8L3NjcmlwdD4=) [five](vbscript:x) [six](//evil.example) [seven](/v1/accounts)
![picture](https://evil.example/pixel.png) ![picture](javascript:window.ran=1)
<https://evil.example/?<script>window.ran=1</script>> [eight](https://good.example.edu "x\\" onmouseover=\\"window.ran=1")
[nine]: javascript:window.ran=1
[nine] [![nested](data:image/svg+xml,<svg/onload=window.ran=1>)](javascript:window.ran=1)
`<img src=x onerror=window.ran=1>` <iframe srcdoc="<script>parent.ran=1</script>"></iframe> <base href="https://evil.example/">
<style>@import url(https://evil.example/a.css);</style><meta http-equiv="refresh" content="0;url=https://evil.example/">
<form action="https://evil.example/"><button>go</button></form> </main><math><mtext><table><mglyph><style><img src=x onerror=window.ran=1>

# A heading <img src=x onerror=window.ran=1>

```html
<script>window.ran = 1</script>
```
"""


def png(width: int = 40, height: int = 20, mode: str = "RGB", **how: object) -> bytes:
    return saved(Image.new(mode, (width, height)), "PNG", **how)


def saved(image: Image.Image, kind: str, **how: object) -> bytes:
    out = BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def noise(width: int, height: int, mode: str = "RGBA") -> Image.Image:
    """What no format makes smaller, in every pixel."""
    return Image.effect_noise((width, height), 90).convert(mode)


def bomb(width: int, height: int) -> bytes:
    """A whole PNG of so many pixels, all of one colour, in a few kilobytes."""
    row = b"\x00" + bytes((width + 7) // 8)
    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def claiming(width: int, height: int) -> dict[str, bytes]:
    """Files whose headers say that they are so large, and that hold next to nothing."""
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    lossless = struct.pack("<I", (width - 1) | (height - 1) << 14)
    return {
        "png": b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)) + chunk(b"IDAT", b""),
        "jpeg": b"\xff\xd8\xff\xe0\x00\x02\xff\xc0\x00\x0b\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00",
        "webp, extended": b"RIFF\x1e\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00" + canvas,
        "webp, lossless": b"RIFF\x1e\x00\x00\x00WEBPVP8L\x05\x00\x00\x00\x2f" + lossless,
        "webp, lossy": b"RIFF\x1e\x00\x00\x00WEBPVP8 \x0a\x00\x00\x00\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", width, height),
    }
