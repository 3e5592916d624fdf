"""May this token make this call? One function decides, explains, answers for a past instant, and forecasts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum, auto

from domain.catalogue import ApiPlan, Product


class Code(StrEnum):
    """Why not, in the order in which reasons are given."""

    TOKEN_UNKNOWN = auto()
    TOKEN_EXPIRED = auto()
    TOKEN_REVOKED = auto()
    PLAN_MISSING = auto()
    PLAN_EXPIRED = auto()
    SUBSCRIPTION_PENDING = auto()
    SUBSCRIPTION_LAPSED = auto()
    SUBSCRIPTION_SUSPENDED = auto()
    ACCOUNT_SUSPENDED = auto()
    QUOTA_MONTH = auto()
    QUOTA_RECORDS = auto()
    RATE_MINUTE = auto()
    TOO_MANY_RECORDS = auto()
    TOO_MANY_NESTED_AGGREGATIONS = auto()


_ORDER = {code: place for place, code in enumerate(Code)}
WAITING_HELPS = frozenset({Code.QUOTA_MONTH, Code.QUOTA_RECORDS, Code.RATE_MINUTE})
"""Asked again after a reset, the same call would do."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """`cost` is how many requests the call counts for. Where `records` is not known, it counts as one."""

    product: Product
    records: int | None = None
    nested_aggregations: int | None = None
    cost: int = 1

    @property
    def counted_records(self) -> int:
        return 1 if self.records is None else self.records


# What is known of each party at the instant. `position` is the place in the log of the event that made it so.


@dataclass(frozen=True, kw_only=True)
class TokenView:
    expires_at: datetime
    revoked_because: str | None = None
    position: int | None = None


@dataclass(frozen=True, kw_only=True)
class AccountView:
    status: str
    position: int | None = None


@dataclass(frozen=True, kw_only=True)
class SubscriptionView:
    """Settled to the instant: its status is the derived one. `since` is when it came to be so."""

    status: str
    since: datetime | None = None
    position: int | None = None


@dataclass(frozen=True, kw_only=True)
class PlanView:
    """What the token's owner has: the institution its subscription's plans, without an end of their own, or a person a user plan."""

    plans: tuple[ApiPlan, ...]
    status: str = "active"
    until: datetime | None = None
    position: int | None = None


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What the token's owner has used of the product: in the quota month, and in the running minute."""

    requests: int
    records: int
    resets_at: datetime
    requests_this_minute: int = 0
    minute_resets_at: datetime | None = None


@dataclass(frozen=True)
class Reason:
    """`detail` is a sentence for people who help others."""

    code: Code
    detail: str
    position: int | None = None


@dataclass(frozen=True, kw_only=True)
class Remaining:
    """After the call if it is allowed, before it if not."""

    requests_per_month: int
    requests_per_minute: int
    records_per_month: int | None
    resets_at: datetime


@dataclass(frozen=True, kw_only=True)
class Access:
    """`limits` are given where there is a plan, allowed or not. `retry_at`: from then on the same call would do, as things stand."""

    allowed: bool
    reasons: tuple[Reason, ...] = ()
    limits: ApiPlan | None = None
    remaining: Remaining | None = None
    retry_at: datetime | None = None


def decide_access(
    question: Question,
    *,
    token: TokenView | None,
    account: AccountView | None,
    subscription: SubscriptionView | None,
    plan: PlanView | None,
    usage: Usage | None,
    now: datetime,
) -> Access:
    """Every reason that stands against the call at `now`, not just the first. Without `usage`, quotas and rates are not asked about."""
    if token is None:
        return Access(allowed=False, reasons=(Reason(Code.TOKEN_UNKNOWN, "there is no such token"),))
    limits = _limits(question, plan)
    reasons = (
        *_of_token(token, now),
        *_of_plan(question, limits, plan, now),
        *_of_institution(account, subscription),
        *(_of_size(question, limits, plan) if limits else ()),
    )
    access = Access(allowed=not reasons, reasons=reasons, limits=limits)
    return with_usage(access, question, plan, usage) if usage else access


def gives_access(account: AccountView | None, subscription: SubscriptionView | None) -> bool:
    """Whether nothing of the institution itself stands against a call."""
    return next(_of_institution(account, subscription), None) is None


def with_usage(access: Access, question: Question, plan: PlanView | None, usage: Usage) -> Access:
    """What was decided without knowing what has been used, decided with it."""
    limits = access.limits
    if limits is None:
        return access
    reasons = access.reasons
    if over := tuple(_of_usage(question, limits, usage, plan)):
        reasons = tuple(sorted((*reasons, *over), key=lambda reason: _ORDER[reason.code]))
    return Access(
        allowed=not reasons,
        reasons=reasons,
        limits=limits,
        remaining=_remaining(question, limits, usage, counted=not reasons),
        retry_at=_retry_at(question, reasons, limits, usage) if reasons else None,
    )


def _limits(question: Question, plan: PlanView | None) -> ApiPlan | None:
    if plan is not None:
        for each in plan.plans:
            if each.product is question.product:
                return each
    return None


def _of_token(token: TokenView, now: datetime) -> Iterator[Reason]:
    if token.expires_at <= now:
        yield Reason(Code.TOKEN_EXPIRED, f"the token ended on {_shown(token.expires_at)}", token.position)
    if token.revoked_because is not None:
        yield Reason(Code.TOKEN_REVOKED, f"the token was revoked ({token.revoked_because})", token.position)


