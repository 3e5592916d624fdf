"""The console in a real browser: its story by clicks, with and without JavaScript, and by keys alone; and axe finds nothing on any page."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.api.running import Running, Thing, done
from tests.api.test_console import pages
from tests.api.test_portfolio_widget import OURS, ours
from tests.chromium import chromium, needs_chromium

pytestmark = needs_chromium

SITE = f"https://{OURS}"


@contextmanager
def browsing(running: Running) -> Iterator[Browser]:
    with ours(running) as port, chromium(f"--host-resolver-rules=MAP {OURS} 127.0.0.1:{port}", "--ignore-certificate-errors") as browser:
        yield browser


def opened(browser: Browser, **given: Any) -> Page:
    page = browser.new_context(viewport={"width": 1100, "height": 900}, ignore_https_errors=True, **given).new_page()
    page.set_default_timeout(20_000)
    return page


def sign_in(page: Page, running: Running, role: str = "support") -> None:
    page.goto(f"{SITE}/console")
    page.get_by_label("Your key").fill(running.key(role))
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Institutions").wait_for()


def prepared(running: Running) -> tuple[Thing, Thing]:
    account = running.convert(running.nominate())
    subscription = running.open(account)
    running.settle()
    running.catch_up()
    return account, subscription


def command(page: Page, name: str) -> None:
    page.get_by_role("link", name="What can be done").click()
    page.get_by_role("link", name=name).first.click()


def confirm(page: Page) -> None:
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_load_state()
    assert page.locator(".said").count() == 1, page.get_by_role("main").inner_text()


@pytest.mark.parametrize("javascript", [True, False])
def test_an_institution_is_activated_renewed_and_looked_at_in_time(on_sqlite: Running, javascript: bool):
    running = on_sqlite
    _account, subscription = prepared(running)
    said: list[str] = []
    with running.following(), browsing(running) as browser:
        page = opened(browser, java_script_enabled=javascript)
        page.on("console", lambda message: said.append(message.text))
        sign_in(page, running)
        page.get_by_role("main").get_by_label("Name, domain, address or id").fill("mit.edu")
        page.get_by_role("main").get_by_role("button", name="Find").click()
        page.get_by_role("link", name="Massachusetts Institute of Technology").click()
        command(page, "Activate")
        confirm(page)
        assert "the subscription is active" in page.get_by_role("main").inner_text()
        command(page, "Renew")
        page.get_by_label("Months").fill("24")
        page.get_by_label("Reason").select_option("asked-by-institution")
        page.get_by_role("button", name="Preview").click()
        assert "renewed the subscription to 2030-01-15" in page.get_by_role("main").inner_text()
        page.get_by_role("button", name="Change it").click()
        assert page.get_by_label("Months").input_value() == "24"
        confirm(page)
        assert "paid until 2030-01-15" in page.get_by_role("main").inner_text()
        if javascript:
            ahead = int((running.now + timedelta(days=200)).timestamp())
            page.locator("input[type=range]").evaluate(
                "(slider, at) => { slider.value = at; slider.dispatchEvent(new Event('input', {bubbles: true})); }", ahead
            )
            assert page.locator("#slider-told").inner_text() == (running.now + timedelta(days=200)).strftime("%Y-%m-%d")
            page.locator("input[type=range]").dispatch_event("change")
        else:
            page.get_by_label("Or a day").fill((running.now + timedelta(days=200)).strftime("%Y-%m-%dT%H:%M"))
            page.get_by_role("button", name="Look").last.click()
        page.get_by_role("note").wait_for()
        assert "The future, until" in page.get_by_role("note").inner_text()
        page.get_by_role("link", name="Back to the present").click()
        page.get_by_role("link", name="Compare two futures").click()
        assert "Nobody is cut off." in page.get_by_role("main").inner_text()
    assert said == []
    assert done(running.support.get(f"/v1/subscriptions/{subscription['id']}"))["paid_until"].startswith("2030-01-15")


def to(page: Page, name: str) -> None:
    """Go on by the tabulator until what has this name has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        here = page.evaluate(
            "() => { const e = document.activeElement; return (e.labels && e.labels[0] ? e.labels[0].innerText : e.innerText || '').trim(); }"
        )
        if here.startswith(name):
            return
    raise AssertionError(f"no way to {name} with the keyboard")


def test_by_keys_alone(on_sqlite: Running):
    running = on_sqlite
    prepared(running)
    with running.following(), browsing(running) as browser:
        page = opened(browser)
        page.goto(f"{SITE}/console")
        page.keyboard.type(running.key("support"))  # the field has the focus
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Institutions").wait_for()
        page.keyboard.press("/")
        page.keyboard.type("mit.edu")
        page.keyboard.press("Enter")
        page.get_by_role("cell", name="active").wait_for()
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        for what in ("Activate", "Renew"):
            page.get_by_role("link", name="What can be done").wait_for()
            to(page, "What can be done")
            page.keyboard.press("Enter")
            page.get_by_role("heading", name="What can be done").wait_for()
            to(page, what)
            page.keyboard.press("Enter")
            page.get_by_role("button", name="Preview").wait_for()
            to(page, "Preview")
            page.keyboard.press("Enter")
            page.get_by_role("button", name="Confirm").wait_for()
            to(page, "Confirm")
            page.keyboard.press("Enter")
            page.locator(".said").wait_for()
        assert "paid until 2029-01-15" in page.get_by_role("main").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(on_sqlite: Running, scheme: Any):
    running = on_sqlite
    account, subscription = running.subscribed()
    running.issue(account)
    running.request_plan(subscription)
    running.settle()
    running.catch_up()
    letter = done(running.support.get("/v1/emails"))["items"][0]["id"]
    found: dict[str, str] = {}
    with running.following(), browsing(running) as browser:
        page = opened(browser, color_scheme=scheme)
        page.goto(f"{SITE}/console/sign-in")
        found["sign-in"] = Axe().run(page).generate_report()
        sign_in(page, running, "admin")
        for path in [*pages(account, subscription), f"/console/emails/{letter}"]:
            page.goto(f"{SITE}{path}")
            results = Axe().run(page)
            if results.violations_count:
                found[path] = results.generate_report()
    found.pop("sign-in") if "Found 0" in found["sign-in"] else None
    assert found == {}, "\n".join(found.values())
