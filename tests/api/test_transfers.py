"""Handing a contact over: looking at the link does nothing, confirming works once."""

import re

from tests.api.running import LIBRARY, Running, Thing, done, refused

NEW = "office@mit.edu"


def _link(running: Running, recipient: str = NEW) -> str:
    """The path of the confirmation link in the last letter to a mailbox."""
    letters = [caught for caught in running.catcher.messages if caught.recipient == recipient]
    text = letters[-1].message.get_body(("plain",)).get_content()
    return re.search(r"https://tenure\.example\.edu(/confirm/[\w-]+)", text)[1]


def confirmed_transfer(running: Running, account: Thing) -> None:
    """Another mailbox takes the place of the account's, one minute later."""
    asked = running.support.post(f"/v1/accounts/{account['id']}/contact-transfers", json={"email": NEW})
    running.advance("2027-01-31T10:01:00Z")
    assert done(asked)["contact_transfer"]["email"] == NEW
    assert running.client(None).post(_link(running)).status_code == 200


def _asked(running: Running) -> tuple[dict, str]:
    account = running.convert(running.nominate())
    asked = running.support.post(f"/v1/accounts/{account['id']}/contact-transfers", json={"email": NEW, "contact_name": "The office"})
    running.advance("2027-01-31T10:01:00Z")
    return done(asked), _link(running)


def test_the_new_mailbox_confirms_itself_once(running: Running):
    account, link = _asked(running)
    assert account["contact_transfer"]["email"] == NEW
    assert account["email"] == LIBRARY
    told = {(caught.recipient, caught.message["X-Tenure-Template"]) for caught in running.catcher.messages}
    assert (NEW, "contact-transfer-confirm") in told
    anybody = running.client(None)
    for _ in range(2):
        shown = anybody.get(link)
        assert (shown.status_code, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert '<form method="post">' in shown.text
        assert NEW in shown.text
    unchanged = done(running.support.get(f"/v1/accounts/{account['id']}"))
    assert (unchanged["email"], unchanged["version"]) == (LIBRARY, account["version"])

    confirmed = anybody.post(link)
    assert (confirmed.status_code, "Confirmed" in confirmed.text) == (200, True)
    after = done(running.support.get(f"/v1/accounts/{account['id']}"))
    assert (after["email"], after["contact_transfer"]) == (NEW, None)
    again = anybody.post(link)
    assert again.status_code in {200, 410}
    assert "<form" not in anybody.get(link).text
    assert done(running.support.get(f"/v1/accounts/{account['id']}"))["version"] == after["version"]


def test_a_page_that_nothing_leads_away_from(on_sqlite: Running):
    _, link = _asked(on_sqlite)
    shown = on_sqlite.client(None).get(link)
    assert shown.headers["referrer-policy"] == "no-referrer"
    assert shown.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in shown.headers["content-security-policy"]


def test_a_name_on_the_page_is_text(on_sqlite: Running):
    account = on_sqlite.convert(on_sqlite.nominate(institution='<img src=x onerror="alert(1)">'))
    done(on_sqlite.support.post(f"/v1/accounts/{account['id']}/contact-transfers", json={"email": NEW}))
    on_sqlite.advance("2027-01-31T10:01:00Z")
    assert "<img" not in on_sqlite.client(None).get(_link(on_sqlite)).text


def test_a_cancelled_transfer_is_over(running: Running):
    account, link = _asked(running)
    transfer = account["contact_transfer"]["id"]
    done(running.support.post(f"/v1/accounts/{account['id']}/contact-transfers/{transfer}/cancel"))
    assert running.client(None).get(link).status_code == 410
    assert running.client(None).post(link).status_code == 410


def test_a_link_is_over_after_seven_days(running: Running):
    account, link = _asked(running)
    running.advance("2027-02-07T09:59:59Z")
    assert running.client(None).get(link).status_code == 200
    running.advance("2027-02-07T10:00:00Z")
    assert running.client(None).post(link).status_code == 410
    assert done(running.support.get(f"/v1/accounts/{account['id']}"))["email"] == LIBRARY


def test_a_link_that_is_not_ours(running: Running):
    _, link = _asked(running)
    forged = link[:-4] + ("AAAA" if not link.endswith("AAAA") else "BBBB")
    for path in (forged, link[:-1], "/confirm/x", "/confirm/%00", "/confirm/%ff%fe", f"{link}=", "/confirm/" + "A" * 5_000):
        for answer in (running.client(None).get(path), running.client(None).post(path)):
            refused(answer, 422, "invalid-link")
