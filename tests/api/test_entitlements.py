"""Who holds which entitlement: of one subscription with its history, and across institutions at any instant that is past."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from projections.entitlements import Span, spans_of, table
from tests.api.running import Running, Thing, done, refused
from tests.scheduler.house import set_clock

MICROSECOND = timedelta(microseconds=1)
HOLDERS = "/v1/entitlements/holders"
DATA = "bulk_data:patent"
INCLUDED = ["collections", "attested_portfolios", "branding", "report_builder", "work_area", "link_outs"]
ASKED = {"name": DATA, "approver": "Head of licensing", "requester": "The library", "until": "2027-06-01T00:00:00Z"}
REASON = {"code": "contract", "text": "annex 2"}


def _grant(running: Running, subscription: Thing, **given: object) -> None:
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/entitlements", json=ASKED | {"reason": REASON} | given))


def _withdraw(running: Running, subscription: Thing, name: str = DATA, **given: object) -> None:
    body = {"name": name, "approver": "Head of licensing", "withdraw": True} | given
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/entitlements", json=body))


def _of(running: Running, subscription: Thing) -> Thing:
    return done(running.support.get(f"/v1/subscriptions/{subscription['id']}/entitlements"))


def _one(running: Running, subscription: Thing, name: str = DATA) -> Thing:
    return next(each for each in _of(running, subscription)["entitlements"] if each["name"] == name)


def _holders(running: Running, name: str = DATA, as_of: datetime | str | None = None, **query: object) -> list[Thing]:
    running.catch_up()
    given = {"as_of": as_of if isinstance(as_of, str) else as_of.isoformat()} if as_of else {}
    return done(running.support.get(HOLDERS, params={"entitlement": name} | given | query))["items"]


def _at(running: Running, instant: datetime) -> None:
    """Time goes on, and nobody does what falls due."""
    set_clock(running.assembly, instant)


def _rows(running: Running) -> list[Span]:
    """What the table says, of all subscriptions."""
    running.catch_up()
    with running.assembly.database.reading() as connection:
        rows = connection.execute(table.select().order_by(table.c.position, table.c.name)).all()
    return [Span(**{name: getattr(row, name) for name in Span.__dataclass_fields__}) for row in rows]


# one subscription


def test_what_came_with_the_term_and_what_was_granted_besides(running: Running):
    _, subscription = running.subscribed()
    running.wait(days=1)
    _grant(running, subscription, limit=7)
    shown = _of(running, subscription)
    assert (shown["status"], shown["gives_access"]) == ("active", True)
    assert [each["name"] for each in shown["entitlements"]] == [*INCLUDED, DATA]
    assert all(each["in_force"] for each in shown["entitlements"])
    included = shown["entitlements"][0]
    assert (included["limit"], included["approver"], included["requester"], included["until"]) == (100_000, None, None, None)
    granted = shown["entitlements"][-1]
    assert {name: granted[name] for name in ("limit", "approver", "requester", "until", "since", "granted_by")} == {
        "limit": 7,
        "approver": "Head of licensing",
        "requester": "The library",
        "until": "2027-06-01T00:00:00Z",
        "since": "2027-02-01T10:00:00Z",
        "granted_by": "support",
    }
    (entry,) = granted["history"]
    assert (entry["what"], entry["actor"], entry["reason"], entry["position"]) == (
        "granted",
        "support",
        "contract: annex 2",
        granted["position"],
    )


def test_granted_anew_withdrawn_and_granted_again(running: Running):
    _, subscription = running.subscribed()
    _grant(running, subscription)
    _grant(running, subscription)  # the same again is nothing
    running.wait(days=1)
    _grant(running, subscription, until=None, approver="The director")
    running.wait(days=1)
    _withdraw(running, subscription, requester="The faculty", reason={"code": "correction"})
    _withdraw(running, subscription)  # done already
    gone = _one(running, subscription)
    assert not gone["in_force"]
    assert (gone["since"], gone["until"]) == ("2027-02-01T10:00:00Z", "2027-02-02T10:00:00Z")
    running.wait(days=1)
    _grant(running, subscription)
    back = _one(running, subscription)
    assert back["in_force"]
    told = [(each["what"], each["at"][:10], each["approver"], each["requester"], each["reason"]) for each in back["history"]]
    assert told == [
        ("granted", "2027-01-31", "Head of licensing", "The library", "contract: annex 2"),
        ("granted", "2027-02-01", "The director", "The library", "contract: annex 2"),
        ("withdrawn", "2027-02-02", "Head of licensing", "The faculty", "correction"),
        ("granted", "2027-02-03", "Head of licensing", "The library", "contract: annex 2"),
    ]
    positions = [each["position"] for each in back["history"]]
    assert positions == sorted(set(positions))


def test_it_is_in_force_until_the_very_microsecond(on_sqlite: Running):
    _, subscription = on_sqlite.subscribed()
    _grant(on_sqlite, subscription)
    until = datetime.fromisoformat(ASKED["until"])
    for instant, in_force in ((until - MICROSECOND, True), (until, False)):
        _at(on_sqlite, instant)
        assert _one(on_sqlite, subscription)["in_force"] is in_force
        assert len(_holders(on_sqlite)) == in_force
        assert len(_holders(on_sqlite, as_of=until - MICROSECOND)) == 1


def test_a_hold_takes_nothing_away_and_nothing_can_be_used(running: Running):
    account, subscription = running.subscribed()
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/suspend", json={}))
    assert (_of(running, subscription)["gives_access"], _one(running, subscription, "branding")["in_force"]) == (False, True)
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/resume"))
    assert _of(running, subscription)["gives_access"]
    done(running.support.post(f"/v1/accounts/{account['id']}/suspend"))
    assert (_of(running, subscription)["status"], _of(running, subscription)["gives_access"]) == ("active", False)
    (held,) = _holders(running, "branding")
    assert (held["status"], held["gives_access"], held["institution"]) == ("active", False, account["institution"])


def test_the_term_ends_and_everything_with_it_and_comes_back_when_it_does(running: Running):
    _, subscription = running.subscribed()
    _grant(running, subscription, until="2029-01-01T00:00:00Z")
    _grant(running, subscription, name="bulk_data:scholarly")  # over by then
    granted = _one(running, subscription)["position"]
    path = f"/v1/subscriptions/{subscription['id']}"
    running.advance(subscription["term"]["ends_at"])
    lapses_at = datetime.fromisoformat(done(running.support.get(path))["grace_ends_at"])
    _at(running, lapses_at - MICROSECOND)
    assert _one(running, subscription)["in_force"], "grace gives access"
    assert len(_holders(running)) == 1
    _at(running, lapses_at)
    for _ in range(2):
        assert not _one(running, subscription)["in_force"]
        assert datetime.fromisoformat(_one(running, subscription)["until"]) == lapses_at
        assert _holders(running) == []
        (before,) = _holders(running, as_of=lapses_at - MICROSECOND)
        assert datetime.fromisoformat(before["until"]) == lapses_at
        running.settle()  # now it is recorded too, and nothing else is told
    running.wait(days=1)
    done(running.support.post(f"{path}/reinstate", json={"mode": "fresh", "months": 12}))
    back = _one(running, subscription)
    assert back["in_force"]
    assert (back["position"], back["approver"], back["granted_by"]) == (granted, "Head of licensing", "support")
    assert [each["what"] for each in back["history"]] == ["granted", "ended", "regained"]
    over = _one(running, subscription, "bulk_data:scholarly")
    assert (over["in_force"], over["until"], [each["what"] for each in over["history"]]) == (False, ASKED["until"], ["granted"])
    assert len(_holders(running)) == 1
    assert _holders(running, as_of=lapses_at + MICROSECOND) == []


def test_a_renewal_keeps_what_the_term_brought(on_sqlite: Running):
    _, subscription = on_sqlite.subscribed()
    done(on_sqlite.support.post(f"/v1/subscriptions/{subscription['id']}/renew", json={}))
    on_sqlite.wait(days=400)
    assert [(each["name"], each["in_force"]) for each in _of(on_sqlite, subscription)["entitlements"]] == [
        (each, True) for each in INCLUDED
    ]


def test_a_librarian_sees_the_own_without_our_reasons(running: Running):
    _, subscription = running.subscribed()
    eth, theirs = running.subscribed(running.another())
    _grant(running, theirs)
    librarian = running.client("institution", account=eth)
    shown = done(librarian.get(f"/v1/subscriptions/{theirs['id']}/entitlements"))
    assert {entry["reason"] for each in shown["entitlements"] for entry in each["history"]} == {None}
    refused(librarian.get(f"/v1/subscriptions/{subscription['id']}/entitlements"), 404, "not-found")


def test_before_the_activation_there_is_none(on_sqlite: Running):
    subscription = on_sqlite.open(on_sqlite.convert(on_sqlite.nominate()))
    assert _of(on_sqlite, subscription) == {
        "subscription_id": subscription["id"],
        "status": "pending",
        "gives_access": False,
        "entitlements": [],
    }


# across institutions


def test_who_had_it_on_a_day_and_who_approved_it(running: Running):
    (_, mit), (eth_account, eth) = running.subscribed(), running.subscribed(running.another())
    _grant(running, mit)
    running.wait(days=10)
    _grant(running, eth, approver="The director", requester=None, until=None)
    running.wait(days=30)
    since = datetime.fromisoformat(_one(running, eth)["since"])
    _withdraw(running, eth)
    withdrawn = running.now
    running.wait(days=30)
    on_the_third = _holders(running, as_of="2027-03-03T00:00:00Z")
    assert [(each["subscription_id"], each["approver"], each["requester"]) for each in on_the_third] == [
        (mit["id"], "Head of licensing", "The library"),
        (eth["id"], "The director", None),
    ]
    assert on_the_third[1]["account_id"] == eth_account["id"]
    assert datetime.fromisoformat(on_the_third[1]["until"]) == withdrawn
    for instant, holds in ((since - MICROSECOND, 1), (since, 2), (withdrawn - MICROSECOND, 2), (withdrawn, 1)):
        assert len(_holders(running, as_of=instant)) == holds, instant


def test_the_standing_is_that_of_the_day(on_sqlite: Running):
    account, subscription = on_sqlite.subscribed()
    on_sqlite.wait(days=1)
    done(on_sqlite.support.post(f"/v1/subscriptions/{subscription['id']}/suspend", json={}))
    on_sqlite.wait(days=1)
    done(on_sqlite.support.post(f"/v1/subscriptions/{subscription['id']}/resume"))
    done(on_sqlite.support.post(f"/v1/accounts/{account['id']}/suspend"))
    told = [
        (held["status"], held["gives_access"])
        for day in ("01-31T12", "02-01T12", "02-02T10")
        for held in _holders(on_sqlite, "branding", f"2027-{day}:00:00Z")
    ]
    assert told == [("active", True), ("suspended", False), ("active", False)]


def test_page_after_page_and_those_that_are_over_unrecorded_take_no_place(on_sqlite: Running):
    held = [on_sqlite.subscribed(on_sqlite.another(f"uni{number}"))[1] for number in range(6)]
    for each in held[1::2]:
        done(on_sqlite.support.post(f"/v1/subscriptions/{each['id']}/renew", json={}))
    _at(on_sqlite, datetime.fromisoformat("2028-07-01T00:00:00Z"))
    on_sqlite.catch_up()
    found, after = [], "0"
    while after is not None:
        page = done(on_sqlite.support.get(HOLDERS, params={"entitlement": "branding", "limit": 2, "after": after}))
        found.append([each["subscription_id"] for each in page["items"]])
        after = page["next"]
    assert [id for ids in found for id in ids] == [each["id"] for each in held[1::2]]
    assert max(len(ids) for ids in found) == 2


def test_what_is_not_past_is_not_known(on_sqlite: Running):
    tomorrow = (on_sqlite.now + timedelta(days=1)).isoformat()
    answer = on_sqlite.support.get(HOLDERS, params={"entitlement": DATA, "as_of": tomorrow})
    assert refused(answer, 422, "invalid-request")["field"] == "query.as_of"
    assert "not past yet" in answer.json()["detail"]
    assert _holders(on_sqlite, "no_such_thing") == []
    refused(on_sqlite.support.get(HOLDERS), 422, "invalid-request")


@pytest.mark.parametrize("often", [True, False])
def test_the_table_says_what_the_events_say_however_it_follows(on_sqlite: Running, often: bool):
    """Event by event as they come, and all at once."""
    first, second = (on_sqlite.subscribed(on_sqlite.another(name))[1] for name in ("eth", "epfl"))
    for hour in range(4):
        set_clock(on_sqlite.assembly, on_sqlite.now + timedelta(hours=1))
        for subscription in (first, second):
            _grant(on_sqlite, subscription, limit=hour)
            if often:
                on_sqlite.catch_up()
            _withdraw(on_sqlite, subscription, INCLUDED[hour])
    done(on_sqlite.support.post(f"/v1/subscriptions/{first['id']}/cancel", json={"when": "now"}))
    told = [span for each in (first, second) for span in spans_of(on_sqlite.assembly.lifecycle, UUID(each["id"]))]
    by_place = sorted(told, key=lambda span: (span.position, span.name))
    assert _rows(on_sqlite) == by_place
    assert len(by_place) == 2 * (len(INCLUDED) + 4)
    on_sqlite.assembly.tables.rebuild()
    assert _rows(on_sqlite) == by_place
