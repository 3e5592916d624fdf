"""What is deployed agrees with the program: settings, metrics, parts, secrets, and a section of the runbook for each alert."""

import json
import re
import shutil
import subprocess
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import create_engine

from ops.config import Settings
from ops.eventstore.engine import normalised
from ops.metrics import Metrics
from ops.witness import parser
from tests.databases import PostgreSQLServer, postgresql_program

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "ops" / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
RUNBOOK = ROOT / "docs" / "runbook.md"
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
TEXTS = sorted(path for path in DEPLOY.rglob("*") if path.is_file() and "secrets" not in path.parts)

COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("tenure:") and "entrypoint" not in service}
ALERTS = [rule for group in yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text())["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((DEPLOY / "grafana" / "tenure.json").read_text())
QUERIES = [rule["expr"] for rule in ALERTS] + [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]
UNITS = sorted((DEPLOY / "systemd").glob("tenure*.service"))

PARTS = {"api", "scheduler", "projector"}
ALWAYS_THERE = {"up": {"job", "instance", "part"}}


def exposed() -> dict[str, set[str]]:
    """Every series that our processes expose, with its labels."""
    waiting = {
        "lags": {"emails": 0},
        "deadlines": 0,
        "overdue": 0,
        "tenure_deadline_oldest_overdue_seconds": 0,
        "tenure_outbox_emails": 0,
        "tenure_outbox_oldest_seconds": 0,
        "tenure_smtp_channel_stopped": 0,
        "tenure_reactions_lag_events": 0,
        "tenure_checkpoint_behind_events": 0,
        "tenure_checkpoint_forked": 0,
        "tenure_erasures_overdue": 0,
        "tenure_heartbeat_age_seconds": 0,
        "webhooks": [{"id": "a", "lag": 0, "dead": 0, "disabled": 0}],
    }
    metrics = Metrics(lambda: waiting)
    metrics.count_command("Renew", "done")
    metrics.count_email("sent")
    metrics.count_webhook("a", "delivered")
    metrics.observe_request("GET", "/livez", 200, 0.01)
    families = text_string_to_metric_families(metrics.text().decode())
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}


# settings


