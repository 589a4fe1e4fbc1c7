"""Frozen dataclasses over the channel: JSON for what is small, raw bytes beside it for files."""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

_BLOB = "$blob"
T = TypeVar("T")


def pack(value: Any) -> tuple[Any, tuple[bytes, ...]]:
    """(JSON, blobs): dataclasses become objects, every `bytes` the number of a blob."""
    blobs: list[bytes] = []
    return _pack(value, blobs), tuple(blobs)


def _pack(value: Any, blobs: list[bytes]) -> Any:
    if isinstance(value, bytes):
        blobs.append(value)
        return {_BLOB: len(blobs) - 1}
    if is_dataclass(value):
        return {field.name: _pack(getattr(value, field.name), blobs) for field in fields(value)}
    if isinstance(value, (list, tuple)):
        return [_pack(one, blobs) for one in value]
    if isinstance(value, dict):
        return {key: _pack(one, blobs) for key, one in value.items()}
    return value


def unpack(kind: type[T], body: Any, blobs: Sequence[bytes]) -> T:
    """The dataclass `kind` from what `pack` made; unknown keys are ignored, absent ones take their default."""
    found: T = _unpack(kind, body, blobs)
    return found


def _unpack(kind: Any, value: Any, blobs: Sequence[bytes]) -> Any:
    if isinstance(value, dict) and value.keys() == {_BLOB}:
        return blobs[value[_BLOB]]
    if is_dataclass(kind) and isinstance(value, dict):
        hints = get_type_hints(kind)
        known = {field.name for field in fields(kind)} & value.keys()
        return kind(**{name: _unpack(hints[name], value[name], blobs) for name in known})  # type: ignore[operator]
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return next((_unpack(one, value, blobs) for one in inner if is_dataclass(one) and value is not None), value)
    if origin is tuple and isinstance(value, list):
        return tuple(_unpack(inner[0], one, blobs) for one in value)
    return value
