"""`tenure verify`, and what of checkpoints an operator asks for."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import Connection, Engine, func, select

from ops import logs
from ops.assembly import Assembly
from ops.config import ConfigurationError, Settings, read_settings
from ops.eventstore.engine import connect, reading
from ops.eventstore.schema import events
from ops.keys import checkpoint_verifier
from ops.verification import Verdict
from ops.verification import verify as verify_log
from projections.proof import checkpoints as signed
from projections.proof.notes import BadNote, Verifier

checkpoints = typer.Typer(no_args_is_help=True, help="Signed heads of the log, by which others hold us to it.")

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True)
STANDARD_INPUT = Path("-")


def verify(
    checkpoint: Annotated[list[Path] | None, typer.Option(help="a checkpoint that was kept elsewhere; - is standard input")] = None,
    vkey: Annotated[list[str] | None, typer.Option(help="a key that may have signed checkpoints; our own without it")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON, for programs")] = False,
) -> None:
    """Recompute the whole log and hold it against the tree, every stored checkpoint, and those that you kept.

    Exit codes: 0 everything holds, 1 something does not, 2 wrong usage, 3 wrong configuration or database.

    Example: tenure verify

    Example: tenure verify --checkpoint kept/latest --vkey "$(cat kept/key)"
    """
    settings = read_settings()
    logs.configure(settings.log_level)
    held = [_text(path) for path in checkpoint or ()]
    verifiers = _verifiers(settings, vkey or ())
    engine = _engine(settings)
    try:
        with _still(engine) as connection, _shown(connection) as progress:
            verdict = verify_log(connection, verifiers, held, progress=progress)
    finally:
        engine.dispose()
    if as_json:
        out.print(json.dumps(verdict.shown()), markup=False)
    else:
        for line in told(verdict, len(held)):
            out.print(line, markup=False)
    if not verdict.holds:
        sys.exit(1)


def told(verdict: Verdict, held: int) -> Iterator[str]:
    """The verdict, as people read it."""
    for finding in verdict.findings:
        place = "" if finding.position is None else f" (position {finding.position})"
        yield f"DOES NOT HOLD  {finding.what}{place}: {finding.detail}"
    if verdict.holds:
        yield f"holds: {verdict.size} events, {verdict.checkpoints} checkpoints"
        if not held:
            yield "note: nothing from outside this database was held against it; --checkpoint takes what somebody else kept"
    yield f"root  {verdict.root.hex()}"


@checkpoints.command("key")
def key() -> None:
    """The public key by which others verify our checkpoints: name+id+base64.

    Example: tenure checkpoints key > vkey
    """
    verifier = checkpoint_verifier(read_settings())
    if verifier is None:
        raise ConfigurationError("no key signs checkpoints here yet: TENURE_CHECKPOINT_KEY, or the first start of a scheduler, makes one")
    out.print(str(verifier), markup=False)


@checkpoints.command("latest")
def latest() -> None:
    """The last checkpoint, as it was signed.

    Example: tenure checkpoints latest > kept/latest
    """
    with _still(_engine(read_settings())) as connection:
        found = signed.latest(connection)
    if found is None:
        print("tenure: there is no checkpoint yet", file=sys.stderr)  # noqa: T201 - a command line speaks
        sys.exit(1)
    sys.stdout.write(found.note)


@checkpoints.command("make")
def make() -> None:
    """Sign a checkpoint of all that there is, now, and print it.

    Example: tenure checkpoints make
    """
    assembly = Assembly(read_settings())
    try:
        assembly.prepare()
        assembly.tables.catch_up()
        made = assembly.checkpoints.make_now()
    finally:
        assembly.close()
    if made is not None:
        sys.stdout.write(made.note)


def _verifiers(settings: Settings, vkeys: Sequence[str]) -> list[Verifier]:
    try:
        given = [Verifier.parse(each if "+" in each else Path(each).read_text(encoding="utf-8")) for each in vkeys]
    except BadNote as error:
        raise typer.BadParameter(str(error), param_hint="--vkey") from None
    if given:
        return given
    own = checkpoint_verifier(settings)
    return [own] if own else []


def _text(path: Path) -> str:
    return sys.stdin.read() if path == STANDARD_INPUT else path.read_text(encoding="utf-8")


def _engine(settings: Settings) -> Engine:
    try:
        return connect(settings.database_url)
    except ValueError as error:
        raise ConfigurationError(f"TENURE_DATABASE_URL: {error}") from None


def _still(engine: Engine) -> AbstractContextManager[Connection]:
    """One moment of the log throughout, while others go on writing."""
    return reading(engine if engine.dialect.name == "sqlite" else engine.execution_options(isolation_level="REPEATABLE READ"))


@contextmanager
def _shown(connection: Connection) -> Iterator[Callable[[int], None]]:
    """A bar, where somebody looks at a terminal."""
    with Progress(console=err, transient=True) if err.is_terminal else nullcontext() as bar:
        if bar is None:
            yield lambda _: None
            return
        task = bar.add_task("reading the log", total=connection.scalar(select(func.max(events.c.position))) or 0)
        yield lambda position: bar.update(task, completed=position)
