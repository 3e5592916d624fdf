"""Every answer of the past is what was answered then: as of an instant of effect, and as known at an instant of record."""

from typing import Any
from urllib.parse import parse_qsl

from fastapi.routing import APIRoute

from api.app import query_parameters
from tests.api.running import Running, done, refused

WITHOUT: dict[str, str] = {
    "/livez": "whether this process lives is of the present",
    "/readyz": "whether this process can work is of the present",
    "/metrics": "counters are of the present",
    "/docs": "the contract is of this release",
    "/openapi.json": "the contract is of this release",
    "/confirm/{token}": "a page to do something with now",
    "/invitations/{token}": "a page to do something with now",
    "/downloads/{token}": "a page to do something with now",
    "/downloads/{token}/{file_name}": "a file to be had now",
    "/bulk-data/{product}": "files to be had now",
    "/bulk-data/{product}/{version}": "a file to be had now",
    "/v1/bulk-data/releases": "what was registered is own facts, of which there are no versions",
    "/v1/subscriptions/{id}/bulk-data-links": "counts the downloads, of which there are no versions",
    "/v1/subscriptions/{id}/bulk-data-access": "asks of a day already: `on`",
    "/v1/user-imports/{id}/absent": "who is absent is a question to be answered by confirming it now",
    "/v1/allow-list/served": "what was served has its own instants",
    "/v1/allow-list/served/{digest}": "what was served does not change",
    "/v1/accounts/{id}/announcement-kit": "material to be used now",
    "/v1/accounts/{id}/announcement-kit/text": "material to be used now",
    "/v1/accounts/{id}/announcement-kit/guide": "material to be used now",
    "/v1/accounts/{id}/announcement-kit/poster.svg": "material to be used now",
    "/portfolios/{id}": "a public page of the present",
    "/portfolios/{id}/widget": "a public page of the present",
    "/portfolios/images/{digest}": "a picture does not change",
    "/subscriptions/scholarly_api/usage": "the ledger of usage has no versions",
    "/subscriptions/patent_api/usage": "the ledger of usage has no versions",
    "/subscriptions/scholarly_aggregation_api/usage": "the ledger of usage has no versions",
    "/subscriptions/patent_aggregation_api/usage": "the ledger of usage has no versions",
    "/schema/scholarly": "the contract of the platform",
    "/schema/patent": "the contract of the platform",
    "/v1/subscriptions/{id}/usage": "the ledger of usage has no versions",
    "/v1/user-plans/{id}/usage": "the ledger of usage has no versions",
    "/v1/access/refusals/{reference}": "a refusal does not change",
    "/v1/history": "the log itself: `to` and `recorded_to` say it",
    "/v1/history/export": "the log itself",
    "/v1/history/{position}/chain": "what has happened is told whole",
    "/v1/people": "whom we know is asked at present only",
    "/v1/people/{id}": "whom we know is asked at present only",
    "/v1/people/{id}/export": "what is kept is told as it is kept",
    "/v1/erasures": "how far requests are; `/v1/history` tells how they went",
    "/v1/erasures/{id}": "how far a request is; `/v1/history` tells how it went",
    "/v1/reads": "the read log has no versions",
    "/v1/corrections": "stands beside the log; `/v1/history` tells when what was proposed and decided",
    "/v1/corrections/{id}": "stands beside the log; `/v1/history` tells when what was proposed and decided",
    "/v1/checkpoints": "hashes and sizes, of which none changes",
    "/v1/checkpoints/latest": "hashes and sizes, of which none changes",
    "/v1/checkpoints/key": "the key of the log",
    "/v1/checkpoints/{size}": "hashes and sizes, of which none changes",
    "/v1/proofs/consistency": "hashes and sizes, of which none changes",
    "/v1/proofs/inclusion": "hashes and sizes, of which none changes",
    "/v1/machine-room": "how everything runs now",
    "/v1/emails/{id}": "a letter that left does not change; `/v1/emails` tells what was known of it",
    "/v1/accounts/{id}/future": "what is to come",
    "/v1/accounts/{id}/calendar": "what is to come",
    "/calendars/{token}.ics": "what is to come",
    "/v1/diff": "takes two instants, and `known_at`",
    "/v1/events": "a stream of events",
    "/v1/events/stream": "a stream of events",
    "/v1/webhooks": "settings of other systems, of which there are no versions",
    "/v1/webhooks/{id}": "settings of other systems, of which there are no versions",
    "/v1/webhooks/{id}/dead-letters": "settings of other systems, of which there are no versions",
    "/v1/clock": "the present itself",
}
"""The GETs that do not read the past, each with the reason."""

LISTS = ("/v1/accounts", "/v1/subscriptions", "/v1/user-plans", "/v1/tokens", "/v1/emails", "/v1/onboarding", "/v1/allow-list")


