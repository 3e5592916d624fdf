"""The console over HTTP: its door, its roles, its forms; what it shows is what the API answers, and what it does the API does."""

import hashlib
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.console.site import STATIC
from projections.console_sessions import IDLE, LONGEST
from projections.emails import outbox
from projections.work import give_back
from tests.api.running import Running, Thing, done

SITE = "https://tenure.example.edu"


class Browser:
    """What a browser does without JavaScript: follows links, fills forms in."""

    def __init__(self, running: Running, role: str | None = "support", account: Thing | None = None) -> None:
        self.running = running
        self.client = TestClient(running.app, base_url=SITE, follow_redirects=False, raise_server_exceptions=False)
        if role is not None:
            answer = self.client.post("/console/sign-in", data={"key": running.key(role, account)})
            assert answer.status_code == 303, answer.text

    def get(self, path: str, status: int = 200) -> str:
        self.running.catch_up()
        answer = self.client.get(path)
        assert answer.status_code == status, answer.text
        return answer.text

    def submit(self, page: str, action: str = "/console/do", **typed: str) -> Any:
        """Send the last form of a page with this action, with what stands in its hidden fields."""
        self.running.catch_up()
        form = page[page.rindex(f'action="{action}"') :]
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form)
        return self.client.post(action, data={unescape(name): unescape(value) for name, value in hidden} | typed)


def told(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


@pytest.fixture
def whole(running: Running) -> tuple[Running, Thing, Thing]:
    account, subscription = running.subscribed()
    running.issue(account)
    running.request_plan(subscription)
    running.settle()
    running.catch_up()
    return running, account, subscription


# the door


def test_whoever_is_not_signed_in_is_led_to_the_door_and_back(whole: tuple[Running, Thing, Thing]):
    running, account, _ = whole
    browser = Browser(running, None)
    wanted = f"/console/accounts/{account['id']}?at=2027-06-01"
    led = browser.client.get(wanted)
    assert led.status_code == 303
    page = browser.get(led.headers["location"])
    answer = browser.submit(page, "/console/sign-in", key=running.key("support"))
    assert (answer.status_code, answer.headers["location"]) == (303, wanted)
    assert "Massachusetts" in browser.get(answer.headers["location"])


def test_the_cookie_is_for_this_host_alone_and_no_script_reads_it(running: Running):
    answer = Browser(running, None).client.post("/console/sign-in", data={"key": running.key("support")})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-tenure=")
    assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure"} <= {part.strip() for part in cookie.split(";")[1:]}
    assert "domain" not in cookie.lower()


@pytest.mark.parametrize("key", ["", "tnk_no-such-key", "platform", "gateway"])
def test_no_key_opens_the_door_that_is_not_for_it(running: Running, key: str):
    secret = running.key(key) if key in {"platform", "gateway"} else key
    answer = Browser(running, None).client.post("/console/sign-in", data={"key": secret})
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "/v1/accounts", "javascript:alert(1)"])
def test_the_door_leads_nowhere_else(running: Running, elsewhere: str):
    answer = Browser(running, None).client.post("/console/sign-in", data={"key": running.key("support"), "next": elsewhere})
    assert answer.headers["location"] == "/console"


def test_a_session_ends_when_nobody_is_there_and_after_half_a_day(running: Running):
    browser = Browser(running)
    for _ in range(int(LONGEST / timedelta(minutes=50)) - 1):
        running.wait(minutes=50)
        browser.get("/console")
    running.wait(minutes=50)
    running.wait(minutes=50)
    browser.get("/console", 303)
    browser = Browser(running)
    running.wait(minutes=IDLE / timedelta(minutes=1))
    browser.get("/console", 303)


def test_a_key_that_is_revoked_ends_its_session(running: Running):
    browser = Browser(running)
    running.assembly.staff.revoke("support")
    browser.get("/console", 303)


def test_signing_out_ends_it(running: Running):
    browser = Browser(running)
    page = browser.get("/console")
    secret = browser.client.cookies["__Host-tenure"]
    assert browser.submit(page, "/console/sign-out", csrf=csrf(page)).status_code == 303
    browser.client.cookies.set("__Host-tenure", secret)
    browser.get("/console", 303)


def csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', page)
    assert found is not None
    return found[1]


