"""Reads on record: whoever of ours gets to see what names people is written down first, and sees nothing where that fails."""

import pytest
from sqlalchemy import text

from api.reads import MARK, PERSONAL_FIELDS, PERSONAL_FIELDS_OF, SHOWS_PEOPLE
from tests.api.running import Running, done, refused

NAMES_NOBODY = {
    "/livez",
    "/readyz",
    "/metrics",
    "/v1/allow-list",
    "/portfolios/{id}",
    "/portfolios/{id}/widget",
    "/portfolios/images/{digest}",
    "/confirm/{token}",
    "/invitations/{token}",
    "/downloads/{token}",
    "/downloads/{token}/{file_name}",
    "/bulk-data/{product}/{version}",
}
"""What is read without a key of ours, or is no JSON and names nobody."""


def reads(running: Running, **query):
    return done(running.admin.get("/v1/reads", params={"limit": 500} | query))["items"]


@pytest.fixture
def people(running: Running):
    account, subscription = running.subscribed()
    plan = running.request_plan(subscription)
    running.catch_up()
    return account, subscription, plan


def shapes(contract, schema, seen=frozenset()):
    """The names of the schemas that an answer is made of, each with its fields."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name in seen:
            return
        of_it = contract["components"]["schemas"][name]
        yield name, set(of_it.get("properties", ()))
        for inner in of_it.get("properties", {}).values():
            yield from shapes(contract, inner, seen | {name})
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from shapes(contract, schema[key], seen)
    for each in schema.get("anyOf", ()):
        yield from shapes(contract, each, seen)


def test_every_operation_that_shows_people_says_so(shared: Running):
    contract = done(shared.client(None).get("/openapi.json"))
    unmarked = []
    for path, operations in contract["paths"].items():
        operation = operations.get("get")
        if operation is None or operation.get(MARK) or not {"support", "auditor", "admin"} & set(operation["x-roles"]):
            continue
        answer = operation["responses"]["200"].get("content", {})
        schema = answer.get("application/json", {}).get("schema", {})
        named = any(fields & (PERSONAL_FIELDS | PERSONAL_FIELDS_OF.get(name, frozenset())) for name, fields in shapes(contract, schema))
        if named or (not schema and path not in NAMES_NOBODY):
            unmarked.append(path)
    assert [] == unmarked


def test_a_read_says_who_what_and_which(running: Running, people):
    account, _, plan = people
    before = len(reads(running))
    auditor = running.client("auditor")
    request = "6f1d7b5e-1d8a-4c8e-9d6b-0c5d3b0a7e22"
    done(auditor.get(f"/v1/user-plans/{plan['id']}", headers={"X-Request-ID": request}))
    (read,) = reads(running)[before + 1 :]
    assert read == {
        "number": read["number"],
        "at": "2027-01-31T10:00:00Z",
        "actor": "auditor",
        "role": "auditor",
        "operation": "GET /v1/user-plans/{id}",
        "filter": {},
        "request_id": request,
        "things": [plan["id"]],
    }
    assert running.support.get(f"/v1/accounts/{account['id']}/announcement-kit/text").status_code == 200
    assert (reads(running)[-1]["actor"], reads(running)[-1]["operation"]) == ("support", "GET /v1/reads")


def test_a_list_names_each_thing_that_it_shows(running: Running, people):
    account, _, plan = people
    done(running.support.get("/v1/user-plans"))
    done(running.support.get("/v1/accounts"))
    assert [read["things"] for read in reads(running)[-2:]] == [[plan["id"]], [account["id"]]]


def test_no_address_and_no_name_stands_in_a_filter(running: Running, people):
    done(running.support.get("/v1/accounts", params={"q": "Ada@MIT.edu lovelace"}))
    (read,) = [each for each in reads(running) if each["operation"] == "GET /v1/accounts"]
    address, name = read["filter"]["q"].split(" ")
    assert address == f"address:{running.assembly.keys.derived('handle', 'address/ada@mit.edu')}"
    assert name.startswith("word:")
    assert "lovelace" not in name


def test_reads_are_found_by_whom_by_what_and_by_when(running: Running, people):
    _, _, plan = people
    done(running.support.get(f"/v1/user-plans/{plan['id']}"))
    running.wait(days=1)
    done(running.client("auditor").get(f"/v1/user-plans/{plan['id']}"))
    assert [read["role"] for read in reads(running, person=plan["id"])] == ["support", "auditor"]
    assert [read["role"] for read in reads(running, person=plan["id"], to="2027-02-01T00:00:00Z")] == ["support"]
    assert {read["role"] for read in reads(running, **{"from": "2027-02-01T00:00:00Z"}, actor="auditor")} == {"auditor"}
    page = running.admin.get("/v1/reads", params={"limit": 1})
    assert len(page.json()["items"]) == 1
    assert page.links["next"]["url"].endswith(f"after={page.json()['next']}")


def test_what_shows_nothing_and_whoever_looks_at_their_own_is_not_recorded(running: Running, people):
    account, subscription, plan = people
    before = len(reads(running))
    refused(running.support.get(f"/v1/user-plans/{account['id']}"), 404, "not-found")
    done(running.client("institution", account=account).get(f"/v1/user-plans/{plan['id']}"))
    done(running.support.get(f"/v1/subscriptions/{subscription['id']}"))
    assert len(reads(running)) == before + 1


STREAMED = ("/v1/history/export", "/v1/accounts/{account}/announcement-kit/text")


def test_what_cannot_be_recorded_is_not_shown(running: Running, people):
    account, _, plan = people
    with running.assembly.database.writing() as connection:
        connection.execute(text("ALTER TABLE reads RENAME TO reads_away"))
    for path in (f"/v1/user-plans/{plan['id']}", "/v1/accounts", "/v1/history", *STREAMED):
        for role in ("support", "auditor", "admin"):
            answer = running.client(role).get(path.format(account=account["id"]))
            refused(answer, 503, "read-not-recorded")
            assert "mit.edu" not in answer.text
    done(running.client("institution", account=account).get(f"/v1/user-plans/{plan['id']}"))
    with running.assembly.database.writing() as connection:
        connection.execute(text("ALTER TABLE reads_away RENAME TO reads"))
    assert done(running.support.get(f"/v1/user-plans/{plan['id']}"))["email"] == "ada@mit.edu"


def test_a_locked_table_shows_nothing(postgresql_url, tmp_path, catcher):
    running = Running(postgresql_url, tmp_path, catcher)
    account = running.nominate()
    engine = running.assembly.engine
    with engine.connect() as other, other.begin():
        other.execute(text("LOCK TABLE reads IN ACCESS EXCLUSIVE MODE"))
        refused(running.support.get(f"/v1/accounts/{account['id']}"), 503, "read-not-recorded")
    assert done(running.support.get(f"/v1/accounts/{account['id']}"))["id"] == account["id"]
    running.assembly.close()


def test_the_mark_is_in_the_contract(shared: Running):
    contract = done(shared.client(None).get("/openapi.json"))
    assert contract["paths"]["/v1/accounts/{id}"]["get"][MARK] is SHOWS_PEOPLE[MARK]
