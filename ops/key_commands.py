"""`tenure keys`: the keys of persons, under the key-encryption key."""

import typer
from rich.console import Console

from ops import logs
from ops.assembly import Assembly
from ops.config import read_settings

app = typer.Typer(no_args_is_help=True, help="Keys of persons, by which the log is sealed.")

out = Console(highlight=False, soft_wrap=True)


@app.command()
def rewrap() -> None:
    """Wrap all keys of persons by the highest version of TENURE_KEY_ENCRYPTION_KEY. It may be done while everything runs.

    Example: tenure keys rewrap
    """
    settings = read_settings()
    logs.configure(settings.log_level)
    assembly = Assembly(settings)
    try:
        wrapped = assembly.store.people.rewrap()
        out.print(f"{wrapped} keys wrapped anew, {assembly.store.people.count()} are by version {max(assembly.keys.keks)} now")
    finally:
        assembly.close()
