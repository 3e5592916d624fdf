"""All pages of the console, and how they answer what cannot be shown."""

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from api.console import doing, looking, reading, running, signing_in, site
from api.console.door import NotSignedIn, PageProblem, to_the_door

TITLES = {401: "Sign in", 403: "Not for you", 404: "Not here", 412: "The world has moved on", 422: "That cannot be right"}


def install(app: FastAPI) -> None:
    for module in (signing_in, looking, doing, reading, running):
        app.include_router(module.router, prefix="/console", include_in_schema=False)
    app.add_exception_handler(NotSignedIn, _led_to_the_door)
    app.add_exception_handler(PageProblem, _told)


def _led_to_the_door(request: Request, error: Exception) -> Response:
    assert isinstance(error, NotSignedIn)
    if request.headers.get("hx-request"):
        return Response(status_code=204, headers={"HX-Redirect": to_the_door(error.path)})
    return RedirectResponse(to_the_door(error.path), 303)


def _told(_: Request, error: Exception) -> Response:
    assert isinstance(error, PageProblem)
    return site.page("problem.html", http_status=error.status, title=TITLES.get(error.status, "That did not work"), detail=error.detail)
