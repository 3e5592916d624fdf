"""Events in pages and as a stream, within this process: who is told what, and where it goes on."""

import asyncio

import pytest

from api.feed import Feed
from tests.api.running import Running, Thing, done, refused


@pytest.fixture
def told(on_sqlite: Running) -> Running:
    on_sqlite.subscribed()
    return on_sqlite


def streamed(text: str) -> list[tuple[int, str]]:
    """The id and the name of each event of a stream."""
    found = []
    for block in text.split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((int(fields["id"]), fields["event"]))
    return found


def test_pages_go_on_where_the_one_before_ended(told: Running):
    crm = told.client("integration")
    items: list[Thing] = []
    after = "0"
    while after is not None:
        page = done(crm.get(f"/v1/events?limit=3&after={after}"))
        items, after = items + page["items"], page["next"]
    assert [int(event["sequence"]) for event in items] == list(range(1, len(items) + 1))
    assert items == done(crm.get("/v1/events"))["items"]
    assert done(crm.get(f"/v1/events?after={items[-2]['sequence']}"))["items"] == items[-1:]
    assert [event["type"] for event in done(crm.get("/v1/events?topic=account.converted"))["items"]] == ["account.converted"]


def test_only_who_may_is_told_of_people(told: Running):
    for role in ("admin", "auditor"):
        assert done(told.client(role).get("/v1/events?limit=1"))["items"][0]["data"]["email"] == "library@mit.edu"
    crm = told.client("integration")
    assert "@" not in crm.get("/v1/events").text
    assert "@" not in crm.get("/v1/events/stream").text
    told.keys["integration"] = told.assembly.staff.add("mailing", "integration", personal=True)
    mailing = told.client("integration")
    assert "library@mit.edu" in mailing.get("/v1/events").text
    assert "library@mit.edu" in mailing.get("/v1/events/stream").text


def test_the_stream_tells_the_same_and_goes_on_behind_the_last_id(told: Running):
    crm = told.client("integration")
    items = [(int(event["sequence"]), event["type"]) for event in done(crm.get("/v1/events"))["items"]]
    answer = crm.get("/v1/events/stream")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert streamed(answer.text) == items
    assert streamed(crm.get("/v1/events/stream?after=2").text) == items[2:]
    assert streamed(crm.get("/v1/events/stream?after=2", headers={"Last-Event-ID": "3"}).text) == items[3:]
    assert crm.get("/v1/events/stream?after=999").text == ""
    refused(crm.get("/v1/events/stream", headers={"Last-Event-ID": "abc"}), 422, "invalid-request")


def test_a_long_log_is_told_page_by_page(told: Running):
    account = done(told.admin.get("/v1/events?limit=1"))["items"][0]["subject"]
    for number in range(120):
        done(told.support.post(f"/v1/accounts/{account}/amend", json={"institution": f"Name {number}"}))
    told.keys.clear()
    told.keys["integration"] = told.assembly.staff.add("crm", "integration")
    positions = [position for position, _ in streamed(told.client("integration").get("/v1/events/stream").text)]
    assert positions == list(range(1, len(positions) + 1))
    assert len(positions) > 120


def test_the_feed_wakes_who_waits_and_forgets_who_left():
    heads = [0]
    feed = Feed(lambda: heads[0])

    async def follow() -> None:
        assert feed.look() == 0
        reader = feed.join()
        assert not await reader.wait(0.01)
        heads[0] = 1
        assert feed.look() == 1
        assert await reader.wait(5)
        reader.clear()
        assert feed.look() == 0
        assert not await reader.wait(0.01)
        feed.close()
        assert await reader.wait(5)
        feed.leave(reader)
        heads[0] = 2
        assert feed.look() == 0

    asyncio.run(follow())
