"""Reports of usage: what a librarian asks for, and what opens in a spreadsheet."""

import csv

import pytest

from tests.api.running import ADA, Running, Thing, done, refused


class Used:
    """MIT, in New York, with a token of its own, Ada's, and what was called with both."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.account, self.subscription = running.subscribed()
        self.plan = running.request_plan(self.subscription)
        self.ours, self.adas = running.issue(self.account, "=repository"), running.issue(self.plan, "hers")
        self.librarian = running.client("institution", account=self.account)
        running.advance("2027-03-02T00:00:00+00:00")
        self.path = f"/v1/subscriptions/{self.subscription['id']}/usage"
        february, march = "2027-02-10T12:30:00+00:00", "2027-03-01T05:00:00+00:00"
        self.use(self.ours, "scholarly", "2027-01-31T10:00:00+00:00", 5, 50)
        self.use(self.ours, "scholarly", february, 7, 70, rate_minute=2)
        self.use(self.adas, "scholarly", february, 1, 0, rate_minute=1, quota_month=4)
        self.use(self.adas, "patent", "2027-03-01T04:59:00+00:00", 2)  # still February in New York
        self.use(self.adas, "patent", march, 3)
        running.catch_up()

    def use(self, token: Thing, product: str, at: str, requests: int, records: int = 0, **refusals: int) -> None:
        entry = {"token_id": token["id"], "product": product, "at": at, "requests": requests, "records": records, "refused": refusals}
        body = {"batch_id": f"{token['id']}{product}{at}", "entries": [entry]}
        done(self.running.client("gateway").post("/v1/usage", json=body))

    def rows(self, **asked: str) -> list[tuple]:
        """Only what the report is broken down by, and the sums."""
        report = done(self.librarian.get(self.path, params=asked))
        keys = [key for each in report["by"] for key in {"person": ["person"], "token": ["token"]}.get(each, [each])]
        return [(*(row[key] for key in keys), row["requests"], row["records"], row["refused"]) for row in report["rows"]]


@pytest.fixture
def used(running: Running) -> Used:
    return Used(running)


def test_a_report_is_of_the_current_term_by_product_and_month(used):
    report = done(used.librarian.get(used.path))
    assert ("2027-01-15T05:00:00Z", "2028-01-15T05:00:00Z") == (report["starts_at"], report["ends_at"])
    assert ("America/New_York", ["product", "month"]) == (report["time_zone"], report["by"])
    assert [
        ("scholarly", "2027-01", 5, 50, {}),
        ("patent", "2027-02", 2, 0, {}),
        ("scholarly", "2027-02", 8, 70, {"rate_minute": 3, "quota_month": 4}),
        ("patent", "2027-03", 3, 0, {}),
    ] == used.rows()
    assert {"requests": 18, "records": 120, "refused": {"rate_minute": 3, "quota_month": 4}} == report["totals"]


def test_by_person_and_by_token(used):
    assert [("ada@mit.edu", 6, 0, {"quota_month": 4, "rate_minute": 1}), ("institution", 12, 120, {"rate_minute": 2})] == sorted(
        used.rows(by="person")
    )
    assert [("=repository", 12, 120), ("hers", 6, 0)] == sorted(row[:3] for row in used.rows(by="token"))
    by_all = done(used.librarian.get(used.path, params={"by": "token,person,month,product"}))
    assert ["product", "month", "person", "token"] == by_all["by"]
    assert 5 == len(by_all["rows"])
    of_ada = next(row for row in by_all["rows"] if row["person"] == "ada@mit.edu")
    assert (used.plan["id"], used.adas["id"]) == (of_ada["user_plan_id"], of_ada["token_id"])
    ours = next(row for row in by_all["rows"] if row["person"] == "institution")
    assert (None, used.ours["id"]) == (ours["user_plan_id"], ours["token_id"])


@pytest.mark.parametrize(
    ("asked", "requests"),
    [
        ({"period": "2027"}, 18),
        ({"period": "2026"}, 0),
        ({"period": "2028"}, 0),
        ({"period": "2026/27"}, 18),
        ({"period": "2027/28"}, 0),
        ({"from": "2027-02-01", "to": "2027-03-01"}, 10),
        ({"from": "2027-03-01"}, 3),
        ({"to": "2027-02-01"}, 5),
        ({"from": "2027-02-10", "to": "2027-02-11"}, 8),
    ],
)
def test_periods_are_those_of_the_institutions_calendar(used, asked, requests):
    assert requests == sum(row[-3] for row in used.rows(by="product", **asked))


def test_an_academic_year_begins_in_september_or_when_the_rules_say(running_by):
    used = Used(running_by("academic_year_month = 3"))
    report = done(used.librarian.get(used.path, params={"period": "2026/27"}))
    assert ("2026-03-01T05:00:00Z", "2027-03-01T05:00:00Z") == (report["starts_at"], report["ends_at"])
    assert 15 == report["totals"]["requests"]


@pytest.mark.parametrize(
    ("asked", "slug"),
    [
        ({"period": "2027/29"}, "period-unclear"),
        ({"period": "2027", "from": "2027-01-01"}, "period-unclear"),
        ({"from": "2027-02-01", "to": "2027-02-01"}, "empty-period"),
        ({"period": "next year"}, "invalid-request"),
        ({"by": "colour"}, "invalid-request"),
        ({"format": "xml"}, "invalid-request"),
        ({"year": "2027"}, "unknown-parameter"),
    ],
)
def test_what_is_no_report(used, asked, slug):
    refused(used.librarian.get(used.path, params=asked), 422, slug)


def test_a_spreadsheet_has_each_reason_in_a_column_and_no_formula(used):
    answer = used.librarian.get(used.path, params={"by": "person,token", "format": "csv"})
    assert (200, "text/csv; charset=utf-8") == (answer.status_code, answer.headers["content-type"])
    assert "attachment" in answer.headers["content-disposition"]
    rows = sorted(csv.DictReader(answer.text.splitlines()), key=lambda row: row["person"])
    assert ["ada@mit.edu", "institution"] == [row["person"] for row in rows]
    assert ["hers", "'=repository"] == [row["token"] for row in rows]
    told = ("requests", "records", "refused", "refused_rate_minute", "refused_quota_month", "refused_token_expired")
    assert [["6", "0", "5", "1", "4", "0"], ["12", "120", "2", "2", "0", "0"]] == [[row[name] for name in told] for row in rows]


def test_whose_report_it_is(used):
    other = used.running.client("institution", account=used.running.another())
    refused(other.get(used.path), 404, "not-found")
    own = f"/v1/user-plans/{used.plan['id']}/usage"
    for client in (used.librarian, used.running.support, used.running.client("platform", on_behalf_of=ADA)):
        assert 6 == done(client.get(own))["totals"]["requests"]
    for client in (other, used.running.client("platform", on_behalf_of="somebody")):
        refused(client.get(own), 404, "not-found")


def test_a_person_sees_what_was_used_with_the_own_plan(used):
    ada = used.running.client("platform", on_behalf_of=ADA)
    path = f"/v1/user-plans/{used.plan['id']}/usage"
    report = done(ada.get(path, params={"by": "month"}))
    assert [("2027-02", 3), ("2027-03", 3)] == [(row["month"], row["requests"]) for row in report["rows"]]
    assert (None, None) == (report["starts_at"], report["ends_at"])
    assert 3 == done(ada.get(path, params={"from": "2027-03-01"}))["totals"]["requests"]
    lines = ada.get(path, params={"by": "product", "format": "csv"}).text.splitlines()
    assert ["patent,5", "scholarly,1"] == sorted(",".join(line.split(",")[:2]) for line in lines[1:])


def test_a_subscription_that_came_before_is_another_report(used):
    path = f"/v1/subscriptions/{used.subscription['id']}/cancel"
    done(used.running.support.post(path, json={"when": "now"}))
    used.running.wait(hours=1)
    again = used.running.activate(used.running.open(used.account, starts_on="2027-03-01"))
    used.use(used.ours, "patent", "2027-03-02T00:30:00+00:00", 9)
    report = done(used.librarian.get(f"/v1/subscriptions/{again['id']}/usage", params={"period": "2027", "by": "product"}))
    assert 9 == sum(row["requests"] for row in report["rows"] if row["product"] == "patent") - 3  # 1 March belongs to both
    assert 0 == sum(row["requests"] for row in report["rows"] if row["product"] == "scholarly")


def test_calls_of_the_gateway_are_in_the_report_at_once(used):
    question = {"token": used.adas["secret"], "product": "scholarly_aggregation", "nested_aggregations": 3}
    done(used.running.client("gateway").post("/v1/access/check", json=question))
    rows = [row for row in used.rows(by="product,person") if row[0] == "scholarly_aggregation"]
    assert [("scholarly_aggregation", "ada@mit.edu", 0, 0, {"too_many_nested_aggregations": 1})] == rows


def test_without_usage_there_are_no_rows(running):
    _, subscription = running.subscribed()
    report = done(running.support.get(f"/v1/subscriptions/{subscription['id']}/usage"))
    assert ([], {"requests": 0, "records": 0, "refused": {}}) == (report["rows"], report["totals"])
    pending = running.open(running.another(), starts_on="2027-06-01")
    assert [] == done(running.support.get(f"/v1/subscriptions/{pending['id']}/usage"))["rows"]
