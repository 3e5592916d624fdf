"""What the contract says is what is answered: generated requests, right and wrong ones, of every role to every operation that it may call.

TENURE_EXAMPLES sets how many for each, and then they differ from run to run.
"""

import os
import warnings
from itertools import count

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig

from api.auth import ROLES
from tests.api.running import Running, Thing

EXAMPLES = int(os.environ.get("TENURE_EXAMPLES", "10"))
CONFIG = {
    "checks": {
        # A schema does not know which addresses, domains or dates there are: what fits it may still be refused, in the way it says.
        "positive_data_acceptance": {"expected-statuses": ["2xx", "401", "403", "404", "409", "410", "412", "422"]},
    }
}
KINDS = {"accounts": "account", "subscriptions": "subscription", "user-plans": "user_plan", "tokens": "token"}
NAMED = {
    "account_id": "account",
    "account": "account",
    "with_account": "account",
    "owner_id": "account",
    "subscription_id": "subscription",
    "token_id": "token",
}

SENSIBLE = {
    "email": "library@example.edu",
    "name": "work_area",
    "institution": "Example University",
    "registered_account_id": "r-1",
    "time_zone": "Europe/Berlin",
    "contact_name": "The library",
    "ror_id": "https://ror.org/042nb2s44",
    "domain": "example.edu",
    "domains": ["example.org"],
    "ip_ranges": ["18.0.0.0/9"],
    "contacts": [],
    "starts_on": "2027-01-15",
    "ends_on": "2028-01-31",
    "number": 1,
    "reference": "PO 7",
    "approver": "The director",
    "label": "repository",
    "ground": "partner",
    "licence": "L 1",
    "where": "a page",
    "follows": None,
    "address": "https://www.lens.org/lens/search/scholar/list?collectionId=1",
    "statement": "These works were written here.",
    "attested_by": "The director",
    "mode": "fixed",
    "query": None,
    "description": "We write *a lot*.",
    "frame_ancestors": ["https://library.example.edu"],
    "image_id": None,
    "to": "2027-02-15T00:00:00Z",
}
"""What no generator finds by itself, in every second request that fits the schema."""

numbers = count(1)


@pytest.mark.parametrize("role", [*ROLES, None])
def test_every_answer_is_in_the_contract(on_sqlite: Running, role):
    schema = schemathesis.openapi.from_asgi("/openapi.json", on_sqlite.app, config=SchemathesisConfig.from_dict(CONFIG))
    called = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        roles = operation.definition.raw["x-roles"]
        if role in roles or (role is None and not roles):
            _call(on_sqlite, operation, role)
            called += 1
    assert called or role == "gateway"


def test_no_character_breaks_postgresql(running: Running):
    """It refuses NUL where SQLite takes it: the routes with the most texts, once more on both."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", running.app, config=SchemathesisConfig.from_dict(CONFIG))
    for path, method in (("/v1/accounts", "POST"), ("/v1/accounts", "GET"), ("/v1/history", "GET"), ("/v1/accounts/{id}/suspend", "POST")):
        _call(running, schema[path][method], "admin")


def _call(running: Running, operation, role) -> None:
    world = _world(running)
    running.catch_up()
    headers = running.headers(role, account=world["account"] if role == "institution" else None, on_behalf_of=world["runs"])
    known = next(({"id": world[kind]["id"]} for part, kind in KINDS.items() if f"/{part}/{{id}}" in operation.path), None)
    if known and "{key_id}" in operation.path:
        issued = running.support.post(f"/v1/accounts/{known['id']}/librarian-keys", json={"name": "Ada Archivist"})
        known["key_id"] = issued.json()["id"]
    right = operation.as_strategy(GenerationMode.POSITIVE, path_parameters=known, headers=headers)
    wrong = operation.as_strategy(GenerationMode.NEGATIVE, headers=headers)
    calls = count(1)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize="TENURE_EXAMPLES" not in os.environ,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(right, right, wrong))
    def check(case):
        number = next(calls)
        if number % 4:
            for name in ("If-Match", "Idempotency-Key"):
                case.headers.pop(name, None)
        if case.headers.get("X-Position", "").strip().isdigit():
            case.headers.pop("X-Position")  # it would wait for what nobody writes
        if case.meta.generation.mode is GenerationMode.POSITIVE:
            for given_names in (case.body, case.query):
                if isinstance(given_names, dict):
                    given_names.update({name: world[kind]["id"] for name, kind in NAMED.items() if given_names.get(name)})
            if number % 2 and isinstance(case.body, dict):
                case.body.update({name: value for name, value in SENSIBLE.items() if name in case.body})
        case.call_and_validate(headers=headers)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the generator, about itself
        check()


def _world(running: Running) -> dict[str, Thing]:
    """One of each thing, alive, that no other call has touched."""
    name = f"university{next(numbers)}"
    account = running.another(name)
    account, subscription = running.subscribed(account)
    return {
        "account": account,
        "subscription": subscription,
        "user_plan": running.request_plan(subscription, email=f"ada@{name}.ch", registered_account_id=f"ada-{name}"),
        "token": running.issue(account),
        "runs": account["registered_account_id"],
    }
