"""How the pages are filled, and the headers by which a browser runs nothing in them, whatever they may hold."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from domain.events.portfolios import Portfolio
from projections.emails import wording

FOLDER = Path(__file__).parent
STYLE = (FOLDER / "style.css").read_text()
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
SECONDS = 60
"""For so long a page may be kept by whoever fetched it: so late at most a withdrawal is seen."""
WIDTH, HEIGHT = 480, 360
SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
"""Links open in a window of their own; nothing else is allowed, no script above all."""


@dataclass(frozen=True, kw_only=True)
class PictureShown:
    id: str
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class View:
    """What the public sees of a portfolio. `description` has been made safe."""

    id: UUID
    institution: str
    portfolio: Portfolio
    attested_by: str
    attested_at: datetime
    status: str
    since: datetime | None
    evidence: Sequence[dict[str, Any]]
    image: PictureShown | None
    description: Markup
    time_zone: str


@pass_context
def _local_time(context: Context, value: datetime) -> str:
    return wording.time_in(value, context["view"].time_zone)


_environment = Environment(
    loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_environment.filters["local_time"] = _local_time


def page(view: View) -> Response:
    headers = policy() | {
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "X-Frame-Options": "DENY",
    }
    return _html("page.html", headers, view=view)


def widget(view: View, frame_ancestors: Sequence[str], page_url: str) -> Response:
    """For the sites that `frame_ancestors` names, and no other."""
    return _html("widget.html", policy(frame_ancestors) | {"Cross-Origin-Resource-Policy": "cross-origin"}, view=view, page_url=page_url)


def picture(png: bytes, media_type: str) -> Response:
    """It never changes: its address is its digest."""
    headers = {
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "public, max-age=31536000, immutable",
    }
    return Response(png, headers=headers, media_type=media_type)


def policy(frame_ancestors: Sequence[str] = ()) -> dict[str, str]:
    """The headers of a page that shows somebody's text: even if that held a script, there would be none that runs."""
    directives = (
        "default-src 'none'",
        "img-src 'self'",
        f"style-src 'sha256-{_STYLE_HASH}'",
        "base-uri 'none'",
        "form-action 'none'",
        f"frame-ancestors {' '.join(frame_ancestors) or chr(39) + 'none' + chr(39)}",
        f"sandbox {SANDBOX}",
    )
    return {
        "Content-Security-Policy": "; ".join(directives),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Cache-Control": f"public, max-age={SECONDS}",
    }


def snippet(page_url: str, name: str) -> str:
    """What an institution puts into its own site."""
    return (
        f'<iframe src="{escape(page_url)}/widget" title="{escape(f"Attested portfolio: {name}")}" width="{WIDTH}" height="{HEIGHT}" '
        f'sandbox="{SANDBOX}" loading="lazy" referrerpolicy="no-referrer"></iframe>'
    )


def _html(template: str, headers: dict[str, str], **names: Any) -> Response:
    style = Markup(STYLE)  # noqa: S704 - our own file, and to the byte what the policy has the hash of
    return Response(_environment.get_template(template).render(style=style, **names), headers=headers, media_type="text/html")