def test_a_form_of_somewhere_else_is_refused(whole: tuple[Running, Thing, Thing]):
    running, _account, subscription = whole
    browser, head = Browser(running), running.assembly.store.log.max_notification_id()
    page = browser.get(f"/console/do?path=/v1/subscriptions/{subscription['id']}/renew")
    data = {"csrf": csrf(page), "path": f"/v1/subscriptions/{subscription['id']}/renew", "step": "confirm", "months": "12"}
    other = Browser(running)
    for given, headers in (
        (data | {"csrf": ""}, {}),
        (data | {"csrf": "0" * 64}, {}),
        (data | {"csrf": csrf(other.get("/console"))}, {}),
        (data, {"Origin": "https://evil.example"}),
        (data, {"Sec-Fetch-Site": "cross-site"}),
    ):
        assert browser.client.post("/console/do", data=given, headers=headers).status_code == 403
    assert running.assembly.store.log.max_notification_id() == head
    assert browser.client.post("/console/do", data=data, headers={"Origin": SITE, "Sec-Fetch-Site": "same-origin"}).status_code == 303


# pages


def pages(account: Thing, subscription: Thing) -> list[str]:
    of_it = f"/console/accounts/{account['id']}"
    return [
        "/console",
        "/console?q=nobody",
        of_it,
        f"{of_it}?at=2027-01-31T10:00:00Z",
        f"{of_it}?at=2028-03-01",
        f"{of_it}/compare",
        f"{of_it}/actions?subscription={subscription['id']}",
        f"/console/do?path=/v1/subscriptions/{subscription['id']}/renew",
        "/console/history",
        "/console/history/1",
        "/console/emails",
        "/console/why",
        "/console/machine-room",
    ]


def test_no_page_has_a_script_or_a_style_in_it(whole: tuple[Running, Thing, Thing]):
    running, account, subscription = whole
    browser = Browser(running)
    for path in [*pages(account, subscription), "/console/sign-in"]:
        page = browser.get(path)
        assert re.findall(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style|javascript:", page) == [], path
        assert not re.search(r'(src|href)="(https?:)?//', page), path
    headers = browser.client.get("/console").headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_what_is_not_ours_is_what_it_says(running: Running):
    lines = [line.split() for line in (STATIC / "VENDORED").read_text().splitlines() if not line.startswith("#")]
    assert {line[0] for line in lines} == {path.name for path in STATIC.iterdir() if ".min." in path.name}
    for name, _version, _licence, digest in lines:
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest
        assert (STATIC / f"{name.split('.')[0]}.LICENSE").exists()
    page = Browser(running).get("/console")
    for path in re.findall(r'(?:href|src)="(/console/static/[^"]+)"', page):
        answer = TestClient(running.app, base_url=SITE).get(path)
        assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True)
        assert TestClient(running.app, base_url=SITE).get(path.replace("/static/", "/static/0")).status_code == 404


def test_the_page_of_an_institution_says_how_things_are(whole: tuple[Running, Thing, Thing]):
    running, account, _subscription = whole
    said = told(Browser(running).get(f"/console/accounts/{account['id']}"))
    assert "The account is active ; the subscription is active , paid until 2028-01-15 00:00" in said
    for part in ("library@mit.edu", "18.0.0.0/9", "repository", "ada@mit.edu", "support activated the subscription", "1 active"):
        assert part in said
    assert "cut off (1 people, 1 tokens)" in said or "cut off (1 people" in said


def test_the_past_and_the_future_are_one_slider_away(whole: tuple[Running, Thing, Thing]):
    running, account, subscription = whole
    browser = Browser(running)
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/cancel", json={"when": "term_end"}))
    before = running.now
    running.wait(days=400)
    of_it = f"/console/accounts/{account['id']}"
    browser = Browser(running)
    now = told(browser.get(of_it))
    assert "the subscription is ended" in now
    then = told(browser.get(f"{of_it}?at={int(before.timestamp())}"))
    assert "As of" in then
    assert "the subscription is active" in then
    assert "What can be done" not in then
    later = told(browser.get(f"{of_it}?at={(running.now + timedelta(days=300)).isoformat().replace('+', '%2B')}"))
    assert "The future, until" in later
    browser.get(f"{of_it}?at=yesterday", 422)


def test_two_futures_side_by_side(whole: tuple[Running, Thing, Thing]):
    running, account, _ = whole
    said = told(Browser(running).get(f"/console/accounts/{account['id']}/compare?one=let-lapse&other=renew-in-grace"))
    lapse, grace = said.split("Renew in grace ", 1)[0], said.rsplit("Renew in grace", 1)[1]
    assert "Cut off on 2028-02-14" in lapse
    assert "Nobody is cut off." in grace


