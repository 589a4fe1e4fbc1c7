"""/docs: a page of our own, for FastAPI's takes its scripts from another host."""

from __future__ import annotations

import html
import json
from typing import Any

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:56rem;padding:0 1rem;color-scheme:light dark}"
    "summary{cursor:pointer;padding:.3rem 0}summary b{display:inline-block;width:4rem}"
    "table{border-collapse:collapse;margin:.3rem 0 1rem 4rem}td{padding:.1rem 1rem .1rem 0;vertical-align:top}"
    "p.about{opacity:.7;display:inline;margin-left:1rem}"
)


def docs_page(schema: dict[str, Any]) -> str:
    """Every route with its body's fields, their types and defaults; one file, nothing from other hosts."""
    routes = [
        _route(path, method, about, schema)
        for path, methods in schema["paths"].items()
        for method, about in methods.items()
    ]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Gesso API</title><style>{_STYLE}</style>'
        '<h1>Gesso API</h1><p>The routes of AUTOMATIC1111. The same for programs: <a href="openapi.json">openapi.json'
        f"</a>.</p>{''.join(routes)}</html>"
    )


def _route(path: str, method: str, about: dict[str, Any], schema: dict[str, Any]) -> str:
    head = f"<b>{method.upper()}</b> <code>{html.escape(path)}</code>"
    head += f'<p class="about">{html.escape(about.get("summary", ""))}</p>'
    rows = [_row(one["name"], one.get("schema", {}), one.get("required", False)) for one in about.get("parameters", [])]
    body = about.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    fields = _resolved(body, schema)
    required = fields.get("required", [])
    rows += [_row(name, one, name in required) for name, one in fields.get("properties", {}).items()]
    return f"<details><summary>{head}</summary><table>{''.join(rows)}</table></details>"


def _row(name: str, one: dict[str, Any], required: bool) -> str:
    default = "required" if required else json.dumps(one.get("default"), ensure_ascii=False)
    cells = (f"<code>{html.escape(name)}</code>", html.escape(_kind(one)), html.escape(default))
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _kind(one: dict[str, Any]) -> str:
    if "anyOf" in one:
        return " or ".join(dict.fromkeys(_kind(part) for part in one["anyOf"]))
    if one.get("type") == "array":
        return f"list of {_kind(one.get('items', {}))}"
    return str(one.get("type") or one.get("$ref", "any").rpartition("/")[2])


def _resolved(one: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = one.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = schema.get("components", {}).get("schemas", {}).get(name, one)
    return found
