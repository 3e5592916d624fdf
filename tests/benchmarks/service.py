"""The whole service in a process of its own, on a virtual clock, with a mail catcher that counts."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from urllib.error import URLError
from urllib.request import urlopen

from ops.catcher import Catcher, Caught


@dataclass(frozen=True)
class Running:
    port: int
    key: str
    counter: list[int]

    def caught(self) -> int:
        return self.counter[0]


def free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(folder: Path, database_url: str | None, start: str, *, only: str | None = None) -> Iterator[Running]:
    counter = [0]

    def count(_: Caught) -> None:
        counter[0] += 1

    catcher = Catcher(on_message=count)
    catcher.start()
    port, key = free_port(), secrets.token_urlsafe(24)
    environment = {
        **os.environ,
        "TENURE_ENVIRONMENT": "development",
        "TENURE_CLOCK": f"virtual:{start}",
        "TENURE_ADMIN_KEY": key,
        "TENURE_DATABASE_URL": database_url or f"sqlite:///{folder}/tenure.db",
        "TENURE_KEYS_DIRECTORY": str(folder / "keys"),
        "TENURE_SMTP_URL": catcher.url,
        "TENURE_LOG_LEVEL": "error",
    }
    command = [str(Path(sys.executable).parent / "tenure"), "serve", "--port", str(port), *(["--only", only] if only else [])]
    process = subprocess.Popen(command, env=environment, cwd=folder)
    try:
        while True:
            try:
                urlopen(f"http://127.0.0.1:{port}/livez", timeout=1).close()
                break
            except URLError:
                time.sleep(0.05)  # for the process to listen
        yield Running(port, key, counter)
    finally:
        process.terminate()
        process.wait(30)
        catcher.stop()
