"""A librarian's own door: a key that staff issues, that stops by itself, and that opens one institution."""

import re
from contextlib import closing
from itertools import product
from uuid import UUID, uuid4

import pytest

from domain.events.base import ERASED, Metadata
from ops.assembly import Assembly
from tests.api.attesting import WORKS
from tests.api.running import Running, Thing, done, refused
from tests.api.test_transfers import confirmed_transfer
from tests.hostile import png
from tests.test_canaries import dumped

NAME = "Ada Archivist"
ONCE = {"Idempotency-Key": "once"}


def _issue(running: Running, account: Thing, **given):
    return done(running.support.post(f"{_keys(account)}", json={"name": NAME} | given), 201)


def _keys(account: Thing) -> str:
    return f"/v1/accounts/{account['id']}/librarian-keys"


def _shown(running: Running, account: Thing) -> list[Thing]:
    return done(running.support.get(_keys(account)))["items"]


def _holding(running: Running, key: Thing, app=None):
    client = running.client(None, app=app)
    client.headers["Authorization"] = f"Bearer {key['secret']}"
    return client


def test_a_key_opens_its_account_and_history_names_the_librarian(running: Running):
    account, subscription = running.subscribed()
    key = _issue(running, account)
    librarian = _holding(running, key)
    assert done(librarian.get(f"/v1/accounts/{account['id']}"))["id"] == account["id"]
    done(librarian.post(f"/v1/subscriptions/{subscription['id']}/invitations", json={"email": "bea@mit.edu"}), 201)
    event = done(running.support.get("/v1/history?topic=user-plan.invited"))["items"][0]
    assert (event["actor"], event["role"], event["account_id"]) == (key["id"], "institution", account["id"])
    assert event["actor_name"] == NAME
    assert event["sentence"].startswith(f"{NAME} invited bea@mit.edu ")
    by_the_key = done(running.support.get(f"/v1/history?actor={key['id']}"))["items"]
    assert [each["topic"] for each in by_the_key] == ["user-plan.invited"]
    chain = done(running.support.get(f"/v1/history/{event['position']}/chain"))
    assert (chain["event"]["actor_name"], chain["event"]["sentence"]) == (NAME, event["sentence"])
    running.catch_up()
    changes = done(running.support.get(f"/v1/diff?account={account['id']}&from=2027-01-31T09:00:00Z&to=2027-01-31T10:00:00Z"))["items"]
    assert event["sentence"] in [each["sentence"] for item in changes for each in item["events"]]


def test_the_name_of_a_librarian_is_sealed_on_the_account_and_nowhere_else(running: Running):
    account, subscription = running.subscribed()
    librarian = _holding(running, _issue(running, account))
    asked = {"json": {"email": "bea@mit.edu"}, "headers": ONCE | {"X-Request-Id": NAME}}
    done(librarian.post(f"/v1/subscriptions/{subscription['id']}/invitations", **asked), 201)
    done(librarian.post(f"/v1/accounts/{account['id']}/images", content=png(300, 100), headers={"Content-Type": "image/png"}), 201)
    for table, content in dumped(running.assembly.engine):
        if table != "versions_2":  # which shows the account as it is, and is told anew when somebody is forgotten
            assert NAME.encode() not in content, table


def test_one_who_is_forgotten_stays_on_record_as_the_holder_of_a_key(running: Running):
    account, subscription = running.subscribed()
    key = _issue(running, account)
    done(_holding(running, key).post(f"/v1/subscriptions/{subscription['id']}/invitations", json={"email": "bea@mit.edu"}), 201)
    people = running.assembly.store.people
    person = people.find("subject", key["id"])
    assert person is not None
    running.assembly.lifecycle.forget([person], uuid4(), metadata=Metadata(actor="admin", role="admin"))
    running.catch_up()
    (event,) = done(running.support.get(f"/v1/history?actor={key['id']}"))["items"]
    assert (event["actor_name"], event["sentence"][:17]) == (ERASED, f"{ERASED} invited ")
    assert [each["name"] for each in _shown(running, account)] == [ERASED]
    assert [each.name for each in running.assembly.staff.all() if each.id == UUID(key["id"])] == [ERASED]


