"""Being let in: by asking, by a list, by an invitation, or by those who review what is in doubt."""

from datetime import datetime
from uuid import UUID

from domain.admission import doubts_about, last_term, no_subscription, open_account, override_of, until_of
from domain.aggregates.institutional_user_plan_state import GRANTED, NOT_REGISTERED, OUTSIDE, PENDING, Status, UserPlanState
from domain.aggregates.institutional_user_plan_terms import renewed
from domain.calendar import after_working_days, later_by_days
from domain.commands.institutional_user_plan import (
    AcceptInvitation,
    AdmitListed,
    ApproveUserPlan,
    InviteUser,
    RequestUserPlan,
    TakeUpRegistration,
)
from domain.context import Context, SubscriptionFacts
from domain.errors import Refused
from domain.events.base import Event
from domain.events.institutional_user_plan import (
    Override,
    UserPlanAccepted,
    UserPlanActivated,
    UserPlanInvited,
    UserPlanReconfirmed,
    UserPlanRegistered,
    UserPlanRejected,
    UserPlanRequested,
)
from domain.matching import covering, domain_of


def request(state: UserPlanState, command: RequestUserPlan, context: Context) -> tuple[Event, ...]:
    account = open_account(context)
    doubts = list(doubts_about(command.email, account, context.now, review=command.review))
    subscription = _subscription(command.account_id, context)
    if not subscription.gives_access:
        doubts.append(PENDING)
    if state.status is Status.REJECTED:
        doubts.append("rejected-before")
    return _asked(command, tuple(doubts), None, subscription, context)


def ask_again(state: UserPlanState, command: RequestUserPlan, context: Context) -> tuple[Event, ...]:
    """Nothing new, but whose account it is, where a list or the link of an invitation did not say."""
    account = command.registered_account_id
    if account is None or account == state.registered_account_id:
        return ()
    if state.registered_account_id is not None:
        raise Refused("person-known", "another registered account has asked with this address", field="registered_account_id")
    if state.waits_for_registration:
        return _registered(state, account, context)
    return (UserPlanRegistered(at=context.now, registered_account_id=account, doubts=state.doubts),)


def admit_listed(state: UserPlanState, command: AdmitListed, context: Context) -> tuple[Event, ...]:
    """The institution's own word for somebody: whoever has a plan keeps it, or goes on if the institution has renewed."""
    account = open_account(context)
    subscription = _subscription(command.account_id, context)
    if state.left and state.status not in GRANTED | {Status.REQUESTED}:
        raise Refused("left-earlier", "this person has left the institution; only an own request or an invitation brings a plan back")
    same = state.subscription_id == command.subscription_id
    has_it = state.status in GRANTED and (same or state.status is Status.SUSPENDED)
    claim = covering(account.domains, domain_of(command.email), context.now)
    if claim is None and not (has_it and state.override_at(context.now)):
        raise Refused("wrong-domain", f"{domain_of(command.email)} is not an email domain of the institution", field="email")
    if has_it:
        confirmed = (UserPlanReconfirmed(at=context.now),) if state.risk else ()
        later = state.later_term(context) if same else None
        return (*confirmed, renewed(state, later, subscription, context, command.import_id)) if later else confirmed
    if state.status is Status.REQUESTED and same:
        if state.waits_for_registration and command.registered and command.registered_account_id:
            return _registered(state, command.registered_account_id, context)
        return let_in(state, context) if state.doubts == (PENDING,) else ()
    doubts = ["shared-domain"] if claim and claim.shared else []
    if not subscription.gives_access:
        doubts.append(PENDING)
    if state.status is Status.REJECTED:
        doubts.append("rejected-before")
    if not command.registered:
        doubts.append(NOT_REGISTERED)
    return _asked(command, tuple(doubts), command.import_id, subscription, context)


def _asked(
    command: RequestUserPlan | AdmitListed,
    doubts: tuple[str, ...],
    import_id: UUID | None,
    subscription: SubscriptionFacts,
    context: Context,
) -> tuple[Event, ...]:
    """On record that somebody is to have plans: with them at once, or with the doubts about it."""
    requested = UserPlanRequested(
        at=context.now,
        account_id=command.account_id,
        subscription_id=command.subscription_id,
        registered_account_id=command.registered_account_id,
        email=command.email,
        name=command.name,
        person_key=command.person_key,
        doubts=doubts,
        import_id=import_id,
        review_due_at=_review_due_at(doubts, context),
    )
    return (requested,) if doubts else (requested, activated(subscription, None, context, import_id))


def _review_due_at(doubts: tuple[str, ...], context: Context) -> datetime | None:
    if not set(doubts) - {PENDING, NOT_REGISTERED}:
        return None
    zone = (context.account.time_zone if context.account else None) or "UTC"
    return after_working_days(context.now, context.rules.review_working_days, zone)


