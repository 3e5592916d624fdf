"""Every text of every event is sealed as personal, or it is said here why it need not be."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from domain.events import EVENTS
from domain.events.base import Event, Personal

CODE = "a word out of a set of our own, which the API holds whoever asks to"
OURS = "a sentence of our own, made without any name"
CATALOGUE = "a name out of the catalogue, which is the same for everybody"
INSTITUTION = "tells of an institution, which is no person"
PUBLISHED = "what the institution itself says in public, to be amended there"
KEYED = "a keyed hash"
STAFF = "who of the staff, or of those who answer for the house, acted: kept as the ground on which it was done"
SHOWN = "the part of a secret by which it is known"
FILE = "names a file of bulk data"

NOT_PERSONAL: Mapping[str, str] = {
    "account.amended institution": INSTITUTION,
    "account.amended registered_account_id": INSTITUTION,
    "account.amended ror_id": INSTITUTION,
    "account.amended time_zone": INSTITUTION,
    "account.attestation-amended portfolio.address": PUBLISHED,
    "account.attestation-amended portfolio.name": PUBLISHED,
    "account.attestation-amended portfolio.query": PUBLISHED,
    "account.attestation-amended portfolio.statement": PUBLISHED,
    "account.attestation-withdrawn cause": CODE,
    "account.branding-set description": PUBLISHED,
    "account.branding-set frame_ancestors": PUBLISHED,
    "account.branding-set image_id": "the digest of a picture that the institution shows in public",
    "account.domain-claimed domain": INSTITUTION,
    "account.domain-retired domain": INSTITUTION,
    "account.domain-retirement-started domain": INSTITUTION,
    "account.domain-sharing-consented domain": INSTITUTION,
    "account.ip-ranges-set ip_ranges": INSTITUTION,
    "account.librarian-key-revoked cause": CODE,
    "account.link-resolvers-set libkey_id": INSTITUTION,
    "account.link-resolvers-set worldcat_registry_id": INSTITUTION,
    "account.nominated domains.domain": INSTITUTION,
    "account.nominated institution": INSTITUTION,
    "account.nominated ip_ranges": INSTITUTION,
    "account.nominated missing": CODE,
    "account.nominated registered_account_id": INSTITUTION,
    "account.nominated ror_id": INSTITUTION,
    "account.nominated time_zone": INSTITUTION,
    "account.nomination-incomplete missing": CODE,
    "account.nomination-rejected cause": CODE,
    "account.nomination-reminder-skipped missing": CODE,
    "account.nomination-reminder-skipped why": OURS,
    "account.nomination-withdrawn cause": CODE,
    "account.onboarding-nudge-skipped why": OURS,
    "account.portfolio-attested portfolio.address": PUBLISHED,
    "account.portfolio-attested portfolio.name": PUBLISHED,
    "account.portfolio-attested portfolio.query": PUBLISHED,
    "account.portfolio-attested portfolio.statement": PUBLISHED,
    "account.registered-account-replaced new": INSTITUTION,
    "account.registered-account-replaced old": INSTITUTION,
    "account.suspended cause": CODE,
    "correction.approved approved_by": STAFF,
    "correction.approved proposed_by": STAFF,
    "correction.approved put_right_by.topic": CODE,
    "correction.proposed fields": "the fields of the event, none of which may be a personal one",
    "correction.proposed proposed_by": STAFF,
    "correction.proposed put_right_by.topic": CODE,
    "correction.proposed right": "staff are told to name nobody in it: a correction is kept for ever",
    "correction.proposed wrong.topic": CODE,
    "correction.put-right put_right_by.topic": CODE,
    "email.bounced code": CODE,
    "email.bounced role": CODE,
    "email.bounced template": CODE,
    "email.sent message_id": "made of the letter's own id",
    "email.sent role": CODE,
    "email.sent template": CODE,
    "email.skipped role": CODE,
    "email.skipped template": CODE,
    "email.skipped why": OURS,
    "person.erasure-confirmed confirmed_by": STAFF,
    "person.erasure-confirmed rule": CODE,
    "person.erasure-refused cause": CODE,
    "person.erasure-requested requested_by": STAFF,
    "person.erasure-withdrawn cause": CODE,
    "subscription.activated catalogue": CATALOGUE,
    "subscription.activated entitlements.name": CATALOGUE,
    "subscription.activated time_zone": INSTITUTION,
    "subscription.bulk-data-link-expiring release": FILE,
    "subscription.bulk-data-link-issued file_name": FILE,
    "subscription.bulk-data-link-issued md5": FILE,
    "subscription.bulk-data-link-issued release": FILE,
    "subscription.bulk-data-link-reminder-skipped why": OURS,
    "subscription.entitlement-granted approver": STAFF,
    "subscription.entitlement-granted entitlement.name": CATALOGUE,
    "subscription.entitlement-granted requester": STAFF,
    "subscription.entitlement-withdrawn approver": STAFF,
    "subscription.entitlement-withdrawn name": CATALOGUE,
    "subscription.entitlement-withdrawn requester": STAFF,
    "subscription.opened catalogue": CATALOGUE,
    "subscription.opened time_zone": INSTITUTION,
    "subscription.reminder-skipped why": OURS,
    "subscription.renewal-announced reference": "the number of an order or an invoice",
    "subscription.renewed reference": "the number of an order or an invoice",
    "subscription.suspended cause": CODE,
    "subscription.term-corrected approved_by": STAFF,
    "subscription.term-corrected proposed_by": STAFF,
    "subscription.term-correction-proposed proposed_by": STAFF,
    "subscription.usage-statement-made used.month": "a month of the calendar",
    "token.issued digest": KEYED,
    "token.issued last_four": SHOWN,
    "token.issued prefix": SHOWN,
    "token.reminder-skipped why": OURS,
    "token.revoked cause": CODE,
    "user-import.completed outcomes": CODE,
    "user-import.rows-settled rows.why": CODE,
    "user-import.submitted digest": KEYED,
    "user-plan.accepted doubts": CODE,
    "user-plan.activated catalogue": CATALOGUE,
    "user-plan.activated override.licence": "names a licence of the house",
    "user-plan.address-changed person_key": KEYED,
    "user-plan.at-risk why": CODE,
    "user-plan.end-scheduled cause": CODE,
    "user-plan.ended cause": CODE,
    "user-plan.invited person_key": KEYED,
    "user-plan.registered doubts": CODE,
    "user-plan.rejected why": CODE,
    "user-plan.reminder-skipped why": OURS,
    "user-plan.renewal-refused why": CODE,
    "user-plan.renewed catalogue": CATALOGUE,
    "user-plan.renewed override.licence": "names a licence of the house",
    "user-plan.requested doubts": CODE,
    "user-plan.requested person_key": KEYED,
    "user-plan.suspended cause": CODE,
}

ADDRESSES = {"email", "old_email", "new_email", "to", "address"}


def texts(hint: Any, path: str = "") -> Iterator[tuple[str, Personal | None, Any]]:
    """Each field within which some text stands, with its mark."""
    hints = get_type_hints(hint, include_extras=True)
    for field in fields(hint):
        below = f"{path}.{field.name}".lstrip(".")
        kind = hints[field.name]
        marks = [each for each in getattr(kind, "__metadata__", ()) if isinstance(each, Personal)]
        inner = [each for each in parts(kind) if is_dataclass(each)]
        for each in inner:
            yield from texts(each, below)
        if not inner and str in parts(kind):
            yield below, marks[0] if marks else None, kind


def parts(hint: Any) -> list[Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return parts(arguments[0])
    if origin is Literal:
        return []
    return [origin or hint, *(part for each in arguments for part in parts(each))]


ALL = {f"{event.TOPIC} {path}": (event, path, mark, kind) for event in EVENTS for path, mark, kind in texts(event)}


def test_every_text_is_personal_or_it_is_said_why_not():
    unmarked = {name for name, (_, _, mark, _) in ALL.items() if mark is None}
    assert sorted(unmarked - set(NOT_PERSONAL)) == [], "mark these as personal, or say above why they are not"
    assert sorted(set(NOT_PERSONAL) - unmarked) == [], "these are gone, or marked as personal by now"


@pytest.mark.parametrize("name", sorted(name for name, (_, _, mark, _) in ALL.items() if mark))
def test_a_mark_stands_on_a_single_text_and_names_who_it_is_about(name):
    event, path, mark, kind = ALL[name]
    plain = get_args(kind)[0]
    assert plain is str or ((get_origin(plain) is UnionType or get_origin(plain) is Union) and set(get_args(plain)) == {str, NoneType})
    holder: type[Event] | Any = event
    for step in path.split(".")[:-1]:
        (holder,) = [each for each in parts(get_type_hints(holder)[step]) if is_dataclass(each)]
    assert mark.of == "stream" or mark.of in {field.name for field in fields(holder)}


def test_what_is_an_address_or_a_registered_account_says_so():
    kinds = {name: (path.rsplit(".")[-1], mark and mark.kind) for name, (_, path, mark, _) in ALL.items()}
    told = {name for name, (_, kind) in kinds.items() if kind == "address"}
    assert told == {name for name, (last, _) in kinds.items() if last in ADDRESSES and name not in NOT_PERSONAL}
    for name, (last, kind) in kinds.items():
        if name.startswith("user-plan") and last == "registered_account_id":
            assert kind == "registered-account"
    assert {kind for _, kind in kinds.values()} <= {None, "address", "registered-account"}
