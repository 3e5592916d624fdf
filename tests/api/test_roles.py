"""Who may do what: the table of the contract is the table here, and each pair of it is called."""

import pytest

from api.auth import ROLES
from tests.api.running import ADA, Running, done, refused

SOMETHING = "6f1d7b5e-1d8a-4c8e-9d6b-0c5d3b0a7e11"

READERS = {"admin", "auditor", "support"}
SUPPORT = {"admin", "support"}
INSIDERS = READERS | {"institution"}
HOLDERS = {"admin", "institution", "platform"}
MANAGERS = SUPPORT | {"institution"}
KEEPERS = {"admin", "integration"}
LISTENERS = KEEPERS | {"auditor"}

EXPECTED: dict[str, set[str]] = {
    "GET /livez": set(),
    "GET /readyz": set(),
    "GET /metrics": set(),
    "GET /v1/checkpoints": set(),
    "GET /v1/checkpoints/latest": set(),
    "GET /v1/checkpoints/key": set(),
    "GET /v1/checkpoints/{size}": set(),
    "GET /v1/proofs/consistency": set(),
    "GET /v1/proofs/inclusion": READERS,
    "GET /confirm/{token}": set(),
    "POST /confirm/{token}": set(),
    "POST /v1/accounts": SUPPORT,
    "GET /v1/accounts": INSIDERS,
    "GET /v1/accounts/{id}": INSIDERS,
    "GET /v1/onboarding": READERS,
    "GET /v1/accounts/{id}/onboarding": INSIDERS,
    "GET /v1/history/{position}/chain": READERS,
    "GET /v1/diff": READERS,
    "GET /v1/accounts/{id}/future": INSIDERS,
    "POST /v1/previews": MANAGERS,
    "GET /v1/machine-room": READERS,
    "POST /v1/machine-room/try-mail": SUPPORT,
    "GET /v1/accounts/{id}/calendar": INSIDERS,
    "GET /calendars/{token}.ics": set(),
    "GET /v1/allow-list": READERS | {"security-provider"},
    "GET /v1/allow-list/served": READERS,
    "GET /v1/allow-list/served/{digest}": READERS,
    "POST /v1/accounts/{id}/onboarding/community-told": MANAGERS,
    "GET /v1/accounts/{id}/announcement-kit": INSIDERS,
    "GET /v1/accounts/{id}/announcement-kit/text": INSIDERS,
    "GET /v1/accounts/{id}/announcement-kit/guide": INSIDERS,
    "GET /v1/accounts/{id}/announcement-kit/poster.svg": INSIDERS,
    "POST /v1/accounts/{id}/contacts/{contact}/ask-confirmation": MANAGERS,
    "POST /v1/accounts/{id}/contacts/{contact}/accept-personal": SUPPORT,
    "POST /v1/accounts/{id}/portfolios": MANAGERS,
    "GET /v1/accounts/{id}/portfolios": INSIDERS,
    "GET /v1/accounts/{id}/portfolios/{portfolio}": INSIDERS,
    "POST /v1/accounts/{id}/portfolios/{portfolio}/amend": MANAGERS,
    "POST /v1/accounts/{id}/portfolios/{portfolio}/withdraw": MANAGERS,
    "PUT /v1/accounts/{id}/branding": MANAGERS,
    "GET /v1/accounts/{id}/branding": INSIDERS,
    "POST /v1/accounts/{id}/images": MANAGERS,
    "GET /portfolios/{id}": set(),
    "GET /portfolios/{id}/widget": set(),
    "GET /portfolios/images/{digest}": set(),
    "POST /v1/accounts/{id}/amend": SUPPORT,
    "POST /v1/accounts/{id}/convert": SUPPORT,
    "POST /v1/accounts/{id}/withdraw": SUPPORT,
    "POST /v1/accounts/{id}/reject": SUPPORT,
    "POST /v1/accounts/{id}/suspend": SUPPORT,
    "POST /v1/accounts/{id}/reinstate": SUPPORT,
    "POST /v1/accounts/{id}/close": SUPPORT,
    "POST /v1/accounts/{id}/replace-registered-account": SUPPORT,
    "POST /v1/accounts/{id}/domains": SUPPORT,
    "POST /v1/accounts/{id}/domains/{domain}/consent": SUPPORT,
    "POST /v1/accounts/{id}/domains/{domain}/retire": SUPPORT,
    "PUT /v1/accounts/{id}/ip-ranges": SUPPORT,
    "PUT /v1/accounts/{id}/link-resolvers": SUPPORT,
    "POST /v1/accounts/{id}/contacts": SUPPORT,
    "POST /v1/accounts/{id}/contacts/{contact}/roles": SUPPORT,
    "POST /v1/accounts/{id}/contacts/{contact}/remove": SUPPORT,
    "POST /v1/accounts/{id}/contact-transfers": SUPPORT,
    "POST /v1/accounts/{id}/contact-transfers/{transfer}/cancel": SUPPORT,
    "POST /v1/accounts/{id}/librarian-keys": SUPPORT,
    "GET /v1/accounts/{id}/librarian-keys": INSIDERS,
    "GET /v1/accounts/{id}/librarian-keys/{key_id}": INSIDERS,
    "POST /v1/accounts/{id}/librarian-keys/{key_id}/revoke": SUPPORT,
    "POST /v1/accounts/{id}/librarian-keys/{key_id}/review": SUPPORT,
    "POST /v1/subscriptions": SUPPORT,
    "GET /v1/subscriptions": INSIDERS,
    "GET /v1/subscriptions/{id}": INSIDERS,
    "POST /v1/subscriptions/{id}/activate": SUPPORT,
    "POST /v1/subscriptions/{id}/renew": SUPPORT,
    "POST /v1/subscriptions/{id}/withdraw-renewal": SUPPORT,
    "POST /v1/subscriptions/{id}/announce-renewal": SUPPORT,
    "POST /v1/subscriptions/{id}/reinstate": SUPPORT,
    "POST /v1/subscriptions/{id}/extend": SUPPORT,
    "POST /v1/subscriptions/{id}/correct-term": {"admin"},
    "POST /v1/subscriptions/{id}/change-plans": SUPPORT,
    "POST /v1/subscriptions/{id}/undo-plan-change": SUPPORT,
    "POST /v1/subscriptions/{id}/suspend": SUPPORT,
    "POST /v1/subscriptions/{id}/resume": SUPPORT,
    "POST /v1/subscriptions/{id}/cancel": SUPPORT,
    "POST /v1/subscriptions/{id}/undo-cancellation": SUPPORT,
    "POST /v1/subscriptions/{id}/entitlements": SUPPORT,
    "GET /v1/subscriptions/{id}/entitlements": INSIDERS,
    "GET /v1/entitlements/holders": READERS,
    "POST /v1/bulk-data/releases": {"admin"},
    "GET /v1/bulk-data/releases": INSIDERS | {"platform"},
    "POST /v1/subscriptions/{id}/bulk-data-links": MANAGERS | {"platform"},
    "GET /v1/subscriptions/{id}/bulk-data-links": INSIDERS | {"platform"},
    "GET /v1/subscriptions/{id}/bulk-data-access": INSIDERS,
    "GET /downloads/{token}": set(),
    "GET /downloads/{token}/{file_name}": set(),
    "GET /bulk-data/{product}": set(),
    "GET /bulk-data/{product}/{version}": set(),
    "POST /v1/user-plans": SUPPORT | {"platform"},
    "GET /v1/user-plans": INSIDERS | {"platform"},
    "GET /v1/user-plans/{id}": INSIDERS | {"platform"},
    "POST /v1/user-plans/{id}/approve": MANAGERS,
    "POST /v1/user-plans/{id}/reject": MANAGERS,
    "POST /v1/user-plans/{id}/accept": SUPPORT | {"platform"},
    "POST /v1/user-plans/{id}/decline": SUPPORT | {"platform"},
    "POST /v1/user-plans/{id}/change-address": MANAGERS | {"platform"},
    "POST /v1/user-plans/{id}/reconfirm": MANAGERS,
    "POST /v1/user-plans/{id}/request-renewal": SUPPORT | {"platform"},
    "POST /v1/user-plans/{id}/suspend": SUPPORT,
    "POST /v1/user-plans/{id}/resume": SUPPORT,
    "POST /v1/user-plans/{id}/end": MANAGERS,
    "POST /v1/subscriptions/{id}/invitations": MANAGERS,
    "GET /invitations/{token}": set(),
    "POST /invitations/{token}": set(),
    "GET /v1/subscriptions/{id}/users": INSIDERS,
    "POST /v1/subscriptions/{id}/user-imports": MANAGERS,
    "GET /v1/subscriptions/{id}/user-imports": INSIDERS,
    "GET /v1/user-imports/{id}": INSIDERS,
    "GET /v1/user-imports/{id}/rows": INSIDERS,
    "GET /v1/user-imports/{id}/rows.csv": INSIDERS,
    "GET /v1/user-imports/{id}/absent": INSIDERS,
    "POST /v1/user-imports/{id}/confirm-absences": MANAGERS,
    "POST /v1/user-imports/{id}/undo": MANAGERS,
    "PUT /v1/registered-accounts": {"admin", "platform"},
    "POST /v1/tokens": HOLDERS,
    "GET /v1/tokens": INSIDERS | {"platform"},
    "GET /v1/tokens/{id}": INSIDERS | {"platform"},
    "POST /v1/tokens/{id}/rotate": HOLDERS,
    "POST /v1/tokens/{id}/revoke": HOLDERS | {"support"},
    "POST /v1/tokens/{id}/report-leak": SUPPORT,
    "POST /v1/tokens/leaks": set(),
    "GET /v1/access/explain": READERS,
    "POST /v1/access/check": {"gateway"},
    "POST /v1/usage": {"gateway"},
    "GET /v1/subscriptions/{id}/usage": INSIDERS,
    "GET /v1/user-plans/{id}/usage": INSIDERS | {"platform"},
    "GET /v1/access/refusals/{reference}": READERS,
    "GET /subscriptions/scholarly_api/usage": set(),
    "GET /subscriptions/patent_api/usage": set(),
    "GET /subscriptions/scholarly_aggregation_api/usage": set(),
    "GET /subscriptions/patent_aggregation_api/usage": set(),
    "GET /schema/scholarly": set(),
    "GET /schema/patent": set(),
    "GET /v1/emails": INSIDERS,
    "GET /v1/emails/{id}": INSIDERS,
    "POST /v1/emails/bounces": SUPPORT,
    "GET /v1/history": READERS,
    "GET /v1/history/export": READERS,
    "POST /v1/corrections": SUPPORT,
    "GET /v1/corrections": READERS,
    "GET /v1/corrections/{id}": READERS,
    "POST /v1/corrections/{id}/approve": {"admin"},
    "POST /v1/corrections/{id}/decline": {"admin"},
    "POST /v1/corrections/{id}/withdraw": SUPPORT,
    "GET /v1/reads": {"admin", "auditor"},
    "GET /v1/people": READERS,
    "GET /v1/people/{id}": READERS,
    "GET /v1/people/{id}/export": {"admin"},
    "POST /v1/people/{id}/erase": {"admin"},
    "GET /v1/erasures": READERS,
    "GET /v1/erasures/{id}": READERS,
    "POST /v1/erasures/{id}/confirm": {"admin"},
    "POST /v1/erasures/{id}/withdraw": {"admin"},
    "POST /v1/erasures/{id}/refuse": {"admin"},
    "GET /v1/events": LISTENERS,
    "GET /v1/events/stream": LISTENERS,
    "POST /v1/webhooks": KEEPERS,
    "GET /v1/webhooks": LISTENERS,
    "GET /v1/webhooks/{id}": LISTENERS,
    "POST /v1/webhooks/{id}/rotate-secret": KEEPERS,
    "POST /v1/webhooks/{id}/pause": KEEPERS,
    "POST /v1/webhooks/{id}/resume": KEEPERS,
    "POST /v1/webhooks/{id}/replay": KEEPERS,
    "POST /v1/webhooks/{id}/remove": KEEPERS,
    "GET /v1/webhooks/{id}/dead-letters": LISTENERS,
    "POST /v1/webhooks/{id}/dead-letters/{event}/retry": KEEPERS,
    "GET /v1/clock": READERS,
    "POST /v1/clock/advance": {"admin"},
}


