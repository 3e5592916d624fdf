"""Bulk data: releases, links that work for seven days, and files that are checked for at each request."""

import hashlib
import json
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from api.answers import BulkDataAccessShown, BulkDataLinkListed, BulkDataLinkShown, HolderReleasesShown, ReleaseShown
from ops.assembly import Assembly
from ops.config import Settings
from projections import own_facts
from tests.api.running import LIBRARY, Running, Thing, done, refused

CONTENT = bytes(range(256)) * 40
MD5 = hashlib.md5(CONTENT).hexdigest()
FACTS = {
    "product": "scholarly",
    "version": "202704",
    "records": 248_000_000,
    "md5": MD5,
    "bytes": len(CONTENT),
    "file_name": "scholarly-202704.jsonl.gz",
    "location": "scholarly/202704.jsonl.gz",
}
EXPIRES = "2027-02-07T10:00:00Z"
JSON = {"Content-Type": "application/json"}


class Library:
    """A university with bulk data of scholarly works, and the directory where the files are."""

    def __init__(self, running: Running, folder: Path) -> None:
        self.running, self.folder = running, folder / "bulk"
        (self.folder / "scholarly").mkdir(parents=True)
        (self.folder / "scholarly" / "202704.jsonl.gz").write_bytes(CONTENT)
        self.set_up(bulk_data_directory=self.folder)
        self.account = running.convert(running.nominate())
        self.subscription = running.activate(running.open(self.account, bulk_data=["scholarly"]))
        self.path = f"/v1/subscriptions/{self.subscription['id']}"

    def set_up(self, **settings) -> None:
        """The same service, set up in another way."""
        before = self.running.assembly.settings
        self.running.assembly = Assembly(Settings(**before.model_dump() | settings), smtp_url=self.running.catcher.url)
        self.running.assembly.prepare()
        self.running.app = self.running.assembly.api()

    def register(self, **given) -> Thing:
        return done(self.running.admin.post("/v1/bulk-data/releases", json=FACTS | given), 201)

    def link(self, client=None, **given) -> Thing:
        body = {"product": "scholarly", "release": "202704"} | given
        return done((client or self.running.support).post(f"{self.path}/bulk-data-links", json=body), 201)

    def links(self) -> list[Thing]:
        return done(self.running.support.get(f"{self.path}/bulk-data-links"))["items"]

    def do(self, what: str, **body) -> Thing:
        return done(self.running.support.post(f"{self.path}/{what}", json=body))

    def page(self, link: Thing):
        return self.running.client(None).get(urlsplit(link["url"]).path)

    def get(self, link: Thing, method="GET", **headers):
        path = f"{urlsplit(link['url']).path}/{link['file_name']}"
        return self.running.client(None).request(
            method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}, follow_redirects=False
        )


@pytest.fixture
def library(running: Running, tmp_path: Path) -> Library:
    return Library(running, tmp_path)


@pytest.fixture
def small(on_sqlite: Running, tmp_path: Path) -> Library:
    """The same, for what no database has a part in."""
    return Library(on_sqlite, tmp_path)


# releases


def test_a_release_is_registered_once_and_never_changes(library: Library):
    admin = library.running.admin
    answer = admin.post("/v1/bulk-data/releases", json=FACTS)
    first = done(answer, 201)
    ReleaseShown.model_validate(first)
    assert first == FACTS | {"registered_at": "2027-01-31T10:00:00Z", "registered_by": "admin"}
    assert answer.headers["location"] == "/bulk-data/scholarly/202704"
    library.running.advance("2027-02-01T00:00:00Z")
    assert library.register() == first
    (library.folder / "scholarly" / "202704.jsonl.gz").unlink()
    assert library.register() == first
    for name, other in (("records", 1), ("md5", "0" * 32), ("bytes", 1), ("file_name", "x"), ("location", "x")):
        problem = refused(admin.post("/v1/bulk-data/releases", json=FACTS | {name: other}), 409, "release-differs")
        assert problem["field"] == name
    assert done(admin.get("/v1/bulk-data/releases"))["items"] == [first]


