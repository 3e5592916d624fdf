"""The one shape of each thing: what commands answer, what lists hold, what every version was. Plain values, ready for JSON."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.aggregates.api_token import ApiToken
from domain.aggregates.correction import Correction
from domain.aggregates.erasure import Erasure
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.aggregates.institutional_account_state import LibrarianKey
from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.aggregates.itk_subscription import ITKSubscription
from domain.aggregates.user_import import UserImport
from domain.calendar import quota_month
from domain.catalogue import ApiPlan
from domain.events.correction import Place
from domain.events.institutional_account import ContactTransferRequested
from domain.events.itk_subscription import Term
from domain.streams import Aggregate


def show(id: UUID, version: int, state: Aggregate, at: datetime) -> dict[str, Any]:
    """A thing as it is at the instant `at`."""
    match state:
        case InstitutionalAccount():
            return account(id, version, state)
        case ITKSubscription():
            return subscription(id, version, state, at)
        case InstitutionalUserPlan():
            return user_plan(id, version, state)
        case ApiToken():
            return token(id, version, state)
        case UserImport():
            return user_import(id, version, state)
        case Correction():
            return correction(id, version, state)
        case Erasure():
            return erasure(id, version, state, at)
    raise TypeError(f"{type(state).__name__} is not shown")


def account(id: UUID, version: int, state: InstitutionalAccount) -> dict[str, Any]:
    return {
        "id": id,
        "version": version,
        "status": str(state.status),
        "institution": state.institution,
        "email": state.email,
        "registered_account_id": state.registered_account_id,
        "time_zone": state.time_zone,
        "ror_id": state.ror_id,
        "missing": list(state.missing),
        "contacts": [asdict(contact) for contact in state.contacts],
        "contact_transfer": _transfer(state.pending_transfer) if state.pending_transfer else None,
        "domains": [asdict(domain) for domain in state.domains],
        "ip_ranges": list(state.ip_ranges),
        "link_resolvers": {"libkey_id": state.libkey_id, "worldcat_registry_id": state.worldcat_registry_id},
    }


def librarian_key(account_id: UUID, key: LibrarianKey, at: datetime) -> dict[str, Any]:
    return {
        "id": key.id,
        "account_id": account_id,
        "name": key.name,
        "issued_at": key.issued_at,
        "expires_at": key.expires_at,
        "reviewed_at": key.reviewed_at,
        "needs_review": key.needs_review(at),
        "revoked_at": key.revoked_at,
    }


def subscription(id: UUID, version: int, state: ITKSubscription, at: datetime) -> dict[str, Any]:
    current = state.current_term
    return {
        "id": id,
        "version": version,
        "account_id": state.account_id,
        "status": str(state.status),
        "term": _term(current) if current else None,
        "queued_terms": [_term(term) for term in state.queued_terms],
        "paid_until": state.paid_until if state.terms else None,
        "grace_ends_at": state.grace_ends_at,
        "hold": str(state.hold),
        "intent": str(state.intent),
        "ended_because": state.ended_because,
        "plans": [plan(each) for each in state.plans],
        "quota": quota(state.quota_anchor, state.gives_access, at),
        "entitlements": [{"name": held.name, "limit": held.limit, "until": held.until} for held in state.entitlements],
    }


def quota(anchor: datetime | None, gives_access: bool, at: datetime) -> dict[str, Any]:
    resets_at = quota_month(anchor, at)[2] if anchor and gives_access and at >= anchor else None
    return {"anchor": anchor, "resets_at": resets_at}


def refreshed(shown: dict[str, Any], now: datetime) -> dict[str, Any]:
    """A subscription as it was shown at its last event, with the reset date of the present quota month."""
    anchor = shown["quota"]["anchor"]
    in_use = shown["status"] in {"active", "grace"}
    return shown | {"quota": quota(datetime.fromisoformat(anchor) if anchor else None, in_use, now)}


def plan(limits: ApiPlan) -> dict[str, Any]:
    return asdict(limits)


def user_plan(id: UUID, version: int, state: InstitutionalUserPlan) -> dict[str, Any]:
    return {
        "id": id,
        "version": version,
        "account_id": state.account_id,
        "subscription_id": state.subscription_id,
        "registered_account_id": state.registered_account_id,
        "email": state.email,
        "name": state.name,
        "status": str(state.status),
        "renewal": str(state.renewal),
        "doubts": list(state.doubts),
        "review_due_at": state.review_due_at if state.under_review else None,
        "invitation_ends_at": state.invitation_ends_at,
        "risk": {"why": state.risk.why, "until": state.risk.until} if state.risk else None,
        "term": state.term or None,
        "until": state.until if state.term else None,
        "plans": [plan(each) for each in state.plans],
    }


def user_import(id: UUID, version: int, state: UserImport) -> dict[str, Any]:
    return {
        "id": id,
        "version": version,
        "account_id": state.account_id,
        "subscription_id": state.subscription_id,
        "status": str(state.status),
        "mode": str(state.mode),
        "dry_run": state.dry_run,
        "rows": state.rows,
        "settled": state.settled,
        "outcomes": dict(state.outcomes),
        "same_as": state.same_as,
        "submitted_at": state.submitted_at,
        "completed_at": state.completed_at,
        "undo_until": state.undo_until if not state.dry_run else None,
        "absent": state.absent,
        "absences_confirmed": state.absences_confirmed,
    }


def token(id: UUID, version: int, state: ApiToken) -> dict[str, Any]:
    return {
        "id": id,
        "version": version,
        "account_id": state.account_id,
        "owner_id": state.owner_id,
        "label": state.label,
        "status": str(state.status),
        "prefix": state.prefix,
        "last_four": state.last_four,
        "issued_at": state.issued_at,
        "expires_at": state.expires_at,
        "replaced_by": state.replaced_by,
    }


def _transfer(pending: ContactTransferRequested) -> dict[str, Any]:
    return {"id": pending.transfer_id, "contact_id": pending.contact_id, "email": pending.email, "lapses_at": pending.lapses_at}


def _term(term: Term) -> dict[str, Any]:
    return {"number": term.number, "starts_at": term.starts_at, "ends_at": term.ends_at}


def correction(id: UUID, version: int, state: Correction) -> dict[str, Any]:
    return {
        "id": id,
        "version": version,
        "status": str(state.status),
        "account_id": state.account_id,
        "wrong": _place(state.wrong),
        "right": state.right,
        "fields": dict(state.fields),
        "put_right_by": _place(state.put_right_by) if state.put_right_by else None,
        "proposed_by": state.proposed_by,
        "proposed_at": state.proposed_at,
        "approved_by": state.approved_by,
        "decided_at": state.decided_at,
    }


def erasure(id: UUID, version: int, state: Erasure, instant: datetime) -> dict[str, Any]:
    return {
        "id": id,
        "version": version,
        "status": str(state.status),
        "people": list(state.people),
        "ground": str(state.ground),
        "requested_by": state.requested_by,
        "requested_at": state.requested_at,
        "due_at": state.due_at,
        "overdue": state.is_overdue(instant),
        "confirmed_by": state.confirmed_by,
        "confirmed_at": state.confirmed_at,
        "rule": state.rule,
        "waits_for": list(state.waits_for),
        "closed_at": state.closed_at,
        "closed_because": state.closed_because,
    }


def _place(place: Place) -> dict[str, Any]:
    shown = asdict(place)
    del shown["account_id"]
    return shown
