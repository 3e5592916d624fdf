"""Bad inputs, each with its right answer, through the routes."""

import json

import pytest

from tests.api.running import Running, done, refused


def _nominated(running: Running, **given):
    return running.support.post("/v1/accounts", json={"email": "library@mit.edu"} | given)


@pytest.mark.parametrize(
    "email",
    [
        "user@mit.edu@evil.com",
        '"a@mit.edu"@evil.com',
        "<user@evil.com>, user@mit.edu",
        "user@mit.edu\r\nBcc: x@y.z",
        "user@mit.edu\x00",
        "user@mit.edu.",
        "user@[18.0.0.1]",
        "user@localhost",
        "user@ｍit.edu",
        "user@mit。edu",
        "user@mit.edu\u200d",
        "",
        "user@",
        "@mit.edu",
        "us er@mit.edu",
        "x" * 900 + "@mit.edu",
    ],
)
def test_an_address_that_two_programs_could_read_differently(shared: Running, email):
    assert refused(_nominated(shared, email=email), 422, "invalid-email")["field"] == "email"


def test_an_address_is_stored_in_its_one_form(on_sqlite: Running):
    assert done(_nominated(on_sqlite, email="Library+ITK@MIT.EDU"), 201)["email"] == "Library+ITK@mit.edu"
    assert done(_nominated(on_sqlite, email="user@мit.edu"), 201)["email"] == "user@xn--it-7lc.edu"


def test_a_persons_own_mailbox_is_accepted_with_a_warning(on_sqlite: Running):
    assert done(_nominated(on_sqlite, email="ada.lovelace@gmail.com"), 201)["warnings"]
    assert done(_nominated(on_sqlite, email="library@mit.edu"), 201)["warnings"] == []


@pytest.mark.parametrize(
    ("email", "fits"),
    [
        ("user@mit.edu", True),
        ("User+x@MIT.EDU", True),
        ("user@mit.edu.evil.com", False),
        ("user@notmit.edu", False),
        ("user@csail.mit.edu", False),
        ("user@мit.edu", False),
        ("user@xn--it-7lc.edu", False),
    ],
)
def test_a_domain_fits_whole_or_not_at_all(running: Running, email, fits):
    _, subscription = running.subscribed()
    body = {"subscription_id": subscription["id"], "registered_account_id": "r-7", "email": email}
    asked = running.client("platform", on_behalf_of="r-7").post("/v1/user-plans", json=body)
    if fits:
        assert done(asked, 201)["status"] == "active"
    else:
        assert asked.status_code == 409 or asked.json()["status"] == "requested", asked.text


def test_sub_domains_fit_where_the_institution_says_so(on_sqlite: Running):
    account = on_sqlite.convert(on_sqlite.nominate(domains=[{"domain": "mit.edu", "subdomains": True}]))
    _, subscription = on_sqlite.subscribed(account)
    assert on_sqlite.request_plan(subscription, email="user@csail.mit.edu")["status"] == "active"
    assert on_sqlite.request_plan(subscription, email="user@notmit.edu", registered_account_id="r-8")["status"] == "requested"


@pytest.mark.parametrize(
    ("domain", "slug"),
    [
        ("edu", None),
        ("ac.uk", "public-suffix"),
        ("gmail.com", "free-mail-domain"),
        ("мit.edu", "confirm-a-label"),
        ("mit.edu.", "invalid-domain"),
        ("mit edu", "invalid-domain"),
        ("mit.edu\x00", "invalid-domain"),
        ("18.0.0.1", "invalid-domain"),
        ("ｍit.edu", "invalid-domain"),
        ("", "invalid-domain"),
        ("x" * 300 + ".edu", "invalid-domain"),
    ],
)
def test_a_domain_that_nobody_can_claim(shared: Running, domain, slug):
    answer = _nominated(shared, domains=[domain])
    assert answer.status_code == 422, answer.text
    if slug:
        refused(answer, 422, slug)


def test_a_domain_that_looks_like_another_is_confirmed_by_its_a_label(on_sqlite: Running):
    account = on_sqlite.nominate(domains=[], ip_ranges=[])
    path = f"/v1/accounts/{account['id']}/domains"
    assert "xn--it-7lc.edu" in refused(on_sqlite.support.post(path, json={"domain": "мit.edu"}), 422, "confirm-a-label")["detail"]
    claimed = done(on_sqlite.support.post(path, json={"domain": "мit.edu", "confirm_a_label": "xn--it-7lc.edu"}))
    assert [held["domain"] for held in claimed["domains"]] == ["xn--it-7lc.edu"]


def test_a_domain_is_held_once_whatever_its_case_and_the_holder_is_named(running: Running):
    mit = running.nominate()
    refused_claim = refused(_nominated(running, email="other@evil.edu", domains=["MIT.EDU"]), 409, "domain-taken")
    assert mit["id"] in refused_claim["detail"]
    assert refused_claim["field"] == "domains"
    other = running.another()
    problem = refused(running.support.post(f"/v1/accounts/{other['id']}/domains", json={"domain": "Mit.edu"}), 409, "domain-taken")
    assert mit["id"] in problem["detail"]


