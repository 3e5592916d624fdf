"""The list of user plans, how many there are of each kind, and who is to be reached when something happens to their institution."""

from collections import Counter
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Column, ColumnElement, Connection, Index, String, Uuid, and_, exists, func, or_, select, union

from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.application import Lifecycle
from domain.members import OPEN_PLANS
from projections import user_imports
from projections.current import Current, current_table, page
from projections.follower import Database
from projections.registrations import registered_accounts
from projections.shapes import user_plan
from projections.tables import Instant

table = current_table(
    "user_plans_2",
    Column("subscription_id", Uuid, nullable=False),
    Column("renewal", String, nullable=False),
    Column("email", String, nullable=False),
    Column("registered_account_id", String),
    Column("under_review", Boolean, nullable=False),
    Column("review_due_at", Instant),
    Column("waits_for_registration", Boolean, nullable=False),
    Column("vouched", Boolean, nullable=False),
    Column("granted_at", Instant),
    Column("override_until", Instant),
    Column("risk_import_id", Uuid),
    Index("user_plans_2_of_subscription", "subscription_id", "status", "id"),
    Index("user_plans_2_of_account", "account_id", "status", "id"),
    Index("user_plans_2_of_holder", "registered_account_id"),
    Index("user_plans_2_email", "email"),
    Index("user_plans_2_of_risk", "risk_import_id"),
)
row = table.c


def _columns(state: InstitutionalUserPlan) -> dict[str, Any]:
    return {
        "subscription_id": state.subscription_id,
        "renewal": str(state.renewal),
        "email": state.email.lower(),
        "registered_account_id": state.registered_account_id,
        "under_review": state.under_review,
        "review_due_at": state.review_due_at if state.under_review else None,
        "waits_for_registration": state.waits_for_registration,
        "vouched": state.vouched,
        "granted_at": state.granted_at if state.term else None,
        "override_until": state.override.until if state.override else None,
        "risk_import_id": state.risk.import_id if state.risk else None,
    }


projection = Current(table, InstitutionalUserPlan, _columns)


def listed(
    lifecycle: Lifecycle,
    database: Database,
    *,
    subscription: UUID | None = None,
    account: UUID | None = None,
    holder: str | None = None,
    status: str | None = None,
    renewal: str | None = None,
    review: str | None = None,
    after: int,
    limit: int,
) -> tuple[list[dict[str, Any]], int | None]:
    """`holder` is a registered account; `review` is `open`, or `overdue` for what waits longer than it should."""
    now = lifecycle.clock.now()
    conditions: list[ColumnElement[bool]] = []
    changing: list[ColumnElement[bool]] = []
    wanted: dict[str, Any] = {}
    if account:
        conditions.append(row.account_id == account)
    if subscription:
        if lifecycle.moment is not None:  # whoever came back may be of another subscription now, but of the same institution
            conditions.append(row.account_id == lifecycle.load(subscription).account_id)
        changing.append(row.subscription_id == subscription)
        wanted["subscription_id"] = subscription
    if holder:
        changing.append(row.registered_account_id == holder)
        wanted["registered_account_id"] = holder
    if renewal:
        changing.append(row.renewal == renewal)
        wanted["renewal"] = renewal
    if review:
        changing.append(row.under_review)
    if review == "overdue":
        changing.append(row.review_due_at <= now)

    def matches(shown: dict[str, Any]) -> bool:
        fits = all(str(shown[name]) == str(value) for name, value in wanted.items())
        return fits and (review is None or shown["review_due_at"] is not None) and (review != "overdue" or shown["review_overdue"])

    return page(
        table,
        lambda id, version, state, at: reviewed(user_plan(id, version, state), at),
        lifecycle,
        database,
        conditions=conditions,
        changing=changing,
        matches=matches,
        status=status,
        after=after,
        limit=limit,
        refresh=reviewed,
    )


def reviewed(shown: dict[str, Any], now: datetime) -> dict[str, Any]:
    """With the word whether its review is overdue."""
    due = shown["review_due_at"]
    due_at = datetime.fromisoformat(due) if isinstance(due, str) else due
    return shown | {"review_overdue": due_at is not None and due_at <= now}


def summary(lifecycle: Lifecycle, database: Database, subscription: UUID) -> dict[str, Any]:
    """How many people there are of each kind, as of now: what is overdue counts as what it has become."""
    if lifecycle.moment is not None:
        return _summary_then(lifecycle, database, subscription)
    now = lifecycle.clock.now()
    of_it = row.subscription_id == subscription
    late = and_(row.next_due.is_not(None), row.next_due <= now)
    with database.reading() as connection:
        counted = connection.execute(select(row.status, func.count()).where(of_it, ~late).group_by(row.status)).all()
        waiting = connection.scalar(select(func.count()).where(of_it, ~late, row.renewal == "waiting")) or 0
        open_reviews = connection.scalar(select(func.count()).where(of_it, row.under_review)) or 0
        red = connection.scalar(select(func.count()).where(of_it, row.under_review, row.review_due_at <= now)) or 0
        overdue = connection.scalars(select(row.id).where(of_it, late)).all()
    statuses: dict[str, int] = {status: count for status, count in counted}  # noqa: C416 - rows are no pairs to mypy
    for id in overdue:
        state = lifecycle.present(id).state
        assert isinstance(state, InstitutionalUserPlan)
        statuses[state.status] = statuses.get(state.status, 0) + 1
        waiting += state.renewal == "waiting"
    return {
        "subscription_id": subscription,
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "renewals_waiting": waiting,
        "reviews_open": open_reviews,
        "reviews_overdue": red,
    }


