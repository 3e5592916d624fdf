"""`tenure emails`: how the letters look, without sending any."""

import sys
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from projections.emails.facts import SAMPLES
from projections.emails.preview import ZONE, html, plain, preview

app = typer.Typer(no_args_is_help=True, help="The emails, as they look.")


class Format(StrEnum):
    TEXT = "text"
    HTML = "html"
    EML = "eml"


@app.command("list")
def list_templates() -> None:
    """The name of every template."""
    for template in sorted(SAMPLES):
        print(template)  # noqa: T201 - a command line speaks


@app.command("preview")
def preview_template(
    template: Annotated[str, typer.Argument(help="the name of a template; `tenure emails list` has them all")],
    format: Annotated[Format, typer.Option(help="plain text with the subject, the HTML alone, or the message as it is sent")] = Format.TEXT,
    zone: Annotated[str, typer.Option(help="the time zone in which its dates are written")] = ZONE,
) -> None:
    """One email, filled with made-up facts.

    Example: tenure emails preview subscription-expiring --zone America/New_York

    Example: tenure emails preview token-issued --format html > token-issued.html
    """
    if template not in SAMPLES:
        raise typer.BadParameter(f"there is no template {template!r}; `tenure emails list` names them all", param_hint="TEMPLATE")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise typer.BadParameter(f"{zone!r} is no time zone; one is written as Europe/Rome", param_hint="--zone") from None
    message = preview(template, zone=zone)
    match format:
        case Format.TEXT:
            sys.stdout.write(f"Subject: {message['Subject']}\n\n{plain(message)}")
        case Format.HTML:
            sys.stdout.write(html(message))
        case Format.EML:
            sys.stdout.buffer.write(message.as_bytes())