def test_two_institutions_share_a_domain_once_the_holder_consents(running: Running):
    mit, other = running.nominate(), running.another()
    path = f"/v1/accounts/{other['id']}/domains"
    assert running.support.post(path, json={"domain": "mit.edu", "shared": True}).status_code == 409
    done(running.support.post(f"/v1/accounts/{mit['id']}/domains/mit.edu/consent", json={"with_account": other["id"]}))
    claimed = done(running.support.post(path, json={"domain": "mit.edu", "shared": True}))
    assert {held["domain"]: held["shared"] for held in claimed["domains"]} == {"eth.ch": False, "mit.edu": True}


@pytest.mark.parametrize(
    ("given", "slug"),
    [
        ("0.0.0.0/0", "range-too-wide"),
        ("::/0", "range-too-wide"),
        ("18.0.0.0/7", "range-too-wide"),
        ("10.0.0.0/7", "special-purpose-range"),
        ("224.0.0.0/4", "special-purpose-range"),
        ("2002::/16", "special-purpose-range"),
        ("100.64.0.0/10", "special-purpose-range"),
        ("::ffff:18.0.0.0/95", None),
        ("18.0.0.5/8", None),
        ("18.0.0.0/0.255.255.255", None),
        ("18.0.0.0/008", None),
        ("18.0.0.0", None),
        ("2A00::/32", None),
        (" 18.0.0.0/8", None),
        ("", None),
        (3232235777, None),
        (None, None),
    ],
)
def test_a_range_that_is_not_canonical_or_not_theirs(shared: Running, given, slug):
    answer = _nominated(shared, ip_ranges=[given])
    assert answer.status_code == 422, answer.text
    if slug:
        assert refused(answer, 422, slug)["field"] == "ip_ranges"


def test_host_bits_come_with_a_suggestion(shared: Running):
    assert "18.0.0.0/8" in _nominated(shared, ip_ranges=["18.0.0.5/8"]).json()["detail"]


def test_a_mapped_range_is_the_range_that_it_means(on_sqlite: Running):
    assert done(_nominated(on_sqlite, ip_ranges=["::ffff:18.0.0.0/105"]), 201)["ip_ranges"] == ["18.0.0.0/9"]


def test_an_overlap_names_the_other_account_unless_it_is_shared(running: Running):
    mit, other = running.nominate(), running.another()
    path = f"/v1/accounts/{other['id']}/ip-ranges"
    for ranges in (["18.1.0.0/16"], ["18.0.0.0/8"], ["18.127.255.255/32"]):
        problem = refused(running.support.put(path, json={"ip_ranges": ranges}), 409, "range-overlaps")
        assert mit["id"] in problem["detail"]
    assert done(running.support.put(path, json={"ip_ranges": ["18.128.0.0/9"]}))["ip_ranges"] == ["18.128.0.0/9"]
    assert done(running.support.put(path, json={"ip_ranges": ["18.1.0.0/16"], "shared": True}))["ip_ranges"] == ["18.1.0.0/16"]


@pytest.mark.parametrize(
    "name",
    ["X\nBcc: e", "X\x00", "\ud800", "abc\u202edef", "zero\u200bwidth", "a" + "\u0301" * 5_000, "   ", "", "x" * 201, "\ufeffX", "\x7f"],
)
def test_a_name_that_misleads_or_breaks_something(running: Running, name):
    account = running.nominate()
    raw = json.dumps({"institution": name})  # halves of characters go through as escapes
    for path in ("/v1/accounts", f"/v1/accounts/{account['id']}/amend"):
        body = raw if "amend" in path else raw.replace("{", '{"email": "library@mit.edu", ', 1)
        answer = running.support.post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422 or (name == "" and answer.status_code == 201), (path, answer.text)


def test_a_name_is_kept_in_nfc_with_single_spaces(on_sqlite: Running):
    assert done(_nominated(on_sqlite, institution="Universite\u0301  de\tGene\u0300ve".replace("\t", " ")), 201)["institution"] == (
        "Université de Genève"
    )


@pytest.mark.parametrize("text", ["\x00", "\ud800", "a\u202eb", "x" * 501, "two\nlines"])
def test_a_reason_is_a_text_too(running: Running, text):
    account = running.nominate()
    quoted = "".join(f"\\u{ord(character):04x}" for character in text)
    body = f'{{"reason": {{"code": "other", "text": "{quoted}"}}}}'
    path = f"/v1/accounts/{account['id']}/convert"
    answer = running.support.post(path, content=body, headers={"Content-Type": "application/json"})
    assert refused(answer, 422, "invalid-request")["field"] == "body.reason.text"


@pytest.mark.parametrize("path", ["/v1/accounts?q=%00", "/v1/history?actor=%00", "/v1/history?topic=%00", "/v1/emails?template=%00"])
def test_nothing_is_searched_for_nul(running: Running, path):
    refused(running.support.get(path), 422, "invalid-request")


