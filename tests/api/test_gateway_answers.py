"""How the gateway and the holder are answered: in the platform's own style, with a reference to ask about, and never with a secret."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from api.answers import CheckShown, RefusalShown, UsageShown
from api.lens import RefusedShown
from projections.usage import REFUSALS_KEPT
from tests.api.desk import PRODUCTS, Desk
from tests.api.running import START, Running, done, refused

NOBODYS = {"secret": "tnr_live_00000000" + "1" * 49}
RESET = "2027-02-28"


@pytest.fixture
def desk(running: Running) -> Desk:
    return Desk(running)


def rates(response) -> dict[str, str]:
    return {
        name.removeprefix("x-rate-limit-"): value
        for name, value in response.headers.items()
        if name.startswith("x-rate-limit-") or name == "retry-after"
    }


def told(response, status: int) -> str:
    """The message of a refusal in the platform's style."""
    assert (response.status_code, response.headers["content-type"]) == (status, "application/json")
    body = RefusedShown.model_validate(response.json(), strict=False)
    assert response.json().keys() == {"reference", "message", "code"}
    assert body.code == status
    return body.message


def test_an_allowed_call_in_the_style_of_the_platform(desk: Desk):
    desk.limit(records_per_month=1_000)
    answer = desk.ask(style="lens", records=10)
    assert CheckShown.model_validate(done(answer)).allowed
    expected = {
        "remaining-request-per-minute": "19",
        "remaining-request-per-month": "49999",
        "remaining-record-per-month": "990",
        "reset-date": RESET,
    }
    assert expected == rates(answer)
    assert expected == rates(desk.usage())
    assert "remaining-record-per-month" not in rates(desk.ask(product="patent", style="lens"))


