"""Holds a value against a schema of an OpenAPI document; a word that it does not know is an error, not a pass."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_KINDS = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
_SAID_ONLY = {"title", "description", "default"}
_KNOWN = {"$ref", "anyOf", "type", "enum", "const", "properties", "required", "additionalProperties", "items",
          "contentMediaType", "contentSchema"}  # fmt: skip


class Document:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self.paths: Mapping[str, Any] = document["paths"]
        self._schemas: Mapping[str, Any] = document["components"]["schemas"]

    def answer(self, path: str, method: str, status: str = "200") -> Any:
        return self.paths[path][method]["responses"][status]["content"]["application/json"]["schema"]

    def faults(self, value: Any, schema: Mapping[str, Any], where: str = "answer") -> list[str]:
        return list(self._faults(value, schema, where))

    def _faults(self, value: Any, schema: Mapping[str, Any], where: str) -> Iterator[str]:
        unknown = schema.keys() - _KNOWN - _SAID_ONLY
        assert not unknown, f"{where}: this test does not know {unknown}"
        if "$ref" in schema:
            yield from self._faults(value, self._schemas[schema["$ref"].rpartition("/")[2]], where)
        if "anyOf" in schema and all(self.faults(value, one, where) for one in schema["anyOf"]):
            yield f"{where} is none of {schema['anyOf']}: {value!r:.80}"
        if "type" in schema and not _KINDS[schema["type"]](value):
            yield f"{where} is no {schema['type']}: {value!r:.80}"
        elif "enum" in schema and value not in schema["enum"]:
            yield f"{where} is not one of {schema['enum']}: {value!r:.80}"
        elif "const" in schema and value != schema["const"]:
            yield f"{where} is not {schema['const']!r}: {value!r:.80}"
        elif isinstance(value, dict):
            yield from self._object(value, schema, where)
        elif isinstance(value, list):
            for number, one in enumerate(value):
                yield from self._faults(one, schema.get("items", {}), f"{where}[{number}]")
        elif "contentSchema" in schema:
            yield from self._faults(json.loads(value), schema["contentSchema"], f"{where}(JSON)")

    def _object(self, value: dict[str, Any], schema: Mapping[str, Any], where: str) -> Iterator[str]:
        known, further = schema.get("properties", {}), schema.get("additionalProperties", True)
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{where}.{name} is missing"
        for name, one in value.items():
            if name in known or isinstance(further, dict):
                yield from self._faults(one, known.get(name, further), f"{where}.{name}")
            elif further is False:
                yield f"{where}.{name} is not in the schema"
