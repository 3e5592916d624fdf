"""An institution's way from its first message to work: the mailbox confirms itself, steps are seen, those who are stuck stand first."""

import re

from tests.api.desk import Desk
from tests.api.running import LIBRARY, Running, Thing, done, refused

NEXT_MINUTE = "2027-01-31T10:01:00Z"


def _steps(running: Running, account: Thing) -> dict[str, Thing]:
    running.settle()
    shown = done(running.support.get(f"/v1/accounts/{account['id']}/onboarding"))
    return {step["step"]: step for step in shown["steps"]}


def _done(running: Running, account: Thing) -> set[str]:
    return {name for name, step in _steps(running, account).items() if step["done_at"]}


def _link(running: Running, template: str, recipient: str = LIBRARY) -> str:
    letters = [
        each.message for each in running.catcher.messages if each.recipient == recipient and each.message["X-Tenure-Template"] == template
    ]
    return re.search(r"https://tenure\.example\.edu(/confirm/[\w-]+)", letters[-1].get_body(("plain",)).get_content())[1]


def _nominated(running: Running, **given: object) -> tuple[Thing, str]:
    account = running.nominate(**given)
    running.advance(NEXT_MINUTE)
    return account, _link(running, "account-nominated")


# the mailbox confirms itself


def test_a_nominated_mailbox_confirms_itself_by_a_button_and_nothing_by_looking(running: Running):
    account, link = _nominated(running)
    anybody = running.client(None)
    for _ in range(2):
        shown = anybody.get(link)
        assert shown.status_code == 200
        assert LIBRARY in shown.text
        assert "shared mailbox" in shown.text
    assert "address" not in _done(running, account)
    buttons = re.findall(r'action="(\?mailbox=\w+)"', shown.text)
    assert buttons == ["?mailbox=shared", "?mailbox=personal"]
    assert anybody.post(link + buttons[0]).status_code == 200
    assert "address" in _done(running, account)
    assert anybody.post(link + buttons[0]).status_code == 200, "pressed twice"
    assert "<form" not in anybody.get(link).text
    told = done(running.support.get(f"/v1/history?stream={account['id']}&topic=account.contact-confirmed"))["items"]
    assert [(each["actor"], each["data"]["mailbox"]) for each in told] == [("mailbox", "shared")]


def test_who_says_personal_is_warned_about_until_support_accepts_it(on_sqlite: Running):
    account, link = _nominated(on_sqlite)
    assert on_sqlite.client(None).post(f"{link}?mailbox=personal").status_code == 200
    assert "address" not in _done(on_sqlite, account)
    contact = account["contacts"][0]["id"]
    done(on_sqlite.support.post(f"/v1/accounts/{account['id']}/contacts/{contact}/accept-personal"))
    assert "address" in _done(on_sqlite, account)


def test_a_link_that_nobody_opened_lapses_and_another_is_sent(on_sqlite: Running):
    account, first = _nominated(on_sqlite)
    on_sqlite.wait(days=8)
    anybody = on_sqlite.client(None)
    assert (anybody.get(first).status_code, anybody.post(first).status_code) == (410, 410)
    contact = account["contacts"][0]["id"]
    done(on_sqlite.support.post(f"/v1/accounts/{account['id']}/contacts/{contact}/ask-confirmation"))
    on_sqlite.wait(minutes=1)
    second = _link(on_sqlite, "contact-confirm")
    assert anybody.post(f"{second}?mailbox=shared").status_code == 200
    assert anybody.get(first).status_code == 410
    again = on_sqlite.support.post(f"/v1/accounts/{account['id']}/contacts/{contact}/ask-confirmation")
    assert refused(again, 409, "contact-confirmed")["detail"] == "this mailbox has confirmed itself already"


def test_a_kind_of_mailbox_that_there_is_not_is_refused_by_name(on_sqlite: Running):
    account, link = _nominated(on_sqlite)
    assert "shared" in on_sqlite.client(None).post(f"{link}?mailbox=both").text
    assert "address" not in _done(on_sqlite, account)


# the checklist


def test_a_nomination_needs_only_an_address_and_the_list_says_what_is_to_be_done(on_sqlite: Running):
    account = done(on_sqlite.support.post("/v1/accounts", json={"email": "jo.smith@mit.edu"}), 201)
    assert any("shared" in warning for warning in account["warnings"]), account["warnings"]
    steps = _steps(on_sqlite, account)
    assert {name for name, step in steps.items() if step["done_at"]} == {"nominated"}
    assert {name for name, step in steps.items() if step["waiting_since"]} == {"address", "ip_ranges", "converted", "domains"}
    assert steps["converted"]["who"] == "support"
    assert steps["ip_ranges"]["optional"]
    refused(on_sqlite.support.post(f"/v1/accounts/{account['id']}/convert"), 409, "nomination-incomplete")


