"""What comes from outside, read once: each `parse_…` returns the one normal form of a text, or raises `Invalid` with a sentence."""

from domain.values.domains import check_claimable, needs_confirmation, parse_claimed_domain, parse_domain
from domain.values.emails import email_domain, folded, looks_personal, parse_email
from domain.values.identifiers import parse_registered_account_id, parse_ror_id, parse_time_zone
from domain.values.ip import parse_ip_range, ranges_overlap, within_any
from domain.values.text import parse_text

__all__ = [
    "check_claimable",
    "email_domain",
    "folded",
    "looks_personal",
    "needs_confirmation",
    "parse_claimed_domain",
    "parse_domain",
    "parse_email",
    "parse_ip_range",
    "parse_registered_account_id",
    "parse_ror_id",
    "parse_text",
    "parse_time_zone",
    "ranges_overlap",
    "within_any",
]
