"""The whole service as separate processes on one PostgreSQL: the story runs, and each email arrives once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Barrier

import pytest

from ops.assembly import Assembly
from ops.catcher import Catcher
from ops.config import Settings
from tests.processes import Api, eventually, free_port, running

START = "2027-01-31T10:00:00Z"
KEY = "a-key-for-the-first-admin"


@pytest.fixture
def catcher():
    catcher = Catcher()
    catcher.start()
    yield catcher
    catcher.stop()


def settings(url: str, catcher: Catcher, folder: Path) -> dict[str, str]:
    return {
        "TENURE_ENVIRONMENT": "development",
        "TENURE_CLOCK": f"virtual:{START}",
        "TENURE_ADMIN_KEY": KEY,
        "TENURE_DATABASE_URL": url,
        "TENURE_SMTP_URL": catcher.url,
        "TENURE_KEYS_DIRECTORY": str(folder / "keys"),
        "TENURE_LOG_LEVEL": "error",
    }


def tell(first: Api, second: Api) -> dict[str, str]:
    """From the nomination to the lapse, every other call to the other process."""
    account = first.post(
        "/v1/accounts",
        email="library@northfield.example",
        registered_account_id="R-1",
        institution="Northfield University",
        time_zone="Europe/London",
        domains=["northfield.example"],
        contacts=[{"email": "finance@northfield.example", "roles": ["billing"]}],
    )
    second.post(f"/v1/accounts/{account['id']}/convert")
    subscription = first.post("/v1/subscriptions", account_id=account["id"], starts_on="2027-01-31")
    second.post(f"/v1/subscriptions/{subscription['id']}/activate")
    token = first.post("/v1/tokens", owner_id=account["id"], label="repository")
    plan = second.post("/v1/user-plans", subscription_id=subscription["id"], registered_account_id="R-2", email="ada@northfield.example")
    second.post("/v1/clock/advance", to="2027-12-24T00:00:00Z")
    first.post(f"/v1/tokens/{token['id']}/rotate", overlap_days=5)
    second.post("/v1/clock/advance", to="2028-03-05T00:00:00Z")
    return {"account": account["id"], "subscription": subscription["id"], "plan": plan["id"]}


def letters(catcher: Catcher) -> Counter[tuple[str, str]]:
    return Counter((caught.message["X-Tenure-Template"], caught.recipient) for caught in catcher.messages)


LIBRARY, FINANCE, ADA = "library@northfield.example", "finance@northfield.example", "ada@northfield.example"
EXPECTED = Counter(
    {
        ("account-nominated", LIBRARY): 1,
        ("subscription-activated", LIBRARY): 1,
        ("token-issued", LIBRARY): 2,
        ("token-rotated", LIBRARY): 1,
        ("token-expired", LIBRARY): 1,
        ("user-plan-activated", ADA): 1,
        ("user-plan-expiring", ADA): 2,
        ("user-plan-expired", ADA): 1,
        ("subscription-expiring", LIBRARY): 6,
        ("subscription-expiring", FINANCE): 6,
        ("subscription-in-grace", LIBRARY): 1,
        ("subscription-in-grace", FINANCE): 1,
        ("subscription-lapsed", LIBRARY): 1,
        ("usage-statement", LIBRARY): 2,
        ("onboarding-nudge", LIBRARY): 2,
    }
)


def check(first: Api, second: Api, ids: dict[str, str], catcher: Catcher) -> None:
    assert second.get(f"/v1/subscriptions/{ids['subscription']}")["status"] == "lapsed"
    assert first.get(f"/v1/user-plans/{ids['plan']}")["status"] == "expired"
    assert EXPECTED == letters(catcher)
    ids_of_letters = [caught.message["Message-ID"] for caught in catcher.messages]
    assert len(set(ids_of_letters)) == len(ids_of_letters)
    sent = [email for email in first.get("/v1/emails?limit=500")["items"] if email["status"] == "sent"]
    assert len(sent) == len(ids_of_letters)


def test_two_apis_two_schedulers_and_a_projector_on_one_postgresql(postgresql_url, catcher, tmp_path):
    given = settings(postgresql_url, catcher, tmp_path)
    ports = free_port(), free_port()
    with ExitStack() as stack:
        for port in ports:
            stack.enter_context(running("serve", "--only", "api", "--port", str(port), settings=given, folder=tmp_path))
        first, second = (Api(port, KEY) for port in ports)
        first.wait()
        second.wait()
        for number in (1, 2):
            folder = tmp_path / f"scheduler-{number}"
            folder.mkdir()
            stack.enter_context(running("serve", "--only", "scheduler", settings=given, folder=folder))
        stack.enter_context(running("serve", "--only", "projector", settings=given, folder=tmp_path))
        ids = tell(first, second)
        eventually(lambda: first.get("/v1/subscriptions")["items"])
        check(first, second, ids, catcher)


def test_processes_that_start_together_on_nothing_agree(postgresql_server, tmp_path):
    """On the tables, the clock, the first admin and the keys of their folder, however they come between each other."""
    for number in range(4):
        with postgresql_server.empty() as url:
            given = Settings(
                environment="development",
                clock=f"virtual:{START}",
                admin_key=KEY,
                database_url=url,
                keys_directory=tmp_path / f"keys-{number}",
            )
            together = Barrier(4)

            def start(given=given, together=together):
                with closing(Assembly(given, smtp_url="smtp+plain://127.0.0.1:9")) as process:
                    together.wait()
                    process.prepare()
                    made = process.staff.first_admin(KEY)
                    return process.keys, process.clock.now(), made

            with ThreadPoolExecutor(4) as threads:
                started = [each.result() for each in [threads.submit(start) for _ in range(4)]]
            assert len({(keys.pepper, keys.peppers[1], keys.master, now) for keys, now, _ in started}) == 1
            assert [made for *_, made in started].count(KEY) == 1


def test_everything_in_one_process(database_url, catcher, tmp_path):
    port = free_port()
    with running("serve", "--port", str(port), settings=settings(database_url, catcher, tmp_path), folder=tmp_path):
        api = Api(port, KEY)
        api.wait()
        ids = tell(api, api)
        check(api, api, ids, catcher)


def test_the_demonstration_tells_its_story_in_time(tmp_path):
    import subprocess
    import time

    from tests.processes import PROGRAM

    began = time.monotonic()
    done = subprocess.run([str(PROGRAM), "demo"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    assert time.monotonic() - began < 60
    for told in (
        "subscription.activated",
        "token-expiring",
        "token.rotated",
        "subscription.lapsed",
        "subscription.reinstated",
        "user-plan-renewed",
    ):
        assert told in done.stdout
    events, emails, received = (int(word) for word in done.stdout.rsplit("\n", 2)[-2].split() if word.isdigit() and word != "14")
    assert emails == received
    assert events > 30


def test_wrong_settings_are_one_clear_sentence(tmp_path):
    import os
    import subprocess

    from tests.processes import PROGRAM

    wrong = {**os.environ, "TENURE_CLOCK": "virtual:2027-01-01T00:00:00Z", "TENURE_ENVIRONMENT": "production"}
    done = subprocess.run([str(PROGRAM), "serve"], cwd=tmp_path, env=wrong, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 3
    assert "a virtual clock needs TENURE_ENVIRONMENT=development" in done.stderr
    assert len(done.stderr.splitlines()) == 1
