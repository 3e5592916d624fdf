"""What a decision may look at besides its own stream: the states of related streams, folded from their events, and claims."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network, summarize_address_range
from typing import Protocol
from uuid import UUID

from domain.aggregates.api_token import ApiToken
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.user_import import UserImport
from domain.commands.api_token import IssueToken
from domain.commands.base import Command
from domain.commands.institutional_account import ClaimDomain, Close, Nominate, SetIpRanges
from domain.commands.institutional_user_plan import NoteUserQuota
from domain.commands.itk_subscription import ALONE
from domain.commands.onboarding import NudgeOnboarding
from domain.commands.portfolios import AmendAttestation, AttestPortfolio, SetBranding
from domain.commands.user_import import SettleRows
from domain.context import Context, Overlap
from domain.events.base import Metadata
from domain.rules import Rules
from domain.streams import Stream

Requires = dict[UUID, int]
"""The versions of the streams that were looked at: conditions of the append."""


class Claims(Protocol):
    """Who holds what."""

    def holder(self, kind: str, key: str) -> UUID | None: ...

    def claims(self, kind: str, low: str, high: str) -> list[tuple[str, UUID]]: ...


class Surroundings:
    """Makes the context of each decision. `read` gives a stream as recorded, `read_at` as of an instant, `settle` what is due by then."""

    def __init__(
        self,
        log: Claims,
        rules: Rules,
        read: Callable[[UUID], Stream | None],
        read_at: Callable[[UUID, datetime], Stream | None],
        settle: Callable[[Stream, datetime], Stream],
    ) -> None:
        self._log = log
        self._rules = rules
        self._read = read
        self._read_at = read_at
        self._settle = settle

    def context(
        self,
        stream: Stream,
        command: Command,
        now: datetime,
        observed_at: datetime,
        metadata: Metadata,
        requires: Requires,
        released: frozenset[UUID] = frozenset(),
    ) -> Context:
        context = Context(now=now, observed_at=max(now, observed_at), role=metadata.role, actor=metadata.actor, rules=self._rules)
        match stream.state:
            case InstitutionalAccount():
                return self._context_of_account(stream, command, context, requires)
            case ITKSubscription() as subscription:
                if isinstance(command, ALONE):
                    return context
                account_id = getattr(command, "account_id", None) or subscription.account_id
                context = self._with_account(context, account_id, requires)
                return self._with_subscription_of(context, account_id, requires) if stream.version == 0 else context
            case UserImport() if isinstance(command, SettleRows):
                return context
            case InstitutionalUserPlan() if isinstance(command, NoteUserQuota):
                return context
            case InstitutionalUserPlan() | UserImport() as ours:
                context = self._with_account(context, getattr(command, "account_id", None) or ours.account_id, requires)
                return self._with_subscription(context, getattr(command, "subscription_id", None) or ours.subscription_id, requires)
            case ApiToken() if isinstance(command, IssueToken):
                return self._context_of_issue(command, context, requires, released)
        return context

    def _context_of_account(self, stream: Stream, command: Command, context: Context, requires: Requires) -> Context:
        match command:
            case Close() | NudgeOnboarding() | AttestPortfolio() | AmendAttestation() | SetBranding():
                return self._with_subscription_of(context, stream.id, requires)
            case ClaimDomain(domain=domain, shared=True):
                giver = self._log.holder("domain-consent", f"{domain}/{stream.id}")
                held = giver is not None and (domain, stream.id) in self._account(giver, context, requires).consents
                return replace(context, consented_domains=frozenset({domain} if held else ()))
            case ClaimDomain(domain=domain):
                return replace(context, sharers=tuple(self._sharers(stream.id, domain, context, requires)))
            case Nominate(domains=domains, ip_ranges=ranges):
                sharers = (each for asked in domains for each in self._sharers(stream.id, asked.domain, context, requires))
                return replace(context, sharers=tuple(sharers), overlaps=tuple(self._overlaps(stream.id, ranges)))
            case SetIpRanges(ip_ranges=ranges):
                return replace(context, overlaps=tuple(self._overlaps(stream.id, ranges)))
        return context

    def _context_of_issue(self, command: IssueToken, context: Context, requires: Requires, released: frozenset[UUID]) -> Context:
        context = self._with_account(context, command.account_id, requires)
        if command.owner_id == command.account_id:
            context = self._with_subscription_of(context, command.account_id, requires)
        else:
            plan = self._settled(command.owner_id, context, requires)
            if plan is not None and isinstance(plan.state, InstitutionalUserPlan):
                context = replace(context, user_plan=plan.state.facts(plan.id))
                context = self._with_subscription(context, plan.state.subscription_id, requires)
        slots = self._log.claims("token-slot", f"{command.owner_id}/", f"{command.owner_id}0")
        live = (int(key.partition("/")[2]) for key, token in slots if token not in released and self._is_live(token, context))
        return replace(context, taken_slots=frozenset(live))

    def _is_live(self, token: UUID, context: Context) -> bool:
        """Its end may be overdue, and its slot still claimed: the append finds that out, and settles it."""
        stream = self._settled(token, context, {})
        return stream is not None and isinstance(stream.state, ApiToken) and stream.state.status in {"active", "rotating"}

    def _account(self, id: UUID, context: Context, requires: Requires) -> InstitutionalAccount:
        account = self._settled(id, context, requires)
        return account.state if account is not None and isinstance(account.state, InstitutionalAccount) else InstitutionalAccount()

    def _sharers(self, account_id: UUID, domain: str, context: Context, requires: Requires) -> Iterator[tuple[str, UUID]]:
        """Where the domain has a holder, the append itself finds that out."""
        if self._log.holder("domain", domain) is None:
            for _, sharer in self._log.claims("domain-shared", f"{domain}/", f"{domain}0"):
                if sharer != account_id and any(each.domain == domain for each in self._account(sharer, context, requires).domains):
                    yield domain, sharer

    def _with_account(self, context: Context, id: UUID, requires: Requires) -> Context:
        account = self._settled(id, context, requires)
        if account is None or not isinstance(account.state, InstitutionalAccount):
            return context
        return replace(context, account=account.state.facts(id))

    def _with_subscription(self, context: Context, id: UUID, requires: Requires) -> Context:
        subscription = self._settled(id, context, requires)
        if subscription is None or not isinstance(subscription.state, ITKSubscription):
            return context
        return replace(context, subscription=subscription.state.facts(id))

    def _with_subscription_of(self, context: Context, account_id: UUID, requires: Requires) -> Context:
        held = self._log.holder("subscription", str(account_id))
        return self._with_subscription(context, held, requires) if held else context

    def _settled(self, id: UUID, context: Context, requires: Requires) -> Stream | None:
        """A related stream at the instant of the decision; its version becomes a condition of the append."""
        stream = self._read(id)
        if stream is None:
            return None
        requires[id] = stream.version
        if context.now < context.observed_at and stream.last_at > context.now:
            stream = self._read_at(id, context.now)  # what is carried out late does not know what came after it was due
            if stream is None:
                return None
        return self._settle(stream, context.now)

    def _overlaps(self, account_id: UUID, ranges: Sequence[str]) -> list[Overlap]:
        return [
            Overlap(range=str(other), account_id=holder)
            for asked in map(ip_network, ranges)
            for key, holder in self._log.claims("ip-range", f"{asked.version}:", f"{asked.version}:{int(asked[-1]):032x}:~")
            if holder != account_id and (other := _range_of(key)) is not None and other.overlaps(asked)
        ]


def _range_of(key: str) -> IPv4Network | IPv6Network:
    version, first, last, _ = key.split(":")
    if version == "4":
        return next(summarize_address_range(IPv4Address(int(first, 16)), IPv4Address(int(last, 16))))
    return next(summarize_address_range(IPv6Address(int(first, 16)), IPv6Address(int(last, 16))))
