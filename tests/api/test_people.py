"""Somebody is forgotten: asked for by one admin, confirmed by another, ended, waited for, and erased for ever."""

from collections.abc import Callable, Collection
from uuid import UUID

import pytest
from sqlalchemy import MetaData, select

from domain.store import People
from scheduler.erasures import Erasures
from tests.api.running import Running, done, refused

EMAIL, NAME = "Quintessa.Zyx@mit.edu", "Quintessa Zyx"
CANARIES = (EMAIL, EMAIL.lower(), NAME, "Quintessa", "lens:quintessa")
BY = {"reason": {"code": "asked-by-person"}}


@pytest.fixture
def second(running: Running):
    """Another admin than the one who asks."""
    client = running.client("admin")
    client.headers["Authorization"] = f"Bearer {running.assembly.staff.add('other admin', 'admin')}"
    return client


@pytest.fixture
def plan(running: Running):
    _, subscription = running.subscribed()
    plan = running.request_plan(subscription, email=EMAIL, name=NAME, registered_account_id="lens:quintessa")
    running.issue(plan, "my laptop")
    running.settle()
    running.catch_up()
    return plan


def person_of(running: Running, email=EMAIL):
    (person,) = done(running.admin.get("/v1/people", params={"email": email}))["items"]
    return person


def erased(running: Running, second, person, **body):
    request = done(running.admin.post(f"/v1/people/{person['id']}/erase", json=BY | body), 201)
    done(second.post(f"/v1/erasures/{request['id']}/confirm"))
    running.settle()
    running.catch_up()
    return request


def everything(running: Running) -> str:
    found = MetaData()
    found.reflect(running.assembly.engine)
    with running.assembly.database.reading() as connection:
        return "\n".join(
            bytes(cell).decode("utf-8", "replace") if isinstance(cell, bytes | memoryview) else str(cell)
            for table in found.sorted_tables
            for row in connection.execute(select(table))
            for cell in row
        )


def test_a_person_is_found_and_shown_where_they_are(running: Running, plan):
    person = person_of(running)
    assert (person["status"], person["erasure_id"]) == ("known", None)
    assert {(each["kind"], each["id"]) for each in person["places"]} >= {("user-plan", plan["id"])}
    assert person == done(running.client("auditor").get(f"/v1/people/{person['id']}"))
    by_account = done(running.admin.get("/v1/people", params={"registered_account_id": "lens:quintessa"}))["items"]
    assert [person] == by_account
    assert [] == done(running.admin.get("/v1/people", params={"email": "nobody@mit.edu"}))["items"]
    assert "query.email" == refused(running.admin.get("/v1/people"), 422, "nobody")["field"]
    refused(running.admin.get(f"/v1/people/{plan['id']}"), 404, "not-found")


def test_a_person_is_told_what_is_kept(running: Running, plan):
    exported = done(running.admin.get(f"/v1/people/{person_of(running)['id']}/export"))
    (asked,) = [each for each in exported["items"] if each["topic"] == "user-plan.requested"]
    assert asked["data"] == {"email": EMAIL, "name": NAME, "registered_account_id": "lens:quintessa"}
    assert {"token.issued", "email.sent"} <= {each["topic"] for each in exported["items"]}
    assert "library@mit.edu" not in str(exported)


def test_who_is_forgotten_is_nowhere_and_shown_as_erased(running: Running, plan, second):
    token = done(running.support.get("/v1/tokens", params={"owner_id": plan["id"]}))["items"][0]
    person = person_of(running)
    request = erased(running, second, person)
    told = done(running.admin.get(f"/v1/erasures/{request['id']}"))
    assert (told["status"], told["requested_by"] != told["confirmed_by"]) == ("erased", True)
    assert [("erased", request["id"], [])] == [
        (each["status"], each["erasure_id"], each["places"]) for each in [done(running.admin.get(f"/v1/people/{person['id']}"))]
    ]
    assert [] == done(running.admin.get("/v1/people", params={"email": EMAIL}))["items"]
    shown = running.plan(plan)
    assert (shown["status"], shown["email"], shown["name"], shown["registered_account_id"]) == ("ended", *["[erased]"] * 3)
    assert "revoked" == done(running.support.get(f"/v1/tokens/{token['id']}"))["status"]
    assert [] == done(running.admin.get(f"/v1/people/{person['id']}/export"))["items"]
    history = done(running.support.get("/v1/history", params={"stream": plan["id"]}))["items"]
    assert history[0]["data"]["email"] == "[erased]"
    assert history[-1]["topic"] == "person.data-erased"
    rows = everything(running)
    assert [] == [canary for canary in CANARIES if canary in rows]


def test_the_same_address_later_is_somebody_new(running: Running, plan, second):
    person = person_of(running)
    erased(running, second, person)
    subscription = done(running.support.get("/v1/subscriptions"))["items"][0]
    again = running.request_plan(subscription, email=EMAIL, name=NAME)
    assert again["id"] != plan["id"]
    assert person_of(running)["id"] != person["id"]
    assert running.plan(plan)["email"] == "[erased]"


def test_two_admins_are_needed(running: Running, plan, second):
    person = person_of(running)
    request = done(running.admin.post(f"/v1/people/{person['id']}/erase", json=BY), 201)
    assert "2027-02-28" in request["due_at"]
    refused(running.admin.post(f"/v1/erasures/{request['id']}/confirm"), 409, "four-eyes")
    running.settle()
    assert person_of(running)["erasure_id"] == request["id"]
    assert running.plan(plan)["status"] == "active"
    refused(second.post(f"/v1/people/{person['id']}/erase", json=BY), 409, "erasure-open")
    done(second.post(f"/v1/erasures/{request['id']}/withdraw", json=BY))
    running.settle()
    assert running.plan(plan)["email"] == EMAIL
    done(running.admin.post(f"/v1/people/{person['id']}/erase", json=BY), 201)