def _of_plan(question: Question, limits: ApiPlan | None, plan: PlanView | None, now: datetime) -> Iterator[Reason]:
    if plan is None:
        yield Reason(Code.PLAN_MISSING, "the token's owner has no plan")
    elif plan.status not in {"active", "at_risk", "expired"}:
        yield Reason(Code.PLAN_MISSING, f"the user plan is {plan.status}, not active", plan.position)
    elif limits is None:
        yield Reason(Code.PLAN_MISSING, f"the token's owner has no plan for {question.product}", plan.position)
    elif plan.until is not None and plan.until <= now:
        yield Reason(Code.PLAN_EXPIRED, f"the user plan ended on {_shown(plan.until)}", plan.position)
    elif plan.status == "expired":
        yield Reason(Code.PLAN_EXPIRED, "the user plan has expired", plan.position)


def _of_institution(account: AccountView | None, subscription: SubscriptionView | None) -> Iterator[Reason]:
    yield from _of_subscription(subscription)
    yield from _of_account(account)


def _of_subscription(subscription: SubscriptionView | None) -> Iterator[Reason]:
    if subscription is None:
        yield Reason(Code.SUBSCRIPTION_LAPSED, "the institution has no subscription")
        return
    if subscription.status in {"active", "grace"}:
        return
    since = f" since {_shown(subscription.since)}" if subscription.since else ""
    match subscription.status:
        case "pending":
            yield Reason(Code.SUBSCRIPTION_PENDING, "the subscription has not been activated yet", subscription.position)
        case "suspended":
            yield Reason(Code.SUBSCRIPTION_SUSPENDED, f"the subscription is suspended{since}", subscription.position)
        case status:
            yield Reason(Code.SUBSCRIPTION_LAPSED, f"the subscription is {status}{since}", subscription.position)


def _of_account(account: AccountView | None) -> Iterator[Reason]:
    if account is None:
        yield Reason(Code.ACCOUNT_SUSPENDED, "the institution's account is not known")
    elif account.status != "active":
        yield Reason(Code.ACCOUNT_SUSPENDED, f"the institution's account is {account.status}, not active", account.position)


def _of_usage(question: Question, limits: ApiPlan, usage: Usage, plan: PlanView | None) -> Iterator[Reason]:
    position = plan.position if plan else None
    if usage.requests + question.cost > limits.requests_per_month:
        detail = f"{usage.requests} of {limits.requests_per_month} requests of this month are used{_weight(question)}; {_reset(usage)}"
        yield Reason(Code.QUOTA_MONTH, detail, position)
    if limits.records_per_month is not None and usage.records + question.counted_records > limits.records_per_month:
        asked = f"{question.counted_records} asked for"
        detail = f"{usage.records} of {limits.records_per_month} records of this month are used, {asked}; {_reset(usage)}"
        yield Reason(Code.QUOTA_RECORDS, detail, position)
    if usage.requests_this_minute + question.cost > limits.requests_per_minute:
        detail = f"{usage.requests_this_minute} of {limits.requests_per_minute} requests of this minute are used{_weight(question)}"
        if usage.minute_resets_at is not None:
            detail += f"; the count begins anew at {usage.minute_resets_at.astimezone(UTC):%H:%M:%S} UTC"
        yield Reason(Code.RATE_MINUTE, detail, position)


def _weight(question: Question) -> str:
    return f", the call counts for {question.cost}" if question.cost != 1 else ""


def _reset(usage: Usage) -> str:
    return f"the count begins anew on {_shown(usage.resets_at)}"


def _of_size(question: Question, limits: ApiPlan, plan: PlanView | None) -> Iterator[Reason]:
    position = plan.position if plan else None
    records, most = question.records, limits.records_per_request
    if records is not None and most is not None and records > most:
        yield Reason(Code.TOO_MANY_RECORDS, f"a request may ask for {most} records, not {records}", position)
    nested, most = question.nested_aggregations, limits.nested_aggregations_per_request
    if nested is not None and most is not None and nested > most:
        detail = f"a request may have {most} nested aggregations, not {nested}"
        yield Reason(Code.TOO_MANY_NESTED_AGGREGATIONS, detail, position)


def _remaining(question: Question, limits: ApiPlan, usage: Usage, *, counted: bool) -> Remaining:
    cost, records = (question.cost, question.counted_records) if counted else (0, 0)
    return Remaining(
        requests_per_month=max(0, limits.requests_per_month - usage.requests - cost),
        requests_per_minute=max(0, limits.requests_per_minute - usage.requests_this_minute - cost),
        records_per_month=None if limits.records_per_month is None else max(0, limits.records_per_month - usage.records - records),
        resets_at=usage.resets_at,
    )


def _retry_at(question: Question, reasons: tuple[Reason, ...], limits: ApiPlan, usage: Usage) -> datetime | None:
    codes = {reason.code for reason in reasons}
    if not codes or not codes <= WAITING_HELPS or not _fits(question, limits):
        return None
    return usage.minute_resets_at if codes == {Code.RATE_MINUTE} else usage.resets_at


def _fits(question: Question, limits: ApiPlan) -> bool:
    """Whether the call would do if nothing had been used."""
    records = limits.records_per_month is None or question.counted_records <= limits.records_per_month
    return records and question.cost <= min(limits.requests_per_minute, limits.requests_per_month)


def _shown(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
