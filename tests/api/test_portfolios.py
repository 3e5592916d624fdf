"""An institution attests portfolios, amends and withdraws them, and sets its branding; pictures come in one by one."""

import hashlib
from html import unescape
from uuid import uuid4

import pytest

from tests.api.attesting import ADDRESS, SITE, WORKS, attest, brand, path_of, send_image
from tests.api.running import Running, done, refused
from tests.hostile import ARCHIVE, SCRIPT, bomb, png

RIGHT = "right would be https:// and a host, such as https://library.example.edu"
ONCE = {"Idempotency-Key": "once"}


def test_a_portfolio_from_its_attestation_to_its_withdrawal(running: Running):
    account, _ = running.subscribed()
    made = running.support.post(f"/v1/accounts/{account['id']}/portfolios", json=WORKS, headers=ONCE)
    portfolio = done(made, 201)
    page = f"https://tenure.example.edu/portfolios/{portfolio['id']}"
    (evidence,) = portfolio.pop("evidence")
    assert made.headers["location"] == path_of(portfolio)
    assert portfolio == WORKS | {
        "id": portfolio["id"],
        "account_id": account["id"],
        "mode": "fixed",
        "query": None,
        "visibility": "public",
        "status": "in_force",
        "why": None,
        "since": None,
        "attested_at": "2027-01-31T10:00:00Z",
        "amended_at": None,
        "withdrawn_at": None,
        "page": page,
        "widget": portfolio["widget"],
    }
    assert portfolio["widget"]["snippet"] == (
        f'<iframe src="{page}/widget" title="Attested portfolio: Works of 2026" width="480" height="360" '
        'sandbox="allow-popups allow-popups-to-escape-sandbox" loading="lazy" referrerpolicy="no-referrer"></iframe>'
    )
    on_record = done(running.support.get("/v1/history?topic=account.portfolio-attested"))["items"][0]
    assert evidence == {
        "event": "account.portfolio-attested",
        "position": on_record["position"],
        "version": 3,
        "at": "2027-01-31T10:00:00Z",
    }
    again = done(running.support.post(f"/v1/accounts/{account['id']}/portfolios", json=WORKS, headers=ONCE), 201)
    assert again["id"] == portfolio["id"]
    running.wait(days=1)
    amended = done(running.support.post(f"{path_of(portfolio)}/amend", json={"mode": "dynamic", "query": "affiliation:MIT"}))
    assert (amended["mode"], amended["query"], amended["name"]) == ("dynamic", "affiliation:MIT", "Works of 2026")
    assert (amended["attested_at"], amended["amended_at"]) == ("2027-01-31T10:00:00Z", "2027-02-01T10:00:00Z")
    running.wait(days=1)
    reason = {"code": "correction", "text": "case 8"}
    withdrawn = done(running.support.post(f"{path_of(portfolio)}/withdraw", json={"reason": reason}))
    assert (withdrawn["status"], withdrawn["since"], withdrawn["page"]) == ("withdrawn", "2027-02-02T10:00:00Z", page)
    assert [each["event"] for each in withdrawn["evidence"]] == [
        "account.portfolio-attested",
        "account.attestation-amended",
        "account.attestation-withdrawn",
    ]
    assert done(running.support.post(f"{path_of(portfolio)}/withdraw")) == withdrawn
    assert done(running.support.get(path_of(portfolio))) == withdrawn
    assert done(running.support.get(f"/v1/accounts/{account['id']}/portfolios"))["items"] == [withdrawn]
    running.wait(days=365)
    assert done(running.support.get(path_of(portfolio)))["page"] is None


def test_the_checklist_knows(running: Running):
    account, _ = running.subscribed()
    running.settle()

    def step():
        steps = done(running.support.get(f"/v1/accounts/{account['id']}/onboarding"))["steps"]
        return next((each["done_at"], each["waiting_since"]) for each in steps if each["step"] == "portfolio")

    assert step() == (None, "2027-01-31T10:00:00Z")
    running.wait(days=1)
    attest(running, account)
    assert step() == ("2027-02-01T10:00:00Z", None)


