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
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import uvicorn
from rich.console import Console

from ops import logs
from ops.assembly import Assembly
from ops.catcher import Catcher
from ops.config import Settings
from projections import onboarding

START = "2027-01-15T09:00:00Z"
RANGES = """185.12.0.0 - 185.12.3.255
2a0c:5a80::/29, 185.12.4.0/24
"""
PEOPLE = """email;registered_account_id;name
ada@maths.northfield.example;R-2001;Ada
grace@northfield.example;R-2002;Grace
Grace@Northfield.example;;Grace
edsger@northfield.example;R-2003;Edsger
barbara@elsewhere.example;;Barbara
northfield.example;;Nobody
kurt@northfield.example;R-2004;Kurt
emmy@maths.northfield.example;R-2005;Emmy
alan@northfield.example;R-2006;Alan
sofia@maths.northfield.example;R-2007;Sofia
john@northfield.example;R-2008;John
rosalind@northfield.example;R-2009;Rosalind
mary@northfield.example;R-2010;Mary
"""
TOLD = (
    "step",
    "number",
    "days_left",
    "starts_at",
    "ends_at",
    "until",
    "expires_at",
    "grace_ends_at",
    "ends_for_good_at",
    "cause",
    "why",
    "label",
)


class Service:
    """A client of the real API, which shows after each call what has happened meanwhile."""

    def __init__(self, base: str, key: str, gateway: str, catcher: Catcher, out: Console) -> None:
        self._base = base
        self._key = key
        self._gateway = gateway
        self._catcher = catcher
        self._out = out
        self._after = 0
        self._names: dict[str, str] = {}
        self.events = 0
        self.emails = 0

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self._call("POST", path, body)
        if path == "/v1/accounts":
            self._names[answer["id"]] = body.get("institution") or body["email"]
        if path.endswith("/amend"):
            self._names[answer["id"]] = answer["institution"]
        self._settle()
        self._show()
        return answer

    def put(self, path: str, **body: Any) -> None:
        self._call("PUT", path, body)
        self._settle()
        self._show()

    def confirm(self, address: str) -> None:
        """What a person does with the last letter to a mailbox: open its link, and press the first button."""
        letter = [caught for caught in self._catcher.messages if caught.recipient == address][-1]
        text = letter.message.get_body(("plain",)).get_content()  # type: ignore[union-attr]  # each of our letters has a text
        link = next(word for word in text.split() if "/confirm/" in word)
        page = f"{self._base}{urlsplit(link).path}?mailbox=shared"
        with urlopen(Request(page, method="POST")):  # noqa: S310 - our own server
            self._settle()
            self._show()

    def plan_of(self, address: str) -> dict[str, Any]:
        plans: list[dict[str, Any]] = self._call("GET", "/v1/user-plans")["items"]
        return next(plan for plan in plans if plan["email"] == address)

    def checklist(self, account: str) -> None:
        self.tell(*onboarding.lines(self._call("GET", f"/v1/accounts/{account}/onboarding")))

    def text_of(self, path: str) -> str:
        with urlopen(Request(self._base + path, headers={"Authorization": f"Bearer {self._key}"})) as response:  # noqa: S310 - our own server
            return str(response.read().decode())

    def tell(self, *lines: str) -> None:
        for line in lines:
            self._out.print(f"    {line}", markup=False, style="dim")

    def check(self, token: dict[str, Any], product: str) -> None:
        """What the gateway asks for each call."""
        answer = self._call("POST", "/v1/access/check", {"token": token["secret"], "product": product, "records": 10}, key=self._gateway)
        left = answer["limits"]["remaining"]["requests_per_month"]
        self._out.print(f"    allowed: {answer['allowed']}, {left} requests left this month", style="dim")
        self._settle()
        self._show()

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

    def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | bytes | None = None,
        kind: str = "application/json",
        key: str = "",
    ) -> dict[str, Any]:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key or self._key}", "Content-Type": kind}
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
    with TemporaryDirectory() as folder, _serving(Path(folder)) as (base, key, gateway, catcher):
        service = Service(base, key, gateway, catcher, out)
        _tell(service)
        out.rule()
        seconds = time.perf_counter() - began
        out.print(
            f"{service.events} events and {service.emails} emails in 14 months and {seconds:.1f} seconds; "
            f"the catcher received {len(catcher.messages)} emails over SMTP."
        )


def _tell(service: Service) -> None:
    service.say("The mailbox of a university library is nominated, and nothing else is known of it.")
    north = service.post("/v1/accounts", email="library@northfield.example", registered_account_id="R-1001")
    service.checklist(north["id"])
    service.until("2027-01-16T11:00:00Z")
    service.say("The mailbox confirms itself by the link in its letter, and says that it is a shared one.")
    service.confirm("library@northfield.example")
    service.until("2027-01-23T10:00:00Z")
    service.say("A reminder later the library sends what was missing; its networks as they stood in a spreadsheet.")
    path = f"/v1/accounts/{north['id']}"
    service.post(f"{path}/amend", institution="Northfield University", time_zone="Europe/London")
    service.post(f"{path}/domains", domain="northfield.example", subdomains=True)
    service.put(f"{path}/ip-ranges", text=RANGES)
    service.post(f"{path}/contacts", email="finance@northfield.example", roles=["billing"])
    service.post(f"{path}/convert")
    toolkit = service.post("/v1/subscriptions", account_id=north["id"], starts_on="2027-02-01")
    service.until("2027-02-01T09:00:00Z")
    service.say("Staff activate the toolkit; the library makes tokens and calls the API once.")
    service.post(f"/v1/subscriptions/{toolkit['id']}/activate")
    repository = service.post("/v1/tokens", owner_id=north["id"], label="repository")
    harvester = service.post("/v1/tokens", owner_id=north["id"], label="harvester")
    service.check(repository, "scholarly")

    service.until("2027-02-09T10:00:00Z")
    service.say("A week later it was told what is still open. It hands in a list of people: a dry run, then for real.")
    service.hand_in(toolkit["id"], PEOPLE, dry_run=True)
    service.hand_in(toolkit["id"], PEOPLE)
    ada = service.plan_of("ada@maths.northfield.example")
    service.put(f"{path}/link-resolvers", libkey_id="1234", worldcat_registry_id=None)
    service.say("It attests its first portfolio, which has a page and a widget of its own.")
    attested = service.post(
        f"{path}/portfolios",
        name="Works of 2026",
        kind="scholarly",
        address="https://www.lens.org/lens/search/scholar/list?collectionId=1",
        statement="We attest that these works were written by our people.",
        attested_by="The director of the library",
    )
    service.tell(f"page    {attested['page']}", f"widget  {attested['widget']['snippet']}")
    service.say("It tells its people with the announcement kit; everything is done, and the second reminder is not sent.")
    service.tell(*service.text_of(f"{path}/announcement-kit/text").splitlines())
    service.post(f"{path}/onboarding/community-told")
    service.checklist(north["id"])
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
def _serving(folder: Path) -> Iterator[tuple[str, str, str, Catcher]]:
    """The whole service in this process: its address, the keys of an admin and of a gateway, and what catches its mail."""
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
    gateway = assembly.staff.add("gateway", "gateway")
    server = uvicorn.Server(uvicorn.Config(assembly.api(), port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", key, gateway, catcher
    finally:
        server.should_exit = True
        thread.join()
        assembly.close()
        catcher.stop()
