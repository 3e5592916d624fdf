"""The announcement kit over HTTP: an institution's own facts, for its librarian and for staff, and only while there is something to tell."""

import re
from xml.etree import ElementTree as ET

from tests.api.running import Running, done, refused

PARTS = {"text": "text/plain", "guide": "text/html", "poster.svg": "image/svg+xml"}


def kit(account):
    return f"/v1/accounts/{account['id']}/announcement-kit"


def test_a_librarian_has_the_kit_filled_with_the_institutions_own_facts(running: Running):
    account, _ = running.subscribed()
    running.settle()
    librarian = running.client("institution", account=account)
    shown = done(librarian.get(kit(account)))
    assert shown["institution"] == "Massachusetts Institute of Technology"
    assert shown["domains"] == ["mit.edu"]
    assert shown["sign_up"] == "https://tenure.example.edu"
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", shown["last_day"])
    assert not shown["told"]
    assert "@mit.edu" in shown["text"]
    assert "5,000 requests per month" in shown["text"]
    for name, kind in PARTS.items():
        part = librarian.get(f"{kit(account)}/{name}")
        assert part.status_code == 200
        assert part.headers["content-type"].startswith(kind)
        assert part.headers["content-security-policy"].startswith("default-src 'none';")
        assert "unsafe" not in part.headers["content-security-policy"]
        assert part.headers["x-content-type-options"] == "nosniff"
        assert "Massachusetts Institute of Technology" in " ".join(part.text.split())
    text = librarian.get(shown["text_path"]).text
    assert text == f"Subject: {shown['subject']}\n\n{shown['text']}"
    ET.fromstring(librarian.get(shown["poster_path"]).text)


def test_telling_is_one_request_and_the_kit_says_which(on_sqlite: Running):
    account, _ = on_sqlite.subscribed()
    on_sqlite.settle()
    librarian = on_sqlite.client("institution", account=account)
    tell = done(librarian.get(kit(account)))["tell"]
    done(librarian.request(tell["method"], tell["path"]))
    assert done(librarian.get(kit(account)))["told"]


def test_only_a_mailbox_that_says_it_is_shared_stands_in_it(on_sqlite: Running):
    account = on_sqlite.nominate()
    on_sqlite.advance("2027-01-31T10:01:00Z")
    on_sqlite.activate(on_sqlite.open(on_sqlite.convert(account)))
    assert done(on_sqlite.support.get(kit(account)))["mailbox"] is None
    letter = next(each.message for each in on_sqlite.catcher.messages if each.message["X-Tenure-Template"] == "account-nominated")
    link = re.search(r"(/confirm/[\w-]+)", letter.get_body(("plain",)).get_content())[1]
    assert on_sqlite.client(None).post(f"{link}?mailbox=shared").status_code == 200
    shown = done(on_sqlite.support.get(kit(account)))
    assert shown["mailbox"] == "library@mit.edu"
    for name in PARTS:
        assert "library@mit.edu" in on_sqlite.support.get(f"{kit(account)}/{name}").text


def test_while_there_is_nothing_to_announce_it_says_why(on_sqlite: Running):
    account = on_sqlite.nominate()
    parts = [kit(account), *(f"{kit(account)}/{name}" for name in PARTS)]
    for path in parts:
        assert "the account is nominated" in refused(on_sqlite.support.get(path), 409, "nothing-to-announce")["detail"]
    on_sqlite.convert(account)
    assert "no subscription" in refused(on_sqlite.support.get(parts[0]), 409, "nothing-to-announce")["detail"]
    subscription = on_sqlite.open(account)
    assert "pending" in refused(on_sqlite.support.get(parts[0]), 409, "nothing-to-announce")["detail"]
    on_sqlite.activate(subscription)
    done(on_sqlite.support.get(parts[0]))
    done(on_sqlite.support.post(f"/v1/accounts/{account['id']}/suspend", json={}))
    assert "suspended" in refused(on_sqlite.support.get(parts[0]), 409, "nothing-to-announce")["detail"]


def test_another_institutions_kit_is_not_there(on_sqlite: Running):
    account, _ = on_sqlite.subscribed()
    librarian = on_sqlite.client("institution", account=on_sqlite.another())
    for name in ("", *(f"/{each}" for each in PARTS)):
        assert librarian.get(kit(account) + name).status_code == 404
