"""Versions, pages, and reading one's own writes."""

import pytest

from tests.api.running import Running, done, refused

LISTS = ("/v1/accounts", "/v1/subscriptions", "/v1/user-plans", "/v1/tokens", "/v1/emails", "/v1/history")


@pytest.mark.parametrize("tag", [None, '"1"', "*"])
def test_a_caller_that_has_seen_the_present_version_goes_on(on_sqlite: Running, tag):
    account = on_sqlite.nominate()
    headers = {"If-Match": tag} if tag else {}
    converted = on_sqlite.support.post(f"/v1/accounts/{account['id']}/convert", headers=headers)
    assert (converted.status_code, converted.headers["etag"]) == (200, '"2"')


@pytest.mark.parametrize("tag", ['"7"', 'W/"1"', "1", '"x"', "", '"1", "2"'])
def test_a_stale_weak_or_foreign_tag_changes_nothing(on_sqlite: Running, tag):
    account = on_sqlite.nominate()
    path = f"/v1/accounts/{account['id']}"
    problem = refused(on_sqlite.support.post(f"{path}/convert", headers={"If-Match": tag}), 412, "version-mismatch")
    assert "at version 1" in problem["detail"]
    unchanged = on_sqlite.support.get(path)
    assert (unchanged.json()["status"], unchanged.headers["etag"]) == ("nominated", '"1"')


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("asked", "bound"),
    [
        ("limit=-1", "1"),
        ("limit=0", "1"),
        ("limit=501", "500"),
        ("limit=1000000000", "500"),
        ("limit=x", "integer"),
        ("after=abc", "integer"),
        ("after=-1", "0"),
        ("after=1" + 30 * "0", str(2**63 - 1)),
    ],
)
def test_a_page_out_of_bounds_is_refused_and_the_bounds_are_named(shared: Running, path, asked, bound):
    problem = refused(shared.support.get(f"{path}?{asked}"), 422, "invalid-request")
    assert bound in problem["detail"]
    assert problem["field"] == f"query.{asked.partition('=')[0]}"


def test_pages_follow_each_other_by_their_links(running: Running):
    made = [running.nominate(email=f"library@one{n}.edu", registered_account_id=None, domains=[], ip_ranges=[])["id"] for n in range(7)]
    running.catch_up()
    found, sizes, path = [], [], "/v1/accounts?limit=3&q=library"
    while path:
        answer = running.support.get(path)
        page = done(answer)
        found += [item["id"] for item in page["items"]]
        sizes.append(len(page["items"]))
        link = answer.headers.get("link")
        assert (link is None) == (page["next"] is None)
        path = link.removeprefix("<").removesuffix('>; rel="next"') if link else None
    assert (found, sizes) == (made, [3, 3, 1])
    assert done(running.support.get(f"/v1/accounts?after={2**63 - 1}")) == {"items": [], "next": None}


def test_search_takes_every_character_for_itself(running: Running):
    running.nominate(institution="100 % open_access")
    running.catch_up()
    for words, found in (("100 %", 1), ("OPEN_ACCESS", 1), ("open%access", 0), ("\\", 0), ("mit.edu", 1), ("' OR 1=1 --", 0)):
        assert len(done(running.support.get("/v1/accounts", params={"q": words}))["items"]) == found, words


def test_a_reader_sees_its_own_writes(running: Running):
    with running.following():
        for number in range(10):
            made = running.support.post("/v1/accounts", json={"email": f"library@one{number}.edu"})
            position = {"X-Position": made.headers["x-position"]}
            assert len(done(running.support.get("/v1/accounts", headers=position))["items"]) == number + 1


def test_a_reader_that_waits_in_vain_is_told_to_come_back(on_sqlite: Running):
    answer = on_sqlite.support.get("/v1/accounts", headers={"X-Position": "1"})
    refused(answer, 503, "not-yet")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("position", ["x", "-1", "1" + 30 * "0"])
def test_a_position_is_a_number(shared: Running, position):
    refused(shared.support.get("/v1/tokens", headers={"X-Position": position}), 422, "invalid-request")
