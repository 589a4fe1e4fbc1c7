"""The globals that a torch file may name: tensors as sketches, plain containers, numbers; all others stay inert."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from runtime.engine.pickles.sketches import STORAGES, TYPES, Inert, PickleError, Sketch, Type, sketch_of
from runtime.engine.pickles.unpickle import Known, dictionary_key

#: what a tensor is rebuilt of
_MOST_ARGUMENTS = 16


def known_globals(make: Callable[[Sketch], Any]) -> dict[str, Any]:
    """Name -> what it stands for; a tensor is what `make` gives for its sketch."""

    def tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Any:
        return make(sketch_of(storage, offset, shape, strides, None))

    def typed(storage: Any, offset: Any, shape: Any, strides: Any, _grad: Any, _hooks: Any, kind: Any, *_: Any) -> Any:
        return make(sketch_of(storage, offset, shape, strides, kind))

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
        **{f"torch.{name}": Type(kind) for name, kind in STORAGES.items()},
        "torch.storage.UntypedStorage": Type("uint8"),
        "torch.half": Type("float16"),
        "torch.float": Type("float32"),
    }


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