def test_who_issued_what_is_on_record_without_the_secret(running: Running):
    account = running.nominate()
    reason = {"code": "asked-by-institution", "text": "case 7"}
    key = _issue(running, account, reason=reason)
    done(running.admin.post(f"{_keys(account)}/{key['id']}/revoke", json={"reason": {"code": "security"}}))
    issued, revoked = done(running.support.get(f"/v1/history?stream={account['id']}&after=1"))["items"]
    assert (issued["topic"], issued["actor"], issued["reason"]) == (
        "account.librarian-key-issued",
        "support",
        "asked-by-institution: case 7",
    )
    assert issued["data"] == {"key_id": key["id"], "name": NAME, "expires_at": key["expires_at"]}
    assert (revoked["topic"], revoked["actor"], revoked["data"]["cause"]) == ("account.librarian-key-revoked", "admin", "security")


def test_the_secret_is_shown_once(running: Running):
    account = running.nominate()
    answers = [running.support.post(_keys(account), json={"name": NAME}, headers=ONCE) for _ in range(2)]
    first, again = (done(answer, 201) for answer in answers)
    assert first["secret"].startswith("tnk_")
    assert (again["secret"], "shown once" in again["note"]) == (None, True)
    assert first | {"secret": None, "note": again["note"]} == again
    assert answers[0].headers["location"] == answers[1].headers["location"]
    one = running.support.get(answers[0].headers["location"])
    assert done(one) == {name: value for name, value in first.items() if name not in {"secret", "note"}}
    assert _shown(running, account) == [one.json()]
    for path in (_keys(account), "/v1/history?limit=500", "/v1/emails"):
        assert first["secret"] not in running.support.get(path).text
    done(_holding(running, first).get(f"/v1/accounts/{account['id']}"))


def test_a_key_is_good_until_the_very_instant(running: Running):
    account = running.nominate()
    key = _issue(running, account, days=1)
    assert (key["issued_at"], key["expires_at"]) == ("2027-01-31T10:00:00Z", "2027-02-01T10:00:00Z")
    librarian = _holding(running, key)
    running.advance("2027-02-01T09:59:59.999999Z")
    done(librarian.get(f"/v1/accounts/{account['id']}"))
    running.advance("2027-02-01T10:00:00Z")
    refused(librarian.get(f"/v1/accounts/{account['id']}"), 401, "unauthenticated")


@pytest.mark.parametrize("days", [0, 367])
def test_no_key_is_good_for_longer_than_a_year(on_sqlite: Running, days):
    account = on_sqlite.nominate()
    problem = refused(on_sqlite.support.post(_keys(account), json={"name": NAME, "days": days}), 422, "days-out-of-range")
    assert problem["field"] == "days"
    assert _shown(on_sqlite, account) == []


def test_a_revoked_key_stops_at_once(running: Running):
    account = running.nominate()
    key, other = _issue(running, account), _issue(running, account, name="Bob Binder")
    path = f"{_keys(account)}/{key['id']}/revoke"
    done(_holding(running, key).get(_keys(account)))
    revoked = done(running.support.post(path))
    assert revoked["revoked_at"] == "2027-01-31T10:00:00Z"
    refused(_holding(running, key).get(_keys(account)), 401, "unauthenticated")
    done(_holding(running, other).get(_keys(account)))
    assert done(running.support.post(path)) == revoked
    again = _issue(running, account)
    done(_holding(running, again).get(_keys(account)))
    refused(_holding(running, key).get(_keys(account)), 401, "unauthenticated")


def test_another_process_knows_at_once(running: Running):
    """Each process remembers what it has read of an account; that never keeps a key alive."""
    account = running.nominate()
    key = _issue(running, account)
    with closing(Assembly(running.assembly.settings, smtp_url=running.catcher.url)) as other:
        librarian = _holding(running, key, app=other.api())
        done(librarian.get(_keys(account)))
        done(running.support.post(f"{_keys(account)}/{key['id']}/revoke"))
        refused(librarian.get(_keys(account)), 401, "unauthenticated")


def test_a_refused_revocation_leaves_the_key_as_it_is(on_sqlite: Running):
    account = on_sqlite.nominate()
    key = _issue(on_sqlite, account)
    refused(on_sqlite.support.post(f"{_keys(account)}/{key['id']}/revoke", headers={"If-Match": '"1"'}), 412, "version-mismatch")
    done(_holding(on_sqlite, key).get(_keys(account)))


