"""The types of request fields, as lenient as AUTOMATIC1111's: 12.7 is 12, "20" is 20, 5 is "5", null is the default."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

_TRUE = frozenset({"1", "on", "t", "true", "y", "yes"})
_FALSE = frozenset({"0", "off", "f", "false", "n", "no"})
#: below these; seeds, the largest numbers that are asked for, go as far as the generators take them
_SMALLEST, _LARGEST = -(2**63), 2**64
#: levels of lists and objects in a body
_DEEPEST = 64


def to_int(value: Any) -> int:
    """Floats are cut off; "20.5" and a list are refused."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("value is not a valid integer")
    if isinstance(value, str) and len(value) > 40:
        raise ValueError("value is not a valid integer")
    if not isinstance(value, (int, float, str)):
        raise ValueError("value is not a valid integer")
    try:
        number = int(value)
    except ValueError:
        raise ValueError("value is not a valid integer") from None
    if not _SMALLEST <= number < _LARGEST:
        raise ValueError("value is too large")
    return number


def to_float(value: Any) -> float:
    """Numbers and their texts; NaN and infinity are refused."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("value is not a valid float") from None
    if not math.isfinite(number):
        raise ValueError("value is not a finite number")
    return number


def to_text(value: Any) -> str:
    """Numbers become text; a list is refused."""
    if isinstance(value, (str, int, float)):
        return str(value)
    raise ValueError("str type expected")


def to_bool(value: Any) -> bool:
    """1, 0, "yes", "off" and their like."""
    if isinstance(value, (bool, int, float, str)):
        word = str(int(value) if isinstance(value, float) and value in (0.0, 1.0) else value).lower()
        if word in _TRUE | _FALSE:
            return word in _TRUE
    raise ValueError("value could not be parsed to a boolean")


Int = Annotated[int, BeforeValidator(to_int)]
Float = Annotated[float, BeforeValidator(to_float)]
Str = Annotated[str, BeforeValidator(to_text)]
Bool = Annotated[bool, BeforeValidator(to_bool)]


def readable(value: Any, deep: int = 0) -> Any:
    """Halves of UTF-16 pairs, which no file and no answer can hold, become "�"; ValueError if nested too deeply."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if deep > _DEEPEST:
        raise ValueError("value is nested too deeply")
    if isinstance(value, list):
        return [readable(one, deep + 1) for one in value]
    if isinstance(value, dict):
        return {readable(key): readable(one, deep + 1) for key, one in value.items()}
    return value


class Body(BaseModel):
    """A request body: unknown fields are ignored, and null means that the field was not given."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """What may be left out may be null."""
        schema = handler(core)
        found = handler.resolve_ref_schema(schema)
        for name, field in found.get("properties", {}).items():
            kinds = field.get("anyOf", [field])
            if name not in found.get("required", ()) and {"type": "null"} not in kinds:
                inner = {key: value for key, value in field.items() if key not in ("default", "title")}
                outer = {key: value for key, value in field.items() if key in ("default", "title")}
                found["properties"][name] = {"anyOf": [inner, {"type": "null"}], **outer}
        return schema

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, found: Any) -> Any:
        if isinstance(found, dict):
            return {key: readable(value) for key, value in found.items() if value is not None}
        return found
