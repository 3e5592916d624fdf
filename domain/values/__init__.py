"""What people type in, made into the one form that is stored. Each parser returns that form or raises `Invalid`."""

from domain.values.addresses import is_safe_link, parse_origin, parse_platform_address
from domain.values.dates import parse_date, parse_instant, parse_time_zone
from domain.values.domains import ALLOWED, check_claimable, is_free_mail, needs_confirmation, parse_claimed_domain, parse_domain
from domain.values.emails import email_domain, folded, looks_personal, parse_email
from domain.values.identifiers import parse_registered_account_id, parse_ror_id
from domain.values.pasted import read_pasted
from domain.values.ranges import overlapping, parse_ip_range, unmap, within_any
from domain.values.text import parse_paragraphs, parse_text

__all__ = [
    "ALLOWED",
    "check_claimable",
    "email_domain",
    "folded",
    "is_free_mail",
    "is_safe_link",
    "looks_personal",
    "needs_confirmation",
    "overlapping",
    "parse_claimed_domain",
    "parse_date",
    "parse_domain",
    "parse_email",
    "parse_instant",
    "parse_ip_range",
    "parse_origin",
    "parse_paragraphs",
    "parse_platform_address",
    "parse_registered_account_id",
    "parse_ror_id",
    "parse_text",
    "parse_time_zone",
    "read_pasted",
    "unmap",
    "within_any",
]
