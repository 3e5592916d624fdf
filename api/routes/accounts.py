"""Institutional accounts: nominated, converted, amended, closed; and what an account holds besides contacts."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request, Response

from api.answers import AccountShown, AccountsShown
from api.auth import Caller, Insider, Support
from api.bodies import (
    AmendBody,
    ClaimDomainBody,
    ConsentBody,
    DomainBody,
    IpRangesBody,
    LinkResolversBody,
    NominateBody,
    ReplaceRegisteredAccountBody,
)
from api.fields import Body
from api.paging import After, Limit, Position, listed
from api.reads import SHOWS_PEOPLE
from api.wiring import Asking, Looking, created
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.commands.institutional_account import (
    Amend,
    ClaimDomain,
    Close,
    ConsentToShareDomain,
    Convert,
    Nominate,
    Reinstate,
    Reject,
    ReplaceRegisteredAccount,
    RetireDomain,
    SetIpRanges,
    SetLinkResolvers,
    Suspend,
    Withdraw,
)
from domain.context import ClaimedDomain
from domain.errors import Invalid
from domain.events.institutional_account import Contact
from domain.values import (
    looks_personal,
    parse_claimed_domain,
    parse_domain,
    parse_email,
    parse_ip_range,
    parse_registered_account_id,
    parse_ror_id,
    parse_text,
    parse_time_zone,
    read_pasted,
)
from projections import accounts

router = APIRouter(prefix="/v1/accounts", tags=["accounts"])
ask = Asking(InstitutionalAccount, "account")

MOST_SHOWN, MOST_WRONG, MOST_RANGES = 100, 100, 1_000
PERSONAL_MAILBOX = "the mailbox looks like a person's own: a shared one, such as library@…, outlives the people behind it"


def _domain(given: str | DomainBody) -> ClaimedDomain:
    if isinstance(given, str):
        return ClaimedDomain(domain=parse_claimed_domain(given, field="domains"))
    return ClaimedDomain(
        domain=parse_claimed_domain(given.domain, subdomains=given.subdomains, confirm_a_label=given.confirm_a_label, field="domains"),
        subdomains=given.subdomains,
    )


def _ranges(given: Sequence[str], caller: Caller) -> tuple[str, ...]:
    """Each once, in the order given."""
    return tuple(dict.fromkeys(parse_ip_range(each, admin=caller.role == "admin", field="ip_ranges") for each in given))


def _pasted(text: str, caller: Caller) -> tuple[str, ...]:
    """Each once, in the order given."""
    entries = read_pasted(text, admin=caller.role == "admin")
    wrong = [(f"text.line.{entry.line}", f"{entry.text[:MOST_SHOWN]}: {entry.problem}") for entry in entries if entry.problem]
    if wrong:
        sentence = f"{len(wrong)} of {len(entries)} entries cannot be taken, so none was; the first of them, {wrong[0][1]}"
        raise Invalid("invalid-ip-range", sentence, field=wrong[0][0], errors=tuple(wrong[:MOST_WRONG]))
    ranges = tuple(dict.fromkeys(each for entry in entries for each in entry.ranges))
    if len(ranges) > MOST_RANGES:
        raise Invalid("invalid-ip-range", f"these are {len(ranges)} ranges; an account has at most {MOST_RANGES}", field="text")
    return ranges


@router.post("", status_code=201, response_model=AccountShown)
def nominate(request: Request, caller: Support, body: NominateBody) -> Response:
    """Put an account forward. Only the mailbox is needed; the rest is asked for before the conversion."""
    email = parse_email(body.email, field="email")
    domains = tuple(_domain(each) for each in body.domains)
    if len({each.domain for each in domains}) < len(domains):
        raise Invalid("domain-twice", "a domain is named twice", field="domains")
    contacts = tuple(
        Contact(
            id=uuid4(),
            email=parse_email(each.email, field="contacts"),
            name=parse_text(each.name, field="contacts") if each.name else None,
            roles=tuple(dict.fromkeys(each.roles)),
        )
        for each in body.contacts
    )
    if len({email, *(each.email for each in contacts)}) <= len(contacts):
        raise Invalid("contact-twice", "an address is named twice", field="contacts")
    command = Nominate(
        id=uuid4(),
        email=email,
        contact_id=uuid4(),
        contact_name=parse_text(body.contact_name, field="contact_name") if body.contact_name else None,
        registered_account_id=parse_registered_account_id(body.registered_account_id) if body.registered_account_id else None,
        institution=parse_text(body.institution, field="institution") if body.institution else None,
        time_zone=parse_time_zone(body.time_zone) if body.time_zone else None,
        ror_id=parse_ror_id(body.ror_id) if body.ror_id else None,
        domains=domains,
        ip_ranges=_ranges(body.ip_ranges, caller),
        contacts=contacts,
    )
    warnings = [PERSONAL_MAILBOX] if looks_personal(email) else []
    return created(request, caller, body, "/v1/accounts", command, extra=lambda _: {"warnings": warnings})


@router.get("", response_model=AccountsShown, openapi_extra=SHOWS_PEOPLE)
def list_accounts(
    request: Request,
    service: Looking,
    caller: Insider,
    q: Annotated[
        str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="words of a name, an address, a domain or an id")
    ] = None,
    status: Annotated[str | None, Query(pattern="^(nominated|active|suspended|closed|withdrawn|rejected)$")] = None,
    after: After = 0,
    limit: Limit = 50,
    position: Position = None,
) -> Response:
    """Accounts in the order in which they were nominated. A librarian sees the own one."""
    service.wait_for(position)
    items, following = accounts.listed(
        service.lifecycle, service.database, only=caller.account_id, q=q, status=status, after=after, limit=limit
    )
    return listed(request, items, following)


@router.get("/{id}", response_model=AccountShown, openapi_extra=SHOWS_PEOPLE)
def one_account(id: UUID, service: Looking, caller: Insider) -> Response:
    """An account as it is at this instant."""
    return service.answer_now(service.stream(InstitutionalAccount, "account", id, caller))


@router.post("/{id}/amend", response_model=AccountShown)
def amend(id: UUID, request: Request, caller: Support, body: AmendBody) -> Response:
    """Correct or complete what is known of the institution. Instants that were promised do not move with a time zone."""
    command = Amend(
        id=id,
        institution=parse_text(body.institution, field="institution") if body.institution is not None else None,
        time_zone=parse_time_zone(body.time_zone) if body.time_zone is not None else None,
        ror_id=parse_ror_id(body.ror_id) if body.ror_id is not None else None,
        registered_account_id=parse_registered_account_id(body.registered_account_id) if body.registered_account_id is not None else None,
    )
    return ask(request, caller, body, command)


@router.post("/{id}/convert", response_model=AccountShown)
def convert(id: UUID, request: Request, caller: Support, body: Body = Body()) -> Response:
    """Make the nominated account an institutional one. What is still missing is named."""
    return ask(request, caller, body, Convert(id=id))


@router.post("/{id}/withdraw", response_model=AccountShown)
def withdraw(id: UUID, request: Request, caller: Support, body: Body = Body()) -> Response:
    """The institution takes its nomination back."""
    return ask(request, caller, body, Withdraw(id=id))


@router.post("/{id}/reject", response_model=AccountShown)
def reject(id: UUID, request: Request, caller: Support, body: Body = Body()) -> Response:
    """We do not accept the nomination."""
    return ask(request, caller, body, Reject(id=id))


@router.post("/{id}/suspend", response_model=AccountShown)
def suspend(id: UUID, request: Request, caller: Support, body: Body = Body()) -> Response:
    """Stop everything of the account; nothing is lost."""
    return ask(request, caller, body, Suspend(id=id, cause=body.reason.code.value if body.reason else "asked"))


@router.post("/{id}/reinstate", response_model=AccountShown)
def reinstate(id: UUID, request: Request, caller: Support, body: Body = Body()) -> Response:
    """Let a suspended account go on."""
    return ask(request, caller, body, Reinstate(id=id))


@router.post("/{id}/close", response_model=AccountShown)
def close(id: UUID, request: Request, caller: Support, body: Body = Body()) -> Response:
    """End the account for good; its subscriptions have ended or lapsed."""
    return ask(request, caller, body, Close(id=id))


@router.post("/{id}/replace-registered-account", response_model=AccountShown)
def replace_registered_account(id: UUID, request: Request, caller: Support, body: ReplaceRegisteredAccountBody) -> Response:
    """Let another registered account run it; tokens live on."""
    new = parse_registered_account_id(body.registered_account_id)
    return ask(request, caller, body, ReplaceRegisteredAccount(id=id, registered_account_id=new))


@router.post("/{id}/domains", response_model=AccountShown)
def claim_domain(id: UUID, request: Request, caller: Support, body: ClaimDomainBody) -> Response:
    """Claim an email domain: exact, or with its sub-domains if it says so."""
    domain = parse_claimed_domain(body.domain, subdomains=body.subdomains, confirm_a_label=body.confirm_a_label, field="domain")
    return ask(request, caller, body, ClaimDomain(id=id, domain=domain, subdomains=body.subdomains, shared=body.shared))


@router.post("/{id}/domains/{domain}/consent", response_model=AccountShown)
def consent(id: UUID, domain: str, request: Request, caller: Support, body: ConsentBody) -> Response:
    """The holder lets another institution claim the domain as well; from now on each person is approved by hand."""
    parsed = parse_domain(domain, field="domain")
    return ask(request, caller, body, ConsentToShareDomain(id=id, domain=parsed, with_account=body.with_account))


@router.post("/{id}/domains/{domain}/retire", response_model=AccountShown)
def retire_domain(id: UUID, domain: str, request: Request, caller: Support, body: Body = Body()) -> Response:
    """Give a domain up; it still counts for 90 days."""
    return ask(request, caller, body, RetireDomain(id=id, domain=parse_domain(domain, field="domain")))


@router.put("/{id}/ip-ranges", response_model=AccountShown)
def set_ip_ranges(id: UUID, request: Request, caller: Support, body: IpRangesBody) -> Response:
    """All ranges of the institution: an anti-bot allow-list, never access control. Of a pasted text, all entries are taken or none."""
    if (body.ip_ranges is None) == (body.text is None):
        raise Invalid("invalid-request", "give the ranges as ip_ranges or as text, one of the two", field="body")
    ranges = _ranges(body.ip_ranges, caller) if body.ip_ranges is not None else _pasted(body.text or "", caller)
    return ask(request, caller, body, SetIpRanges(id=id, ip_ranges=ranges, shared=body.shared))


@router.put("/{id}/link-resolvers", response_model=AccountShown)
def set_link_resolvers(id: UUID, request: Request, caller: Support, body: LinkResolversBody) -> Response:
    """The institution's LibKey and WorldCat registry ids."""
    libkey = parse_text(body.libkey_id, field="libkey_id") if body.libkey_id is not None else None
    worldcat = parse_text(body.worldcat_registry_id, field="worldcat_registry_id") if body.worldcat_registry_id is not None else None
    return ask(request, caller, body, SetLinkResolvers(id=id, libkey_id=libkey, worldcat_registry_id=worldcat))
