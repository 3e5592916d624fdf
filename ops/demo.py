"""Fourteen months of two institutions on a virtual clock: over HTTP, with every email as the catcher received it over SMTP."""

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import uvicorn
from rich.console import Console

from ops import logs
from ops.assembly import Assembly
from ops.catcher import Catcher
from ops.config import Settings

START = "2027-01-15T09:00:00Z"
PEOPLE = """email;name
ada@maths.northfield.example;Ada
grace@northfield.example;Grace
Grace@Northfield.example;Grace
edsger@northfield.example;Edsger
barbara@elsewhere.example;Barbara
northfield.example;Nobody
"""
TOLD = ("number", "days_left", "starts_at", "ends_at", "until", "expires_at", "grace_ends_at", "ends_for_good_at", "cause", "why", "label")


class Service:
    """A client of the real API, which shows after each call what has happened meanwhile."""

    def __init__(self, base: str, key: str, catcher: Catcher, out: Console) -> None:
        self._base = base
        self._key = key
        self._catcher = catcher
        self._out = out
        self._after = 0
        self._names: dict[str, str] = {}
        self.events = 0
        self.emails = 0

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self._call("POST", path, body)
        if path == "/v1/accounts":
            self._names[answer["id"]] = body["institution"]
        self._settle()
        self._show()
        return answer

    def _settle(self) -> None:
        """Let what follows happen, at this very instant."""
        self._call("POST", "/v1/clock/advance", {"to": self._call("GET", "/v1/clock")["now"]})

    def hand_in(self, subscription: str, people: str, *, dry_run: bool = False) -> None:
        """A list of people as CSV; shows what became of each row."""
        path = f"/v1/subscriptions/{subscription}/user-imports?dry_run={str(dry_run).lower()}"
        handed_in = self._call("POST", path, people.encode(), "text/csv")
        self._settle()
        self._show()
        for row in self._call("GET", f"/v1/user-imports/{handed_in['id']}/rows")["items"]:
            self._out.print(f"    line {row['line']}  {row['email']}: [bold]{row['outcome']}[/]  [dim]{row['reason'] or ''}[/]")

    def until(self, instant: str) -> None:
        self._out.rule(f"[dim]on to {instant[:10]}", style="dim")
        self._call("POST", "/v1/clock/advance", {"to": instant})
        self._show()

    def say(self, sentence: str) -> None:
        self._out.print(f"\n[bold]{sentence}[/]")

    def _call(self, method: str, path: str, body: dict[str, Any] | bytes | None = None, kind: str = "application/json") -> dict[str, Any]:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": kind}
        request = Request(self._base + path, data, headers, method=method)  # noqa: S310 - our own server
        try:
            with urlopen(request) as response:  # noqa: S310
                answer: dict[str, Any] = json.load(response)
        except HTTPError as error:
            raise RuntimeError(json.load(error)["detail"]) from error
        return answer

    def _show(self) -> None:
        """Everything that is new in the log, each email with its subject as it stands in the letter that was caught."""
        while True:
            page = self._call("GET", f"/v1/history?after={self._after}&limit=500")
            for event in page["items"]:
                self._after = event["position"]
                self._line(event)
            if page["next"] is None:
                return

    def _line(self, event: dict[str, Any]) -> None:
        if event["topic"] == "subscription.usage-period-closed" and not event["data"]["requests"]:
            return  # nobody calls anything here
        when = event["at"][:16].replace("T", " ")
        who = self._names.get(event["account_id"] or "", "")
        if event["topic"] == "email.sent":
            self.emails += 1
            sent = event["data"]["message_id"]
            letter = next(each.message for each in self._catcher.messages if each.message["Message-ID"] == sent)
            self._out.print(f"{when}  [cyan]✉ {letter['X-Tenure-Template']}[/]  to {letter['To']}: [italic]{letter['Subject']}[/]")
            return
        self.events += 1
        self._out.print(f"{when}  [green]{event['topic']}[/]  {who}  [dim]{_detail(event['data'])}[/]")


def _detail(data: dict[str, Any]) -> str:
    told = {name: str(data[name])[:16] for name in TOLD if data.get(name) not in {None, ""}}
    return ", ".join(f"{name} {value}" for name, value in {**told, **data.get("outcomes", {})}.items())


