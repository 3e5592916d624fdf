"""The contract as one page: every operation, who may call it, what it takes and answers. Nothing is loaded from elsewhere."""

import json
from typing import Any

from jinja2 import Environment

_PAGE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{ title }}</title>
<style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
summary { cursor: pointer; padding: .3rem 0; } code, pre { font: 13px/1.4 ui-monospace, monospace; }
.method { display: inline-block; width: 3.5rem; font-weight: 600; } .roles { opacity: .7; font-size: 13px; }
pre { overflow-x: auto; padding: .7rem; border: 1px solid #8884; border-radius: 6px; } h2 { margin-top: 2rem; }
</style>
<h1>{{ title }}</h1>
<p>{{ summary }} The contract for programs is at <a href="/openapi.json">/openapi.json</a>. Every call but the public ones bears a key:
<code>Authorization: Bearer &lt;key&gt;</code>.
Every POST and PUT takes an <code>Idempotency-Key</code>; every error is RFC 9457 problem details.</p>
{% for tag, operations in groups.items() %}
<h2 id="{{ tag }}">{{ tag }}</h2>
{% for op in operations %}
<details><summary><span class="method">{{ op.method }}</span> <code>{{ op.path }}</code> <span class="roles">{{ op.roles }}</span></summary>
<p>{{ op.description }}</p>
{% if op.parameters %}<p>Parameters:
{% for each in op.parameters %}<code>{{ each }}</code>{{ ", " if not loop.last }}{% endfor %}</p>{% endif %}
{% if op.body %}<p>Body:</p><pre>{{ op.body }}</pre>{% endif %}
{% if op.answer %}<p>Answer:</p><pre>{{ op.answer }}</pre>{% endif %}
</details>
{% endfor %}
{% endfor %}
</html>""")


def page(contract: dict[str, Any]) -> str:
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in contract["paths"].items():
        for method, operation in operations.items():
            groups.setdefault(operation.get("tags", ["other"])[0], []).append(_operation(contract, method, path, operation))
    return _PAGE.render(
        title=f"{contract['info']['title']} {contract['info']['version']}", summary=contract["info"]["summary"], groups=groups
    )


def _operation(contract: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    good: dict[str, Any] = next((answer for status, answer in operation["responses"].items() if status.startswith("2")), {})
    answer = good.get("content", {}).get("application/json", {}).get("schema")
    return {
        "method": method.upper(),
        "path": path,
        "description": operation.get("description", ""),
        "roles": ", ".join(operation.get("x-roles", [])) or "public",
        "parameters": [f"{each['name']} ({each['in']})" for each in operation.get("parameters", [])],
        "body": _example(contract, body),
        "answer": _example(contract, answer),
    }


def _example(contract: dict[str, Any], schema: dict[str, Any] | None) -> str:
    return json.dumps(_shape(contract, schema), indent=2) if schema else ""


def _shape(contract: dict[str, Any], schema: dict[str, Any], depth: int = 0) -> Any:
    """A schema as a value that looks like what it describes."""
    if "$ref" in schema:
        return _shape(contract, contract["components"]["schemas"][schema["$ref"].rpartition("/")[2]], depth)
    if "anyOf" in schema:
        known = [each for each in schema["anyOf"] if each.get("type") != "null"]
        shape = _shape(contract, known[0], depth) if known else None
        return f"{shape} or null" if isinstance(shape, str) and len(known) < len(schema["anyOf"]) else shape
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    match schema.get("type"):
        case "object" if depth < 4:
            return {name: _shape(contract, each, depth + 1) for name, each in schema.get("properties", {}).items()}
        case "array":
            return [_shape(contract, schema.get("items", {}), depth + 1)]
    return schema.get("format") or schema.get("type") or schema.get("const") or "any"
