"""A letter of the outbox as the message that leaves, or that left: its facts, its institution, and our own addresses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any
from uuid import UUID

from domain.aggregates.institutional_account import InstitutionalAccount
from domain.correspondence import Mailbox
from projections.emails.render import render


@dataclass(frozen=True, kw_only=True)
class Letterhead:
    """What all our emails have in common.

    `confirm_url` makes the address of the page that confirms a contact transfer, `invitation_url` of the one that answers an invitation,
    `download_url` of the one that leads to a file of bulk data.
    """

    mail_from: str
    support_address: str
    public_url: str
    confirm_url: Callable[[UUID, UUID], str]
    invitation_url: Callable[[UUID], str]
    download_url: Callable[[UUID, UUID], str]

    def without_secrets(self) -> "Letterhead":
        """For who only looks at a letter: what its links lead to is its reader's alone."""
        nowhere = f"{self.public_url.rstrip('/')}/link-of-the-reader"
        return Letterhead(
            mail_from=self.mail_from,
            support_address=self.support_address,
            public_url=self.public_url,
            confirm_url=lambda *_: nowhere,
            invitation_url=lambda *_: nowhere,
            download_url=lambda *_: nowhere,
        )


def composed(
    letterhead: Letterhead,
    *,
    id: UUID,
    template: str,
    facts: Mapping[str, Any],
    stream_id: UUID,
    account_id: UUID | None,
    account: InstitutionalAccount | None,
    mailbox: Mailbox,
    date: datetime,
) -> EmailMessage:
    """`account` as it was when the letter left. Raises as `render` does."""
    return render(
        template,
        dict(facts) | _added(letterhead, facts, stream_id, account_id, account),
        to=mailbox.address,
        to_name=mailbox.name,
        mail_from=letterhead.mail_from,
        support_address=letterhead.support_address,
        public_url=letterhead.public_url,
        message_id=f"<{id}@{letterhead.mail_from.rpartition('@')[2]}>",
        date=date,
        time_zone=(account.time_zone if account else None) or "UTC",
    )


def _added(
    letterhead: Letterhead, facts: Mapping[str, Any], stream_id: UUID, account_id: UUID | None, account: InstitutionalAccount | None
) -> dict[str, Any]:
    added: dict[str, Any] = {"institution": account.institution if account else None}
    if (transfer := facts.get("transfer_id")) and account_id:
        added["confirm_url"] = letterhead.confirm_url(account_id, UUID(transfer))
    if (asked := facts.get("confirmation_id")) and account_id:
        added["confirm_url"] = letterhead.confirm_url(account_id, UUID(asked))
    if plan := facts.get("plan_id"):
        added["accept_url"] = letterhead.invitation_url(UUID(plan))
    if link := facts.get("link_id"):
        added["download_url"] = letterhead.download_url(stream_id, UUID(link))
    return added
