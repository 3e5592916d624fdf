"""The few pages that a link in an email leads to: they show, and only a button acts."""

from html import escape
from typing import Any

from fastapi.responses import HTMLResponse

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>:root{{color-scheme:light dark;font:17px/1.5 system-ui,sans-serif}}
body{{max-width:34rem;margin:12vh auto;padding:0 1rem}}
button{{font:inherit;padding:.5rem 1rem}}</style><h1>{title}</h1><p>{text}</p>{form}</html>"""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

OVER: dict[int | str, dict[str, Any]] = {410: {"description": "the link is over", "content": {"text/html": {"schema": {"type": "string"}}}}}


def page(title: str, text: str, *, form: str = "", status: int = 200) -> HTMLResponse:
    """`title` and `text` are escaped, `form` is our own."""
    return HTMLResponse(_PAGE.format(title=escape(title), text=escape(text), form=form), status, _HEADERS)
