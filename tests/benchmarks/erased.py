"""People with names that are nowhere else live through everything, and are forgotten: then they are looked for wherever they may have been.

    python -m tests.benchmarks.erased [--people 1000] [--database sqlite postgresql]

A server of the real program, with its scheduler and its mail; the keys of all people are destroyed while it runs, and `tenure db scrub`
comes after it. Looked through: what the API answers and exports, what the processes say, every table, a dump, and the bytes of the
database's own files with the log that is written ahead. The log must verify, and every derived table be what a rebuild gives.
"""

import argparse
import json
import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import Request, urlopen
from uuid import UUID, uuid4

from sqlalchemy import select

from domain.events.base import ERASED, Metadata
from ops.assembly import Assembly
from ops.catcher import Catcher
from ops.config import Settings
from ops.eventstore.engine import reading
from ops.eventstore.schema import person_keys
from projections.emails import outbox
from projections.tables import metadata as derived
from tests.databases import PostgreSQLServer, SQLiteFiles, postgresql_program
from tests.live import libpq, run_program
from tests.processes import PATIENCE, Api, called, eventually, free_port, running
from tests.test_canaries import Caller, dumped, files

KEY = "a-key-for-the-first-admin"
START = "2027-01-31T10:00:00Z"
LATER = "2027-02-20T00:00:00Z"
AT_ONCE = 100
WITH_MORE = 25
"""One in so many is a contact of the institution as well, and one is a librarian."""
LEASED = {"followers", "due_work", "email_work", "user_import_work"}
PATHS = (
    "/v1/user-plans?limit=500",
    f"/v1/user-plans?limit=500&as_of={START}",
    "/v1/tokens?limit=500",
    "/v1/emails?limit=500",
    "/v1/accounts",
    "/v1/history?limit=500",
    "/v1/history?limit=500&topic=email.sent",
    "/v1/events?limit=500",
    "/v1/history/export",
    "/v1/history/export?format=csv",
)


@dataclass
class Canaries:
    """Texts that are told of one person each. All begin alike, with something that no other run has."""

    mark: str = field(default_factory=lambda: f"canary{secrets.token_hex(8)}")

    def of(self, number: int, what: str) -> str:
        return f"{self.mark}x{number}-{what}"

    def address(self, number: int) -> str:
        return f"{self.of(number, 'mail')}@northfield.example"

    @property
    def forms(self) -> list[bytes]:
        mark = self.mark.encode()
        return [mark, mark.hex().encode(), *(b64encode(b"\0" * before + mark)[4 if before else 0 : -4] for before in range(3))]

    def places(self, content: Iterable[tuple[str, bytes]]) -> list[str]:
        """Where one of them is, however it is written."""
        forms = self.forms
        return [name for name, text in content if any(form in each for each in (text, text.lower()) for form in forms)]