def test_429_says_which_limit_and_when_it_begins_anew(desk: Desk):
    desk.limit(requests_per_month=20, records_per_month=40)
    desk.at("2027-01-31T10:00:30.250000+00:00")
    desk.check(cost=20, records=40)
    never = desk.ask(product="patent", cost=11, style="lens")
    assert "0 of 10 requests of this minute are used, the call counts for 11; the count begins anew at 10:01:00 UTC" == told(never, 429)
    assert not any(name.startswith("retry-after") for name in rates(never))  # more than a minute's limit: waiting does not help
    desk.check(product="patent", cost=4)
    desk.at("2027-01-31T10:00:30.250000+00:00")
    minute = desk.ask(product="patent", cost=7, style="lens")
    assert "4 of 10 requests of this minute are used, the call counts for 7; the count begins anew at 10:01:00 UTC" == told(minute, 429)
    assert {
        "remaining-request-per-minute": "6",
        "remaining-request-per-month": "19996",
        "reset-date": RESET,
        "retry-after-seconds": "30",
        "retry-after-millis": "29750",
        "retry-after": "30",
    } == rates(minute)
    month = desk.ask(style="lens")
    message = told(month, 429)
    for part in (
        "20 of 20 requests of this month",
        "40 of 40 records of this month",
        "20 of 20 requests of this minute",
        "2027-02-28 10:00 UTC",
    ):
        assert part in message
    left = datetime(2027, 2, 28, 10) - datetime(2027, 1, 31, 10, 0, 30, 250_000)
    assert {
        "remaining-request-per-minute": "0",
        "remaining-request-per-month": "0",
        "remaining-record-per-month": "0",
        "reset-date": RESET,
        "retry-after-seconds": str(int(left.total_seconds()) + 1),
        "retry-after-millis": str(left // timedelta(milliseconds=1)),
        "retry-after": str(int(left.total_seconds()) + 1),
    } == rates(month)
    large = desk.ask(product="patent", records=501, style="lens")
    assert "a request may ask for 500 records, not 501" == told(large, 429)
    assert not {"retry-after", "retry-after-seconds", "retry-after-millis"} & rates(large).keys(), "waiting does not help"


def test_401_says_why_to_whoever_has_proven_the_secret(desk: Desk):
    """A good token without a plan, a token that is over: each is told why; a limit beside it does not make it 429."""
    running = desk.running
    plan = running.request_plan(desk.subscription)
    hers = running.issue(plan)
    running.ask_of(plan, "suspend")
    assert "the user plan is suspended, not active" == told(desk.ask(hers, style="lens"), 401)
    done(running.support.post(f"/v1/tokens/{hers['id']}/revoke"))
    assert told(desk.ask(hers, style="lens", records=10_000), 401).startswith("the token was revoked (asked)")
    desk.do("renew")
    desk.at("2028-01-31T10:00:00+00:00")
    assert "the token ended on 2028-01-31 10:00 UTC" == told(desk.ask(style="lens"), 401)
    assert "the token ended on 2028-01-31 10:00 UTC" == told(desk.usage(), 401)


def test_an_unproven_secret_is_told_nothing(desk: Desk):
    """Whatever is wrong with it: who it may be near, live or over, is not said."""
    running = desk.running
    over = running.issue(desk.account)
    done(running.support.post(f"/v1/tokens/{over['id']}/revoke"))
    wrong = ["", "x", NOBODYS["secret"]]
    for token in (desk.token, over):
        secret = token["secret"]
        wrong += [secret[:-1] + ("0" if secret[-1] != "0" else "1"), secret[:20] + "0" * 40 + secret[-6:], token["prefix"]]
    for asking in (lambda token: desk.ask(token, style="lens"), desk.usage, desk.ask):
        bodies, headers = [], []
        for secret in wrong:
            answer = asking({"secret": secret})
            bodies.append({name: value for name, value in answer.json().items() if name != "reference"})
            headers.append({name: value for name, value in answer.headers.items() if name != "x-request-id"})
        assert all(body == bodies[0] for body in bodies)
        assert all(header == headers[0] for header in headers)
        assert "there is no such token" in str(bodies[0])


def test_a_refusal_is_found_by_its_reference_for_90_days(desk: Desk):
    desk.limit(requests_per_minute=1)
    desk.check(records=7)
    reference = desk.ask(records=2, style="lens").json()["reference"]
    desk.at("2027-01-31T11:00:00+00:00")
    expected = {
        "reference": reference,
        "at": "2027-01-31T10:00:00Z",
        "product": "scholarly",
        "token_id": desk.token["id"],
        "account_id": desk.account["id"],
        "reasons": [
            {
                "code": "rate_minute",
                "detail": "1 of 1 requests of this minute are used; the count begins anew at 10:01:00 UTC",
                "position": desk.position("subscription.activated"),
            }
        ],
        "usage": {
            "requests": 1,
            "records": 7,
            "resets_at": "2027-02-28T10:00:00Z",
            "requests_this_minute": 1,
            "minute_resets_at": "2027-01-31T10:01:00Z",
        },
    }
    found = done(desk.refusal(reference))
    assert expected == found
    assert RefusalShown.model_validate(found)
    unknown = done(desk.refusal(desk.check(NOBODYS)["reference"]))
    assert (None, None, None) == (unknown["token_id"], unknown["account_id"], unknown["usage"])
    desk.at((START + REFUSALS_KEPT).isoformat())
    assert expected == done(desk.refusal(reference))
    desk.at((START + REFUSALS_KEPT + timedelta(microseconds=1)).isoformat())
    refused(desk.refusal(reference), 404, "not-found")
    refused(desk.refusal(UUID(int=1)), 404, "not-found")


def test_every_refusal_has_a_reference_of_its_own(desk: Desk):
    answers = [desk.check(NOBODYS)["reference"] for _ in range(3)]
    answers += [desk.usage(NOBODYS).json()["reference"], desk.ask(records=10_000, style="lens").json()["reference"]]
    assert 5 == len({done(desk.refusal(reference))["reference"] for reference in answers})


def test_the_holder_sees_what_is_used_without_using_it(desk: Desk):
    desk.limit(records_per_month=1_000)
    desk.check(records=10, cost=2)
    expected = {
        "product": "scholarly",
        "requests_per_month": {"limit": 50_000, "used": 2, "remaining": 49_998},
        "requests_per_minute": {"limit": 20, "used": 2, "remaining": 18},
        "records_per_month": {"limit": 1_000, "used": 10, "remaining": 990},
        "records_this_month": 10,
        "records_per_request": 1_000,
        "nested_aggregations_per_request": None,
        "reset_date": "2027-02-28T10:00:00Z",
    }
    for _ in range(2):
        assert expected == done(desk.usage())
    for product in PRODUCTS:
        shown = UsageShown.model_validate(done(desk.usage(product=product)))
        assert shown.requests_per_month.used == (2 if product == "scholarly" else 0)
    desk.check(cost=18)
    assert ["rate_minute"] == desk.codes()
    assert 0 == done(desk.usage())["requests_per_minute"]["remaining"], "a used up limit is no obstacle to look at it"


def test_a_token_reads_what_records_look_like(desk: Desk):
    """Without a call being counted, and not without access to them."""
    holder = desk.running.client(None)
    for kind in ("scholarly", "patent"):
        given = {"token": desk.token["secret"]}
        answer = holder.get(f"/schema/{kind}", params=given)
        assert (200, "application/schema+json") == (answer.status_code, answer.headers["content-type"])
        assert answer.json()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert rates(answer)["reset-date"] == RESET
        for known, status in ((answer.headers["etag"], 304), ("*", 304), ('"another"', 200)):
            again = holder.get(f"/schema/{kind}", params=given, headers={"If-None-Match": known})
            assert (status, answer.headers["etag"]) == (again.status_code, again.headers["etag"])
            assert bool(again.content) == (status == 200)
    assert (0, 0) == desk.used() == desk.used(product="patent")
    assert "there is no such token" == told(holder.get("/schema/patent", params={"token": NOBODYS["secret"]}), 401)
    refused(holder.get("/schema/patent"), 422, "invalid-request")
    refused(holder.get("/schema/other", params={"token": desk.token["secret"]}), 404, "not-found")
    desk.do("suspend")
    assert told(holder.get("/schema/patent", params={"token": desk.token["secret"]}), 401).startswith("the subscription is suspended")


def test_a_token_shows_when_it_was_last_used(desk: Desk):
    """Allowed or refused; to look at what is left is no use."""
    running = desk.running
    path = f"/v1/tokens/{desk.token['id']}"
    desk.usage()
    assert done(running.support.get(path))["last_used_at"] is None
    desk.check()
    desk.at("2027-01-31T12:00:00+00:00")
    assert done(running.support.get(path))["last_used_at"] == "2027-01-31T10:00:00Z"
    desk.check(product="patent", records=10_000)
    assert done(running.support.get(path))["last_used_at"] == "2027-01-31T12:00:00Z"
    desk.at("2027-01-31T12:30:00+00:00")
    desk.check()
    assert done(running.client("institution", account=desk.account).get(path))["last_used_at"] == "2027-01-31T12:30:00Z"


OK = '"token": "t", "product": "scholarly"'


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"no", "body"),
        (b"[]", "body"),
        (b"[" * 100_000, "body"),
        (b"\xef\xbb\xbf{}", "body"),
        (b'{"token": "\xff", "product": "scholarly"}', "body"),
        (rb'{"token": "\ud800", "product": "scholarly"}', "body"),
        (b"{}", "body.token"),
        (b'{"token": "t"}', "body.product"),
        (b'{"token": 1, "product": "scholarly"}', "body.token"),
        (b'{"token": "%s", "product": "scholarly"}' % (b"x" * 501), "body.token"),
        (b'{"token": "t", "product": "tnr_live_00000000"}', "body.product"),
        (b'{"token": "t", "product": ["scholarly"]}', "body.product"),
        *(
            (f'{{{OK}, "{name}": {value}}}'.encode(), f"body.{name}")
            for name, value in (
                ("records", "-1"),
                ("records", "1.5"),
                ("records", '"1"'),
                ("records", "true"),
                ("records", "1000000001"),
                ("records", "1" * 40),
                ("nested_aggregations", "-1"),
                ("cost", "0"),
                ("cost", "null"),
                ("cost", "1000001"),
                ("role", '"admin"'),
                ("expires_at", "null"),
            )
        ),
    ],
)
def test_a_body_that_is_none_names_the_field(shared: Running, body, field):
    answer = shared.client("gateway").post("/v1/access/check", content=body)
    problem = refused(answer, 422, "invalid-request")
    assert (field, True) == (problem["field"], problem["detail"].startswith(f"{field}: "))
    assert "tnr_live" not in answer.text