@pytest.mark.parametrize("version", ["202700", "202753", "202754", "2027-4", "20270", "２０２７０４", "000001", " 20270", "2027W4"])
def test_a_version_is_a_week_that_there_is(small: Library, version):
    answer = small.running.admin.post("/v1/bulk-data/releases", json=FACTS | {"version": version})
    assert answer.status_code == 422
    assert small.register(version="202653")["version"] == "202653"  # a long year


@pytest.mark.parametrize(
    "location",
    [
        "../secret",
        "scholarly/../../secret",
        "scholarly/..",
        "/etc/passwd",
        "./scholarly/202704.jsonl.gz",
        "scholarly//202704.jsonl.gz",
        "scholarly\\202704",
        "scholarly/%2e%2e/secret",
        ".hidden",
        "a\u0000b",
        "\ud800",
        "",
        "x" * 1_025,
        "file:///etc/passwd",
        "https://example.org/x",
        "s3://",
        "s3://bucket",
        "s3://bucket/",
        "s3://bucket/../x",
        "s3://bucket/a//b",
        "s3://BUCKET/x",
        "s3://b/x",
    ],
)
def test_a_location_that_leads_elsewhere(small: Library, location):
    answer = small.running.admin.post("/v1/bulk-data/releases", content=json.dumps(FACTS | {"location": location}), headers=JSON)
    assert (answer.status_code, answer.json()["field"].removeprefix("body.")) == (422, "location")


def test_a_symbolic_link_does_not_lead_out(small: Library, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "202704.jsonl.gz").write_bytes(CONTENT)
    (small.folder / "elsewhere").symlink_to(outside)
    (small.folder / "file").symlink_to(outside / "202704.jsonl.gz")
    (small.folder / "loop").symlink_to(small.folder / "loop")
    (small.folder / "within").symlink_to(small.folder / "scholarly")
    admin = small.running.admin
    for location in ("elsewhere/202704.jsonl.gz", "file", "loop", "missing", "scholarly", "scholarly/202704.jsonl.gz/x"):
        refused(admin.post("/v1/bulk-data/releases", json=FACTS | {"location": location}), 409, "no-such-file")
    assert small.register(location="within/202704.jsonl.gz")


def test_a_link_that_comes_to_lead_out_gives_nothing(small: Library, tmp_path: Path):
    small.register()
    link = small.link()
    (tmp_path / "secret").write_bytes(CONTENT)
    file = small.folder / "scholarly" / "202704.jsonl.gz"
    file.unlink()
    file.symlink_to(tmp_path / "secret")
    refused(small.get(link), 503, "file-unavailable")


def test_the_size_is_that_of_the_file(small: Library):
    problem = refused(small.running.admin.post("/v1/bulk-data/releases", json=FACTS | {"bytes": 1}), 409, "size-differs")
    assert str(len(CONTENT)) in problem["detail"]


def test_without_a_directory_files_are_in_s3_only(on_sqlite: Running):
    refused(on_sqlite.admin.post("/v1/bulk-data/releases", json=FACTS), 409, "no-directory")


def test_an_institution_sees_the_releases_that_it_may_fetch(library: Library):
    running = library.running
    library.register()
    library.register(product="patent", file_name="patent-202704.jsonl.gz")
    library.register(version="202705")
    eth = running.another()
    running.subscribed(eth)
    librarian, platform = running.client("institution", account=library.account), running.client("platform")
    for client in (librarian, platform):
        items = done(client.get("/v1/bulk-data/releases"))["items"]
        assert [(each["product"], each["version"]) for each in items] == [("scholarly", "202704"), ("scholarly", "202705")]
        assert {(each["location"], each["registered_by"]) for each in items} == {(None, None)}
        assert done(client.get("/v1/bulk-data/releases?product=patent"))["items"] == []
    for client in (running.client("institution", account=eth), running.client("platform", on_behalf_of="nobody")):
        assert done(client.get("/v1/bulk-data/releases"))["items"] == []
    assert [each["product"] for each in done(running.support.get("/v1/bulk-data/releases?product=patent"))["items"]] == ["patent"]
    page = running.client("auditor").get("/v1/bulk-data/releases?limit=2")
    assert [each["version"] for each in done(page)["items"]] == ["202704", "202704"]
    rest = done(running.client("auditor").get(page.links["next"]["url"]))
    assert ([each["version"] for each in rest["items"]], rest["next"]) == (["202705"], None)
    library.do("suspend")
    assert done(librarian.get("/v1/bulk-data/releases"))["items"] == []


