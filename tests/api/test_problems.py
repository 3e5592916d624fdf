"""Every error is a problem that says what is wrong, and nothing of what is inside."""

import json
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI

from tests.api.running import Running, done, refused

NOBODY = "00000000-0000-4000-8000-000000000000"


def test_what_is_not_there(shared: Running):
    refused(shared.support.get("/v1/nothing"), 404, "not-found")
    refused(shared.support.get(f"/v1/accounts/{NOBODY}"), 404, "not-found")
    assert NOBODY in refused(shared.support.post(f"/v1/tokens/{NOBODY}/revoke"), 404, "not-found")["detail"]


def test_a_thing_of_another_kind_is_not_there(shared: Running):
    account = shared.nominate(registered_account_id=None, domains=[], ip_ranges=[])
    refused(shared.support.get(f"/v1/subscriptions/{account['id']}"), 404, "not-found")
    refused(shared.admin.post("/v1/tokens", json={"owner_id": NOBODY, "label": "x"}), 404, "not-found")


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "PUT"])
def test_a_method_that_is_not_there(shared: Running, method):
    refused(shared.support.request(method, "/v1/accounts"), 405, "method-not-allowed")


def test_a_body_that_is_too_large(shared: Running):
    body = json.dumps({"email": "library@mit.edu", "institution": "x" * (1 << 20)})
    refused(shared.support.post("/v1/accounts", content=body, headers={"Content-Type": "application/json"}), 413, "too-large")
    refused(shared.support.post("/v1/accounts", content=iter([b"x" * 600_000] * 2)), 413, "too-large")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"NaN",
        b"\xff\xfe",
        b'{"email": "\xff"}',
        b'{"email": "a@mit.edu", "email\\ud800": 1}',
        b"[" * 100_000,
        b'{"email": ' + b"[" * 100_000,
    ],
)
def test_a_body_that_is_no_object_of_json(shared: Running, body):
    refused(shared.support.post("/v1/accounts", content=body, headers={"Content-Type": "application/json"}), 422, "invalid-request")


def test_a_body_of_another_content_type(shared: Running):
    answer = shared.support.post("/v1/accounts", content=b'{"email": "library@mit.edu"}', headers={"Content-Type": "text/plain"})
    refused(answer, 422, "invalid-request")


def test_every_wrong_field_is_named(shared: Running):
    problem = refused(shared.support.post("/v1/subscriptions", json={"account_id": "x", "months": 0}), 422, "invalid-request")
    assert [error["field"] for error in problem["errors"]] == ["body.account_id", "body.starts_on", "body.months"]
    assert problem["field"] == "body.account_id"
    assert "x" not in {error["detail"] for error in problem["errors"]}


def test_a_mistake_of_ours_tells_nothing(on_sqlite: Running, logged):
    app: FastAPI = on_sqlite.app

    def broken() -> None:
        raise RuntimeError("SELECT secret FROM somewhere")

    app.add_api_route("/broken", broken)
    request_id = str(uuid4())
    answer = on_sqlite.support.get("/broken", headers={"X-Request-ID": request_id})
    problem = refused(answer, 500, "unexpected")
    assert "SELECT" not in answer.text
    assert problem["instance"] == f"urn:uuid:{request_id}"
    assert [line["event"] for line in logged if line["log_level"] == "error"] == ["unexpected"]


def test_a_database_that_is_away_is_said_to_be_away(on_sqlite: Running):
    account = on_sqlite.nominate()
    client = on_sqlite.support
    with on_sqlite.assembly.database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE events RENAME TO gone")
    on_sqlite.assembly.lifecycle._cache.clear()
    answer = client.get(f"/v1/accounts/{account['id']}")
    problem = refused(answer, 503, "database-unavailable")
    assert "events" not in problem["detail"]
    assert answer.headers["retry-after"] == "2"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic YTpi", "Bearer tnk_é"])
def test_who_does_not_say_who_is_calling(shared: Running, header):
    headers = {b"Authorization": header.encode()} if header is not None else {}
    answer = shared.client(None).get("/v1/accounts", headers=headers)
    refused(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_revoked_or_expired_key_stops_at_once(on_sqlite: Running):
    client = on_sqlite.client("support")
    assert client.get("/v1/accounts").status_code == 200
    on_sqlite.assembly.staff.revoke("support")
    refused(client.get("/v1/accounts"), 401, "unauthenticated")
    end = on_sqlite.assembly.clock.now().replace(hour=11)
    key = on_sqlite.assembly.staff.add("visitor", "auditor", expires_at=end)
    headers = {"Authorization": f"Bearer {key}"}
    assert on_sqlite.client(None).get("/v1/history", headers=headers).status_code == 200
    on_sqlite.advance(end.isoformat())
    refused(on_sqlite.client(None).get("/v1/history", headers=headers), 401, "unauthenticated")


def test_a_request_id_comes_back(shared: Running):
    given = str(uuid4())
    assert shared.support.get("/livez", headers={"X-Request-ID": given}).headers["x-request-id"] == given
    of_text = [shared.support.get("/livez", headers={"X-Request-ID": text}).headers["x-request-id"] for text in ("trace 7", "trace 7", "x")]
    assert of_text[0] == of_text[1] != of_text[2]
    made = [UUID(shared.support.get("/livez").headers["x-request-id"]) for _ in range(2)]
    assert made[0] != made[1]


def test_one_line_of_the_access_log_and_no_more_in_it_than_the_route(on_sqlite: Running, logged):
    account = on_sqlite.nominate()
    logged.clear()
    answer = on_sqlite.support.get(f"/v1/accounts/{account['id']}")
    assert [{**line, "milliseconds": 0} for line in logged] == [
        {
            "event": "request",
            "log_level": "info",
            "method": "GET",
            "route": "/v1/accounts/{id}",
            "status": 200,
            "milliseconds": 0,
            "request_id": answer.headers["x-request-id"],
            "caller": "support",
        }
    ]


def test_health_and_metrics_are_open(shared: Running):
    client = shared.client(None)
    assert done(client.get("/livez")) == {"status": "ok"}
    assert done(client.get("/readyz"))["status"] == "ok"
    assert client.get("/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")


def test_the_docs_page_has_every_operation_and_loads_nothing(shared: Running):
    answer = shared.client(None).get("/docs")
    assert answer.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    for loading in ("<script", "<link", "<img", "<iframe", "@import", "url(", "http://", "https://", "src="):
        assert loading not in answer.text
    contract = done(shared.client(None).get("/openapi.json"))
    for path, operations in contract["paths"].items():
        for method, operation in operations.items():
            assert f'<span class="method">{method.upper()}</span> <code>{path}</code>' in answer.text
            assert operation["description"].splitlines()[0][:20] in answer.text.replace("&#39;", "'").replace("&#34;", '"')


def test_a_parameter_that_is_not_there_does_not_pass_for_a_filter(shared: Running):
    problem = refused(shared.support.get("/v1/accounts?stauts=active"), 422, "unknown-parameter")
    assert problem["field"] == "query.stauts"
    refused(shared.client(None).get("/v1/accounts?stauts=active"), 401, "unauthenticated")


def test_the_token_of_a_public_page_is_in_no_line_of_the_log(shared: Running, logged):
    shared.client(None).get("/confirm/a-signed-value?token=secret")
    assert "/confirm/{token}" in str(logged)
    assert "signed-value" not in str(logged)
    assert "secret" not in str(logged)
