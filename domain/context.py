"""What a decision may look at besides its own stream: the instant, the rules, and facts of related streams."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from domain.catalogue import CURRENT, Catalogue
from domain.rules import DEFAULT_RULES, Rules


@dataclass(frozen=True, kw_only=True)
class ClaimedDomain:
    """An email domain in A-label form. `shared` means that another institution holds it too, by consent of both."""

    domain: str
    subdomains: bool = False
    shared: bool = False
    retires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class AccountFacts:
    id: UUID
    status: str  # nominated, active, suspended, closed, withdrawn, rejected
    institution: str | None
    registered_account_id: str | None
    time_zone: str | None
    domains: tuple[ClaimedDomain, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TermFacts:
    """One term, half-open: `starts_at <= t < ends_at`."""

    number: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class SubscriptionFacts:
    id: UUID
    account_id: UUID
    status: str  # ended, lapsed, suspended, grace, active, pending: the derived one
    gives_access: bool  # the term's and the hold's word; the account's standing comes on top
    term: TermFacts | None  # the current one, or the last one
    terms: tuple[TermFacts, ...] = ()  # every term so far, queued ones included, by number
    grace_days: int = 0
    time_zone: str = "UTC"  # grace counts local days of it
    ended_because: str | None = None
    entitlements: tuple[tuple[str, datetime | None], ...] = ()  # each with its end, if it has one

    def entitled(self, name: str, instant: datetime) -> bool:
        return any(held == name and (until is None or instant < until) for held, until in self.entitlements)


@dataclass(frozen=True, kw_only=True)
class UserPlanFacts:
    id: UUID
    account_id: UUID
    subscription_id: UUID
    status: str


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """An IP range (CIDR) that another institution has on record, and that overlaps one of ours."""

    range: str
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class Context:
    """`now` is the instant of the decision: the due instant for a deadline, however late it is carried out.

    `observed_at` is the instant at which it is carried out, never before `now`. `role` is the caller's.
    """

    now: datetime
    observed_at: datetime
    role: str = "system"
    actor: str = "system"
    rules: Rules = field(default=DEFAULT_RULES)
    catalogue: Catalogue = field(default=CURRENT)
    account: AccountFacts | None = None
    subscription: SubscriptionFacts | None = None
    user_plan: UserPlanFacts | None = None
    taken_slots: frozenset[int] = frozenset()
    consented_domains: frozenset[str] = frozenset()
    """Domains whose holder has agreed to share them with this account."""
    sharers: tuple[tuple[str, UUID], ...] = ()
    """Each domain that is asked for, whose holder is gone, with an account that still has it by consent."""
    overlaps: tuple[Overlap, ...] = ()
