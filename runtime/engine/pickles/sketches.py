"""What a pickle is turned into besides plain values: sketches of tensors, and inert records of everything else."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

MOST_DIMENSIONS = 8
#: tied weights are told more than once; a file that tells everything this often is made to fill the memory
MOST_TOLD = 8
#: torch's types: name of the dtype -> (name in a safetensors header, bytes)
TYPES = {
    "float64": ("F64", 8), "float32": ("F32", 4), "float16": ("F16", 2), "bfloat16": ("BF16", 2),
    "int64": ("I64", 8), "int32": ("I32", 4), "int16": ("I16", 2), "int8": ("I8", 1), "uint8": ("U8", 1),
    "bool": ("BOOL", 1), "float8_e4m3fn": ("F8_E4M3", 1), "float8_e5m2": ("F8_E5M2", 1),
}  # fmt: skip
STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool", "UntypedStorage": "uint8",
}  # fmt: skip


class PickleError(ValueError):
    """These bytes are no pickle that can be read; the message says why."""


class Inert:
    """What stands for a class, a function, or an object made of one, that is not in the table; it does nothing."""

    __slots__ = ("arguments", "items", "name", "state")

    def __init__(self, name: str, arguments: tuple[Any, ...] = ()) -> None:
        self.name, self.arguments = name, arguments
        self.state: Any = None
        self.items: list[Any] | None = None

    def hold(self, values: list[Any]) -> None:
        """What a list or a dictionary of a class of its own would take in."""
        self.items = self.items or []
        self.items.extend(values)


@dataclass(frozen=True)
class Type:
    """A dtype or a class of storages, by torch's name of the dtype."""

    name: str

    @property
    def bytes(self) -> int:
        return TYPES[self.name][1]


@dataclass(frozen=True)
class Storage:
    """`count` numbers at `start` of the file."""

    type: Type
    start: int
    count: int


@dataclass(frozen=True)
class Sketch:
    """A tensor that is not read yet: shape, and strides and offset in numbers of its type within `storage`."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    type: Type

    @property
    def start(self) -> int:
        """Where its first number lies in the file."""
        return self.storage.start + self.offset * self.type.bytes

    @property
    def span(self) -> tuple[int, int] | None:
        """(start, end) in the file where its numbers lie one behind the other, else None."""
        step = self.type.bytes
        for side, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if side != 1 and stride * self.type.bytes != step:
                return None
            step *= side
        return self.start, self.start + step


def sketch_of(storage: Any, offset: Any, shape: Any, strides: Any, kind: Any) -> Sketch:
    """Every number of the tensor lies in its storage, which has at least as many."""
    if not isinstance(storage, Storage):
        raise PickleError("a tensor has no storage")
    kind = kind if isinstance(kind, Type) else storage.type
    if not (isinstance(shape, tuple) and isinstance(strides, tuple) and len(shape) == len(strides) <= MOST_DIMENSIONS):
        raise PickleError("a tensor's shape is damaged")
    if any(type(number) is not int or not 0 <= number < 2**62 for number in (offset, *shape, *strides)):
        raise PickleError("a tensor's shape is damaged")
    # a side of 0 makes the product small, whatever the others are
    if math.prod(side or 1 for side in shape) >= 2**60:
        raise PickleError("a tensor's shape is damaged")
    count, room = math.prod(shape), storage.count * storage.type.bytes // kind.bytes
    last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
    if count > room or (count and last >= room) or offset > room:
        raise PickleError("a tensor reaches out of its storage")
    return Sketch(storage, offset, shape, strides, kind)