def gets(running: Running) -> dict[str, set[str]]:
    """Of the contract; pages of the console ask these."""
    found: dict[str, set[str]] = {}

    def walk(routes: Any) -> None:
        for route in routes:
            if isinstance(route, APIRoute) and "GET" in (route.methods or ()) and route.path.startswith(known):
                found[route.path] = set(query_parameters(route.dependant))
            elif hasattr(route, "original_router"):
                walk(route.original_router.routes)

    app: Any = running.app
    known = tuple(app.openapi()["paths"])
    walk(app.routes)
    return found


def test_every_get_reads_the_past_or_says_why_not(on_sqlite: Running) -> None:
    told = gets(on_sqlite)
    assert {path for path, parameters in told.items() if not {"as_of", "known_at"} <= parameters} - WITHOUT.keys() == set()
    assert {path for path in WITHOUT if {"as_of", "known_at"} <= told.get(path, set())} == set()


class Witness:
    """What every GET answered at an instant at which nothing else happened."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.seen: list[tuple[str, dict[str, Any]]] = []

    def look(self, *paths: str) -> None:
        running = self.running
        running.settle()
        running.catch_up()
        self.seen.append((running.now.isoformat(), {path: self._get(path) for path in (*LISTS, *paths)}))
        running.wait(hours=1)

    def _get(self, path: str, **query: str) -> Any:
        where, _, given = path.partition("?")
        response = self.running.support.get(where, params=dict(parse_qsl(given)) | query)
        told = (response.status_code, response.json())
        if response.is_success and isinstance(told[1], dict):
            for name in ("position", "last_used_at"):
                told[1].pop(name, None)
        return told

    def check(self) -> None:
        for instant, answers in self.seen:
            for path, answer in answers.items():
                assert self._get(path, as_of=instant, known_at=instant) == answer, (instant, path)
                assert self._get(path, as_of=instant) == answer, (instant, path)


def test_the_past_is_what_was_answered_then(running: Running) -> None:
    witness = Witness(running)
    witness.look()
    account = running.convert(running.nominate())
    one = f"/v1/accounts/{account['id']}"
    witness.look(one, f"{one}/onboarding", f"{one}/librarian-keys", f"{one}/portfolios", f"{one}/branding")
    _, subscription = running.subscribed(account)
    token = running.issue(account)
    of = f"/v1/subscriptions/{subscription['id']}"
    things: tuple[str, ...] = (
        one,
        of,
        f"{of}/users",
        f"{of}/entitlements",
        f"{of}/user-imports",
        f"/v1/tokens/{token['id']}",
        f"{one}/onboarding",
    )
    things += (f"{one}/portfolios", f"{one}/branding", f"/v1/access/explain?token_id={token['id']}&product=scholarly")
    witness.look(*things)
    running.hand_in(subscription, "ada@mit.edu", "bob@mit.edu", "eve@elsewhere.example")
    witness.look(*things)
    done(running.support.post(f"{of}/suspend"))
    witness.look(*things)
    done(running.support.post(f"{of}/resume"))
    done(running.support.post(f"{one}/amend", json={"institution": "Another name"}))
    witness.look(*things, "/v1/accounts?q=another", "/v1/subscriptions?status=active")
    running.wait(days=360)
    witness.look(*things, "/v1/subscriptions?status=active")
    running.wait(days=120)
    witness.look(*things, "/v1/subscriptions?status=active", "/v1/tokens?status=expired", "/v1/emails?status=sent")
    witness.check()


def test_the_future_is_refused_and_an_answer_of_the_past_has_no_tag(on_sqlite: Running) -> None:
    running = on_sqlite
    account = running.convert(running.nominate())
    path = f"/v1/accounts/{account['id']}"
    running.wait(days=2)
    tomorrow, now = "2030-01-01T00:00:00Z", running.now.isoformat()
    problem = refused(running.support.get(path, params={"as_of": tomorrow}), 422, "invalid-request")
    assert problem["field"] == "query.as_of"
    assert refused(running.support.get(path, params={"known_at": tomorrow}), 422, "invalid-request")["field"] == "query.known_at"
    refused(running.support.get(path, params={"as_of": now, "known_at": "2027-01-31T10:00:00Z"}), 422, "invalid-request")
    refused(running.support.get(path, params={"as_of": "2027-01-01T00:00:00Z"}), 404, "not-found")
    response = running.support.get(path, params={"as_of": now})
    assert "etag" not in response.headers
    assert response.headers["x-as-of"] == now
    assert "etag" in running.support.get(path).headers
    refused(running.support.get("/v1/clock", params={"as_of": now}), 422, "unknown-parameter")
