"""The command line, as an operator uses it."""

import json
import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from domain.commands.institutional_account import Nominate
from domain.events.base import Metadata
from ops.assembly import Assembly
from ops.config import Settings
from tests.processes import PROGRAM

BY_HAND = Metadata(actor="support-north", role="support", reason="support-case: 4711")


class Program:
    def __init__(self, url: str, folder: Path) -> None:
        self._folder = folder
        self._settings = {
            **os.environ,
            "TENURE_DATABASE_URL": url,
            "TENURE_LOG_LEVEL": "error",
            "TENURE_KEYS_DIRECTORY": str(folder / "keys"),
        }

    def __call__(self, *arguments: str, code: int = 0, **settings: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [PROGRAM, *arguments], cwd=self._folder, env=self._settings | settings, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done


@pytest.fixture
def program(database_url, tmp_path):
    return Program(database_url, tmp_path)


@pytest.fixture
def account(database_url, tmp_path):
    """One nomination on record, and its account."""
    assembly = Assembly(Settings(database_url=database_url, keys_directory=tmp_path / "keys"))
    assembly.prepare()
    id = uuid4()
    assembly.lifecycle.handle(Nominate(id=id, email="library@northfield.example", contact_id=uuid4()), metadata=BY_HAND)
    assembly.close()
    return id


def test_a_staff_key_is_shown_once_and_listed_without_it(program):
    secret = program("staff", "add", "support-north", "--role", "support").stdout.strip()
    assert re.fullmatch(r"tnk_[0-9A-Za-z]{57}", secret)
    listed = program("staff", "list", "--json").stdout
    assert json.loads(listed)["name"] == "support-north"
    assert secret not in listed


def test_a_name_is_given_once_and_can_be_revoked(program):
    program("staff", "add", "anna", "--role", "auditor")
    assert "there is a key named anna" in program("staff", "add", "anna", "--role", "auditor", code=1).stderr
    program("staff", "revoke", "anna")
    assert "no live key named anna" in program("staff", "revoke", "anna", code=1).stderr
    program("staff", "add", "anna", "--role", "auditor")


def test_an_unknown_role_is_refused_with_those_there_are(program):
    assert "support, auditor, admin" in program("staff", "add", "eve", "--role", "root", code=1).stderr


def test_history_reads_as_lines_and_as_json(program, account):
    line = program("history", "--account", str(account)).stdout
    assert "account.nominated" in line
    assert "by support-north (support): support-case: 4711" in line
    event = json.loads(program("history", "--stream", str(account), "--json").stdout)
    assert event["topic"] == "account.nominated"
    assert event["data"]["email"] == "library@northfield.example"
    assert datetime.fromisoformat(event["at"]).tzinfo == UTC
    assert "nothing is on record" in program("history", "--stream", str(uuid4()), code=1).stderr


def test_the_log_is_exported_as_ndjson(program, account, tmp_path):
    program("export", "--to", "log.ndjson")
    (line,) = (tmp_path / "log.ndjson").read_text().splitlines()
    assert json.loads(line)["stream_id"] == str(account)
    assert program("export").stdout == line + "\n"


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
