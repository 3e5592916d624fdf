"""A letter as it goes over the wire: its envelope, and bytes that any server can pass on."""

import re
from copy import copy
from dataclasses import dataclass
from email.headerregistry import Address, AddressHeader
from email.message import EmailMessage
from email.policy import EmailPolicy

import idna

_MAILBOX = re.compile(r"""[^\s@<>(),:;"\[\]\\\x00-\x1f\x7f]+@[^\s@<>(),:;"\[\]\\\x00-\x1f\x7f]+""")


class NoMailbox(Exception):
    """The server cannot be given this address."""


@dataclass(frozen=True)
class Envelope:
    sender: str
    recipient: str
    utf8: bool
    """The name before the @ is not ASCII, which a server must understand (RFC 6531)."""
    content: bytes


def is_mailbox(address: str) -> bool:
    return _MAILBOX.fullmatch(address) is not None


def envelope_of(message: EmailMessage, sender: str, recipient: str) -> Envelope:
    name, _, domain = recipient.rpartition("@")
    try:
        address = f"{name}@{a_label(domain)}"
    except ValueError as error:
        raise NoMailbox(str(error)) from None
    utf8 = not name.isascii()
    return Envelope(sender, address, utf8, _written(message, utf8=utf8))


def _written(message: EmailMessage, *, utf8: bool) -> bytes:
    """As any server can pass it on: 7 bits, unless the address itself needs more."""
    to = message["To"]
    if isinstance(to, AddressHeader) and not utf8 and any(not address.domain.isascii() for address in to.addresses):
        message = copy(message)
        del message["To-be-none"]  # gives the copy a list of headers of its own
        message.replace_header("To", tuple(Address(each.display_name, each.username, a_label(each.domain)) for each in to.addresses))
    policy = message.policy
    assert isinstance(policy, EmailPolicy)
    content = message.as_bytes(policy=policy.clone(linesep="\r\n", utf8=utf8, cte_type="8bit" if utf8 else "7bit"))
    if _header_names(content) != message.keys():
        raise ValueError("a header would become more than one")
    return content


def _header_names(content: bytes) -> list[str]:
    """As the server will see them. Python before 3.11.10 lets an encoded line break in a subject begin a new header (CVE-2024-6923)."""
    names = []
    for line in re.split(rb"\r\n|\r|\n", content):
        if not line:
            break
        if line[:1] not in b" \t":
            names.append(line.partition(b":")[0].decode(errors="replace"))
    return names


def a_label(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        raise ValueError(f"{domain} is not a domain name") from None
