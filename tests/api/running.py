"""The whole service in one process, on a virtual clock, with a client for each role and the steps of the story."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi.testclient import TestClient

from ops.assembly import Assembly
from ops.catcher import Catcher
from ops.config import Settings

START = datetime(2027, 1, 31, 10, tzinfo=UTC)
LIBRARY = "library@mit.edu"
RAN_BY = "registered-mit"
ADA = "registered-ada"

Thing = dict[str, Any]


class Running:
    """What `tenure serve` runs, without threads: time, followers and letters move when they are told to."""

    def __init__(self, database_url: str, folder: Path, catcher: Catcher) -> None:
        self.catcher = catcher
        settings = Settings(
            environment="development",
            clock=f"virtual:{START.isoformat()}",
            database_url=database_url,
            keys_directory=folder / "keys",
            public_url="https://tenure.example.edu",
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
            self.keys[name] = self.assembly.staff.add(name, role, account_id=UUID(account["id"]) if account else None)
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

    def issue(self, owner: Thing, label: str = "repository") -> Thing:
        return done(self.admin.post("/v1/tokens", json={"owner_id": owner["id"], "label": label}), 201)


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
