"""A letter from a template and facts: plain text and HTML, for one recipient, the same bytes every time."""

from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from css_inline import CSSInliner
from jinja2 import Environment, FileSystemLoader, StrictUndefined, UndefinedError, pass_context, select_autoescape
from jinja2.runtime import Context

from projections.emails import wording
from projections.emails.facts import ADDED_LATER, SAMPLES
from projections.emails.headers import addressed, boundary_of, without_encoded_words
from projections.emails.text import cleaned, clipped, wrapped

TEMPLATES = Path(__file__).parent / "templates"


@pass_context
def _local_date(context: Context, value: datetime | str) -> str:
    return wording.date_in(value, context["time_zone"])


@pass_context
def _local_time(context: Context, value: datetime | str) -> str:
    return wording.time_in(value, context["time_zone"])


@pass_context
def _link(context: Context, url: str) -> str:
    """A letter leads to our own pages only."""
    if not url.startswith(f"{context['public_url'].rstrip('/')}/") or not url.startswith(("https://", "http://")):
        raise ValueError("a link in a letter leads elsewhere")
    return url


ENVIRONMENT = Environment(
    loader=FileSystemLoader(TEMPLATES),
    undefined=StrictUndefined,
    autoescape=select_autoescape(enabled_extensions=("html",), default=False),
    trim_blocks=True,
    lstrip_blocks=True,
)
ENVIRONMENT.filters |= {
    "local_date": _local_date,
    "local_time": _local_time,
    "link": _link,
    "count": wording.count,
    "cause": wording.sentence,
    "plan": wording.plan,
    "limits": wording.limits_of,
    "product": wording.product,
    "by_product": wording.by_product,
    "by_month": wording.by_month,
    "entitlement": wording.entitlement,
    "bulk_data": wording.bulk_data,
    "bulk_data_of": wording.bulk_data_of,
    "release": wording.release,
    "size": wording.size,
    "missing": wording.missing,
    "step": wording.step,
    "risk": wording.risk,
    "remedy": wording.remedy,
    "in_words": wording.outcomes,
    "short": clipped,
}
_INLINER = CSSInliner(keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False)


def subject_of(template: str, facts: Mapping[str, object], *, public_url: str, time_zone: str, support_address: str = "") -> str:
    """The subject line alone, of facts that need not be whole. Raises as `render` does."""
    return _subject(template, _names(template, facts, support_address=support_address, public_url=public_url, time_zone=time_zone))


def render(
    template: str,
    facts: Mapping[str, object],
    *,
    to: str,
    to_name: str | None,
    mail_from: str,
    support_address: str,
    public_url: str,
    message_id: str,
    date: datetime,
    time_zone: str,
) -> EmailMessage:
    """The letter, ready to be sent.

    `facts` has at least the names of the template's sample; one that is missing is an UndefinedError, a template that there is not a
    KeyError, and what cannot be written safely (NUL, more than one recipient, a link elsewhere) a ValueError.
    """
    facts = {**ADDED_LATER.get(template, {}), **facts}
    if missing := SAMPLES[template].keys() - facts.keys():
        raise UndefinedError(f"{template} lacks {', '.join(sorted(missing))}")
    surroundings = {"to": to, "to_name": to_name, "support_address": support_address, "public_url": public_url, "time_zone": time_zone}
    names = _names(template, facts, **surroundings)
    subject = _subject(template, names)
    message = addressed(
        template=template,
        subject=subject,
        to=to,
        to_name=names["to_name"],
        mail_from=mail_from,
        reply_to=support_address,
        message_id=message_id,
        date=date,
    )
    message.set_content(wrapped(_filled(template, "body.txt", names)))
    message.add_alternative(_INLINER.inline(_filled(template, "body.html", names | {"subject": subject})), subtype="html")
    message.set_boundary(boundary_of(message_id))
    return message


def _names(template: str, facts: Mapping[str, object], **surroundings: object) -> dict[str, Any]:
    names: dict[str, Any] = cleaned(facts) | cleaned({"template": template, **surroundings})
    return names


def _subject(template: str, names: Mapping[str, Any]) -> str:
    return without_encoded_words(" ".join(_filled(template, "subject.txt", names).split()))


def _filled(template: str, file: str, names: Mapping[str, Any]) -> str:
    return ENVIRONMENT.get_template(f"{template}/{file}").render(names)
