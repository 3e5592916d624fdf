"""The command line, as an operator uses it."""

import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from domain.commands.institutional_account import Nominate
from domain.events.base import Metadata
from ops.assembly import Assembly
from ops.config import Settings
from tests.processes import PROGRAM, called

BY_HAND = Metadata(actor="support-north", role="support", reason="support-case: 4711")


class Program:
    def __init__(self, url: str, folder: Path) -> None:
        self._folder = folder
        self._settings = {
            "TENURE_DATABASE_URL": url,
            "TENURE_LOG_LEVEL": "error",
            "TENURE_KEYS_DIRECTORY": str(folder / "keys"),
        }

    def __call__(self, *arguments: str, code: int = 0, **settings: str) -> subprocess.CompletedProcess[str]:
        done = called(*arguments, settings=self._settings | settings, folder=self._folder)
        assert done.returncode == code, done.stdout + done.stderr
        return done


@pytest.fixture
def program(database_url, tmp_path):
    return Program(database_url, tmp_path)


@pytest.fixture
def assembly(database_url, tmp_path):
    """The same service, in this process."""
    assembly = Assembly(Settings(database_url=database_url, keys_directory=tmp_path / "keys"))
    assembly.prepare()
    yield assembly
    assembly.close()


@pytest.fixture
def account(assembly):
    """One nomination on record, and its account."""
    id = uuid4()
    assembly.lifecycle.handle(Nominate(id=id, email="library@northfield.example", contact_id=uuid4()), metadata=BY_HAND)
    return id


def test_a_staff_key_is_shown_once_and_listed_without_it(program):
    secret = program("staff", "add", "support-north", "--role", "support").stdout.strip()
    assert re.fullmatch(r"tnk_[0-9A-Za-z]{57}", secret)
    listed = program("staff", "list", "--json").stdout
    assert json.loads(listed)["name"] == "support-north"
    assert secret not in listed


def test_the_program_is_installed(program):
    assert "verify" in subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True, timeout=60).stdout


def test_a_name_is_given_once_and_can_be_revoked(program):
    program("staff", "add", "anna", "--role", "auditor")
    assert "there is a key named anna" in program("staff", "add", "anna", "--role", "auditor", code=1).stderr
    program("staff", "revoke", "anna")
    assert "no live key named anna" in program("staff", "revoke", "anna", code=1).stderr
    program("staff", "add", "anna", "--role", "auditor")


def test_an_unknown_role_is_refused_with_those_there_are(program):
    assert "support, auditor, admin" in program("staff", "add", "eve", "--role", "root", code=1).stderr


def test_a_librarians_key_is_on_the_accounts_record(program, account):
    of_account = ("--role", "institution", "--account", str(account))
    secret = program("staff", "add", "Ada Archivist", *of_account, "--days", "90").stdout.strip()
    assert re.fullmatch(r"tnk_[0-9A-Za-z]{57}", secret)
    event = json.loads(program("history", "--stream", str(account), "--json").stdout.splitlines()[-1])
    assert (event["topic"], event["actor"], event["data"]["name"]) == ("account.librarian-key-issued", "tenure staff", "Ada Archivist")
    assert datetime.fromisoformat(event["data"]["expires_at"]) - datetime.fromisoformat(event["at"]) == timedelta(days=90)
    listed = json.loads(program("staff", "list", "--json").stdout)
    assert (listed["account_id"], listed["revoked_at"]) == (str(account), None)
    assert listed["expires_at"] == event["data"]["expires_at"]
    assert "Ada Archivist" in program("staff", "add", "Ada Archivist", *of_account, code=1).stderr
    assert "1 to 366 days" in program("staff", "add", "Bob", *of_account, "--days", "367", code=1).stderr

    program("staff", "revoke", "Ada Archivist")
    assert json.loads(program("staff", "list", "--json").stdout)["revoked_at"]
    assert "account.librarian-key-revoked" in program("history", "--account", str(account)).stdout
    assert "no live key named Ada Archivist" in program("staff", "revoke", "Ada Archivist", code=1).stderr
    assert "no live key" in program("staff", "revoke", "Ada Archivist", "--account", str(account), code=1).stderr


def test_namesakes_are_told_apart_by_their_account(program, assembly, account):
    other = uuid4()
    assembly.lifecycle.handle(Nominate(id=other, email="library@southfield.example", contact_id=uuid4()), metadata=BY_HAND)
    for each in (account, other):
        program("staff", "add", "Ada", "--role", "institution", "--account", str(each))
    program("staff", "add", "Ada", "--role", "auditor")
    program("staff", "revoke", "Ada")  # the auditor
    assert "librarians of 2 accounts are named Ada" in program("staff", "revoke", "Ada", code=1).stderr
    program("staff", "revoke", "Ada", "--account", str(other))
    listed = [json.loads(line) for line in program("staff", "list", "--json").stdout.splitlines()]
    assert [each["account_id"] for each in listed if each["revoked_at"] is None] == [str(account)]
    program("staff", "revoke", "Ada")


