"""`tenure history` and `tenure export`: the log to read, and to take away, by the same filters as over HTTP."""

from datetime import datetime
from getpass import getuser
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from domain.store import Selection
from domain.values import parse_instant
from ops import export_command
from ops.console import AsJson, as_json_text, assembled, err, fail, out
from projections import corrections
from projections import history as history_of
from projections.chains import Chain
from projections.chains import lines as chain_lines
from projections.exports.export import Format

Stream = Annotated[UUID | None, typer.Option(help="one stream: an account, a subscription, a user plan, a token, an email")]
Account = Annotated[UUID | None, typer.Option(help="everything of one institution")]
Actor = Annotated[str | None, typer.Option(help="who did it")]
Role = Annotated[str | None, typer.Option(help="as what: support, admin, system, …")]
Topic = Annotated[str | None, typer.Option(help="an event's name, or subscription. for all of a kind")]
Command = Annotated[UUID | None, typer.Option(help="what one command did")]
Correlation = Annotated[UUID | None, typer.Option(help="what came of one request")]
From = Annotated[str | None, typer.Option("--from", help="in effect from this instant on, such as 2027-03-01T00:00:00Z")]
To = Annotated[str | None, typer.Option(help="in effect before this instant")]
RecordedFrom = Annotated[str | None, typer.Option(help="recorded from this instant on")]
RecordedTo = Annotated[str | None, typer.Option(help="recorded before this instant")]


def history(
    stream: Stream = None,
    account: Account = None,
    actor: Actor = None,
    role: Role = None,
    topic: Topic = None,
    command: Command = None,
    correlation: Correlation = None,
    from_: From = None,
    to: To = None,
    recorded_from: RecordedFrom = None,
    recorded_to: RecordedTo = None,
    chain: Annotated[int | None, typer.Option(help="what led to the event at a position, and what followed, down to the letters")] = None,
    as_json: AsJson = False,
) -> None:
    """What happened, in order, each event as a sentence.

    Example: tenure history --account 0190c7e2-…

    Example: tenure history --topic subscription. --actor support-north --from 2027-03-01T00:00:00Z

    Example: tenure history --chain 4711
    """
    only = Selection(
        stream=stream,
        account=account,
        actor=actor,
        role=role,
        topic=topic,
        command=command,
        correlation=correlation,
        from_=_instant(from_),
        to=_instant(to),
        recorded_from=_instant(recorded_from),
        recorded_to=_instant(recorded_to),
    )
    with assembled() as assembly:
        assembly.note_read(getuser(), "tenure history", only.asked | ({} if chain is None else {"chain": chain}))
        if chain is not None:
            assembly.tables.catch_up()
            told = Chain(assembly.lifecycle, assembly.database).of(chain)
            out.print(as_json_text(told) if as_json else "\n".join(chain_lines(told)), markup=False)
            return
        after, found = 0, 0
        while True:
            items, following = history_of.page(assembly.lifecycle, only, after=after, limit=500)
            corrections.beside(assembly.database, items)
            for item in items:
                found += 1
                out.print(as_json_text(item) if as_json else history_of.line(item), markup=False)
            if following is None:
                break
            after = following
        if not found:
            fail("nothing is on record of that", 1)


def export(
    output: Annotated[Path | None, typer.Option(help="a file; standard output without it")] = None,
    format: Annotated[Format, typer.Option(help="ndjson has what proves each event; parquet needs the extra `audit`")] = Format.NDJSON,
    stream: Stream = None,
    account: Account = None,
    actor: Actor = None,
    role: Role = None,
    topic: Topic = None,
    command: Command = None,
    correlation: Correlation = None,
    from_: From = None,
    to: To = None,
    recorded_from: RecordedFrom = None,
    recorded_to: RecordedTo = None,
) -> None:
    """The log as of this moment, or a selection of it, in bounded memory. A file without its trailer was cut short.

    Example: tenure export --output log.ndjson

    Example: tenure export --account 0190c7e2-… --format parquet --output account.parquet
    """
    only = Selection(
        stream=stream,
        account=account,
        actor=actor,
        role=role,
        topic=topic,
        command=command,
        correlation=correlation,
        from_=_instant(from_),
        to=_instant(to),
        recorded_from=_instant(recorded_from),
        recorded_to=_instant(recorded_to),
    )
    with assembled() as assembly:
        export_command.run(assembly, only, format, output, err)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)