def test_the_contract_says_the_same(shared: Running):
    contract = done(shared.client(None).get("/openapi.json"))
    written = {
        f"{method.upper()} {path}": set(operation["x-roles"])
        for path, operations in contract["paths"].items()
        for method, operation in operations.items()
    }
    assert written == EXPECTED
    for path, operations in contract["paths"].items():
        for operation in operations.values():
            assert bool(operation.get("security")) == bool(operation["x-roles"]), path


@pytest.fixture(scope="module")
def university(shared: Running):
    """Whose librarian calls."""
    return shared.another("uzh")


@pytest.mark.parametrize("operation", EXPECTED)
@pytest.mark.parametrize("role", [None, *ROLES])
def test_each_role_gets_in_where_it_may_and_nowhere_else(shared: Running, university, operation, role):
    method, path = operation.split(" ")
    for name in ("id", "contact", "transfer", "reference", "key_id", "portfolio"):
        path = path.replace(f"{{{name}}}", SOMETHING)
    path = path.replace("{domain}", "mit.edu").replace("{token}", "none").replace("{digest}", "0" * 64)
    path = path.replace("{event}", f"{SOMETHING}-1")
    client = shared.client(role, account=university if role == "institution" else None)
    answer = client.request(method, path, json={} if method != "GET" else None)
    allowed = EXPECTED[operation]
    if not allowed:
        assert answer.status_code not in {401, 403}
    elif role is None:
        refused(answer, 401, "unauthenticated")
    elif role in allowed:
        assert answer.status_code not in {401, 403, 500, 503}, answer.text
    else:
        refused(answer, 403, "role-not-allowed")


