"""How a page of the console is made: templates, headers, and files under addresses that change when they do."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from api.console.door import Visitor

HERE = Path(__file__).parent
STATIC = HERE / "static"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@pass_context
def _when(context: Context, value: datetime | str | None) -> Markup:
    """An instant as it goes in the page's zone, with UTC beside it for whoever points at it."""
    if value is None:
        return Markup("<span class=none>never</span>")
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    zone = ZoneInfo(context.get("time_zone") or "UTC")
    utc = at.astimezone(UTC)
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        utc.isoformat(), f"{utc:%Y-%m-%d %H:%M:%S}", f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
    )


def _day(value: datetime | str) -> str:
    return str(value)[:10]


@cache
def address_of(name: str) -> str:
    """Of a file of ours: it may be kept for ever, since another content has another address."""
    return f"/console/static/{hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:16]}/{name}"


def _in_words(word: str) -> str:
    return str(word).replace("_", " ").replace("-", " ")


ENVIRONMENT = Environment(
    loader=FileSystemLoader(HERE / "templates"), undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
)
ENVIRONMENT.filters |= {"when": _when, "day": _day, "words": _in_words}
ENVIRONMENT.globals |= {"static": address_of}


def page(name: str, visitor: Visitor | None = None, http_status: int = 200, **facts: Any) -> HTMLResponse:
    """A template, filled. `time_zone` among the facts is the zone of its times."""
    known: Mapping[str, Any] = {"visitor": visitor, "time_zone": "UTC", "as_of": None, "said": None} | facts
    return HTMLResponse(ENVIRONMENT.get_template(name).render(known), http_status, HEADERS)