# links


def test_a_link_is_issued_and_its_file_fetched(library: Library):
    running = library.running
    library.register()
    answer = running.support.post(f"{library.path}/bulk-data-links", json={"product": "scholarly", "release": "202704"})
    link = done(answer, 201)
    BulkDataLinkShown.model_validate(link)
    token = urlsplit(link["url"]).path.removeprefix("/downloads/")
    assert link == {
        "id": link["id"],
        "subscription_id": library.subscription["id"],
        "product": "scholarly",
        "release": "202704",
        "file_name": FACTS["file_name"],
        "bytes": len(CONTENT),
        "md5": MD5,
        "issued_at": "2027-01-31T10:00:00Z",
        "expires_at": EXPIRES,
        "url": f"https://tenure.example.edu/downloads/{token}",
    }
    assert answer.headers["location"] == f"/downloads/{token}"
    shown = library.page(link)
    assert shown.status_code == 200
    for told in (FACTS["file_name"], f"{len(CONTENT):,} bytes", MD5, "2027-02-07 10:00 UTC", f"wget -c '{link['url']}/", "curl -L -C - -O"):
        assert told in shown.text.replace("&#x27;", "'")
    assert shown.headers["referrer-policy"] == "no-referrer"

    file = library.get(link)
    assert (file.status_code, file.content) == (200, CONTENT)
    assert file.headers["etag"] == f'"{MD5}"'
    assert file.headers["last-modified"] == "Sun, 31 Jan 2027 10:00:00 GMT"
    assert file.headers["accept-ranges"] == "bytes"
    assert file.headers["content-disposition"] == f'attachment; filename="{FACTS["file_name"]}"'
    assert file.headers["cache-control"] == "private, no-cache"
    part = library.get(link, range="bytes=1000-1999")
    assert (part.status_code, part.content) == (206, CONTENT[1_000:2_000])
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(CONTENT)}"
    head = library.get(link, "HEAD", range="bytes=1000-1999")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(CONTENT)))

    (listed,) = library.links()
    BulkDataLinkListed.model_validate(listed)
    assert listed["requests"] == 3  # looking at the page is none
    assert [(each["method"], each["status"], each["first_byte"], each["bytes"], each["answer"]) for each in listed["downloads"]] == [
        ("GET", 200, 0, len(CONTENT), "served"),
        ("GET", 206, 1_000, 1_000, "served"),
        ("HEAD", 200, 0, 0, "served"),
    ]
    assert {each["link_id"] for each in listed["downloads"]} == {link["id"]}


