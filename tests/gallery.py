"""`make gallery`: writes docs/emails.md anew, and a picture of every letter, narrow and wide, by day and by night, to build/gallery/."""

from html import escape
from itertools import product
from pathlib import Path

from projections.emails.gallery import document
from projections.emails.occasions import OCCASIONS
from projections.emails.preview import html, plain, preview
from tests.chromium import CHROMIUM, chromium, page

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "emails.md"
PICTURES = ROOT / "build" / "gallery"
LOOKS = tuple(product((375, 800), ("light", "dark")))


def take_pictures(folder: Path) -> Path:
    """The page that shows them all."""
    folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for width, scheme in LOOKS:
            with page(browser, width, scheme, height=200) as (opened, _):
                for template in OCCASIONS:
                    opened.set_content(html(preview(template)))
                    opened.screenshot(path=folder / f"{template}-{width}-{scheme}.png", full_page=True)
    index = folder / "index.html"
    index.write_text(_index())
    return index


def _index() -> str:
    rows = "".join(
        f"<h2>{template}</h2><p>{escape(str(preview(template)['Subject']))}</p><div>"
        + "".join(f'<img loading="lazy" alt="" src="{template}-{width}-{scheme}.png">' for width, scheme in LOOKS)
        + f"<pre>{escape(plain(preview(template)))}</pre></div>"
        for template in OCCASIONS
    )
    style = "body{font:16px sans-serif;background:#888}div{display:flex;gap:1rem;align-items:start}pre{background:#fff;padding:1rem}"
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Every email</title><style>{style}</style>{rows}</html>'


def main() -> None:
    DOCUMENT.write_text(document())
    print(DOCUMENT.relative_to(ROOT))
    if CHROMIUM.exists():
        print(take_pictures(PICTURES).relative_to(ROOT))
    else:
        print(f"no pictures: there is no {CHROMIUM}")


if __name__ == "__main__":
    main()
