"""Whoever is forgotten reads as erased wherever the API tells of them: now, of the past, in history; and nothing is an error."""

from uuid import uuid4

import pytest

from domain.events.base import ERASED, Metadata
from tests.api.running import ADA, START, Running, Thing, done, refused

ADDRESS, NAME = "ada@mit.edu", "Ada Lovelace"
BEFORE, LATER = "2027-02-01T00:00:00Z", "2027-03-01T00:00:00Z"


@pytest.fixture
def told(running: Running) -> Thing:
    """Ada has plans and a token, which leaked; she is a contact of the institution, and is forgotten a month later."""
    account, subscription = running.subscribed()
    plan = running.request_plan(subscription, email=ADDRESS, name=NAME)
    token = running.issue(plan, label=f"{NAME}'s laptop")
    contact = {"email": ADDRESS, "name": NAME, "roles": ["billing"]}
    done(running.support.post(f"/v1/accounts/{account['id']}/contacts", json=contact))
    done(running.support.post(f"/v1/tokens/{token['id']}/report-leak", json={"where": f"a notebook of {NAME}"}))
    running.advance(LATER)
    people = running.assembly.store.people
    found = {people.find("address", ADDRESS), people.find("subject", token["id"])} - {None}
    running.assembly.lifecycle.forget(sorted(each for each in found if each), uuid4(), metadata=Metadata(actor="admin", role="admin"))
    running.catch_up()
    return {"account": account["id"], "subscription": subscription["id"], "plan": plan["id"], "token": token["id"]}


def test_every_answer_says_erased(running: Running, told: Thing):
    things = (f"/v1/accounts/{told['account']}", f"/v1/user-plans/{told['plan']}", f"/v1/tokens/{told['token']}")
    lists = ("/v1/accounts?limit=100", "/v1/user-plans?limit=100", "/v1/tokens?limit=100", "/v1/emails?limit=500")
    past = [f"{path}{'&' if '?' in path else '?'}{of}" for path in (*things, *lists) for of in (f"as_of={BEFORE}", f"known_at={BEFORE}")]
    history = [
        "/v1/history?limit=500",
        f"/v1/history?stream={told['plan']}",
        "/v1/events?limit=500",
        "/v1/history/export",
        "/v1/history/export?format=csv",
    ]
    for path in (*things, *lists, *past, *history):
        answer = running.admin.get(path)
        assert answer.status_code == 200, (path, answer.text)
        assert NAME not in answer.text, path
        assert ADDRESS not in answer.text, path
        assert ERASED in answer.text, path
    for event in done(running.support.get("/v1/history?limit=500"))["items"]:
        chain = running.support.get(f"/v1/history/{event['position']}/chain")
        assert chain.status_code == 200, chain.text
        assert ADDRESS not in chain.text
    for path in (
        f"/v1/diff?account={told['account']}&from={START:%Y-%m-%dT%H:%M:%SZ}&to={BEFORE}",
        f"/v1/subscriptions/{told['subscription']}/users",
        f"/v1/subscriptions/{told['subscription']}/entitlements",
        f"/v1/access/explain?token_id={told['token']}&product=scholarly",
        f"/v1/accounts/{told['account']}/announcement-kit",
    ):
        answer = running.support.get(path)
        assert answer.status_code in {200, 404}, (path, answer.text)
        assert ADDRESS not in answer.text


def test_what_is_asked_of_them_afterwards_is_answered(running: Running, told: Thing):
    """Nobody is written to who is not known; what stands for them is nobody's name."""
    before = len(running.catcher.messages)
    for asked in (
        running.support.post(f"/v1/user-plans/{told['plan']}/suspend", json={}),
        running.support.post(f"/v1/user-plans/{told['plan']}/end", json={"cause": "asked"}),
    ):
        assert asked.status_code in {200, 409}, asked.text
    running.advance("2027-04-01T00:00:00Z")
    assert not [caught for caught in list(running.catcher.messages)[before:] if ADDRESS in str(caught.message["To"])]
    assert not [caught for caught in running.catcher.messages if ERASED in str(caught.message["To"])]
    refused(running.client("platform", on_behalf_of=ERASED).get("/v1/user-plans"), 422, "invalid-on-behalf-of")


def test_whoever_comes_with_the_same_address_is_somebody_new(running: Running, told: Thing):
    again = running.request_plan({"id": told["subscription"]}, email=ADDRESS, name=NAME)
    assert again["id"] != told["plan"]
    assert running.plan({"id": told["plan"]})["email"] == ERASED
    running.catch_up()
    own = done(running.client("platform", on_behalf_of=ADA).get("/v1/user-plans"))["items"]
    assert [plan["id"] for plan in own] == [again["id"]]
