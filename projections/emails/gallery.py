"""The list of all emails for the documentation: subject, who gets it, when, and its words."""

from collections.abc import Iterator

from projections.emails.occasions import AUDIENCES, OCCASIONS
from projections.emails.preview import ZONE, plain, preview

_INTRODUCTION = f"""# Every email

What this service writes to people, with made-up facts and dates as they are local in {ZONE}: each letter has them in the zone of its own
institution. `make gallery` makes this page and its pictures; do not edit it. `tenure emails preview TEMPLATE` shows one letter, with
`--html` as HTML, and with `--zone` with the dates of another zone. The pictures are of a telephone by day and of a desk at night.

| template | subject | to |
|---|---|---|"""


def document() -> str:
    """The whole page, as Markdown."""
    return "\n".join((*_rows(), "", *_letters()))


def _rows() -> Iterator[str]:
    yield _INTRODUCTION
    for template, occasion in OCCASIONS.items():
        to = "; ".join(AUDIENCES[each] for each in occasion.to)
        yield f"| [{template}](#{template}) | {preview(template)['Subject']} | {to} |"


def _letters() -> Iterator[str]:
    for template, occasion in OCCASIONS.items():
        message = preview(template)
        yield f"## {template}\n"
        yield f"- When: {occasion.when}"
        yield f"- To: {'; '.join(AUDIENCES[each] for each in occasion.to)}"
        yield f"- Subject: {message['Subject']}\n"
        yield f"```text\n{plain(message)}```\n"
        yield f"![{template}](emails/{template}.webp)\n"