def run(out: Console) -> None:
    """Print the timeline. Takes a temporary folder, a free port, and some seconds."""
    began = time.perf_counter()
    logs.configure("error")
    with TemporaryDirectory() as folder, _serving(Path(folder)) as (base, key, catcher):
        service = Service(base, key, catcher, out)
        _tell(service)
        out.rule()
        seconds = time.perf_counter() - began
        out.print(
            f"{service.events} events and {service.emails} emails in 14 months and {seconds:.1f} seconds; "
            f"the catcher received {len(catcher.messages)} emails over SMTP."
        )


def _tell(service: Service) -> None:
    service.say("Northfield University nominates the mailbox of its library, with its domain and its networks.")
    north = service.post(
        "/v1/accounts",
        email="library@northfield.example",
        registered_account_id="R-1001",
        institution="Northfield University",
        time_zone="Europe/London",
        domains=[{"domain": "northfield.example", "subdomains": True}],
        ip_ranges=["185.12.0.0/22"],
        contacts=[{"email": "finance@northfield.example", "roles": ["billing"]}],
    )
    service.post(f"/v1/accounts/{north['id']}/convert")
    toolkit = service.post("/v1/subscriptions", account_id=north["id"], starts_on="2027-02-01")
    service.until("2027-02-01T09:00:00Z")
    service.say("Staff activate the toolkit; the library makes tokens, a researcher asks for plans of her own.")
    service.post(f"/v1/subscriptions/{toolkit['id']}/activate")
    repository = service.post("/v1/tokens", owner_id=north["id"], label="repository")
    harvester = service.post("/v1/tokens", owner_id=north["id"], label="harvester")
    person = {"registered_account_id": "R-2001", "email": "ada@maths.northfield.example"}
    ada = service.post("/v1/user-plans", subscription_id=toolkit["id"], **person)

    service.until("2027-02-03T10:00:00Z")
    service.say("The library hands in a list of people: first a dry run, then for real, which ends with one report.")
    service.hand_in(toolkit["id"], PEOPLE, dry_run=True)
    service.hand_in(toolkit["id"], PEOPLE)
    service.say("Somebody is invited, and may accept within 14 days.")
    service.post(f"/v1/subscriptions/{toolkit['id']}/invitations", email="dorothy@northfield.example", name="Dorothy")

    service.until("2027-02-18T10:00:00Z")
    service.say("Southbridge College comes as well.")
    south = service.post(
        "/v1/accounts",
        email="eresources@southbridge.example",
        registered_account_id="R-1002",
        institution="Southbridge College",
        time_zone="Australia/Sydney",
        domains=["southbridge.example"],
    )
    service.post(f"/v1/accounts/{south['id']}/convert")
    other = service.post("/v1/subscriptions", account_id=south["id"], starts_on="2027-02-18")
    service.post(f"/v1/subscriptions/{other['id']}/activate")

    service.until("2027-06-03T14:00:00Z")
    service.say("A secret turns up in the open: it stops at once, and every contact is told.")
    service.post(f"/v1/tokens/{harvester['id']}/report-leak", where="a public code repository")

    service.until("2027-12-20T11:00:00Z")
    service.say("After two reminders Northfield pays for another year.")
    service.post(f"/v1/subscriptions/{toolkit['id']}/renew", reference="INV-2027-118")
    service.until("2028-01-12T09:00:00Z")
    service.say("The researcher asks to go on, and the library rotates its token before it ends.")
    service.post(f"/v1/user-plans/{ada['id']}/request-renewal")
    service.post(f"/v1/tokens/{repository['id']}/rotate", overlap_days=14)

    service.until("2028-03-20T09:00:00Z")
    service.say("Southbridge did not renew: grace, then lapse. Now it pays, and goes on where it stopped.")
    service.post(f"/v1/subscriptions/{other['id']}/reinstate", mode="contiguous")
    service.until("2028-03-31T09:00:00Z")


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[str, str, Catcher]]:
    """The whole service in this process: its address, an admin key, and what catches its mail."""
    catcher = Catcher()
    catcher.start()
    key = secrets.token_urlsafe(24)
    settings = Settings(
        environment="development",
        clock=f"virtual:{START}",
        database_url=f"sqlite:///{folder}/demo.db",
        keys_directory=folder / "keys",
        log_level="error",
        mail_from="tenure@tenure.example",
        support_address="support@tenure.example",
        public_url="https://tenure.example",
    )
    assembly = Assembly(settings, smtp_url=catcher.url)
    assembly.prepare()
    assembly.staff.first_admin(key)
    server = uvicorn.Server(uvicorn.Config(assembly.api(), port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", key, catcher
    finally:
        server.should_exit = True
        thread.join()
        assembly.close()
        catcher.stop()
