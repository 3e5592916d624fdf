"""Email addresses, by a closed grammar: one @, a dot-atom in ASCII before it, a domain name after it."""

import re
import unicodedata

from domain.errors import Invalid
from domain.values.domains import a_label, is_free_mail

MAX_LOCAL_PART = 64
MAX_ADDRESS = 254  # RFC 5321 allows 256 for a path, which has angle brackets
SLUG = "invalid-email"
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
DOT_ATOM = re.compile(rf"{ATOM}(\.{ATOM})*")
WORDS = re.compile(r"[^a-z]+")
ROLES = frozenset(
    """
    access account accounts acquisition acquisitions admin administration administrator api apis archive archives biblio bibliotek biblioteca
    bibliotheek bibliotheque bibliothek billing bulkdata collections commercialisation commercialization contact data department dept
    digital director enquiries eresources finance group hello help helpdesk info innovation invoices invoicing ip it itservices journals
    lib librarian librarians library licences licenses licensing mail metrics office ops patents permissions procurement publications
    purchasing reference repository research resources scholarly security serials service servicedesk services staff subscriptions support
    sysadmin systems team tech techtransfer tto
    """.split()
)


def parse_email(text: str, *, field: str = "email") -> str:
    """The address with its domain as lower-case A-labels. The local part keeps its case, which is its mailbox's own affair."""

    def invalid(why: str) -> Invalid:
        return Invalid(SLUG, f"{field}: {why}", field=field)

    if any(unicodedata.category(letter)[0] in "CZ" for letter in text):
        raise invalid("an email address has no spaces, line breaks, control characters or invisible characters")
    if text.count("@") != 1:
        raise invalid("an email address has exactly one @")
    local, _, domain = text.partition("@")
    if len(local) > MAX_LOCAL_PART:
        raise invalid(f"at most {MAX_LOCAL_PART} characters stand before the @")
    if not DOT_ATOM.fullmatch(local):
        raise invalid("before the @ stand ASCII letters, digits and !#$%&'*+/=?^_`{|}~- with single dots between them, without quotes")
    if domain.startswith("["):
        raise invalid("the part after the @ is a domain name, not the address of a machine")
    email = f"{local}@{a_label(domain, slug=SLUG, field=field)}"
    if len(email) > MAX_ADDRESS:
        raise invalid(f"an email address has at most {MAX_ADDRESS} characters")
    return email


def email_domain(email: str) -> str:
    """The domain of a parsed address."""
    return email.rpartition("@")[2]


def folded(email: str) -> str:
    """What makes a parsed address one person: its case is folded, a plus tag stays, since only its host knows what the tag means."""
    local, _, domain = email.rpartition("@")
    return f"{local.lower()}@{domain}"


def looks_personal(email: str) -> bool:
    """Whether a parsed address is more likely a person's than a shared mailbox: at a free mail provider, or like `first.last`."""
    local, _, domain = email.rpartition("@")
    if is_free_mail(domain):
        return True
    words = [word for word in WORDS.split(local.partition("+")[0].lower()) if word]
    return len(words) > 1 and not ROLES.intersection(words)