def test_parts_as_rfc_9110_has_them(small: Library):
    small.register()
    link = small.link()
    tag, size = f'"{MD5}"', len(CONTENT)
    assert small.get(link, range="bytes=-500").content == CONTENT[-500:]
    several = small.get(link, range="bytes=0-9,100-109,-10")
    assert several.headers["content-type"].startswith("multipart/byteranges; boundary=")
    assert several.content.count(b"Content-Range: bytes ") == 3
    assert CONTENT[100:110] in several.content
    over = small.get(link, range=f"bytes={size}-")
    assert refused(over, 416, "range-not-satisfiable")
    assert over.headers["content-range"] == f"bytes */{size}"
    for headers, status in (
        ({"range": "bytes=5-", "if_range": tag}, 206),
        ({"range": "bytes=5-", "if_range": "Sun, 31 Jan 2027 10:00:00 GMT"}, 206),
        ({"range": "bytes=5-", "if_range": '"another"'}, 200),
        ({"range": "bytes=5-", "if_range": f"W/{tag}"}, 200),
        ({"range": "bytes=x"}, 200),
        ({"range": "lines=1-2"}, 200),
        ({"if_none_match": tag}, 304),
        ({"if_modified_since": "Sun, 31 Jan 2027 10:00:00 GMT"}, 304),
        ({"if_match": '"another"'}, 412),
    ):
        answer = small.get(link, **headers)
        assert answer.status_code == status, headers
        assert answer.headers["etag"] == tag
        if status in {304, 412}:
            assert CONTENT[:100] not in answer.content
        if status == 200:
            assert answer.content == CONTENT
    answers = [each["answer"] for each in small.links()[0]["downloads"]]
    assert answers[2] == "range-not-satisfiable"
    assert answers[-3:] == ["not-modified", "not-modified", "precondition-failed"]


def test_a_link_is_over_at_the_very_microsecond(library: Library):
    library.register()
    link = library.link()
    library.running.advance("2027-02-07T09:59:59.999999Z")
    assert library.get(link).status_code == 200
    assert library.page(link).status_code == 200
    library.running.advance(EXPIRES)
    assert "ask for a new one" in refused(library.get(link), 410, "link-expired")["detail"]
    assert library.page(link).status_code == 410
    again = library.link()
    assert again["url"] != link["url"]
    assert library.get(again).content == CONTENT
    assert [[each["answer"] for each in listed["downloads"]] for listed in library.links()] == [["served", "link-expired"], ["served"]]


def test_a_suspension_stops_the_next_part_and_the_same_link_goes_on_after_it(library: Library):
    library.register()
    link = library.link()
    first = library.get(link, range="bytes=0-4999")
    library.do("suspend")
    assert "suspended" in refused(library.get(link, range="bytes=5000-"), 403, "no-access")["detail"]
    shown = library.page(link)
    assert (shown.status_code, "suspended" in shown.text) == (403, True)
    library.do("resume")
    rest = library.get(link, range="bytes=5000-", if_range=first.headers["etag"])
    assert first.content + rest.content == CONTENT
    account = f"/v1/accounts/{library.account['id']}"
    done(library.running.support.post(f"{account}/suspend", json={"reason": {"code": "invoice"}}))
    refused(library.get(link), 403, "account-not-active")
    done(library.running.support.post(f"{account}/reinstate"))
    assert library.get(link).status_code == 200
    answers = [(each["status"], each["answer"], each["bytes"]) for each in library.links()[0]["downloads"]]
    assert answers[:3] == [(206, "served", 5_000), (403, "no-access", None), (206, "served", len(CONTENT) - 5_000)]


def test_an_entitlement_comes_and_goes_in_the_middle_of_a_term(library: Library):
    running = library.running
    library.register(product="patent")
    body = {"product": "patent", "release": "202704"}
    refused(running.support.post(f"{library.path}/bulk-data-links", json=body), 409, "not-entitled")
    until = "2027-02-03T00:00:00Z"
    library.do("entitlements", name="bulk_data:patent", approver="The director", until=until)
    link = library.link(product="patent")
    assert library.get(link).status_code == 200
    running.advance("2027-02-02T23:59:59.999999Z")
    assert library.get(link).status_code == 200
    running.advance(until)
    refused(library.get(link), 403, "not-entitled")
    library.do("entitlements", name="bulk_data:patent", approver="The director")
    assert library.get(link).status_code == 200
    library.do("entitlements", name="bulk_data:patent", approver="The director", withdraw=True)
    refused(library.get(link), 403, "not-entitled")


def test_the_end_of_the_subscription_ends_its_links_with_the_scheduler_dead(library: Library):
    library.register()
    library.running.advance("2028-02-12T00:00:00Z")  # in grace, two days before its end
    link = library.link()
    assert library.get(link).status_code == 200
    _set_clock(library.running, "2028-02-14T04:59:59.999999Z")
    assert library.get(link).status_code == 200
    _set_clock(library.running, "2028-02-14T05:00:00Z")
    refused(library.get(link), 403, "no-access")