def test_only_a_gateway_asks_and_it_may_not_misspell(shared: Running):
    body = {"token": "t", "product": "scholarly"}
    refused(shared.client("support").post("/v1/access/check", json=body), 403, "role-not-allowed")
    refused(shared.client(None).post("/v1/access/check", json=body), 401, "unauthenticated")
    refused(shared.client("gateway").post("/v1/access/check?stile=lens", json=body), 422, "unknown-parameter")
    refused(shared.client("gateway").post("/v1/access/check?style=other", json=body), 422, "invalid-request")
    refused(shared.client(None).get("/subscriptions/scholarly_api/usage"), 422, "invalid-request")
    refused(shared.client(None).get("/subscriptions/scholarly/usage?token=x"), 404, "not-found")


def test_a_secret_is_in_no_line_of_the_log_and_in_no_metric(desk: Desk, logged):
    running, gateway = desk.running, desk.gateway
    secrets = [desk.token["secret"], NOBODYS["secret"], running.key("gateway")]
    for token in (desk.token, NOBODYS):
        desk.check(token)
        desk.ask(token, style="lens", records=10_000)
        desk.usage(token)
        gateway.post("/v1/access/check", json={"token": token["secret"], "product": token["secret"]})
        gateway.post("/v1/access/check", params={"token": token["secret"]}, json={})
        gateway.get(f"/v1/access/refusals/{token['secret']}")
        running.client(None).get(f"/subscriptions/{token['secret']}/usage", params={"token": token["secret"]})
        running.client(None).get("/subscriptions/patent_api/usage", params={"token": token["secret"] * 20})
        running.support.get("/v1/access/explain", params={"token_id": token["secret"], "product": token["secret"]})
    assert "/v1/access/check" in str(logged)
    written = str(logged) + running.client(None).get("/metrics").text
    assert '/v1/access/check",status="422"' in written
    for secret in secrets:
        assert secret not in written
        assert secret[17:-6] not in written


