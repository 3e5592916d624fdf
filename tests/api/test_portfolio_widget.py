"""The widget in a real browser: shown on the sites that the institution names and on no other; whatever it is given, nothing runs."""

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page

from api.portfolio_pages.pages import policy
from tests.api.attesting import attest, brand, send_image
from tests.api.running import Running, done
from tests.chromium import chromium, needs_chromium
from tests.hostile import ARCHIVE, DESCRIPTION, SCRIPT, png
from tests.processes import eventually

pytestmark = needs_chromium

OURS, NAMED, FOREIGN, EVIL = "tenure.example.edu", "library.example.edu", "elsewhere.example.org", "evil.example"
CERTIFICATE = Path(__file__).parent.parent / "scheduler" / "self_signed.pem"
Served = dict[str, tuple[Mapping[str, str], bytes]]


@contextmanager
def ours(running: Running) -> Iterator[int]:
    """The service, as it is, behind TLS."""
    config = uvicorn.Config(running.app, port=0, log_config=None, access_log=False, ssl_certfile=CERTIFICATE, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


@contextmanager
def others(served: Served, asked: list[str]) -> Iterator[int]:
    """Every other host: `served` has the headers and the body of each path; `asked` is told of each request."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.headers['Host']}{self.path}")
            headers, body = served.get(self.path, ({}, b""))
            self.send_response(200 if self.path in served else 204)
            for name, value in {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Watched:
    """A page, and all that would tell of something that ran in it."""

    page: Page
    said: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def nothing_ran(self) -> None:
        for frame in self.page.frames:
            assert frame.evaluate("typeof window.ran") == "undefined", frame.url
        assert "ran" not in self.said
        assert (self.dialogs, len(self.page.context.pages)) == ([], 1)


@contextmanager
def web(running: Running, served: Served, width: int = 900, scheme: str = "light") -> Iterator[tuple[Watched, list[str]]]:
    asked: list[str] = []
    with ours(running) as port, others(served, asked) as elsewhere:
        rules = f"--host-resolver-rules=MAP {OURS} 127.0.0.1:{port}, MAP * 127.0.0.1:{elsewhere}"
        with chromium(rules, "--ignore-certificate-errors") as browser:
            yield Watched(_page(browser, width, scheme)), asked


def _page(browser: Browser, width: int, scheme: Any) -> Page:
    return browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, ignore_https_errors=True).new_page()


def _holding(snippet: str) -> tuple[Mapping[str, str], bytes]:
    """A page of somebody's site with the snippet in it."""
    return {}, f"<!doctype html><title>A library</title><h1>A library</h1>{snippet}".encode()


def _prepared(running: Running, **given: Any) -> tuple[dict[str, Any], str]:
    """An attested portfolio with all branding, and the address of its picture."""
    account, _ = running.subscribed()
    image = done(send_image(running, account, png(400, 100) + SCRIPT), 201)
    text = {"description": "We write [a lot](https://library.example.edu/works)."} | given
    done(brand(running, account, frame_ancestors=[f"https://{NAMED}"], image_id=image["id"], **text))
    return attest(running, account), image["address"]


def test_the_widget_is_shown_on_the_site_that_is_named(on_sqlite: Running):
    portfolio, image = _prepared(on_sqlite)
    with web(on_sqlite, {"/": _holding(portfolio["widget"]["snippet"])}) as (watched, _):
        watched.page.goto(f"https://{NAMED}/", wait_until="load")
        frame = watched.page.frame_locator("iframe")
        frame.get_by_role("heading", name="Works of 2026").wait_for()
        assert frame.get_by_text("In force.").is_visible()
        assert frame.get_by_role("link", name="a lot").get_attribute("href") == "https://library.example.edu/works"
        picture = frame.get_by_role("img", name="Massachusetts Institute of Technology")
        assert picture.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") == 400
        assert image in watched.requests
        assert watched.page.locator("iframe").get_attribute("title") == "Attested portfolio: Works of 2026"
        watched.nothing_ran()
        assert watched.said == []


def test_the_widget_is_shown_nowhere_else(on_sqlite: Running):
    portfolio, _ = _prepared(on_sqlite)
    page = portfolio["widget"]["snippet"].replace("/widget", "")
    nested = _holding(f'<iframe src="https://{FOREIGN}/" width="600" height="600"></iframe>')
    with web(on_sqlite, {"/": _holding(portfolio["widget"]["snippet"]), "/page": _holding(page), "/nested": nested}) as (watched, _):
        for address in (
            f"https://{FOREIGN}/",
            f"https://{NAMED}/page",
            f"https://{NAMED}/nested",
            f"https://{NAMED}:8443/",
            f"https://www.{NAMED}/",
        ):
            watched.said.clear()
            watched.page.goto(address, wait_until="load")
            eventually(lambda: _shown(watched.page.frames[-1]) == "chrome-error://chromewebdata/")
            eventually(lambda: any("frame-ancestors" in said for said in watched.said) or watched.page.wait_for_timeout(20))
            assert not any("In force" in frame.content() for frame in watched.page.frames)


def _shown(frame: Any) -> str:
    frame.page.wait_for_timeout(10)  # lets the browser tell what has happened meanwhile
    return str(frame.url)


@pytest.mark.parametrize("what", ["", "/widget"])
def test_of_a_hostile_description_nothing_runs(on_sqlite: Running, what):
    portfolio, image = _prepared(on_sqlite, description=DESCRIPTION)
    address = f"https://{OURS}/portfolios/{portfolio['id']}{what}"
    served = {"/": _holding(portfolio["widget"]["snippet"])}
    with web(on_sqlite, served) as (watched, asked):
        watched.page.goto(address if not what else f"https://{NAMED}/", wait_until="networkidle")
        frame = watched.page.frames[-1]
        assert frame.url == address
        assert "window.ran" in frame.locator("body").inner_text()  # it is there to be read
        for link in frame.locator("a:not([href])").all():
            link.click(timeout=2_000)
        frame.locator("h1").hover()
        watched.nothing_ran()
        assert (frame.url, frame.title()) == (address, "Works of 2026: attested by Massachusetts Institute of Technology")
        expected = {address, image} if not what else {f"https://{NAMED}/", address, image}
        assert {url for url in watched.requests if not url.endswith("/favicon.ico")} == expected
        assert not any(EVIL in each for each in asked)
        assert watched.said == []


def test_the_policy_holds_even_if_nothing_had_been_cleaned(on_sqlite: Running):
    """The same headers around a page of raw markup that would do all it can; without them it does."""
    raw = f"""<!doctype html><title>Raw</title><body onload="window.ran = 1">{SCRIPT.decode()}
    <script>console.log("ran"); alert(1)</script><script src="https://{EVIL}/a.js"></script><link rel="stylesheet" href="https://{EVIL}/a.css">
    <style>body {{ background: url(https://{EVIL}/style.png) }}</style><p style="background: url(https://{EVIL}/inline.png)">x</p>
    <img src="https://{EVIL}/pixel.png" onerror="window.ran = 1"><svg onload="window.ran = 1"><script>window.ran = 1</script></svg>
    <iframe src="https://{EVIL}/frame"></iframe><iframe srcdoc="<script>parent.ran = 1</script>"></iframe>
    <object data="https://{EVIL}/object"></object><video src="https://{EVIL}/video"></video>
    <a id="link" href="javascript:window.ran = 1">link</a><form action="https://{EVIL}/form"><button id="send">send</button></form>
    {DESCRIPTION.replace("</main>", "").partition("<meta")[0]}""".encode()
    served: Served = {"/raw": (policy([f"https://{NAMED}"]), raw), "/bare": ({}, raw)}
    with web(on_sqlite, served) as (watched, asked):
        watched.page.goto(f"https://{FOREIGN}/bare", wait_until="networkidle")
        assert watched.page.evaluate("window.ran") == 1
        assert "ran" in watched.said
        assert any(each.startswith(EVIL) for each in asked)
        watched.page.goto("about:blank")
        for kept in (watched.said, watched.dialogs, watched.requests, asked):
            kept.clear()
        watched.page.goto(f"https://{FOREIGN}/raw", wait_until="networkidle")
        watched.page.locator("#link").click()
        watched.page.locator("#send").click()
        watched.page.wait_for_timeout(200)
        watched.nothing_ran()
        assert f"{FOREIGN}/raw" in asked
        assert {each.partition("/")[0] for each in asked} == {FOREIGN}
        assert watched.page.url == f"https://{FOREIGN}/raw"
        assert any("script" in said for said in watched.said)


def test_a_picture_that_was_two_things_is_a_picture_only(on_sqlite: Running):
    account, _ = on_sqlite.subscribed()
    image = done(send_image(on_sqlite, account, png(40, 40) + b"<!doctype html>" + SCRIPT + ARCHIVE), 201)
    held = _holding(f'<img src="{image["address"]}"><script src="{image["address"]}"></script><iframe src="{image["address"]}"></iframe>')
    with web(on_sqlite, {"/": held}) as (watched, _):
        watched.page.goto(image["address"], wait_until="networkidle")
        assert watched.page.evaluate("document.contentType") == "image/png"
        watched.nothing_ran()
        watched.page.goto(f"https://{FOREIGN}/", wait_until="networkidle")
        assert watched.page.evaluate("document.querySelector('img').naturalWidth") == 40
        watched.nothing_ran()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_its_style_is_in_force(on_sqlite: Running, scheme):
    portfolio, _ = _prepared(on_sqlite, description=f"# About\n\n{'x' * 300}\n\n    {'code ' * 60}\n")
    with web(on_sqlite, {}, width=375, scheme=scheme) as (watched, _):
        for what in ("", "/widget"):
            watched.page.goto(f"https://{OURS}/portfolios/{portfolio['id']}{what}", wait_until="load")
            assert watched.page.evaluate("document.documentElement.scrollWidth") == 375
            assert "system-ui" in watched.page.evaluate("getComputedStyle(document.body).fontFamily")
            background = watched.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
            assert background == (scheme == "dark")
            assert watched.said == []
