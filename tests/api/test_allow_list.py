"""The allow-list as the security provider reads it: true at the instant, cheap to ask again, and on record."""

import hashlib
from datetime import datetime, timedelta
from ipaddress import IPv4Network

import pytest

from tests.api.running import Running, Thing, done, refused
from tests.scheduler.house import set_clock

LIST = "/v1/allow-list"
SERVED = f"{LIST}/served"
PLAIN = {"Accept": "text/plain"}
MICROSECOND = timedelta(microseconds=1)


def _ranges(running: Running) -> list[str]:
    return done(running.client("security-provider").get(LIST))["ranges"]


def _set(running: Running, account: Thing, *ranges: str) -> None:
    done(running.support.put(f"/v1/accounts/{account['id']}/ip-ranges", json={"ip_ranges": list(ranges)}))


def _at(running: Running, instant: datetime) -> None:
    """Time goes on, and nobody does what falls due."""
    set_clock(running.assembly, instant)


def _served(running: Running, **query: object) -> list[Thing]:
    return done(running.support.get(SERVED, params=query))["items"]


# whose networks


def test_the_networks_of_those_who_have_access_in_as_few_ranges_as_there_can_be(running: Running):
    mit, _ = running.subscribed()
    _set(running, mit, "18.0.0.0/9", "18.128.0.0/10", "18.192.0.0/10", "18.9.0.0/16", "2a00:1450:8000::/33")
    running.subscribed(running.another("eth", ip_ranges=["129.132.0.0/16", "2a00:1450::/33"]))
    running.another("epfl", ip_ranges=["128.178.0.0/16"])  # no subscription
    shown = done(running.client("security-provider").get(LIST))
    assert shown["ranges"] == ["18.0.0.0/8", "129.132.0.0/16", "2a00:1450::/32"]
    assert shown["position"] == running.assembly.store.log.max_notification_id()


def test_a_change_is_there_at_once_though_no_follower_ran(running: Running):
    account, subscription = running.subscribed()
    path = f"/v1/subscriptions/{subscription['id']}"
    for url, body, expected in (
        (f"{path}/suspend", {}, []),
        (f"{path}/resume", {}, ["18.0.0.0/9"]),
        (f"/v1/accounts/{account['id']}/suspend", {}, []),
        (f"/v1/accounts/{account['id']}/reinstate", {}, ["18.0.0.0/9"]),
        (f"{path}/cancel", {"when": "now"}, []),
    ):
        done(running.support.post(url, json=body))
        assert _ranges(running) == expected, url
    running.activate(running.open(account))
    assert _ranges(running) == ["18.0.0.0/9"]
    _set(running, account, "18.9.0.0/16")
    assert _ranges(running) == ["18.9.0.0/16"]


def test_another_process_sees_it_too(running: Running):
    account, _ = running.subscribed()
    beside = running.assembly.__class__(running.assembly.settings, smtp_url=running.catcher.url)
    elsewhere = running.client("security-provider", app=beside.api())
    assert done(elsewhere.get(LIST))["ranges"] == ["18.0.0.0/9"]
    done(running.support.post(f"/v1/accounts/{account['id']}/suspend"))
    assert done(elsewhere.get(LIST))["ranges"] == []
    beside.close()


def test_what_ends_is_out_at_that_very_microsecond_though_nobody_recorded_it(running: Running):
    _, subscription = running.subscribed()
    ends_at = datetime.fromisoformat(subscription["term"]["ends_at"])
    for instant in (ends_at - MICROSECOND, ends_at):
        _at(running, instant)
        assert _ranges(running) == ["18.0.0.0/9"], "grace gives access"
    path = f"/v1/subscriptions/{subscription['id']}"
    grace_ends_at = datetime.fromisoformat(done(running.support.get(path))["grace_ends_at"])
    before = running.assembly.store.log.max_notification_id()
    _at(running, grace_ends_at - MICROSECOND)
    tag = running.client("security-provider").get(LIST).headers["etag"]
    _at(running, grace_ends_at)
    answer = running.client("security-provider").get(LIST, headers={"If-None-Match": tag})
    assert done(answer)["ranges"] == []
    assert running.assembly.store.log.max_notification_id() == before, "nothing was recorded"