def test_support_receives_no_secret(running: Running):
    account, subscription = running.subscribed()
    token = running.issue(account)
    plan = running.request_plan(subscription)
    support = running.support
    refused(support.post("/v1/tokens", json={"owner_id": account["id"], "label": "x"}), 403, "role-not-allowed")
    refused(support.post(f"/v1/tokens/{token['id']}/rotate"), 403, "role-not-allowed")
    running.catch_up()
    for path in (
        f"/v1/tokens/{token['id']}",
        f"/v1/tokens?owner_id={account['id']}",
        f"/v1/user-plans/{plan['id']}",
        "/v1/history?limit=500",
        "/v1/history/export",
        "/v1/emails",
    ):
        assert token["secret"] not in support.get(path).text
    assert "secret" not in done(support.post(f"/v1/tokens/{token['id']}/revoke"))


def test_the_platform_names_for_whom_it_acts(running: Running):
    client = running.client("platform")
    del client.headers["X-On-Behalf-Of"]
    refused(client.get("/v1/tokens"), 403, "on-behalf-of-missing")
    for wrong in ("", "two words", "x" * 129):
        refused(client.get("/v1/tokens", headers={"X-On-Behalf-Of": wrong}), 422, "invalid-request")


def test_the_platform_sees_only_what_is_its_account_holders(running: Running):
    account, subscription = running.subscribed()
    plan = running.request_plan(subscription)
    holder, ada, other = (running.client("platform", on_behalf_of=whom) for whom in (account["registered_account_id"], ADA, "somebody"))
    of_account = done(holder.post("/v1/tokens", json={"owner_id": account["id"], "label": "theirs"}), 201)
    of_ada = done(ada.post("/v1/tokens", json={"owner_id": plan["id"], "label": "hers"}), 201)
    running.catch_up()
    assert [token["id"] for token in done(ada.get(f"/v1/tokens?owner_id={plan['id']}"))["items"]] == [of_ada["id"]]
    assert done(ada.get(f"/v1/user-plans/{plan['id']}"))["id"] == plan["id"]
    refused(holder.get("/v1/tokens"), 404, "not-found")
    for client, token, owner in ((ada, of_account, account), (holder, of_ada, plan), (other, of_account, account), (other, of_ada, plan)):
        refused(client.get(f"/v1/tokens/{token['id']}"), 404, "not-found")
        refused(client.post(f"/v1/tokens/{token['id']}/revoke"), 404, "not-found")
        refused(client.post(f"/v1/tokens/{token['id']}/rotate"), 404, "not-found")
        refused(client.get(f"/v1/tokens?owner_id={owner['id']}"), 404, "not-found")
        refused(client.post("/v1/tokens", json={"owner_id": owner["id"], "label": "x"}), 404, "not-found")
    for client in (holder, other):
        refused(client.get(f"/v1/user-plans/{plan['id']}"), 404, "not-found")
        refused(client.post(f"/v1/user-plans/{plan['id']}/request-renewal"), 404, "not-found")
    event = done(running.support.get("/v1/history?topic=token.issued"))["items"][0]
    assert (event["role"], event["on_behalf_of"]) == ("platform", account["registered_account_id"])


