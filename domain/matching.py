"""Whether an email's domain is one that an institution has claimed."""

from collections.abc import Iterable
from datetime import datetime

from domain.context import ClaimedDomain


def domain_of(email: str) -> str:
    """What stands behind the @ of an address that has exactly one."""
    return email.rpartition("@")[2].lower()


def covering(domains: Iterable[ClaimedDomain], email_domain: str, now: datetime) -> ClaimedDomain | None:
    """The longest claim that covers an A-label domain at `now`, label by label; a claim is good until the instant it retires."""
    labels = email_domain.lower().split(".")
    return max(
        (claim for claim in domains if _covers(claim, labels) and (claim.retires_at is None or claim.retires_at > now)),
        key=lambda claim: claim.domain.count("."),
        default=None,
    )


def _covers(claim: ClaimedDomain, labels: list[str]) -> bool:
    claimed = claim.domain.lower().split(".")
    return labels == claimed or (claim.subdomains and len(labels) > len(claimed) and labels[-len(claimed) :] == claimed)