def test_a_hold_with_an_end_is_over_at_that_very_microsecond(on_sqlite: Running):
    _, subscription = on_sqlite.subscribed()
    until = "2027-03-01T00:00:00Z"
    done(on_sqlite.support.post(f"/v1/subscriptions/{subscription['id']}/suspend", json={"until": until}))
    _at(on_sqlite, datetime.fromisoformat(until) - MICROSECOND)
    assert _ranges(on_sqlite) == []
    _at(on_sqlite, datetime.fromisoformat(until))
    assert _ranges(on_sqlite) == ["18.0.0.0/9"]


def test_it_says_the_same_as_the_list_of_subscriptions(on_sqlite: Running):
    """The two are decided by one rule."""
    worlds = {name: on_sqlite.subscribed(on_sqlite.another(name, ip_ranges=[f"18.{place}.0.0/16"]))[1] for place, name in enumerate("abcd")}
    path = "/v1/subscriptions/{}"
    done(on_sqlite.support.post(f"{path.format(worlds['a']['id'])}/suspend", json={}))
    done(on_sqlite.support.post(f"{path.format(worlds['b']['id'])}/renew", json={}))
    done(on_sqlite.support.post(f"{path.format(worlds['c']['id'])}/cancel", json={"when": "term_end"}))
    for days in (0, 360, 380, 420):
        _at(on_sqlite, datetime.fromisoformat("2027-02-01T00:00:00Z") + timedelta(days=days))
        shown = {name: done(on_sqlite.support.get(path.format(each["id"])))["status"] for name, each in worlds.items()}
        fitting = [f"18.{place}.0.0/16" for place, name in enumerate("abcd") if shown[name] in {"active", "grace"}]
        told = _ranges(on_sqlite)
        assert all(any(_holds(each, one) for each in told) for one in fitting), (shown, told)
        assert len(fitting) == sum(1 << 16 - int(each.partition("/")[2]) for each in told)


def _holds(range: str, other: str) -> bool:
    return IPv4Network(other).subnet_of(IPv4Network(range))


# how it is asked for


@pytest.mark.parametrize(
    ("accept", "plain"),
    [
        (None, False),
        ("*/*", False),
        ("application/json", False),
        ("application/*", False),
        ("text/html", False),
        ("text/plain", True),
        ("TEXT/PLAIN; charset=utf-8", True),
        ("text/*", True),
        ("text/plain, application/json;q=0.9", True),
        ("text/plain;q=0.5, application/json", False),
        ("text/plain, */*;q=0.1", True),
        ("text/plain;q=0, */*", False),
        ("text/plain;q=nonsense", True),
        (",;,", False),
    ],
)
def test_as_json_unless_plain_text_is_wanted_rather(shared: Running, accept, plain):
    client = shared.client("security-provider")
    client.headers.pop("accept")
    answer = client.get(LIST, headers={"Accept": accept} if accept is not None else {})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == ("text/plain; charset=utf-8" if plain else "application/json")
    assert answer.headers["vary"] == "Accept"


