"""The public pages of a portfolio: who sees them, what they say of it, and the headers by which nothing in them runs."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from uuid import uuid4

import pytest

from api.portfolio_pages.markdown import RELATION, TAGS, as_html
from api.portfolio_pages.pages import policy
from domain.values import is_safe_link
from tests.api.attesting import SITE, attest, brand, path_of, send_image
from tests.api.running import Running, done, refused
from tests.hostile import DESCRIPTION, SCRIPT


def _seen(running: Running, portfolio, what=""):
    answer = running.client(None).get(f"/portfolios/{portfolio['id']}{what}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer


def _words(answer) -> str:
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]*>", " ", answer.text, flags=re.DOTALL).split())


class Elements(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_a_page_says_what_is_attested_by_whom_since_when_with_its_evidence(running: Running):
    account, _ = running.subscribed()
    portfolio = attest(running, account, mode="dynamic", query="affiliation:<MIT>")
    words = _words(_seen(running, portfolio))
    for each in (
        "Massachusetts Institute of Technology: attested portfolio Works of 2026",
        "In force. Attested on 31 January 2027, 05:00 (America/New_York).",
        "The institution attests that these works were written by its people.",
        "Attested by The director of the library, for Massachusetts Institute of Technology.",
        "whatever this query finds on the day it is read: affiliation:&lt;MIT&gt;",
        f"account.portfolio-attested 31 January 2027, 05:00 (America/New_York) {portfolio['evidence'][0]['position']}",
        portfolio["id"],
    ):
        assert each in words
    small = _words(_seen(running, portfolio, "/widget"))
    assert "Works of 2026 In force. Attested on 31 January 2027, 05:00 (America/New_York)." in small
    assert f'href="https://tenure.example.edu/portfolios/{portfolio["id"]}"' in _seen(running, portfolio, "/widget").text


@pytest.mark.parametrize("what", ["", "/widget"])
def test_a_lapse_and_a_withdrawal_are_said_plainly_with_their_dates(running: Running, what):
    account, subscription = running.subscribed()
    portfolio = attest(running, account)
    done(brand(running, account, description="Our own words"))
    assert "Our own words" in _words(_seen(running, portfolio, what))
    running.advance("2028-03-20T00:00:00Z")
    words = _words(_seen(running, portfolio, what))
    assert "Not in force. The institution attested this on 31 January 2027, 05:00 (America/New_York)." in words
    assert "It has not been in force since 14 February 2028, 00:00 (America/New_York)." in words
    assert "Our own words" not in words
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/reinstate", json={"mode": "fresh"}))
    assert "In force. Attested on" in _words(_seen(running, portfolio, what))
    running.advance("2028-07-01T12:00:00Z")
    done(running.support.post(f"{path_of(portfolio)}/withdraw"))
    words = _words(_seen(running, portfolio, what))
    assert "and withdrew it on 1 July 2028, 08:00 (America/New_York). It no longer says so." in words
    assert "In force" not in words


def test_without_a_known_date_none_is_made_up(on_sqlite: Running):
    account, _ = on_sqlite.subscribed()
    portfolio = attest(on_sqlite, account)
    done(on_sqlite.support.post(f"/v1/accounts/{account['id']}/suspend"))
    assert "It has not been in force of late." in _words(_seen(on_sqlite, portfolio))


def test_what_the_public_does_not_see_is_not_there(running: Running):
    account, _ = running.subscribed()
    public, internal = attest(running, account), attest(running, account, visibility="internal", address="https://www.lens.org/2")
    assert (internal["page"], internal["widget"]) == (None, None)
    nobody = running.client(None)

    def gone(portfolio):
        for what in ("", "/widget"):
            refused(nobody.get(f"/portfolios/{portfolio['id']}{what}"), 404, "not-found")

    gone(internal)
    gone({"id": uuid4()})
    gone(account)
    refused(nobody.get("/portfolios/images/" + "ab" * 32), 404, "not-found")
    refused(nobody.get("/portfolios/images/x.png"), 422, "invalid-request")
    done(running.support.post(f"{path_of(public)}/amend", json={"visibility": "internal"}))
    gone(public)
    done(running.support.post(f"{path_of(public)}/amend", json={"visibility": "public"}))
    _seen(running, public)
    done(running.support.post(f"{path_of(public)}/withdraw"))
    running.wait(days=364)
    _seen(running, public)
    running.wait(days=1)
    gone(public)


def test_a_closed_account_shows_nothing(running: Running):
    account, subscription = running.subscribed()
    portfolio = attest(running, account)
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/cancel", json={"when": "now"}))
    done(running.support.post(f"/v1/accounts/{account['id']}/close"))
    refused(running.client(None).get(f"/portfolios/{portfolio['id']}"), 404, "not-found")


def test_the_headers_let_nothing_run_and_only_the_named_sites_hold_the_widget(on_sqlite: Running):
    account, _ = on_sqlite.subscribed()
    portfolio = attest(on_sqlite, account)
    page, small = _seen(on_sqlite, portfolio), _seen(on_sqlite, portfolio, "/widget")
    style = page.text.partition("<style>")[2].partition("</style>")[0]
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    expected = (
        "default-src 'none'; img-src 'self'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors %s; sandbox allow-popups allow-popups-to-escape-sandbox"
    )
    assert page.headers["content-security-policy"] == small.headers["content-security-policy"] == expected % (hashed, "'none'")
    assert (page.headers["cross-origin-resource-policy"], page.headers["x-frame-options"]) == ("same-origin", "DENY")
    assert (small.headers["cross-origin-resource-policy"], "x-frame-options" in small.headers) == ("cross-origin", False)
    for answer in (page, small):
        assert (answer.headers["x-content-type-options"], answer.headers["referrer-policy"]) == ("nosniff", "no-referrer")
        assert answer.headers["cache-control"] == "public, max-age=60"
    done(brand(on_sqlite, account, frame_ancestors=[SITE, "https://www.mit.edu:8443"]))
    small = _seen(on_sqlite, portfolio, "/widget")
    assert small.headers["content-security-policy"] == expected % (hashed, f"{SITE} https://www.mit.edu:8443")
    assert _seen(on_sqlite, portfolio).headers["content-security-policy"] == expected % (hashed, "'none'")


ALLOWED_HERE = {"html", "head", "meta", "title", "style", "body", "header", "main", "img", "h1", "h2", "div", "table", "thead", "tbody"} | {
    "tr",
    "th",
    "td",
}


@pytest.mark.parametrize("what", ["", "/widget"])
def test_of_hostile_words_only_words_are_left(on_sqlite: Running, what):
    account, _ = on_sqlite.subscribed()
    hostile = {
        name: f'{name} "><script>window.ran=1</script><img src=x onerror=window.ran=1>' for name in ("name", "statement", "attested_by")
    }
    portfolio = attest(on_sqlite, account, mode="dynamic", query="</pre><script>window.ran=1</script>", **hostile)
    image = done(send_image(on_sqlite, account), 201)
    done(brand(on_sqlite, account, description=DESCRIPTION, image_id=image["id"]))
    done(on_sqlite.support.post(f"/v1/accounts/{account['id']}/amend", json={"institution": SCRIPT.decode()}))
    found = Elements(_seen(on_sqlite, portfolio, what).text).found
    assert {tag for tag, _ in found} <= ALLOWED_HERE | TAGS
    for tag, attributes in found:
        assert not any(name.startswith("on") or name in {"style", "srcdoc", "id"} for name in attributes), attributes
        if tag == "a" and "href" in attributes:
            assert is_safe_link(attributes["href"]) and attributes["target"] == "_blank" and "noopener" in attributes["rel"]
    assert [attributes["src"] for tag, attributes in found if tag == "img"] == [f"/portfolios/images/{image['id']}"]
    assert sum(tag == "style" for tag, _ in found) == 1


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*a* **b** `c`", "<p><em>a</em> <strong>b</strong> <code>c</code></p>\n"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ("# a\n\n### b", "<h3>a</h3>\n<h4>b</h4>\n"),
        ("[a](https://a.edu)", f'<p><a href="https://a.edu" target="_blank" rel="{RELATION}">a</a></p>\n'),
        ("[a](http://a.edu)", f'<p><a rel="{RELATION}" target="_blank">a</a></p>\n'),
        ("[a](/v1)", f'<p><a rel="{RELATION}" target="_blank">a</a></p>\n'),
        ("[a](//evil.example)", f'<p><a rel="{RELATION}" target="_blank">a</a></p>\n'),
        ("[a](https://b@evil.example)", f'<p><a rel="{RELATION}" target="_blank">a</a></p>\n'),
        ("[a](javascript:b)", "<p>[a](javascript:b)</p>\n"),
        ("<b onclick=x>a</b>", "<p>&lt;b onclick=x&gt;a&lt;/b&gt;</p>\n"),
        ("a & b", "<p>a &amp; b</p>\n"),
        ("", ""),
    ],
)
def test_what_becomes_of_markdown(text, html):
    """Attributes come in no order of their own."""
    made = str(as_html(text)).replace(f'rel="{RELATION}" target="_blank"', "?").replace(f'target="_blank" rel="{RELATION}"', "?")
    assert made == html.replace(f'rel="{RELATION}" target="_blank"', "?").replace(f'target="_blank" rel="{RELATION}"', "?")


def test_no_depth_of_nesting_takes_long():
    for text in (">" * 5_000, "[" * 5_000, "*" * 5_000, "[a](" * 1_250, "- " * 2_500, "`" * 4_999, "![[" * 1_600):
        assert len(as_html(text)) < 100_000


def test_a_policy_without_sites_names_none():
    assert "frame-ancestors 'none';" in policy()["Content-Security-Policy"]
    assert f"frame-ancestors {SITE};" in policy([SITE])["Content-Security-Policy"]
