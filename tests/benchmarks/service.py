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
from urllib.error import URLError
from urllib.request import urlopen

from ops.catcher import Catcher, Caught
from tests.processes import free_port


@dataclass(frozen=True)
class Running:
    port: int
    key: str
    counter: list[int]

    def caught(self) -> int:
        return self.counter[0]


@contextmanager
def serving(folder: Path, database_url: str | None, start: str | None) -> Iterator[Running]:
    """On a virtual clock from `start`, or in real time."""
    counter = [0]

    def count(_: Caught) -> None:
        counter[0] += 1

    catcher = Catcher(on_message=count)
    catcher.start()
    port, key = free_port(), secrets.token_urlsafe(24)
    environment = {
        **os.environ,
        "TENURE_ENVIRONMENT": "development",
        "TENURE_CLOCK": f"virtual:{start}" if start else "system",
        "TENURE_ADMIN_KEY": key,
        "TENURE_DATABASE_URL": database_url or f"sqlite:///{folder}/tenure.db",
        "TENURE_KEYS_DIRECTORY": str(folder / "keys"),
        "TENURE_SMTP_URL": catcher.url,
        "TENURE_LOG_LEVEL": "error",
    }
    command = [str(Path(sys.executable).parent / "tenure"), "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
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
