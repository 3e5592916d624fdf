"""Lists of people: looked at in a dry run, settled row by row, told of once, and given back as a file."""

import csv
import json
from io import StringIO

import pytest
from sqlalchemy import func, select

from domain.events.user_import import RowOutcome
from projections.lists import listed_people
from projections.user_imports import table
from tests.api.running import LIBRARY, Running, as_csv, done, refused
from tests.scheduler.house import at_once

KNOWN = "registered_accounts_known = true"
PEOPLE = {name: f"{name}@mit.edu" for name in ("ada", "bea", "cyd", "dan")} | {
    "eve": "eve@partner.org",
    "fay": "fay@broad.org",
    "gus": "gus@media.edu",
}
LINES = (
    "email,name",
    "ada@mit.edu,Ada",
    "bea@mit.edu,Bea",
    "cyd@mit.edu,Cyd",
    "eve@partner.org,Eve",
    "",
    "ADA@mit.edu,Ada again",
    "ada@@mit.edu,Ada once more",
    "new@mit.edu,New",
    "dan@mit.edu,Dan",
    "fay@broad.org,Fay",
    "gus@media.edu,Gus",
)
EXPECTED = [
    (2, "activated", None),
    (3, "already_active", "has a plan for the present term already"),
    (4, "renewed", None),
    (5, "wrong_domain", "partner.org is not an email domain of the institution"),
    (7, "duplicate", "the same address as in line 2"),
    (8, "invalid", "an email address has exactly one @"),
    (9, "not_registered", "no account on the platform has this address; the plan begins when one does"),
    (10, "left_earlier", "has left the institution; only an own request or an invitation brings a plan back"),
    (11, "waiting", "another institution has this domain too: each person is approved by hand"),
    (12, "waiting", "was rejected before, and waits for a review"),
]
LONG = (*(f"p{n}@mit.edu" for n in range(5)), *(f"nobody {n}" for n in range(2_495)), *(f"q{n}@mit.edu" for n in range(100)))
"""One tick of the worker settles 2,500 rows."""


def all_sorts(running: Running):
    """An institution with somebody for each outcome."""
    account = running.convert(running.nominate(domains=["mit.edu", "broad.org"]))
    other = running.another()
    done(running.support.post(f"/v1/accounts/{account['id']}/domains/broad.org/consent", json={"with_account": other["id"]}))
    running.claim(other, "broad.org", shared=True)
    _, subscription = running.subscribed(account)
    running.register(**{f"registered-{name}": [email] for name, email in PEOPLE.items()})
    ask(running, subscription, "cyd")
    running.ask_of(ask(running, subscription, "dan"), "end", cause="left")
    running.ask_of(ask(running, subscription, "gus"), "reject")
    running.claim(account, "media.edu")
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/renew"))
    ask(running, subscription, "bea")
    running.settle()
    return subscription


def ask(running: Running, subscription, name):
    return running.request_plan(subscription, email=PEOPLE[name], registered_account_id=f"registered-{name}")


def stored(running: Running):
    """How much there is: events, lists, and rows of lists."""
    with running.assembly.database.reading() as connection:
        counted = [connection.scalar(select(func.count()).select_from(each)) for each in (table, listed_people)]
    return running.assembly.store.log.max_notification_id() or 0, *counted


def told(rows):
    return [(row["line"], row["outcome"], row["reason"]) for row in rows]


def as_json(*lines):
    names, *rows = csv.reader(lines)
    return json.dumps({"rows": [dict(zip(names, row, strict=True)) for row in rows if row]})


def file_of(running: Running, listing, **query):
    answer = running.support.get(f"/v1/user-imports/{listing['id']}/rows.csv", params=query)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert "content-length" not in answer.headers  # it is written while it is read
    return list(csv.reader(StringIO(answer.text, newline="")))


# what becomes of a row