@dataclass
class House:
    """A server, and who calls it."""

    caller: Caller
    canaries: Canaries
    people: int
    account: str = ""
    subscription: str = ""
    subjects: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=lambda: list(PATHS))

    def begin(self) -> None:
        facts = {
            "email": "library@northfield.example",
            "institution": "Northfield University",
            "registered_account_id": "R-1",
            "time_zone": "Europe/London",
            "domains": ["northfield.example"],
        }
        self.account = self._do("/v1/accounts", facts)["id"]
        self._do(f"/v1/accounts/{self.account}/convert")
        self.subscription = self._do("/v1/subscriptions", {"account_id": self.account, "starts_on": "2027-01-31"})["id"]
        self._do(f"/v1/subscriptions/{self.subscription}/activate")
        told, address = self.canaries.of, self.canaries.address
        accounts = [{"registered_account_id": told(each, "account"), "emails": [address(each)]} for each in range(self.people)]
        for first in range(0, self.people, AT_ONCE):
            self.caller.done("PUT", "/v1/registered-accounts", {"accounts": accounts[first : first + AT_ONCE]}, key=KEY)

    def live(self, number: int) -> None:
        """One person: plans, a token that leaks; some are contacts and librarians besides."""
        told, address = self.canaries.of, self.canaries.address(number)
        asked = {"registered_account_id": told(number, "account"), "email": address, "name": told(number, "name")}
        said = {"Idempotency_Key": told(number, "key"), "X_Request_Id": told(number, "request")}
        plan = self._do("/v1/user-plans", {"subscription_id": self.subscription} | asked, **said)
        token = self._do("/v1/tokens", {"owner_id": plan["id"], "label": told(number, "label")})
        self._do(f"/v1/tokens/{token['id']}/report-leak", {"where": told(number, "where")})
        self.subjects += [plan["id"], token["id"]]
        self.caller.ask("GET", f"/v1/accounts?q={address}", key=KEY)
        if number % WITH_MORE == 0 and number < 5 * WITH_MORE:
            self._do(f"/v1/accounts/{self.account}/contacts", {"email": address, "name": told(number, "name"), "roles": ["billing"]})
            key = self._do(f"/v1/accounts/{self.account}/librarian-keys", {"name": told(number, "librarian")})
            invited = {"email": f"guest{number}@northfield.example"}
            self.caller.done("POST", f"/v1/subscriptions/{self.subscription}/invitations", invited, key=key["secret"])
            self.subjects.append(key["id"])

    def advance(self, to: str) -> None:
        """Where so many are forgotten at once, the tables are busy for longer than anybody waits for a lock: that is a 503, and asked again."""
        began = time.monotonic()
        while (answer := self.caller.ask("POST", "/v1/clock/advance", {"to": to}, key=KEY))[0] == 503:
            assert time.monotonic() - began < 600, answer
            time.sleep(1)
        assert answer[0] == 200, answer

    def _do(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.caller.done("POST", path, body or {}, key=KEY, **headers)

    def list_them(self) -> None:
        """They stand on a list that the institution hands in, too."""
        told, address = self.canaries.of, self.canaries.address
        lines = ["email,name", *(f"{address(each)},{told(each, 'listed')}" for each in range(self.people))]
        path, body = f"/v1/subscriptions/{self.subscription}/user-imports", "\n".join(lines).encode()
        listing = self.caller.done("POST", path, body, key=KEY, Content_Type="text/csv")["id"]
        eventually(lambda: self.caller.done("GET", f"/v1/user-imports/{listing}", key=KEY)["status"] == "completed")
        self.paths.append(f"/v1/user-imports/{listing}/rows?limit=500")

    def answers(self) -> Iterator[tuple[str, bytes]]:
        """Everything that the API says of them now."""
        for path in self.paths:
            following: str | None = path
            while following:
                request = Request(f"http://127.0.0.1:{self.caller.port}{following}", headers={"Authorization": f"Bearer {KEY}"})
                with urlopen(request, timeout=PATIENCE) as answer:
                    read, is_page = answer.read(), answer.headers.get_content_type() == "application/json"
                yield following, read
                more = json.loads(read).get("next") if is_page else None
                following = f"{path}{'&' if '?' in path else '?'}after={more}" if more is not None else None


def forget(assembly: Assembly, house: House) -> int:
    """All of them, some at a time. Returns how many keys were destroyed."""
    people = assembly.store.people
    found = {people.find("address", house.canaries.address(number)) for number in range(house.people)}
    found |= {people.find("subject", subject) for subject in house.subjects}
    gone: list[UUID] = sorted(person for person in found if person is not None)
    for first in range(0, len(gone), AT_ONCE):
        assembly.lifecycle.forget(gone[first : first + AT_ONCE], uuid4(), metadata=Metadata(actor="admin-south", role="admin"))
    return len(gone)


def rebuilt_alike(assembly: Assembly) -> None:
    assembly.tables.catch_up()
    followed = _tables(assembly)
    assembly.tables.rebuild()
    for name, rows in _tables(assembly).items():
        assert followed[name] == rows, f"{name} is not what a rebuild gives"


def _tables(assembly: Assembly) -> dict[str, list[str]]:
    with assembly.database.reading() as connection:
        return {
            table.name: sorted(repr(tuple(row)) for row in connection.execute(select(table)))
            for table in derived.sorted_tables
            if table.name not in LEASED
        }


def _waiting(assembly: Assembly) -> int:
    """How many letters wait to be sent, or to be written at all."""
    with assembly.database.reading() as connection:
        behind = (assembly.store.log.max_notification_id() or 0) - assembly.tables.position()
        return behind + outbox.depth(connection)[0]


def own_files(assembly: Assembly) -> Path:
    """The folder in which the database keeps its bytes."""
    if assembly.engine.dialect.name == "sqlite":
        return Path(str(assembly.engine.url.database)).parent
    with assembly.engine.connect() as connection:
        return Path(connection.exec_driver_sql("SHOW data_directory").scalar_one())


def raw_bytes(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file, as far as the server does not take it away meanwhile."""
    for path in sorted(folder.rglob("*")):
        with suppress(FileNotFoundError):
            if path.is_file():
                yield str(path.relative_to(folder)), path.read_bytes()


def wrapped_keys(assembly: Assembly) -> list[bytes]:
    with reading(assembly.engine) as connection:
        return [bytes(each) for each in connection.scalars(select(person_keys.c.wrapped))]


def dump(url: str, folder: Path) -> Iterator[tuple[str, bytes]]:
    """What PostgreSQL's own program makes of it, as plain text."""
    path = folder / "dump.sql"
    run_program("pg_dump", f"--file={path}", libpq(url))
    yield path.name, path.read_bytes()
    path.unlink()


def erase_all(database_url: str, folder: Path, people: int, say: Callable[[str], None] = lambda _: None) -> None:
    """The whole of it on one database. Raises AssertionError where somebody is still somewhere."""
    with _house(database_url, folder, people) as (house, assembly, settings):
        began = time.perf_counter()
        canaries = house.canaries
        for number in range(people):
            house.live(number)
            if number % AT_ONCE == 0:
                eventually(lambda: _waiting(assembly) == 0)  # the mail keeps up
        house.list_them()
        eventually(lambda: _waiting(assembly) == 0)
        house.advance(LATER)
        eventually(lambda: assembly.tables.position() == assembly.store.log.max_notification_id())
        assert len(set(house.paths) - set(canaries.places(house.answers()))) == 0, "this is no place to look in"
        tables = canaries.places(dumped(assembly.engine))
        assert {"emails", "user_plans_2", "versions_2", "accounts", "listed_people", "registered_accounts"} <= set(tables), tables
        assert not {"events", "commands", "claims", "staff"} & set(tables), tables
        keys = wrapped_keys(assembly)
        say(f"{people:,} people lived in {time.perf_counter() - began:.0f} s: {assembly.store.log.max_notification_id():,} events")

        began = time.perf_counter()
        gone = forget(assembly, house)
        assert gone >= people
        say(f"{gone:,} keys destroyed in {time.perf_counter() - began:.1f} s; they stood in {', '.join(sorted(tables))}")
        house.advance("2027-03-20T00:00:00Z")
        eventually(lambda: assembly.tables.position() == assembly.store.log.max_notification_id())
        answers = list(house.answers())
        assert not (places := canaries.places(answers)), places
        assert not set(house.paths) - {path for path, answer in answers if ERASED.encode() in answer}
        rebuilt_alike(assembly)

        began = time.perf_counter()
        verified = called("verify", settings=settings, folder=folder)
        assert verified.returncode == 0, verified.stdout + verified.stderr
        say(f"{verified.stdout.splitlines()[0]} in {time.perf_counter() - began:.1f} s; every derived table is what a rebuild gives")

    keys = list(set(keys) - set(wrapped_keys(assembly)))
    assert len(keys) == gone
    raw = own_files(assembly)
    before = canaries.places(raw_bytes(raw))
    began = time.perf_counter()
    scrubbed = called("db", "scrub", settings=settings, folder=folder)
    assert scrubbed.returncode == 0, scrubbed.stdout + scrubbed.stderr
    say(f"scrubbed in {time.perf_counter() - began:.1f} s: before that, {len(before)} of the database's files held something of them")
    assert not canaries.places(dumped(assembly.engine))
    if assembly.engine.dialect.name == "postgresql" and postgresql_program("pg_dump"):
        assert not canaries.places(dump(database_url, folder))
    assembly.close()
    assert not canaries.places(raw_bytes(raw)), "a file of the database holds something of them"
    assert not [name for name, content in raw_bytes(raw) if any(key in content for key in keys)], "a file of the database holds a key"
    assert not canaries.places(files(folder)), "a process has said something of them"


@contextmanager
def _house(database_url: str, folder: Path, people: int) -> Iterator[tuple[House, Assembly, dict[str, str]]]:
    catcher, port = Catcher(), free_port()
    catcher.start()
    settings = {
        "TENURE_ENVIRONMENT": "development",
        "TENURE_CLOCK": f"virtual:{START}",
        "TENURE_ADMIN_KEY": KEY,
        "TENURE_DATABASE_URL": database_url,
        "TENURE_SMTP_URL": catcher.url,
        "TENURE_KEYS_DIRECTORY": str(folder / "keys"),
        "TENURE_RULES_FILE": str(folder / "rules.toml"),
        "TENURE_LOG_LEVEL": "debug",
    }
    (folder / "rules.toml").write_text("registered_accounts_known = true\n")
    try:
        with running("serve", "--port", str(port), settings=settings, folder=folder):
            Api(port, KEY).wait()
            house = House(Caller(port, patience=1_800.0), Canaries(), people)
            house.begin()
            assembly = Assembly(
                Settings(
                    environment="development",
                    clock=f"virtual:{START}",
                    database_url=database_url,
                    keys_directory=folder / "keys",
                    rules_file=folder / "rules.toml",
                    db_upgrade="off",
                )
            )
            yield house, assembly, settings
    finally:
        catcher.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000)
    parser.add_argument("--database", nargs="*", default=["sqlite", "postgresql"])
    given = parser.parse_args()
    with TemporaryDirectory() as name:
        for database in given.database:
            folder = Path(name) / database
            folder.mkdir()

            def say(what: str, database: str = database) -> None:
                print(f"{database}: {what}", flush=True)

            if database == "sqlite":
                with SQLiteFiles(Path(name)).fresh(folder) as url:
                    erase_all(url, folder, given.people, say)
                continue
            server = PostgreSQLServer()
            try:
                with server.fresh() as url:
                    erase_all(url, folder, given.people, say)
            finally:
                server.close()


if __name__ == "__main__":
    main()
