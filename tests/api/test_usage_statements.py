"""Before the end of a term, and at its end, the institution is told what was used in it."""

from datetime import datetime

import pytest

from domain.events.itk_subscription import UsageStatementMade
from ops.assembly import Assembly
from tests.api.running import LIBRARY, Running, Thing, done
from tests.scheduler.house import happened

ENDS_AT = datetime.fromisoformat("2028-01-15T05:00:00+00:00")


class Used:
    def __init__(self, running: Running) -> None:
        self.running = running
        self.account, self.subscription = running.subscribed()
        self.plan = running.request_plan(self.subscription)
        self.ours, self.adas = running.issue(self.account), running.issue(self.plan)
        running.settle()

    def use(self, token: Thing, requests: int, product: str = "scholarly", records: int = 0) -> None:
        at = self.running.now.isoformat()
        entry = {"token_id": token["id"], "product": product, "at": at, "requests": requests, "records": records}
        body = {"batch_id": f"{token['id']}{product}{at}", "entries": [entry | {"refused": {"rate_minute": 1}}]}
        done(self.running.client("gateway").post("/v1/usage", json=body))

    def made(self) -> list[UsageStatementMade]:
        return [each.event for each in happened(self.running.assembly, UsageStatementMade)]


@pytest.fixture
def used(running: Running) -> Used:
    used = Used(running)
    used.use(used.ours, 5, records=50)
    running.advance("2027-02-20T12:00:00+00:00")
    used.use(used.ours, 7, "patent")
    used.use(used.adas, 2)
    return used


def test_thirty_days_before_the_end_and_at_the_end(used):
    used.running.advance("2027-12-20T00:00:00+00:00")
    used.use(used.ours, 1, "patent_aggregation")
    used.running.advance("2028-01-20T00:00:00+00:00")
    before, at_end = used.made()
    assert ("2027-12-16T05:00:00+00:00", 30, 1) == (before.at.isoformat(), before.days_left, before.people)
    assert (ENDS_AT, 0, ENDS_AT, 1) == (at_end.at, at_end.days_left, at_end.ends_at, at_end.number)
    assert [("scholarly", "2027-01", 5, 50), ("patent", "2027-02", 7, 0), ("scholarly", "2027-02", 2, 0)] == [
        (each.product, each.month, each.requests, each.records) for each in before.used
    ]
    assert [("patent_aggregation", "2027-12", 1)] == [(each.product, each.month, each.requests) for each in at_end.used[3:]]
    assert [LIBRARY, LIBRARY] == used.running.letters("usage-statement")
    sent = [each.message for each in used.running.catcher.messages if each.message["X-Tenure-Template"] == "usage-statement"]
    text = sent[-1].get_body(("plain",)).get_content()
    for line in (
        "- Scholarly API: 7 requests, 50 records",
        "- Patent Aggregation API: 1 request",
        "- February 2027: 9 requests",
        "People who used a plan of their own: 1.",
    ):
        assert line in text


def test_nobody_is_told_twice(used):
    used.running.advance("2028-01-20T00:00:00+00:00")
    assembly = used.running.assembly
    assembly.tables.rebuild()
    used.running.settle()
    again = Assembly(assembly.settings, smtp_url=used.running.catcher.url)
    again.prepare()
    again.heartbeat.drain()
    again.close()
    assert 2 == len(used.made())
    assert [LIBRARY, LIBRARY] == used.running.letters("usage-statement")


def test_after_an_outage_of_months_one_statement_is_made(used):
    used.running.assembly.clock.set(ENDS_AT.replace(month=6))
    used.running.settle()
    assert [(0, ENDS_AT)] == [(each.days_left, each.ends_at) for each in used.made()]


def test_a_term_that_is_renewed_is_stated_too(used):
    done(used.running.support.post(f"/v1/subscriptions/{used.subscription['id']}/renew", json={}))
    used.running.advance("2029-01-20T00:00:00+00:00")
    assert [(1, 30), (1, 0), (2, 30), (2, 0)] == [(each.number, each.days_left) for each in used.made()]
    assert [3, 3, 0, 0] == [len(each.used) for each in used.made()]
