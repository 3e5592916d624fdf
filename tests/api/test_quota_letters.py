"""Whoever has used up most of a quota month is told, and told again when it is used up: once each, however often it is looked at."""

from datetime import UTC, datetime, timedelta

import pytest

from ops.assembly import Assembly
from tests.api.running import LIBRARY, Running, Thing, done

NEXT_RESET = datetime(2027, 2, 28, 10, tzinfo=UTC)
ADA_AT = "ada@mit.edu"


class Used:
    def __init__(self, running: Running) -> None:
        self.running = running
        self.account, self.subscription = running.subscribed()
        self.plan = running.request_plan(self.subscription)
        self.ours, self.adas = running.issue(self.account), running.issue(self.plan)
        self.gateway = running.client("gateway")
        self.batches = 0
        running.settle()

    def use(self, token: Thing, requests: int, product: str = "scholarly", records: int = 0, at: datetime | None = None) -> None:
        self.batches += 1
        instant = (at or self.running.now).isoformat()
        entry = {"token_id": token["id"], "product": product, "at": instant, "requests": requests, "records": records}
        done(self.gateway.post("/v1/usage", json={"batch_id": f"{self.batches}", "entries": [entry]}))
        self.running.settle()

    def letters(self) -> tuple[list[str], list[str]]:
        """To whom the two letters went."""
        return self.running.letters("quota-nearly-used"), self.running.letters("quota-used")


@pytest.fixture
def used(running: Running) -> Used:
    return Used(running)


def test_at_80_per_cent_and_at_all_of_it_one_letter_each(used):
    used.use(used.ours, 39_999)
    assert ([], []) == used.letters()
    used.use(used.ours, 1)
    assert ([LIBRARY], []) == used.letters()
    used.use(used.ours, 9_999)
    assert ([LIBRARY], []) == used.letters()
    used.use(used.ours, 1)
    used.use(used.ours, 5_000)
    assert ([LIBRARY], [LIBRARY]) == used.letters()


def test_calls_that_are_let_in_count_like_reported_ones(used):
    used.use(used.ours, 39_999)
    question = {"token": used.ours["secret"], "product": "scholarly"}
    assert done(used.gateway.post("/v1/access/check", json=question))["allowed"]
    used.running.settle()
    assert ([LIBRARY], []) == used.letters()


def test_a_person_is_told_of_the_own_plan_and_the_library_of_its_own(used):
    used.use(used.adas, 4_000)
    assert ([ADA_AT], []) == used.letters()
    used.use(used.adas, 1_000)
    used.use(used.ours, 4_000, "patent_aggregation")
    assert ([ADA_AT, LIBRARY], [ADA_AT]) == used.letters()
    sent = [each.message for each in used.running.catcher.messages if each.message["X-Tenure-Template"] == "quota-used"]
    (letter,) = sent
    assert "The month's requests are used up: Scholarly API" == letter["Subject"]
    text = " ".join(letter.get_body(("plain",)).get_content().split())
    assert "You have used 5,000 requests of the Scholarly API in this month; its limit is 5,000." in text
    assert "until 28 February 2027, 05:00 (America/New_York)" in text


def test_each_product_is_a_quota_of_its_own(used):
    for product in ("scholarly", "patent", "scholarly_aggregation", "patent_aggregation"):
        used.use(used.ours, 50_000, product)
    assert ([], [LIBRARY] * 4) == used.letters()


def test_records_are_told_of_where_they_are_limited(used):
    plan = {"product": "patent", "requests_per_month": 20_000, "requests_per_minute": 10, "records_per_month": 1_000}
    change = {"plans": [plan], "when": "now"}
    used.use(used.ours, 1, "patent", records=5_000)
    assert ([], []) == used.letters()
    done(used.running.support.post(f"/v1/subscriptions/{used.subscription['id']}/change-plans", json=change))
    used.running.settle()
    assert ([], [LIBRARY]) == used.letters()


def test_in_the_next_month_it_is_told_again(used):
    used.use(used.ours, 50_000)
    used.running.advance((NEXT_RESET - timedelta(seconds=1)).isoformat())
    used.use(used.ours, 1)
    assert ([], [LIBRARY]) == used.letters()
    used.running.advance(NEXT_RESET.isoformat())
    used.use(used.ours, 40_000)
    used.use(used.ours, 10_000)
    assert ([LIBRARY], [LIBRARY, LIBRARY]) == used.letters()


def test_nobody_is_told_of_a_month_that_was_over_when_it_was_reported(used):
    used.running.advance((NEXT_RESET + timedelta(hours=1)).isoformat())
    used.use(used.ours, 50_000, at=NEXT_RESET - timedelta(hours=1))
    assert ([], []) == used.letters()


def test_a_restart_and_a_rebuild_tell_nobody_twice(used):
    used.use(used.ours, 50_000)
    used.use(used.adas, 4_500)
    told = used.letters()
    assert ([ADA_AT], [LIBRARY]) == told
    assembly = used.running.assembly
    assembly.tables.rebuild()
    used.running.settle()
    again = Assembly(assembly.settings, smtp_url=used.running.catcher.url)
    again.prepare()
    again.heartbeat.drain()
    again.close()
    used.use(used.ours, 1)
    assert told == used.letters()
    assert 2 == sum(each.message["X-Tenure-Template"].startswith("quota-") for each in used.running.catcher.messages)


def test_whose_plan_has_ended_is_not_told(used):
    used.running.ask_of(used.plan, "end", cause="left")
    used.use(used.adas, 5_000)
    assert ([], []) == used.letters()


def test_a_rule_says_which_shares_are_told_of(running_by):
    used = Used(running_by("quota_percents = [50]"))
    used.use(used.ours, 50_000)
    assert ([LIBRARY], []) == used.letters()
