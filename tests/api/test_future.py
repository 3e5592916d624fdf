"""What is coming, asked over HTTP; and the calendar that anybody with its address may read."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from icalendar import Calendar

from tests.api.running import Running, Thing, done, refused


def future(running: Running, account: Thing, **query: Any) -> Thing:
    running.catch_up()
    return done(running.support.get(f"/v1/accounts/{account['id']}/future", params=query))


def topics(told: Thing) -> list[str]:
    return [each["topic"] for each in told["events"]]


def test_what_comes_is_told_before_it_comes(running: Running):
    account, subscription = running.subscribed()
    running.issue(account)
    running.request_plan(subscription)
    running.settle()
    until = "2028-07-01T00:00:00Z"
    told = future(running, account, until=until)
    came = running.advance(until)
    assert sorted(
        (each["at"], each["stream_id"], each["topic"]) for each in came["events"] if not each["topic"].startswith("email.")
    ) == sorted((each["at"], each["stream_id"], each["topic"]) for each in told["events"])
    assert sorted((each["at"], each["template"], each["to"], each["subject"]) for each in came["emails"]) == sorted(
        (each["at"], each["template"], each["to"], each["subject"]) for each in told["emails"]
    )
    assert told["totals"]["events"] == len(told["events"]) > 30
    assert told["totals"]["emails"] == len(told["emails"]) > 10


def test_nothing_happens_by_looking(running: Running):
    account, _ = running.subscribed()
    running.settle()
    head = running.assembly.store.log.max_notification_id()
    for scenario in ("as-is", "renew-today", "renew-in-grace", "let-lapse"):
        future(running, account, scenario=scenario)
    assert running.assembly.store.log.max_notification_id() == head


def test_who_is_cut_off_when_nobody_renews_in_grace_and_today(running: Running):
    account, subscription = running.subscribed()
    running.issue(account)
    running.request_plan(subscription)
    running.settle()
    ends, day = datetime.fromisoformat(subscription["term"]["ends_at"]), timedelta(days=1)
    lapse, grace, today = (future(running, account, scenario=each) for each in ("let-lapse", "renew-in-grace", "renew-today"))
    cut = next(each for each in lapse["turns"] if each["what"] == "institution")
    assert (datetime.fromisoformat(cut["at"]), cut["works"]) == (ends + 30 * day, False)
    assert [each for each in grace["turns"] + today["turns"] if each["what"] == "institution"] == []
    assert "subscription.lapsed" in topics(lapse)
    assert "subscription.grace-started" in topics(grace)
    assert "subscription.grace-started" not in topics(today)[: topics(today).index("subscription.term-rolled-over")]
    renewed = next(each for each in grace["events"] if each["topic"] == "subscription.renewed")
    assert datetime.fromisoformat(renewed["at"]) == ends + day
    assert renewed["sentence"].startswith("somebody renewed the subscription")
    assert any(each["template"] == "subscription-in-grace" for each in grace["emails"])
    assert not any(each["template"] == "subscription-in-grace" and each["at"] < "2028-12" for each in today["emails"])


def test_a_queued_renewal_is_taken_back_where_nobody_is_to_renew(running: Running):
    account, subscription = running.subscribed()
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/renew", json={}))
    running.settle()
    assert "subscription.renewal-withdrawn" in topics(future(running, account, scenario="let-lapse"))


def test_whoever_has_no_subscription_cannot_renew(running: Running):
    account = running.convert(running.nominate())
    running.settle()
    assert future(running, account)["turns"] == []
    answer = running.support.get(f"/v1/accounts/{account['id']}/future?scenario=renew-today")
    assert refused(answer, 409, "no-subscription")["field"] == "query.scenario"


def test_eighteen_months_and_no_further(running: Running):
    account, _ = running.subscribed()
    running.settle()
    assert future(running, account)["until"] == "2028-07-31T10:00:00Z"
    for until in ("2028-07-31T10:00:01Z", "2027-01-31T09:59:59Z"):
        answer = running.support.get(f"/v1/accounts/{account['id']}/future", params={"until": until})
        assert refused(answer, 422, "invalid-request")["field"] == "query.until"


def test_a_librarian_sees_the_own_future_only(running: Running):
    account, _ = running.subscribed()
    other = running.another()
    librarian = running.client("institution", account=account)
    running.settle()
    for what in ("future", "calendar"):
        done(librarian.get(f"/v1/accounts/{account['id']}/{what}"))
        refused(librarian.get(f"/v1/accounts/{other['id']}/{what}"), 404, "not-found")


def test_the_calendar_tells_of_the_institution_and_of_nobody(running: Running):
    account, subscription = running.subscribed()
    running.issue(account)
    running.request_plan(subscription)
    running.settle()
    url = done(running.support.get(f"/v1/accounts/{account['id']}/calendar"))["url"]
    assert url.startswith("https://tenure.example.edu/calendars/")
    path = url.removeprefix("https://tenure.example.edu")
    answer = running.client(None).get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    entries = Calendar.from_ical(answer.content).walk("VEVENT")
    said = {(each["summary"], each["dtstart"].dt) for each in entries}
    ends = datetime.fromisoformat(subscription["term"]["ends_at"])
    assert ("The term has ended: grace begins", ends) in said
    assert ("The subscription lapses", ends + timedelta(days=30)) in said
    assert "ada@" not in answer.text
    assert len({each["uid"] for each in entries}) == len(entries) > 5
    again = Calendar.from_ical(running.client(None).get(path).content)
    assert [each["uid"] for each in again.walk("VEVENT")] == [each["uid"] for each in entries]


def test_the_address_of_a_calendar_cannot_be_guessed(running: Running):
    account, subscription = running.subscribed()
    plan = running.invite(subscription)
    links = running.assembly.links
    for value in ("x" * 64, links.sign(UUID(account["id"]), UUID(account["id"])), links.sign(UUID(plan["id"]), UUID(plan["id"]))):
        assert running.client(None).get(f"/calendars/{value}.ics").status_code in {404, 422}
