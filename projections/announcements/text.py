"""The announcement as plain text, ready to be mailed, and the guide as a page that asks for nothing and runs nothing."""

from base64 import b64encode
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from domain.announcement import CommunityFacts
from projections.announcements import wording as ours
from projections.announcements.code import code_path, code_size
from projections.announcements.wording import Addresses
from projections.emails import wording
from projections.emails.text import cleaned, wrapped

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
    autoescape=select_autoescape(enabled_extensions=("html",), default=False),
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {"count": wording.count, "plan": wording.plan, "product": wording.product}
_STYLE = (Path(__file__).parent / "templates" / "style.txt").read_text()
STYLE_HASH = f"'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'"
GUIDE_POLICY = f"default-src 'none'; style-src {STYLE_HASH}; base-uri 'none'; form-action 'none'"
"""Stands in the page too, so that it holds for a copy that somebody keeps."""


def announcement(facts: CommunityFacts, addresses: Addresses) -> str:
    """Lines of at most 72 columns, addresses whole."""
    return wrapped(_ENVIRONMENT.get_template("text.txt").render(_names(facts, addresses)))


def guide(facts: CommunityFacts, addresses: Addresses) -> str:
    code = {"code": code_path(addresses.sign_up), "code_size": code_size(addresses.sign_up), "style": _STYLE, "policy": GUIDE_POLICY}
    return _ENVIRONMENT.get_template("guide.html").render(_names(facts, addresses) | code)


def subject(facts: CommunityFacts) -> str:
    line: str = cleaned(ours.subject(facts))
    return line


def _names(facts: CommunityFacts, addresses: Addresses) -> dict[str, object]:
    names: dict[str, object] = cleaned(
        {
            "institution": facts.institution,
            "plans": [asdict(plan) for plan in facts.plans],
            "address_to_use": ours.address_to_use(facts),
            "last_day": ours.last_day(facts),
            "mailbox": facts.mailbox,
            "link_outs": facts.link_outs,
            "sign_up": addresses.sign_up,
            "service": addresses.service.rstrip("/"),
        }
    )
    return names