@pytest.mark.parametrize("end", ["close", "withdraw", "reject"])
def test_keys_stop_with_their_account(running: Running, end):
    account = running.nominate()
    if end == "close":
        running.convert(account)
    key = _issue(running, account)
    done(_holding(running, key).get(_keys(account)))
    done(running.support.post(f"/v1/accounts/{account['id']}/{end}"))
    refused(_holding(running, key).get(_keys(account)), 401, "unauthenticated")
    assert [each["revoked_at"] for each in _shown(running, account)] == ["2027-01-31T10:00:00Z"]
    refused(running.support.post(_keys(account), json={"name": "Bob"}), 409, "not-now")


def test_a_suspended_institution_can_still_look(on_sqlite: Running):
    account = on_sqlite.convert(on_sqlite.nominate())
    key = _issue(on_sqlite, account)
    done(on_sqlite.support.post(f"/v1/accounts/{account['id']}/suspend"))
    assert done(_holding(on_sqlite, key).get(f"/v1/accounts/{account['id']}"))["status"] == "suspended"


def test_keys_are_reviewed_when_a_contact_has_changed_hands(running: Running):
    account = running.convert(running.nominate())
    kept, gone = _issue(running, account), _issue(running, account, name="Bob Binder")
    assert [key["needs_review"] for key in _shown(running, account)] == [False, False]
    confirmed_transfer(running, account)
    new = _issue(running, account, name="Cleo Curator")
    assert [key["needs_review"] for key in _shown(running, account)] == [True, True, False]
    done(_holding(running, kept).get(_keys(account)))  # until somebody has looked at it, it goes on
    path = f"{_keys(account)}/{kept['id']}/review"
    reviewed = done(running.support.post(path))
    assert (reviewed["needs_review"], reviewed["reviewed_at"]) == (False, "2027-01-31T10:01:00Z")
    assert done(running.support.post(path)) == reviewed
    done(running.support.post(f"{_keys(account)}/{gone['id']}/revoke"))
    assert [key["needs_review"] for key in _shown(running, account)] == [False, False, False]
    refused(running.support.post(f"{_keys(account)}/{gone['id']}/review"), 409, "librarian-key-over")
    done(_holding(running, new).get(_keys(account)))


def test_a_name_is_one_persons_in_an_account_only(running: Running):
    mit, eth = running.nominate(), running.another()
    ours, theirs = _issue(running, mit), _issue(running, eth)
    problem = refused(running.support.post(_keys(mit), json={"name": NAME.upper()}), 409, "name-taken")
    assert problem["field"] == "name"
    running.catch_up()
    for key, account in ((ours, mit), (theirs, eth)):
        assert [each["id"] for each in done(_holding(running, key).get("/v1/accounts"))["items"]] == [account["id"]]
    done(running.support.post(f"{_keys(mit)}/{ours['id']}/revoke"))
    done(_holding(running, theirs).get(_keys(eth)))


def test_the_idempotency_keys_of_namesakes_have_nothing_to_do_with_each_other(running: Running):
    (mit, ours), (eth, theirs) = running.subscribed(), running.subscribed(running.another())
    invited = [
        done(
            _holding(running, _issue(running, account)).post(
                f"/v1/subscriptions/{subscription['id']}/invitations", json={"email": email}, headers=ONCE
            ),
            201,
        )
        for account, subscription, email in ((mit, ours, "bea@mit.edu"), (eth, theirs, "bea@eth.ch"))
    ]
    assert [plan["account_id"] for plan in invited] == [mit["id"], eth["id"]]


def test_a_librarian_called_admin_is_not_the_first_admin(on_sqlite: Running):
    account = on_sqlite.nominate()
    key = _issue(on_sqlite, account, name="admin")
    assert on_sqlite.assembly.staff.first_admin("a-first-key") == "a-first-key"
    assert on_sqlite.assembly.staff.revoke("admin")
    assert not on_sqlite.assembly.staff.revoke("admin")
    done(_holding(on_sqlite, key).get(_keys(account)))


def test_what_there_is_not(on_sqlite: Running):
    account = on_sqlite.nominate()
    _issue(on_sqlite, account)
    nowhere = {"id": uuid4()}
    refused(on_sqlite.support.post(_keys(nowhere), json={"name": NAME}), 404, "not-found")
    refused(on_sqlite.support.get(_keys(nowhere)), 404, "not-found")
    for act in ("revoke", "review"):
        refused(on_sqlite.support.post(f"{_keys(account)}/{uuid4()}/{act}"), 404, "not-found")
    refused(on_sqlite.support.get(f"{_keys(account)}/{uuid4()}"), 404, "not-found")