def test_a_librarians_key_needs_an_account_and_no_other_key_has_one(program, account):
    assert "bound to one account" in program("staff", "add", "Ada", "--role", "institution", code=1).stderr
    nowhere = str(uuid4())
    assert f"there is no account {nowhere}" in program("staff", "add", "Ada", "--role", "institution", "--account", nowhere, code=1).stderr
    program("staff", "add", "Ada", "--role", "auditor", "--account", str(account), code=2)
    program("staff", "add", "Ada", "--role", "auditor", "--days", "7", code=2)


def test_history_reads_as_lines_and_as_json(program, account):
    line = program("history", "--account", str(account)).stdout
    assert "account.nominated" in line
    assert "support-north nominated an institution" in line
    assert line.strip().endswith(": support-case: 4711")
    event = json.loads(program("history", "--stream", str(account), "--json").stdout)
    assert event["topic"] == "account.nominated"
    assert event["data"]["email"] == "library@northfield.example"
    assert datetime.fromisoformat(event["at"]).tzinfo == UTC
    assert "nothing is on record" in program("history", "--stream", str(uuid4()), code=1).stderr


def test_what_comes_reads_as_lines_and_as_json(program, account):
    lines = program("future", str(account)).stdout
    assert "tenure " in lines
    assert "✉ nomination-incomplete  to library@northfield.example" in lines
    told = json.loads(program("future", str(account), "--json").stdout)
    assert told["totals"]["emails"] == lines.count("✉")
    assert "is between now" in program("future", str(account), "--until", "2020-01-01T00:00:00Z", code=2).stderr
    assert "there is no account" in program("future", str(uuid4()), code=1).stderr


def test_the_log_is_exported_as_ndjson(program, account, tmp_path):
    program("export", "--output", "log.ndjson")
    header, event, trailer = (json.loads(line) for line in (tmp_path / "log.ndjson").read_text().splitlines())
    assert (header["tenure"], header["query"], header["count"]) == ("export/1", {"until": 1}, 1)
    assert (event["leaf"]["stream_id"], event["event"]["stream_id"]) == (str(account), str(account))
    assert (trailer["counts"], trailer["events"]) == ({"account.nominated": 1}, 1)
    assert program("export").stdout == (tmp_path / "log.ndjson").read_text()


def test_an_export_selects_and_takes_other_forms(program, account, tmp_path):
    program("export", "--format", "csv", "--account", str(uuid4()), "--output", "none.csv")
    assert len((tmp_path / "none.csv").read_text().splitlines()) == 2
    program("export", "--format", "parquet", "--topic", "account.nominated", "--from", "2020-01-01T00:00:00Z", "--output", "all.parquet")
    assert (tmp_path / "all.parquet").read_bytes().startswith(b"PAR1")
    assert "with its offset from UTC" in program("export", "--from", "yesterday", code=1).stderr


def test_an_export_that_fails_leaves_the_file_that_was_there(program, account, tmp_path):
    (tmp_path / "log.ndjson").write_text("the one before")
    (tmp_path / "log.ndjson.part").mkdir()
    program("export", "--output", "log.ndjson", code=3)
    assert (tmp_path / "log.ndjson").read_text() == "the one before"


def test_everything_derived_is_rebuilt(program, account):
    assert "rebuilt from 1 events" in program("rebuild").stdout


def test_upgrading_twice_is_upgrading_once(program):
    program("db", "upgrade")
    program("db", "upgrade", TENURE_DB_UPGRADE="off")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"TENURE_DATABASE_URL": "mysql://localhost/x"}, "mysql"),
        ({"TENURE_CLOCK": "tomorrow"}, "virtual:"),
        ({"TENURE_TOKEN_PEPPERS": "short"}, "TENURE_TOKEN_PEPPERS"),
        ({"TENURE_ENVIRONMENT": "staging"}, "TENURE_ENVIRONMENT"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(program, settings, sentence):
    done = program("staff", "add", "x", "--role", "admin", code=3, **settings)
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_onboarding_shows_who_waits_and_the_checklist_of_one(program, account):
    listed = program("onboarding").stdout
    assert "mailbox confirmed" in listed.lower()
    assert str(account) in listed
    (row,) = (json.loads(line) for line in program("onboarding", "--json").stdout.splitlines())
    assert (row["account_id"], row["done"], row["of"], row["waiting_step"]) == (str(account), 1, 12, "address")
    assert program("onboarding", "--waiting-days", "1", "--json").stdout == ""
    shown = program("onboarding", str(account)).stdout.splitlines()
    assert shown[0] == "An institution without a name: 1 of 12 steps done"
    assert re.match(r"  \[x\] Nominated +institution +since \d{4}-", shown[1])
    assert re.match(r"  \[ \] Mailbox confirmed +institution +waits since \d{4}-.*: Open the link", shown[2])
    assert re.match(r"  \[-\] First call +institution +not yet", shown[8])
    assert json.loads(program("onboarding", str(account), "--json").stdout)["waiting_step"] == "address"


def test_onboarding_of_an_account_that_there_is_not(program, account):
    unknown = str(uuid4())
    assert f"there is no such thing as {unknown}" in program("onboarding", unknown, code=1).stderr
