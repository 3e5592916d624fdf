"""Usage that a gateway reports afterwards: taken in whole, once, and where it belongs."""

from datetime import UTC, datetime, timedelta
from threading import Thread
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from projections.usage import Counter, Span, counters, ledger
from tests.api.running import START, Running, done, refused

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEXT_RESET = datetime(2027, 2, 28, 10, tzinfo=UTC)


@pytest.fixture
def used(running: Running):
    """The service, MIT's token, Ada's token, and a gateway."""
    account, subscription = running.subscribed()
    plan = running.request_plan(subscription)
    return running, running.issue(account), running.issue(plan), running.client("gateway")


def entry(token, at=START, requests=1, product="scholarly", **given):
    return {"token_id": token["id"], "product": product, "at": at.isoformat(), "requests": requests} | given


def batch(*entries, id="b-1"):
    return {"batch_id": id, "entries": list(entries)}


def months(running: Running):
    """{(owner, product, start of the month): (requests, records)}"""
    with running.assembly.database.reading() as connection:
        rows = connection.execute(select(counters).where(counters.c.span == Span.MONTH)).all()
    return {Counter(row.owner_id, row.product, Span.MONTH, row.starts_at): (row.requests, row.records) for row in rows}


def lines(running: Running):
    """{(token, product, hour, reason): (requests, records, last)}"""
    with running.assembly.database.reading() as connection:
        rows = connection.execute(select(ledger)).all()
    return {(str(row.token_id), row.product, row.hour, row.reason): (row.requests, row.records, row.last_at) for row in rows}


def month(token, product="scholarly", starts_at=START):
    return Counter(UUID(token["owner_id"]), product, Span.MONTH, starts_at)


def test_usage_is_counted_by_the_hour_and_by_the_month_of_its_owner(used):
    running, ours, adas, gateway = used
    running.wait(hours=3)
    sent = batch(
        entry(ours, START + HOUR / 2, 5, records=50),
        entry(ours, START + HOUR / 3, 2, records=20),
        entry(ours, START + HOUR, 1, "patent", refused={"rate_minute": 4}),
        {"token": adas["secret"], "product": "scholarly", "at": START.isoformat(), "requests": 7},
    )
    told = done(gateway.post("/v1/usage", json=sent))
    assert (4, 15, 70, 4) == tuple(told[name] for name in ("entries", "requests", "records", "refused"))
    assert {month(ours): (7, 70), month(ours, "patent"): (1, 0), month(adas): (7, 0)} == months(running)
    assert {
        (ours["id"], "scholarly", START, ""): (7, 70, START + HOUR / 2),
        (ours["id"], "patent", START + HOUR, ""): (1, 0, START + HOUR),
        (ours["id"], "patent", START + HOUR, "rate_minute"): (4, 0, START + HOUR),
        (adas["id"], "scholarly", START, ""): (7, 0, START),
    } == lines(running)


def test_what_was_reported_counts_against_the_limit_and_beyond_it(used):
    running, ours, _, gateway = used
    question = {"token": ours["secret"], "product": "scholarly"}
    done(gateway.post("/v1/usage", json=batch(entry(ours, requests=49_999))))
    assert 0 == done(gateway.post("/v1/access/check", json=question))["limits"]["remaining"]["requests_per_month"]
    done(gateway.post("/v1/usage", json=batch(entry(ours, requests=10), id="b-2")))
    assert ["quota_month"] == [each["code"] for each in done(gateway.post("/v1/access/check", json=question))["reasons"]]
    assert (50_010, 50_000) == (months(running)[month(ours)][0], 49_999 + 1)


def test_a_batch_is_taken_in_once(used):
    running, ours, _, gateway = used
    first = done(gateway.post("/v1/usage", json=batch(entry(ours, requests=3))))
    running.wait(hours=1)
    assert first == done(gateway.post("/v1/usage", json=batch(entry(ours, requests=3))))
    spelt = {
        "entries": [{"requests": 3, "at": "2027-01-31T11:00:00+01:00", "product": "scholarly", "token_id": ours["id"]}],
        "batch_id": "b-1",
    }
    assert first == done(gateway.post("/v1/usage", json=spelt))
    problem = refused(gateway.post("/v1/usage", json=batch(entry(ours, requests=4))), 422, "idempotency-key-reused")
    assert "batch_id" == problem["field"]
    assert {month(ours): (3, 0)} == months(running)
    done(gateway.post("/v1/usage", json=batch(entry(ours, requests=4), id="b-2")))
    assert {month(ours): (7, 0)} == months(running)


def test_two_gateways_may_have_the_same_ids(used):
    running, ours, _, gateway = used
    other = running.assembly.staff.add("other gateway", "gateway")
    for headers in ({}, {"Authorization": f"Bearer {other}"}):
        done(gateway.post("/v1/usage", json=batch(entry(ours)), headers=headers))
    assert {month(ours): (2, 0)} == months(running)


