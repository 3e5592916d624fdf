"""`tenure emails`: how the letters look, without sending any."""

import sys
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from projections.emails.facts import SAMPLES
from projections.emails.preview import ZONE, html, plain, preview

app = typer.Typer(no_args_is_help=True, help="The emails, as they look.")


@app.command("list")
def list_templates() -> None:
    """The name of every template."""
    for template in sorted(SAMPLES):
        print(template)  # noqa: T201 - a command line speaks


@app.command("preview")
def preview_template(
    template: Annotated[str, typer.Argument(help="the name of a template; `tenure emails list` has them all")],
    as_html: Annotated[bool, typer.Option("--html/--text", help="the HTML alone, or the plain text with its subject")] = False,
    zone: Annotated[str, typer.Option(help="the time zone in which its dates are written")] = ZONE,
) -> None:
    """One email, filled with made-up facts.

    Example: tenure emails preview subscription-expiring --zone America/New_York

    Example: tenure emails preview token-issued --html > token-issued.html
    """
    if template not in SAMPLES:
        raise typer.BadParameter(f"there is no template {template!r}; `tenure emails list` names them all", param_hint="TEMPLATE")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise typer.BadParameter(f"{zone!r} is no time zone; one is written as Europe/Rome", param_hint="--zone") from None
    message = preview(template, zone=zone)
    sys.stdout.write(html(message) if as_html else f"Subject: {message['Subject']}\n\n{plain(message)}")