def _set_clock(running: Running, instant: str) -> None:
    """Time goes on, and nothing else."""
    with running.assembly.database.writing() as connection:
        own_facts.set_clock(connection, datetime.fromisoformat(instant))


def test_a_link_that_nobody_signed_leads_nowhere(small: Library):
    small.register()
    link = small.link()
    path = urlsplit(link["url"]).path
    client = small.running.client(None)
    forged = path[:-4] + ("AAAA" if not path.endswith("AAAA") else "BBBB")
    for wrong in (forged, path[:-1], "/downloads/x", "/downloads/" + "A" * 64, "/downloads/%00"):
        refused(client.get(wrong), 422, "invalid-link")
        refused(client.get(f"{wrong}/{link['file_name']}"), 422, "invalid-link")
    signed = small.running.assembly.links.sign
    id, account = small.subscription["id"], small.account["id"]
    refused(client.get(f"/downloads/{signed(UUID(id), UUID(id))}/x"), 422, "invalid-link")
    refused(client.get(f"/downloads/{signed(UUID(account), UUID(account))}/x"), 404, "not-found")
    for other in ("other.gz", "..%2f..%2fetc%2fpasswd", "%2e%2e", "202704.jsonl.gz"):
        assert client.get(f"{path}/{other}").status_code in {404, 422}
    assert [each["requests"] for each in small.links()] == [0]


def test_the_same_request_gives_the_same_link(library: Library):
    library.register()
    body, key = {"product": "scholarly", "release": "202704"}, {"Idempotency-Key": "one"}
    first = done(library.running.support.post(f"{library.path}/bulk-data-links", json=body, headers=key), 201)
    library.link()
    assert done(library.running.support.post(f"{library.path}/bulk-data-links", json=body, headers=key), 201) == first
    assert len(library.links()) == 2


def test_a_release_that_there_is_not(small: Library):
    small.register()
    support = small.running.support
    path = f"{small.path}/bulk-data-links"
    refused(support.post(path, json={"product": "scholarly", "release": "202705"}), 404, "not-found")
    refused(support.post(path, json={"product": "patent", "release": "202704"}), 404, "not-found")
    refused(support.post(path, json={"product": "scholarly", "release": "202799"}), 422, "invalid-version")


def test_links_are_for_those_whose_they_are(library: Library):
    running = library.running
    library.register()
    librarian, platform = running.client("institution", account=library.account), running.client("platform")
    of_both = [library.link(librarian), library.link(platform)]
    assert [library.get(link).status_code for link in of_both] == [200, 200]
    eth = running.another()
    path = f"{library.path}/bulk-data-links"
    for client in (running.client("institution", account=eth), running.client("platform", on_behalf_of="registered-eth")):
        refused(client.post(path, json={"product": "scholarly", "release": "202704"}), 404, "not-found")
        refused(client.get(path), 404, "not-found")
    refused(running.client("institution", account=eth).get(f"{library.path}/bulk-data-access"), 404, "not-found")
    assert [each["url"] for each in done(librarian.get(path))["items"]] == [link["url"] for link in of_both]
    assert {each["url"] for each in done(running.client("auditor").get(path))["items"]} == {None}
    first = librarian.get(f"{path}?limit=1")
    assert [each["id"] for each in done(librarian.get(first.links["next"]["url"]))["items"]] == [of_both[1]["id"]]


# letters


def _letters(running: Running) -> list:
    told = [caught for caught in running.catcher.messages if caught.message["X-Tenure-Template"].startswith("bulk-data")]
    return [(caught.recipient, caught.message["X-Tenure-Template"], caught.message.get_body(("plain",)).get_content()) for caught in told]


