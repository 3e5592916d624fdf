"""Codes and figures in people's words: products, limits, causes, what is missing."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from domain.onboarding import CHECKLIST

PRODUCTS = {
    "scholarly": "Scholarly API",
    "patent": "Patent API",
    "scholarly_aggregation": "Scholarly Aggregation API",
    "patent_aggregation": "Patent Aggregation API",
}
BULK_DATA = {"scholarly": "Bulk data of scholarly works", "patent": "Bulk data of patents"}
ENTITLEMENTS = {
    "collections": "Collections of up to {limit} records",
    "attested_portfolios": "Attested portfolios",
    "branding": "Branding: images, descriptions and embeddable widgets",
    "report_builder": "Report builder (beta)",
    "work_area": "Institutional work area",
    "link_outs": "Full-text links through LibKey and the WorldCat registry",
}
MISSING = {
    "registered_account_id": "The registered account that is to become the institutional account",
    "institution": "The name of your institution",
    "time_zone": "The time zone in which your contract's dates count",
    "administrator": "A contact who administers the account, preferably a shared mailbox",
}
CAUSES = {
    "asked": "This was done on request.",
    "leaked": "Its secret was reported as found where others can read it.",
    "left": "It was reported that its holder has left the institution.",
    "account-closed": "The institutional account was closed.",
    "subscription-cancelled": "The subscription was cancelled.",
    "subscription-ended": "The institution's subscription ended.",
    "cancelled": "It was cancelled.",
    "lapsed": "It had lapsed and was not taken up again in time.",
    "payment": "A payment is outstanding.",
    "misuse": "It was used in a way that the terms of use do not allow.",
    "security": "It is a precaution for the security of your account.",
    "wrong-domain": "The email address does not belong to a domain of the institution.",
    "domain-lost": "The email address no longer belongs to a domain of the institution.",
    "at-risk": "It could not be confirmed in time that its holder still belongs to the institution.",
    "declined": "The invitation was declined.",
    "invitation-lapsed": "The invitation was not accepted in time.",
    "undone": "The list that granted it was withdrawn.",
}
RISKS = {
    "domain-retired": "The domain of this address is no longer an email domain of the institution.",
    "address-changed": "Your registered account no longer has an email address of the institution.",
    "absent-from-list": "The institution has handed in a list of all its people who are to have one, and this address is not on it.",
}
"""What was found about a user plan at risk."""
UNKNOWN_RISK = "Nothing that we know of shows any more that you belong to the institution."
REMEDIES = {
    "domain-retired": "add an email address of a domain that it uses now to your registered account on the platform, and confirm it there;"
    " or ask the institution's library to tell us.",
    "address-changed": "add your email address at the institution to your registered account on the platform, and confirm it there;"
    " or ask the institution's library to tell us.",
}
ASK = "ask the institution's library to tell us so."
OUTCOMES = {
    "activated": "Given a plan, which is active now",
    "renewed": "Renewed for the next term",
    "already_active": "Had a plan already",
    "waiting": "Waiting for our review, or for the subscription's activation",
    "not_registered": "Not registered on the platform with this address",
    "left_earlier": "Left the institution earlier",
    "wrong_domain": "Address outside the institution's email domains",
    "invalid": "Not readable",
    "duplicate": "The same person as in an earlier row",
    "refused": "Refused for another reason",
}
"""What became of the rows of a list, in the order in which they are told of."""
TO_DO = {
    "not_registered": "ask these people to register an account with this very address. Their plan begins when they have.",
    "left_earlier": "if somebody is back, invite them or let them ask themselves. A list alone brings no plan back.",
    "wrong_domain": "if the domain is yours, tell us so that it is claimed, and hand the list in again. Otherwise the person needs an"
    " address at one of your domains.",
    "invalid": "correct the rows and hand them in again. Whoever has a plan keeps it.",
    "refused": "look up the reason of each row where the list was handed in, or ask us.",
}
_STEPS = {str(step): item for step, item in CHECKLIST.items()}
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")


def instant(value: datetime | str) -> datetime:
    """Facts come as instants, or as the ISO 8601 text that the outbox keeps of them."""
    parsed = datetime.fromisoformat(value) if isinstance(value, str) else value
    if parsed.tzinfo is None:
        raise ValueError(f"{parsed} has no time zone")
    return parsed


def date_in(value: datetime | str, zone: str) -> str:
    return day(instant(value).astimezone(ZoneInfo(zone)))


def day(local: date) -> str:
    """ "1 March 2028"."""
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"


def time_in(value: datetime | str, zone: str) -> str:
    """ "1 March 2028, 00:00 (Europe/Rome)"; an hour that the clocks repeat also says its offset."""
    local = instant(value).astimezone(ZoneInfo(zone))
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    name = f"{zone}, UTC{local.isoformat()[-6:]}" if twice else zone
    return f"{date_in(value, zone)}, {local:%H:%M} ({name})"


def count(number: int, noun: str | None = None) -> str:
    """ "50,000", "1 day", "30 days"."""
    return f"{number:,}" if noun is None else f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def sentence(cause: str | None) -> str:
    """Why, as far as a code says it; a code that has no sentence here says nothing."""
    return CAUSES.get((cause or "").replace("_", "-"), "")


def risk(why: str) -> str:
    return RISKS.get(why, UNKNOWN_RISK)


def remedy(why: str) -> str:
    return REMEDIES.get(why, ASK)


class Outcome(NamedTuple):
    words: str
    rows: int
    to_do: str


def outcomes(rows: Mapping[str, int]) -> list[Outcome]:
    """How many rows had each outcome; those that none had are left out, and one that has no words here comes last."""
    codes = [*OUTCOMES, *(code for code in rows if code not in OUTCOMES)]
    return [
        Outcome(OUTCOMES.get(code, code.replace("_", " ").capitalize()), rows[code], TO_DO.get(code, ""))
        for code in codes
        if rows.get(code)
    ]


def plan(limits: Mapping[str, Any]) -> str:
    return f"{product(limits['product'])}: {limits_of(limits)}"


def limits_of(limits: Mapping[str, Any]) -> str:
    """ "5,000 requests per month, 10 per minute, 500 records per request"."""
    parts = [f"{count(limits['requests_per_month'])} requests per month", f"{count(limits['requests_per_minute'])} per minute"]
    if limits.get("records_per_request") is not None:
        parts.append(f"{count(limits['records_per_request'], 'record')} per request")
    if limits.get("nested_aggregations_per_request") is not None:
        parts.append(f"{count(limits['nested_aggregations_per_request'], 'nested aggregation')} per request")
    if limits.get("records_per_month") is not None:
        parts.append(f"{count(limits['records_per_month'], 'record')} per month")
    return ", ".join(parts)


def product(code: str) -> str:
    return PRODUCTS.get(code, code)


class Usage(NamedTuple):
    words: str
    counted: str


def by_product(used: Sequence[Mapping[str, Any]]) -> list[Usage]:
    """The sums of each product, in the order in which products are told of."""
    codes = dict.fromkeys([*PRODUCTS, *(each["product"] for each in used)])
    some = {code: [each for each in used if each["product"] == code] for code in codes}
    return [_usage(product(code), of_it) for code, of_it in some.items() if of_it]


def by_month(used: Sequence[Mapping[str, Any]]) -> list[Usage]:
    """The sums of each month; "2027-03" is March 2027."""
    months = sorted({each["month"] for each in used})
    return [_usage(f"{_MONTHS[int(month[5:]) - 1]} {month[:4]}", [each for each in used if each["month"] == month]) for month in months]


def _usage(words: str, some: Sequence[Mapping[str, Any]]) -> Usage:
    requests, records = sum(each["requests"] for each in some), sum(each["records"] for each in some)
    return Usage(words, ", ".join([count(requests, "request"), *([count(records, "record")] if records else [])]))


def entitlement(entry: Mapping[str, Any]) -> str:
    name, limit = entry["name"], entry.get("limit")
    if limit is None and name == "collections":
        return "Collections"
    words = ENTITLEMENTS.get(name) or str(name).replace("_", " ").replace("{", "(").replace("}", ")")
    return words.format(limit=count(limit) if limit is not None else "")


def bulk_data(product: str) -> str:
    return BULK_DATA.get(product, product)


def step(name: str) -> str:
    """What there is to do; a step that this code does not know is named."""
    return _STEPS[name].what if name in _STEPS else name.replace("_", " ")


def bulk_data_of(product: str) -> str:
    """Within a sentence."""
    words = bulk_data(product)
    return words[:1].lower() + words[1:]


def release(version: str) -> str:
    """ "202737 (week 37 of 2027)"; a version of another form is its own name."""
    return f"{version} (week {int(version[4:])} of {version[:4]})" if re.fullmatch("[0-9]{6}", version) else version


def size(number: int) -> str:
    """ "160 GB (160,214,118,400 bytes)", in powers of a thousand; small ones in bytes alone."""
    exact = count(number, "byte")
    for unit, of_it in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if number >= of_it:
            return f"{number / of_it:.{0 if number >= 10 * of_it else 1}f} {unit} ({exact})"
    return exact


def missing(name: str) -> str:
    return MISSING.get(name, name.replace("_", " "))
