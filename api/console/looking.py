"""Finding an institution, and all of it on one page: as it is, as it was, and as it will be."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import RedirectResponse

from api.console import drawing, site
from api.console.doing import candidates, offered
from api.console.door import PageProblem, Signed, Visitor
from api.service import Service
from projections import futures

router = APIRouter()
SCENARIOS = ("as-is", "renew-today", "renew-in-grace", "let-lapse")
STATUSES = ("nominated", "active", "suspended", "closed", "withdrawn", "rejected")
Text = Annotated[str, Query(max_length=300)]


@router.get("")
async def institutions(visitor: Signed, q: Text = "", status: Text = "", after: Text = "") -> Response:
    """The list, and what the search box finds."""
    if visitor.key.account_id is not None:
        return RedirectResponse(f"/console/accounts/{visitor.key.account_id}", 303)
    place = _place_of(q)
    if place is not None and (owner := await _owner(visitor, place)) is not None:
        return RedirectResponse(f"/console/accounts/{owner}", 303)
    found = await visitor.told("/v1/accounts", q=q.strip(), status=status, after=after, limit=50)
    ids = [item["id"] for item in found["items"]]
    held = await asyncio.gather(*(visitor.told("/v1/subscriptions", account_id=id, limit=10) for id in ids))
    rows = [
        {"account": item, "subscription": _present(subscriptions["items"])}
        for item, subscriptions in zip(found["items"], held, strict=True)
    ]
    facts = {"rows": rows, "next": found["next"], "q": q, "status": status, "statuses": STATUSES, "find": q}
    return site.page("institutions.html", visitor, **facts)


def _place_of(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None


async def _owner(visitor: Visitor, id: UUID) -> str | None:
    """The institution that a thing belongs to, whichever kind of thing it is."""
    for kind in ("accounts", "subscriptions", "user-plans", "tokens"):
        answer = await visitor.get(f"/v1/{kind}/{id}")
        if answer.status == 200:
            owner = answer.told.get("account_id") or answer.told["id"]
            return str(owner)
    return None


def _present(subscriptions: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The one that has not ended, or else the last."""
    going = [each for each in subscriptions if each["status"] != "ended"]
    return (going or subscriptions or [None])[-1]  # type: ignore[list-item]


@router.get("/accounts/{id}")
async def institution(id: UUID, visitor: Signed, at: Text = "", scenario: Text = "as-is", done: Text = "") -> Response:
    """`at`: an instant, of the past or of the next 18 months; the present without it."""
    service: Service = visitor.request.app.state.service
    now = service.lifecycle.clock.now()
    moment = _moment(at)
    if moment is not None and moment > now:
        return await _future(visitor, id, moment, scenario, now)
    then = {} if moment is None or moment == now else {"as_of": moment.isoformat()}
    account = await visitor.told(f"/v1/accounts/{id}", **then)
    subscriptions = (await visitor.told("/v1/subscriptions", account_id=id, **then))["items"]
    subscription = _present(subscriptions)
    facts: dict[str, Any] = {
        "account": account,
        "subscriptions": subscriptions,
        "subscription": subscription,
        "terms": drawing.terms(subscriptions, moment or now),
        "tokens": (await visitor.told("/v1/tokens", owner_id=id, **then))["items"],
        "onboarding": await visitor.told(f"/v1/accounts/{id}/onboarding", **then),
        "people": None,
        "plans": [],
        "usage": [],
        "emails": [],
        "history": [],
        "coming": None,
        "time_zone": account["time_zone"],
        "as_of": moment if then else None,
        "said": f"Done: {done}." if done else None,
        **_slider(account, moment, now),
    }
    if subscription is not None:
        of_it = f"/v1/subscriptions/{subscription['id']}"
        facts["people"] = await visitor.told(f"{of_it}/users", **then)
        facts["plans"] = (await visitor.told("/v1/user-plans", subscription_id=subscription["id"], limit=20, **then))["items"]
        if not then:
            used = await visitor.told(f"{of_it}/usage", by="product")
            facts["usage"] = drawing.usage(subscription, used)
    if not then:
        coming = await visitor.told(f"/v1/accounts/{id}/future")
        facts["coming"] = {"events": coming["events"][:8], "emails": coming["emails"][:8], "turns": coming["turns"][:4]}
    if visitor.key.role != "institution":
        facts["emails"] = list(reversed((await visitor.told("/v1/emails", account=id, limit=100, **then))["items"]))[:12]
        bounds = {"to": (moment + timedelta(microseconds=1)).isoformat()} if then and moment else {}
        facts["history"] = list(reversed((await visitor.told("/v1/history", account=id, limit=500, **bounds))["items"]))[:25]
    return site.page("institution.html", visitor, **facts)