def test_a_search_finds_by_name_domain_address_and_id(whole: tuple[Running, Thing, Thing]):
    running, account, subscription = whole
    browser = Browser(running)
    for text in ("massachusetts", "mit.edu", "library@mit.edu"):
        assert account["id"] in browser.get(f"/console?q={text}")
    for thing in (account, subscription):
        assert browser.client.get(f"/console?q={thing['id']}").headers["location"] == f"/console/accounts/{account['id']}"
    assert "Nothing fits" in browser.get("/console?q=oxford")


def test_a_letter_is_shown_as_it_was_sent(whole: tuple[Running, Thing, Thing]):
    running, account, _ = whole
    browser = Browser(running)
    ids = re.findall(r'href="/console/emails/([0-9a-f-]{36})"', browser.get(f"/console/emails?account={account['id']}"))
    texts = {id: browser.get(f"/console/emails/{id}") for id in ids}
    sent = {str(each.message["Message-ID"]): each.message for each in running.catcher.messages}
    seen = 0
    for id, page in texts.items():
        found = re.search(r"<dt>Message-ID</dt><dd>([^<]+)</dd>", page)
        assert found is not None
        message = sent.get(unescape(found[1]))
        if message is None:
            assert "It went to nobody" in page
            continue
        seen += 1
        shown = re.search(r'<pre class="letter"[^>]*>(.*?)</pre>', page, re.DOTALL)
        assert shown is not None
        body = message.get_body(("plain",)).get_content().replace("\r\n", "\n")
        assert without_links(unescape(shown[1])).strip() == without_links(body).strip()
        frame = browser.client.get(f"/console/emails/{id}/html")
        assert "sandbox" in frame.headers["content-security-policy"]
        html = message.get_body(("html",)).get_content().replace("\r\n", "\n")
        assert without_links(frame.text).strip() == without_links(html).strip()
    assert seen == len(running.catcher.messages) > 3


def without_links(text: str) -> str:
    return re.sub(r"https://tenure\.example\.edu/(?:confirm|invitations|downloads|link-of)[^\s\"<]*", "LINK", text)


def test_the_machine_room_says_what_waits_and_lets_it_go(whole: tuple[Running, Thing, Thing]):
    running, account, _ = whole
    done(running.support.post(f"/v1/accounts/{account['id']}/suspend", json={}))
    running.catch_up()
    put_off(running, "451 4.7.1 come back later")
    browser = Browser(running)
    page = browser.get("/console/machine-room")
    assert "1 letters wait" in told(page)
    assert "account suspended , tried 1 times: 451 4.7.1 come back later" in told(page)
    assert "Try all of them now" not in Browser(running, "auditor").get("/console/machine-room")
    room = done(running.support.get("/v1/machine-room"))
    assert room["mail"]["put_off"][0]["again_at"] > room["now"]
    assert all(each["lag"] == 0 for each in room["followers"] if each["name"] != "reactions")
    running.settle()
    running.catch_up()
    assert running.letters("account-suspended") == []
    assert browser.submit(page, "/console/machine-room/try-mail").status_code == 303
    assert done(running.support.get("/v1/machine-room"))["mail"]["put_off"] == []
    running.settle()
    running.catch_up()
    assert running.letters("account-suspended") == [account["email"]]


def put_off(running: Running, answer: str) -> None:
    """As the sender does where a server does not take a letter yet."""
    now = running.now
    with running.assembly.database.writing() as connection:
        claimed = outbox.claim_pending(connection, owner="sender", now=now, real_now=running.assembly.real_clock.now(), limit=10)
        for written in claimed:
            give_back(connection, outbox.email_work, written.id, "sender", not_before=now + timedelta(hours=1), answer=answer)


def test_the_links_of_its_reader_are_not_shown_to_others(running: Running):
    account, subscription = running.subscribed()
    running.invite(subscription)
    running.settle()
    browser = Browser(running)
    page = browser.get(f"/console/emails?account={account['id']}&template=user-plan-invited")
    (id,) = re.findall(r'href="/console/emails/([0-9a-f-]{36})"', page)
    letter = browser.get(f"/console/emails/{id}")
    assert "/link-of-the-reader" in letter
    assert "/invitations/" not in letter
    assert "/invitations/" in str(running.catcher.messages[-1].message)


# roles


def test_an_auditor_sees_no_button(whole: tuple[Running, Thing, Thing]):
    running, account, subscription = whole
    browser = Browser(running, "auditor")
    assert "/console/do" not in browser.get(f"/console/accounts/{account['id']}")
    assert "Nothing, for your role" in browser.get(f"/console/accounts/{account['id']}/actions?subscription={subscription['id']}")
    browser.get(f"/console/do?path=/v1/subscriptions/{subscription['id']}/renew", 403)


