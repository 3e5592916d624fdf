"""Headers that survive the wire: one line, one recipient, and the same words when they are read back."""

import re
from datetime import datetime
from email.header import Header
from email.headerregistry import Address, AddressHeader, HeaderRegistry, UniqueUnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from hashlib import sha256

LINE = 76
WORD = 60
_ADDRESS = re.compile(r"""[^\s@<>(),:;"\[\]\\]+@[^\s@<>(),:;"\[\]\\]+""")


class _Subject(UniqueUnstructuredHeader):
    """The standard library's own folding loses the space between two encoded words, and may leave a long word unfolded."""

    def fold(self, *, policy: Policy) -> str:
        text = str(self)
        plain = text.isascii() and all(len(word) < WORD for word in text.split(" "))
        header = Header(text, "us-ascii" if plain else "utf-8", maxlinelen=LINE, header_name="Subject")
        return f"Subject: {header.encode(linesep=policy.linesep)}{policy.linesep}"


_REGISTRY = HeaderRegistry()
_REGISTRY.map_to_type("subject", _Subject)  # type: ignore[arg-type]  # the class is mixed with BaseHeader when a header is made
POLICY = SMTP.clone(header_factory=_REGISTRY)


def addressed(
    *, template: str, subject: str, to: str, to_name: str | None, mail_from: str, reply_to: str, message_id: str, date: datetime
) -> EmailMessage:
    """A message without a body. `to` that is not exactly one address is a ValueError."""
    message = EmailMessage(policy=POLICY if to.isascii() else POLICY.clone(utf8=True))
    message["From"] = mail_from
    message["To"] = _one(to, to_name)
    message["Reply-To"] = reply_to
    message["Subject"] = without_encoded_words(subject)
    message["Date"] = date
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"
    message["X-Tenure-Template"] = template
    header = message["To"]
    if not isinstance(header, AddressHeader) or [address.addr_spec for address in header.addresses] != [to]:
        raise ValueError("a letter goes to exactly one address")
    return message


def boundary_of(message_id: str) -> str:
    """What separates the parts: from the Message-ID, so that the same letter has the same bytes.

    `=_` occurs in no quoted-printable or base64 text.
    """
    return f"=_{sha256(message_id.encode()).hexdigest()[:40]}"


def without_encoded_words(text: str) -> str:
    """`=?…?=` is decoded wherever it stands in a header: what was typed is to be read, not what it stands for."""
    return text.replace("=?", "= ?")


def _one(to: str, name: str | None) -> Address:
    if not to.isprintable() or not _ADDRESS.fullmatch(to):
        raise ValueError("a letter goes to exactly one address")
    username, _, domain = to.partition("@")
    return Address(display_name=_display(name) if name else "", username=username, domain=domain)


def _display(name: str) -> str:
    """Quotation marks get lost when a long or non-ASCII name is folded, so nothing in it may need them."""
    kept = "".join(character if character.isalnum() or character in " -'’&/" or ord(character) > 127 else " " for character in name)  # noqa: RUF001
    return " ".join(kept[:WORD].split())
