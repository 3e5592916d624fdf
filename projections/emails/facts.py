"""What each template is told: the names of its facts, each with a sample to look at and to test with.

Every template has `institution` (None where it is not known yet). An instant is an aware datetime, or its ISO 8601 text.

| fact | what it is |
|---|---|
| missing | names of what a nomination lacks: registered_account_id, institution, time_zone, administrator |
| term | the number of the term that the letter is about; `starts_at` and `ends_at` are its own |
| paid_until | the end of the last queued term |
| announced | True while a purchase order or an invoice is under way: the letter asks for nothing |
| grace_days | days of grace after the term, 0 for none |
| plans | {product, requests_per_month, requests_per_minute, records_per_request, nested_aggregations_per_request, …} each |
| entitlements | {name, limit} each |
| bulk_data | what of bulk data is included: scholarly, patent |
| until | user plan: its end, also the one at risk; suspension: its end or None; lapse: last instant of a reinstatement, or None |
| cause | a code of `wording.CAUSES`, or None; a code that is not there is not spoken of |
| compensated | True if the time of the suspension is given back |
| extended_days | days that a resumption gave back, 0 for none |
| address | the one that could not be reached |
| transferred_at | when the new mailbox confirmed; None while it is only asked to, until `lapses_at` |
| email | the nominated account's, or the user plan's |
| label, prefix, last_four | what a token is known by; its secret is never a fact |
| where | where a secret was found, as it was reported |
| expires_at | token: its end; invitation: until when it can be accepted |
| registered | True if an account with the invited address is known, or counts as known |
| accept_url | the page that accepts or declines an invitation, under the service's own address |
| why | what was found about a plan at risk, a code of `wording.RISKS` |
| renewal | False: a first request was rejected; True: a plan could not go on after `until`, which is None otherwise |
| rows, outcomes | how many rows a list had; {code of `wording.OUTCOMES`: how many of them} |
| mode | "reconcile" for a list that was handed in as complete, otherwise "add" |
| absent | how many active plans are not on a complete list; None for a list that only adds |
| undo_until | until when a list can be undone, or None where a letter does not say |
| release | the version of a bulk data file, a year and its ISO week; `product`, `file_name`, `bytes` and `md5` are its own |
| download_url | the page that leads to a file of bulk data, under the service's own address |
| counted | what a quota counts: requests or records; of `limit` in the month, `used` are used up, which is `percent` of it or more |
| used, in a statement | {product, month, requests, records} each: what was used of a product in a month, such as 2027-03 |
| people | how many used a plan of their own |
| resets_at | when the next month of a quota begins |
| own | True if it is the reader's own user plan, False for the institution's tokens |
| confirm_url | the page on which a mailbox confirms itself, under the service's own address, until `lapses_at`; None in old letters |
| steps | the open steps of the onboarding, by their names in `domain.events.onboarding` |
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from domain.catalogue import CURRENT

_START = datetime(2027, 2, 28, 23, tzinfo=UTC)
_END = datetime(2028, 2, 29, 23, tzinfo=UTC)
_NEXT_END = datetime(2029, 2, 28, 23, tzinfo=UTC)
_GRACE_END = datetime(2028, 3, 30, 22, tzinfo=UTC)
_REINSTATABLE_UNTIL = datetime(2028, 6, 28, 22, tzinfo=UTC)
_NOON = datetime(2027, 9, 14, 10, 30, tzinfo=UTC)

_INSTITUTION: dict[str, object] = {"institution": "Università di Esempio"}
_PERSON: dict[str, object] = _INSTITUTION | {"email": "ada.rossi@esempio.example"}
_TOKEN: dict[str, object] = _INSTITUTION | {"label": "repository", "prefix": "tnr_live_ab12", "last_four": "9xQz"}
_MOVED: dict[str, object] = _INSTITUTION | {"old_email": "biblioteca@esempio.example", "new_email": "risorse@esempio.example"}
_FILE: dict[str, object] = _INSTITUTION | {
    "product": "scholarly",
    "release": "202737",
    "file_name": "scholarly-202737.jsonl.gz",
    "bytes": 160_214_118_400,
    "md5": "9e107d9d372bb6826bd81d3542a419d6",
    "expires_at": _NOON,
    "download_url": "https://tenure.example/downloads/c29tZSBzaWduZWQgdmFsdWU",
}
_CONFIRM = "https://tenure.example/confirm/c29tZSBzaWduZWQgdmFsdWU"
_QUOTA: dict[str, object] = _INSTITUTION | {"product": "scholarly", "counted": "requests", "limit": 50_000, "resets_at": _NOON}
_PLANS = [asdict(plan) for plan in CURRENT.institution]
_USER_PLANS = [asdict(plan) for plan in CURRENT.user]

SAMPLES: Mapping[str, Mapping[str, object]] = {
    "account-nominated": _INSTITUTION
    | {"email": "biblioteca@esempio.example", "missing": ["time_zone", "administrator"], "confirm_url": _CONFIRM, "lapses_at": _NOON},
    "contact-confirm": _INSTITUTION | {"new_email": "biblioteca@esempio.example", "confirm_url": _CONFIRM, "lapses_at": _NOON},
    "onboarding-nudge": _INSTITUTION | {"steps": ["address", "domains", "first_token", "ten_users", "community"]},
    "nomination-incomplete": {"institution": None, "missing": ["registered_account_id", "institution", "time_zone", "administrator"]},
    "subscription-activated": _INSTITUTION
    | {
        "term": 1,
        "starts_at": _START,
        "ends_at": _END,
        "plans": _PLANS,
        "entitlements": [asdict(entitlement) for entitlement in CURRENT.entitlements],
        "bulk_data": ["scholarly", "patent"],
    },
    "subscription-renewed": _INSTITUTION | {"term": 2, "starts_at": _END, "ends_at": _NEXT_END, "paid_until": _NEXT_END},
    "subscription-expiring": _INSTITUTION | {"days_left": 30, "ends_at": _END, "announced": False, "grace_days": 30},
    "subscription-in-grace": _INSTITUTION | {"ends_at": _END, "grace_ends_at": _GRACE_END, "announced": False},
    "subscription-lapsed": _INSTITUTION | {"lapsed_at": _GRACE_END, "until": _REINSTATABLE_UNTIL},
    "subscription-ended": _INSTITUTION | {"ended_at": _END, "cause": "cancelled"},
    "subscription-suspended": _INSTITUTION | {"until": _NOON, "compensated": True, "cause": "payment"},
    "subscription-resumed": _INSTITUTION | {"ends_at": _END, "extended_days": 12},
    "subscription-reinstated": _INSTITUTION | {"term": 2, "starts_at": _END, "ends_at": _NEXT_END},
    "cancellation-scheduled": _INSTITUTION | {"takes_effect_at": _END},
    "cancellation-undone": _INSTITUTION | {"ends_at": _END},
    "plans-changed": _INSTITUTION | {"takes_effect_at": _NOON, "plans": _PLANS},
    "bulk-data-link": _FILE,
    "bulk-data-link-expiring": _FILE | {"days_left": 2},
    "account-suspended": _INSTITUTION | {"cause": "misuse"},
    "account-reinstated": _INSTITUTION,
    "contact-unreachable": _INSTITUTION | {"address": "biblioteca@esempio.example"},
    "contact-replacement-asked": _INSTITUTION | {"until": _NOON},
    "contact-transfer-confirm": _MOVED | {"lapses_at": _NOON, "confirm_url": _CONFIRM},
    "contact-transferred": _MOVED | {"transferred_at": _NOON, "lapses_at": None},
    "user-plan-activated": _PERSON | {"until": _END, "plans": _USER_PLANS},
    "user-plan-under-review": _PERSON,
    "user-plan-rejected": _PERSON | {"cause": "wrong-domain", "renewal": False, "until": None},
    "user-plan-invited": _PERSON
    | {"expires_at": _NOON, "registered": False, "accept_url": "https://tenure.example/invitation/c29tZSBzaWduZWQgdmFsdWU"},
    "user-plan-at-risk": _PERSON | {"why": "domain-retired", "until": _NOON},
    "user-plan-expiring": _PERSON | {"days_left": 7, "until": _END},
    "user-plan-expired": _PERSON | {"until": _END},
    "user-plan-renewal-waiting": _PERSON | {"until": _END},
    "user-plan-renewed": _PERSON | {"until": _NEXT_END},
    "user-plan-ended": _PERSON | {"ended_at": _NOON, "cause": "left"},
    "user-import-report": _INSTITUTION
    | {
        "rows": 1_340,
        "outcomes": {
            "activated": 1_204,
            "already_active": 61,
            "renewed": 27,
            "wrong_domain": 12,
            "duplicate": 9,
            "invalid": 3,
            "not_registered": 18,
            "left_earlier": 2,
            "waiting": 3,
            "refused": 1,
        },
        "mode": "reconcile",
        "submitted_at": _NOON - timedelta(minutes=2),
        "completed_at": _NOON,
        "absent": 7,
        "undo_until": _NOON + timedelta(days=14),
    },
    "quota-nearly-used": _QUOTA | {"own": False, "percent": 80, "used": 40_012},
    "quota-used": _QUOTA | {"own": True, "used": 50_000},
    "usage-statement": _INSTITUTION
    | {
        "days_left": 30,
        "starts_at": _START,
        "ends_at": _END,
        "used": [
            {"product": "scholarly", "month": "2027-03", "requests": 41_070, "records": 3_905_112},
            {"product": "patent_aggregation", "month": "2027-03", "requests": 1, "records": 0},
            {"product": "scholarly", "month": "2027-04", "requests": 12_400, "records": 1},
        ],
        "people": 214,
    },
    "token-issued": _TOKEN | {"expires_at": _NOON},
    "token-rotated": _TOKEN | {"overlap_ends_at": _NOON},
    "token-expiring": _TOKEN | {"expires_at": _NOON, "days_left": 14},
    "token-expired": _TOKEN | {"expires_at": _NOON},
    "token-revoked": _TOKEN | {"revoked_at": _NOON, "cause": "asked"},
    "token-leaked": _TOKEN | {"revoked_at": _NOON, "where": "https://code.example/esempio/harvester/blob/main/settings.py#L12"},
}

ADDED_LATER: Mapping[str, Mapping[str, object]] = {
    "account-nominated": {"confirm_url": None, "lapses_at": None},
    "user-plan-rejected": {"renewal": False, "until": None},
    "user-import-report": {"undo_until": None},
}
"""What is taken for a fact that a letter lacks because it was written before anybody asked for one."""