def test_a_dry_run_tells_what_the_real_one_does_and_does_nothing(running_by):
    running = running_by(KNOWN)
    subscription = all_sorts(running)
    plans, letters = running.plans(), len(running.catcher.messages)
    dry = running.hand_in(subscription, *LINES, dry_run=True)
    assert (dry["status"], dry["dry_run"], dry["rows"], dry["settled"], dry["warnings"]) == ("running", True, 10, 0, [])
    running.settle()
    assert told(running.rows(dry)) == EXPECTED
    assert (running.plans(), len(running.catcher.messages)) == (plans, letters)
    assert {row["email"] for row in running.rows(dry) if row["user_plan_id"]} == {
        "bea@mit.edu",
        "cyd@mit.edu",
        "dan@mit.edu",
        "gus@media.edu",
    }

    real = running.hand_in(subscription, *LINES)
    assert real["warnings"] == []  # a dry run is no earlier list
    running.settle()
    assert told(running.rows(real)) == EXPECTED
    counted = running.listing(real)
    assert (counted["status"], counted["settled"], counted["undo_until"]) == ("completed", 10, "2027-02-14T10:00:00Z")
    assert counted["outcomes"] == running.listing(dry)["outcomes"]
    assert counted["outcomes"] == {outcome: [each for _, each, _ in EXPECTED].count(outcome) for _, outcome, _ in EXPECTED}
    by_email = {plan["email"]: plan for plan in running.plans()}
    assert {email: (plan["status"], plan["term"]) for email, plan in by_email.items()} == {
        "ada@mit.edu": ("active", 2),
        "bea@mit.edu": ("active", 2),
        "cyd@mit.edu": ("active", 2),
        "dan@mit.edu": ("ended", 1),
        "fay@broad.org": ("requested", None),
        "gus@media.edu": ("requested", None),
        "new@mit.edu": ("requested", None),
    }
    assert (by_email["ada@mit.edu"]["registered_account_id"], by_email["ada@mit.edu"]["name"]) == ("registered-ada", "Ada")
    assert by_email["gus@media.edu"]["doubts"] == ["rejected-before"]
    assert by_email["new@mit.edu"]["doubts"] == ["not-registered"]
    assert {row["email"]: row["user_plan_id"] for row in running.rows(real) if row["user_plan_id"]} == {
        email: plan["id"] for email, plan in by_email.items()
    }


def test_csv_and_json_say_the_same(running_by):
    running = running_by(KNOWN)
    subscription = all_sorts(running)
    as_a_table = running.hand_in(subscription, *LINES, dry_run=True)
    listed = done(running.send_list(subscription, as_json(*LINES), "application/json", dry_run=True), 201)
    running.settle()

    def without_lines(listing):
        return [{name: row[name] for name in ("row", "email", "name", "outcome", "user_plan_id")} for row in running.rows(listing)]

    assert without_lines(listed) == without_lines(as_a_table)
    assert [row["line"] for row in running.rows(listed)] == list(range(1, 11))
    assert running.rows(listed)[4]["reason"] == "the same address as in line 1"


def test_what_concerns_more_than_a_row_refuses_each_row_for_it(running: Running):
    account, subscription = running.subscribed()
    listing = running.hand_in(subscription, "ada@mit.edu", "bea@mit.edu", "eve@partner.org", "x")
    done(running.support.post(f"/v1/accounts/{account['id']}/suspend", json={"reason": {"code": "contract"}}))
    running.settle()
    refusal = ("refused", "account-not-active")
    assert [(row["outcome"], row["reason"]) for row in running.rows(listing)][:3] == [refusal, refusal, refusal]
    assert running.listing(listing)["outcomes"] == {"refused": 3, "invalid": 1}
    assert running.plans() == []


def test_every_outcome_is_told_somewhere_here():
    assert {outcome for _, outcome, _ in EXPECTED} | {"refused"} == {str(outcome) for outcome in RowOutcome}


def test_who_is_listed_before_the_subscription_begins_begins_with_it(running: Running):
    account = running.convert(running.nominate())
    subscription = running.open(account)
    listing = running.hand_in(subscription, "ada@mit.edu")
    running.settle()
    assert told(running.rows(listing)) == [(2, "waiting", "the plan begins with the subscription")]
    assert running.letters("user-plan-under-review") == []
    running.activate(subscription)
    running.settle()
    assert [plan["status"] for plan in running.plans()] == ["active"]


def test_who_is_listed_without_an_account_has_it_by_asking(running: Running):
    """By the rules here every address counts as registered: with which account, the platform says when the person comes."""
    _, subscription = running.subscribed()
    running.hand_in(subscription, "ada@mit.edu")
    running.settle()
    platform = running.client("platform", on_behalf_of="registered-ada")
    plan = done(platform.post("/v1/user-plans", json={"subscription_id": subscription["id"], "email": "ada@mit.edu"}), 201)
    assert [each["id"] for each in running.plans()] == [plan["id"]]
    done(platform.post("/v1/tokens", json={"owner_id": plan["id"], "label": "notebook"}), 201)


# the same list again


def test_the_same_key_gives_the_first_result_and_stores_nothing_again(running: Running):
    _, subscription = running.subscribed()
    first = running.hand_in(subscription, "ada@mit.edu", "bea@mit.edu", key="march")
    before = stored(running)
    running.catch_up()
    assert running.hand_in(subscription, "ada@mit.edu", "bea@mit.edu", key="march") == first
    running.settle()
    settled = stored(running)
    assert running.hand_in(subscription, "ada@mit.edu", "bea@mit.edu", key="march") == first  # as it was then
    assert (stored(running), settled[2]) == (settled, before[2])
    for other in (
        running.send_list(subscription, as_csv("ada@mit.edu"), key="march"),
        running.send_list(subscription, as_csv("ada@mit.edu", "bea@mit.edu"), key="march", dry_run=True),
        running.send_list(subscription, as_csv("ada@mit.edu", "bea@mit.edu"), key="march", mode="reconcile"),
    ):
        refused(other, 422, "idempotency-key-reused")
    assert stored(running) == settled