class WithdrawnMeanwhile:
    """People as the store knows them; while the scheduler asks where they are, an admin withdraws the request."""

    def __init__(self, people: People, withdraw: Callable[[], object]) -> None:
        self._people = people
        self._withdraw = withdraw

    def find(self, kind: str, text: str) -> UUID | None:
        return self._people.find(kind, text)

    def exists(self, person: UUID) -> bool:
        return self._people.exists(person)

    def streams_of(self, people: Collection[UUID]) -> list[UUID]:
        self._withdraw()
        return self._people.streams_of(people)


def test_who_withdraws_at_the_last_moment_is_heard(running: Running, plan, second):
    done(running.support.post(f"/v1/user-plans/{plan['id']}/end", json=BY))
    running.settle()
    running.catch_up()
    person, house = person_of(running), running.assembly
    request = done(running.admin.post(f"/v1/people/{person['id']}/erase", json=BY), 201)
    done(second.post(f"/v1/erasures/{request['id']}/confirm"))
    running.catch_up()
    late = WithdrawnMeanwhile(house.store.people, lambda: done(second.post(f"/v1/erasures/{request['id']}/withdraw", json=BY)))
    assert 0 == Erasures(house.lifecycle, house.database, house.tables, late).tick()
    running.settle()
    assert "withdrawn" == done(running.admin.get(f"/v1/erasures/{request['id']}"))["status"]
    assert running.plan(plan)["email"] == EMAIL


def test_what_is_not_there_or_has_no_reason_is_refused(running: Running, plan):
    person = person_of(running)["id"]
    refused(running.admin.post(f"/v1/people/{plan['id']}/erase", json=BY), 404, "not-found")
    refused(running.admin.post(f"/v1/people/{person}/erase", json=BY | {"others": [plan["id"]]}), 404, "not-found")
    refused(running.admin.post(f"/v1/people/{person}/erase", json={}), 422, "invalid-request")
    refused(running.support.post(f"/v1/people/{person}/erase", json=BY), 403, "role-not-allowed")


def test_a_sole_contact_is_waited_for_until_somebody_takes_the_place(running: Running, second):
    account, _ = running.subscribed()
    person = person_of(running, "library@mit.edu")
    request = erased(running, second, person)
    told = done(running.admin.get(f"/v1/erasures/{request['id']}"))
    assert (told["status"], told["waits_for"]) == ("waiting", [account["id"]])
    assert ["library@mit.edu"] == running.letters("contact-replacement-asked")
    done(running.support.post(f"/v1/accounts/{account['id']}/contacts", json={"email": "new@mit.edu", "roles": ["administrator"]}))
    running.settle()
    assert "erased" == done(running.admin.get(f"/v1/erasures/{request['id']}"))["status"]
    shown = done(running.support.get(f"/v1/accounts/{account['id']}"))
    assert ["new@mit.edu"] == [each["email"] for each in shown["contacts"]]


def test_after_a_month_nobody_is_waited_for(running: Running, second):
    account, _ = running.subscribed()
    request = erased(running, second, person_of(running, "library@mit.edu"))
    running.wait(days=27)
    assert 0 == running.assembly.waiting()["tenure_erasures_overdue"]
    assert "waiting" == done(running.admin.get(f"/v1/erasures/{request['id']}"))["status"]
    running.wait(days=2)
    assert "erased" == done(running.admin.get(f"/v1/erasures/{request['id']}"))["status"]
    assert [] == done(running.support.get(f"/v1/accounts/{account['id']}"))["contacts"]


def test_what_nobody_confirms_is_overdue_after_a_month(running: Running, plan):
    request = done(running.admin.post(f"/v1/people/{person_of(running)['id']}/erase", json=BY), 201)
    running.wait(days=29)
    told = done(running.admin.get(f"/v1/erasures/{request['id']}"))
    assert (told["status"], told["overdue"]) == ("requested", True)
    assert 1 == running.assembly.waiting()["tenure_erasures_overdue"]


def test_after_a_set_retention_people_are_forgotten_by_rule(running_by):
    running = running_by("retention_months = 6")
    _, subscription = running.subscribed()
    gone = running.request_plan(subscription, email=EMAIL, name=NAME)
    stays = running.request_plan(subscription, email="library@mit.edu", registered_account_id="lens:library")
    for plan in (gone, stays):
        running.ask_of(plan, "end")
    running.wait(days=170)
    assert running.plan(gone)["email"] == EMAIL
    running.wait(days=20)
    running.catch_up()
    assert running.plan(gone)["email"] == "[erased]"
    assert running.plan(stays)["email"] == "library@mit.edu"  # a contact of the institution
    (request,) = done(running.admin.get("/v1/erasures"))["items"]
    assert (request["status"], request["ground"], request["rule"]) == ("erased", "retention", "6 months after the end of the last plan")


def test_a_librarians_key_ends_and_has_no_name(running: Running, second):
    account, _ = running.subscribed()
    made = done(running.support.post(f"/v1/accounts/{account['id']}/librarian-keys", json={"name": NAME, "days": 30}), 201)
    running.catch_up()
    exported = running.assembly.store.people.find("subject", made["id"])
    assert exported is not None
    erased(running, second, {"id": str(exported)})
    (key,) = done(running.support.get(f"/v1/accounts/{account['id']}/librarian-keys"))["items"]
    assert key["name"] == "[erased]"
    assert key["revoked_at"] is not None
    assert NAME not in everything(running)