def test_letters_lead_to_the_page_once_when_it_is_issued_and_once_a_day_before_its_end(library: Library):
    library.register()
    link = library.link()
    library.running.advance("2027-02-06T09:59:59Z")
    library.running.advance("2027-02-08T00:00:00Z")
    first, last = _letters(library.running)
    assert (first[:2], last[:2]) == ((LIBRARY, "bulk-data-link"), (LIBRARY, "bulk-data-link-expiring"))
    for text in (first[2], last[2]):
        assert link["url"] in text
        for told in (FACTS["file_name"], "10,240 bytes", MD5, "7 February 2027, 05:00"):
            assert told in " ".join(text.split())
    assert "In 1 day the link ends" in " ".join(last[2].split())


def test_of_two_links_to_one_file_the_older_one_runs_out_in_silence(library: Library):
    library.register()
    library.link()
    library.running.advance("2027-02-03T00:00:00Z")
    newer = library.link()
    library.running.advance("2027-02-12T00:00:00Z")
    told = [(template, newer["url"] in text) for _, template, text in _letters(library.running)]
    assert told == [("bulk-data-link", False), ("bulk-data-link", True), ("bulk-data-link-expiring", True)]
    skipped = done(library.running.support.get("/v1/emails?template=bulk-data-link-expiring"))["items"]
    assert next((each["status"], each["answer"]) for each in skipped) == ("skipped", "a newer link leads to the same file")


# with a token


def test_a_holder_lists_and_fetches_releases_with_the_token(library: Library, logged):
    running = library.running
    library.register()
    library.register(version="202705")
    library.register(product="patent")
    secret = running.issue(library.account)["secret"]
    anybody = running.client(None)
    listed = done(anybody.get("/bulk-data/scholarly", params={"token": secret}))
    assert [each["version"] for each in listed["releases"]] == ["202705", "202704"]
    HolderReleasesShown.model_validate(listed)
    file = anybody.get("/bulk-data/scholarly/202704", params={"token": secret}, headers={"Range": "bytes=10-19"})
    assert (file.status_code, file.content) == (206, CONTENT[10:20])
    assert anybody.head("/bulk-data/scholarly/202704", params={"token": secret}).headers["content-length"] == str(len(CONTENT))
    refused(anybody.get("/bulk-data/scholarly/202703", params={"token": secret}), 404, "not-found")
    for path in ("/bulk-data/patent", "/bulk-data/patent/202704"):
        refused(anybody.get(path, params={"token": secret}), 403, "not-entitled")
    assert anybody.get("/bulk-data/scholarly").status_code == 422
    for wrong in ("x", secret[:-1] + ("a" if secret[-1] != "a" else "b")):
        answer = anybody.get("/bulk-data/scholarly/202704", params={"token": wrong})
        assert (answer.status_code, answer.json()["code"]) == (401, 401)
    library.do("suspend")
    answer = anybody.get("/bulk-data/scholarly/202704", params={"token": secret})
    assert (answer.status_code, "suspended" in answer.json()["message"]) == (401, True)
    access = done(running.support.get(f"{library.path}/bulk-data-access"))
    assert [(each["version"], each["method"], each["answer"]) for each in access["downloads"]] == [
        ("202704", "GET", "served"),
        ("202704", "HEAD", "served"),
        ("202704", "GET", "not-entitled"),
    ]
    assert len({each["token_id"] for each in access["downloads"]} - {None}) == 1
    assert secret not in str(logged)
    assert secret not in running.assembly.metrics.text().decode()


# in S3


