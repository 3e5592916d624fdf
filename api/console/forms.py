"""Forms out of the contract: what an operation takes, as fields; and what was typed, as the body that it takes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

Contract = Mapping[str, Any]
REASON = "reason"
LONG = 2_000
"""A text that may be longer gets room to be written in."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """`kind`: text, long, number, checkbox, choice, lines, date, instant or data (JSON). `value` is what stands in it."""

    name: str
    label: str
    kind: str
    required: bool = False
    options: tuple[str, ...] = ()
    hint: str = ""
    value: str = ""


@dataclass(frozen=True)
class Operation:
    """One of the contract's: `path` is its template, such as /v1/accounts/{id}/convert."""

    method: str
    path: str
    sentence: str
    roles: frozenset[str]
    fields: tuple[Field, ...]

    @property
    def name(self) -> str:
        """`change plans`, of …/change-plans."""
        last = [part for part in self.path.split("/") if not part.startswith("{")][-1]
        return last.replace("-", " ")


def operation(contract: Contract, path: str) -> Operation | None:
    """The one that a path is for; None where nothing can be done there."""
    asked = path.split("/")
    for template, methods in contract["paths"].items():
        parts = template.split("/")
        if len(parts) == len(asked) and all(given == part or part.startswith("{") for part, given in zip(parts, asked, strict=True)):
            for method in ("post", "put"):
                if method in methods:
                    found = methods[method]
                    roles = frozenset(found.get("x-roles", ()))
                    return Operation(method.upper(), template, found.get("description", ""), roles, tuple(_fields(contract, found)))
    return None


def _fields(contract: Contract, found: Mapping[str, Any]) -> Iterator[Field]:
    content = found.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = _resolved(contract, content.get("schema", {}))
    required = set(schema.get("required", ()))
    for name, given in schema.get("properties", {}).items():
        if name != REASON:
            yield _field(contract, name, given, required=name in required)


def _field(contract: Contract, name: str, given: Mapping[str, Any], *, required: bool) -> Field:
    schema = _resolved(contract, given)
    kind, options = _kind(contract, schema)
    default = given.get("default")
    value = "" if default in (None, []) else ("on" if default is True else "" if default is False else str(default))
    return Field(
        name=name,
        label=name.replace("_", " ").capitalize(),
        kind=kind,
        required=required,
        options=options,
        hint=str(given.get("description", "")),
        value=value,
    )


def _kind(contract: Contract, schema: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    match schema:
        case {"enum": list(options)}:
            return "choice", tuple(map(str, options))
        case {"const": option}:
            return "choice", (str(option),)
        case {"type": "boolean"}:
            return "checkbox", ()
        case {"type": "integer"}:
            return "number", ()
        case {"type": "array", "items": items}:
            inner = _resolved(contract, items)
            return ("lines", ()) if inner.get("type") == "string" else ("data", ())
        case {"type": "string", "format": "date"}:
            return "date", ()
        case {"type": "string", "format": "date-time"}:
            return "instant", ()
        case {"type": "string", "maxLength": length} if length > LONG:
            return "long", ()
        case {"type": "string"}:
            return "text", ()
    return "data", ()


def _resolved(contract: Contract, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without references, and without the word that it may be null."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _resolved(contract, contract["components"]["schemas"][name])
    if "anyOf" in schema:
        rest = [each for each in schema["anyOf"] if each.get("type") != "null"]
        return _resolved(contract, rest[0]) if rest else schema
    if "allOf" in schema and len(schema["allOf"]) == 1:
        return _resolved(contract, schema["allOf"][0])
    return schema


def reason_codes(contract: Contract) -> tuple[str, ...]:
    return tuple(contract["components"]["schemas"]["ReasonCode"]["enum"])


# what was typed


def typed(fields: Sequence[Field], form: Mapping[str, Any]) -> tuple[Field, ...]:
    """The same fields with what stands in them by now."""
    return tuple(replace(field, value=str(form.get(field.name, ""))) for field in fields)


def body_of(fields: Sequence[Field], form: Mapping[str, Any]) -> dict[str, Any]:
    """As the API takes it. What cannot be read as what it should be goes as it is: the API says what is wrong with it."""
    body: dict[str, Any] = {}
    for field in fields:
        text = str(form.get(field.name, "")).strip()
        if field.kind == "checkbox":
            body[field.name] = bool(text)
        elif text:
            body[field.name] = _read(field.kind, text)
    if code := str(form.get("reason.code", "")):
        body[REASON] = {"code": code, "text": str(form.get("reason.text", "")).strip()}
    return body


def _read(kind: str, text: str) -> Any:
    match kind:
        case "number":
            return int(text) if text.lstrip("-").isdigit() else text
        case "lines":
            return [line.strip() for line in text.splitlines() if line.strip()]
        case "data":
            try:
                return json.loads(text)
            except ValueError:
                return text
        case "instant":
            return text if text.endswith("Z") or "+" in text else f"{text}Z"
    return text


def field_of(problem: Mapping[str, Any], fields: Sequence[Field]) -> str | None:
    """Which of the fields an error is about."""
    parts = str(problem.get("field", "")).split(".")
    names = {field.name for field in fields} | {REASON}
    return next((part for part in parts if part in names), None)
