"""What is drawn on the server: terms as bars in time, and usage as a bar of its limit."""

from datetime import datetime, timedelta
from typing import Any

WIDTH = 1_000.0
MARGIN = timedelta(days=45)
LEAST = timedelta(days=1)


def terms(subscriptions: list[dict[str, Any]], now: datetime) -> dict[str, Any] | None:
    """Bars from the first term to the end of what is paid for, with grace, months and now; None without a term."""
    bars: list[tuple[str, str, datetime, datetime]] = []
    for subscription in subscriptions:
        for term in [subscription["term"], *subscription["queued_terms"]]:
            if term is not None:
                kind = "term" if term is subscription["term"] else "queued"
                bars.append((kind, f"term {term['number']}", _at(term["starts_at"]), _at(term["ends_at"])))
        if subscription["grace_ends_at"] and subscription["paid_until"]:
            bars.append(("grace", "grace", _at(subscription["paid_until"]), _at(subscription["grace_ends_at"])))
    if not bars:
        return None
    first, last = min(now, *(bar[2] for bar in bars)) - MARGIN, max(now, *(bar[3] for bar in bars)) + MARGIN
    span = max(last - first, LEAST)

    def x(instant: datetime) -> float:
        return round((instant - first) / span * WIDTH, 1)

    drawn = [
        {"kind": kind, "label": label, "x": x(start), "width": max(2.0, round(x(end) - x(start), 1)), "from": start, "to": end}
        for kind, label, start, end in bars
    ]
    return {"bars": drawn, "now": x(now), "years": [{"x": x(at), "year": at.year} for at in _years(first, last)]}


def _years(first: datetime, last: datetime) -> list[datetime]:
    starts = [
        first.replace(year=year, month=1, day=1, hour=0, minute=0, second=0, microsecond=0) for year in range(first.year, last.year + 2)
    ]
    return [start for start in starts if first <= start <= last]


def usage(subscription: dict[str, Any], told: dict[str, Any]) -> list[dict[str, Any]]:
    """Of each plan what was used of it, as told by a report by product."""
    used = {row["product"]: row["requests"] for row in told.get("rows", told.get("items", []))}
    found = []
    for plan in subscription["plans"]:
        limit, requests = plan["requests_per_month"], used.get(plan["product"], 0)
        share = min(1.0, requests / limit) if limit else 0.0
        found.append({"product": plan["product"], "requests": requests, "limit": limit, "width": round(share * 100, 1)})
    return found


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