def test_a_file_in_s3_is_shown_the_way_to_for_ten_minutes(library: Library):
    pytest.importorskip("obstore")
    library.set_up(bulk_data_s3_region="eu-west-1", bulk_data_s3_access_key_id="AKIDEXAMPLE", bulk_data_s3_secret_access_key="not a secret")
    library.register(location="s3://lens-bulk/scholarly/202704.jsonl.gz", bytes=160_000_000_000)
    link = library.link()
    answer = library.get(link, range="bytes=1000000-")
    assert (answer.status_code, answer.headers["cache-control"]) == (302, "no-store")
    address = urlsplit(answer.headers["location"])
    asked = parse_qs(address.query)
    assert (address.scheme, address.netloc) == ("https", "s3.eu-west-1.amazonaws.com")
    assert address.path == "/lens-bulk/scholarly/202704.jsonl.gz"
    assert asked["X-Amz-Expires"] == ["600"]
    assert asked["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert asked["X-Amz-Credential"][0].startswith("AKIDEXAMPLE/")
    assert len(asked["X-Amz-Signature"][0]) == 64
    head = library.get(link, "HEAD").headers["location"]
    assert parse_qs(urlsplit(head).query)["X-Amz-Signature"] != asked["X-Amz-Signature"]
    assert [(each["status"], each["answer"], each["first_byte"]) for each in library.links()[0]["downloads"]] == [
        (302, "redirected", 1_000_000),
        (302, "redirected", 0),
    ]
    library.running.advance("2027-02-07T09:59:30Z")
    last = parse_qs(urlsplit(library.get(link).headers["location"]).query)
    assert last["X-Amz-Expires"] == ["30"]  # never longer than the link
    library.do("suspend")
    refused(library.get(link), 403, "no-access")


def test_an_s3_of_ones_own(small: Library):
    pytest.importorskip("obstore")
    small.set_up(
        bulk_data_s3_endpoint="http://127.0.0.1:9000",
        bulk_data_s3_access_key_id="AKIDEXAMPLE",
        bulk_data_s3_secret_access_key="not a secret",
    )
    small.register(location="s3://lens-bulk/202704.jsonl.gz")
    address = small.get(small.link()).headers["location"]
    assert address.startswith("http://127.0.0.1:9000/lens-bulk/202704.jsonl.gz?")


# who held it


def test_who_held_it_on_a_day_who_approved_it_and_who_fetched_what(library: Library):
    running = library.running
    library.register()
    link = library.link()
    library.get(link)
    running.advance("2027-03-01T12:00:00Z")
    library.do("entitlements", name="bulk_data:patent", approver="The director")
    running.advance("2027-03-03T12:00:00Z")
    library.do("entitlements", name="bulk_data:patent", approver="The director", withdraw=True)
    running.advance("2027-03-10T12:00:00Z")

    def on(day: str) -> Thing:
        return done(running.client("auditor").get(f"{library.path}/bulk-data-access?on={day}"))

    def held(day: str) -> list:
        return [(each["product"], each["approver"]) for each in on(day)["held"]]

    assert held("2027-01-30") == []
    activated = on("2027-01-31")
    assert [(each["answer"], each["link_id"]) for each in activated["downloads"]] == [("served", link["id"])]
    assert (activated["starts_at"], activated["ends_at"]) == ("2027-01-31T05:00:00Z", "2027-02-01T05:00:00Z")
    assert held("2027-02-28") == [("scholarly", None)]
    assert held("2027-03-01") == held("2027-03-03") == [("scholarly", None), ("patent", "The director")]
    assert held("2027-03-04") == [("scholarly", None)]
    BulkDataAccessShown.model_validate(activated)
    patent = on("2027-03-02")["held"][1]
    assert (patent["since"], patent["until"]) == ("2027-03-01T12:00:00Z", "2027-03-03T12:00:00Z")
    event = done(running.client("auditor").get(f"/v1/history?after={patent['position'] - 1}&limit=1"))["items"][0]
    assert (event["topic"], event["actor"]) == ("subscription.entitlement-granted", patent["granted_by"])
    assert done(running.support.get(f"{library.path}/bulk-data-access"))["on"] == "2027-03-10"
    _set_clock(running, "2028-02-20T00:00:00Z")  # it has lapsed, and nobody has recorded it
    assert held("2028-02-13") == [("scholarly", None)]
    assert held("2028-02-15") == []
    running.advance("2028-02-21T00:00:00Z")
    assert held("2028-02-13") == [("scholarly", None)]
    assert held("2028-02-15") == []