@pytest.mark.parametrize("path", [*TEXTS, RUNBOOK], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_setting_that_is_named_exists(path: Path) -> None:
    named = {name.lower() for name in re.findall(r"\bTENURE_([A-Z_]+)\b", path.read_text())}
    assert named <= set(Settings.model_fields)


@pytest.mark.parametrize("name", OURS)
def test_the_settings_of_each_container_are_complete(name: str, tmp_path: Path) -> None:
    given: dict[str, Any] = {}
    for key, value in OURS[name]["environment"].items():
        setting = key.removeprefix("TENURE_").lower()
        if setting.endswith("_file"):
            assert Path(value).parent == Path("/run/secrets")
            assert Path(value).name in OURS[name]["secrets"]
            (tmp_path / Path(value).name).write_text("1:a-secret-of-some-length\n")
            given[setting] = tmp_path / Path(value).name
        else:
            given[setting] = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
    settings = Settings(**given)
    assert "production" == settings.environment
    assert None not in {settings.token_peppers, settings.key_encryption_key, settings.metrics_token, settings.smtp_url}


# compose


def test_there_are_two_apis_two_schedulers_and_one_projector() -> None:
    parts = [service["command"][2] for service in OURS.values() if service["command"][:2] == ["serve", "--only"]]
    assert ["api", "api", "projector", "scheduler", "scheduler"] == sorted(parts)
    assert set(parts) == PARTS


def test_only_the_migration_changes_tables_and_everyone_waits_for_it() -> None:
    assert ["migrate"] == [name for name, service in OURS.items() if service["environment"]["TENURE_DB_UPGRADE"] == "on"]
    assert ["db", "upgrade"] == OURS["migrate"]["command"]
    for name in OURS.keys() - {"migrate"}:
        assert {"condition": "service_completed_successfully"} == OURS[name]["depends_on"]["migrate"]


def test_the_witness_runs_our_file_and_knows_no_secret_but_a_public_key() -> None:
    witness = SERVICES["witness"]
    assert (["python", "-m", "ops.witness"], ["checkpoint_vkey"]) == (witness["entrypoint"], witness["secrets"])
    assert "environment" not in witness
    parsed = parser().parse_args(witness["command"])
    assert ("http://balancer:8080", "/run/secrets/checkpoint_vkey") == (parsed.url, parsed.vkey)
    checked = parser().parse_args(witness["healthcheck"]["test"][4:])
    assert (parsed.state, True) == (checked.state, checked.status)


def test_who_waits_for_whom_ends_somewhere() -> None:
    waits = {name: set(service.get("depends_on", ())) for name, service in SERVICES.items()}
    assert set(SERVICES) == set(TopologicalSorter(waits).static_order())
    for service in SERVICES.values():
        for other, condition in service.get("depends_on", {}).items():
            assert condition["condition"] != "service_healthy" or "healthcheck" in SERVICES[other]


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_is_nobody_and_writes_nowhere_else(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert service["read_only"] is True
    assert ["ALL"] == service["cap_drop"]
    assert ["no-new-privileges:true"] == service["security_opt"]
    assert "healthcheck" in service or service["restart"] == "no"
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert not service["image"].endswith(":latest")


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_container_refers_to_is_there(name: str) -> None:
    service = SERVICES[name]
    assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
    assert set(service.get("networks", ())) <= {*COMPOSE["networks"], "default"}
    for volume in service.get("volumes", ()):
        source = volume.partition(":")[0]
        assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]


def test_every_secret_has_its_line_in_the_runbook() -> None:
    install = RUNBOOK.read_text().partition("### With systemd")[0]
    assert all(f"secrets/{name}" in install for name in COMPOSE["secrets"])


def test_the_balancer_knows_the_apis_and_hides_their_metrics() -> None:
    text = (DEPLOY / "haproxy" / "haproxy.cfg").read_text()
    assert {"api-1", "api-2"} == {host for host, _ in re.findall(r"^\s+server \S+ ([\w-]+):(8000)$", text, re.MULTILINE)}
    assert "return status 404 if { path /metrics }" in text


def test_the_image_holds_the_packages_and_ends_as_nobody() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    copied = {
        line.split()[1] for line in lines if line.startswith("COPY ") and "--from" not in line and line.endswith(f"./{line.split()[1]}")
    }
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {package.removesuffix("*") for package in packages} == copied
    assert ["USER 10001:10001"] == [line for line in lines if line.startswith("USER ")]
    kept = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied | {"requirements.lock", "pyproject.toml", "README.md"} == kept


# systemd


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_runs_the_migration_or_one_part(unit: Path) -> None:
    text = unit.read_text()
    migrates = unit.name == "tenure-migrate.service"
    assert f"Environment=TENURE_DB_UPGRADE={'on' if migrates else 'off'}" in text
    if not migrates:
        (part,) = re.findall(r"^ExecStart=\S+ serve --only (\w+) --host \S+ --port [\d%i]+$", text, re.MULTILINE)
        assert part in PARTS
        assert "Requires=tenure-migrate.service" in text


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not here")
    folder = tmp_path / "units"
    shutil.copytree(DEPLOY / "systemd", folder)
    for path in (*folder.glob("*.service"), folder / "tenure.target"):
        path.write_text(path.read_text().replace("/opt/tenure/bin/tenure", "/bin/true"))
    checked = subprocess.run(
        [analyze, "verify", "--man=no", *(str(path) for path in (*sorted(folder.glob("*.service")), folder / "tenure.target"))],
        env={"SYSTEMD_UNIT_PATH": f"{folder}:", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in checked.stderr.splitlines() if "tenure" in line]
    assert (0, []) == (checked.returncode, said)


# watching


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_asks_for_what_there_is(query: str) -> None:
    known = exposed() | ALWAYS_THERE
    without_texts = re.sub(r'"[^"]*"', '""', query)
    asked = re.findall(r"\b(tenure_\w+|up)\b(?:\{([^}]*)\})?", without_texts)
    assert asked
    available: set[str] = {"instance", "part", "job"}
    for name, matchers in asked:
        assert name in known
        available |= known[name]
        assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers)) <= known[name] | {"instance", "part", "job"}
    grouped = {label.strip() for labels in re.findall(r"\bby \(([^)]*)\)", without_texts) for label in labels.split(",")}
    assert grouped <= available


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_asks_for_values_that_are_counted(query: str) -> None:
    values = {
        "outcome": {"done", "nothing", "repeated", "refused", "failed"},
        "verdict": {"sent", "bounced", "skipped", "retry", "rejected"},
        "state": {"waiting", "overdue"},
        "part": PARTS,
    }
    for label, value in re.findall(r'(\w+)=~?"([^"]*)"', query):
        assert label not in values or set(value.split("|")) <= values[label]


