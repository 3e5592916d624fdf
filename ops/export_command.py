"""`tenure export`: written beside its place and moved there when it is whole, so that a file that is there is no half of one."""

import os
import sys
from collections.abc import Iterable
from getpass import getuser
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from domain.store import Selection
from ops.assembly import Assembly
from projections.exports import export as exports
from projections.exports.export import Format
from projections.exports.writers import written


def run(assembly: Assembly, only: Selection, form: Format, to: Path | None, err: Console) -> None:
    """To a file, with progress on a terminal; or to standard output."""

    def on_record(query: exports.Query, count: int) -> None:
        assembly.note_read(getuser(), "tenure export", {**query, "events": count})

    export = exports.begin(assembly.lifecycle, only, assembly.evidence, on_record)
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("exporting", total=export.count)
        chunks = written(export, form, lambda events: progress.advance(task, events))
        if to is None:
            sys.stdout.buffer.writelines(chunks)
            sys.stdout.buffer.flush()
        else:
            _write(to, chunks)
    if export.newer:
        err.print(f"{export.newer} newer events are not in it: no checkpoint covers them yet", highlight=False)


def _write(to: Path, chunks: Iterable[bytes]) -> None:
    part = to.with_name(f"{to.name}.part")
    try:
        with part.open("wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)