def test_twins_that_come_together_count_once(used):
    running, ours, adas, gateway = used
    answers = []
    threads = [
        Thread(target=lambda: answers.append(gateway.post("/v1/usage", json=batch(entry(ours, requests=3), entry(adas))))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [200] * 6 == [answer.status_code for answer in answers]
    assert {month(ours): (3, 0), month(adas): (1, 0)} == months(running)


def test_an_unknown_token_is_named_and_nothing_is_half_done(used):
    running, ours, _, gateway = used
    unknown = entry(ours) | {"token_id": str(uuid4())}
    sent = batch(entry(ours), unknown, entry(ours), unknown)
    problem = refused(gateway.post("/v1/usage", json=sent), 422, "unknown-token")
    assert "entries.1" == problem["field"]
    assert "in entries 1, 3 (from 0)" in problem["detail"]
    assert {} == months(running) == lines(running)
    done(gateway.post("/v1/usage", json=batch(entry(ours), entry(ours))))  # the id is free still
    assert {month(ours): (2, 0)} == months(running)
    strangers = batch({"token": "tnr_live_nobody", "product": "patent", "at": START.isoformat(), "requests": 1}, id="b-2")
    assert "tnr_live_nobody" not in gateway.post("/v1/usage", json=strangers).text


def test_what_is_neither_ahead_nor_too_old(used):
    running, ours, _, gateway = used
    running.wait(days=40)
    now = running.now
    for number, (at, slug) in enumerate(
        (
            (now + timedelta(minutes=1), None),
            (now + timedelta(seconds=61), "usage-ahead"),
            (now - 35 * DAY, None),
            (now - 35 * DAY - timedelta(seconds=1), "usage-too-old"),
        )
    ):
        answer = gateway.post("/v1/usage", json=batch(entry(ours, at), id=f"b-{number}"))
        if slug:
            assert "entries.0.at" == refused(answer, 422, slug)["field"]
        else:
            done(answer)


def test_late_usage_counts_in_its_month_for_48_hours_and_in_the_ledger_always(used):
    running, ours, _, gateway = used
    before = NEXT_RESET - HOUR
    running.advance((NEXT_RESET + 48 * HOUR - timedelta(seconds=1)).isoformat())
    done(gateway.post("/v1/usage", json=batch(entry(ours, before, 2), entry(ours, NEXT_RESET))))
    assert {month(ours): (2, 0), month(ours, starts_at=NEXT_RESET): (1, 0)} == months(running)
    running.wait(seconds=1)
    done(gateway.post("/v1/usage", json=batch(entry(ours, before, 5), id="b-2")))
    assert {month(ours): (2, 0), month(ours, starts_at=NEXT_RESET): (1, 0)} == months(running)
    assert 7 == lines(running)[ours["id"], "scholarly", before.replace(minute=0), ""][0]


def test_before_the_activation_there_is_no_month_to_count_in(used):
    running, ours, _, gateway = used
    done(gateway.post("/v1/usage", json=batch(entry(ours, START - HOUR))))
    assert {} == months(running)
    assert 1 == len(lines(running))


def test_a_revoked_token_was_used_all_the_same(used):
    running, ours, _, gateway = used
    done(running.support.post(f"/v1/tokens/{ours['id']}/revoke"))
    done(gateway.post("/v1/usage", json=batch(entry(ours))))
    assert {month(ours): (1, 0)} == months(running)


def test_what_is_no_entry(used):
    running, ours, _, gateway = used
    both = entry(ours) | {"token": ours["secret"]}
    for wrong, slug in (
        (both, "token-unclear"),
        ({"product": "patent", "at": START.isoformat(), "requests": 1}, "token-unclear"),
        (entry(ours, requests=0), "nothing-used"),
        (entry(ours, requests=0, refused={"rate_minute": 0}), "nothing-used"),
        (entry(ours, requests=0, records=1, refused={"rate_minute": 1}), "nothing-used"),
        (entry(ours, requests=-1), "invalid-request"),
        (entry(ours, refused={"bad mood": 1}), "invalid-request"),
        (entry(ours, product="all"), "invalid-request"),
        (entry(ours) | {"more": 1}, "invalid-request"),
    ):
        problem = refused(gateway.post("/v1/usage", json=batch(wrong)), 422, slug)
        assert ours["secret"] not in str(problem)
    refused(gateway.post("/v1/usage", json=batch()), 422, "invalid-request")
    refused(gateway.post("/v1/usage", json=batch(*[entry(ours)] * 5_001)), 422, "invalid-request")
    done(gateway.post("/v1/usage", json=batch(entry(ours, requests=0, refused={"rate_minute": 1}))))
    assert [("rate_minute", 1)] == [(key[3], value[0]) for key, value in lines(running).items()]


def test_five_thousand_entries_are_one_batch(used):
    running, ours, adas, gateway = used
    running.wait(days=20)
    entries = [entry((ours, adas)[n % 2], START + n % 480 * HOUR, 2) for n in range(5_000)]
    assert 10_000 == done(gateway.post("/v1/usage", json=batch(*entries)))["requests"]
    assert {month(ours): (5_000, 0), month(adas): (5_000, 0)} == months(running)
