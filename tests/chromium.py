"""A real browser for tests of what people look at: Debian's Chromium, driven by playwright."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, Route, ViewportSize, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

Scheme = Literal["light", "dark"]

needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}")


@contextmanager
def chromium(*more: str) -> Iterator[Browser]:
    """To be closed before anything else in this thread runs an event loop of its own. `more` are arguments besides."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *more])
        yield browser
        browser.close()


@contextmanager
def page(
    browser: Browser, width: int, scheme: Scheme = "light", height: int = 900, *, reaching: tuple[str, ...] = ()
) -> Iterator[tuple[Page, list[str]]]:
    """A fresh page, and the addresses that it asks for; it reaches those alone that begin with one of `reaching`."""
    asked: list[str] = []
    context = browser.new_context(viewport=ViewportSize(width=width, height=height), color_scheme=scheme)
    opened = context.new_page()

    def met(route: Route) -> None:
        asked.append(route.request.url)
        if route.request.url.startswith(reaching):
            route.continue_()
        else:
            route.abort()

    opened.route("**/*", met)
    yield opened, asked
    context.close()