def test_a_lapse_takes_it_out_of_force_and_a_reinstatement_brings_it_back(running: Running):
    """Nothing is recorded about the portfolio meanwhile."""
    account, subscription = running.subscribed()
    portfolio = attest(running, account)
    running.advance("2028-02-01T00:00:00Z")
    assert done(running.support.get(path_of(portfolio)))["status"] == "in_force"  # in grace
    running.advance("2028-03-20T00:00:00Z")
    shown = done(running.support.get(path_of(portfolio)))
    assert (shown["status"], shown["why"]) == ("not_in_force", "the subscription is lapsed and gives no access")
    assert shown["since"].startswith("2028-02-14")
    refused(running.support.post(f"{path_of(portfolio)}/amend", json={"name": "Other works"}), 409, "no-access")
    refused(running.support.post(f"/v1/accounts/{account['id']}/portfolios", json=WORKS | {"address": ADDRESS + "2"}), 409, "no-access")
    refused(send_image(running, account), 409, "no-access")
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/reinstate", json={"mode": "fresh"}))
    back = done(running.support.get(path_of(portfolio)))
    assert (back["status"], back["why"], back["since"]) == ("in_force", None, None)
    assert len(back["evidence"]) == 1


def test_an_ended_subscription_is_still_known(running: Running):
    account, subscription = running.subscribed()
    portfolio = attest(running, account)
    running.wait(days=1)
    done(running.support.post(f"/v1/subscriptions/{subscription['id']}/cancel", json={"when": "now"}))
    running.catch_up()
    shown = done(running.support.get(path_of(portfolio)))
    assert (shown["status"], shown["since"]) == ("not_in_force", "2027-02-01T10:00:00Z")


@pytest.mark.parametrize(("name", "what"), [("attested_portfolios", "attested portfolios"), ("branding", "branding")])
def test_without_the_entitlement(on_sqlite: Running, name, what):
    account, subscription = on_sqlite.subscribed()
    done(
        on_sqlite.support.post(
            f"/v1/subscriptions/{subscription['id']}/entitlements", json={"name": name, "withdraw": True, "approver": "x"}
        )
    )
    sentence = f"the subscription does not include {what}"
    if name == "branding":
        attest(on_sqlite, account)
        answers = [brand(on_sqlite, account), send_image(on_sqlite, account)]
        assert done(on_sqlite.support.get(f"/v1/accounts/{account['id']}/branding"))["why_not_shown"] == sentence
    else:
        done(brand(on_sqlite, account))
        answers = [on_sqlite.support.post(f"/v1/accounts/{account['id']}/portfolios", json=WORKS)]
    assert [refused(each, 409, "not-entitled")["detail"] for each in answers] == [sentence] * len(answers)


