"""History, letters, and why a token may or may not."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from api.console import site
from api.console.door import Signed
from domain.catalogue import Product

router = APIRouter()
Text = Annotated[str, Query(max_length=300)]
LETTER = site.HEADERS | {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"
}
FILTERS = ("account", "stream", "actor", "role", "topic", "command", "correlation", "from", "to", "recorded_from", "recorded_to")


@router.get("/history")
async def history(request: Request, visitor: Signed, after: Text = "") -> Response:
    given = {name: request.query_params[name] for name in FILTERS if request.query_params.get(name)}
    answer = await visitor.get("/v1/history", **given, after=after, limit=100)
    told, problem = (answer.told, None) if answer.status == 200 else ({"items": [], "next": None}, answer.told["detail"])
    facts = {"items": told["items"], "next": told["next"], "given": given, "filters": FILTERS, "problem": problem}
    return site.page("history.html", visitor, http_status=answer.status, **facts)


@router.get("/history/{position}")
async def chain(position: int, visitor: Signed) -> Response:
    """What led to an event, and what followed from it."""
    return site.page("chain.html", visitor, chain=await visitor.told(f"/v1/history/{position}/chain"))


@router.get("/emails")
async def emails(visitor: Signed, account: Text = "", template: Text = "", status: Text = "", after: Text = "") -> Response:
    told = await visitor.told("/v1/emails", account=account, template=template, status=status, after=after, limit=100)
    given = {"account": account, "template": template, "status": status}
    return site.page("emails.html", visitor, items=told["items"], next=told["next"], given=given)


@router.get("/emails/{id}")
async def email(id: UUID, visitor: Signed) -> Response:
    """As it was sent, and what the mail server said; or why it was not."""
    return site.page("email.html", visitor, email=await visitor.told(f"/v1/emails/{id}"))


@router.get("/emails/{id}/html")
async def as_html(id: UUID, visitor: Signed) -> Response:
    """The letter alone, for a frame of ours: nothing in it runs or is loaded."""
    told = await visitor.told(f"/v1/emails/{id}")
    return HTMLResponse(told["html"] or "", headers=LETTER)


@router.get("/why")
async def why(visitor: Signed, token: Text = "", product: Text = "", at: Text = "") -> Response:
    """May this token call this product, and why?"""
    told: Any = None
    if token and product:
        told = await visitor.told("/v1/access/explain", token_id=token, product=product, at=at)
    facts = {"told": told, "token": token, "product": product, "at": at, "products": [str(each) for each in Product]}
    return site.page("why.html", visitor, **facts)
