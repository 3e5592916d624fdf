"""The house stands as it is drawn: who imports whom, who may read the clock, the environment, the wire."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("domain", "projections", "api", "scheduler", "ops")
PURE = (
    "aggregates",
    "events",
    "commands",
    "policies",
    "deadlines",
    "correspondence",
    "access",
    "matching",
    "admission",
    "context",
    "quotas",
    "streams",
)


def sources(*rooms: str) -> Iterator[tuple[str, ast.Module]]:
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def imported(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def users_of(package: str, *rooms: str) -> set[str]:
    return {path for path, tree in sources(*rooms) if package in imported(tree)}


def test_the_import_contracts_hold():
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_pure_part_of_the_domain_imports_the_standard_library_alone():
    allowed = {*sys.stdlib_module_names, "domain"}
    for path, tree in sources("domain"):
        if path.split("/")[1].removesuffix(".py") in PURE:
            assert imported(tree) <= allowed, path


def test_the_eventsourcing_library_is_known_to_two_files_of_the_domain():
    assert users_of("eventsourcing", "domain", "projections", "scheduler") == {"domain/application.py", "domain/store.py"}


@pytest.mark.parametrize(
    ("package", "places"),
    [
        ("fastapi", ("api/",)),
        ("pydantic", ("api/", "ops/config.py")),
        ("apscheduler", ("scheduler/",)),
        ("aiosmtplib", ("scheduler/",)),
        ("httpx2", ("scheduler/",)),
        ("standardwebhooks", ("scheduler/",)),
        ("jinja2", ("projections/emails/", "projections/announcements/", "api/docs.py", "api/console/", "api/portfolio_pages/")),
        ("PIL", ("api/pictures.py",)),
        ("nh3", ("api/portfolio_pages/",)),
        ("pydantic_settings", ("ops/config.py",)),
    ],
)
def test_a_library_stays_in_its_room(package, places):
    assert all(path.startswith(places) for path in users_of(package, *ROOMS))


def test_only_one_file_reads_the_wall_clock():
    for path, tree in sources(*ROOMS):
        calls = {
            node.func.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) in {"datetime", "date"}
        }
        if calls & {"now", "utcnow", "today"}:
            assert path == "domain/clock.py"


def test_only_the_settings_read_the_environment():
    for path, tree in sources(*ROOMS):
        names = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not names & {"os.environ", "os.getenv"}, path
