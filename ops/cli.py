"""The command line. Exit codes: 0 done, 1 refused or not found, 2 wrong usage, 3 wrong configuration or database."""

import sys
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from domain.aggregates.institutional_account import InstitutionalAccount
from domain.errors import DomainError
from ops import email_commands, future_command, key_commands, librarians, log_commands, proof_commands
from ops.config import ConfigurationError
from ops.console import AsJson, as_json_text, assembled, err, fail, out
from ops.eventstore.engine import ForgetfulDatabase
from ops.eventstore.rebuild import rebuild_claims
from projections import allow_list as allow_lists
from projections import onboarding as checklists

app = typer.Typer(
    name="tenure",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=f"Institutional subscriptions in good standing.\n\n{__doc__.partition('. ')[2]}",
)
staff = typer.Typer(no_args_is_help=True, help="Keys of those who call the API.")
database = typer.Typer(no_args_is_help=True, help="The database.")
app.add_typer(staff, name="staff")
app.add_typer(database, name="db")
app.add_typer(email_commands.app, name="emails")
app.add_typer(proof_commands.checkpoints, name="checkpoints")
app.add_typer(key_commands.app, name="keys")
app.command("verify")(proof_commands.verify)
app.command("history")(log_commands.history)
app.command("future")(future_command.future)
app.command("export")(log_commands.export)

WIDE = 160
"""An id is printed whole, however narrow the terminal: it is there to be copied."""


def main() -> None:
    try:
        app()
    except DomainError as error:
        fail(error.detail, 1)
    except (ConfigurationError, ForgetfulDatabase, SQLAlchemyError, OSError) as error:
        fail(str(error).partition("\n")[0], 3)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="the address to listen on")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="the port to listen on; 8000 for the API")] = None,
    only: Annotated[str | None, typer.Option(help="run one part alone: api, scheduler or projector")] = None,
) -> None:
    """Run the service: API, scheduler, followers, and a mail catcher where no mail server is set.

    Example: tenure serve --port 8080

    Example: tenure serve --only scheduler --port 9101
    """
    from ops.serve import run  # noqa: PLC0415 - a web server is not needed to read history

    run(host, port, only)


@app.command()
def demo() -> None:
    """Fourteen months of two institutions on a virtual clock, with every email as the catcher received it."""
    from ops.demo import run  # noqa: PLC0415

    run(out)


@staff.command("add")
def staff_add(
    name: Annotated[str, typer.Argument(help="who it is, as history will show it")],
    role: Annotated[str, typer.Option(help="support, auditor, admin, gateway, platform, institution, security-provider or integration")],
    account: Annotated[UUID | None, typer.Option(help="the account that a librarian's key (role institution) is bound to")] = None,
    days: Annotated[int | None, typer.Option(help="how long a librarian's key is good for; a year without it")] = None,
    personal: Annotated[bool, typer.Option("--personal", help="events tell this key (role integration) of people, too")] = False,
) -> None:
    """Make a key. It is shown once.

    Example: tenure staff add support-north --role support

    Example: tenure staff add "Ada Archivist" --role institution --account 0190c7e2-… --days 90

    Example: tenure staff add crm --role integration
    """
    if role != "institution" and (account is not None or days is not None):
        raise typer.BadParameter("--account and --days are for the keys of librarians: role institution")
    with assembled() as assembly:
        if role == "institution" and account is not None:
            out.print(librarians.issue(assembly.lifecycle, assembly.staff, account, name, days))
        else:
            out.print(assembly.staff.add(name, role, personal=personal))


@staff.command("list")
def staff_list(as_json: AsJson = False) -> None:
    """Who has a key."""
    with assembled() as assembly:
        keys = [
            {
                "name": key.name,
                "role": key.role,
                "personal": key.personal,
                "account_id": key.account_id,
                "created_at": key.created_at,
                "expires_at": key.expires_at,
                "revoked_at": key.revoked_at,
            }
            for key in assembly.staff.all()
        ]
    _print(keys, as_json)