def test_the_platform_asks_in_the_name_of_its_account_holder_only(running: Running):
    _, subscription = running.subscribed()
    body = {"subscription_id": subscription["id"], "registered_account_id": "somebody-else", "email": "ada@mit.edu"}
    plan = done(running.client("platform", on_behalf_of=ADA).post("/v1/user-plans", json=body), 201)
    assert plan["registered_account_id"] == ADA


def test_another_institutions_anything_is_not_there(running: Running):
    mit, subscription = running.subscribed()
    plan, token = running.request_plan(subscription), running.issue(mit)
    eth, own_subscription = running.subscribed(running.another())
    own_token = running.issue(eth)
    running.catch_up()
    librarian = running.client("institution", account=eth)
    assert done(librarian.get(f"/v1/accounts/{eth['id']}"))["id"] == eth["id"]
    assert done(librarian.get(f"/v1/subscriptions/{own_subscription['id']}"))["id"] == own_subscription["id"]
    assert [each["id"] for each in done(librarian.get("/v1/subscriptions"))["items"]] == [own_subscription["id"]]
    assert [each["id"] for each in done(librarian.get("/v1/tokens"))["items"]] == [own_token["id"]]
    assert done(librarian.get("/v1/user-plans"))["items"] == []
    for path in (
        f"/v1/accounts/{mit['id']}",
        f"/v1/subscriptions/{subscription['id']}",
        f"/v1/subscriptions?account_id={mit['id']}",
        f"/v1/user-plans/{plan['id']}",
        f"/v1/user-plans?subscription_id={subscription['id']}",
        f"/v1/tokens/{token['id']}",
        f"/v1/tokens?owner_id={mit['id']}",
        f"/v1/tokens?owner_id={plan['id']}",
    ):
        refused(librarian.get(path), 404, "not-found")
    for owner in (mit, plan):
        refused(librarian.post("/v1/tokens", json={"owner_id": owner["id"], "label": "x"}), 404, "not-found")
    for act in ("rotate", "revoke"):
        refused(librarian.post(f"/v1/tokens/{token['id']}/{act}"), 404, "not-found")
    new = done(librarian.post(f"/v1/tokens/{own_token['id']}/rotate"), 201)
    assert new["secret"].startswith("tnr_live_")
