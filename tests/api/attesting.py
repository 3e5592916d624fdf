"""An institution that attests: what it sends, and what is asked of it."""

from typing import Any

from tests.api.running import Running, Thing, done
from tests.hostile import png

ADDRESS = "https://www.lens.org/lens/search/scholar/list?collectionId=1"
WORKS = {
    "name": "Works of 2026",
    "kind": "scholarly",
    "address": ADDRESS,
    "statement": "The institution attests that these works were written by its people.",
    "attested_by": "The director of the library",
}
SITE = "https://library.mit.edu"


def attest(running: Running, account: Thing, client: Any = None, **given: Any) -> Thing:
    return done((client or running.support).post(f"/v1/accounts/{account['id']}/portfolios", json=WORKS | given), 201)


def path_of(portfolio: Thing) -> str:
    return f"/v1/accounts/{portfolio['account_id']}/portfolios/{portfolio['id']}"


def send_image(running: Running, account: Thing, data: bytes | None = None, media_type: str = "image/png", client: Any = None) -> Any:
    path = f"/v1/accounts/{account['id']}/images"
    return (client or running.support).post(path, content=png() if data is None else data, headers={"Content-Type": media_type})


def brand(running: Running, account: Thing, **given: Any) -> Any:
    body = {"description": "We write *a lot*.", "frame_ancestors": [SITE]} | given
    return running.support.put(f"/v1/accounts/{account['id']}/branding", json=body)
