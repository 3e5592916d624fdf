"""From nomination to the end, over HTTP, on both databases: each answer in its shape."""

from tests.api.running import ADA, LIBRARY, RAN_BY, Running, done

PRODUCTS = ["patent", "patent_aggregation", "scholarly", "scholarly_aggregation"]


def test_an_institution_from_nomination_to_its_end(running: Running):
    nominated = running.support.post(
        "/v1/accounts",
        json={
            "email": LIBRARY,
            "registered_account_id": RAN_BY,
            "institution": "MIT",
            "time_zone": "America/New_York",
            "domains": ["mit.edu"],
            "ip_ranges": ["18.0.0.0/9"],
        },
    )
    account = done(nominated, 201)
    assert nominated.headers["location"] == f"/v1/accounts/{account['id']}"
    assert nominated.headers["etag"] == '"1"'
    assert account == {
        "id": account["id"],
        "version": 1,
        "status": "nominated",
        "institution": "MIT",
        "email": LIBRARY,
        "registered_account_id": RAN_BY,
        "time_zone": "America/New_York",
        "ror_id": None,
        "missing": [],
        "contacts": [
            {
                "id": account["contacts"][0]["id"],
                "email": LIBRARY,
                "name": None,
                "roles": ["administrator"],
                "verified": False,
                "reachable": True,
            }
        ],
        "contact_transfer": None,
        "domains": [{"domain": "mit.edu", "subdomains": False, "shared": False, "retires_at": None}],
        "ip_ranges": ["18.0.0.0/9"],
        "link_resolvers": {"libkey_id": None, "worldcat_registry_id": None},
        "warnings": [],
    }
    assert running.convert(account)["status"] == "active"

    pending = running.open(account)
    term = {"number": 1, "starts_at": "2027-01-15T05:00:00Z", "ends_at": "2028-01-15T05:00:00Z"}
    assert (pending["status"], pending["term"], pending["plans"]) == ("pending", term, [])
    subscription = running.activate(pending)
    assert (subscription["status"], subscription["term"], subscription["queued_terms"]) == ("active", term, [])
    assert (subscription["paid_until"], subscription["grace_ends_at"]) == (term["ends_at"], None)
    assert (subscription["hold"], subscription["intent"], subscription["ended_because"]) == ("none", "none", None)
    assert sorted(plan["product"] for plan in subscription["plans"]) == PRODUCTS
    assert next(plan for plan in subscription["plans"] if plan["product"] == "scholarly") == {
        "product": "scholarly",
        "requests_per_month": 50_000,
        "requests_per_minute": 20,
        "records_per_request": 1_000,
        "nested_aggregations_per_request": None,
        "records_per_month": None,
    }
    assert subscription["quota"] == {"anchor": "2027-01-31T10:00:00Z", "resets_at": "2027-02-28T10:00:00Z"}

    plan = running.request_plan(subscription)
    assert (plan["status"], plan["renewal"], plan["term"]) == ("active", "none", 1)
    assert (plan["email"], plan["registered_account_id"], plan["account_id"]) == ("ada@mit.edu", ADA, account["id"])
    assert plan["until"] == "2028-02-14T05:00:00Z"  # thirty days of grace behind the term

    issued = running.admin.post("/v1/tokens", json={"owner_id": account["id"], "label": "repository"})
    token = done(issued, 201)
    assert issued.headers["location"] == f"/v1/tokens/{token['id']}"
    assert (token["status"], token["label"], token["owner_id"]) == ("active", "repository", account["id"])
    assert token["secret"].startswith(token["prefix"])
    assert token["secret"].endswith(token["last_four"])
    assert (token["issued_at"], token["expires_at"]) == ("2027-01-31T10:00:00Z", "2028-01-31T10:00:00Z")

    rotated = running.admin.post(f"/v1/tokens/{token['id']}/rotate", json={"overlap_days": 3})
    new = done(rotated, 201)
    assert rotated.headers["location"] == f"/v1/tokens/{new['id']}"
    assert new["secret"] != token["secret"]
    old = done(running.support.get(f"/v1/tokens/{token['id']}"))
    assert (old["status"], old["expires_at"], old["replaced_by"]) == ("rotating", "2027-02-03T10:00:00Z", new["id"])

    renewed = done(running.support.post(f"/v1/subscriptions/{subscription['id']}/renew", json={"months": 12, "reference": "PO 7"}))
    assert renewed["queued_terms"] == [{"number": 2, "starts_at": term["ends_at"], "ends_at": "2029-01-15T05:00:00Z"}]
    assert renewed["paid_until"] == "2029-01-15T05:00:00Z"

    journey = running.advance("2029-06-01T00:00:00Z")
    assert journey["now"] == "2029-06-01T00:00:00Z"
    topics = [event["topic"] for event in journey["events"]]
    for earlier, later in (
        ("token.expired", "subscription.term-rolled-over"),
        ("subscription.term-rolled-over", "subscription.grace-started"),
        ("subscription.grace-started", "subscription.lapsed"),
        ("subscription.lapsed", "subscription.ended"),
    ):
        assert topics.index(earlier) < topics.index(later)
    instants = [event["at"] for event in journey["events"] if not event["topic"].startswith("email.")]
    assert instants == sorted(instants)
    assert journey["totals"] == {"events": len(topics), "emails": len(journey["emails"])}
    assert journey["totals"]["emails"] == len(running.catcher.messages)

    ended = done(running.support.get(f"/v1/subscriptions/{subscription['id']}"))
    assert (ended["status"], ended["ended_because"]) == ("ended", "lapsed")
    closed = done(running.support.post(f"/v1/accounts/{account['id']}/close", json={"reason": {"code": "contract"}}))
    assert closed["status"] == "closed"