@pytest.mark.parametrize(
    ("given", "slug", "field", "sentence"),
    [
        (
            {"address": "https://evil.example/"},
            "invalid-address",
            "address",
            "address: 'evil.example' is not the platform; the works are at",
        ),
        ({"address": "javascript:alert(1)"}, "invalid-address", "address", "does not begin with https://"),
        ({"name": "a\u202eb"}, "invalid-text", "name", "character 2 is a control character (U+202E)"),
        ({"statement": " "}, "invalid-text", "statement", "it is empty"),
        ({"statement": "x" * 2_001}, "invalid-text", "statement", "2000"),
        ({"attested_by": "\x00"}, "invalid-text", "attested_by", "control character"),
        ({"mode": "dynamic"}, "query-missing", "query", "query: a dynamic portfolio holds what a query finds; say which one"),
        ({"query": "q"}, "query-not-wanted", "query", "query: a fixed portfolio has none"),
        ({"kind": "books"}, "invalid-request", "body.kind", "'scholarly' or 'patents'"),
        ({"status": "in_force"}, "invalid-request", "body.status", "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_attested(shared: Running, mit, given, slug, field, sentence):
    problem = refused(shared.support.post(f"/v1/accounts/{mit['id']}/portfolios", json=WORKS | given), 422, slug)
    assert problem["field"] == field
    assert sentence in problem["detail"]


@pytest.fixture(scope="module")
def mit(shared: Running):
    return shared.subscribed()[0]


def test_the_platform_is_where_the_rules_say(running_by):
    running = running_by('platform_host = "platform.example.edu"')
    account, _ = running.subscribed()
    problem = refused(running.support.post(f"/v1/accounts/{account['id']}/portfolios", json=WORKS), 422, "invalid-address")
    assert problem["detail"] == "address: 'www.lens.org' is not the platform; the works are at https://platform.example.edu/"
    attest(running, account, address="https://platform.example.edu/list/1")


def test_the_librarian_attests_for_the_own_institution_and_for_no_other(running: Running):
    theirs, _ = running.subscribed()
    eth, _ = running.subscribed(running.another())
    portfolio = attest(running, theirs)
    librarian = running.client("institution", account=eth)
    own = attest(running, eth, librarian)
    assert done(librarian.get(path_of(own)))["id"] == own["id"]
    done(librarian.post(f"{path_of(own)}/amend", json={"name": "Ours"}))
    done(librarian.post(f"{path_of(own)}/withdraw"))
    done(librarian.put(f"/v1/accounts/{eth['id']}/branding", json={"description": "ETH"}))
    done(send_image(running, eth, client=librarian), 201)
    for answer in (
        librarian.post(f"/v1/accounts/{theirs['id']}/portfolios", json=WORKS),
        librarian.get(f"/v1/accounts/{theirs['id']}/portfolios"),
        librarian.get(path_of(portfolio)),
        librarian.post(f"{path_of(portfolio)}/amend", json={"name": "x"}),
        librarian.post(f"{path_of(portfolio)}/withdraw"),
        librarian.get(f"/v1/accounts/{eth['id']}/portfolios/{portfolio['id']}"),
        librarian.post(f"/v1/accounts/{eth['id']}/portfolios/{portfolio['id']}/withdraw"),
        librarian.get(f"/v1/accounts/{theirs['id']}/branding"),
        librarian.put(f"/v1/accounts/{theirs['id']}/branding", json={}),
        send_image(running, theirs, client=librarian),
    ):
        refused(answer, 404, "not-found")


# branding


def test_branding_is_set_and_shown_as_it_will_be(running: Running):
    account, _ = running.subscribed()
    image = done(send_image(running, account), 201)
    text = "# Us\n<script>x</script> [here](https://mit.edu) [there](javascript:x)"
    shown = done(brand(running, account, description=text, image_id=image["id"], frame_ancestors=["https://Library.MIT.edu:443/", SITE]))
    html = shown.pop("html")
    assert shown == {
        "account_id": account["id"],
        "description": text,
        "frame_ancestors": [SITE],
        "image_id": image["id"],
        "image": image["address"],
        "set_at": "2027-01-31T10:00:00Z",
        "why_not_shown": None,
    }
    assert html == (
        "<h3>Us</h3>\n<p>&lt;script&gt;x&lt;/script&gt; "
        '<a href="https://mit.edu" target="_blank" rel="nofollow noopener noreferrer ugc">here</a> [there](javascript:x)</p>\n'
    )
    assert done(running.support.get(f"/v1/accounts/{account['id']}/branding"))["html"] == html
    portfolio = attest(running, account)
    assert portfolio["widget"]["shown_at"] == [SITE]
    assert done(brand(running, account, description="", frame_ancestors=[]))["image_id"] is None


@pytest.mark.parametrize(
    ("given", "slug", "field", "sentence"),
    [
        (
            {"frame_ancestors": ["http://library.mit.edu"]},
            "invalid-origin",
            "frame_ancestors.0",
            f"frame_ancestors.0: 'http://library.mit.edu' does not begin with https://; {RIGHT}",
        ),
        ({"frame_ancestors": [SITE, "*"]}, "invalid-origin", "frame_ancestors.1", "frame_ancestors.1: '*' does not begin with https://"),
        ({"frame_ancestors": ["https://*.mit.edu"]}, "invalid-origin", "frame_ancestors.0", "no stars; name each host by itself"),
        ({"frame_ancestors": ["https://a.edu; sandbox"]}, "invalid-origin", "frame_ancestors.0", "is not a host"),
        ({"frame_ancestors": [SITE] * 21}, "invalid-request", "body.frame_ancestors", "at most 20"),
        ({"description": "a\n\u202e"}, "invalid-text", "description", "description: line 2: character 1 is a control character"),
        ({"description": "x" * 5_001}, "invalid-text", "description", "description: it has 5001 characters and 5001 bytes; 5000 and"),
        ({"image_id": "ab" * 32}, "no-such-image", "image_id", f"image_id: there is no picture {'ab' * 32}; send it to /v1/accounts/"),
        ({"image_id": "https://evil.example/x.png"}, "invalid-request", "body.image_id", "should match pattern"),
    ],
)
def test_what_is_no_branding(shared: Running, mit, given, slug, field, sentence):
    problem = refused(brand(shared, mit, **given), 422, slug)
    assert problem["field"] == field
    assert sentence in problem["detail"]


def test_every_site_that_is_wrong_is_told(shared: Running, mit):
    problem = refused(brand(shared, mit, frame_ancestors=["https://a.edu/x", SITE, "ftp://a.edu"]), 422, "invalid-origin")
    assert [each["field"] for each in problem["errors"]] == ["frame_ancestors.0", "frame_ancestors.2"]


# pictures


def test_a_picture_is_kept_under_the_digest_of_its_bytes(running: Running):
    account, _ = running.subscribed()
    first = send_image(running, account, png(1_000, 250) + ARCHIVE)
    shown = done(first, 201)
    kept = running.client(None).get(first.headers["location"])
    assert (kept.status_code, kept.headers["content-type"]) == (200, "image/png")
    assert hashlib.sha256(kept.content).hexdigest() == shown["id"]
    assert ARCHIVE not in kept.content
    assert shown == {
        "id": shown["id"],
        "account_id": account["id"],
        "address": f"https://tenure.example.edu/portfolios/images/{shown['id']}",
        "media_type": "image/png",
        "width": 800,
        "height": 200,
        "bytes": len(kept.content),
    }
    assert done(send_image(running, account, png(1_000, 250)), 201) == shown
    assert dict(kept.headers) | {
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
        "cross-origin-resource-policy": "cross-origin",
        "x-content-type-options": "nosniff",
        "cache-control": "public, max-age=31536000, immutable",
    } == dict(kept.headers)


@pytest.mark.parametrize(
    ("data", "media_type", "sentence"),
    [
        (bomb(10_000, 10_000), "image/png", "image: it is 10,000 x 10,000 pixels, which is 100,000,000; at most 4,000,000 are taken"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "image/png", "image: this is an SVG"),
        (b"GIF89a" + SCRIPT, "image/png", "image: this is a GIF"),
        (b"<!doctype html>" + SCRIPT, "image/jpeg", "image: this is a web page"),
        (SCRIPT + png(), "image/png", "image: this is a script"),
        (b"", "image/webp", "image: the body is empty; send a PNG, JPEG or WebP picture"),
    ],
    ids=["bomb", "svg", "gif", "html", "script first", "nothing"],
)
def test_what_is_no_picture_is_refused(shared: Running, mit, data, media_type, sentence):
    problem = refused(send_image(shared, mit, data, media_type), 422, "invalid-image")
    assert problem["field"] == "image"
    assert problem["detail"].startswith(sentence)


def test_a_picture_is_told_by_its_content_alone(shared: Running, mit):
    assert done(send_image(shared, mit, png(), "image/jpeg"), 201)["media_type"] == "image/png"
    for media_type in ("image/svg+xml", "text/html", "", "multipart/form-data; boundary=x"):
        problem = refused(send_image(shared, mit, png(), media_type), 415, "unsupported-media-type")
        assert problem["detail"] == "a picture is image/png, image/jpeg or image/webp"


def test_a_file_of_more_than_two_megabytes_is_not_taken(shared: Running, mit):
    assert refused(send_image(shared, mit, bytes((2 << 20) + 1)), 413, "too-large")["detail"] == "a body has at most 2097152 bytes here"
    refused(send_image(shared, mit, bytes(2 << 20)), 422, "invalid-image")


def test_there_is_a_most_of_pictures(running_by):
    running = running_by("max_images = 1")
    account, _ = running.subscribed()
    done(send_image(running, account), 201)
    problem = refused(send_image(running, account, png(41, 20)), 409, "too-many-images")
    assert problem["detail"] == "the account has sent 1 pictures, the most there can be; use one of them"


def test_a_name_in_a_snippet_stays_a_name(on_sqlite: Running):
    account, _ = on_sqlite.subscribed()
    snippet = attest(on_sqlite, account, name='x" onload="alert(1)" <b>')["widget"]["snippet"]
    assert 'title="Attested portfolio: x&quot; onload=&quot;alert(1)&quot; &lt;b&gt;"' in snippet
    assert unescape(snippet).count("<iframe") == 1


def test_what_there_is_not(on_sqlite: Running):
    account, _ = on_sqlite.subscribed()
    for each in ("", "/amend", "/withdraw"):
        path = f"/v1/accounts/{account['id']}/portfolios/{uuid4()}{each}"
        refused(on_sqlite.support.post(path, json={}) if each else on_sqlite.support.get(path), 404, "not-found")
    refused(on_sqlite.support.get(f"/v1/accounts/{uuid4()}/portfolios"), 404, "not-found")