@staff.command("revoke")
def staff_revoke(
    name: Annotated[str, typer.Argument(help="whose key")],
    account: Annotated[UUID | None, typer.Option(help="the account of a librarian, where another key has the same name")] = None,
) -> None:
    """Stop a key at once.

    Example: tenure staff revoke support-north

    Example: tenure staff revoke "Ada Archivist" --account 0190c7e2-…
    """
    with assembled() as assembly:
        of_staff = account is None and assembly.staff.revoke(name)
        if not of_staff and not librarians.revoke(assembly.lifecycle, assembly.staff, name, account):
            fail(f"there is no live key named {name}", 1)


@database.command("upgrade")
def db_upgrade() -> None:
    """Bring the tables up to date; safe to run at any time."""
    with assembled(db_upgrade="on"):
        out.print("the database is up to date")


@database.command("scrub")
def db_scrub() -> None:
    """Write anew the tables in which people stood: what was erased is on no page of the database any more, and in no log ahead of it.

    Tables are locked meanwhile, one after the other; the log of events is not among them. Run it after people were erased.

    Example: tenure db scrub
    """
    with assembled() as assembly:
        left = assembly.scrub()
    for sentence in left:
        print(f"tenure: {sentence}", file=sys.stderr)  # noqa: T201
    if left:
        raise typer.Exit(1)
    out.print("no page of the database holds what is gone")


@app.command()
def rebuild() -> None:
    """Forget every derived table and build it anew from the log. No email is sent again."""
    with assembled() as assembly:
        rebuild_claims(assembly.store.log, assembly.store.codec)
        with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
            task = progress.add_task("following the log", total=assembly.store.log.max_notification_id() or 0)
            events = assembly.tables.rebuild(lambda done: progress.update(task, completed=done))
        out.print(f"rebuilt from {events} events")


@app.command()
def onboarding(
    account: Annotated[UUID | None, typer.Argument(help="one institution; without it, all in which something waits")] = None,
    waiting_days: Annotated[int, typer.Option(min=0, help="only institutions in which something has waited for so many days")] = 0,
    as_json: AsJson = False,
) -> None:
    """How far institutions have come with their onboarding; those that are stuck the longest stand first.

    Example: tenure onboarding --waiting-days 14

    Example: tenure onboarding 0190c7e2-…
    """
    with assembled() as assembly:
        if account is not None:
            state = assembly.lifecycle.load(account).state
            if not isinstance(state, InstitutionalAccount):
                fail(f"there is no account {account}", 1)
            shown = checklists.shown(account, state)
            out.print(as_json_text(shown) if as_json else "\n".join(checklists.lines(shown)), markup=False)
            return
        assembly.tables.catch_up()
        rows = list(checklists.everybody(assembly.database, assembly.clock.now(), waiting_days))
    hidden = {"done", "of", "waiting_step", "waiting_since"}
    _print(rows if as_json else [{name: row[name] for name in row if name not in hidden} for row in rows], as_json)


class Form(StrEnum):
    JSON = "json"
    TEXT = "text"
    NGINX = "nginx"


@app.command("allow-list")
def allow_list(
    format: Annotated[Form, typer.Option(help="one range a line, JSON, or a geo block for nginx")] = Form.TEXT,
) -> None:
    """The networks of every institution that has access now, for a guard against bots. What is printed is on record.

    Example: tenure allow-list --format nginx > /etc/nginx/conf.d/tenure-subscribers.conf
    """
    with assembled() as assembly:
        shown = allow_lists.read(assembly.gatekeeper, assembly.clock.now())
        with assembly.database.writing() as connection:
            allow_lists.record(connection, shown, "tenure allow-list", "operator", unchanged=False)
    match format:
        case Form.JSON:
            printed = as_json_text({"ranges": shown.ranges, "position": shown.position}) + "\n"
        case Form.NGINX:
            printed = allow_lists.as_nginx(shown)
        case Form.TEXT:
            printed = shown.text
    sys.stdout.write(printed)


def _print(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        for row in rows:
            out.print(as_json_text(row), markup=False)
        return
    table = Table(*(rows[0] if rows else ["nothing"]), box=None)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console(highlight=False, width=max(out.width, WIDE)).print(table)


if __name__ == "__main__":
    main()