def test_prometheus_asks_every_process() -> None:
    (job,) = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    asked = {(group["labels"]["part"], target) for group in job["static_configs"] for target in group["targets"]}
    assert {(s["command"][2], f"{name}:8000") for name, s in OURS.items() if s["command"][0] == "serve"} == asked
    assert "/run/secrets/metrics_token" == job["authorization"]["credentials_file"]


def test_each_alert_has_its_section_and_each_section_its_alert() -> None:
    sections = re.findall(r"^## (Tenure\w+)\n+\*\*Means\*\*.*?\n\*\*Look\*\*.*?\n\*\*Do\*\*", RUNBOOK.read_text(), re.MULTILINE | re.DOTALL)
    assert [rule["alert"] for rule in ALERTS] != []
    assert {rule["alert"] for rule in ALERTS} == set(sections)
    for rule in ALERTS:
        assert f"docs/runbook.md#{rule['alert'].lower()}" == rule["annotations"]["runbook"]
        assert rule["labels"]["severity"] in {"critical", "warning"}


def test_each_alert_is_seen_to_fire() -> None:
    tests = yaml.safe_load((PROMETHEUS / "alerts.test.yaml").read_text())["tests"]
    fired = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case.get("exp_alerts")}
    assert {rule["alert"] for rule in ALERTS} == fired


@pytest.mark.parametrize(
    "asked",
    [("check", "rules", "alerts.yaml"), ("check", "config", "--syntax-only", "prometheus.yml"), ("test", "rules", "alerts.test.yaml")],
)
def test_promtool_finds_nothing_wrong(asked: tuple[str, ...]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here")
    checked = subprocess.run([promtool, *asked], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken
        assert all(x < 24 for x, _ in cells)
        taken |= cells
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


# decisions


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.name)
def test_a_decision_is_one_page_with_its_four_parts(page: Path) -> None:
    text = page.read_text()
    assert ["Context", "Decision", "Consequences", "Alternatives"] == re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert text.startswith(f"# {page.name[:4]} — ")
    assert len(text.splitlines()) <= 70


# roles


def test_only_the_migration_knows_the_owner_of_the_tables() -> None:
    for name, service in OURS.items():
        told = {"TENURE_OWNER_DATABASE_URL" in service["environment"], "owner_pgpass" in service["secrets"]}
        assert {name == "migrate"} == told
    assert not {"owner_password", "superuser_password"} & {secret for service in OURS.values() for secret in service["secrets"]}


def test_the_roles_are_made_as_the_settings_name_them(postgresql_server: PostgreSQLServer, tmp_path: Path) -> None:
    """The script that the server's image runs, run by PostgreSQL's own program on an empty database."""
    psql = postgresql_program("psql")
    if psql is None:
        pytest.skip("psql is not here")
    for name in ("owner_password", "postgres_password"):
        (tmp_path / name).write_text(f"the {name} with a ' in it\n")
    script = (DEPLOY / "postgres" / "roles.sql").read_text().replace("/run/secrets", str(tmp_path))
    assert {"tenure_owner", "tenure"} == set(re.findall(r"CREATE ROLE (\w+) LOGIN", script))
    with postgresql_server.empty() as url:
        address = normalised(url)
        names = {
            "tenure_owner": f"{address.database}_o",
            "DATABASE tenure": f"DATABASE {address.database}",
            "ROLE tenure ": f"ROLE {address.database}_a ",
        }
        for name, ours in names.items():
            script = script.replace(name, ours)
        asked = subprocess.run(
            [
                psql,
                "--no-psqlrc",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                address.set(drivername="postgresql").render_as_string(hide_password=False),
            ],
            input=script,
            capture_output=True,
            text=True,
            check=False,
        )
        engine = create_engine(address, isolation_level="AUTOCOMMIT")
        try:
            assert asked.returncode == 0, asked.stderr
            with engine.connect() as connection:
                owner = connection.exec_driver_sql(
                    "SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database()"
                ).scalar()
                assert f"{address.database}_o" == owner
        finally:
            with engine.connect() as connection:
                connection.exec_driver_sql(f"ALTER DATABASE {address.database} OWNER TO CURRENT_USER")
                for role in (f"{address.database}_o", f"{address.database}_a"):
                    connection.exec_driver_sql(f"DROP OWNED BY {role}; DROP ROLE {role}")
            engine.dispose()