def test_plain_text_is_a_range_a_line_and_its_tag_is_its_digest(running: Running):
    mit, _ = running.subscribed()
    _set(running, mit, "18.0.0.0/9", "2a00:1450::/32")
    answer = running.client("security-provider").get(LIST, headers=PLAIN)
    assert answer.text == "18.0.0.0/9\n2a00:1450::/32\n"
    assert answer.headers["etag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    assert int(answer.headers["x-position"]) == running.assembly.store.log.max_notification_id()


def test_who_has_it_already_is_told_so_until_a_range_changes(running: Running):
    account, _ = running.subscribed()
    provider = running.client("security-provider")
    for form in ({}, PLAIN):
        _set(running, account, "18.0.0.0/9")
        first = provider.get(LIST, headers=form)
        tag = first.headers["etag"]
        assert not tag.startswith("W/")
        running.another(f"eth{len(form)}")  # something happens that is no matter of the list
        again = provider.get(LIST, headers=form | {"If-None-Match": f'"other", {tag}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert int(again.headers["x-position"]) > int(first.headers["x-position"])
        assert provider.get(LIST, headers=form | {"If-None-Match": "*"}).status_code == 304
        _set(running, account, "18.9.0.0/16")
        changed = provider.get(LIST, headers=form | {"If-None-Match": tag})
        assert changed.status_code == 200
        assert changed.headers["etag"] != tag


def test_each_form_has_a_tag_of_its_own(shared: Running):
    provider = shared.client("security-provider")
    tag = provider.get(LIST).headers["etag"]
    assert provider.get(LIST, headers=PLAIN | {"If-None-Match": tag}).status_code == 200


def test_a_security_provider_sees_nothing_else(shared: Running):
    provider = shared.client("security-provider")
    for path in (SERVED, f"{SERVED}/{'0' * 64}", "/v1/accounts", "/v1/subscriptions", "/v1/history", "/v1/entitlements/holders"):
        refused(provider.get(path), 403, "role-not-allowed")


# what was served


def test_a_poll_that_finds_nothing_new_extends_the_record_and_another_list_begins_one(running: Running):
    account, _ = running.subscribed()
    provider = running.client("security-provider")
    first = provider.get(LIST, headers=PLAIN)
    for _ in range(3):
        running.wait(hours=1)
        provider.get(LIST, headers=PLAIN | {"If-None-Match": first.headers["etag"]})
    provider.get(LIST)
    running.wait(hours=1)
    _set(running, account, "18.9.0.0/16")
    changed = provider.get(LIST)
    running.admin.get(LIST)
    records = _served(running)
    assert [(each["caller"], each["role"], each["times"], each["unchanged"], each["ranges"]) for each in records] == [
        ("admin", "admin", 1, 0, 1),
        ("security-provider", "security-provider", 1, 0, 1),
        ("security-provider", "security-provider", 5, 3, 1),
    ]
    oldest = records[-1]
    assert oldest["digest"] == hashlib.sha256(first.content).hexdigest()
    assert (oldest["first_served_at"], oldest["last_served_at"]) == ("2027-01-31T10:00:00Z", "2027-01-31T13:00:00Z")
    assert oldest["first_position"] == int(first.headers["x-position"])
    assert records[1]["first_position"] == changed.json()["position"]
    assert [each["caller"] for each in _served(running, of="admin")] == ["admin"]


def test_what_the_provider_saw_on_a_day_can_be_told_for_ever(running: Running):
    account, _ = running.subscribed()
    provider = running.client("security-provider")
    for day, ranges in ((1, "18.1.0.0/16"), (3, "18.3.0.0/16"), (5, "18.1.0.0/16")):
        _at(running, datetime.fromisoformat(f"2027-03-0{day}T12:00:00Z"))
        _set(running, account, ranges)
        provider.get(LIST)
    running.assembly.tables.rebuild()
    for before, expected in (("03-01T12:00:00Z", None), ("03-03T12:00:00Z", "18.1.0.0/16"), ("03-04T00:00:00Z", "18.3.0.0/16")):
        found = _served(running, of="security-provider", before=f"2027-{before}", limit=1)
        ranges = [done(running.support.get(f"{SERVED}/{each['digest']}"))["ranges"] for each in found]
        assert ranges == ([[expected]] if expected else []), before
    assert len(_served(running)) == 3
    assert len({each["digest"] for each in _served(running)}) == 2


def test_records_come_page_after_page_the_latest_first(on_sqlite: Running):
    account, _ = on_sqlite.subscribed()
    for number in range(5):
        _set(on_sqlite, account, f"18.{number}.0.0/16")
        _ranges(on_sqlite)
    found, after = [], "0"
    while after is not None:
        page = done(on_sqlite.support.get(SERVED, params={"limit": 2, "after": after}))
        found += [each["first_position"] for each in page["items"]]
        after = page["next"]
    assert len(found) == 5
    assert found == sorted(found, reverse=True)


def test_a_list_that_nobody_was_served_is_not_there(shared: Running):
    refused(shared.support.get(f"{SERVED}/{'0' * 64}"), 404, "not-found")
    refused(shared.support.get(f"{SERVED}/nonsense"), 422, "invalid-request")
