"""The whole service in one process, on a virtual clock, with a client for each role and the steps of the story."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi.testclient import TestClient

from ops import librarians
from ops.assembly import Assembly
from ops.catcher import Catcher
from ops.config import Settings

START = datetime(2027, 1, 31, 10, tzinfo=UTC)
LIBRARY = "library@mit.edu"
RAN_BY = "registered-mit"
ADA = "registered-ada"
PATIENCE = 0.3
"""Seconds that the receiver of a webhook has."""

Thing = dict[str, Any]


class Running:
    """What `tenure serve` runs, without threads: time, followers and letters move when they are told to."""

    def __init__(self, database_url: str, folder: Path, catcher: Catcher, rules: str = "") -> None:
        """`rules` is what the file of rules says, in TOML."""
        self.catcher = catcher
        rules_file = folder / "rules.toml"
        rules_file.write_text(rules)
        settings = Settings(
            environment="development",
            clock=f"virtual:{START.isoformat()}",
            database_url=database_url,
            keys_directory=folder / "keys",
            public_url="https://tenure.example.edu",
            rules_file=rules_file,
            webhook_networks="127.0.0.0/8",
            webhook_timeout_seconds=PATIENCE,
        )
        self.assembly = Assembly(settings, smtp_url=catcher.url)
        self.assembly.prepare()
        self.app = self.assembly.api()
        self.keys: dict[str, str] = {}

    def client(self, role: str | None, *, on_behalf_of: str | None = None, account: Thing | None = None, app: Any = None) -> TestClient:
        """A caller of a role; of role institution, of an account. Errors are answered as they would be in production."""
        headers = self.headers(role, on_behalf_of=on_behalf_of, account=account)
        return TestClient(app or self.app, raise_server_exceptions=False, headers=headers)

    def headers(self, role: str | None, *, on_behalf_of: str | None = None, account: Thing | None = None) -> dict[str, str]:
        headers = {}
        if role is not None:
            headers["Authorization"] = f"Bearer {self.key(role, account)}"
        if role == "platform":
            headers["X-On-Behalf-Of"] = on_behalf_of or RAN_BY
        return headers

    def key(self, role: str, account: Thing | None = None) -> str:
        name = f"{role} {account['id']}" if account else role
        if name not in self.keys:
            staff = self.assembly.staff
            made = librarians.issue(self.assembly.lifecycle, staff, UUID(account["id"]), name, None) if account else staff.add(name, role)
            self.keys[name] = made
        return self.keys[name]

    @property
    def support(self) -> TestClient:
        return self.client("support")

    @property
    def admin(self) -> TestClient:
        return self.client("admin")

    def catch_up(self) -> None:
        self.assembly.tables.catch_up()

    @contextmanager
    def following(self) -> Iterator[None]:
        """The tables keep up by themselves, in a thread of their own."""
        following = self.assembly.following
        following.start()
        try:
            yield
        finally:
            following.stop()

    def advance(self, to: str) -> Thing:
        return done(self.admin.post("/v1/clock/advance", json={"to": to}))

    def wait(self, **by: float) -> Thing:
        """Let so many days or hours pass."""
        return self.advance((self.now + timedelta(**by)).isoformat())

    @property
    def now(self) -> datetime:
        return self.assembly.clock.now()

    def settle(self) -> None:
        """One heartbeat: whatever there is to do at this instant."""
        self.assembly.heartbeat.beat()

    def letters(self, template: str) -> list[str]:
        """To whom a letter went, in the order in which it was written."""
        written = done(self.support.get(f"/v1/emails?template={template}&limit=500"))["items"]
        return [email["to"] for email in written if email["status"] == "sent"]

    # the story

    def nominate(self, **given: Any) -> Thing:
        """MIT, as far as nothing else is said."""
        facts = {
            "email": LIBRARY,
            "registered_account_id": RAN_BY,
            "institution": "Massachusetts Institute of Technology",
            "time_zone": "America/New_York",
            "domains": ["mit.edu"],
            "ip_ranges": ["18.0.0.0/9"],
        }
        return done(self.support.post("/v1/accounts", json=facts | given), 201)

    def another(self, name: str = "eth", **given: Any) -> Thing:
        """Another institution, active, that has nothing in common with MIT."""
        facts = {
            "email": f"bib@{name}.ch",
            "registered_account_id": f"registered-{name}",
            "institution": name.upper(),
            "time_zone": "Europe/Zurich",
            "domains": [f"{name}.ch"],
            "ip_ranges": [],
        }
        return self.convert(self.nominate(**facts | given))

    def convert(self, account: Thing) -> Thing:
        return done(self.support.post(f"/v1/accounts/{account['id']}/convert"))

    def open(self, account: Thing, **given: Any) -> Thing:
        body = {"account_id": account["id"], "starts_on": "2027-01-15"} | given
        return done(self.support.post("/v1/subscriptions", json=body), 201)

    def activate(self, subscription: Thing) -> Thing:
        return done(self.support.post(f"/v1/subscriptions/{subscription['id']}/activate"))

    def subscribed(self, account: Thing | None = None) -> tuple[Thing, Thing]:
        """An active account with a subscription in force."""
        account = account or self.convert(self.nominate())
        return account, self.activate(self.open(account))

    def request_plan(self, subscription: Thing, **given: Any) -> Thing:
        body = {"subscription_id": subscription["id"], "registered_account_id": ADA, "email": "ada@mit.edu"} | given
        return done(self.support.post("/v1/user-plans", json=body), 201)

    def plan(self, plan: Thing) -> Thing:
        return done(self.support.get(f"/v1/user-plans/{plan['id']}"))

    def ask_of(self, plan: Thing, what: str, status: int = 200, **body: Any) -> Thing:
        """Any command on a user plan, by support."""
        return done(self.support.post(f"/v1/user-plans/{plan['id']}/{what}", json=body), status)

    def invite(self, subscription: Thing, email: str = "bea@mit.edu", **given: Any) -> Thing:
        return done(self.support.post(f"/v1/subscriptions/{subscription['id']}/invitations", json={"email": email} | given), 201)

    def hand_in(self, subscription: Thing, *lines: str, by: TestClient | None = None, key: str | None = None, **query: Any) -> Thing:
        """A list of people as CSV; its header is `email` unless the first line names that column."""
        return done(self.send_list(subscription, as_csv(*lines), by=by, key=key, **query), 201)

    def send_list(
        self,
        subscription: Thing,
        content: str | bytes,
        media_type: str = "text/csv",
        *,
        by: TestClient | None = None,
        key: str | None = None,
        **query: Any,
    ) -> Any:
        headers = {"Content-Type": media_type} | ({"Idempotency-Key": key} if key else {})
        path = f"/v1/subscriptions/{subscription['id']}/user-imports"
        return (by or self.support).post(path, content=content, headers=headers, params=query)

    def listing(self, listing: Thing) -> Thing:
        return done(self.support.get(f"/v1/user-imports/{listing['id']}"))

    def rows(self, listing: Thing) -> list[Thing]:
        items: list[Thing] = done(self.support.get(f"/v1/user-imports/{listing['id']}/rows?limit=500"))["items"]
        return items

    def outcomes(self, listing: Thing) -> list[str]:
        return [row["outcome"] for row in self.rows(listing)]

    def plans(self, **query: Any) -> list[Thing]:
        items: list[Thing] = done(self.support.get("/v1/user-plans", params={"limit": 500} | query))["items"]
        return items

    def retire(self, account: Thing, domain: str = "mit.edu") -> Thing:
        return done(self.support.post(f"/v1/accounts/{account['id']}/domains/{domain}/retire"))

    def claim(self, account: Thing, domain: str, **given: Any) -> Thing:
        return done(self.support.post(f"/v1/accounts/{account['id']}/domains", json={"domain": domain} | given))

    def register(self, **accounts: list[str]) -> Thing:
        """What the platform tells of accounts: the addresses of each."""
        told = [{"registered_account_id": id, "emails": emails} for id, emails in accounts.items()]
        return done(self.client("platform").put("/v1/registered-accounts", json={"accounts": told}))

    def issue(self, owner: Thing, label: str = "repository") -> Thing:
        return done(self.admin.post("/v1/tokens", json={"owner_id": owner["id"], "label": label}), 201)


def as_csv(*lines: str) -> str:
    header = () if lines and lines[0].startswith("email,") else ("email",)
    return "\n".join((*header, *lines)) + "\n"


def done(response: Any, status: int = 200) -> Thing:
    assert response.status_code == status, response.text
    shown: Thing = response.json()
    return shown


def refused(response: Any, status: int, slug: str) -> Thing:
    """The problem that a request was answered with."""
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json"), response.text
    problem: Thing = response.json()
    assert problem["type"] == f"urn:tenure:problem:{slug}", problem
    assert problem["status"] == status
    assert problem["instance"] == f"urn:uuid:{response.headers['x-request-id']}"
    return problem