BODIES = (
    {"product": "scholarly"},
    {"product": "scholarly", "records": 10, "cost": 2},
    {"product": "patent", "records": 501},
    {"product": "patent", "cost": 11},
    {"product": "nothing"},
    {"product": "scholarly", "cost": 0},
    {"product": "scholarly", "more": 1},
    {},
)


@pytest.mark.parametrize("number", range(len(BODIES)))
def test_the_short_way_and_the_long_one_answer_alike(desk: Desk, number: int):
    """A plain question with a key that was looked up just now does not go through the framework; one that names its style does."""
    gateway = desk.running.client("gateway")
    answers = []
    for way in ("", "?style=tenure"):
        done(gateway.post("/v1/access/check?style=tenure", json={"token": desk.token["secret"], "product": "patent_aggregation"}))
        answer = gateway.post(f"/v1/access/check{way}", json={"token": desk.token["secret"]} | BODIES[number])
        body = {name: value for name, value in answer.json().items() if name not in {"instance", "reference"}}
        if limits := body.get("limits"):
            del limits["remaining"]  # the one was asked before the other
        assert UUID(answer.headers["x-request-id"])
        answers.append((answer.status_code, answer.headers["content-type"], body))
    assert answers[0] == answers[1]


def test_a_key_without_the_role_goes_the_short_way_nowhere(desk: Desk):
    support = desk.running.support
    for _ in range(2):
        refused(support.post("/v1/access/check", json={"token": desk.token["secret"], "product": "scholarly"}), 403, "role-not-allowed")
