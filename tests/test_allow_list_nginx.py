"""The command that prints the allow-list; and a real nginx that reads its geo block, asked for addresses in and around every range."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path
from random import Random

import pytest

from domain.attempt import SYSTEM
from domain.commands.institutional_account import SetIpRanges
from ops.assembly import Assembly
from projections import allow_list
from tests.gateways import NOW, assembled, settings_of
from tests.processes import PROGRAM, free_port
from tests.scheduler.house import put_institution

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
RANGES = {
    "one": ("18.0.0.0/9", "18.128.0.0/10", "2a00:1450::/32"),
    "two": ("18.192.0.0/10", "129.132.0.0/16", "129.132.7.0/24"),
    "three": ("193.0.2.129/32", "2620:0:10::/47", "2620:0:12::5/128"),
}
EXPECTED = ["18.0.0.0/8", "129.132.0.0/16", "193.0.2.129/32", "2620:0:10::/47", "2620:0:12::5/128", "2a00:1450::/32"]
PROBES = 400
CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Probe;
    include {folder}/subscribers.conf;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 200 "$remote_addr $tenure_subscriber"; }}
    }}
}}
"""


@pytest.fixture
def program(sqlite_url: str, tmp_path: Path):
    """A database with three institutions, and the program on it."""
    with assembled(sqlite_url, tmp_path) as assembly:
        for name, ranges in RANGES.items():
            _put(assembly, name, ranges)

    def run(*arguments: str) -> str:
        settings = {**settings_of(sqlite_url, tmp_path), "PATH": "/usr/bin:/bin"}
        return subprocess.run(
            [PROGRAM, *arguments], env=settings, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60
        ).stdout

    return run


def _put(assembly: Assembly, name: str, ranges: tuple[str, ...]) -> None:
    account, _ = put_institution(assembly, name=name)
    assembly.lifecycle.handle(SetIpRanges(id=account, ip_ranges=ranges), metadata=SYSTEM)


@contextmanager
def serving(folder: Path, block: str) -> Iterator[HTTPConnection]:
    """nginx with a geo block, asked as if from anywhere."""
    port = free_port()
    (folder / "subscribers.conf").write_text(block)
    (folder / "nginx.conf").write_text(CONFIGURATION.format(folder=folder, port=port))
    assert NGINX is not None
    command = [NGINX, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False, timeout=30)
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen(command)
    try:
        with closing(_connected(process, port)) as connection:
            yield connection
    finally:
        process.terminate()
        process.wait(30)


def _connected(process: "subprocess.Popen[bytes]", port: int) -> HTTPConnection:
    while process.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.connect()
        except ConnectionRefusedError:
            continue
        return connection
    raise AssertionError("nginx did not start")


def asked(nginx: HTTPConnection, address: str) -> bool:
    nginx.request("GET", "/", headers={"X-Probe": address})
    seen, _, answer = nginx.getresponse().read().decode().partition(" ")
    assert ip_address(seen) == ip_address(address), "nginx takes it for the client's"
    return answer == "1"


def probes() -> list[str]:
    """The ends of every range, the addresses just outside, the middle; and addresses from anywhere."""
    found: list[str] = []
    draw = Random(7)
    for each in (ip_network(name) for name in {*EXPECTED, *(name for ranges in RANGES.values() for name in ranges)}):
        first, last = int(each[0]), int(each[-1])
        numbers = (first - 1, first, (first + last) // 2, draw.randint(first, last), last, last + 1)
        found += [str(type(each[0])(number)) for number in numbers]
    found += [str(IPv4Address(draw.getrandbits(32))) for _ in range(PROBES)]
    found += [f"2a00:{draw.choice((0x144F, 0x1450, 0x1451)):x}::{draw.getrandbits(16):x}" for _ in range(PROBES)]
    return found


@pytest.mark.skipif(NGINX is None, reason="needs nginx")
def test_nginx_answers_as_the_list_says_inside_and_outside_of_every_range(program, tmp_path: Path):
    block = program("allow-list", "--format", "nginx")
    networks = [ip_network(each) for each in EXPECTED]
    answers = {True: 0, False: 0}
    with serving(tmp_path, block) as nginx:
        for address in probes():
            inside = any(ip_address(address) in each for each in networks if each.version == ip_address(address).version)
            assert inside == asked(nginx, address), address
            answers[inside] += 1
    assert min(answers.values()) > 100


@pytest.mark.skipif(NGINX is None, reason="needs nginx")
def test_nginx_takes_a_list_of_nobody(tmp_path: Path):
    with serving(tmp_path, allow_list.as_nginx(allow_list.AllowList((), 0, NOW))) as nginx:
        assert not asked(nginx, "18.9.0.1")


def test_the_command_prints_each_form_and_what_it_printed_is_on_record(program, sqlite_url: str, tmp_path: Path):
    text = program("allow-list")
    assert text == "".join(f"{each}\n" for each in EXPECTED)
    shown = json.loads(program("allow-list", "--format", "json"))
    assert shown == {"ranges": EXPECTED, "position": 15}
    block = program("allow-list", "--format", "nginx")
    assert block.startswith("# 6 ranges as of position 15, read on 2027-03-02 at 12:00:00 UTC\ngeo $tenure_subscriber {\n    default 0;\n")
    assert "    2a00:1450::/32 1;\n}\n" in block
    with assembled(sqlite_url, tmp_path) as assembly, assembly.database.reading() as connection:
        (record,), _ = allow_list.listed(connection, caller=None, before=None, after=0, limit=10)
        kept = allow_list.content(connection, record["digest"])
    assert (record["caller"], record["times"], record["ranges"]) == ("tenure allow-list", 3, 6)
    assert kept is not None
    assert kept["ranges"] == EXPECTED
