"""Email addresses, by a closed grammar: what it does not name is refused, so that no two programs read one address differently."""

import re

from domain.errors import Invalid
from domain.values.characters import refuse_controls, refuse_longer
from domain.values.domains import is_free_mail, parse_domain

LONGEST = 254
LONGEST_LOCAL = 64
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_WORD = re.compile(r"[a-z]+")
_NAME = re.compile(r"[a-z]+(?:[._-][a-z]+)+[0-9]*")

SHARED_WORDS = frozenset(
    """
    access acquisition acquisitions admin administration administrator admissions bib biblio biblioteca bibliotek bibliotheek
    bibliothek bibliotheque billing collection collections contact data database databases dean department desk digital direction
    ebooks ejournals electronic enquiries eresources erm faculty finance general head help helpdesk info institute international
    invoices it journals kontakt lib librarian librarians library licences licenses licensing mail management office periodicals
    procurement purchasing rector reference registrar registry research resource resources secretariat serials service services staff
    subscription subscriptions support systems team technical ub university web webmaster
    """.split()  # noqa: SIM905 - eighty quoted words are harder to read
)
"""What the local part of a shared mailbox is made of."""


def parse_email(text: str, *, field: str = "email") -> str:
    """One ASCII dot-atom, one @, one domain in A-label form. The local part keeps its case."""
    refuse_controls(text[: LONGEST * 2], "invalid-email", field=field)
    refuse_longer(text, LONGEST, "invalid-email", field=field)
    if text.count("@") != 1:
        raise Invalid("invalid-email", "an email address has exactly one @", field=field)
    local, _, typed = text.partition("@")
    if len(local) > LONGEST_LOCAL:
        raise Invalid("invalid-email", f"what stands before the @ has {len(local)} characters; {LONGEST_LOCAL} are the most", field=field)
    if not _LOCAL.fullmatch(local):
        raise Invalid(
            "invalid-email", "before the @ stand ASCII letters, digits and !#$%&'*+/=?^_`{|}~-, and single dots between", field=field
        )
    try:
        domain = parse_domain(typed, field=field)
    except Invalid as refused:
        raise Invalid("invalid-email", refused.detail, field=field) from refused
    refuse_longer(f"{local}@{domain}", LONGEST, "invalid-email", field=field)
    return f"{local}@{domain}"


def email_domain(email: str) -> str:
    """The A-label domain of an address that was parsed."""
    return email.rpartition("@")[2]


def folded(email: str) -> str:
    """What counts as one person's address: case is folded, a plus tag stays, since it may be another mailbox."""
    return email.lower()


def looks_personal(email: str) -> bool:
    """Of a parsed address: at a free-mail provider, or named like a person. Only a hint, for warnings."""
    local, _, domain = folded(email).partition("@")
    if is_free_mail(domain):
        return True
    return _NAME.fullmatch(local) is not None and SHARED_WORDS.isdisjoint(_WORD.findall(local))
