"""The contract, made whole: what every operation takes and answers besides its own. Nothing is answered that is not written here."""

from typing import Any

from api import problems
from api.problems import Problem
from api.spool import takes_upload

_METHODS = ("get", "put", "post")
_COMMANDS = ("put", "post")
_NO_COMMANDS = (["clock"], ["gateway"], ["registered accounts"], ["webhooks"], ["images"], ["previews"], ["machine room"])
"""Tags of what is posted or put without an event to come of it."""

SENTENCES = {
    401: "no key, or one that is not ours",
    403: "not for this role",
    404: "no such thing, or not the caller's",
    409: "the state of things forbids it",
    412: "If-Match names another version, or X-Preview what would not happen any more",
    413: "the body is too large",
    415: "the file is of another kind",
    422: "the input cannot be right",
    500: "our fault; nothing was changed",
    503: "not now: try again",
}

_TEXT = {"type": "string"}
_NUMBER = {"type": "string", "pattern": "^[0-9]+$"}

HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-ID": {"description": "the id of this request, also in our log", "required": True, "schema": _TEXT | {"format": "uuid"}},
    "ETag": {"description": "the version of the thing, in quotes", "required": True, "schema": _TEXT | {"pattern": '^"[0-9]+"$'}},
    "X-Position": {
        "description": "how far the log was; send it with a GET of a list, to see there what this request did",
        "required": True,
        "schema": _NUMBER,
    },
    "Location": {"description": "where the new thing is", "required": True, "schema": _TEXT | {"pattern": "^/"}},
    "Link": {"description": 'the next page, as rel="next"; absent on the last one', "schema": _TEXT},
    "WWW-Authenticate": {"description": "how to say who is calling", "required": True, "schema": _TEXT},
    "Retry-After": {"description": "seconds", "required": True, "schema": _NUMBER},
}

_REQUEST_ID = {
    "name": "X-Request-ID",
    "in": "header",
    "description": "the caller's own id of this request; a UUID is kept, of any other text one is made",
    "schema": _TEXT,
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "the same request under the same key is carried out once, and answered each time as at first, without secrets",
    "schema": _TEXT | {"pattern": "^[!-~]{1,255}$", "minLength": 1, "maxLength": 255},
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "the ETag that the caller has seen; anything else, a weak tag too, is answered with 412",
    "schema": _TEXT,
}
_PREVIEW = {
    "name": "X-Preview",
    "in": "header",
    "description": "the `digest` of a preview of this very command: it is refused with 412 where it would do anything else by now",
    "schema": _TEXT,
}


def complete(contract: dict[str, Any]) -> None:
    """Write into the contract what FastAPI does not know of."""
    schemas = contract["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = Problem.model_json_schema()
    for path, operations in contract["paths"].items():
        for method in _METHODS:
            if method in operations:
                _complete(contract, path, method, operations[method])


def _complete(contract: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> None:
    command = method in _COMMANDS and operation["tags"] not in _NO_COMMANDS
    parameters = operation.setdefault("parameters", [])
    parameters.append(_REQUEST_ID)
    if command:
        parameters.extend((_IDEMPOTENCY_KEY, _IF_MATCH, _PREVIEW))
    own = {status: answer for status, answer in operation["responses"].items() if status != "422"}
    for status, answer in own.items():
        answer["headers"] = _headers(*_names(contract, status, answer, command=command)) | answer.get("headers", {})
    problems_of_it = {str(status): _problem(status) for status in sorted(_statuses(path, method, operation, command=command))}
    for status in own.keys() & problems_of_it.keys():
        own[status]["content"] |= problems_of_it[status]["content"]  # a holder is told in the platform's shape, a caller in ours
    operation["responses"] = problems_of_it | own


def _names(contract: dict[str, Any], status: str, answer: dict[str, Any], *, command: bool) -> list[str]:
    """The headers of a good answer, by the shape of what it holds."""
    names = ["X-Request-ID"]
    schema = answer.get("content", {}).get("application/json", {}).get("schema")
    if schema is None or "$ref" not in schema:
        return names
    shape = contract["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]
    if {"id", "version"} <= shape.keys():
        names.append("ETag")
    if {"items", "next"} <= shape.keys():
        names.append("Link")
    if command:
        names.append("X-Position")
    if status == "201":
        names.append("Location")
    return names


def _statuses(path: str, method: str, operation: dict[str, Any], *, command: bool) -> set[int]:
    """What can go wrong."""
    statuses = {500}
    if path != "/livez":
        statuses.add(503)
    if operation["x-roles"]:
        statuses |= {401, 403, 422}
    if path == "/metrics":
        statuses.add(401)
    if "{" in path:
        statuses |= {404, 422}
    if any(each["in"] == "query" for each in operation["parameters"]):
        statuses.add(422)
    if any(each["name"] in {"owner_id", "subscription_id", "account_id"} for each in operation["parameters"]):
        statuses.add(404)
    if "institution" in operation["x-roles"] and any(each["name"] == "account" for each in operation["parameters"]):
        statuses.add(404)
    if operation["tags"] == ["previews"]:
        statuses |= {404, 412, 415}  # whatever the command would be answered with
    if operation["tags"] == ["proofs"]:
        statuses |= {404, 422}
    if method in _COMMANDS:
        statuses |= {409, 413, 422}
    if command:
        statuses |= {404, 412}
    if takes_upload(method.upper(), path):
        statuses.add(415)
    return statuses


def _problem(status: int) -> dict[str, Any]:
    names = ["X-Request-ID", *{401: ["WWW-Authenticate"], 503: ["Retry-After"]}.get(status, [])]
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": SENTENCES[status], "headers": _headers(*names), "content": {problems.MEDIA_TYPE: {"schema": schema}}}


def _headers(*names: str) -> dict[str, Any]:
    return {name: HEADERS[name] for name in names}
