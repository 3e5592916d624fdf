"""What all commands of the command line share: where they speak, and the service that they speak of."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import msgspec
import typer
from rich.console import Console

from ops import logs
from ops.assembly import Assembly
from ops.config import read_settings

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True)
AsJson = Annotated[bool, typer.Option("--json", help="as JSON, for programs")]


def fail(sentence: str, code: int) -> NoReturn:
    print(f"tenure: {sentence}", file=sys.stderr)  # noqa: T201 - a command line speaks
    sys.exit(code)


@contextmanager
def assembled(**given: Any) -> Iterator[Assembly]:
    settings = read_settings(**given)
    logs.configure(settings.log_level)
    assembly = Assembly(settings)
    try:
        assembly.prepare()
        yield assembly
    finally:
        assembly.close()


def as_json_text(row: dict[str, Any]) -> str:
    return msgspec.json.encode(row).decode()
