"""Which template is written to whom, and when: what the list of all emails says of each besides its words."""

from collections.abc import Mapping
from typing import NamedTuple

from domain.correspondence import Audience


class Occasion(NamedTuple):
    to: tuple[Audience, ...]
    when: str


_ADMINISTRATOR = (Audience.ADMINISTRATOR,)
_BOTH = (Audience.ADMINISTRATOR, Audience.BILLING)
_HOLDER = (Audience.HOLDER,)
_OWNER = (Audience.ADMINISTRATOR, Audience.HOLDER)

AUDIENCES: Mapping[Audience, str] = {
    Audience.ADMINISTRATOR: "the administrator contact",
    Audience.BILLING: "the billing contact, if it is another mailbox",
    Audience.SECURITY: "the security contact, if it is another mailbox",
    Audience.EVERYONE: "every contact of the institution",
    Audience.HOLDER: "the person who holds the plan",
    Audience.OLD_MAILBOX: "the old mailbox",
    Audience.NEW_MAILBOX: "the new mailbox",
}

OCCASIONS: Mapping[str, Occasion] = {
    "account-nominated": Occasion(_ADMINISTRATOR, "An account was nominated."),
    "nomination-incomplete": Occasion(_ADMINISTRATOR, "A nomination still lacks something, some days after it was made."),
    "contact-confirm": Occasion((Audience.NEW_MAILBOX,), "A contact's mailbox is asked, or asked again, to confirm itself."),
    "onboarding-nudge": Occasion(_ADMINISTRATOR, "7 and 30 days after the activation, while steps of the onboarding are open."),
    "account-suspended": Occasion(_ADMINISTRATOR, "The institutional account was suspended."),
    "account-reinstated": Occasion(_ADMINISTRATOR, "The suspension of the institutional account is over."),
    "contact-unreachable": Occasion(_ADMINISTRATOR, "Mail to a contact came back for good; goes to the next contact."),
    "contact-replacement-asked": Occasion(_ADMINISTRATOR, "The only administrator is to be forgotten; goes to them."),
    "contact-transfer-confirm": Occasion((Audience.NEW_MAILBOX,), "Another mailbox is to become the contact, and is asked to confirm."),
    "contact-transferred": Occasion(
        (Audience.OLD_MAILBOX, Audience.NEW_MAILBOX), "A transfer was asked for (old mailbox) or confirmed (both)."
    ),
    "subscription-activated": Occasion(_ADMINISTRATOR, "The subscription was activated."),
    "subscription-expiring": Occasion(_BOTH, "90, 60, 30, 14, 7 and 1 days before the end of what is paid."),
    "usage-statement": Occasion(_ADMINISTRATOR, "30 days before the end of a term, and at its end."),
    "subscription-renewed": Occasion(_BOTH, "A further term was recorded."),
    "subscription-in-grace": Occasion(_BOTH, "The term ended without a renewal, and grace began."),
    "subscription-lapsed": Occasion(_ADMINISTRATOR, "Grace ended without a renewal."),
    "subscription-reinstated": Occasion(_ADMINISTRATOR, "A lapsed subscription was taken up again."),
    "subscription-ended": Occasion(_ADMINISTRATOR, "The subscription ended for good."),
    "subscription-suspended": Occasion(_ADMINISTRATOR, "The subscription was suspended."),
    "subscription-resumed": Occasion(_ADMINISTRATOR, "The suspension of the subscription is over, or its time was given back."),
    "cancellation-scheduled": Occasion(_ADMINISTRATOR, "The subscription was cancelled to the end of its term."),
    "cancellation-undone": Occasion(_ADMINISTRATOR, "The cancellation was undone."),
    "plans-changed": Occasion(_ADMINISTRATOR, "The institution's API plans changed."),
    "quota-nearly-used": Occasion(_OWNER, "80 percent of a month's limit are used."),
    "quota-used": Occasion(_OWNER, "A month's limit is used up."),
    "bulk-data-link": Occasion(_ADMINISTRATOR, "A link to a file of bulk data was issued."),
    "bulk-data-link-expiring": Occasion(_ADMINISTRATOR, "Such a link is about to end."),
    "user-import-report": Occasion(_ADMINISTRATOR, "Every row of a list of people is settled."),
    "user-plan-invited": Occasion(_HOLDER, "The institution invited an address."),
    "user-plan-under-review": Occasion(_HOLDER, "A request is looked at by hand."),
    "user-plan-activated": Occasion(_HOLDER, "A user plan became active."),
    "user-plan-rejected": Occasion(_HOLDER, "A request, or a renewal, was refused."),
    "user-plan-at-risk": Occasion(_HOLDER, "Nothing shows any more that the person belongs to the institution."),
    "user-plan-expiring": Occasion(_HOLDER, "30 and 7 days before the end of the plan."),
    "user-plan-renewal-waiting": Occasion(_HOLDER, "A renewal was asked for that waits for the institution's own."),
    "user-plan-renewed": Occasion(_HOLDER, "The plan was renewed."),
    "user-plan-expired": Occasion(_HOLDER, "The plan ended because no renewal was asked for."),
    "user-plan-ended": Occasion(_HOLDER, "The plan was ended before its time."),
    "token-issued": Occasion(_OWNER, "A token was created."),
    "token-rotated": Occasion(_OWNER, "A token was replaced by a new one."),
    "token-expiring": Occasion(_OWNER, "30, 14, 7 and 1 days before a token ends."),
    "token-expired": Occasion(_OWNER, "A token ended."),
    "token-revoked": Occasion(_OWNER, "A token was revoked, other than for a leak."),
    "token-leaked": Occasion((Audience.EVERYONE, Audience.HOLDER), "A token's secret was found where others can read it."),
}
"""In the order in which an institution may see them."""