def test_the_same_list_under_a_new_key_warns_and_is_judged_afresh(running: Running):
    _, subscription = running.subscribed()
    first = running.hand_in(subscription, "ada@mit.edu", "bea@mit.edu", key="march")
    running.settle()
    assert (running.outcomes(first), first["same_as"]) == (["activated", "activated"], None)
    running.ask_of(running.plans()[0], "end")
    again = running.hand_in(subscription, "ada@mit.edu", "bea@mit.edu", key="april")
    warning = f"the same list was handed in before, as import {first['id']}; each row was judged anew"
    assert (again["same_as"], again["warnings"]) == (first["id"], [warning])
    running.settle()
    assert running.outcomes(again) == ["activated", "already_active"]
    assert running.listing(again)["warnings"] == [warning]
    other = running.activate(running.open(running.another()))
    assert running.hand_in(other, "ada@mit.edu", "bea@mit.edu")["warnings"] == []  # it is another institution's


# what is no list

HOSTILE = {
    "a quote that is not closed": b'email,name\nada@mit.edu,Ada\nbea@mit.edu,"Bea\ncyd@mit.edu,Cyd\n',
    "a quote within": b'email,name\nada@mit.edu,A"d"a\nbea@mit.edu,"B"ea\n',
    "a NUL": b"email\nada@mit.edu\nbea@mit.edu\x00\n",
    "a cell of 200 kB": b"email,name\nada@mit.edu,Ada\nbea@mit.edu," + 200_000 * b"x" + b"\n",
    "no UTF-8": b"email,name\nada@mit.edu,Ad\xe9\n",
    "UTF-16": "email\nada@mit.edu\n".encode("utf-16"),
    "an unknown column": b"email,role\nada@mit.edu,admin\n",
    "no header": b"ada@mit.edu\nbea@mit.edu\n",
    "more cells than columns": b"email\nada@mit.edu\nbea@mit.edu,Bea\n",
    "300 good rows and one that is not": b"email,name\n" + 300 * b"ada@mit.edu,Ada\n" + b"bea@mit.edu\n",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_whole(shared: Running, content):
    subscription = theirs(shared)
    before = stored(shared)
    problem = refused(shared.send_list(subscription, content), 422, "invalid-list")
    assert problem["field"].startswith("lines.")
    assert stored(shared) == before


@pytest.mark.parametrize(
    ("content", "media_type", "status", "slug"),
    [
        (b"", "text/csv", 422, "empty-list"),
        (b"email\n\n", "text/csv", 422, "empty-list"),
        (b'{"rows": []}', "application/json", 422, "empty-list"),
        (b'{"rows": [{"email": "ada@mit.edu"}, {"email": "bea@mit.edu", "role": "admin"}]}', "application/json", 422, "invalid-list"),
        (b'{"rows": [{"email": "ada@mit.edu"}', "application/json", 422, "invalid-list"),
        (b'[{"email": "ada@mit.edu"}]', "application/json", 422, "invalid-list"),
        (b"email\n" + 200_001 * b"a@mit.edu\n", "text/csv", 422, "list-too-long"),
        (b"email\nada@mit.edu\n", "text/plain", 415, "unsupported-media-type"),
    ],
)
def test_what_is_no_list_at_all_is_refused(shared: Running, content, media_type, status, slug):
    subscription = theirs(shared)
    before = stored(shared)
    refused(shared.send_list(subscription, content, media_type), status, slug)
    assert stored(shared) == before


def theirs(shared: Running):
    """The institution that all of these files are sent to."""
    shared.catch_up()
    found = done(shared.support.get("/v1/subscriptions"))["items"]
    return found[0] if found else shared.subscribed()[1]


def test_a_list_for_nobody_is_refused_and_not_kept(running: Running):
    account, subscription = running.subscribed()
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/cancel", json={"when": "now"}))
    before = stored(running)
    refused(running.send_list(subscription, as_csv("ada@mit.edu")), 409, "no-subscription")
    refused(running.send_list(account, as_csv("ada@mit.edu")), 404, "not-found")
    refused(running.send_list(subscription, as_csv("ada@mit.edu"), mode="replace"), 422, "invalid-request")
    refused(running.send_list(subscription, as_csv("ada@mit.edu"), dry="true"), 422, "unknown-parameter")
    assert stored(running) == before


# while it runs, and after


def test_a_long_list_is_watched_while_it_is_settled_and_read_in_pages_after(running: Running):
    _, subscription = running.subscribed()
    listing = running.hand_in(subscription, *LONG)
    running.catch_up()
    assert running.assembly.user_imports.tick() == 2_500
    halfway = running.listing(listing)
    assert (halfway["status"], halfway["rows"], halfway["settled"], halfway["completed_at"]) == ("running", 2_600, 2_500, None)
    assert halfway["outcomes"] == {"activated": 5, "invalid": 2_495}
    assert running.letters("user-import-report") == []
    running.settle()
    whole = running.listing(listing)
    assert (whole["status"], whole["settled"], whole["outcomes"]) == ("completed", 2_600, {"activated": 105, "invalid": 2_495})
    assert running.letters("user-import-report") == [LIBRARY]

    pages, after = [], 0
    while after is not None:
        page = done(running.support.get(f"/v1/user-imports/{listing['id']}/rows?outcome=activated&limit=40&after={after}"))
        pages.append([row["row"] for row in page["items"]])
        after = page["next"] and int(page["next"])
    assert [len(page) for page in pages] == [40, 40, 25]
    assert [row for page in pages for row in page] == [*range(1, 6), *range(2_501, 2_601)]
    header, *rows = file_of(running, listing)
    assert header == ["line", "email", "outcome", "reason"]
    assert [int(row[0]) for row in rows] == list(range(2, 2_602))
    assert len(file_of(running, listing, outcome="activated")) == 106


def test_each_person_is_written_to_once_on_however_many_lists_and_each_list_is_reported_once(running: Running):
    _, subscription = running.subscribed()
    running.request_plan(subscription)
    running.hand_in(subscription, "ada@mit.edu", "bea@mit.edu", "BEA@MIT.EDU", dry_run=True)
    lists = [
        running.hand_in(subscription, *people) for people in (("ada@mit.edu", "bea@mit.edu", "BEA@mit.edu"), ("bea@mit.edu", "cyd@mit.edu"))
    ]
    running.settle()
    running.settle()
    assert sorted(running.letters("user-plan-activated")) == ["ada@mit.edu", "bea@mit.edu", "cyd@mit.edu"]
    assert running.letters("user-import-report") == [LIBRARY, LIBRARY]
    assert [running.outcomes(each) for each in lists] == [["already_active", "activated", "duplicate"], ["already_active", "activated"]]
    shown = done(running.support.get(f"/v1/subscriptions/{subscription['id']}/user-imports"))["items"]
    assert [(each["dry_run"], each["status"], each["rows"]) for each in shown] == [
        (True, "completed", 3),
        (False, "completed", 3),
        (False, "completed", 2),
    ]


def test_outcomes_open_safely_in_a_spreadsheet(running: Running):
    _, subscription = running.subscribed()
    names = ['=HYPERLINK("http://evil.example","Ada")', "+1-555", "@SUM(A1)", "-2+3"]
    emails = ["=cmd@mit.edu", "+1@mit.edu", "-x@mit.edu", '=HYPERLINK("http://evil.example")', "@mit.edu", "\t=1+1@mit.edu"]
    rows = [{"email": email, "name": names[at % 4]} for at, email in enumerate(emails)] + [{"email": "eve@=2+2.org"}]
    listing = done(running.send_list(subscription, json.dumps({"rows": rows}), "application/json"), 201)
    running.settle()
    assert running.outcomes(listing) == 3 * ["activated"] + 2 * ["invalid"] + ["activated", "invalid"]
    assert running.rows(listing)[0]["email"] == "=cmd@mit.edu"
    assert {plan["name"] for plan in running.plans()} <= set(names)  # what is valid is kept as it came
    cells = [cell for row in file_of(running, listing) for cell in row]
    assert [cell for cell in cells if cell.strip().startswith(("=", "+", "-", "@"))] == []
    assert "'=cmd@mit.edu" in cells
    assert '\'=HYPERLINK("http://evil.example")' in cells


def test_who_asks_while_the_list_is_settled_has_one_plan(running: Running):
    _, subscription = running.subscribed()
    names = [f"p{number}" for number in range(500)]
    listing = running.hand_in(subscription, *(f"{name}@mit.edu" for name in names))
    asking = names[490:500] + names[245:255] + names[:10]

    def ask_for_all():
        for name in asking:
            running.request_plan(subscription, email=f"{name}@mit.edu", registered_account_id=f"registered-{name}")

    at_once(running.settle, ask_for_all)
    running.settle()
    counted = running.listing(listing)
    assert (counted["status"], counted["settled"], counted["outcomes"].keys() - {"already_active"}) == ("completed", 500, {"activated"})
    assert [plan["status"] for plan in running.plans()] == 500 * ["active"]
    assert {plan["registered_account_id"] for plan in running.plans()} == {None, *(f"registered-{name}" for name in asking)}
    assert sorted(running.letters("user-plan-activated")) == sorted(f"{name}@mit.edu" for name in names)