@pytest.mark.parametrize("extra", ["role", "expires_at", "version", "id", "status", "actor", "digest"])
def test_nobody_sets_what_is_not_theirs_to_set(shared: Running, extra):
    given = {extra: "admin"}
    problem = refused(_nominated(shared, **given), 422, "invalid-request")
    assert problem["field"] == f"body.{extra}"
    account = done(_nominated(shared), 201)
    for path, body in (
        (f"/v1/accounts/{account['id']}/amend", {}),
        (f"/v1/accounts/{account['id']}/convert", {}),
        ("/v1/subscriptions", {"account_id": account["id"], "starts_on": "2027-01-15"}),
        ("/v1/user-plans", {"subscription_id": account["id"], "email": "a@mit.edu"}),
        ("/v1/tokens", {"owner_id": account["id"], "label": "x"}),
        ("/v1/clock/advance", {"to": "2027-02-01T00:00:00Z"}),
    ):
        refused(shared.admin.post(path, json=body | given), 422, "invalid-request")


@pytest.mark.parametrize(
    "day", ["2027-02-29", "2027-2-1", "20270201", "2027-02-01T00:00:00Z", "10000-01-01", "0001-01-01", "9999-12-31", 1, "", None, "1e9"]
)
def test_a_date_that_is_none(shared: Running, day):
    account = done(_nominated(shared), 201)
    answer = shared.support.post("/v1/subscriptions", json={"account_id": account["id"], "starts_on": day})
    assert refused(answer, 422, "invalid-request")["field"] == "body.starts_on"


@pytest.mark.parametrize(
    "instant",
    [
        "2027-02-29T00:00:00Z",
        "2027-03-01T24:00:00Z",
        "2027-03-01T00:00:00",
        "2027-03-01",
        "10000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:00",
        "0001-01-01T00:00:00+14:00",
        "2027-03-01T00:00:00+24:00",
        "2027-03-01T00:00:60Z",
        1_900_000_000,
        "1900000000",
        None,
    ],
)
def test_an_instant_that_is_none(shared: Running, instant):
    answer = shared.admin.post("/v1/clock/advance", json={"to": instant})
    assert refused(answer, 422, "invalid-request")["field"] == "body.to"
    if isinstance(instant, str):
        refused(shared.support.get("/v1/history", params={"from": instant}), 422, "invalid-request")


def test_instants_of_any_zone_are_stored_in_utc(on_sqlite: Running):
    assert on_sqlite.advance("2027-02-01T13:00:00+14:00")["now"] == "2027-01-31T23:00:00Z"


def test_a_token_of_29_february_ends_on_the_28th(on_sqlite: Running):
    on_sqlite.advance("2028-02-29T12:00:00Z")
    account = on_sqlite.convert(on_sqlite.nominate())
    on_sqlite.activate(on_sqlite.open(account, starts_on="2028-02-01"))
    assert on_sqlite.issue(account)["expires_at"] == "2029-02-28T12:00:00Z"


@pytest.mark.parametrize("months", ["12", 12.5, True, 0, -1, 121, 10**30, None])
def test_a_number_is_a_number(shared: Running, months):
    account = done(_nominated(shared), 201)
    body = {"account_id": account["id"], "starts_on": "2027-01-15", "months": months}
    assert refused(shared.support.post("/v1/subscriptions", json=body), 422, "invalid-request")["field"] == "body.months"


@pytest.mark.parametrize("given", ["yes", 1, "true", None])
def test_a_flag_is_true_or_false(shared: Running, given):
    account = done(_nominated(shared), 201)
    answer = shared.support.put(f"/v1/accounts/{account['id']}/ip-ranges", json={"ip_ranges": [], "shared": given})
    assert refused(answer, 422, "invalid-request")["field"] == "body.shared"


def test_ranges_as_people_paste_them_are_taken_whole_or_not_at_all(shared: Running):
    account = shared.nominate()
    path = f"/v1/accounts/{account['id']}/ip-ranges"
    pasted = "Main campus: 23.9.0.0/16\n23.10.0.1 - 23.10.0.4, 2A00:1450:4::/48  # the library\n23.9.0.0/255.255.0.0"
    expected = ["23.9.0.0/16", "23.10.0.1/32", "23.10.0.2/31", "23.10.0.4/32", "2a00:1450:4::/48"]
    assert expected == done(shared.support.put(path, json={"text": pasted}))["ip_ranges"]
    problem = refused(shared.support.put(path, json={"text": "23.11.0.0/16\n23.12.0.9/16\n10.0.0.0/8"}), 422, "invalid-ip-range")
    assert "text.line.2" == problem["field"]
    assert ["text.line.2", "text.line.3"] == [each["field"] for each in problem["errors"]]
    assert "23.12.0.9/16: there are bits set after the prefix; did you mean 23.12.0.0/16?" == problem["errors"][0]["detail"]
    assert expected == done(shared.support.get(f"/v1/accounts/{account['id']}"))["ip_ranges"]
    for body in ({}, {"text": "", "ip_ranges": []}):
        assert "one of the two" in refused(shared.support.put(path, json=body), 422, "invalid-request")["detail"]
    assert [] == done(shared.support.put(path, json={"text": "# none any more"}))["ip_ranges"]