def test_what_has_ended_is_shown_as_ended_though_nothing_runs(running: Running):
    account, subscription = running.subscribed()
    token = running.issue(account)
    running.catch_up()
    running.assembly.clock.set(running.assembly.clock.now().replace(year=2030))
    assert done(running.support.get(f"/v1/subscriptions/{subscription['id']}"))["status"] == "ended"
    assert [each["status"] for each in done(running.support.get("/v1/subscriptions?status=ended"))["items"]] == ["ended"]
    assert done(running.support.get("/v1/subscriptions?status=active"))["items"] == []
    assert done(running.support.get(f"/v1/tokens/{token['id']}"))["status"] == "expired"


def test_access_is_explained_with_the_event_that_decided_it(running: Running):
    account, subscription = running.subscribed()
    token = running.issue(account)
    asked = f"/v1/access/explain?token_id={token['id']}&product=scholarly"
    assert done(running.support.get(asked))["allowed"] is True
    suspended = running.support.post(f"/v1/subscriptions/{subscription['id']}/suspend")
    explained = done(running.support.get(asked))
    assert explained["allowed"] is False
    assert [(reason["code"], reason["position"]) for reason in explained["reasons"]] == [
        ("subscription_suspended", int(suspended.headers["x-position"]))
    ]
    assert done(running.support.get(f"{asked}&at=2027-01-31T10:00:00Z"))["token_id"] == token["id"]


def test_the_history_names_who_did_what_and_why(running: Running):
    account = running.nominate()
    reason = {"code": "contract", "text": "signed in January"}
    request_id = "4b1d1b1e-6a5c-4c89-9a55-0f6d8f4b0001"
    converted = running.support.post(f"/v1/accounts/{account['id']}/convert", json={"reason": reason}, headers={"X-Request-ID": request_id})
    event = done(running.client("auditor").get(f"/v1/history?stream={account['id']}&topic=account.converted"))["items"][0]
    assert (event["actor"], event["role"], event["reason"]) == ("support", "support", "contract: signed in January")
    assert (event["position"], event["version"]) == (int(converted.headers["x-position"]), 2)
    assert event["correlation_id"] == request_id
    exported = running.client("auditor").get("/v1/history/export")
    assert exported.headers["content-type"] == "application/x-ndjson"
    assert len(exported.text.splitlines()) == 4  # between a header and a trailer


def test_the_clock_goes_forward_only(running: Running):
    assert done(running.support.get("/v1/clock")) == {"now": "2027-01-31T10:00:00Z"}
    backwards = running.admin.post("/v1/clock/advance", json={"to": "2027-01-31T09:59:59Z"})
    assert (backwards.status_code, backwards.json()["type"]) == (409, "urn:tenure:problem:clock-goes-forward")
    assert running.advance("2027-01-31T10:00:00Z")["totals"] == {"events": 0, "emails": 0}


def test_emails_are_listed_with_what_became_of_them(running: Running):
    account = running.nominate()
    running.advance("2027-01-31T10:00:01Z")
    emails = done(running.support.get(f"/v1/emails?account={account['id']}&template=account-nominated"))["items"]
    assert [(email["status"], email["to"], email["audience"]) for email in emails] == [("sent", LIBRARY, "administrator")]
    with running.following():
        bounced = done(running.support.post("/v1/emails/bounces", json={"email_id": emails[0]["id"], "answer": "no such user"}))
        assert (bounced["status"], bounced["answer"]) == ("bounced", "no such user")
    running.advance("2027-01-31T10:00:02Z")
    assert done(running.support.get(f"/v1/accounts/{account['id']}"))["contacts"][0]["reachable"] is False
