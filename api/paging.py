"""Pages of a list, by key: `?after=&limit=`, and a link to the next one."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import Header, Query, Request, Response

LARGEST = 2**63 - 1

Limit = Annotated[int, Query(ge=1, le=500, description="how many, at most 500")]
After = Annotated[int, Query(ge=0, le=LARGEST, description="the `next` of the page before")]


Position = Annotated[
    int | None, Header(alias="X-Position", ge=0, le=LARGEST, description="wait until the list has got there, at most two seconds: else 503")
]


def listed(request: Request, items: Sequence[dict[str, Any]], following: int | str | None) -> Response:
    """{items, next}, with `Link: rel="next"` where there is more."""
    headers = {}
    if following is not None:
        url = request.url.include_query_params(after=following)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    body = {"items": items, "next": None if following is None else str(following)}
    return Response(msgspec.json.encode(body), headers=headers, media_type="application/json")
