"""A real browser for tests of what people look at: Debian's Chromium, driven by playwright."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}")


@contextmanager
def chromium(*more: str) -> Iterator[Browser]:
    """To be closed before anything else in this thread runs an event loop of its own. `more` are arguments besides."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *more])
        yield browser
        browser.close()


@contextmanager
def page(browser: Browser, width: int, scheme: str = "light", height: int = 900) -> Iterator[tuple[Page, list[str]]]:
    """A fresh page, and the addresses that it asks for, none of which it reaches."""
    asked: list[str] = []
    context = browser.new_context(viewport=ViewportSize(width=width, height=height), color_scheme=scheme)  # type: ignore[arg-type]
    opened = context.new_page()

    def refuse(route):
        asked.append(route.request.url)
        route.abort()

    opened.route("**/*", refuse)
    yield opened, asked
    context.close()