def _summary_then(lifecycle: Lifecycle, database: Database, subscription: UUID) -> dict[str, Any]:
    """The same of the past: everybody is looked at."""
    people: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        some, after = listed(lifecycle, database, subscription=subscription, after=after, limit=500)
        people.extend(some)
    statuses = Counter(each["status"] for each in people)
    return {
        "subscription_id": subscription,
        "statuses": dict(sorted(statuses.items())),
        "renewals_waiting": sum(each["renewal"] == "waiting" for each in people),
        "reviews_open": sum(each["review_due_at"] is not None for each in people),
        "reviews_overdue": sum(each["review_overdue"] for each in people),
    }


# groups


def open_ones(
    connection: Connection,
    *,
    subscription: UUID | None = None,
    account: UUID | None = None,
    statuses: tuple[str, ...] = OPEN_PLANS,
    renewal: str | None = None,
    after: UUID | None,
    limit: int,
) -> list[UUID]:
    """Plans that have not ended, of a subscription or of a whole institution, in the order of their ids."""
    query = select(row.id).where(row.status.in_(statuses)).order_by(row.id).limit(limit)
    if subscription:
        query = query.where(row.subscription_id == subscription)
    if account:
        query = query.where(row.account_id == account)
    if renewal:
        query = query.where(row.renewal == renewal)
    if after:
        query = query.where(row.id > after)
    return list(connection.scalars(query))


def touched_by(connection: Connection, import_id: UUID, *, after: UUID | None, limit: int) -> list[UUID]:
    """Plans that a list granted, renewed, let wait or put at risk."""
    outcomes = user_imports.outcomes.c
    by_row = select(outcomes.plan_id.label("id")).where(outcomes.import_id == import_id, outcomes.outcome.in_(user_imports.DID_SOMETHING))
    at_risk = select(row.id).where(row.risk_import_id == import_id)
    both = union(by_row, at_risk).subquery()
    query = select(both.c.id).order_by(both.c.id).limit(limit)
    return list(connection.scalars(query.where(both.c.id > after) if after else query))


def absent_from(import_id: UUID, now: datetime) -> list[ColumnElement[bool]]:
    """Who had a plan when the list came, is not on it, and was not let in by an override."""
    outcomes, imports = user_imports.outcomes.c, user_imports.table.c
    of_it = select(imports.id).where(
        imports.id == import_id, imports.subscription_id == row.subscription_id, row.granted_at < imports.submitted_at
    )
    return [
        row.status == "active",
        or_(row.override_until.is_(None), row.override_until <= now),
        of_it.exists(),
        ~exists().where(outcomes.import_id == import_id, outcomes.plan_id == row.id),
    ]


def absent_ids(connection: Connection, import_id: UUID, now: datetime, *, after: UUID | None, limit: int) -> list[UUID]:
    query = select(row.id).where(*absent_from(import_id, now)).order_by(row.id).limit(limit)
    return list(connection.scalars(query.where(row.id > after) if after else query))


def count_absent(connection: Connection, import_id: UUID, now: datetime) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(*absent_from(import_id, now))) or 0


def absent(lifecycle: Lifecycle, database: Database, import_id: UUID, *, after: int, limit: int) -> tuple[list[dict[str, Any]], int | None]:
    """Who was absent is told of the present only."""
    return page(
        table,
        lambda id, version, state, at: reviewed(user_plan(id, version, state), at),
        lifecycle,
        database,
        conditions=absent_from(import_id, lifecycle.clock.now()),
        status=None,
        after=after,
        limit=limit,
        refresh=reviewed,
    )


# what the platform's table says of them

_same_address = registered_accounts.c.email == row.email


def newly_registered(connection: Connection, limit: int) -> list[tuple[UUID, str]]:
    """Whoever stands on a list, waits for an account, and has one now: the plan and the account."""
    query = select(row.id, registered_accounts.c.registered_account_id).join(registered_accounts, _same_address)
    return [(id, account) for id, account in connection.execute(query.where(row.waits_for_registration).limit(limit))]


def without_address(connection: Connection, limit: int) -> list[UUID]:
    """Plans whose account is known to the platform, but under other addresses."""
    accounts = registered_accounts.alias()
    known = exists().where(accounts.c.registered_account_id == row.registered_account_id)
    still = exists().where(_same_address, registered_accounts.c.registered_account_id == row.registered_account_id)
    query = select(row.id).where(row.status == "active", ~row.vouched, row.override_until.is_(None), known, ~still)
    return list(connection.scalars(query.limit(limit)))
