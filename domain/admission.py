"""Who may have a user plan at an institution, and until when."""

from collections.abc import Iterable
from datetime import datetime

from domain.calendar import later_by_days
from domain.commands.institutional_user_plan import ApproveUserPlan
from domain.context import AccountFacts, Context, SubscriptionFacts, TermFacts
from domain.errors import Refused
from domain.events.institutional_user_plan import Override
from domain.matching import covering, domain_of


def open_account(context: Context) -> AccountFacts:
    """A nominated institution's people may ask already; they wait for its activation."""
    account = context.account
    if account is None or account.status not in {"nominated", "active"}:
        raise Refused("account-not-active", f"the institution's account is {account.status if account else 'unknown'}, not active")
    return account


def no_subscription(subscription: SubscriptionFacts | None) -> Refused:
    return Refused("no-subscription", f"the institution's subscription is {subscription.status if subscription else 'missing'}")


def doubts_about(email: str, account: AccountFacts, now: datetime, *, review: bool) -> tuple[str, ...]:
    """Why a request is not granted at once. `review`: a domain that does not fit is a doubt instead of a refusal."""
    domain = domain_of(email)
    claim = covering(account.domains, domain, now)
    if claim is None and not review:
        raise Refused("wrong-domain", f"{domain} is not an email domain of the institution", field="email")
    if claim is None:
        return ("wrong-domain",)
    return ("shared-domain",) if claim.shared else ()


def override_of(command: ApproveUserPlan, now: datetime) -> Override | None:
    """All three of its parts, or none."""
    ground, licence, until = command.ground, command.licence, command.until
    if not (ground or licence or until):
        return None
    if not (ground and licence and until):
        missing = next(name for name in ("ground", "licence", "until") if not getattr(command, name))
        raise Refused("override-incomplete", f"an override needs a ground, a licence and an end; there is no {missing}", field=missing)
    if until <= now:
        raise Refused("override-over", "the override would end before it begins", field="until")
    return Override(ground=ground, licence=licence, until=until)


def last_term(terms: Iterable[TermFacts]) -> TermFacts | None:
    return max(terms, key=lambda term: term.number, default=None)


def until_of(term: TermFacts, subscription: SubscriptionFacts, override: Override | None) -> datetime:
    """The term's end and the days of grace after it, but no longer than an override says."""
    until = later_by_days(term.ends_at, subscription.grace_days, subscription.time_zone)
    return min(until, override.until) if override else until