def _moment(text: str) -> datetime | None:
    """An instant as a slider or a date field says it: seconds since 1970, or ISO 8601, in UTC where no zone is named."""
    if not text.strip():
        return None
    try:
        if text.strip().lstrip("-").isdigit():
            return datetime.fromtimestamp(int(text), UTC)
        found = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError, OSError):
        raise PageProblem(422, f"{text[:40]!r} is no instant; 2027-03-01T12:00 is one") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _slider(account: dict[str, Any], moment: datetime | None, now: datetime) -> dict[str, Any]:
    began = datetime.fromisoformat(account.get("nominated_at") or (now - timedelta(days=540)).isoformat())
    return {"slider": {"from": int(began.timestamp()), "to": int(futures.farthest(now).timestamp()), "at": moment or now}, "now": now}


async def _future(visitor: Visitor, id: UUID, moment: datetime, scenario: str, now: datetime) -> Response:
    account = await visitor.told(f"/v1/accounts/{id}")
    until = min(moment, futures.farthest(now))
    told = await visitor.told(f"/v1/accounts/{id}/future", until=until.isoformat(), scenario=scenario)
    facts = {"account": account, "told": told, "until": until, "time_zone": account["time_zone"], "scenarios": SCENARIOS}
    return site.page("future.html", visitor, lines=_lines(told), **facts, **_slider(account, until, now))


@router.get("/accounts/{id}/compare")
async def compare(id: UUID, visitor: Signed, one: Text = "let-lapse", other: Text = "renew-in-grace") -> Response:
    """Two futures, side by side."""
    account = await visitor.told(f"/v1/accounts/{id}")
    futures_told = []
    for scenario in (one, other):
        told = await visitor.told(f"/v1/accounts/{id}/future", scenario=scenario)
        futures_told.append({"scenario": scenario, "lines": _lines(told), "told": told})
    facts = {"account": account, "futures": futures_told, "scenarios": SCENARIOS, "time_zone": account["time_zone"]}
    return site.page("compare.html", visitor, **facts)


def _lines(told: dict[str, Any]) -> list[dict[str, Any]]:
    """What comes, in the order in which it comes."""
    events = [{"at": each["at"], "what": "event", "text": each["sentence"]} for each in told["events"]]
    emails = [{"at": each["at"], "what": "email", "text": f"{each['subject']} → {each['to']}"} for each in told["emails"]]
    turns = [{"at": each["at"], "what": "let-in" if each["works"] else "cut-off", "text": _turned(each)} for each in told["turns"]]
    return sorted([*events, *emails, *turns], key=lambda line: line["at"])


def _turned(turn: dict[str, Any]) -> str:
    whom = f"{turn['people']} people, {turn['tokens']} tokens"
    return f"{turn['what'].replace('-', ' ')} {'let in again' if turn['works'] else 'cut off'} ({whom}): {turn['because']}"


@router.get("/accounts/{id}/actions")
async def actions(id: UUID, visitor: Signed, subscription: Text = "") -> Response:
    """What can be done now, asked of the deciders themselves."""
    found = await offered(visitor, candidates(id, subscription or None))
    return site.page("actions.html", visitor, offered=found, id=id, subscription=subscription)
