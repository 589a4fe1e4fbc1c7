"""/docs: a page of our own, for FastAPI's takes its scripts from another host."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from typing import Any

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:56rem;padding:0 1rem;color-scheme:light dark}"
    "summary{cursor:pointer;padding:.3rem 0}summary b{display:inline-block;width:4rem}"
    "table{border-collapse:collapse;margin:.3rem 0 1rem 4rem}td{padding:.1rem 1rem .1rem 0;vertical-align:top}"
    "details p{margin:0 0 0 4rem}"
    "p.about{opacity:.7;display:inline;margin-left:1rem}"
)


def docs_page(schema: dict[str, Any]) -> str:
    """Every route with its body's fields, types and defaults, and its answers; one file, nothing from other hosts."""
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
    answers = "".join(_answers(about["responses"], schema))
    return f"<details><summary>{head}</summary><table>{''.join(rows)}</table>{answers}</details>"


def _answers(responses: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    """What comes back with status 200: its kind, then its fields, and those of the JSON inside a string."""
    for content in responses.get("200", {}).get("content", {}).values():
        one = content.get("schema", {})
        yield f"<p>answers {html.escape(_kind(one))}</p><table>{''.join(_fields(one, schema))}</table>"


def _fields(one: dict[str, Any], schema: dict[str, Any], before: str = "") -> Iterator[str]:
    for name, field in _resolved(one.get("items", one), schema).get("properties", {}).items():
        yield _row(before + name, field)
        if "contentSchema" in field:
            yield from _fields(field["contentSchema"], schema, f"{name} → ")


def _row(name: str, one: dict[str, Any], required: bool | None = None) -> str:
    """`required` None: of an answer, which has no defaults."""
    default = "required" if required else json.dumps(one.get("default"), ensure_ascii=False)
    told = html.escape(one.get("description", "") if required is None else default)
    cells = (f"<code>{html.escape(name)}</code>", html.escape(_kind(one)), told)
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _kind(one: dict[str, Any]) -> str:
    if "anyOf" in one:
        return " or ".join(dict.fromkeys(_kind(part) for part in one["anyOf"]))
    if one.get("type") == "array":
        return f"list of {_kind(one.get('items', {}))}"
    if "contentSchema" in one:
        return "string that holds JSON"
    return str(one.get("type") or one.get("$ref", "any").rpartition("/")[2])


def _resolved(one: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = one.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = schema.get("components", {}).get("schemas", {}).get(name, one)
    return found
