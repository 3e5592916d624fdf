"""`make gallery`: docs/emails.md anew, with one small picture of every letter: as a telephone shows it by day, and a desk at night."""

from hashlib import sha256
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from projections.emails.gallery import document
from projections.emails.occasions import OCCASIONS
from projections.emails.preview import html, preview
from tests.chromium import CHROMIUM, Scheme, chromium, page

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "emails.md"
PICTURES = ROOT / "docs" / "emails"
MOST_BYTES = 1_500_000
"""Of all pictures together: they are part of the repository."""

Colour = tuple[int, int, int]
LOOKS: tuple[tuple[int, Scheme], ...] = ((375, "light"), (800, "dark"))
GAP: int = 16
GREY: Colour = (128, 128, 128)
_DESCRIPTION = 270  # the number that EXIF has for it


def _colour(code: str) -> Colour:
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:], 16)


def _palette(ground: str, around: str, line: str, *inks: str) -> Image.Image:
    """The colours of the layout, and those that the rounding of letters' edges makes of each ink on its ground."""
    below, above = _colour(ground), [_colour(ink) for ink in inks]
    colours = [below, _colour(around), _colour(line), *above, GREY]
    for ink in above:
        colours += [tuple(round(a * share + b * (1 - share)) for a, b in zip(ink, below, strict=True)) for share in (2 / 3, 1 / 3)]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in colours + [below] * (256 - len(colours)) for part in colour])
    return palette


_PALETTES: dict[Scheme, Image.Image] = {
    "light": _palette("#ffffff", "#f2f4f6", "#d9dfe5", "#1c2733", "#0b5cad", "#55616d"),
    "dark": _palette("#1a222b", "#10161c", "#3a4653", "#e4e9ee", "#8cc4ff", "#a9b4bf"),
}


def made_of(template: str) -> str:
    """Tells whether a picture shows the letter as it is now: fonts differ from machine to machine, its HTML does not."""
    return sha256(html(preview(template)).encode()).hexdigest()


def shown_by(picture: Path) -> str | None:
    """What the picture was made of."""
    if not picture.exists():
        return None
    with Image.open(picture) as opened:
        return opened.getexif().get(_DESCRIPTION)


def take_pictures(browser: Browser, folder: Path) -> None:
    """Of every letter that has changed; of what is no letter any more, none is left."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {folder / f"{template}.webp": template for template in OCCASIONS}
    for other in set(folder.iterdir()) - wanted.keys():
        other.unlink()
    stale = {path: template for path, template in wanted.items() if shown_by(path) != made_of(template)}
    looks: dict[Path, list[Image.Image]] = {path: [] for path in stale}
    for width, scheme in LOOKS:
        with page(browser, width, scheme, height=200) as (opened, _):
            for path, template in stale.items():
                opened.set_content(html(preview(template)))
                taken = Image.open(BytesIO(opened.screenshot(full_page=True))).convert("RGB")
                looks[path].append(taken.quantize(palette=_PALETTES[scheme], dither=Image.Dither.NONE).convert("RGB"))
    for path, template in stale.items():
        described = Image.Exif()
        described[_DESCRIPTION] = made_of(template)
        _side_by_side(looks[path]).save(path, lossless=True, quality=100, method=6, exif=described)


def _side_by_side(looks: list[Image.Image]) -> Image.Image:
    size = sum(each.width for each in looks) + GAP * (len(looks) - 1), max(each.height for each in looks)
    sheet, left = Image.new("RGB", size, GREY), 0
    for each in looks:
        sheet.paste(each, (left, 0))
        left += each.width + GAP
    return sheet


def main() -> None:
    DOCUMENT.write_text(document())
    print(DOCUMENT.relative_to(ROOT))
    if CHROMIUM.exists():
        with chromium() as browser:
            take_pictures(browser, PICTURES)
        print(PICTURES.relative_to(ROOT))
    else:
        print(f"no pictures: there is no {CHROMIUM}")


if __name__ == "__main__":
    main()