def approve(state: UserPlanState, command: ApproveUserPlan, context: Context) -> UserPlanActivated:
    account = open_account(context)
    override = override_of(command, context.now)
    domain = domain_of(state.email)
    if override is None and covering(account.domains, domain, context.now) is None:
        raise Refused(
            "override-needed",
            f"{domain} is not an email domain of the institution: say on which ground, under which licence and until when",
            field="ground",
        )
    if context.subscription is None or not context.subscription.gives_access:
        raise no_subscription(context.subscription)
    return activated(context.subscription, override, context, state.import_id)


def let_in(state: UserPlanState, context: Context) -> tuple[Event, ...]:
    """If everything else still holds; otherwise the request comes before the reviewers."""
    account, subscription = context.account, _in_force(context)
    if account is None or subscription is None:
        return ()
    claim = covering(account.domains, domain_of(state.email), context.now)
    if claim and not claim.shared:
        return (activated(subscription, None, context, state.import_id),)
    doubts = ("shared-domain" if claim else "wrong-domain",)
    return (
        UserPlanRequested(
            at=context.now,
            account_id=state.account_id,
            subscription_id=state.subscription_id,
            registered_account_id=state.registered_account_id,
            email=state.email,
            name=state.name,
            person_key=state.person_key,
            doubts=doubts,
            import_id=state.import_id,
            review_due_at=_review_due_at(doubts, context),
        ),
    )


def _in_force(context: Context) -> SubscriptionFacts | None:
    """Suspended ones too: whoever is let in meanwhile has plans that rest."""
    account, subscription = context.account, context.subscription
    if account is None or account.status not in {"active", "suspended"}:
        return None
    return subscription if subscription and subscription.status in {"active", "grace", "suspended"} else None


def take_up(state: UserPlanState, command: TakeUpRegistration, context: Context) -> tuple[Event, ...]:
    return _registered(state, command.registered_account_id, context) if state.waits_for_registration else ()


def _registered(state: UserPlanState, registered_account_id: str, context: Context) -> tuple[Event, ...]:
    """An address has registered. Whose domain does not fit any more has waited in vain."""
    left = tuple(doubt for doubt in state.doubts if doubt != NOT_REGISTERED)
    if not left and _in_force(context) is None:
        left = (PENDING,)
    found = UserPlanRegistered(at=context.now, registered_account_id=registered_account_id, doubts=left)
    if set(left) - {PENDING}:
        return (found,)
    if not state.still_fits(context):
        return (found, UserPlanRejected(at=context.now, why="wrong-domain"))
    return (found, *let_in(state.evolve(found), context))


def invite(state: UserPlanState, command: InviteUser, context: Context) -> tuple[Event, ...]:
    if state.status not in OUTSIDE:
        return ()
    account = open_account(context)
    _subscription(command.account_id, context)
    doubts_about(command.email, account, context.now, review=False)
    return (
        UserPlanInvited(
            at=context.now,
            account_id=command.account_id,
            subscription_id=command.subscription_id,
            registered_account_id=command.registered_account_id,
            email=command.email,
            name=command.name,
            person_key=command.person_key,
            registered=command.registered,
            expires_at=later_by_days(context.now, context.rules.invitation_days, account.time_zone or "UTC"),
        ),
    )


def accept(state: UserPlanState, command: AcceptInvitation, context: Context) -> tuple[Event, ...]:
    account = open_account(context)
    subscription = _subscription(state.account_id, context)
    doubts_about(state.email, account, context.now, review=False)
    doubts = () if subscription.gives_access else (PENDING,)
    accepted = UserPlanAccepted(at=context.now, registered_account_id=command.registered_account_id, doubts=doubts)
    return (accepted,) if doubts else (accepted, activated(subscription, None, context, None))


def _subscription(account_id: UUID, context: Context) -> SubscriptionFacts:
    """One that gives access, or will when it is activated."""
    subscription = context.subscription
    if subscription is None or subscription.account_id != account_id:
        raise no_subscription(None)
    if not (subscription.gives_access or subscription.status == "pending"):
        raise no_subscription(subscription)
    return subscription


def activated(subscription: SubscriptionFacts, override: Override | None, context: Context, import_id: UUID | None) -> UserPlanActivated:
    """For the last term that the institution has, a queued one if it has renewed already."""
    term = last_term(subscription.terms)
    if term is None:
        raise no_subscription(subscription)
    return UserPlanActivated(
        at=context.now,
        term=term.number,
        until=until_of(term, subscription, override),
        plans=context.catalogue.user,
        catalogue=context.catalogue.version,
        reminders=context.rules.user_plan_reminders,
        override=override,
        import_id=import_id,
    )
