"""How a letter looks that nobody has been sent: each template with its sample, the same every time."""

from datetime import UTC, datetime
from email.message import EmailMessage

from projections.emails.facts import SAMPLES
from projections.emails.render import render

ZONE = "Europe/Rome"
TO = "biblioteca@esempio.example"
_HERE = "https://tenure.example"
_DATE = datetime(2027, 9, 14, 10, 30, tzinfo=UTC)


def preview(template: str, *, zone: str = ZONE) -> EmailMessage:
    """The sample of a template as a letter, with its dates in a zone; KeyError for a template that there is not."""
    return render_sample(template, zone=zone)


def render_sample(template: str, *, zone: str = ZONE, **otherwise: object) -> EmailMessage:
    """With some facts otherwise, as far as the template asks for them."""
    sample = SAMPLES[template]
    facts = {**sample, **{name: fact for name, fact in otherwise.items() if name in sample}}
    return render(
        template,
        facts,
        to=str(sample.get("email") or TO),
        to_name=None,
        mail_from="Institutional Toolkit <toolkit@tenure.example>",
        support_address="support@tenure.example",
        public_url=_HERE,
        message_id=f"<{template}@tenure.example>",
        date=_DATE,
        time_zone=zone,
    )


def plain(message: EmailMessage) -> str:
    return _part(message, "plain")


def html(message: EmailMessage) -> str:
    return _part(message, "html")


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert isinstance(part, EmailMessage)
    content: str = part.get_content()
    return content.replace("\r\n", "\n")
