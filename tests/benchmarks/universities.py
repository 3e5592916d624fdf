"""Every institution of the public list, through the API: nominated, converted, activated, and carried through a year.

    python -m tests.benchmarks.universities [--database-url URL] [--institutions N] [--clients 4]

Reads `../shared/data/universities.csv` beside the checkout: institution, country, domains separated by semicolons.
"""

import argparse
import csv
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import local
from typing import Any

from tests.benchmarks.service import Running, serving

LIST = Path(__file__).parents[3] / "shared" / "data" / "universities.csv"
START = "2027-01-31T10:00:00Z"


@dataclass
class Tally:
    activated: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)


class Client:
    """One kept connection a thread."""

    def __init__(self, service: Running) -> None:
        self._service = service
        self._local = local()

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = HTTPConnection("127.0.0.1", self._service.port, timeout=3_600)
        headers = {"Authorization": f"Bearer {self._service.key}", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        with closing(connection.getresponse()) as response:
            return response.status, json.loads(response.read())


def carry(call: Client, tally: Tally, number: int, row: dict[str, str]) -> None:
    """Nominate with all its domains; where one is refused, tell why, and go on with the others."""
    domains = row["domains"].split(";")
    nomination = {
        "email": f"library-{number}@{domains[0]}",
        "registered_account_id": f"R-{number}",
        "institution": row["institution"],
        "time_zone": "Europe/London",
    }
    status, account = call("POST", "/v1/accounts", nomination | {"domains": domains})
    if status != 201:
        tally.refusals[account["type"]] += 1
        tally.examples.setdefault(f"{row['institution']}: {','.join(domains)}", account["detail"])
        status, account = call("POST", "/v1/accounts", nomination)
        if status != 201:
            tally.examples.setdefault(f"{row['institution']}: not nominated", account["detail"])
            return
        for domain in domains:
            call("POST", f"/v1/accounts/{account['id']}/domains", {"domain": domain})
    call("POST", f"/v1/accounts/{account['id']}/convert", {})
    _, subscription = call("POST", "/v1/subscriptions", {"account_id": account["id"], "starts_on": "2027-01-31"})
    status, _ = call("POST", f"/v1/subscriptions/{subscription['id']}/activate", {})
    tally.activated += status == 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database-url")
    parser.add_argument("--institutions", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--until", default="2028-02-15T00:00:00Z")
    asked = parser.parse_args()
    with LIST.open(newline="") as file:
        rows = list(csv.DictReader(file))[: asked.institutions]
    with TemporaryDirectory() as folder, serving(Path(folder), asked.database_url, START) as service:
        call, tally = Client(service), Tally()
        began = time.perf_counter()
        with ThreadPoolExecutor(asked.clients) as pool:
            list(pool.map(lambda item: carry(call, tally, *item), enumerate(rows)))
        loaded = time.perf_counter() - began
        print(f"{len(rows)} institutions, {tally.activated} activated, in {loaded:.1f} s")
        for slug, count in tally.refusals.most_common():
            print(f"  {count:>5}  {slug}")
        began = time.perf_counter()
        _, journey = call("POST", "/v1/clock/advance", {"to": asked.until})
        seconds = time.perf_counter() - began
        totals = journey["totals"]
        print(f"to {asked.until} in {seconds:.1f} s: {totals['events']} events, of which {totals['emails']} emails sent")
        print(f"the catcher received {service.caught()} emails")
        for who, why in list(tally.examples.items())[:400]:
            print(f"    {who}: {why}")


if __name__ == "__main__":
    main()
