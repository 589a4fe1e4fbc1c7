"""What a torch file's structure may name: tensors as sketches, plain containers, numbers; without torch."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runtime.engine.unpickle import Inert, Known, PickleError, dictionary_key

MOST_DIMENSIONS = 8
#: what a tensor is rebuilt of
_MOST_ARGUMENTS = 16
#: torch's types: name of the dtype -> (name in a safetensors header, bytes)
TYPES = {
    "float64": ("F64", 8), "float32": ("F32", 4), "float16": ("F16", 2), "bfloat16": ("BF16", 2),
    "int64": ("I64", 8), "int32": ("I32", 4), "int16": ("I16", 2), "int8": ("I8", 1), "uint8": ("U8", 1),
    "bool": ("BOOL", 1), "float8_e4m3fn": ("F8_E4M3", 1), "float8_e5m2": ("F8_E5M2", 1),
}  # fmt: skip
_STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool", "UntypedStorage": "uint8",
}  # fmt: skip


@dataclass(frozen=True)
class Type:
    """A dtype or a class of storages, by torch's name of the dtype."""

    name: str

    @property
    def bytes(self) -> int:
        return TYPES[self.name][1]


@dataclass(frozen=True)
class Storage:
    """`count` numbers at `start` of the mapped file."""

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


def known_globals(make: Callable[[Sketch], Any]) -> dict[str, Any]:
    """Name -> what it stands for; a tensor is what `make` gives for its sketch."""

    def tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Any:
        return make(_sketch(storage, offset, shape, strides, None))

    def typed(storage: Any, offset: Any, shape: Any, strides: Any, _grad: Any, _hooks: Any, kind: Any, *_: Any) -> Any:
        return make(_sketch(storage, offset, shape, strides, kind))

    first = Known(lambda value, *_rest: value)
    rebuilders = (Known(tensor), Known(typed), first)

    def subclassed(function: Any, _type: Any, arguments: Any, *_state: Any) -> Any:
        if function not in rebuilders or not isinstance(arguments, tuple) or len(arguments) > _MOST_ARGUMENTS:
            raise PickleError("a tensor of an unknown class")
        return function.call(*arguments)

    empty = Known(lambda *_: {})
    return {
        "torch._utils._rebuild_tensor": rebuilders[0],
        "torch._utils._rebuild_tensor_v2": rebuilders[0],
        "torch._utils._rebuild_tensor_v3": rebuilders[1],
        "torch._utils._rebuild_parameter": first,
        "torch._utils._rebuild_parameter_with_state": first,
        "torch._tensor._rebuild_from_type_v2": Known(subclassed),
        "torch.Size": Known(_size),
        "collections.OrderedDict": Known(_dictionary),
        "collections.defaultdict": empty,
        "torch.nn.modules.container.ParameterDict": empty,
        "_codecs.encode": Known(lambda text, *_: text.encode("latin-1")),
        "numpy.dtype": Known(_dtype),
        "numpy.core.multiarray.scalar": Known(_scalar),
        "numpy._core.multiarray.scalar": Known(_scalar),
        **{f"torch.{name}": Type(name) for name in TYPES},
        **{f"torch.{name}": Type(kind) for name, kind in _STORAGES.items()},
        "torch.storage.UntypedStorage": Type("uint8"),
        "torch.half": Type("float16"),
        "torch.float": Type("float32"),
    }


def _sketch(storage: Any, offset: Any, shape: Any, strides: Any, kind: Any) -> Sketch:
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


def _size(sides: Any) -> tuple[Any, ...]:
    """The very tuple that is in the file."""
    if not isinstance(sides, tuple):
        raise PickleError("a shape is no tuple")
    return sides


def _dictionary(pairs: Any = (), *_: Any) -> dict[Any, Any]:
    if not isinstance(pairs, (list, tuple)):
        raise PickleError("a dictionary's pairs are no list")
    found: dict[Any, Any] = {}
    for name, value in pairs:
        found[dictionary_key(name)] = value
    return found


def _dtype(code: Any, *_: Any) -> Inert:
    """NumPy's word for a type."""
    return Inert(f"dtype {code}" if isinstance(code, str) and len(code) < 40 else "dtype")


def _scalar(kind: Any, raw: Any = None, *_: Any) -> Any:
    """A NumPy number as Python's own."""
    code = kind.name.removeprefix("dtype ") if isinstance(kind, Inert) else ""
    packed = {"f8": "<d", "f4": "<f", "i8": "<q", "i4": "<i", "b1": "<?", "u1": "<B"}.get(code)
    if packed is None or not isinstance(raw, (bytes, bytearray)) or len(raw) != struct.calcsize(packed):
        return Inert("numpy scalar", (kind, raw))
    return struct.unpack(packed, raw)[0]