def test_a_librarian_sees_the_own_institution_and_no_other(whole: tuple[Running, Thing, Thing]):
    running, account, subscription = whole
    other = running.another()
    running.settle()
    browser = Browser(running, "institution", account)
    assert browser.client.get("/console").headers["location"] == f"/console/accounts/{account['id']}"
    assert "ada@mit.edu" in browser.get(f"/console/accounts/{account['id']}")
    browser.get(f"/console/accounts/{other['id']}", 404)
    browser.get("/console/history", 403)
    offered = browser.get(f"/console/accounts/{account['id']}/actions?subscription={subscription['id']}")
    assert "/invitations" in offered
    assert "/renew&" not in offered


def test_what_is_read_is_on_record(whole: tuple[Running, Thing, Thing]):
    running, account, _ = whole
    Browser(running).get(f"/console/accounts/{account['id']}")
    reads = done(running.client("auditor").get("/v1/reads?limit=500"))["items"]
    assert {"GET /v1/accounts/{id}", "GET /v1/user-plans"} <= {read["operation"] for read in reads if read["actor"] == "support"}


# doing


def test_a_renewal_by_forms_alone(whole: tuple[Running, Thing, Thing]):
    running, account, subscription = whole
    browser, back = Browser(running), f"/console/accounts/{account['id']}"
    offered = browser.get(f"{back}/actions?subscription={subscription['id']}")
    link = next(unescape(each) for each in re.findall(r'href="(/console/do[^"]+)"', offered) if "/renew&" in unescape(each))
    form = browser.get(link)
    preview = browser.submit(form, **{"months": "24", "reason.code": "asked-by-institution"})
    assert preview.status_code == 200
    assert "support renewed the subscription to 2030-01-15" in told(preview.text)
    answer = browser.submit(preview.text, step="confirm")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{back}?done=renew&position=")
    assert "Done: renew." in told(browser.get(answer.headers["location"]))
    assert done(running.support.get(f"/v1/subscriptions/{subscription['id']}"))["paid_until"].startswith("2030-01-15")
    again = browser.submit(preview.text, step="confirm")
    assert again.status_code == 303, "the same confirmation twice is one renewal"
    assert len(done(running.support.get(f"/v1/subscriptions/{subscription['id']}"))["queued_terms"]) == 1


def test_an_error_stands_at_its_field_and_what_was_typed_is_kept(whole: tuple[Running, Thing, Thing]):
    running, account, _ = whole
    browser = Browser(running)
    form = browser.get(f"/console/do?path=/v1/accounts/{account['id']}/domains")
    answer = browser.submit(form, domain="gmail.com", **{"reason.text": "they asked"})
    assert answer.status_code == 422
    assert "gmail.com gives addresses to anybody" in told(answer.text)
    assert re.search(r'id="f-domain"[^>]*value="gmail.com"[^>]*aria-invalid="true"', answer.text)
    assert 'value="they asked"' in answer.text


def test_a_confirmation_fails_once_the_world_has_moved(whole: tuple[Running, Thing, Thing]):
    running, _account, subscription = whole
    browser = Browser(running)
    form = browser.get(f"/console/do?path=/v1/subscriptions/{subscription['id']}/cancel")
    preview = browser.submit(form, when="now")
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/renew", json={}))
    running.settle()
    answer = browser.submit(preview.text, step="confirm", when="now")
    assert answer.status_code == 412
    assert "moved on" in told(answer.text)
    assert done(running.support.get(f"/v1/subscriptions/{subscription['id']}"))["status"] == "active"


def test_the_secret_of_a_new_token_is_shown_once(whole: tuple[Running, Thing, Thing]):
    running, account, _ = whole
    browser = Browser(running, "admin")
    form = browser.get(f"/console/do?path=/v1/tokens&owner_id={account['id']}&back=/console/accounts/{account['id']}")
    preview = browser.submit(form, owner_id=account["id"], label="proxy")
    assert preview.status_code == 200, told(preview.text)
    answer = browser.submit(preview.text, step="confirm")
    assert "tnr_live_" in answer.text
    assert "tnr_live_" not in told(browser.submit(preview.text, step="confirm").text).replace("tnr_live_…", "")


def test_only_what_can_be_done_is_offered(running: Running):
    account = running.convert(running.nominate())
    subscription = running.open(account)
    running.settle()
    browser = Browser(running)
    offered = browser.get(f"/console/accounts/{account['id']}/actions?subscription={subscription['id']}")
    assert "/activate&" in offered
    for refused in ("/renew&", "/convert&", "/resume&", "/undo-cancellation&", "/account/reinstate&"):
        assert refused not in offered, refused
