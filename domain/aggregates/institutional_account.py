"""An institution's account: nominated, converted, run by its contacts, closed."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

from domain.aggregates.contact_erasure import decide_on_contact_erasure
from domain.aggregates.contacts import decide_on_contacts
from domain.aggregates.domains import decide_on_domains, refuse_overlaps, refuse_shared_domains
from domain.aggregates.institutional_account_state import AccountState, Status
from domain.aggregates.librarian_keys import decide_on_librarian_keys
from domain.aggregates.onboarding import decide_on_onboarding, nudges
from domain.aggregates.portfolios import decide_on_portfolios
from domain.commands.base import Deadline
from domain.commands.institutional_account import (
    AccountCommand,
    Amend,
    ChaseNomination,
    ClaimDomain,
    Close,
    ConsentToShareDomain,
    Convert,
    FinishDomainRetirement,
    IssueLibrarianKey,
    LapseContactTransfer,
    Nominate,
    Reinstate,
    Reject,
    ReplaceRegisteredAccount,
    RetireDomain,
    ReviewLibrarianKey,
    RevokeLibrarianKey,
    SetIpRanges,
    SetLinkResolvers,
    Suspend,
    Withdraw,
)
from domain.commands.onboarding import (
    AcceptPersonalMailbox,
    AskForConfirmation,
    ConfirmByLink,
    NoteOnboardingStep,
    NudgeOnboarding,
    TellCommunity,
)
from domain.commands.people import AskForReplacement, RemoveForgottenContact
from domain.commands.portfolios import AmendAttestation, AttestPortfolio, SetBranding, WithdrawAttestation
from domain.context import AccountFacts, Context
from domain.errors import Refused
from domain.events.base import Event
from domain.events.institutional_account import (
    AccountAmended,
    AccountClosed,
    AccountConverted,
    AccountNominated,
    AccountReinstated,
    AccountSuspended,
    LinkResolversSet,
    NominationIncomplete,
    NominationRejected,
    NominationReminderSkipped,
    NominationWithdrawn,
    RegisteredAccountReplaced,
)

LIVE = frozenset({Status.NOMINATED, Status.ACTIVE, Status.SUSPENDED})
HELD = frozenset({Status.NOMINATED, Status.ACTIVE})
SPOKEN = {
    "registered_account_id": "the registered account",
    "institution": "the institution's name",
    "time_zone": "its time zone",
    "administrator": "an administrator contact",
}


@dataclass(frozen=True)
class InstitutionalAccount(AccountState):
    """Decides for its own standing; contacts, domains and ranges, and librarians' keys have state tables of their own."""

    def decide(self, command: AccountCommand, context: Context) -> tuple[Event, ...]:
        now = context.now
        match self.status, command:
            case Status.NEW, Nominate():
                refuse_shared_domains(context)
                refuse_overlaps(context)
                return (_nominated(command, context),)
            case Status.NOMINATED, Nominate() if self._nominated_by(command, context):
                return ()
            case status, Amend() if status in LIVE:
                return self._amend(command, context)
            case Status.NOMINATED, Withdraw(cause=cause):
                return (NominationWithdrawn(at=now, cause=cause),)
            case Status.NOMINATED, Reject(cause=cause):
                return (NominationRejected(at=now, cause=cause),)
            case Status.NOMINATED, Convert():
                if self.missing:
                    lacking = ", ".join(SPOKEN[each] for each in self.missing)
                    raise Refused(
                        "nomination-incomplete", f"before it can be converted the nomination needs {lacking}", field=self.missing[0]
                    )
                return (AccountConverted(at=now),)
            case Status.NOMINATED, ChaseNomination(days=days):
                return self._chase(days, context)
            case Status.ACTIVE, Suspend(cause=cause):
                return (AccountSuspended(at=now, cause=cause),)
            case Status.SUSPENDED, Reinstate():
                return (AccountReinstated(at=now),)
            case Status.ACTIVE | Status.SUSPENDED, Close():
                subscription = context.subscription
                if subscription is not None and subscription.status not in {"ended", "lapsed"}:
                    raise Refused("subscription-open", f"subscription {subscription.id} is {subscription.status}; cancel it first")
                return (AccountClosed(at=now),)
            case Status.ACTIVE, ReplaceRegisteredAccount(registered_account_id=new):
                if new == self.registered_account_id:
                    return ()
                return (RegisteredAccountReplaced(at=now, old=self.registered_account_id, new=new),)
            case status, SetLinkResolvers(libkey_id=libkey, worldcat_registry_id=worldcat) if status in HELD:
                if (libkey, worldcat) == (self.libkey_id, self.worldcat_registry_id):
                    return ()
                return (LinkResolversSet(at=now, libkey_id=libkey, worldcat_registry_id=worldcat),)
            case status, ClaimDomain() | ConsentToShareDomain() | RetireDomain() | SetIpRanges() if status in HELD:
                return decide_on_domains(self, command, context)
            case status, IssueLibrarianKey() | ReviewLibrarianKey() if status in LIVE:
                return decide_on_librarian_keys(self, command, context)
            case _, RevokeLibrarianKey():
                return decide_on_librarian_keys(self, command, context)
            case status, FinishDomainRetirement() if status in LIVE:
                return decide_on_domains(self, command, context)
            case status, (
                AskForConfirmation()
                | ConfirmByLink()
                | AcceptPersonalMailbox()
                | NoteOnboardingStep()
                | TellCommunity()
                | NudgeOnboarding()
            ) if status in LIVE:
                return decide_on_onboarding(self, command, context)
            case status, AskForReplacement() | RemoveForgottenContact():
                return decide_on_contact_erasure(self, command, context) if status in LIVE else ()
            case status, AttestPortfolio() | AmendAttestation() | WithdrawAttestation() | SetBranding() if status in LIVE:
                return decide_on_portfolios(self, command, context)
            case (
                (Status.WITHDRAWN, Withdraw())
                | (Status.REJECTED, Reject())
                | (Status.ACTIVE, Convert() | Reinstate())
                | (Status.SUSPENDED, Suspend())
                | (Status.CLOSED, Close())
                | (_, ChaseNomination() | FinishDomainRetirement() | NoteOnboardingStep() | NudgeOnboarding())
            ):
                return ()  # done already, or nothing to be done any more
            case status, _ if status in LIVE:
                return decide_on_contacts(self, command, context)
            case _, LapseContactTransfer():
                return ()
        raise self.refusal(command)

    def evolve(self, event: Event) -> Self:
        after = replace(super().evolve(event), portfolios=self.portfolios.evolve(event))
        return replace(after, onboarding=self.onboarding.evolve(event, self, after))

    def _amend(self, command: Amend, context: Context) -> tuple[Event, ...]:
        given = {
            "institution": command.institution,
            "time_zone": command.time_zone,
            "ror_id": command.ror_id,
            "registered_account_id": command.registered_account_id,
        }
        changed = {name: value for name, value in given.items() if value is not None and value != getattr(self, name)}
        if "registered_account_id" in changed and self.registered_account_id is not None:
            raise Refused(
                "registered-account-known",
                "the account has a registered account; replace it with replace-registered-account",
                field="registered_account_id",
            )
        return (AccountAmended(at=context.now, **changed),) if changed else ()

    def _nominated_by(self, command: Nominate, context: Context) -> bool:
        first = self.nomination
        if first is None:
            return False
        again = _nominated(command, context)
        return first == replace(again, at=first.at, chase_days=first.chase_days, confirm_until=first.confirm_until)

    def _chase(self, days: int, context: Context) -> tuple[Event, ...]:
        now, missing = context.now, self.missing
        if not missing or days not in self.chase_days or days in self.chased or now < self._chased_at(days):
            return ()
        later = [other for other in self.chase_days if other > days and self._chased_at(other) <= context.observed_at]
        if later:
            return (NominationReminderSkipped(at=now, days=days, missing=missing, why=f"the reminder after {max(later)} days was due too"),)
        return (NominationIncomplete(at=now, days=days, missing=missing),)

    def _chased_at(self, days: int) -> datetime:
        return self.nominated_at + timedelta(days=days)

    def facts(self, stream: UUID) -> AccountFacts:
        return AccountFacts(
            id=stream,
            status=self.status,
            institution=self.institution,
            registered_account_id=self.registered_account_id,
            time_zone=self.time_zone,
            domains=self.domains,
        )

    def deadlines(self, stream: UUID) -> tuple[Deadline, ...]:
        if self.status not in LIVE:
            return ()
        deadlines = [
            Deadline(f"retire-domain:{each.domain}", each.retires_at, FinishDomainRetirement(id=stream, domain=each.domain))
            for each in self.domains
            if each.retires_at is not None
        ]
        if (transfer := self.pending_transfer) is not None:
            lapse = LapseContactTransfer(id=stream, transfer_id=transfer.transfer_id)
            deadlines.append(Deadline("contact-transfer", transfer.lapses_at, lapse))
        if self.status is Status.NOMINATED and self.missing:
            deadlines.extend(
                Deadline(f"chase-{days}", self._chased_at(days), ChaseNomination(id=stream, days=days))
                for days in self.chase_days
                if days not in self.chased
            )
        return (*deadlines, *nudges(self, stream))


def _nominated(command: Nominate, context: Context) -> AccountNominated:
    nominated = AccountNominated(
        at=context.now,
        account_id=command.id,
        email=command.email,
        contact_id=command.contact_id,
        contact_name=command.contact_name,
        registered_account_id=command.registered_account_id,
        institution=command.institution,
        time_zone=command.time_zone,
        ror_id=command.ror_id,
        domains=command.domains,
        ip_ranges=command.ip_ranges,
        contacts=command.contacts,
        missing=(),
        chase_days=context.rules.incomplete_nomination_reminders,
        confirm_until=context.now + timedelta(days=context.rules.contact_confirmation_days),
    )
    return replace(nominated, missing=InstitutionalAccount().evolve(nominated).missing)
