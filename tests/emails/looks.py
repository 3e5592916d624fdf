"""What a page looks like to the eye, measured in the browser: size, contrast, and what sticks out."""

from typing import Any

from playwright.sync_api import Page

_MEASURE = """() => {
  const parse = text => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n };
  const over = (top, bottom) => [0, 1, 2].map(i => top[i] * top[3] + bottom[i] * (1 - top[3])).concat(1);
  const behind = element => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
    const canvas = matchMedia("(prefers-color-scheme: dark)").matches ? [0, 0, 0, 1] : [255, 255, 255, 1];
    return layers.reverse().reduce((under, layer) => over(layer, under), canvas);
  };
  const luminance = color => {
    const [r, g, b] = color.slice(0, 3).map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement, style = getComputedStyle(element);
    if (!text || style.visibility === "hidden" || !element.getClientRects().length) continue;
    const under = behind(element), [a, b] = [luminance(over(parse(style.color), under)), luminance(under)];
    texts.push({text, pixels: parseFloat(style.fontSize), contrast: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)});
  }
  const outside = [...document.body.querySelectorAll("*")].filter(element => {
    const box = element.getBoundingClientRect();
    return box.width && (box.left < -0.5 || box.right > innerWidth + 0.5);
  });
  return {
    texts,
    links: [...document.querySelectorAll("a")].map(each => each.getAttribute("href")),
    darkness: 1 - luminance(behind(document.body.querySelector(".letter") ?? document.body)),
    scrolls: document.documentElement.scrollWidth > innerWidth,
    outside: outside.map(element => element.outerHTML.slice(0, 80)),
    empty: [...document.querySelectorAll("p, li, ul, h1, bdi, strong")].filter(each => !each.textContent.trim()).length,
    scripts: document.querySelectorAll("script, iframe, object, embed").length
      + [...document.querySelectorAll("*")].flatMap(each => [...each.attributes])
        .filter(each => each.name.startsWith("on") || /^\\s*javascript:/i.test(each.value)).length,
  };
}"""

SMALLEST, CONTRAST = 12, 4.5


def measured(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(_MEASURE)
    return found


def links(page: Page) -> list[str]:
    """The addresses as they are written."""
    found: list[str] = measured(page)["links"]
    return found


def darkness(page: Page) -> float:
    """Of the ground of a letter: 0 is white, 1 is black."""
    found: float = measured(page)["darkness"]
    return found


def faults(page: Page) -> list[str]:
    """What somebody could not read, or should not have been sent."""
    found = measured(page)
    wrong = [f"{each['pixels']} px: {each['text']}" for each in found["texts"] if each["pixels"] < SMALLEST]
    wrong += [f"contrast {each['contrast']:.2f}: {each['text']}" for each in found["texts"] if each["contrast"] < CONTRAST]
    wrong += [f"sticks out: {each}" for each in found["outside"]]
    wrong += ["it scrolls sideways"] if found["scrolls"] else []
    wrong += [f"{found['empty']} empty elements"] if found["empty"] else []
    wrong += [f"{found['scripts']} scripts"] if found["scripts"] else []
    return wrong or ([] if found["texts"] else ["nothing to read"])
