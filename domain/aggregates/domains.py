"""Email domains and address ranges of an account."""

from datetime import timedelta

from domain.aggregates.institutional_account_state import AccountState
from domain.commands.institutional_account import (
    AccountCommand,
    ClaimDomain,
    ConsentToShareDomain,
    FinishDomainRetirement,
    RetireDomain,
    SetIpRanges,
)
from domain.context import ClaimedDomain, Context
from domain.errors import Refused
from domain.events.base import Event
from domain.events.institutional_account import (
    DomainClaimed,
    DomainRetired,
    DomainRetirementStarted,
    DomainSharingConsented,
    IpRangesSet,
)


def decide_on_domains(account: AccountState, command: AccountCommand, context: Context) -> tuple[Event, ...]:
    now = context.now
    match command:
        case ClaimDomain(domain=domain, subdomains=subdomains, shared=shared):
            known = _held(account, domain)
            shared = shared or bool(account.consented(domain))  # a consent cannot be taken back by claiming anew
            if known is not None and known.retires_at is None and (known.subdomains, known.shared) == (subdomains, shared):
                return ()
            if known is None and not shared:
                refuse_shared_domains(context)
            if shared and domain not in context.consented_domains and (known is None or not known.shared):
                raise Refused("no-consent", f"the holder of {domain} has not agreed to share it with this account", field="shared")
            return (DomainClaimed(at=now, account_id=command.id, domain=domain, subdomains=subdomains, shared=shared),)
        case ConsentToShareDomain(domain=domain, with_account=other):
            known = _held(account, domain)
            if known is None:
                raise Refused("domain-not-held", f"the account does not hold {domain}", field="domain")
            if (domain, other) in account.consents:
                return ()
            if other == command.id:
                raise Refused("domain-held", f"the account holds {domain} itself", field="with_account")
            if known.shared and not account.consented(domain):
                raise Refused("not-the-holder", f"the account has {domain} by consent; ask the institution that gave it", field="domain")
            return (DomainSharingConsented(at=now, domain=domain, with_account=other),)
        case RetireDomain(domain=domain):
            known = _held(account, domain)
            if known is None:
                raise Refused("domain-not-held", f"the account does not hold {domain}", field="domain")
            if known.retires_at is not None:
                return ()
            retires_at = now + timedelta(days=context.rules.domain_retirement_days)
            return (DomainRetirementStarted(at=now, domain=domain, retires_at=retires_at),)
        case FinishDomainRetirement(domain=domain):
            known = _held(account, domain)
            if known is None or known.retires_at is None or now < known.retires_at:
                return ()
            return (DomainRetired(at=now, account_id=command.id, domain=domain, consents=account.consented(domain)),)
        case SetIpRanges(ip_ranges=ranges, shared=shared):
            if ranges == account.ip_ranges:
                return ()
            if not shared:
                refuse_overlaps(context)
            return (IpRangesSet(at=now, account_id=command.id, ip_ranges=ranges, shared=shared),)
    raise account.refusal(command)


def refuse_shared_domains(context: Context) -> None:
    """Whoever has a domain by consent keeps it when its holder goes, and must claim it alone before another can ask to share it."""
    for domain, sharer in context.sharers:
        raise Refused("domain-taken", f"the domain {domain} is held by account {sharer}, by consent of an earlier holder", field="domains")


def refuse_overlaps(context: Context) -> None:
    if context.overlaps:
        overlap = context.overlaps[0]
        sentence = f"{overlap.range} belongs to account {overlap.account_id}; if both use it, set the ranges as shared"
        raise Refused("range-overlaps", sentence, field="ip_ranges")


def _held(account: AccountState, domain: str) -> ClaimedDomain | None:
    return next((each for each in account.domains if each.domain == domain), None)
