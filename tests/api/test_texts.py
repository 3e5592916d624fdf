"""No text of any route takes a NUL, half a character, a control or a bidi override: 422 each time, on both databases."""

import json

import pytest

from tests.api.running import Running, Thing, done

BREAKING = ["\x00", "a\x00b", "\ud800", "a\udfffb", "a\nb", "a\u202eb", "a\u2028b"]


def _requests(account: Thing, subscription: Thing, plan: Thing, token: Thing) -> list[tuple[str, str, Thing, list[str]]]:
    """Method, path, a body that is right, and its texts."""
    accounts, subscriptions = f"/v1/accounts/{account['id']}", f"/v1/subscriptions/{subscription['id']}"
    contact = f"{accounts}/contacts/{account['contacts'][0]['id']}"
    everybody = {"reason": {"code": "other", "text": "because"}}
    nomination = {
        "email": "library@mit.edu",
        "registered_account_id": "r-1",
        "institution": "MIT",
        "time_zone": "America/New_York",
        "contact_name": "The library",
        "ror_id": "https://ror.org/042nb2s44",
    }
    plans = f"/v1/user-plans/{plan['id']}"
    return [
        ("POST", "/v1/accounts", nomination, list(nomination)),
        ("POST", f"{accounts}/amend", {"institution": "MIT", "time_zone": "UTC"}, ["institution", "time_zone", "ror_id"]),
        ("POST", f"{accounts}/replace-registered-account", {"registered_account_id": "r-2"}, ["registered_account_id"]),
        ("POST", f"{accounts}/domains", {"domain": "mit.net"}, ["domain"]),
        ("PUT", f"{accounts}/link-resolvers", {"libkey_id": "1"}, ["libkey_id", "worldcat_registry_id"]),
        ("POST", f"{accounts}/contacts", {"email": "billing@mit.edu", "name": "Billing"}, ["email", "name"]),
        ("POST", f"{accounts}/contact-transfers", {"email": "new@mit.edu"}, ["email", "contact_name"]),
        ("POST", f"{accounts}/librarian-keys", {"name": "Ada Archivist"}, ["name"]),
        ("POST", f"{contact}/roles", {"roles": ["administrator"]} | everybody, []),
        ("POST", f"{accounts}/suspend", everybody, []),
        ("POST", f"{subscriptions}/renew", {"reference": "PO 7"}, ["reference"]),
        ("POST", f"{subscriptions}/announce-renewal", {"reference": "PO 7"}, ["reference"]),
        ("POST", f"{subscriptions}/entitlements", {"name": "work_area", "approver": "The director"}, ["name", "approver"]),
        (
            "POST",
            "/v1/user-plans",
            {"subscription_id": subscription["id"], "email": "bob@mit.edu"},
            ["email", "name", "registered_account_id"],
        ),
        ("POST", f"{plans}/approve", {"ground": "partner", "licence": "L 1"}, ["ground", "licence"]),
        ("POST", f"{plans}/reject", {"cause": "other"}, ["cause"]),
        ("POST", "/v1/tokens", {"owner_id": account["id"], "label": "repository"}, ["label"]),
        ("POST", f"/v1/tokens/{token['id']}/report-leak", {"where": "a page"}, ["where"]),
    ]


@pytest.mark.parametrize("breaking", BREAKING, ids=ascii)
def test_no_text_takes_what_breaks_something(running: Running, breaking):
    account, subscription = running.subscribed()
    plan, token = running.request_plan(subscription), running.issue(account)
    before = done(running.support.get("/v1/history?limit=500"))["items"]
    for method, path, body, texts in _requests(account, subscription, plan, token):
        wrong = [body | {text: breaking} for text in texts] + [body | {"reason": {"code": "other", "text": breaking}}]
        for each in wrong:
            answer = running.admin.request(method, path, content=json.dumps(each), headers={"Content-Type": "application/json"})
            assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), (path, each, answer.text)
    assert done(running.support.get("/v1/history?limit=500"))["items"] == before


@pytest.mark.parametrize("escaped", ["%00", "%ED%A0%80", "%FF", "%E2%80%AE", "a%0Ab"])
def test_no_address_takes_it_either(running: Running, escaped):
    account = running.nominate()
    for method, path in (
        ("GET", f"/v1/accounts/{escaped}"),
        ("POST", f"/v1/accounts/{account['id']}/domains/{escaped}/retire"),
        ("POST", f"/v1/accounts/{account['id']}/contacts/{escaped}/remove"),
        ("GET", f"/confirm/{escaped}"),
        ("GET", f"/v1/tokens?status={escaped}"),
        ("GET", f"/v1/access/explain?token_id={escaped}&product=scholarly"),
        ("GET", f"/v1/history?from={escaped}"),
        ("GET", f"/v1/emails?template={escaped}"),
    ):
        assert running.support.request(method, path).status_code == 422, path


@pytest.mark.parametrize("value", [b"\x00", b"\xed\xa0\x80", b"\xff", b"x" * 4_000])
def test_no_header_breaks_anything(running: Running, value):
    account, _ = running.subscribed()
    for name in (b"X-Request-ID", b"If-Match", b"Idempotency-Key", b"X-Position", b"X-On-Behalf-Of", b"Authorization"):
        for client in (running.client("platform"), running.support):
            listed = client.get(f"/v1/tokens?owner_id={account['id']}", headers={name: value})
            revoked = client.post(f"/v1/tokens/{account['id']}/revoke", headers={name: value})
            assert listed.status_code in {200, 401, 404, 422}, (name, listed.text)
            assert revoked.status_code in {401, 404, 422}, (name, revoked.text)