def test_what_shows_elsewhere_is_noted_at_the_instant_at_which_it_happened(running: Running):
    desk = Desk(running)
    steps = _steps(running, desk.account)
    assert steps["activated"]["done_at"] == "2027-01-31T10:00:00Z"
    assert steps["first_token"]["done_at"] == desk.token["issued_at"]
    assert steps["first_call"]["waiting_since"] == desk.token["issued_at"]
    running.wait(days=1)
    assert desk.ask(product="no-such-product").status_code == 422
    assert "first_call" not in _done(running, desk.account)
    desk.check()
    running.wait(days=1)
    assert _steps(running, desk.account)["first_call"]["done_at"].startswith("2027-02-01")


def test_ten_users_are_ten_who_have_plans(on_sqlite: Running):
    account, subscription = on_sqlite.subscribed()
    on_sqlite.hand_in(subscription, *(f"person{number}@mit.edu" for number in range(9)))
    on_sqlite.settle()
    for number in range(9):
        on_sqlite.request_plan(subscription, registered_account_id=f"r-{number}", email=f"person{number}@mit.edu")
    assert "ten_users" not in _done(on_sqlite, account)
    on_sqlite.request_plan(subscription, registered_account_id="r-10", email="person10@mit.edu")
    assert "ten_users" in _done(on_sqlite, account)


def test_the_last_step_is_said_by_hand(on_sqlite: Running):
    account = on_sqlite.convert(on_sqlite.nominate())
    path = f"/v1/accounts/{account['id']}/onboarding/community-told"
    librarian = on_sqlite.client("institution", account=account)
    refused(librarian.post(path), 409, "nothing-to-tell")
    on_sqlite.activate(on_sqlite.open(account))
    on_sqlite.settle()
    done(librarian.post(path))
    assert "community" in _done(on_sqlite, account)


def test_those_who_are_stuck_the_longest_stand_first_page_after_page(running: Running):
    running.another("eth")
    running.wait(days=2)
    running.nominate()
    running.wait(days=1)
    running.another("epfl")
    running.catch_up()
    found, after = [], ""
    for _ in range(3):
        page = done(running.support.get("/v1/onboarding", params={"limit": 1, "after": after}))
        found += [(each["institution"], each["waiting_step"], each["waiting_days"]) for each in page["items"]]
        after = page["next"]
    assert after is None
    assert found == [("ETH", "address", 3), ("Massachusetts Institute of Technology", "address", 1), ("EPFL", "address", 0)]
    stuck = done(running.support.get("/v1/onboarding?waiting_days=2"))["items"]
    assert [each["institution"] for each in stuck] == ["ETH"]
    assert "after" in refused(running.support.get("/v1/onboarding?after=nonsense"), 422, "invalid-request")["detail"]


def test_another_institutions_list_is_not_there(on_sqlite: Running):
    account, other = on_sqlite.convert(on_sqlite.nominate()), on_sqlite.another()
    librarian = on_sqlite.client("institution", account=other)
    assert librarian.get(f"/v1/accounts/{account['id']}/onboarding").status_code == 404
    assert librarian.post(f"/v1/accounts/{account['id']}/onboarding/community-told").status_code == 404


# nudges


def test_an_institution_that_does_nothing_is_nudged_twice_and_one_that_did_everything_never(running: Running):
    running.subscribed()
    running.wait(days=7, minutes=1)
    assert running.letters("onboarding-nudge") == [LIBRARY]
    running.wait(days=24)
    assert running.letters("onboarding-nudge") == [LIBRARY, LIBRARY]
    running.wait(days=40)
    assert running.letters("onboarding-nudge") == [LIBRARY, LIBRARY]
    letter = next(each.message for each in running.catcher.messages if each.message["X-Tenure-Template"] == "onboarding-nudge")
    text = letter.get_body(("plain",)).get_content()
    assert "Make a token for the API" in text
    assert "Name the domains" not in text, "it has claimed one"


def test_a_nudge_that_is_not_sent_says_why(on_sqlite: Running):
    account, subscription = on_sqlite.subscribed()
    on_sqlite.settle()
    done(on_sqlite.support.post(f"/v1/subscriptions/{subscription['id']}/suspend", json={}))
    on_sqlite.wait(days=8)
    assert on_sqlite.letters("onboarding-nudge") == []
    skipped = done(on_sqlite.support.get(f"/v1/history?stream={account['id']}&topic=account.onboarding-nudge-skipped"))["items"]
    assert [each["data"]["why"] for each in skipped] == ["the subscription is suspended"]
