"""The service as operators run it: processes of the real program, on real ports."""

import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from socket import socket
from tempfile import TemporaryFile
from typing import Any, NoReturn
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from ops.cli import main

PROGRAM = Path(sys.executable).parent / "tenure"
PATIENCE = 60.0


def free_port() -> int:
    """One that nobody listens on, and that the system gives to no outgoing connection before we do."""
    while True:
        port = SystemRandom().randrange(10_000, 32_768)
        with socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def running(*arguments: str, settings: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the program, stopped with SIGTERM at the end; what it says on standard output is in `<arguments>.out`."""
    out = folder / f"{'-'.join(arguments).replace('--', '')}.out"
    with out.open("wb") as file:
        process = subprocess.Popen([str(PROGRAM), *arguments], env={**os.environ, **settings}, cwd=folder, stdout=file, stderr=file)
    try:
        yield process
    finally:
        fell = process.poll()
        process.terminate()
        assert process.wait(30) in {0, -15}, out.read_text()
        assert fell in {None, 0, -9}, out.read_text()


def called(*arguments: str, settings: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """The program, once, in a process of its own that is forked from this one, which has imported it: that saves a second each time."""
    with TemporaryFile("w+") as out, TemporaryFile("w+") as err:
        child = os.fork()
        if child == 0:
            _be_the_program(arguments, settings, folder, out.fileno(), err.fileno())
        _, status = os.waitpid(child, 0)
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read())
    return subprocess.CompletedProcess(["tenure", *arguments], os.waitstatus_to_exitcode(status), *said)


def _be_the_program(arguments: Sequence[str], settings: dict[str, str], folder: Path, out: int, err: int) -> NoReturn:
    code = 70
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        sys.argv = ["tenure", *arguments]
        os.environ.update(settings)
        os.chdir(folder)
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # nothing of the process that this was forked from is put away here


@dataclass(frozen=True)
class Api:
    """A client of one process."""

    port: int
    key: str

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        given = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **headers}
        try:
            with urlopen(Request(f"http://127.0.0.1:{self.port}{path}", data, given, method=method), timeout=120) as response:
                return response.status, json.load(response)
        except HTTPError as error:
            return error.code, json.load(error)

    def post(self, path: str, **body: Any) -> Any:
        status, answer = self.call("POST", path, body)
        assert status < 300, answer
        return answer

    def get(self, path: str) -> Any:
        status, answer = self.call("GET", path)
        assert status < 300, answer
        return answer

    def wait(self) -> None:
        """Until it listens."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5).close()
            except URLError:
                assert time.monotonic() < until, "the service did not come up"
                time.sleep(0.05)  # another process is starting
            else:
                return


def eventually(condition: Any) -> None:
    """Wait for other processes to get somewhere."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "it did not come to it"
        time.sleep(0.05)  # other processes are at work
