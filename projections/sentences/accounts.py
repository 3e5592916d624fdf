"""What happens to an institution's account, its contacts, its domains and its onboarding, in words."""

from collections.abc import Mapping

from domain.events import institutional_account as events
from domain.events import onboarding, portfolios
from domain.events.base import Event
from projections.sentences.base import Words, count


def _amended(event: events.AccountAmended) -> str:
    given = [
        ("the name is {institution}", event.institution),
        ("the time zone is {time_zone}", event.time_zone),
        ("the ROR id is {ror_id}", event.ror_id),
        ("the registered account is {registered_account_id}", event.registered_account_id),
    ]
    return "amended the account: " + (", ".join(text for text, value in given if value is not None) or "nothing")


def _contact(event: events.ContactAdded) -> str:
    roles = " as {contact.roles}" if event.contact.roles else ""
    return ("added the contact {contact.name} ({contact.email})" if event.contact.name else "added the contact {contact.email}") + roles


def _named(event: events.AccountNominated) -> str:
    of = "{institution}, with the mailbox {email}" if event.institution else "an institution by its mailbox {email}"
    return f"nominated {of}" + ("; still missing: {missing}" if event.missing else "")


def _claimed(event: events.DomainClaimed) -> str:
    return "claimed the domain {domain}" + (" with its sub-domains" if event.subdomains else "") + (", shared" if event.shared else "")


def _ranges(event: events.IpRangesSet) -> str:
    if not event.ip_ranges:
        return "took every network off the account"
    return f"set {count(len(event.ip_ranges), 'network')} of the institution"


WORDS: Mapping[type[Event], Words] = {
    events.AccountNominated: _named,
    events.NominationIncomplete: "noted that the nomination is still incomplete after {days} days: {missing}",
    events.NominationReminderSkipped: "did not remind of the incomplete nomination after {days} days: {why}",
    events.AccountAmended: _amended,
    events.NominationWithdrawn: "withdrew the nomination ({cause})",
    events.NominationRejected: "rejected the nomination ({cause})",
    events.AccountConverted: "converted the nominated account to an institutional one",
    events.ContactAdded: _contact,
    events.ContactRolesSet: lambda event: "set the roles of a contact to {roles}" if event.roles else "took all roles from a contact",
    events.ContactAmended: lambda event: "amended a contact: {name} ({email})" if event.name else "amended a contact: {email}",
    events.ContactConfirmed: "confirmed a contact's mailbox",
    events.ContactUnreachable: "marked {address} as unreachable, because an email to it came back",
    events.ContactRemoved: "removed a contact",
    events.ContactTransferRequested: "asked to hand the contact {old_email} over to {email}, until {lapses_at}",
    events.ContactTransferred: "handed the contact {old_email} over to {new_contact.email}",
    events.ContactTransferCancelled: "cancelled the hand-over of a contact",
    events.ContactTransferLapsed: "let the hand-over of a contact lapse, which nobody had confirmed",
    events.RegisteredAccountReplaced: lambda event: (
        "replaced the registered account {old} by {new}" if event.old else "set the registered account {new}"
    ),
    events.DomainClaimed: _claimed,
    events.DomainSharingConsented: "agreed to share the domain {domain} with account {with_account}",
    events.DomainRetirementStarted: "gave up the domain {domain}, which counts until {retires_at}",
    events.DomainRetired: "retired the domain {domain}",
    events.IpRangesSet: _ranges,
    events.LinkResolversSet: "set the link resolvers: LibKey {libkey_id}, WorldCat registry {worldcat_registry_id}",
    events.LibrarianKeyIssued: "issued a librarian's key to {name}, until {expires_at}",
    events.LibrarianKeyReviewed: "looked at a librarian's key again, which stays",
    events.LibrarianKeyRevoked: "revoked a librarian's key ({cause})",
    events.AccountSuspended: "suspended the account ({cause})",
    events.AccountReinstated: "reinstated the account",
    events.AccountClosed: "closed the account",
    onboarding.ContactConfirmationAsked: "asked a contact to confirm its mailbox, until {lapses_at}",
    onboarding.PersonalMailboxAccepted: "accepted a person's own mailbox as a contact",
    onboarding.OnboardingStepReached: "noted the onboarding step {step}, reached on {since}",
    onboarding.CommunityTold: "noted that the institution has told its community",
    onboarding.OnboardingNudged: "reminded of the open onboarding steps after {days} days: {open}",
    onboarding.OnboardingNudgeSkipped: "did not remind of the onboarding after {days} days: {why}",
    portfolios.PortfolioAttested: "attested the portfolio {portfolio.name} ({portfolio.address}), by {attested_by}",
    portfolios.AttestationAmended: "amended the portfolio {portfolio.name} ({portfolio.address}), by {attested_by}",
    portfolios.AttestationWithdrawn: "withdrew a portfolio ({cause})",
    portfolios.BrandingSet: lambda event: "set the branding, with a picture" if event.image_id else "set the branding",
}