NOBODYS = "/v1/bulk-data/releases"
"""The platform's own, shown to whoever is entitled to them."""


def _world(running: Running, account: Thing | None, person: str) -> dict[str, str]:
    """The ids of one institution's things, one of each kind that a librarian may see."""
    account, subscription = running.subscribed(account)
    plan = running.request_plan(subscription, email=person, registered_account_id=person)
    listing = running.hand_in(subscription, person)
    key = _issue(running, account)
    things = (account, subscription, plan, running.issue(account), listing, key)
    return dict(zip(("account", "subscription", "plan", "token", "import", "key"), (each["id"] for each in things), strict=True))


def test_nothing_of_another_institution_is_seen_anywhere(running: Running):
    """Every GET that a librarian may call, with every id of the other institution in every place that takes one."""
    theirs = _world(running, None, "ada@mit.edu")
    eth = running.another()
    ours = _world(running, eth, "ada@eth.ch")
    running.settle()
    librarian = running.client("institution", account=eth)
    contract = done(running.client(None).get("/openapi.json"))["paths"]
    operations = [
        (path, operation.get("parameters", []))
        for path, each in contract.items()
        if (operation := each.get("get")) and "institution" in operation["x-roles"]
    ]
    assert len(operations) >= 16
    seen = set()
    for path, parameters in operations:
        places = [each["name"] for each in parameters if each["in"] == "path"]
        for ids in product(theirs.values(), repeat=len(places)) if places else ():
            refused(librarian.get(path.format(**dict(zip(places, ids, strict=True)))), 404, "not-found")
        if places:
            continue
        own = librarian.get(path)
        if path == NOBODYS:
            assert done(own)["items"] == []
            continue
        assert not any(id in own.text for id in theirs.values()), path
        assert any(id in own.text for id in ours.values()), path
        seen.add(path)
        filters = [each["name"] for each in parameters if each["in"] == "query" and "uuid" in str(each["schema"])]
        for name, id in product(filters, theirs.values()):
            answer = librarian.get(path, params={name: id})
            assert answer.status_code == 404 or done(answer)["items"] == [], (path, name)
    assert seen == {"/v1/accounts", "/v1/subscriptions", "/v1/user-plans", "/v1/tokens", "/v1/emails"}


def test_an_own_account_does_not_lead_to_another_ones_key(on_sqlite: Running):
    theirs, eth = on_sqlite.nominate(), on_sqlite.another()
    key, own = _issue(on_sqlite, theirs), _issue(on_sqlite, eth)
    librarian = _holding(on_sqlite, own)
    refused(librarian.get(f"{_keys(eth)}/{key['id']}"), 404, "not-found")
    assert done(librarian.get(f"{_keys(eth)}/{own['id']}"))["name"] == NAME
    for act in ("revoke", "review"):
        refused(on_sqlite.support.post(f"{_keys(eth)}/{key['id']}/{act}"), 404, "not-found")


def test_no_command_of_a_librarian_changes_another_institution(running: Running):
    theirs = _world(running, None, "ada@mit.edu")
    librarian = running.client("institution", account=running.another())
    before = done(running.support.get("/v1/history", params={"account": theirs["account"], "limit": 500}))["items"]
    contract = done(running.client(None).get("/openapi.json"))
    commands = {path: each["post"] for path, each in contract["paths"].items() if "institution" in each.get("post", {}).get("x-roles", ())}
    del commands["/v1/previews"]  # by which each of the others can be asked for, too
    assert len(commands) >= 10
    for path, operation in commands.items():
        fields = _fields(contract, operation)
        for id in theirs.values():
            right = {"email": "bea@mit.edu", "label": "x", "owner_id": id, "absent": 0, "product": "scholarly", "release": "202705"} | WORKS
            body = {name: value for name, value in right.items() if name in fields}
            asked = re.sub(r"{\w+}", str(id), path)
            refused(librarian.post(asked, json=body), 404, "not-found")
            refused(librarian.post("/v1/previews", json={"path": asked, "body": body}), 404, "not-found")
    after = done(running.support.get("/v1/history", params={"account": theirs["account"], "limit": 500}))["items"]
    assert before == after


def _fields(contract: Thing, operation: Thing) -> set[str]:
    """What the body of an operation may hold; nothing where it takes a file."""
    shape = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    name = shape.get("$ref", "").rpartition("/")[2]
    return set(contract["components"]["schemas"][name]["properties"]) if name else set()
