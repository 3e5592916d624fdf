"""Corrections over HTTP: beside the event, in the history, and told to others without what people wrote."""

import pytest

from domain.errors import Invalid
from projections.corrections import place_at
from tests.api.running import Running, Thing, done, refused

WHY = {"code": "correction", "text": "case 4711"}


def second_admin(running: Running):
    """Somebody else than the admin of `running`."""
    client = running.client("admin")
    client.headers["Authorization"] = f"Bearer {running.assembly.staff.add('admin-two', 'admin')}"
    return client


def propose(running: Running, account: Thing, status: int = 201, **given) -> Thing:
    body = {"stream": account["id"], "version": 1, "right": "the office nominated itself", "reason": WHY} | given
    return done(running.support.post("/v1/corrections", json=body), status)


def history(running: Running, stream: str) -> list[Thing]:
    running.catch_up()
    return done(running.client("auditor").get(f"/v1/history?stream={stream}"))["items"]


def test_the_event_stays_and_the_correction_stands_beside_it(running: Running):
    account = running.nominate()
    before = history(running, account["id"])[0]
    proposed = propose(running, account, fields={"institution": "MIT"})
    assert (proposed["status"], proposed["wrong"]["topic"], proposed["account_id"]) == ("proposed", "account.nominated", account["id"])
    amended = running.support.post(f"/v1/accounts/{account['id']}/amend", json={"institution": "MIT"})
    by = int(amended.headers["x-position"])
    approved = done(running.admin.post(f"/v1/corrections/{proposed['id']}/approve", json={"put_right_by": by}))
    assert (approved["status"], approved["approved_by"], approved["put_right_by"]["position"]) == ("approved", "admin", by)
    after = history(running, account["id"])[0]
    (beside,) = after.pop("corrections")
    assert beside == {"id": proposed["id"], "status": "approved", "position": before["position"] + 1, "put_right_by": by}
    assert before.pop("corrections") == []
    assert after == before
    own = history(running, proposed["id"])
    assert [(each["topic"], each["actor"], each["reason"]) for each in own] == [
        ("correction.proposed", "support", "correction: case 4711"),
        ("correction.approved", "admin", None),
    ]
    assert own[0]["data"]["wrong"]["position"] == before["position"]
    of_account = done(running.client("auditor").get(f"/v1/history?account={account['id']}"))["items"]
    assert {"correction.proposed", "correction.approved"} <= {each["topic"] for each in of_account}


def test_who_proposed_it_does_not_approve_it(running: Running):
    account = running.nominate()
    proposed = done(running.admin.post("/v1/corrections", json={"stream": account["id"], "version": 1, "right": "x", "reason": WHY}), 201)
    refused(running.admin.post(f"/v1/corrections/{proposed['id']}/approve"), 409, "four-eyes")
    assert "approved" == done(second_admin(running).post(f"/v1/corrections/{proposed['id']}/approve"))["status"]


def test_an_event_has_one_open_correction_at_a_time(running: Running):
    account = running.nominate()
    first = propose(running, account)
    again = running.support.post("/v1/corrections", json={"stream": account["id"], "version": 1, "right": "other", "reason": WHY})
    assert first["id"] in refused(again, 409, "correction-waits")["detail"]
    done(running.admin.post(f"/v1/corrections/{first['id']}/decline", json={"reason": WHY}))
    done(running.support.post(f"/v1/corrections/{propose(running, account)['id']}/withdraw"))
    propose(running, account)
    running.catch_up()
    for query, statuses in {
        f"stream={account['id']}": ["declined", "withdrawn", "proposed"],
        "status=proposed": ["proposed"],
        f"stream={first['id']}": [],
        "limit=1": ["declined"],
    }.items():
        assert statuses == [each["status"] for each in done(running.client("auditor").get(f"/v1/corrections?{query}"))["items"]]


@pytest.mark.parametrize(
    ("given", "slug"),
    [
        ({"version": 2}, "no-such-event"),
        ({"stream": "6f1d7b5e-1d8a-4c8e-9d6b-0c5d3b0a7e11"}, "no-such-event"),
        ({"put_right_by": 999}, "no-such-event"),
        ({"fields": {"email": "x"}}, "personal-field"),
        ({"fields": {"colour": "x"}}, "unknown-field"),
        ({"reason": None}, "invalid-request"),
        ({"right": ""}, "invalid-text"),
        ({"wrong": 1}, "invalid-request"),
    ],
)
def test_what_cannot_be_a_correction_is_refused_with_its_field(shared: Running, given, slug):
    shared.account = getattr(shared, "account", None) or shared.nominate()
    body = {"stream": shared.account["id"], "version": 1, "right": "x", "reason": WHY} | given
    refused(shared.support.post("/v1/corrections", json=body), 422, slug)


def test_others_are_told_without_what_people_wrote(running: Running):
    account = running.nominate()
    proposed = propose(running, account, fields={"institution": "MIT"})
    told = {}
    for personal in (False, True):
        client = running.client("integration")
        client.headers["Authorization"] = f"Bearer {running.assembly.staff.add(f'crm-{personal}', 'integration', personal=personal)}"
        events = done(client.get("/v1/events?after=0&limit=500"))
        (told[personal],) = (
            each["data"] for each in events["events" if "events" in events else "items"] if each["subject"] == proposed["id"]
        )
    assert {"wrong", "put_right_by"} == told[False].keys()
    assert ("the office nominated itself", {"institution": "MIT"}) == (told[True]["right"], told[True]["fields"])


def test_a_position_is_that_of_an_event(running: Running):
    """On PostgreSQL a refused append leaves a position at which there is nothing."""
    account = running.nominate()
    assert str(place_at(running.assembly.lifecycle, 1).stream_id) == account["id"]
    taken = {"email": "x@y.example", "registered_account_id": account["registered_account_id"], "institution": "X"}
    refused(running.support.post("/v1/accounts", json=taken), 409, "registered-account-taken")
    running.another()
    positions = {each["position"] for each in done(running.client("auditor").get("/v1/history?limit=500"))["items"]}
    missing = set(range(1, max(positions))) - positions
    assert bool(missing) == (running.assembly.engine.dialect.name == "postgresql")
    for position in (*missing, max(positions) + 1):
        with pytest.raises(Invalid):
            place_at(running.assembly.lifecycle, position)


def test_it_is_rebuilt(running: Running):
    account = running.nominate()
    propose(running, account)
    before = history(running, account["id"])
    running.assembly.tables.rebuild()
    assert before == history(running, account["id"])
